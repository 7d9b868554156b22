// Every fault of a manifest at once: where, what is there, and what to write instead.
import type * as z from 'zod'
import { collector, type Collector } from './collector.ts'
import { nodeAt, type SchemaNode } from './crd.ts'
import { either, type Path } from './schema.ts'
import { escaped, quoted } from './sentence.ts'
import { nearest } from './suggest.ts'

/** More than these are counted, not listed. */
export const FAULTS_MAX = 200

export interface Fault {
  readonly path: Path
  /** One sentence: what is wrong and what to write. Harmless for a terminal. */
  readonly says: string
}

export type Checked =
  | { readonly collector: Collector; readonly faults: readonly [] }
  | { readonly collector: undefined; readonly faults: readonly Fault[] }

/**
 * Checks a value, of any origin, against the Collector API.
 * @param sourceOf the characters of a scalar as the file has them, where there is one: `1.10` is not `1.1`.
 */
export function checkCollector(
  value: unknown,
  sourceOf: (path: Path) => string | undefined = () => undefined,
): Checked {
  const result = collector.safeParse(value, { error: () => '' })
  if (result.success) return { collector: result.data, faults: [] }
  const faults = result.error.issues.flatMap((issue) => faultsOf(issue, value, sourceOf))
  const more = faults.length - FAULTS_MAX
  if (more <= 0) return { collector: undefined, faults }
  return { collector: undefined, faults: [...faults.slice(0, FAULTS_MAX), { path: [], says: `and ${more} more.` }] }
}

/**
 * Checks a Collector as an API server keeps it, perhaps for another version of ours: a field that this version does not
 * know is no fault there, since the server drops what its own schema does not have. Such fields are left out, and named.
 */
export function checkStored(value: unknown): Checked & { readonly unknown: readonly Path[] } {
  const { error } = collector.safeParse(value, { error: () => '' })
  const unknown = (error?.issues ?? []).flatMap((issue) =>
    issue.code === 'unrecognized_keys' ? issue.keys.map((key) => [...(issue.path as Path), key]) : [],
  )
  return { ...checkCollector(unknown.length === 0 ? value : without(value, unknown)), unknown }
}

function without(value: unknown, paths: readonly Path[]): unknown {
  const copy = structuredClone(value)
  for (const path of paths) {
    const holder = valueAt(copy, path.slice(0, -1)) as Record<string, unknown>
    delete holder[String(path.at(-1))]
  }
  return copy
}

/** A path as users read it: `spec.feeds[2].types[0]`. */
export function pathText(path: Path): string {
  const text = path.map((part) => {
    if (typeof part === 'number') return `[${part}]`
    return /^[A-Za-z_]\w{0,62}$/.test(part) ? `.${part}` : `[${quoted(part)}]`
  })
  return text.join('').replace(/^\./, '')
}

function faultsOf(issue: z.core.$ZodIssue, root: unknown, sourceOf: (path: Path) => string | undefined): Fault[] {
  const path = issue.path as (string | number)[]
  const node = nodeAt(path) ?? {}
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({
      path: [...path, key],
      says: unknownField(key, Object.keys(node.properties ?? {})),
    }))
  }
  const value = valueAt(root, path)
  if (value === undefined) return [{ path, says: `is missing; write ${wanted(node)}.` }]
  if (issue.message !== '') return [{ path, says: issue.message }]
  if (issue.code === 'too_small' || issue.code === 'too_big') return [{ path, says: outOfBounds(value, node) }]
  return [{ path, says: wrongKind(value, node, sourceOf(path)) }]
}

/** What people write for our fields. */
const FIELDS: Readonly<Record<string, string>> = {
  venue: 'exchange',
  markettype: 'market',
  pair: 'symbols',
  pairs: 'symbols',
  instruments: 'symbols',
  datatypes: 'types',
  channels: 'types',
  output: 'sink',
  urls: 'servers',
  url: 'servers',
  subject: 'prefix',
  retention: 'maxAge',
  dedupewindow: 'duplicateWindow',
  serviceaccountname: 'serviceAccount',
  replicas: 'shards',
}

function unknownField(key: string, known: readonly string[]): string {
  const aliases = Object.fromEntries(Object.entries(FIELDS).filter(([, name]) => known.includes(name)))
  const near = nearest(key, known, aliases)
  if (near !== undefined) return `is not a field here; write '${near}'.`
  if (known.length === 0) return 'is not a field here; leave it out.'
  return known.length > 12 ? 'is not a field here; leave it out.' : `is not a field here; write ${either(known)}.`
}

function outOfBounds(value: unknown, node: SchemaNode): string {
  if (typeof value === 'number') return `${value} is out of range; write ${wanted(node)}.`
  if (typeof value === 'string') {
    if (value === '') return `is empty; write ${wanted(node)}.`
    return `${quoted(value)} has ${value.length} characters; write at most ${node.maxLength}.`
  }
  const size = Array.isArray(value) ? value.length : 0
  return `has ${size} entries; write ${node.minItems ?? 0} to ${node.maxItems}.`
}

function wrongKind(value: unknown, node: SchemaNode, source: string | undefined): string {
  if (value === null) return `is empty; write ${wanted(node)}.`
  if (typeof value === 'object') return `is ${quoted(value)}; write ${wanted(node)}.`
  const shown = source === undefined ? quoted(value) : escaped(source).slice(0, 60)
  if (node.type === 'array' && nodeAt([0], node)?.type === 'string')
    return `${shown} is no list; write [${bare(shown)}].`
  if (node.type === 'integer' && typeof value === 'number') return `${shown} is not whole; write ${wanted(node)}.`
  if (node.type === 'string' && node.enum === undefined) return `${shown} is not text; write it in quotes: '${shown}'.`
  return `${shown} cannot stand here; write ${wanted(node)}.`
}

function bare(shown: string): string {
  return /^'[A-Za-z0-9_-]+'$/.test(shown) ? shown.slice(1, -1) : shown
}

/** What may stand at a node, in words. */
function wanted(node: SchemaNode): string {
  if (node.enum !== undefined) return named(node.enum)
  switch (node.type) {
    case 'boolean':
      return 'true or false'
    case 'integer':
      return `a whole number from ${node.minimum} to ${node.maximum}`
    case 'number':
      return `a number from ${node.minimum} to ${node.maximum}`
    case 'array':
      return `a list of ${node.minItems ?? 0} to ${node.maxItems}, each ${wanted(node.items ?? {})}`
    case 'object':
      return node.properties === undefined ? 'a map of names and values' : fields(Object.keys(node.properties))
    default:
      return node.example === undefined ? 'text' : `text such as '${node.example}'`
  }
}

/** More names than these are not all said. */
const NAMES_MAX = 20

function named(names: readonly string[]): string {
  if (names.length <= NAMES_MAX) return either(names)
  return `one of ${names.length} names, such as '${names[0]}'; docs/collector.md has them all`
}

function fields(names: readonly string[]): string {
  if (names.length === 0) return 'a map: {}'
  return `a map of ${names.length > 8 ? `${names.slice(0, 8).join(', ')}, …` : names.join(', ')}`
}

function valueAt(root: unknown, path: Path): unknown {
  return path.reduce<unknown>((value, part) => {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, part)) return undefined
    return (value as Record<string | number, unknown>)[part]
  }, root)
}
