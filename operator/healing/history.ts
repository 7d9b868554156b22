// What healing remembers: what it did, and since when it sees what it sees. Pure, and small enough to live in a status.
//
// In: the history so far, what is observed, what was done. Out: the history from now on. Always: times are ms since the
// epoch of a clock that moves at the pace of real time; bounded. What must survive a change of leader are the actions;
// all else begins anew with a leader, who then only acts later.
import { HEALING_ACTIONS_MAX } from '../../crds/collector.ts'
import type { Publisher } from '../resources/labels.ts'
import { deploymentOf, freshSummary } from './observed.ts'
import type { Fleet, Observed, PodObserved, ShardObserved } from './observed.ts'
import { RESTARTS_OF_KUBELET, symptomOf } from './symptoms.ts'
import type { Reason } from './symptoms.ts'

/** Actions that are remembered of a Collector: more than its budgets allow in an hour. */
export const ACTIONS_MAX = HEALING_ACTIONS_MAX
/** An action that has not led to a ready pod by then has failed. */
export const ACTION_MS_MAX = 600_000
/** Well for so long, a Deployment begins again at the foot of the ladder. */
export const HEALTHY_MS = 300_000
/** Actions further back belong to another trouble, whatever was seen in between. */
const EPISODE_MS_MAX = 4 * 3_600_000
/** The breaker opens above this share of all shards, but never for a single one. */
const STORM_SHARE = 0.4
const CALM_MS = 300_000
/** A move lets the pods of a shard avoid the node for so long. */
export const AVOID_MS = 24 * 3_600_000
/** The window of the budget for all Collectors. */
export const FLEET_WINDOW_MS = 300_000

/** `ready`: a pod was ready in its place. `failed`: none was in time. `helped`: later the Deployment was well for long. */
export const OUTCOMES = ['ready', 'failed', 'helped'] as const
export type Outcome = (typeof OUTCOMES)[number]

export interface Action {
  readonly atMs: number
  readonly shard: string
  readonly publisher: Publisher
  readonly pod: string
  readonly uid: string
  readonly node: string | undefined
  readonly action: 'replace' | 'move'
  readonly reason: Reason
  /** How it ended and when; undefined while it runs. */
  readonly end: { readonly atMs: number; readonly outcome: Outcome } | undefined
}

/** A symptom that is being watched; it counts once it has lasted. */
interface Suspect {
  /** Reason, and the cause outside where there is one: a change of either begins anew. */
  readonly of: string
  readonly sinceMs: number
}

export interface FleetHistory {
  /** When the last actions on any Collector were, no longer ago than the window of the budget. */
  readonly actionsMs: readonly number[]
  /** The breaker: open since, and below the limit since. */
  readonly storm: { readonly sinceMs: number; readonly calmSinceMs: number | undefined } | undefined
}

export interface History {
  /** The oldest first. */
  readonly actions: readonly Action[]
  /** By uid of the pod. */
  readonly suspects: Readonly<Record<string, Suspect>>
  /** By name of the Deployment: since when it is well without a break. */
  readonly healthySinceMs: Readonly<Record<string, number>>
  /** By uid of the pod: when its disruption budget last refused the eviction. */
  readonly refusedMs: Readonly<Record<string, number>>
}

export const NO_HISTORY: History = { actions: [], suspects: {}, healthySinceMs: {}, refusedMs: {} }
export const NO_FLEET_HISTORY: FleetHistory = { actionsMs: [], storm: undefined }

/** The history after a look at the Collector; to be taken before each decision. */
export function remember(history: History, observed: Observed, nowMs: number): History {
  const suspects: Record<string, Suspect> = {}
  const healthySinceMs: Record<string, number> = {}
  const refusedMs: Record<string, number> = {}
  const unwell = new Set<string>()
  for (const shard of observed.shards) {
    for (const pod of shard.pods) {
      const deployment = deploymentOf(shard.name, pod.publisher)
      const suspect = suspectOf(observed, shard, pod)
      const before = history.suspects[pod.uid]
      if (suspect !== undefined) {
        suspects[pod.uid] = { of: suspect, sinceMs: before?.of === suspect ? before.sinceMs : nowMs }
      }
      const refused = history.refusedMs[pod.uid]
      if (refused !== undefined) refusedMs[pod.uid] = refused
      if (pod.isTerminating) continue
      if (!isWell(pod, suspect, observed)) unwell.add(deployment)
      healthySinceMs[deployment] = history.healthySinceMs[deployment] ?? nowMs
    }
  }
  for (const deployment of unwell) delete healthySinceMs[deployment]
  const actions = history.actions.map((action) => {
    return helped(ended(action, observed, nowMs), healthySinceMs[deploymentOf(action.shard, action.publisher)], nowMs)
  })
  return { actions, suspects, healthySinceMs, refusedMs }
}

