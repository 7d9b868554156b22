// Everything in the cluster that belongs to Collectors, found by whose it is.
//
// In: what the informers saw. Out: the objects of one Collector, by the uid of their controller; its pods, by their labels,
// since those belong to ReplicaSets. Always: the newest that was seen, by a watch or in an answer to an apply, so perhaps a
// moment old. Never: an object is changed.
import type { KubeObject, OwnerReference } from '../kube/objects.ts'
import { controllerOf, isNewer, keyOf } from '../kube/objects.ts'
import { LABEL } from '../resources/labels.ts'

export interface Change {
  readonly type: 'added' | 'changed' | 'deleted'
  readonly object: KubeObject
  /** As it was, where it was changed. */
  readonly old?: KubeObject
}

/** `Deployment/majors-0-a`: an object among those of its Collector. */
export function idOf({ kind, metadata }: Pick<KubeObject, 'kind' | 'metadata'>): string {
  return `${kind}/${metadata.name}`
}

export class Owned {
  readonly #objects = new Map<string, Map<string, KubeObject>>()
  readonly #pods = new Map<string, Map<string, KubeObject>>()
  /** Objects that are known by an answer, and not yet by a watch: since when, ms. */
  readonly #answers = new Map<KubeObject, number>()

  /** @returns the key of the Collector whose object changed, or is its no more; undefined where it is no Collector's. */
  take({ type, object, old }: Change): string | undefined {
    const owner = collectorOf(object)
    const before = old === undefined ? undefined : collectorOf(old)
    // Taken out of an orphan, or by hand: from now on it is as if it were not there.
    const isLost = before !== undefined && before.uid !== owner?.uid
    if (isLost) this.#drop(before.uid, object)
    if (owner !== undefined) this.#told(owner.uid, type, object)
    const whose = isLost ? before : owner
    if (whose === undefined) return undefined
    return keyOf({ metadata: { namespace: object.metadata.namespace ?? '', name: whose.name } })
  }

  /** Takes in what an apply was answered: it counts until a watch has come so far. */
  answered(object: KubeObject, nowMs: number): void {
    const owner = collectorOf(object)
    if (owner === undefined) return
    const known = this.#objects.get(owner.uid)?.get(idOf(object))
    // A watch may have told it already, or what came after it.
    if (known !== undefined && !isOlder(known, object)) return
    this.#keep(owner.uid, object)
    this.#answers.set(object, nowMs)
  }

  /**
   * Forgets answers of which no watch has told: something may have been made and deleted again while a watch was broken.
   * @returns the keys of their Collectors, where it is to be seen what is there
   */
  forgetUntold(beforeMs: number): string[] {
    return [...this.#answers].flatMap(([object, sinceMs]) => {
      const owner = collectorOf(object)
      if (sinceMs >= beforeMs || owner === undefined) return []
      this.#drop(owner.uid, object)
      return keyOf({ metadata: { namespace: object.metadata.namespace ?? '', name: owner.name } })
    })
  }

  #told(uid: string, type: Change['type'], object: KubeObject): void {
    const known = this.#objects.get(uid)?.get(idOf(object))
    if (type === 'deleted') {
      // Else it was made again by us already, of which this watch has not told yet.
      if (known?.metadata.uid === object.metadata.uid) this.#drop(uid, object)
      return
    }
    // What a watch told gives way to whatever it tells next: after a restore of etcd versions begin lower.
    const isAhead = known !== undefined && this.#answers.has(known) && isOlder(object, known)
    if (!isAhead) this.#keep(uid, object)
  }

  #keep(uid: string, object: KubeObject): void {
    this.#put(uid, idOf(object), object)
  }

  #drop(uid: string, object: KubeObject): void {
    this.#put(uid, idOf(object), undefined)
  }

  #put(uid: string, id: string, object: KubeObject | undefined): void {
    const known = this.#objects.get(uid)?.get(id)
    if (known !== undefined) this.#answers.delete(known)
    put(this.#objects, uid, id, object)
  }

  /** @returns the key of the Collector whose pod changed. */
  takePod({ type, object }: Change): string | undefined {
    const {
      [LABEL.instance]: collector,
      [LABEL.shard]: shard,
      [LABEL.publisher]: publisher,
    } = object.metadata.labels ?? {}
    if (collector === undefined) return undefined
    // Labels are anybody's to write; a pod of ours comes from the ReplicaSet of a Deployment of ours.
    const replicas = controllerOf(object)
    if (replicas?.kind !== 'ReplicaSet' || !replicas.name.startsWith(`${collector}-${shard}-${publisher}-`))
      return undefined
    const key = keyOf({ metadata: { namespace: object.metadata.namespace ?? '', name: collector } })
    put(this.#pods, key, object.metadata.name, type === 'deleted' ? undefined : object)
    return key
  }

  /** The objects of the Collector with this uid, by {@link idOf}. */
  of(uid: string): ReadonlyMap<string, KubeObject> {
    return this.#objects.get(uid) ?? NONE
  }

  /** The pods of a Collector, those that are ending included. */
  podsOf(key: string): readonly KubeObject[] {
    return [...(this.#pods.get(key) ?? NONE).values()]
  }
}

/** The Collector that an object belongs to. */
function collectorOf(object: KubeObject): OwnerReference | undefined {
  const owner = controllerOf(object)
  return owner?.kind === 'Collector' ? owner : undefined
}

function isOlder({ metadata: one }: KubeObject, { metadata: other }: KubeObject): boolean {
  return isNewer(other.resourceVersion ?? '', one.resourceVersion ?? '')
}

const NONE: ReadonlyMap<string, KubeObject> = new Map()

function put(
  groups: Map<string, Map<string, KubeObject>>,
  group: string,
  id: string,
  object: KubeObject | undefined,
): void {
  const members = groups.get(group) ?? new Map<string, KubeObject>()
  if (object === undefined) members.delete(id)
  else members.set(id, object)
  if (members.size === 0) groups.delete(group)
  else groups.set(group, members)
}
