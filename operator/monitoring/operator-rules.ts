// The alerts on the operator itself. They come with the chart: an operator that is down installs none.
//
// In: where its metrics are scraped. Out: groups as a file of Prometheus has them. Always: about one installation, by
// namespace and job; what they say of it is not said in the rules of a Collector.
import type { MetricName } from '../metrics.ts'
import { SEVERITIES, type WrittenRule } from './alerts.ts'
import { INTERVAL, RUNBOOKS, type Tier } from './rule.ts'

export interface OperatorRule {
  readonly alert: `MarketPrismOperator${string}`
  readonly tier: Tier
  readonly for: string
  /** From the fault until it fires at most, s. */
  readonly detectWithin: number
  readonly judges: 'presence' | 'staleness' | 'amount'
  /** `of` gives the series of a metric of this operator. */
  readonly when: (of: (metric: MetricName | 'up') => string) => string
  readonly summary: string
  readonly description: string
  readonly cause: string
}

const WEEK = 7 * 86_400

export const OPERATOR_RULES: readonly OperatorRule[] = [
  {
    alert: 'MarketPrismOperatorDown',
    tier: 'P2',
    for: '15s',
    detectWithin: 60,
    judges: 'presence',
    when: (of) => `absent(${of('up')} == 1)`,
    summary: 'No operator answers.',
    description: '{{ $value }}: none of its pods answers a scrape. Collectors go on; nothing is healed or changed.',
    cause: 'Its pods end, cannot be placed, or do not let Prometheus read.',
  },
  {
    alert: 'MarketPrismOperatorNotLeading',
    tier: 'P2',
    for: '1m',
    // One that reaches nobody holds on to its Lease for 20 s.
    detectWithin: 135,
    judges: 'amount',
    // A Lease that is not given back is free after half a minute.
    when: (of) => `sum(${of('marketprism_operator_leader')}) == 0`,
    summary: 'No operator leads.',
    description: '{{ $value }} of the operators that answer hold the Lease: nothing is healed or changed.',
    cause: 'The API server cannot be reached, or refuses to give the Lease.',
  },
  {
    alert: 'MarketPrismOperatorPassesFailing',
    tier: 'P2',
    for: '5m',
    detectWithin: 345,
    judges: 'amount',
    when: (of) => `max(${of('marketprism_operator_queue_failing')}) > 0`,
    summary: 'The operator cannot do its work.',
    description: '{{ $value }} Collectors are not what they are to be.',
    cause: 'Rights that are missing, or a quota.',
  },
  {
    alert: 'MarketPrismOperatorQueueLong',
    tier: 'P3',
    for: '5m',
    detectWithin: 345,
    judges: 'amount',
    when: (of) => `max(${of('marketprism_operator_queue_depth')}) > 50`,
    summary: 'Collectors wait for the operator.',
    description: '{{ $value }} Collectors wait for a worker.',
    cause: 'A slow API server, or too little processor time.',
  },
  {
    alert: 'MarketPrismOperatorWatchSilent',
    tier: 'P3',
    for: '1m',
    detectWithin: 360,
    judges: 'staleness',
    // The API server says once a minute that there is nothing new.
    when: (of) => `time() - min(${of('marketprism_operator_watch_heard_timestamp_seconds')}) > 240`,
    summary: 'The operator does not hear of the cluster.',
    description: 'Its oldest watch was last heard of {{ $value | humanizeDuration }} ago.',
    cause: 'The way to the API server is cut without a word.',
  },
  {
    alert: 'MarketPrismOperatorCertificateExpiring',
    tier: 'P3',
    for: '0s',
    detectWithin: 45,
    judges: 'amount',
    when: (of) => `min(${of('marketprism_operator_certificate_expires_timestamp_seconds')} - time()) < ${WEEK}`,
    summary: 'The certificate of the metrics of the operator expires soon.',
    description: 'It expires in {{ $value | humanizeDuration }}; then Prometheus cannot read them.',
    cause: 'Nobody, or no cert-manager, renews the Secret that the chart names.',
  },
]

/** The groups of an installation, whose metrics are scraped by this job in this namespace. */
export function operatorGroups(namespace: string, job: string, runbooks = RUNBOOKS): object[] {
  const of = (metric: string) => `${metric}{namespace="${namespace}",job="${job}"}`
  const rules = OPERATOR_RULES.map((rule): WrittenRule => {
    return {
      alert: rule.alert,
      expr: rule.when(of),
      ...(rule.for === '0s' ? {} : { for: rule.for }),
      labels: { severity: SEVERITIES[rule.tier], priority: rule.tier, namespace },
      annotations: {
        summary: rule.summary,
        description: rule.description,
        cause: rule.cause,
        command: `kubectl get pods --selector app.kubernetes.io/name=marketprism-operator --namespace ${namespace}`,
        runbook_url: `${runbooks}/${rule.alert}.md`,
      },
    }
  })
  return [{ name: `marketprism/${namespace}/operator`, interval: INTERVAL, rules }]
}
