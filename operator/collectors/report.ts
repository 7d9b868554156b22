// What is said of a Collector after a pass: its status where that is news, and events for what changed.
import type { Hold } from '../healing/guards.ts'
import type { Summary } from '../healing/summary.ts'
import { ApiError } from '../kube/client.ts'
import { type KubeObject, namesOf } from '../kube/objects.ts'
import type { StandingMore } from '../metrics/counts.ts'
import type { Wish } from './desire.ts'
import { COLLECTOR, OPTIONAL } from './kinds.ts'
import { isCrashing, type Publishing, placeOf, troubleOf } from './publishing.ts'
import type { Seen } from './observe.ts'
import {
  type ChannelCounts,
  type Impossible,
  isNews,
  no,
  type Problem,
  type Progress,
  type ShardState,
  type Status,
  statusOf,
} from './status.ts'
import type { World } from './world.ts'

/** What a pass did. */
export interface Outcome {
  /** Objects that were applied or removed, as `Deployment/majors-0-a`. */
  readonly changed: readonly string[]
  /** Deployments that are to roll and whose turn has not come. */
  readonly pending: readonly string[]
  /** Whether other Collectors roll first. */
  readonly isQueued: boolean
  readonly failures: readonly Failure[]
  /** Names that are somebody else's; the error says whose. */
  readonly conflicts: readonly Failure[]
}

/** An object that could not be applied or removed. */
export interface Failure {
  /** As `Deployment/majors-0-a`. */
  readonly id: string
  readonly error: Error
}

const NAMED_MAX = 5

/** Writes what healing did, or is about to do, and leaves the rest of the status as it is. */
export async function writeHealing(key: string, world: World): Promise<void> {
  const { namespace, name } = namesOf(key)
  const object = world.collectors.get(namespace, name)
  if (object === undefined) return
  const { apiVersion, kind } = object
  const old = object['status'] as Status | undefined
  const status = { ...old, healing: { actions: [...(world.healing.entries(key) ?? [])] } }
  await world.client.apply(COLLECTOR, { apiVersion, kind, metadata: { name, namespace }, status }, 'status')
  world.counts.applied(kind)
}

/** Writes the status where it is news, and tells of it. */
export async function report(seen: Seen, wish: Wish | undefined, outcome: Outcome, world: World): Promise<void> {
  const { owner, object, status: old } = seen
  const said = saidOf(seen, world)
  const status = statusOf({
    owner,
    old,
    nowMs: world.wallMs(),
    faults: seen.faults,
    isPaused: owner.spec.paused,
    hasOwnShards: owner.spec.shards !== undefined,
    problems: problemsOf(seen, wish, outcome, world),
    shards: shardsOf(seen, wish),
    progress: progressOf(seen, outcome),
    monitoring: monitoringOf(wish, outcome),
    channels: channelsOf(said),
    impossible: impossibleOf(said),
    healing: healingOf(seen, world),
  })
  const isReady = status.conditions?.find(({ type }) => type === 'Ready')?.status === 'True'
  world.counts.stands(seen.key, isReady, standingOf(seen, status, world))
  tell(seen, outcome, status.conditions ?? [], world)
  if (!isNews(old, status)) return
  const { name, namespace } = owner
  const { apiVersion, kind } = object
  await world.client.apply(COLLECTOR, { apiVersion, kind, metadata: { name, namespace }, status }, 'status')
  world.counts.applied(kind)
}

/** Why healing stands still although something is to be done. */
const SPENT: readonly (Hold | undefined)[] = ['Exhausted', 'CollectorBudget', 'HourlyBudget', 'FleetBudget']

