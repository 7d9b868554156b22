// One pass over one Collector: observe, decide what is wanted, apply the difference, prune, say how it stands.
//
// Always: level, not edge: the same for what was created, changed or deleted; nothing is sent when nothing differs; what
// is no longer wanted goes only when everything wanted was applied. Never: a write while paused or for a manifest with
// faults, but the status; an object that is not ours.
import { checkCollector, pathText } from '../../crds/faults.ts'
import { APPLIED, differs, hashOf, stamped } from '../kube/apply.ts'
import { ApiError } from '../kube/client.ts'
import { controllerOf, type KubeObject, namesOf } from '../kube/objects.ts'
import type { Owner } from '../resources/facts.ts'
import { LABEL, MANAGER } from '../resources/labels.ts'
import { desire, type Wish } from './desire.ts'
import { KIND_OF, isTemplateOf } from './kinds.ts'
import { idOf } from './owned.ts'
import { type Publishing, publishingsOf } from './publishing.ts'
import { pruned } from './prune.ts'
import { turnsNow } from './rollout.ts'
import { type Failure, isApiGone, report, type Outcome } from './report.ts'
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

const RESYNC_MS = 600_000
const API_GONE_MS = 5_000

/** @returns when to come again by itself, ms from now; undefined for never */
export async function reconcile(key: string, world: World): Promise<number | undefined> {
  const seen = observe(key, world)
  if (seen === undefined) return forget(key, world)
  if (seen.faults.length > 0) {
    world.queue.leave(key)
    await report(seen, undefined, NOTHING_DONE, world)
    return RESYNC_MS
  }
  const wish = await desire(seen, world)
  const isLeftAlone = seen.owner.spec.paused || wish.isRefused
  // Nobody waits for one that does not go on.
  if (isLeftAlone) world.queue.leave(key)
  const outcome = isLeftAlone ? NOTHING_DONE : await bringAbout(seen, wish, world)
  await report(seen, wish, outcome, world)
  const failed = outcome.failures.find((one) => !isApiGone(one))
  if (failed !== undefined) throw failed.error
  // Its cache may not notice that it went, nor that it came again.
  const goneMs = outcome.failures.length > 0 ? API_GONE_MS : RESYNC_MS
  const fightMs = world.fights.againMs(`${key} `, world.nowMs())
  return Math.min(wish.againMs ?? RESYNC_MS, fightMs ?? RESYNC_MS, goneMs, RESYNC_MS * (0.8 + 0.4 * world.random()))
}

const NOTHING_DONE: Outcome = { changed: [], pending: [], isQueued: false, failures: [], conflicts: [] }

function observe(key: string, world: World): Seen | undefined {
  const { namespace, name } = namesOf(key)
  const object = world.collectors.get(namespace, name)
  if (object === undefined || object.metadata.deletionTimestamp !== undefined) return undefined
  const { uid = '', generation = 0 } = object.metadata
  const { status, ...manifest } = object
  const { collector, faults } = checkCollector(manifest)
  const objects = world.owned.of(uid)
  return {
    key,
    object,
    owner: { name, namespace, uid, generation, spec: collector?.spec ?? ((object['spec'] ?? {}) as Owner['spec']) },
    status: status as Status | undefined,
    faults: faults.map(({ path, says }) => `${pathText(path)} ${says}`),
    objects,
    publishings: publishingsOf(objects.values()),
    pods: world.owned.podsOf(key),
  }
}

/** Applies what differs and removes what is not wanted, as far as the rollout's turn has come. */
async function bringAbout(seen: Seen, wish: Wish, world: World): Promise<Outcome> {
  const due = differences(seen, wish)
  const { turns, isQueued } = turnsOf(seen, due, world)
  const pending = due.filter(({ isTurn, name }) => isTurn && !turns.includes(name)).map(({ name }) => name)
  const now = due.filter((one) => (!one.isTurn || turns.includes(one.name)) && mayCorrect(one, seen, world))
  const failures: Failure[] = []
  const conflicts: Failure[] = []
  const changed: string[] = []
  for (const { object, live, path } of now) {
    const id = idOf(object)
    // Its pods would wait for what is not there, and those that run would perhaps have ended for them.
    if (lacks(object, [...failures, ...conflicts])) {
      pending.push(object.metadata.name)
      continue
    }
    try {
      await put(object, live, seen, world)
      world.counts.applied(object.kind)
      if (isCorrection(object, live)) world.fights.corrected(`${seen.key} ${id}`, path, world.nowMs())
      changed.push(id)
    } catch (error) {
      if (error instanceof Taken) conflicts.push({ id, error })
      else failures.push({ id, error: error as Error })
    }
  }
  if (failures.length === 0 && conflicts.length === 0) {
    for (const object of pruned(seen, wish)) {
      const id = idOf(object)
      await remove(object, world).then(
        () => changed.push(id),
        (error: unknown) => failures.push({ id, error: error as Error }),
      )
    }
  }
  return { changed, pending, isQueued, failures, conflicts }
}

/** Whether the pods of a Deployment need something that could not be applied. */
function lacks(object: KubeObject, missing: readonly Failure[]): boolean {
  if (object.kind !== 'Deployment') return false
  const template = JSON.stringify(object['spec'])
  return missing.some(({ id }) => {
    const [kind = '', name = ''] = id.split('/')
    if (kind === 'NetworkPolicy' || kind === 'ServiceAccount') return true
    return (kind === 'ConfigMap' || kind === 'PersistentVolumeClaim') && template.includes(`"${name}"`)
  })
}

/** A desired object that is not as it should be. */
interface Due {
  readonly name: string
  readonly object: KubeObject
  readonly live: KubeObject | undefined
  /** The first field that is not as it should be. */
  readonly path: string
  /** A Deployment that exists and would roll: it waits for its turn. */
  readonly isTurn: boolean
}

function differences(seen: Seen, wish: Wish): Due[] {
  return wish.objects.flatMap((object) => {
    const live = seen.objects.get(idOf(object))
    const path = differs(object, live)
    if (path === undefined) return []
    return [
      { name: object.metadata.name, object, live, path, isTurn: live !== undefined && isTemplateOf(object, live) },
    ]
  })
}

/** Whether the object may be put right: not while somebody else keeps changing what we have applied already. */
function mayCorrect({ object, live, path }: Due, seen: Seen, world: World): boolean {
  if (!isCorrection(object, live)) return true
  return world.fights.mayCorrect(`${seen.key} ${idOf(object)}`, path, world.nowMs())
}

/** Whether what is wanted was applied already, and somebody has changed it. */
function isCorrection(object: KubeObject, live: KubeObject | undefined): boolean {
  return live?.metadata.annotations?.[APPLIED] === hashOf(object)
}

function turnsOf(seen: Seen, due: readonly Due[], world: World): { turns: string[]; isQueued: boolean } {
  const names = new Set(due.flatMap(({ isTurn, name }) => (isTurn ? [name] : [])))
  if (names.size === 0) {
    if (seen.publishings.every(({ isSettled }) => isSettled)) world.queue.leave(seen.key)
    return { turns: [], isQueued: false }
  }
  const isUsers = seen.status?.observedGeneration !== seen.owner.generation
  if (!world.queue.enter(seen.key, isUsers)) return { turns: [], isQueued: true }
  const changed = seen.publishings.filter(({ name }) => names.has(name))
  const others = seen.publishings.filter(({ name }) => !names.has(name))
  return { turns: turnsNow(changed, others), isQueued: false }
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

function forget(key: string, world: World): undefined {
  world.streams.forget(key)
  world.queue.leave(key)
  world.fights.forget(`${key} `)
  world.counts.forget(key)
}
