// The series that a Prometheus has of the Collector: those that the rules read of what flows, of connections and of pods.
//
// In: flows, pods and rollouts. Out: series with a first step and a value a step; NaN where nothing was scraped. Left out are
// resources of pods (memory, processor, files) and what NATS says of itself: no market moves them here.
import type { MetricName as CollectorMetric } from '../../collector/metrics.ts'
import type { MetricName as OperatorMetric } from '../../operator/metrics.ts'
import type { Flow, Flows } from './flow.ts'
import { DENSE_KINDS, SHARDS, SHARED, START, STEP } from './kinds.ts'
import { isAtWork, type Pod } from './pods.ts'

export interface Series {
  /** As the text of a sample begins: name and labels. */
  readonly name: string
  /** Step of its first value. */
  readonly first: number
  readonly values: Float64Array
}

type Labels = Readonly<Record<string, string | number>>
/** What a scrape adds, or the suffix of a histogram's parts. */
type Metric = CollectorMetric | OperatorMetric | 'up' | `${CollectorMetric}_bucket` | `${CollectorMetric}_count`

const BOUNDS = [0.01, 0.025, 0.05, 0.1, 0.25, Number.POSITIVE_INFINITY]
/** Spread of a latency: deviation of its logarithm. */
const LATENCY_SPREAD = 0.7
const STALE_AFTER = 30
const CHANNELS = 3

/** All series of some days. */
export function* seriesOf(
  { kinds, sessions, sink }: Flows,
  pods: readonly Pod[],
  rollouts: readonly { from: number; to: number }[],
): Generator<Series> {
  const steps = sink.length
  yield* operatorSeries(steps, rollouts)
  for (const pod of pods) {
    const first = Math.max(0, Math.ceil(pod.from / STEP))
    const end = Math.min(steps, Math.ceil(pod.to / STEP))
    const scrape = { shard: pod.shard, pod: pod.name }
    const own = scraped({ scrape, first, end })
    yield* podSeries(own, pod, sink)
    const mine = kinds.filter(({ kind }) => kind.exchange === SHARDS[pod.shard])
    for (const flow of mine) yield* kindSeries(own, pod, flow, sink)
    const frames = Float64Array.from({ length: steps }, (_, i) =>
      mine.reduce((all, { messages }) => all + (messages[i] ?? 0), 0),
    )
    yield own(
      'marketprism_collector_frames_total',
      { outcome: 'data' },
      sum(frames, (i) => isAtWork(pod, i * STEP)),
    )
    yield own('marketprism_collector_frames_total', { outcome: 'refused' }, () => 0)
    for (const session of sessions) {
      if (session.exchange !== SHARDS[pod.shard]) continue
      const labels = { exchange: session.exchange, market: session.market }
      const open = (i: number): number => session.isOpen[i] ?? 1
      yield own('marketprism_collector_sessions', { ...labels, state: 'open' }, (i) => 2 * open(i))
      yield own('marketprism_collector_sessions', { ...labels, state: 'waiting' }, (i) => 2 - 2 * open(i))
      yield own('marketprism_collector_reconnects_total', { ...labels, cause: 'lost' }, sum(session.lost))
      yield own('marketprism_collector_reconnects_total', { ...labels, cause: 'planned' }, sum(session.planned))
      const hasBooks = kinds.some(
        ({ kind }) => kind.type === 'orderbook' && kind.exchange === session.exchange && kind.market === session.market,
      )
      if (!hasBooks) continue
      yield own('marketprism_collector_order_books', labels, () => CHANNELS)
      // A lost connection takes the books with it, until the next step.
      yield own('marketprism_collector_order_books_in_sync', labels, (i) =>
        open(i) === 0 || session.lost[i] ? 0 : CHANNELS,
      )
    }
  }
}

type Make = (metric: Metric, labels: Labels, value: (i: number) => number) => Series

function scraped({ scrape, first, end }: { scrape: Labels; first: number; end: number }): Make {
  return (metric, labels, value) => ({
    name: nameOf(metric, { ...scrape, ...labels }),
    first,
    values: Float64Array.from({ length: Math.max(0, end - first) }, (_, i) => value(first + i)),
  })
}

function nameOf(metric: Metric, labels: Labels): string {
  const all = { ...SHARED, ...labels }
  return `${metric}{${Object.entries(all)
    .map(([label, value]) => `${label}="${value}"`)
    .join(',')}}`
}

/** A counter of what each step adds, from the first step that it is asked for. */
function sum(steps: Float64Array, isOn: (i: number) => boolean = () => true): (i: number) => number {
  let total = 0
  return (i) => (total += isOn(i) ? (steps[i] ?? 0) : 0)
}

