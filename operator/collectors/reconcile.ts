// One pass over one Collector: observe, decide what is wanted, apply the difference, prune, say how it stands.
//
// Always: level, not edge: the same for what was created, changed or deleted; nothing is sent when nothing differs; what
// is no longer wanted goes only when everything wanted was applied. Never: a write while paused or for a manifest with
// faults, but the status; an object that is not ours.
import { differs } from '../kube/apply.ts'
import type { KubeObject } from '../kube/objects.ts'
import { desire, type Wish } from './desire.ts'
import { isTemplateOf } from './kinds.ts'
import { idOf } from './owned.ts'
import { belongings, observe, type Seen } from './observe.ts'
import { pruned } from './prune.ts'
import { type Due, isCorrection, joined, NOTHING, putAll, removeAll } from './put.ts'
import { turnsNow } from './rollout.ts'
import { type Failure, isApiGone, report, type Outcome } from './report.ts'
import type { World } from './world.ts'

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
  // As it is after what was applied, so that one status says it all, and no other pass is needed to say the rest.
  await report({ ...seen, ...belongings(key, seen.owner.uid, world) }, wish, outcome, world)
  const failed = outcome.failures.find((one) => !isApiGone(one))
  if (failed !== undefined) throw failed.error
  // Its cache may not notice that it went, nor that it came again.
  const goneMs = outcome.failures.length > 0 ? API_GONE_MS : RESYNC_MS
  const fightMs = world.fights.againMs(`${key} `, world.nowMs())
  return Math.min(wish.againMs ?? RESYNC_MS, fightMs ?? RESYNC_MS, goneMs, RESYNC_MS * (0.8 + 0.4 * world.random()))
}

const NOTHING_DONE: Outcome = { ...NOTHING, pending: [], isQueued: false }

async function bringAbout(seen: Seen, wish: Wish, world: World): Promise<Outcome> {
  const due = differences(seen, wish)
  const { turns, isQueued } = turnsOf(seen, due, world)
  const pending = due.filter(({ isTurn, name }) => isTurn && !turns.includes(name)).map(({ name }) => name)
  const now = due.filter((one) => (!one.isTurn || turns.includes(one.name)) && mayCorrect(one, seen, world))
  // What pods need comes first; the rest of it waits for nothing.
  const [needed, pods] = [
    now.filter(({ object }) => !isDeployment(object)),
    now.filter(({ object }) => isDeployment(object)),
  ]
  const first = await putAll(needed, seen, world)
  const missing = [...first.failures, ...first.conflicts]
  // Its pods would wait for what is not there, and those that run would perhaps have ended for them.
  const held = pods.filter(({ object }) => lacks(object, missing))
  const then = await putAll(
    pods.filter((one) => !held.includes(one)),
    seen,
    world,
  )
  const done = joined(first, then)
  const isWhole = done.failures.length === 0 && done.conflicts.length === 0
  const gone = isWhole ? await removeAll(pruned(seen, wish), world) : NOTHING
  return { ...joined(done, gone), pending: [...pending, ...held.map(({ name }) => name)], isQueued }
}

function isDeployment({ kind }: KubeObject): boolean {
  return kind === 'Deployment'
}

/** Whether the pods of a Deployment need something that could not be applied. */
function lacks(object: KubeObject, missing: readonly Failure[]): boolean {
  const template = JSON.stringify(object['spec'])
  return missing.some(({ id }) => {
    const [kind = '', name = ''] = id.split('/')
    if (kind === 'NetworkPolicy' || kind === 'ServiceAccount') return true
    return (kind === 'ConfigMap' || kind === 'PersistentVolumeClaim') && template.includes(`"${name}"`)
  })
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

function forget(key: string, world: World): undefined {
  world.streams.forget(key)
  world.queue.leave(key)
  world.fights.forget(`${key} `)
  world.manifests.forget(key)
  world.counts.forget(key)
}
