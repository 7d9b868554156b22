// What is different between two states of an object, field by field. Pure.
//
// In: an object as it is, and as the API server would store it. Out: the fields, with both values. Always: items of a
// list are paired by their name where they have one, so that one more changes one line. Never: what servers write for
// themselves, and our own hashes unless nothing else differs.
import { APPLIED } from '../kube/apply.ts'
import { TEMPLATE } from '../collectors/kinds.ts'

export interface FieldChange {
  /** `spec.template.spec.containers[collector].image` */
  readonly path: string
  /** undefined: it is not there. */
  readonly before: unknown
  readonly after: unknown
}

const SERVERS_OWN = ['managedFields', 'resourceVersion', 'generation', 'uid', 'creationTimestamp', 'selfLink']
const HASHES = [APPLIED, TEMPLATE]

/** The fields that differ, in the order of the object. */
export function changesOf(before: object, after: object): FieldChange[] {
  const all = [...differences(relevant(before), relevant(after), '')]
  const others = all.filter(({ path }) => !HASHES.some((name) => path.endsWith(`['${name}']`)))
  return others.length > 0 ? others : all
}

function relevant(object: object): Fields {
  const { status: _, metadata = {}, ...rest } = object as { status?: unknown; metadata?: Fields }
  const own = Object.entries(metadata).filter(([name]) => !SERVERS_OWN.includes(name))
  return { ...rest, metadata: Object.fromEntries(own) }
}

type Fields = Readonly<Record<string, unknown>>

function* differences(before: unknown, after: unknown, path: string): Generator<FieldChange> {
  const [one, other] = [fieldsOf(before), fieldsOf(after)]
  if (one === undefined || other === undefined) {
    if (JSON.stringify(before) !== JSON.stringify(after)) yield { path, before, after }
    return
  }
  const isList = Array.isArray(before)
  for (const name of new Set([...Object.keys(one), ...Object.keys(other)])) {
    yield* differences(one[name], other[name], pathTo(path, name, isList))
  }
}

/** The parts of a map or a list by their names; undefined for what has none. */
function fieldsOf(value: unknown): Fields | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  if (!Array.isArray(value)) return value as Fields
  const names = value.map((item: unknown) => (fieldsOf(item)?.['name'] ?? undefined) as unknown)
  const isNamed = names.every((name) => typeof name === 'string') && new Set(names).size === names.length
  return Object.fromEntries(value.map((item: unknown, i) => [isNamed ? String(names[i]) : String(i), item]))
}

function pathTo(path: string, name: string, isList: boolean): string {
  if (isList) return `${path}[${name}]`
  if (!/^[\w-]+$/.test(name)) return `${path}['${name}']`
  return path === '' ? name : `${path}.${name}`
}