/** The history of the fleet after a look at it; to be taken before each decision. */
export function rememberFleet(history: FleetHistory, fleet: Fleet, nowMs: number): FleetHistory {
  const actionsMs = history.actionsMs.filter((atMs) => nowMs - atMs < FLEET_WINDOW_MS)
  if (fleet.unhealthy > Math.max(1, fleet.shards * STORM_SHARE)) {
    return { actionsMs, storm: { sinceMs: history.storm?.sinceMs ?? nowMs, calmSinceMs: undefined } }
  }
  if (history.storm === undefined) return { actionsMs, storm: undefined }
  const calmSinceMs = history.storm.calmSinceMs ?? nowMs
  const isOver = nowMs - calmSinceMs >= CALM_MS
  return { actionsMs, storm: isOver ? undefined : { ...history.storm, calmSinceMs } }
}

/** The history with one more action. */
export function withAction(history: History, action: Action): History {
  return { ...history, actions: [...history.actions, action].slice(-ACTIONS_MAX) }
}

/** The history of the fleet with one more action. */
export function withFleetAction(history: FleetHistory, nowMs: number): FleetHistory {
  return { ...history, actionsMs: [...history.actionsMs, nowMs] }
}

/** For how long the present symptom of a pod has been seen, ms. */
export function suspectForMs(history: History, uid: string, nowMs: number): number {
  const suspect = history.suspects[uid]
  return suspect === undefined ? 0 : nowMs - suspect.sinceMs
}

/** A Deployment, or a whole shard. */
interface Place {
  readonly shard: string
  readonly publisher?: Publisher
}

/** What was done about the present trouble of a place: what helped does not count any more. */
export function attempts({ actions }: History, place: Place, nowMs: number): readonly Action[] {
  return actions.filter(({ shard, publisher, end, atMs }) => {
    const isOfPlace = shard === place.shard && (place.publisher === undefined || publisher === place.publisher)
    return isOfPlace && end?.outcome !== 'helped' && nowMs - atMs < EPISODE_MS_MAX
  })
}

/** Nodes that the pods of a shard are to avoid, sorted: those that they were moved off lately. */
export function avoidedNodes({ actions }: Pick<History, 'actions'>, shard: string, nowMs: number): string[] {
  const nodes = actions.flatMap((done) => {
    const isMove = done.action === 'move' && done.shard === shard && nowMs - done.atMs < AVOID_MS
    return isMove && done.node !== undefined ? [done.node] : []
  })
  return [...new Set(nodes)].toSorted()
}

function suspectOf(observed: Observed, shard: ShardObserved, pod: PodObserved): string | undefined {
  const symptom = symptomOf(observed, shard, pod)
  return symptom === undefined ? undefined : `${symptom.reason}/${symptom.outside?.why ?? ''}`
}

/** What is unknown is not well: it never brings a Deployment back to the foot of the ladder. */
function isWell(pod: PodObserved, suspect: string | undefined, { fleet }: Observed): boolean {
  return suspect === undefined && pod.ready === 'yes' && freshSummary(pod) !== undefined && !fleet.isApiUnreachable
}

/** An action ends when its pod is gone and another of the Deployment is ready, or cannot be, or when its time is over. */
function ended(action: Action, observed: Observed, nowMs: number): Action {
  if (action.end !== undefined || observed.fleet.isApiUnreachable) return action
  const shard = observed.shards.find(({ name }) => name === action.shard)
  const pods = (shard?.pods ?? []).filter(({ publisher }) => publisher === action.publisher)
  const isGone = pods.every(({ uid }) => uid !== action.uid)
  const isReady = pods.some(({ ready, isTerminating }) => ready === 'yes' && !isTerminating)
  if (isGone && isReady) return { ...action, end: { atMs: nowMs, outcome: 'ready' } }
  const isHopeless =
    isGone && pods.some(({ isCrashLooping, restarts }) => isCrashLooping && restarts >= RESTARTS_OF_KUBELET)
  if (!isHopeless && nowMs - action.atMs < ACTION_MS_MAX) return action
  return { ...action, end: { atMs: nowMs, outcome: 'failed' } }
}

/** An action has helped once its Deployment is well for so long that the next trouble is another one. */
function helped(action: Action, healthySinceMs: number | undefined, nowMs: number): Action {
  if (action.end === undefined || action.end.outcome === 'helped') return action
  if (healthySinceMs === undefined || nowMs - healthySinceMs < HEALTHY_MS) return action
  return { ...action, end: { ...action.end, outcome: 'helped' } }
}