function* operatorSeries(steps: number, rollouts: readonly { from: number; to: number }[]): Generator<Series> {
  const own = scraped({ scrape: { pod: 'operator-1' }, first: 0, end: steps })
  yield own('marketprism_operator_collector_shards_desired', {}, () => SHARDS.length)
  yield own('marketprism_operator_collector_pods_desired', {}, () => SHARDS.length)
  for (const metric of ['pods_crashing', 'rollout_stuck', 'healing_spent'] as const) {
    yield own(`marketprism_operator_collector_${metric}`, {}, () => 0)
  }
  yield own('marketprism_operator_collector_rollout_started_timestamp_seconds', {}, (i) => {
    const now = rollouts.find(({ from, to }) => from <= i * STEP && i * STEP < to)
    return now === undefined ? Number.NaN : START + now.from
  })
}

function* podSeries(own: Make, pod: Pod, sink: Uint8Array): Generator<Series> {
  yield own('up', {}, () => 1)
  yield own('process_start_time_seconds', {}, () => START + pod.from)
  yield own('marketprism_collector_clock_timestamp_seconds', {}, (i) => START + i * STEP)
  yield own('marketprism_collector_sink_connected', { sink: 'nats' }, (i) => sink[i] ?? 1)
  let acknowledged = START
  yield own('marketprism_collector_sink_last_acknowledged_timestamp_seconds', {}, (i) => {
    return (acknowledged = sink[i] === 0 ? acknowledged : START + i * STEP)
  })
  yield own('marketprism_collector_spool_messages', {}, (i) => (sink[i] === 0 ? 5000 : 3))
  yield own('marketprism_collector_spool_bytes', {}, (i) => (sink[i] === 0 ? 12_000_000 : 1000))
  yield own('marketprism_collector_spool_limit_bytes', {}, () => 67_108_864)
  for (const metric of ['messages_foreign_total', 'sink_resent_total'] as const) {
    yield own(`marketprism_collector_${metric}`, {}, () => 0)
  }
  yield own('marketprism_collector_messages_dropped_total', { reason: 'spool_full' }, () => 0)
}

function* kindSeries(own: Make, pod: Pod, flow: Flow, sink: Uint8Array): Generator<Series> {
  const { kind, messages, failed, gaps, silence } = flow
  const labels = { exchange: kind.exchange, market: kind.market, type: kind.type }
  const works = (i: number): boolean => isAtWork(pod, i * STEP)
  const isDense = DENSE_KINDS.includes(kind)
  const check = { check: 'priceJump', action: 'flag' }
  yield own('marketprism_collector_messages_total', labels, sum(messages, works))
  yield own('marketprism_collector_checks_failed_total', { ...labels, ...check }, sum(failed, works))
  yield own('marketprism_collector_gaps_total', labels, sum(gaps, works))
  yield own('marketprism_collector_feed_subscribed', labels, () => 1)
  const isStale = (i: number): boolean => isDense && (silence[i] ?? 0) > STALE_AFTER
  yield own('marketprism_collector_channels', { ...labels, state: 'live' }, (i) => (isStale(i) ? 0 : CHANNELS))
  let last = Number.NaN
  yield own('marketprism_collector_last_message_timestamp_seconds', labels, (i) => {
    if (works(i) && (messages[i] ?? 0) > 0) last = START + i * STEP - (silence[i] ?? 0)
    return last
  })
  if (kind.type !== 'liquidation') {
    yield own('marketprism_collector_stale_after_seconds', labels, () => (isDense ? STALE_AFTER : 90))
  }
  if (isDense) yield* latencySeries(own, flow, labels, (i) => works(i) && sink[i] !== 0)
}

function* latencySeries(
  own: Make,
  { messages, latency }: Flow,
  labels: Labels,
  isOn: (i: number) => boolean,
): Generator<Series> {
  const metric = 'marketprism_collector_publish_latency_seconds'
  // What waited for the sink is acknowledged when it is back, later than any bound.
  let waiting = 0
  const waited = messages.map((all, i) => {
    waiting = isOn(i) ? 0 : waiting + all
    return isOn(i + 1) ? waiting : 0
  })
  const late = (i: number): number => (isOn(i) ? (waited[i - 1] ?? 0) : 0)
  for (const bound of BOUNDS) {
    const isLast = bound === Number.POSITIVE_INFINITY
    const within = messages.map((all, i) => Math.round(all * below(bound, latency[i] ?? 1)) + (isLast ? late(i) : 0))
    yield own(`${metric}_bucket`, { ...labels, le: isLast ? '+Inf' : String(bound) }, sum(within, isOn))
  }
  const stored = messages.map((all, i) => all + late(i))
  yield own(`${metric}_count`, labels, sum(stored, isOn))
  yield own('marketprism_collector_messages_acknowledged_total', labels, sum(stored, isOn))
}

/** The share of latencies of this median that are no longer than a bound: log-normal, by the logistic curve. */
function below(bound: number, median: number): number {
  return bound === Number.POSITIVE_INFINITY
    ? 1
    : 1 / (1 + Math.exp((-1.702 * Math.log(bound / median)) / LATENCY_SPREAD))
}
