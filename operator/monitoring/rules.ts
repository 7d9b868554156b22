// The alerts on a Collector: what is wrong, how long it must last, who is to act.
//
// P1: data is being lost now. P2: it soon is, or some already was. P3: tomorrow.
// Always: a rule is silent where there is nothing to judge: a paused Collector, a cold start, a type that is quiet by
// nature. What must not fire beside another is in the expression (`unless`): inhibition in Alertmanager is the users'.
import { DATA_TYPES, type DataType } from '../../crds/names.ts'
import type { Owner } from '../resources/facts.ts'
import { deploymentName } from '../resources/labels.ts'
import type { Query } from './query.ts'

export interface Rule {
  readonly alert: `MarketPrism${string}`
  readonly tier: 'P1' | 'P2' | 'P3'
  readonly for: string
  readonly expr: (query: Query, owner: Owner) => string
  readonly summary: string
  /** `{{ $value }}` and labels as Prometheus fills them in. */
  readonly description: string
  /** Where it makes sense; everywhere by default. */
  readonly wanted?: (owner: Owner) => boolean
}

/** Scraped and judged so often, as the PodMonitor says: what is to be known within a minute is. */
export const INTERVAL = '15s'

/** From this age the newest message of a type is too old, s; undefined for what is silent for hours, and well. */
export const STALE_SECONDS: Readonly<Record<DataType, number | undefined>> = {
  trade: 60,
  orderbook: 30,
  ticker: 60,
  kline: 120,
  funding_rate: 600,
  open_interest: 600,
  liquidation: undefined,
  lsr_top_position: 900,
  lsr_all_account: 900,
  volatility_index: 300,
}
/** Types that never stop while a market is open. */
const DENSE = 'type=~"trade|orderbook|ticker"'
const SPARSE = DATA_TYPES.filter((type) => STALE_SECONDS[type] === undefined)
/** Messages a second below which half of them may be missing by chance. */
const VOLUME_FLOOR = 5
/** Judgements of the hour before that there must be: half an hour's. */
const HISTORY_MIN = 120
/** A rollout may take this long before what it causes is said, s. */
const ROLLOUT_SECONDS = 600

const KIND = ['exchange', 'market', 'type'] as const

const allDisconnected = (q: Query) =>
  `${q.total('marketprism_collector_sessions', [], 'state="open"')} == 0 and ${q.total('marketprism_collector_sessions')} > 0`

/** Ages above the limit of their type: the youngest of a shard's publishers, the oldest of the shards. */
function tooOld(q: Query): string {
  return [...Map.groupBy(DATA_TYPES, (type) => STALE_SECONDS[type])]
    .flatMap(([seconds, types]) => {
      if (seconds === undefined) return []
      const last = q.of('marketprism_collector_last_message_timestamp_seconds', `type=~"${types.join('|')}"`)
      const ofShard = `min by (shard, ${KIND.join(', ')}) (time() - (${last} > 0))`
      return [`max by (${KIND.join(', ')}) (${ofShard}) > ${seconds}`]
    })
    .join('\nor ')
}

/** Messages a second of the types that never stop, which one rule compares with the hour before. */
export const MESSAGE_RATE = {
  record: 'exchange_market_type:marketprism_collector_messages:rate1m',
  expr: (q: Query) => q.rate('marketprism_collector_messages_total', '1m', KIND, DENSE),
} as const

