// What happened since the start, as the metrics tell it: told by whoever does it, read at a scrape.
//
// Always: every value that a label can have is there at 0. Never: decides anything; a series for a name from outside but
// those of Collectors that are there.
import { RESULTS as OUTCOMES, type Result } from '../healing/act.ts'
import { HOLDS, type Hold } from '../healing/guards.ts'
import { REASONS, type Reason } from '../healing/symptoms.ts'
import { namesOf } from '../kube/objects.ts'
import { Histogram, tally, type Tally } from './tally.ts'

export const RESULTS = ['done', 'failed'] as const
export const ACTIONS = ['replace', 'move'] as const
export const EVENT_TYPES = ['Normal', 'Warning'] as const
const VERBS: Readonly<Record<string, string>> = {
  GET: 'get',
  POST: 'create',
  PATCH: 'patch',
  PUT: 'update',
  DELETE: 'delete',
  WATCH: 'watch',
}
const CODES = ['2xx', '3xx', '404', '409', '410', '429', '4xx', '5xx', 'none'] as const
/** Kinds that are applied: what belongs to a Collector, and its status. */
export const APPLIED_KINDS = [
  'AlertmanagerConfig',
  'Collector',
  'ConfigMap',
  'Deployment',
  'GrafanaDashboard',
  'NetworkPolicy',
  'PersistentVolumeClaim',
  'PodDisruptionBudget',
  'PodMonitor',
  'PrometheusRule',
  'Service',
  'ServiceAccount',
] as const

/** A pass over a Collector takes milliseconds; applying a new one a few requests. */
export const PASS_BOUNDS = [0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.5, 5.5, 10.5, 30.5] as const
/** An answer of the API server. */
export const REQUEST_BOUNDS = [0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.5, 5.5, 10.5, 60.5] as const

/** How a Collector stands. */
export interface Standing {
  readonly namespace: string
  readonly name: string
  readonly isReady: boolean
  readonly more: StandingMore
}

export interface StandingMore {
  /** Shards that are wanted; 0 while none is. */
  readonly shards?: number | undefined
  /** Pods that are wanted: shards times publishers. */
  readonly pods?: number | undefined
  /** When the rollout that is under way began, ms since the epoch. */
  readonly rollingSinceMs?: number | undefined
  /** Whether a rollout does not go on. */
  readonly isStuck?: boolean
  /** Pods whose container is started again and again. */
  readonly crashing?: number
  /** Whether healing would act and may not any more. */
  readonly isHealingSpent?: boolean
}

export interface Counts {
  /** A pass over a Collector ended. */
  passed(result: (typeof RESULTS)[number], seconds: number): void
  /** A Collector waited so long for a worker. */
  waited(seconds: number): void
  /** An object was applied, or the status of a Collector written. */
  applied(kind: string): void
  /** An object was removed since it is not wanted any more. */
  removed(kind: string): void
  /** The API server answered; status 0 where it did not. */
  answered(answer: { readonly method: string; readonly status: number; readonly tookMs: number }): void
  /** An Event was said. */
  said(type: (typeof EVENT_TYPES)[number]): void
  /** Healing did something, or tried to. */
  healed(action: (typeof ACTIONS)[number], reason: Reason, result: Result): void
  /** Why healing held something back. */
  held(why: Hold): void
  /** A Collector as its last pass found it. */
  stands(key: string, isReady: boolean, more?: StandingMore): void
  /** A Collector is gone. */
  forget(key: string): void
  readonly passes: Tally
  readonly applies: Tally
  readonly removals: Tally
  readonly requests: Tally
  readonly events: Tally
  readonly healings: Tally
  readonly holds: Tally
  readonly passSeconds: Histogram
  readonly waitSeconds: Histogram
  readonly requestSeconds: Histogram
  /** Collectors that are there, in the order in which they were first seen. */
  standings(): readonly Standing[]
}

export function openCounts(): Counts {
  const passes = tally(RESULTS)
  const applies = tally(APPLIED_KINDS)
  const removals = tally(APPLIED_KINDS.filter((kind) => kind !== 'Collector'))
  const requests = tally(Object.values(VERBS), CODES)
  const events = tally(EVENT_TYPES)
  const healings = tally(ACTIONS, REASONS, OUTCOMES)
  const holds = tally(HOLDS)
  const passSeconds = new Histogram(PASS_BOUNDS)
  const waitSeconds = new Histogram(PASS_BOUNDS)
  const requestSeconds = new Histogram(REQUEST_BOUNDS)
  const standings = new Map<string, Standing>()
  return {
    ...{ passes, applies, removals, requests, events, healings, holds, passSeconds, waitSeconds, requestSeconds },
    passed(result, seconds) {
      passes.add(result)
      passSeconds.add(seconds)
    },
    waited: (seconds) => waitSeconds.add(seconds),
    applied: (kind) => applies.add(kind),
    removed: (kind) => removals.add(kind),
    answered({ method, status, tookMs }) {
      requests.add(VERBS[method] ?? 'get', codeOf(status))
      // The answer to a watch is its beginning: it comes late where there is nothing to tell.
      if (method !== 'WATCH') requestSeconds.add(tookMs / 1000)
    },
    said: (type) => events.add(type),
    healed: (action, reason, result) => healings.add(action, reason, result),
    held: (why) => holds.add(why),
    stands: (key, isReady, more = {}) => void standings.set(key, { ...namesOf(key), isReady, more }),
    forget: (key) => void standings.delete(key),
    standings: () => [...standings.values()],
  }
}

function codeOf(status: number): (typeof CODES)[number] {
  if (status === 0) return 'none'
  return CODES.find((code) => code === String(status)) ?? (`${Math.floor(status / 100)}xx` as (typeof CODES)[number])
}