/** What the metrics say of a Collector. */
function standingOf({ key, owner, pods, publishings }: Seen, status: Status, { healing }: World): StandingMore {
  const shards = status.shards?.length ?? 0
  const progressing = status.conditions?.find(({ type }) => type === 'Progressing')
  // A pod that fails makes a Deployment unsettled, too; it must not be taken for a rollout, which excuses what is down.
  const isRolling = progressing?.status === 'True' && publishings.some((one) => one.isRolling)
  return {
    shards,
    pods: shards * owner.spec.redundancy,
    rollingSinceMs: isRolling ? Date.parse(progressing.lastTransitionTime) : undefined,
    isStuck: progressing?.reason === 'RolloutStuck',
    crashing: pods.filter(isCrashing).length,
    isHealingSpent: healing.decisions(key).some(({ held }) => SPENT.includes(held)),
  }
}

function healingOf({ key, status }: Seen, { healing }: World): Status['healing'] {
  const actions = healing.entries(key)
  if (actions === undefined) return status?.healing
  return actions.length === 0 ? undefined : { actions: [...actions] }
}

function problemsOf(seen: Seen, wish: Wish | undefined, outcome: Outcome, world: World): Problem[] {
  const fights = world.fights.left(`${seen.key} `, world.nowMs())
  return [
    ...(wish?.problems ?? []),
    ...outcome.conflicts.map(({ error }) => ({ reason: 'NameTaken', message: `${error.message}.` })),
    ...outcome.failures
      .filter((one) => !isApiGone(one))
      .map(({ error }) => ({ reason: 'ApplyFailed', message: `${error.message}.` })),
    ...world.healing
      .decisions(seen.key)
      .flatMap(({ reason, standing }) => (standing === undefined ? [] : [{ reason, message: standing }])),
    ...fights.map((what) => ({
      reason: 'FieldConflict',
      message: `Something else keeps changing ${what}; it is left alone for five minutes. See the object's managedFields.`,
    })),
  ]
}

/** What is created of what watches the Collector: not what could not be. */
function monitoringOf(wish: Wish | undefined, { failures }: Outcome) {
  const failed = failures.find(isOfMonitoring)
  if (failed !== undefined) {
    const reason = isApiGone(failed) ? 'ApiMissing' : 'ApplyFailed'
    return no(reason, `${failed.id} could not be applied: ${failed.error.message.trim()}.`)
  }
  return wish?.monitoring ?? no('Unknown', 'Nothing is known of it yet.')
}

/** Kinds of other operators, without which a Collector does all its work. */
function isOfMonitoring({ id }: Failure): boolean {
  return Object.values(OPTIONAL).some(({ kind }) => id.startsWith(`${kind}/`))
}

/** Whether the API of a kind is no more, which its cache has not noticed yet: no failure, it will be noticed. */
export function isApiGone(failure: Failure): boolean {
  const { error } = failure
  return isOfMonitoring(failure) && error instanceof ApiError && error.status === 404
}

function shardsOf({ publishings, pods }: Seen, wish: Wish | undefined): ShardState[] {
  const wanted = wish?.shards ?? []
  const known = new Map(wanted.map(({ index, name, channels }) => [index, { name, channels: channels.length }]))
  const indexes = [...new Set([...known.keys(), ...publishings.map(({ shard }) => shard)])].toSorted((a, b) => a - b)
  return indexes.map((index) => {
    const mine = publishings.filter(({ shard }) => shard === index)
    const { name, channels } = known.get(index) ?? { name: String(index), channels: 0 }
    const ready = mine.length > 0 && mine.every((one) => one.ready > 0)
    const troubles = pods.filter((pod) => placeOf(pod).shard === index).flatMap((pod) => troubleOf(pod) ?? [])
    return { name, ready, channels, reason: ready ? undefined : troubles[0] }
  })
}

function progressOf({ publishings, pods }: Seen, { pending, isQueued, ...outcome }: Outcome): Progress {
  const rolling = publishings.filter(({ isSettled }) => !isSettled)
  const stuck = rolling.flatMap((one) => stuckText(one, pods))
  if (stuck.length > 0) return { kind: 'stuck', why: stuck.slice(0, NAMED_MAX).join('; ') }
  if (isQueued) return { kind: 'queued' }
  const failed = [...outcome.failures, ...outcome.conflicts].filter((one) => !isOfMonitoring(one)).map(({ id }) => id)
  const waitingFor = [...new Set([...failed, ...rolling.map(({ name }) => name), ...pending])]
  return waitingFor.length === 0 ? { kind: 'settled' } : { kind: 'rolling', waitingFor }
}

