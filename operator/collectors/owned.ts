// Everything in the cluster that belongs to Collectors, found by whose it is.
//
// In: what the informers saw. Out: the objects of one Collector, by the uid of their controller; its pods, by their labels,
// since those belong to ReplicaSets. Always: as the informers have it, so perhaps a moment old. Never: an object is
// changed.
import type { KubeObject, OwnerReference } from '../kube/objects.ts'
import { controllerOf, keyOf } from '../kube/objects.ts'
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

  /** @returns the key of the Collector whose object changed, or is its no more; undefined where it is no Collector's. */
  take({ type, object, old }: Change): string | undefined {
    const owner = collectorOf(object)
    const before = old === undefined ? undefined : collectorOf(old)
    // Taken out of an orphan, or by hand: from now on it is as if it were not there.
    const isLost = before !== undefined && before.uid !== owner?.uid
    if (isLost) put(this.#objects, before.uid, idOf(object), undefined)
    if (owner !== undefined) put(this.#objects, owner.uid, idOf(object), type === 'deleted' ? undefined : object)
    const whose = isLost ? before : owner
    if (whose === undefined) return undefined
    return keyOf({ metadata: { namespace: object.metadata.namespace ?? '', name: whose.name } })
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
