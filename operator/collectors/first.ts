// Which Collector of a namespace carries what the namespace has once: dashboards with the Collector as a variable.
//
// Always: the oldest of those that want dashboards, by name where two are of one age; so it moves only when that one goes,
// and the objects go with it, by their owner reference. Never: an owner in another namespace.
import { keyOf, type KubeObject } from '../kube/objects.ts'
import type { Change } from './owned.ts'

export class Firsts {
  /** By namespace: its candidates with their ages, and the first of them. */
  readonly #namespaces = new Map<string, Map<string, string>>()
  readonly #firsts = new Map<string, string>()

  /** Takes in a change of a Collector. @returns the keys of those that have become first, or are it no more */
  take({ type, object }: Change): string[] {
    const { namespace = '', name } = object.metadata
    const all = this.#namespaces.get(namespace) ?? new Map<string, string>()
    const before = this.#firsts.get(namespace)
    if (type === 'deleted' || !isCandidate(object)) all.delete(name)
    else all.set(name, `${object.metadata.creationTimestamp ?? ''} ${name}`)
    if (all.size === 0) this.#namespaces.delete(namespace)
    else this.#namespaces.set(namespace, all)
    // One more may be older than the first; all are looked at only where that one itself has changed.
    const isOlder = (all.get(name) ?? '\uffff') < (all.get(before ?? '') ?? '\uffff')
    const now = before === name ? first(all) : isOlder ? name : before
    if (now === undefined) this.#firsts.delete(namespace)
    else this.#firsts.set(namespace, now)
    if (now === before) return []
    return [before, now].flatMap((one) => (one === undefined ? [] : keyOf({ metadata: { namespace, name: one } })))
  }

  is(namespace: string, name: string): boolean {
    return this.#firsts.get(namespace) === name
  }
}

function isCandidate({ metadata, spec }: KubeObject): boolean {
  const { monitoring } = (spec ?? {}) as { monitoring?: { dashboards?: { enabled?: boolean } } }
  return metadata.deletionTimestamp === undefined && monitoring?.dashboards?.enabled !== false
}

function first(all: ReadonlyMap<string, string>): string | undefined {
  let found: string | undefined
  let least = ''
  for (const [name, age] of all) {
    if (found !== undefined && age >= least) continue
    found = name
    least = age
  }
  return found
}
