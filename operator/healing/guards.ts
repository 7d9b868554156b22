// Why an action is held back although a symptom calls for it. Pure.
//
// Each guard is one sentence that must be true for an action to go ahead; GUARDS is their order, and the first that is
// broken is the one that people read. Guards about the cause of the symptom stand with the symptoms.
import { ACTION_MS_MAX, attempts, FLEET_WINDOW_MS } from './history.ts'
import type { FleetHistory, History } from './history.ts'
import { START_UP_MS } from './observed.ts'
import type { Observed, PodObserved, ShardObserved } from './observed.ts'

/** Why nothing is done, as Events and metrics name it. */
export const HOLDS = [
  'KubeletFirst',
  'Unknown',
  'ExchangeDown',
  'SinkDown',
  'NewLeader',
  'Paused',
  'Storm',
  'RollingOut',
  'StartingUp',
  'ActionRunning',
  'Backoff',
  'BudgetRefused',
  'Exhausted',
  'CollectorBudget',
  'HourlyBudget',
  'FleetBudget',
  'Observing',
  'OneAtATime',
  'NotRecorded',
] as const
export type Hold = (typeof HOLDS)[number]

/** A guard that is broken: its name, and a clause for people. */
export interface Held {
  readonly why: Hold
  readonly says: string
}

export interface Intent {
  readonly observed: Observed
  readonly shard: ShardObserved
  readonly pod: PodObserved
  readonly history: History
  readonly fleetHistory: FleetHistory
  readonly nowMs: number
}

/** A new leader first looks on. */
export const LEASE_AGE_MS_MIN = 60_000
/** Tokens of a Collector, one of which comes back in this time. */
export const TOKENS_MAX = 3
export const TOKEN_MS = 600_000
/** Actions on all Collectors together within {@link FLEET_WINDOW_MS}. */
export const FLEET_ACTIONS_MAX = 5
/** The wait after an action on a shard, doubled with each. */
export const BACKOFF_MS_MIN = 300_000
export const BACKOFF_MS_MAX = 3_600_000
/** Actions that did not help; more of them would not either. */
export const ATTEMPTS_MAX = 6
export const REFUSED_MS = 60_000
const HOUR_MS = 3_600_000

export const GUARDS: readonly ((intent: Intent) => Held | undefined)[] = [
  newLeader,
  paused,
  storm,
  rollingOut,
  startingUp,
  actionRunning,
  backoff,
  budgetRefused,
  exhausted,
  collectorBudget,
  hourlyBudget,
  fleetBudget,
  observing,
]

/** The first guard that is broken. */
export function heldBy(intent: Intent): Held | undefined {
  for (const guard of GUARDS) {
    const held = guard(intent)
    if (held !== undefined) return held
  }
  return undefined
}

/** How many tokens a bucket has left after actions at these times, the oldest first; it was full before them. */
export function tokensLeft(timesMs: readonly number[], nowMs: number): number {
  let tokens = TOKENS_MAX
  let atMs = timesMs[0] ?? nowMs
  for (const timeMs of timesMs) {
    tokens = Math.min(TOKENS_MAX, tokens + Math.max(0, timeMs - atMs) / TOKEN_MS) - 1
    atMs = Math.max(atMs, timeMs)
  }
  return Math.min(TOKENS_MAX, tokens + Math.max(0, nowMs - atMs) / TOKEN_MS)
}

// A leader that has just begun has not seen enough.
function newLeader({ observed }: Intent): Held | undefined {
  const { leaseAgeMs } = observed.fleet
  if (leaseAgeMs >= LEASE_AGE_MS_MIN) return undefined
  return { why: 'NewLeader', says: `this operator leads since ${seconds(leaseAgeMs)} only and first looks on` }
}

// Who pauses a Collector wants it left alone.
function paused({ observed }: Intent): Held | undefined {
  return observed.isPaused ? { why: 'Paused', says: 'spec.paused is set' } : undefined
}

// Where much fails at once the cause is common, and more restarts add to the load; it must first be calm for a while.
function storm({ observed, fleetHistory }: Intent): Held | undefined {
  if (fleetHistory.storm === undefined) return undefined
  const { shards, unhealthy } = observed.fleet
  return {
    why: 'Storm',
    says: `too many shards are unwell at once (now ${unhealthy} of ${shards}); it must be calm for 5 minutes first`,
  }
}