interface DeploymentConditions {
  readonly conditions?: readonly { readonly type: string; readonly reason?: string }[]
}

/** Why a rollout does not go on: what its pods wait for, or that its time is over. */
function stuckText({ name, shard, publisher, object }: Publishing, pods: readonly KubeObject[]): string[] {
  const mine = pods.filter((pod) => {
    const place = placeOf(pod)
    return place.shard === shard && place.publisher === publisher
  })
  const [trouble] = mine.flatMap((pod) => troubleOf(pod) ?? [])
  if (trouble !== undefined) return [`${name}: ${trouble}`]
  const { conditions = [] } = (object['status'] ?? {}) as DeploymentConditions
  const isLate = conditions.some(({ reason }) => reason === 'ProgressDeadlineExceeded')
  return isLate ? [`${name}: its pod has not become ready in time`] : []
}

/** What the pods say, of each shard the publisher that has more of its channels. */
function saidOf({ pods }: Seen, world: World): Summary[] {
  const shards = new Map<number, Summary>()
  for (const pod of pods) {
    const said = world.observed(pod.metadata.uid ?? '')?.summary
    if (said === undefined) continue
    const { shard } = placeOf(pod)
    const known = shards.get(shard)
    if (known === undefined || alive(said) > alive(known)) shards.set(shard, said)
  }
  return [...shards.values()]
}

const alive = ({ channels: { live, quiet } }: Summary): number => live + quiet

function channelsOf(said: readonly Summary[]): ChannelCounts | undefined {
  if (said.length === 0) return undefined
  const sum = (of: (channels: Summary['channels']) => number) => said.reduce((all, one) => all + of(one.channels), 0)
  return {
    total: sum(({ total }) => total),
    live: sum(({ live, quiet }) => live + quiet),
    stale: sum(({ stale, down }) => stale + down),
  }
}

function impossibleOf(said: readonly Summary[]): Impossible {
  const some = said.flatMap(({ impossible }) => impossible).toSorted((a, b) => a.channel.localeCompare(b.channel))
  return { count: said.reduce((all, { channels }) => all + channels.impossible, 0), some }
}

/** What a pass changed, in one sentence: an Event each would be more writes than the changes themselves. */
export function changedText(ids: readonly string[]): string {
  const names = ids.map((id) => id.replace('/', ' ')).join(', ')
  return ids.length === 1 ? `${names} was changed` : `${ids.length} objects were changed: ${names}`
}

/** Events for what changed: each with a fixed sentence, so that they add up. */
function tell(
  { object, status: old }: Seen,
  { changed }: Outcome,
  conditions: readonly { type: string; status: string; reason: string; message: string }[],
  { recorder }: World,
): void {
  if (changed.length > 0) {
    recorder.say(object, { type: 'Normal', reason: 'Applied', message: changedText(changed), action: 'Apply' })
  }
  for (const { type, status, reason, message } of conditions) {
    const before = old?.conditions?.find((one) => one.type === type)
    if (before !== undefined && before.status === status && before.reason === reason) continue
    // What is applied has been said, and at first nothing is ready: few Events are written, and they are for news.
    const isTroubleAtFirst = (type === 'Degraded' && status === 'True') || reason === 'ApiMissing'
    if (reason === 'RollingOut' || (before === undefined && !isTroubleAtFirst)) continue
    const isBad =
      type === 'Degraded' ? status === 'True' : status === 'False' && /Invalid|Stuck|NotReady|Rejected/.test(reason)
    recorder.say(object, {
      type: isBad ? 'Warning' : 'Normal',
      reason,
      message: `${type}: ${message}`,
      action: 'Observe',
    })
  }
}
