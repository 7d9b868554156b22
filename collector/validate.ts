// `marketprism validate`: says of each manifest everything that is wrong with it, and what this version will not do.
import { openSync, readSync, closeSync } from 'node:fs'
import type { Collector, CollectorManifest } from '../crds/collector.ts'
import { checkCollector, pathText } from '../crds/faults.ts'
import { BYTES_MAX, type Manifest, parseManifest } from '../crds/manifest.ts'
import type { Path } from '../crds/schema.ts'
import { escaped } from '../crds/sentence.ts'
import { shard, SHARD_KIND, type Work } from '../crds/shard.ts'
import { notActedOn } from '../crds/support.ts'

/** Something to say about a place in a file. */
export interface Finding {
  readonly file: string
  /** Both count from 1. */
  readonly line: number
  readonly column: number
  /** As in `spec.feeds[2].types[0]`; empty for the file as a whole. */
  readonly path: string
  /** One sentence, harmless for a terminal. */
  readonly says: string
}

export interface ReadManifest {
  /** With its defaults filled in; undefined when there are faults. */
  readonly collector: Collector | undefined
  readonly faults: readonly Finding[]
  /** What the user set and this version of the collector does not act on. */
  readonly notes: readonly Finding[]
}

/**
 * Reads a manifest, YAML or JSON. Never throws: what is wrong with the text is in `faults`, all of it at once.
 * @param file the name to show in findings.
 */
export function readManifest(text: string, file: string): ReadManifest {
  return collectorOf(parseManifest(text), file)
}

function collectorOf(manifest: Manifest, file: string): ReadManifest {
  if (manifest.faults.length > 0) {
    return { collector: undefined, faults: manifest.faults.map((fault) => ({ file, path: '', ...fault })), notes: [] }
  }
  const found = ({ path, says }: { path: Path; says: string }): Finding => {
    return { file, ...manifest.placeOf(path), path: pathText(path), says }
  }
  const { collector, faults } = checkCollector(manifest.value, manifest.sourceOf)
  if (collector === undefined) return { collector, faults: faults.map(found).toSorted(byPlace), notes: [] }
  return {
    collector,
    faults: [],
    notes: notActedOn(manifest.value as CollectorManifest)
      .map(found)
      .toSorted(byPlace),
  }
}

/**
 * Reads what a process is to collect: a manifest, or the document of one shard, which only the operator writes.
 * @param file the name to show in findings.
 */
export function readWork(text: string, file: string): Omit<ReadManifest, 'collector'> & { work: Work | undefined } {
  const manifest = parseManifest(text)
  const { value, placeOf } = manifest
  if (!isShard(value)) {
    const { collector: work, faults, notes } = collectorOf(manifest, file)
    return { work, faults, notes }
  }
  const { data, error } = shard.safeParse(value)
  const faults = (error?.issues ?? []).map(({ path, message }): Finding => {
    const at = path as (string | number)[]
    return { file, ...placeOf(at), path: pathText(at), says: escaped(message) }
  })
  return { work: data, faults, notes: [] }
}

function isShard(value: unknown): boolean {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === SHARD_KIND
}

function byPlace(a: Finding, b: Finding): number {
  return a.line - b.line || a.column - b.column
}

/** A finding as one line, as compilers write them: `file:line:column: path: sentence`. */
export function findingText({ file, line, column, path, says }: Finding): string {
  return `${escaped(file)}:${line}:${column}: ${path === '' ? '' : `${path}: `}${says}`
}

/**
 * `marketprism validate -f FILE …`; `-` is standard input.
 * @returns the exit code: 0 all are good, 1 a manifest has faults, 2 nothing to read or a file that cannot be read.
 */
export function validateCommand(
  files: readonly string[],
  { stdout }: { stdout: { write(text: string): unknown } },
): number {
  if (files.length === 0) {
    stdout.write('validate: no file named; write marketprism validate -f collector.yaml.\n')
    return 2
  }
  return Math.max(...files.map((file) => validateFile(file, (line) => stdout.write(`${line}\n`))))
}

function validateFile(file: string, say: (line: string) => void): number {
  let bytes: Uint8Array
  try {
    bytes = firstBytes(file === '-' ? 0 : file)
  } catch (error) {
    say(
      `${escaped(file)}: cannot be read (${(error as NodeJS.ErrnoException).code ?? 'unknown'}); name a file that can.`,
    )
    return 2
  }
  const name = file === '-' ? 'stdin' : file
  const text = utf8(bytes)
  if (text === undefined) {
    say(`${escaped(name)}:1:1: not UTF-8; save it as UTF-8.`)
    return 1
  }
  const { collector, faults, notes } = readManifest(text, name)
  for (const fault of faults) say(findingText(fault))
  if (collector === undefined) return 1
  for (const note of notes) say(findingText({ ...note, says: `note: ${note.says}` }))
  say(`${escaped(name)}: ok: Collector '${collector.metadata.name}'`)
  return 0
}

/** What a manifest may hold and one byte more, so that a larger file is seen to be larger and not read. */
function firstBytes(file: string | 0): Uint8Array {
  const bytes = new Uint8Array(BYTES_MAX + 1)
  const descriptor = file === 0 ? 0 : openSync(file, 'r')
  try {
    let length = 0
    while (length < bytes.length) {
      const count = readSync(descriptor, bytes, length, bytes.length - length, null)
      if (count === 0) break
      length += count
    }
    return bytes.subarray(0, length)
  } finally {
    if (descriptor !== 0) closeSync(descriptor)
  }
}

function utf8(bytes: Uint8Array): string | undefined {
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return undefined
  }
}
