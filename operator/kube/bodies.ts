// Long texts in ConfigMaps, such as dashboards: kept, compared and hashed as their digests. A thousand of them as they are
// would be most of what a cache weighs.
//
// Always: what was digested already stays as it is, so that an object is alike whole and without its bodies. Never: a
// digest is taken for a text that somebody wrote: no text that we digest is so short.
import { createHash } from 'node:crypto'
import type { KubeObject } from './objects.ts'

const SHORT = 4_096

/** What was digested: a pass asks for the same object several times. */
const known = new WeakMap<KubeObject, KubeObject>()

/** The object with a digest in place of each long text of a ConfigMap. */
export function withoutBodies<T extends KubeObject>(object: T): T {
  if (object.kind !== 'ConfigMap') return object
  const before = known.get(object)
  if (before !== undefined) return before as T
  const digested = shortened(object)
  known.set(object, digested)
  return digested
}

function shortened<T extends KubeObject>(object: T): T {
  const { data } = object as KubeObject & { readonly data?: Readonly<Record<string, unknown>> | null }
  if (data === undefined || data === null || !Object.values(data).some(isLong)) return object
  return { ...object, data: Object.fromEntries(Object.entries(data).map(([key, text]) => [key, short(text)])) }
}

function isLong(text: unknown): text is string {
  return typeof text === 'string' && text.length > SHORT
}

function short(text: unknown): unknown {
  return isLong(text) ? `sha256:${createHash('sha256').update(text).digest('hex')}` : text
}
