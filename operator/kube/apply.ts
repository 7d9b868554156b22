// Whether an object in the cluster is as we want it, decided here, so that a settled cluster is sent nothing.
//
// In: the object as we would apply it, and as it is. Out: the first field of ours that is different. Always: only what
// stands in the desired object counts; what others added stays theirs; values are compared as the server stores them
// (quantities, int-or-string, empty and absent). A field that we no longer want is noticed by an annotation with the
// hash of what was applied last. Never: asks the server.
import { createHash } from 'node:crypto'
import { withoutBodies } from './bodies.ts'
import type { KubeObject } from './objects.ts'
import { isSameQuantity } from './quantity.ts'
import { isBuiltIn, isFilledIn, isLikeAbsent, isQuantity, isWhole, listKeys, type Path } from './schema.ts'

/** Annotation with the hash of what we applied last. */
export const APPLIED = 'marketprism.io/applied'

/** What was hashed: a pass asks for the same object several times. */
const hashes = new WeakMap<KubeObject, string>()

/** Hash of what is wanted: the object without status, and without the hash itself. The order of fields is nothing. */
export function hashOf(desired: KubeObject): string {
  const known = hashes.get(desired)
  if (known !== undefined) return known
  const hash = hashed(desired)
  hashes.set(desired, hash)
  return hash
}

function hashed(desired: KubeObject): string {
  const { status: _status, metadata, ...rest } = withoutBodies(desired)
  const { [APPLIED]: _hash, ...annotations } = metadata.annotations ?? {}
  const text = canonical({ ...rest, metadata: { ...metadata, annotations } })
  return createHash('sha256').update(text).digest('hex').slice(0, 20)
}

/** The object with its hash: what is applied. */
export function stamped<T extends KubeObject>(desired: T): T {
  const annotations = { ...desired.metadata.annotations, [APPLIED]: hashOf(desired) }
  return { ...desired, metadata: { ...desired.metadata, annotations } }
}

/**
 * The path of the first field that is not as desired, `spec.template.spec.containers[collector].image`; undefined where
 * nothing differs and nothing needs to be sent. `(missing)` where there is no object.
 */
export function differs(desired: KubeObject, live: KubeObject | undefined): string | undefined {
  if (live === undefined) return '(missing)'
  if (desired['stringData'] !== undefined) throw new Error('stringData cannot be compared; write data, in base64.')
  const { apiVersion, kind: _kind, ...wanted } = withoutBodies(desired)
  const builtIn = isBuiltIn(apiVersion)
  const path = first(wanted, withoutBodies(live), { path: [], builtIn, isWithin: false })
  if (path !== undefined) return textOf(path)
  // A status is written for itself, and has no annotation.
  const isStatus = wanted['status'] !== undefined
  const isStamped = live.metadata.annotations?.[APPLIED] === hashOf(desired)
  return isStatus || isStamped ? undefined : textOf(['metadata', 'annotations', APPLIED])
}

interface Place {
  readonly path: Path
  readonly builtIn: boolean
  /** Inside a list or map that is ours as a whole. */
  readonly isWithin: boolean
}

type Fields = Readonly<Record<string, unknown>>

function first(wanted: unknown, live: unknown, place: Place): Path | undefined {
  const { path, builtIn } = place
  if (isLikeAbsent(path, wanted, builtIn) && isLikeAbsent(path, live, builtIn)) return undefined
  if (wanted === null || wanted === undefined) return undefined
  if (Array.isArray(wanted)) return firstOfList(wanted, live, place)
  if (typeof wanted === 'object') return firstOfMap(wanted as Fields, live, place)
  return isSameValue(wanted, live, place) ? undefined : path
}

function isSameValue(wanted: unknown, live: unknown, { path }: Place): boolean {
  if (wanted === live) return true
  if (!isText(wanted) || !isText(live)) return false
  // Only an int-or-string can be one here and the other there.
  return String(wanted) === String(live) || (isQuantity(path) && isSameQuantity(wanted, live))
}

function isText(value: unknown): value is string | number {
  return typeof value === 'string' || typeof value === 'number'
}

function firstOfMap(wanted: Fields, live: unknown, place: Place): Path | undefined {
  if (live !== undefined && live !== null && (typeof live !== 'object' || Array.isArray(live))) return place.path
  const isOurs = place.isWithin || isWhole(place.path, place.builtIn)
  const at = (field: string): Place => ({ ...place, path: [...place.path, field], isWithin: isOurs })
  const lives = (live ?? {}) as Fields
  if (live === undefined && !isLikeAbsent(place.path, wanted, place.builtIn) && isEmpty(wanted)) return place.path
  for (const [field, value] of Object.entries(wanted)) {
    if (place.path.length === 1 && place.path[0] === 'metadata' && field === 'namespace') continue
    const path = first(value, lives[field], at(field))
    if (path !== undefined) return path
  }
  if (!isOurs || !place.builtIn) return undefined
  for (const [field, value] of Object.entries(lives)) {
    const isAdded = !Object.hasOwn(wanted, field) && !isFilledIn(field, value)
    if (isAdded && !isLikeAbsent(at(field).path, value, true)) return at(field).path
  }
  return undefined
}

function isEmpty(fields: Fields): boolean {
  return Object.keys(fields).length === 0
}

function firstOfList(wanted: readonly unknown[], live: unknown, place: Place): Path | undefined {
  const lives: readonly unknown[] = Array.isArray(live) ? live : []
  const keys = listKeys(place.path, place.builtIn)
  const item = (key: string, isWithin: boolean): Place => ({ ...place, path: [...place.path, `[${key}]`], isWithin })
  if (keys !== undefined) {
    const byKey = new Map(lives.map((one) => [keyIn(one, keys), one]))
    for (const one of wanted) {
      const key = keyIn(one, keys)
      const found = byKey.get(key)
      const path = found === undefined ? item(key, false).path : first(one, found, item(key, place.isWithin))
      if (path !== undefined) return path
    }
    return undefined
  }
  if (lives.length !== wanted.length) return place.path
  for (const [i, one] of wanted.entries()) {
    const path = first(one, lives[i], item(String(i), true))
    if (path !== undefined) return path
  }
  return undefined
}

function keyIn(item: unknown, keys: readonly string[]): string {
  const fields = (item ?? {}) as Readonly<Record<string, string | number | undefined>>
  return keys.map((key) => String(fields[key] ?? (key === 'protocol' ? 'TCP' : ''))).join(',')
}

/** `spec.ports[80,TCP].name`, `metadata.labels['app.kubernetes.io/name']` */
function textOf(path: Path): string {
  const parts = path.map((part, i) => {
    if (part.startsWith('[')) return part
    if (!/^[\w-]+$/.test(part)) return `['${part}']`
    return i === 0 ? part : `.${part}`
  })
  return parts.join('')
}

/** JSON with sorted fields, without those that are undefined. */
function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  // Without pairs and without lists of parts, which would be half of all that is allocated for a Collector.
  let text = ''
  for (const field of Object.keys(value).toSorted()) {
    const one = (value as Fields)[field]
    if (one !== undefined) text += `${text === '' ? '' : ','}${JSON.stringify(field)}:${canonical(one)}`
  }
  return `{${text}}`
}
