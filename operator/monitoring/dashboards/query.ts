// PromQL of panels, in which a metric is a name that the build knows, and every variable of the dashboard counts.
//
// Always: a selector says namespace and Collector, and has a matcher for each variable whose label the metric has. A rate
// is the sum over shards of the maximum over the pods of a shard: during a surge, or with two publishers, a plain sum would
// count everything twice.
import { METRICS as COLLECTOR, type MetricName as CollectorMetric } from '../../../collector/metrics.ts'
import { METRICS as OPERATOR, type MetricName as OperatorMetric } from '../../metrics.ts'

/** Variables by which a dashboard narrows what it shows, beside namespace and Collector; each is the name of a label. */
export type Filter = 'exchange' | 'market' | 'type' | 'shard'
/** Labels that a result keeps. */
export type Keep = string

type Suffix = '' | '_bucket' | '_count'
interface How {
  /** As in `type="trade"`. */
  readonly matchers?: string
  readonly suffix?: Suffix
  readonly window?: string
}

/** What Grafana makes of the step and the scrape interval: never too short for a rate. */
const WINDOW = '$__rate_interval'

export interface Queries {
  /** Series of the pods. */
  of(metric: CollectorMetric, how?: How): string
  /** Growth a second of a counter, over shards. */
  rate(metric: CollectorMetric, keep?: readonly Keep[], how?: How): string
  /** A gauge, over shards. */
  total(metric: CollectorMetric, keep?: readonly Keep[], how?: How): string
  /** Growth of a counter over a long time, in which pods come and go: publishers are compared, not pods. */
  growth(metric: CollectorMetric, window: string, keep?: readonly Keep[]): string
  /** A quantile of a histogram, seconds. */
  quantile(share: number, metric: CollectorMetric, keep?: readonly Keep[]): string
  /** How long ago the youngest message of a shard's publishers came, and of the shards the longest, seconds. */
  age(keep: readonly Keep[]): string
  /** The same as a multiple of the silence that is usual for the channel. */
  silence(keep: readonly Keep[]): string
  /** Targets of a scrape that answer. */
  up(): string
  /** Alerts that fire about the Collectors. */
  alerts(): string
}

/** Queries of a dashboard about the pods of Collectors. */
export function queriesOf(filters: readonly Filter[]): Queries {
  const of: Queries['of'] = (metric, { matchers, suffix = '' } = {}) =>
    series(`${metric}${suffix}`, [...narrowed(filters, COLLECTOR[metric].labels), ...given(matchers)])
  const last = of('marketprism_collector_last_message_timestamp_seconds')
  const rate: Queries['rate'] = (metric, keep = [], how = {}) =>
    overShards(`rate(${of(metric, how)}[${how.window ?? WINDOW}])`, keep)
  return {
    of,
    rate,
    total: (metric, keep = [], how = {}) => overShards(of(metric, how), keep),
    growth: (metric, window, keep = []) => overShards(`increase(${of(metric)}[${window}])`, keep, 'publisher'),
    quantile: (share, metric, keep = []) =>
      `histogram_quantile(${share}, ${rate(metric, ['le', ...keep], { suffix: '_bucket' })})`,
    age: (keep) => ofYoungest(`time() - (${last} > 0)`, keep),
    silence(keep) {
      const usual = of('marketprism_collector_stale_after_seconds')
      return ofYoungest(`(time() - (${last} > 0)) / (${usual} > 0)`, keep)
    },
    up: () => series('up', narrowed(filters, [])),
    alerts: () => series('ALERTS', ['alertstate="firing"']),
  }
}

export interface OperatorQueries {
  /** Series about Collectors, or of the operator itself, as the metric's labels have it. */
  of(metric: OperatorMetric, how?: How): string
  rate(metric: OperatorMetric, keep?: readonly Keep[], how?: How): string
  quantile(share: number, metric: OperatorMetric): string
}

/** Queries of the dashboard about the operator. */
export function operatorQueries(): OperatorQueries {
  const of: OperatorQueries['of'] = (metric, { matchers, suffix = '' } = {}) => {
    const labels: readonly string[] = OPERATOR[metric].labels
    const name = `${metric}${suffix}`
    if (labels.includes('collector')) return series(name, given(matchers))
    return `${name}{${['namespace=~"$operator"', ...given(matchers)].join(',')}}`
  }
  const rate: OperatorQueries['rate'] = (metric, keep = [], how = {}) =>
    `sum${keep.length === 0 ? '' : ` by (${keep.join(', ')})`} (rate(${of(metric, how)}[${how.window ?? WINDOW}]))`
  return {
    of,
    rate,
    quantile: (share, metric) => `histogram_quantile(${share}, ${rate(metric, ['le'], { suffix: '_bucket' })})`,
  }
}

/** A result that is empty while nothing has happened, shown as one line at 0. */
export function orNone(expr: string, label: string): string {
  return `${expr} or on () label_replace(vector(0), "${label}", "none", "", "")`
}

const WHOSE = ['namespace="$namespace"', 'collector=~"$collector"']

function series(name: string, matchers: readonly string[]): string {
  return `${name}{${[...WHOSE, ...matchers].join(',')}}`
}

/** Every series of a pod has `shard` from its scrape. */
function narrowed(filters: readonly Filter[], labels: readonly string[]): string[] {
  return filters.filter((name) => name === 'shard' || labels.includes(name)).map((name) => `${name}=~"$${name}"`)
}

function given(matchers: string | undefined): string[] {
  return matchers === undefined ? [] : [matchers]
}

// Of a shard's publishers the youngest message counts, of the shards the oldest: else a fresh one hides a dead one.
function ofYoungest(expr: string, keep: readonly Keep[]): string {
  const shard = by(['collector', 'shard', 'exchange', 'market', 'type'])
  return `max by (${keep.join(', ')}) (min by (${shard}) (${expr}))`
}

// What a metric has beside the labels that are kept is added up within the pod, before pods are compared.
function overShards(expr: string, keep: readonly Keep[], within: 'pod' | 'publisher' = 'pod'): string {
  const inPod = `sum by (${by(['collector', 'shard', within, ...keep])}) (${expr})`
  const ofShard = `max by (${by(['collector', 'shard', ...keep])}) (${inPod})`
  return `sum${keep.length === 0 ? '' : ` by (${keep.join(', ')})`} (${ofShard})`
}

function by(labels: readonly string[]): string {
  return [...new Set(labels)].join(', ')
}
