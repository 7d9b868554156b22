// What one pass begins with: a Collector as the caches have it, and what belongs to it.
import { type KubeObject, namesOf } from '../kube/objects.ts'
import type { Owner } from '../resources/facts.ts'
import { type Publishing, publishingsOf } from './publishing.ts'
import type { Status } from './status.ts'
import type { World } from './world.ts'

/** A Collector as it was found, and what belongs to it. */
export interface Seen {
  readonly key: string
  readonly object: KubeObject
  readonly owner: Owner
  readonly status: Status | undefined
  readonly faults: readonly string[]
  readonly objects: ReadonlyMap<string, KubeObject>
  readonly publishings: readonly Publishing[]
  readonly pods: readonly KubeObject[]
}

/** @returns undefined where there is none, or where it is being deleted */
export function observe(key: string, world: World): Seen | undefined {
  const { namespace, name } = namesOf(key)
  const object = world.collectors.get(namespace, name)
  if (object === undefined || object.metadata.deletionTimestamp !== undefined) return undefined
  const { uid = '', generation = 0 } = object.metadata
  const { spec, faults } = world.manifests.of(object)
  return {
    key,
    object,
    owner: { name, namespace, uid, generation, spec: spec ?? ((object['spec'] ?? {}) as Owner['spec']) },
    status: object['status'] as Status | undefined,
    faults,
    ...belongings(key, uid, world),
  }
}

/** What belongs to a Collector now. */
export function belongings(key: string, uid: string, world: World): Pick<Seen, 'objects' | 'publishings' | 'pods'> {
  const objects = world.owned.of(uid)
  return { objects, publishings: publishingsOf(objects.values()), pods: world.owned.podsOf(key) }
}

/** Applies what differs and removes what is not wanted, as far as the rollout's turn has come. */
