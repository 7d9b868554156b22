// What alerts were worth: which incidents they found and when, and which nobody can explain.
//
// In: alerts and what really happened. Out: plain numbers. Always: an alert counts for the event that goes on when it begins
// (or that ended a quarter of an hour ago), and only where both are about the same data; an incident is found when an alert
// begins while it lasts. An alert that was there before it finds nothing.
import type { AlertName } from '../../crds/alerts.ts'
import { ruleOf } from '../../operator/monitoring/rules.ts'
import type { Fired } from './evaluate.ts'
import { meets } from './kinds.ts'
import { ADAPTIVE_INCIDENTS, type Incident, type IncidentKind, type Plan, RIGHT } from './plan.ts'

/** What an event leaves behind lasts so long, s. */
const AFTERMATH = 900

export const ADAPTIVE: readonly AlertName[] = [
  'MarketPrismMessageRateDropped',
  'MarketPrismErrorRateUnusual',
  'MarketPrismLatencyUnusual',
]
/** The adaptive rules, and the larger alerts that silence them within their expressions. */
export const WITH_LARGER: readonly AlertName[] = [
  ...new Set([...ADAPTIVE, ...ADAPTIVE.flatMap((name) => (ruleOf(name).explainedBy ?? []).map(({ by }) => by))]),
]

/** What became of an incident. */
export interface Found {
  readonly kind: IncidentKind
  /** Seconds from its beginning to the first alert; undefined: none. */
  readonly after: number | undefined
  readonly alerts: number
  /** Which they were, by name. */
  readonly by: readonly string[]
}

export interface Verdict {
  readonly incidents: readonly Found[]
  readonly alerts: number
  /** Alerts that nothing explains. */
  readonly wrong: readonly Fired[]
}

/** A verdict in numbers. */
export interface Tally {
  readonly incidents: readonly Found[]
  readonly alerts: number
  readonly wrong: number
}

export function tallyOf({ incidents, alerts, wrong }: Verdict): Tally {
  return { incidents, alerts, wrong: wrong.length }
}

export function judge(fired: readonly Fired[], { incidents, ordinary }: Plan): Verdict {
  const goesOn = (alert: Fired, event: { from: number; to: number; of: object }): boolean =>
    alert.from >= event.from && alert.from <= event.to + AFTERMATH && meets(alert.labels, event.of)
  const found = incidents.map((incident): Found => {
    const own = fired.filter((alert) => goesOn(alert, incident))
    return {
      kind: incident.kind,
      after: firstOf(own, incident),
      alerts: own.length,
      by: [...new Set(own.map(({ alert }) => alert))],
    }
  })
  const wrong = fired.filter((alert) => {
    if (incidents.some((one) => goesOn(alert, one))) return false
    return !ordinary.some((one) => RIGHT[one.kind].some((name) => name === alert.alert) && goesOn(alert, one))
  })
  return { incidents: found, alerts: fired.length, wrong }
}

function firstOf(alerts: readonly Fired[], { from, to }: Incident): number | undefined {
  const during = alerts.filter((alert) => alert.from <= to).map((alert) => alert.from - from)
  return during.length === 0 ? undefined : Math.min(...during)
}

export interface Score {
  readonly incidents: number
  readonly found: number
  readonly alerts: number
  readonly wrong: number
  /** Of what was found, s: the median, and 19 of 20. */
  readonly median: number
  readonly p95: number
  /** Alerts about an incident that was found, median. */
  readonly perIncident: number
}

/** The sum of tallies, over incidents of these kinds. */
export function scoreOf(tallies: readonly Tally[], kinds: readonly IncidentKind[] = ADAPTIVE_INCIDENTS): Score {
  const incidents = tallies.flatMap((one) => one.incidents).filter(({ kind }) => kinds.includes(kind))
  const delays = incidents.flatMap(({ after }) => after ?? []).toSorted((a, b) => a - b)
  const counts = incidents.flatMap(({ alerts }) => (alerts === 0 ? [] : [alerts])).toSorted((a, b) => a - b)
  return {
    incidents: incidents.length,
    found: delays.length,
    alerts: tallies.reduce((sum, { alerts }) => sum + alerts, 0),
    wrong: tallies.reduce((sum, { wrong }) => sum + wrong, 0),
    median: quantile(delays, 0.5),
    p95: quantile(delays, 0.95),
    perIncident: quantile(counts, 0.5),
  }
}

/** Of sorted values the one that this share of them does not exceed; NaN of none. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
}
