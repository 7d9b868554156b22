// Observations by hand, as tables of tests about healing need them: a Collector called `majors` whose pods are well unless a
// case says otherwise, and what is decided about it.
import { decide, type Decision } from '../../operator/healing/decide.ts'
import {
  type Action,
  type FleetHistory,
  type History,
  NO_FLEET_HISTORY,
  NO_HISTORY,
  remember,
  rememberFleet,
} from '../../operator/healing/history.ts'
import type { Observed, PodObserved } from '../../operator/healing/observed.ts'
import { sampleSummary } from './healing.ts'

export const NOW_MS = 1_790_000_000_000
export const MINUTE = 60_000
export const HOUR = 60 * MINUTE
export const WELL = { channels: 10, live: 10, stale: 0, sessionsOpen: 1, sessions: 1 }
export const DEAD = { channels: 10, live: 0, stale: 10, sessionsOpen: 0, sessions: 1 }
export const SINK_LOST = { sink: { kind: 'nats', connected: false, problem: 'no route to nats:4222', lostMs: 40_000 } }

/** A pod of an hour that is well. */
export function pod(name: string, change: Partial<PodObserved> = {}): PodObserved {
  return {
    name,
    uid: `uid-${name}`,
    publisher: name.startsWith('b') ? 'b' : 'a',
    node: 'node-1',
    ageMs: HOUR,
    isTerminating: false,
    ready: 'yes',
    readyForMs: HOUR,
    isCrashLooping: false,
    restarts: 0,
    runningForMs: HOUR,
    lastEnding: undefined,
    summary: { said: sampleSummary(['binance:perpetual', 'okx:spot']), ageMs: 5000 },
    ...change,
  }
}

export function said(change: Parameters<typeof sampleSummary>[1], ageMs = 5000): Pick<PodObserved, 'summary'> {
  return { summary: { said: sampleSummary(['binance:perpetual', 'okx:spot'], change), ageMs } }
}

export const crashing: Partial<PodObserved> = {
  ready: 'no',
  isCrashLooping: true,
  restarts: 5,
  runningForMs: undefined,
  lastEnding: { reason: 'Error', agoMs: 20_000 },
  summary: undefined,
}
export const notReady: Partial<PodObserved> = {
  ready: 'no',
  readyForMs: 10 * MINUTE,
  ...said({ ready: false, notReady: ['okx spot BTC-USDT trade is down: refused'] }),
}
export const stale: Partial<PodObserved> = said({ markets: { 'binance:perpetual': WELL, 'okx:spot': DEAD } })

export interface Case {
  /** Pods by shard, `majors-0` first. */
  readonly pods: readonly (readonly PodObserved[])[]
  readonly observed?: Partial<Observed>
  readonly fleet?: Partial<Observed['fleet']>
  readonly history?: Partial<History>
  readonly fleetHistory?: Partial<FleetHistory>
  /** Whether what is wrong is seen for the first time; by default for the whole hour. */
  readonly isFirstSeen?: boolean
  readonly expected: readonly Decision[]
}

export function action(change: Partial<Action> = {}): Action {
  return {
    atMs: NOW_MS - 20 * MINUTE,
    shard: 'majors-0',
    publisher: 'a',
    pod: 'gone',
    uid: 'uid-gone',
    node: 'node-1',
    action: 'replace',
    reason: 'CrashLoop',
    end: { atMs: NOW_MS - 19 * MINUTE, outcome: 'ready' },
    ...change,
  }
}

export function decision(change: Partial<Decision>): Decision {
  return {
    shard: 'majors-0',
    publisher: 'a',
    pod: 'a0',
    uid: 'uid-a0',
    node: 'node-1',
    action: 'replace',
    reason: 'CrashLoop',
    message: '',
    standing: 'majors-0: CrashLoop.',
    held: undefined,
    ...change,
  }
}

export const CRASHES = 'Pod a0 ends soon after each start and was restarted 5 times; kubectl logs --previous says why'
/** The crash loop of a0, held back. */
export function heldBack(held: NonNullable<Decision['held']>, why: string, change: Partial<Decision> = {}): Decision {
  const message = `${CRASHES}; it is not replaced: ${why}.`
  const standing = `majors-0: CrashLoop, and healing holds back: ${held}.`
  return decision({ message, standing, held, ...change })
}
export const one = [[pod('a0', crashing)]]

export function outcome({
  pods,
  observed: change,
  fleet,
  history,
  fleetHistory,
  isFirstSeen = false,
}: Case): Decision[] {
  const observed: Observed = {
    namespace: 'market',
    name: 'majors',
    mode: 'act',
    actionsPerHour: 6,
    isPaused: false,
    isDeleting: false,
    rollouts: [],
    shards: pods.map((all, index) => ({ index, name: `majors-${index}`, pods: all })),
    fleet: { shards: 10, unhealthy: 1, markets: {}, isApiUnreachable: false, leaseAgeMs: HOUR, ...fleet },
    ...change,
  }
  const seenMs = isFirstSeen ? NOW_MS : NOW_MS - 10 * MINUTE
  const seen = remember({ ...NO_HISTORY }, observed, seenMs)
  const now = remember({ ...seen, ...history }, observed, NOW_MS)
  const ofFleet = rememberFleet({ ...NO_FLEET_HISTORY, ...fleetHistory }, observed.fleet, NOW_MS)
  return decide(observed, now, ofFleet, NOW_MS)
}
