// What a rule about a Collector is: the words that the files under rules/ are written in.
import type { AlertName, TIERS } from '../../crds/alerts.ts'
import type { Owner } from '../resources/facts.ts'
import type { Keep, Query } from './query.ts'

/** P1: data is being lost now. P2: it soon is, or some already was. P3: tomorrow. */
export type Tier = (typeof TIERS)[number]
/** A group is judged in order: what is recorded comes before the alerts that read it. */
export const GROUPS = ['data', 'unusual', 'sink', 'pods'] as const
export type Group = (typeof GROUPS)[number]

/** What a condition is made of. */
export interface At {
  readonly q: Query
  readonly owner: Owner
  /** Of the rule, or what the spec says in its place. */
  readonly threshold: number
}

export interface Rule {
  readonly alert: AlertName
  readonly tier: Tier
  readonly group: Group
  readonly for: string
  readonly keepFiringFor?: string
  /** From the fault until it fires at most, s; scraped and judged every {@link INTERVAL}, whatever the phase. */
  readonly detectWithin: number
  /** What it looks at; what is missing or stale is known within a minute. */
  readonly judges: 'presence' | 'staleness' | 'amount'
  /** What the condition compares with, and what a spec may change. */
  readonly threshold?: number
  /** What is compared with the threshold, for people. */
  readonly thresholdOf?: string
  readonly when: (at: At) => string
  /** Larger alerts that say it already: silent where their condition holds with these labels alike. */
  readonly explainedBy?: readonly Explained[]
  /** Larger alerts whose end leaves this behind: silent for {@link aftermath} after they fired. */
  readonly followsFrom?: readonly Explained[]
  /** A quarter of an hour by default. */
  readonly aftermath?: string
  readonly summary: string
  /** `{{ $value }}` and labels as Prometheus fills them in. */
  readonly description: string
  /** The likely one. */
  readonly cause: string
  /** What to run first; NAME and NAMESPACE are the Collector's. */
  readonly command: string
  /** Where it makes sense; everywhere by default. */
  readonly wanted?: (owner: Owner) => boolean
}

export interface Explained {
  readonly by: AlertName
  readonly on: Keep
}

/** A series that a rule records for others of its group. */
export interface Recording {
  readonly group: Group
  readonly record: string
  readonly expr: (q: Query) => string
}

/** Scraped and judged so often, as the PodMonitor says: what is to be known within a minute is. */
export const INTERVAL = '15s'
export const KIND = ['exchange', 'market', 'type'] as const
/** Types that never stop while a market is open. */
export const DENSE = 'type=~"trade|orderbook|ticker"'
/** A rollout may take this long before what it causes is said, s. */
export const ROLLOUT_SECONDS = 600

/** Where a page for each alert lies, where an operator is not told otherwise. */
export const RUNBOOKS = 'https://github.com/marketprism/marketprism/blob/main/docs/runbooks'

/** The labels of an `on`. */
export function on(labels: Keep): string {
  return `on (${labels.join(', ')})`
}

export const STATUS = 'kubectl marketprism status NAME --namespace NAMESPACE'
export const LOGS = 'kubectl marketprism logs NAME --namespace NAMESPACE'
