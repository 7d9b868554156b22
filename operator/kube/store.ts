// What an informer holds: the objects of one kind, and what changed when a newer state comes.
//
// Always: a deletion is told once, also when it happened while nobody watched; an object that was deleted and made
// again is told as both. Objects are shared: whoever reads one does not change it.
import { keyOf, type KubeObject } from './objects.ts'

export interface Change<T extends KubeObject> {
  readonly type: 'added' | 'changed' | 'deleted'
  readonly object: T
  readonly old?: T
}

export interface Store<T extends KubeObject> {
  get(key: string): T | undefined
  values(): IterableIterator<T>
  readonly size: number
  /** One object is as given; what that changes. */
  put(object: T): Change<T>[]
  /** One object is gone. */
  remove(object: T): Change<T>[]
  /** These are all there are. */
  replace(objects: Iterable<T>): Change<T>[]
}

export function openStore<T extends KubeObject>(): Store<T> {
  let objects = new Map<string, T>()
  return {
    get: (key) => objects.get(key),
    values: () => objects.values(),
    get size() {
      return objects.size
    },
    put(object) {
      const key = keyOf(object)
      const old = objects.get(key)
      objects.set(key, object)
      return changesOf(old, object)
    },
    remove(object) {
      const key = keyOf(object)
      const old = objects.get(key)
      if (!objects.delete(key)) return []
      return [{ type: 'deleted', object: isSame(old, object) ? object : (old ?? object) }]
    },
    replace(fresh) {
      const before = objects
      objects = new Map()
      const changes: Change<T>[] = []
      for (const object of fresh) {
        const key = keyOf(object)
        const old = before.get(key)
        before.delete(key)
        const isOld = old !== undefined && isSame(old, object) && versionOf(old) === versionOf(object)
        objects.set(key, isOld ? old : object)
        if (!isOld) changes.push(...changesOf(old, object))
      }
      const gone = [...before.values()].map((object): Change<T> => ({ type: 'deleted', object }))
      return [...gone, ...changes]
    },
  }
}

function changesOf<T extends KubeObject>(old: T | undefined, object: T): Change<T>[] {
  if (old === undefined) return [{ type: 'added', object }]
  if (isSame(old, object)) return [{ type: 'changed', object, old }]
  return [
    { type: 'deleted', object: old },
    { type: 'added', object },
  ]
}

function isSame(one: KubeObject | undefined, other: KubeObject): boolean {
  return one?.metadata.uid === other.metadata.uid
}

function versionOf({ metadata }: KubeObject): string | undefined {
  return metadata.resourceVersion
}

/** The same object, with all that is in it, unchangeable. */
export function frozen<T>(value: T): T {
  if (typeof value === 'object' && value !== null) {
    Object.values(value).forEach(frozen)
    Object.freeze(value)
  }
  return value
}