export const RULES: readonly Rule[] = [
  {
    alert: 'MarketPrismSystemDown',
    tier: 'P1',
    for: '30s',
    expr: (q) => {
      const desired = `max(${q.operator('marketprism_operator_collector_shards_desired')})`
      const up = `count(max by (shard) (${q.of('up')} == 1))`
      const rollout = q.operator('marketprism_operator_collector_rollout_started_timestamp_seconds')
      const missing = `(${desired} - (${up} or vector(0))) > 0 unless (time() - max(${rollout})) < ${ROLLOUT_SECONDS}`
      // While the operator is away nobody says how many there should be: then only that there is none.
      return `${missing}\nor (absent(${q.of('up')} == 1) unless ${desired})`
    },
    summary: 'Shards are down.',
    description: '{{ $value }} shards have no pod that answers: what they collect is being lost.',
  },
  {
    alert: 'MarketPrismAllExchangesDisconnected',
    tier: 'P1',
    for: '30s',
    expr: allDisconnected,
    summary: 'No exchange is connected.',
    description: 'Not one session to any exchange is open. Look at the way out of the cluster first.',
  },
  {
    alert: 'MarketPrismMessageProcessingStopped',
    tier: 'P1',
    for: '30s',
    expr: (q) => {
      const rate = q.rate('marketprism_collector_messages_total', '5m', [], DENSE)
      return `${rate} == 0 and ${q.total('marketprism_collector_feed_subscribed', [], DENSE)} > 0`
    },
    summary: 'No message is made any more.',
    description: 'Trades, books and tickers are wanted, and for five minutes there was none.',
  },
  {
    alert: 'MarketPrismNATSDisconnected',
    tier: 'P1',
    for: '30s',
    expr: (q) => `count(max by (shard) (${q.of('marketprism_collector_sink_connected', 'sink="nats"')}) == 0) > 0`,
    summary: 'NATS is not connected.',
    description: '{{ $value }} shards have no connection to NATS. Messages wait in the spool until it is full.',
    wanted: ({ spec }) => spec.sink.nats !== undefined,
  },
  {
    alert: 'MarketPrismDataStale',
    tier: 'P1',
    for: '15s',
    expr: tooOld,
    summary: 'Data of {{ $labels.exchange }} {{ $labels.market }} {{ $labels.type }} is stale.',
    description: 'The last message came {{ $value | humanizeDuration }} ago.',
  },
  {
    alert: 'MarketPrismExchangeDisconnected',
    tier: 'P2',
    for: '30s',
    expr: (q) => {
      const open = q.total('marketprism_collector_sessions', ['exchange'], 'state="open"')
      const all = q.total('marketprism_collector_sessions', ['exchange'])
      return `(${open} == 0 and ${all} > 0) unless on () (${allDisconnected(q)})`
    },
    summary: '{{ $labels.exchange }} is not connected.',
    description: 'No session to {{ $labels.exchange }} is open; other exchanges are.',
  },
  {
    alert: 'MarketPrismHighErrorRate',
    tier: 'P2',
    for: '2m',
    expr: (q) => {
      const all = q.rate('marketprism_collector_frames_total', '5m')
      const refused = q.rate('marketprism_collector_frames_total', '5m', [], 'outcome="refused"')
      return `${refused} / ${all} > 0.05 and ${all} > 1`
    },
    summary: 'Frames of exchanges cannot be used.',
    description:
      '{{ $value | humanizePercentage }} of the frames were refused. An exchange may have changed its format.',
  },
  {
    alert: 'MarketPrismHighProcessingLatency',
    tier: 'P2',
    for: '5m',
    expr: (q) => {
      const name = 'marketprism_collector_publish_latency_seconds'
      const all = q.rate(name, '5m', ['exchange'], '', '_count')
      // Bounds that are no whole numbers read alike in every version of Prometheus.
      return `1 - ${q.rate(name, '5m', ['exchange'], 'le="0.25"', '_bucket')} / ${all} > 0.05 and ${all} > 1`
    },
    summary: 'Messages of {{ $labels.exchange }} are published late.',
    description: '{{ $value | humanizePercentage }} of them took more than 250 ms from the socket to the sink.',
  },
  {
    alert: 'MarketPrismNATSPublishFailureHigh',
    tier: 'P2',
    for: '2m',
    expr: (q) => {
      const resent = q.rate('marketprism_collector_sink_resent_total', '5m')
      return `${resent} / ${q.rate('marketprism_collector_messages_acknowledged_total', '5m')} > 0.1 and ${resent} > 1`
    },
    summary: 'NATS does not acknowledge in time.',
    description: 'For each message that was acknowledged, {{ $value | humanize }} had to be sent again.',
    wanted: ({ spec }) => spec.sink.nats !== undefined,
  },
  {
    alert: 'MarketPrismMessageRateDropped',
    tier: 'P2',
    for: '1m',
    expr: (q) => {
      const rate = q.recorded(MESSAGE_RATE.record)
      const before = `${rate}[1h] offset 5m`
      const median = `quantile_over_time(0.5, ${before})`
      // What came to nothing is stale, and said so.
      return `(${rate} < 0.5 * ${median} and ${median} > ${VOLUME_FLOOR} and count_over_time(${before}) >= ${HISTORY_MIN})
unless on (${KIND.join(', ')}) (${tooOld(q)})`
    },
    summary:
      'Fewer messages of {{ $labels.exchange }} {{ $labels.market }} {{ $labels.type }} than in the hour before.',
    description: '{{ $value | humanize }} messages/s are less than half of what is usual.',
  },
  {
    alert: 'MarketPrismQueueBacklog',
    tier: 'P2',
    for: '1m',
    expr: (q) =>
      `max(${q.of('marketprism_collector_spool_bytes')} / ${q.of('marketprism_collector_spool_limit_bytes')}) > 0.5`,
    summary: 'The spool fills up.',
    description:
      '{{ $value | humanizePercentage }} of it are used. When it is full, messages are dropped, books first.',
  },
  {
    alert: 'MarketPrismFeedNeverStarted',
    tier: 'P2',
    for: '3m',
    expr: (q) => {
      const wanted = q.of('marketprism_collector_feed_subscribed', `type!~"${SPARSE.join('|')}"`)
      const last = q.of('marketprism_collector_last_message_timestamp_seconds')
      const by = `max by (${KIND.join(', ')})`
      return `${by} (${wanted}) > 0 unless ${by} (${last}) > 0`
    },
    summary: '{{ $labels.exchange }} {{ $labels.market }} {{ $labels.type }} never came.',
    description: 'It is wanted, and not one message of it has come since the pod started.',
  },
  {
    alert: 'MarketPrismHighMemoryUsage',
    tier: 'P3',
    for: '10m',
    expr: (q) =>
      `max(${q.of('marketprism_collector_heap_bytes')} / ${q.of('marketprism_collector_heap_limit_bytes')}) > 0.85`,
    summary: 'A pod is short of memory.',
    description: '{{ $value | humanizePercentage }} of the heap are used. Give it more, or more shards.',
  },
  {
    alert: 'MarketPrismHighCPUUsage',
    tier: 'P3',
    for: '10m',
    expr: (q) => `max(sum by (pod) (rate(${q.of('marketprism_collector_cpu_seconds_total')}[5m]))) > 0.9`,
    summary: 'A pod is busy.',
    description: 'It uses {{ $value | humanizePercentage }} of the one core that it can. More shards share the work.',
  },
  {
    alert: 'MarketPrismHighDiskUsage',
    tier: 'P3',
    for: '10m',
    expr: (_, { namespace, name }) => {
      const claims = deploymentName(name, 0, 'a').replace(/0-a$/, '[0-9]+-[ab]').replaceAll('.', '\\\\.')
      const whose = `{namespace="${namespace}",persistentvolumeclaim=~"${claims}"}`
      return `max(kubelet_volume_stats_used_bytes${whose} / kubelet_volume_stats_capacity_bytes${whose}) > 0.85`
    },
    summary: 'A volume is nearly full.',
    description: '{{ $value | humanizePercentage }} of it are used. When it is full, nothing more can be written.',
    wanted: ({ spec }) => spec.sink.file?.volume !== undefined,
  },
  {
    alert: 'MarketPrismFrequentReconnects',
    tier: 'P3',
    for: '5m',
    expr: (q) => `900 * ${q.rate('marketprism_collector_reconnects_total', '15m', ['exchange'], 'cause="lost"')} > 10`,
    summary: '{{ $labels.exchange }} is connected anew again and again.',
    description: '{{ $value | humanize }} connections were lost within a quarter of an hour.',
  },
]