// What is being changed is not yet what it will be.
function rollingOut({ observed }: Intent): Held | undefined {
  const [first, ...more] = observed.rollouts
  if (first === undefined) return undefined
  return { why: 'RollingOut', says: `a rollout is in progress (${[first, ...more].slice(0, 3).join(', ')})` }
}

// A pod has its time to start, unless it has shown already that it cannot.
function startingUp({ pod }: Intent): Held | undefined {
  if (pod.isCrashLooping || pod.ageMs >= START_UP_MS) return undefined
  return { why: 'StartingUp', says: `the pod is ${seconds(pod.ageMs)} old and has 5 minutes to start` }
}

// One at a time: the action before this one has neither led to a ready pod nor failed.
function actionRunning({ history, nowMs }: Intent): Held | undefined {
  const running = history.actions.find(({ end }) => end === undefined)
  if (running === undefined) return undefined
  const left = running.atMs + ACTION_MS_MAX - nowMs
  const says = `no pod is ready yet in place of ${running.pod}, for which there are ${seconds(left)} left`
  return { why: 'ActionRunning', says }
}

// What did not help at once is tried at growing intervals.
function backoff({ shard, history, nowMs }: Intent): Held | undefined {
  const tried = attempts(history, { shard: shard.name }, nowMs)
  if (tried.length === 0) return undefined
  const last = Math.max(...tried.map(({ atMs }) => atMs))
  const leftMs = last + backoffMs(tried.length) - nowMs
  if (leftMs <= 0) return undefined
  return {
    why: 'Backoff',
    says: `${shard.name} was acted upon ${seconds(nowMs - last)} ago; next in ${seconds(leftMs)}`,
  }
}

/** The wait after so many actions in a row. */
export function backoffMs(count: number): number {
  return Math.min(BACKOFF_MS_MAX, BACKOFF_MS_MIN * 2 ** (count - 1))
}

// A disruption budget that has just refused is not asked again at once.
function budgetRefused({ pod, history, nowMs }: Intent): Held | undefined {
  const refusedMs = history.refusedMs[pod.uid]
  if (refusedMs === undefined || nowMs - refusedMs >= REFUSED_MS) return undefined
  return { why: 'BudgetRefused', says: 'its PodDisruptionBudget allows no eviction now' }
}

// After so many actions the cause is not in the pod and not on its node: a person must look.
function exhausted({ shard, pod, history, nowMs }: Intent): Held | undefined {
  const tried = attempts(history, { shard: shard.name, publisher: pod.publisher }, nowMs).length
  if (tried < ATTEMPTS_MAX) return undefined
  return { why: 'Exhausted', says: `${tried} actions did not help; a person must look` }
}

// A Collector has 3 actions, one of which comes back every 10 minutes.
function collectorBudget({ history, nowMs }: Intent): Held | undefined {
  const times = history.actions.map(({ atMs }) => atMs)
  if (tokensLeft(times, nowMs) >= 1) return undefined
  return {
    why: 'CollectorBudget',
    says: 'the Collector has used its actions, one of which comes back every 10 minutes',
  }
}

// A user may allow fewer.
function hourlyBudget({ observed, history, nowMs }: Intent): Held | undefined {
  const used = history.actions.filter(({ atMs }) => nowMs - atMs < HOUR_MS).length
  if (used < observed.actionsPerHour) return undefined
  return { why: 'HourlyBudget', says: `spec.selfHealing.actionsPerHour is ${observed.actionsPerHour}` }
}

// All Collectors together have 5 actions in 5 minutes.
function fleetBudget({ fleetHistory, nowMs }: Intent): Held | undefined {
  const used = fleetHistory.actionsMs.filter((atMs) => nowMs - atMs < FLEET_WINDOW_MS).length
  if (used < FLEET_ACTIONS_MAX) return undefined
  return { why: 'FleetBudget', says: `${used} actions were taken on all Collectors in the last 5 minutes` }
}

// Who asked to observe reads what would be done; last, so that it is what really would be.
function observing({ observed }: Intent): Held | undefined {
  return observed.mode === 'observe' ? { why: 'Observing', says: 'spec.selfHealing.mode is observe' } : undefined
}

function seconds(ms: number): string {
  return `${Math.max(0, Math.round(ms / 1000))} s`
}
