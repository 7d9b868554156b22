// Puts objects of a Collector into the cluster, and takes them away.
//
// Always: a few at the same time; what fails hinders no other, and is said. Never: an object that is not ours is changed.
import { APPLIED, differs, hashOf, stamped } from '../kube/apply.ts'
import { ApiError } from '../kube/client.ts'
import { controllerOf, type KubeObject } from '../kube/objects.ts'
import { slots } from '../kube/slots.ts'
import type { Owner } from '../resources/facts.ts'
import { LABEL, MANAGER } from '../resources/labels.ts'
import { KIND_OF } from './kinds.ts'
import { idOf } from './owned.ts'
import type { Seen } from './observe.ts'
import type { Outcome } from './report.ts'
import type { World } from './world.ts'

/** A desired object that is not as it should be. */
export interface Due {
  readonly name: string
  readonly object: KubeObject
  readonly live: KubeObject | undefined
  /** The first field that is not as it should be. */
  readonly path: string
  /** A Deployment that exists and would roll: it waits for its turn. */
  readonly isTurn: boolean
}

/** What became of objects. */
export type Done = Pick<Outcome, 'changed' | 'failures' | 'conflicts'>

export const NOTHING: Done = { changed: [], failures: [], conflicts: [] }

/** Objects of one Collector that are applied at the same time: those of others wait for the same connections. */
const AT_ONCE = 4

export function joined(one: Done, other: Done): Done {
  return {
    changed: [...one.changed, ...other.changed],
    failures: [...one.failures, ...other.failures],
    conflicts: [...one.conflicts, ...other.conflicts],
  }
}

/** Applies objects that do not need each other, a few at the same time; what fails hinders no other. */
export async function putAll(due: readonly Due[], seen: Seen, world: World): Promise<Done> {
  const results = await each(due, async ({ object, live, path }): Promise<Done> => {
    const id = idOf(object)
    try {
      await put(object, live, seen, world)
    } catch (error) {
      const failure = { id, error: error as Error }
      return error instanceof Taken ? { ...NOTHING, conflicts: [failure] } : { ...NOTHING, failures: [failure] }
    }
    world.counts.applied(object.kind)
    if (isCorrection(object, live)) world.fights.corrected(`${seen.key} ${id}`, path, world.nowMs())
    return { ...NOTHING, changed: [id] }
  })
  return results.reduce(joined, NOTHING)
}

export async function removeAll(objects: readonly KubeObject[], world: World): Promise<Done> {
  const results = await each(objects, async (object): Promise<Done> => {
    const id = idOf(object)
    return remove(object, world).then(
      () => ({ ...NOTHING, changed: [id] }),
      (error: unknown) => ({ ...NOTHING, failures: [{ id, error: error as Error }] }),
    )
  })
  return results.reduce(joined, NOTHING)
}

/** Does it to all, {@link AT_ONCE} at the same time. @returns what came of it, in order */
async function each<T, R>(all: readonly T[], act: (one: T) => Promise<R>): Promise<R[]> {
  const room = slots(AT_ONCE)
  return Promise.all(
    all.map(async (one) => {
      const leave = await room.take()
      return act(one).finally(leave)
    }),
  )
}

/** Whether what is wanted was applied already, and somebody has changed it. */
export function isCorrection(object: KubeObject, live: KubeObject | undefined): boolean {
  const applied = live?.metadata.annotations?.[APPLIED]
  return applied !== undefined && applied === hashOf(object)
}

/**
 * Applies an object. One that is not in the cache is asked to be new, since its name may be somebody else's; where there
 * is one, and it is ours or an orphan of ours, it is taken up.
 * @throws Taken when it is not ours.
 */
async function put(wanted: KubeObject, live: KubeObject | undefined, seen: Seen, world: World): Promise<void> {
  const kind = KIND_OF[wanted.kind]
  if (kind === undefined) throw new Error(`${wanted.kind} is not a kind that the operator makes`)
  const object = stamped(wanted)
  const { client } = world
  const { namespace, name } = object.metadata
  if (live !== undefined) return void (await client.apply(kind, object))
  try {
    await client.apply(kind, { ...object, metadata: { ...object.metadata, resourceVersion: NEW } })
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 409) throw error
    const found = await client.get(kind, namespace, name)
    const why = found === undefined ? undefined : foreign(found, seen.owner)
    if (why !== undefined) throw new Taken(`${object.kind} ${name} ${why}; rename the Collector, or remove it`)
    if (found === undefined || differs(wanted, found) !== undefined) await client.apply(kind, object)
  }
}

/** A version that no object has any more: an apply with it succeeds only where there is no object (409 else). */
const NEW = '1'

class Taken extends Error {
  override readonly name = 'Taken'
}

/** Why an object of a wanted name is not ours to change; undefined where it is. */
function foreign(found: KubeObject, { name, uid }: Owner): string | undefined {
  const controller = controllerOf(found)
  if (controller !== undefined) {
    return controller.uid === uid ? undefined : `belongs to ${controller.kind} ${controller.name}`
  }
  const { labels = {} } = found.metadata
  const isOrphan = labels[LABEL.managedBy] === MANAGER && labels[LABEL.instance] === name
  return isOrphan ? undefined : 'is there already and was not made by us'
}

async function remove(object: KubeObject, world: World): Promise<void> {
  const kind = KIND_OF[object.kind]
  const { namespace, name, uid = '' } = object.metadata
  if (kind === undefined) return
  await world.client.remove(kind, namespace, name, { uid })
  world.counts.removed(object.kind)
}
