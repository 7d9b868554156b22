// Whether what flows is all of it, right, and in time.
import { DENSE, type Explained, KIND, LOGS, on, type Recording, type Rule, STATUS } from '../rule.ts'
import { baseline, season } from './baseline.ts'
import { rollingOut } from './presence.ts'
import { NOTHING_TAKEN } from './sink.ts'

/** Messages a second below which half of them may be missing by chance. */
const VOLUME_FLOOR = 5
/** Gaps that a bad minute leaves behind anyway. */
const GAPS_MIN = 3

/** During these the data is not what is usual. */
const INCIDENTS: readonly Explained[] = [
  { by: 'MarketPrismDataStale', on: KIND },
  { by: 'MarketPrismExchangeDisconnected', on: ['exchange'] },
  { by: 'MarketPrismAllExchangesDisconnected', on: [] },
  { by: 'MarketPrismMessageProcessingStopped', on: [] },
  { by: 'MarketPrismSystemDown', on: [] },
]

/** Messages a second of the types that never stop. */
const RATE = baseline({
  group: 'data',
  name: 'messages:rate1m',
  expr: (q) => q.rate('marketprism_collector_messages_total', '1m', KIND, DENSE),
  unlearnt: [{ by: 'MarketPrismMessageRateDropped', on: KIND }, ...INCIDENTS],
})
const SEASON = 'exchange_market_type:marketprism_collector_messages:rate1m_season'
/** The same over five minutes, and which share of the usual that is for most kinds of the Collector. */
const LATELY = 'exchange_market_type:marketprism_collector_messages:rate5m'
const BREATH = 'collector:marketprism_collector_messages:share5m'
/** Deviations by which five minutes must differ: few, since they must differ from the other kinds as well. */
const LATELY_DEVIATIONS = 1.5
/** Kinds of which most can be told. */
const OTHERS_MIN = 3

/**
 * A minute of trades is often a third of another one, so their own restlessness hides the loss of half of them. But a market
 * that calms down does so everywhere: what most kinds do tells a loss from a lull.
 */
const comparison: readonly Recording[] = [
  { group: 'data', record: LATELY, expr: (q) => `avg_over_time(${RATE.value(q)}[5m])` },
  {
    group: 'data',
    record: BREATH,
    expr(q) {
      const shares = `${q.recorded(LATELY)} / (${RATE.median(q)} > ${VOLUME_FLOOR})`
      return `quantile(0.5, ${shares}) and count(${shares}) >= ${OTHERS_MIN}`
    },
  },
]

/** Share of messages that failed a check, by which they were flagged or dropped. */
const ERRORS = baseline({
  group: 'unusual',
  name: 'errors:ratio2m',
  expr(q) {
    const failed = q.rate('marketprism_collector_checks_failed_total', '2m', KIND, 'action=~"flag|drop"')
    return `${failed} / (${q.rate('marketprism_collector_messages_total', '2m', KIND)} > ${VOLUME_FLOOR})`
  },
  unlearnt: [{ by: 'MarketPrismErrorRateUnusual', on: KIND }],
})

const LATENCY_SECONDS = 'marketprism_collector_publish_latency_seconds'
/** What 19 of 20 messages need from the socket to the sink. */
const LATENCY = baseline({
  group: 'unusual',
  name: 'publish_latency:p95_2m',
  expr(q) {
    const buckets = q.rate(LATENCY_SECONDS, '2m', [...KIND, 'le'], '', '_bucket')
    return `histogram_quantile(0.95, ${buckets}) and ${on(KIND)} (${q.rate(LATENCY_SECONDS, '2m', KIND, '', '_count')} > 1)`
  },
  unlearnt: [{ by: 'MarketPrismLatencyUnusual', on: KIND }, ...INCIDENTS],
})

/** Messages a second, which dashboards show beside what is usual. */
export const MESSAGE_RATE = RATE.recordings[0] as Recording

export const flowRecordings: readonly Recording[] = [
  ...RATE.recordings,
  season('data', SEASON, (q) => q.recorded(MESSAGE_RATE.record)),
  ...comparison,
  ...ERRORS.recordings,
  ...LATENCY.recordings,
]

export const flowRules: readonly Rule[] = [
  {
    alert: 'MarketPrismMessageRateDropped',
    tier: 'P2',
    group: 'data',
    for: '15s',
    detectWithin: 75,
    judges: 'amount',
    threshold: 0.5,
    thresholdOf: 'share of the usual messages that must be missing',
    when({ q, threshold }) {
      const [rate, lately, median] = [RATE.value(q), q.recorded(LATELY), RATE.median(q)]
      // What is usual at this time of the day is a second opinion, where there are three days of it.
      const usual = `(${rate} >= ${1 - threshold} * ${q.recorded(SEASON)})`
      const atOnce = `${rate} < ${median} - ${RATE.band(q, threshold)} unless ${usual}`
      const others = `${lately} / ${median} < on () group_left () (${1 - threshold} * ${q.recorded(BREATH)})`
      const atLength = `${lately} < ${median} - ${RATE.band(q, threshold, LATELY_DEVIATIONS)} and ${others}`
      return `((${atOnce})\nor (${atLength}))\nand ${median} > ${VOLUME_FLOOR}\nand ${RATE.known(q)}`
    },
    explainedBy: INCIDENTS,
    // Until five minutes are whole again.
    followsFrom: INCIDENTS,
    aftermath: '6m',
    summary: 'Fewer messages of {{ $labels.exchange }} {{ $labels.market }} {{ $labels.type }} than is usual.',
    description:
      '{{ $value | humanize }} messages/s are far less than in the hour before, and than at this time of day or than the rest.',
    cause:
      'Some of the symbols get nothing: a subscription that was lost, an exchange in trouble. Or the market sleeps.',
    command: STATUS,
  },
  {
    alert: 'MarketPrismOrderBookOutOfSync',
    tier: 'P2',
    group: 'data',
    for: '2m',
    detectWithin: 165,
    judges: 'amount',
    threshold: 0,
    thresholdOf: 'order books of an exchange and market',
    when({ q, threshold }) {
      const books = q.total('marketprism_collector_order_books', ['exchange', 'market'])
      const inSync = q.total('marketprism_collector_order_books_in_sync', ['exchange', 'market'])
      return `${books} - ${inSync} > ${threshold}`
    },
    explainedBy: [
      { by: 'MarketPrismExchangeDisconnected', on: ['exchange'] },
      { by: 'MarketPrismRequestsBlocked', on: ['exchange'] },
    ],
    summary: 'Order books of {{ $labels.exchange }} {{ $labels.market }} are out of sync.',
    description: '{{ $value }} books wait for a snapshot; nothing of them is published meanwhile.',
    cause: 'The exchange limits or refuses snapshots, or updates are lost on the way again and again.',
    command: STATUS,
  },
  {
    alert: 'MarketPrismGapRateHigh',
    tier: 'P2',
    group: 'data',
    for: '0s',
    keepFiringFor: '15m',
    detectWithin: 900,
    judges: 'amount',
    threshold: 1,
    thresholdOf: 'gaps of a channel within a quarter of an hour, on average',
    when({ q, threshold }) {
      const gaps = `900 * ${q.rate('marketprism_collector_gaps_total', '15m', KIND)}`
      const often = `${gaps} > ${threshold} * ${q.total('marketprism_collector_channels', KIND)} and ${gaps} > ${GAPS_MIN}`
      // A pod that takes over announces what it cannot know of the one before it.
      return `(${often}) unless ${on([])} (${rollingOut(q, 900)})`
    },
    followsFrom: INCIDENTS,
    summary: 'Data of {{ $labels.exchange }} {{ $labels.market }} {{ $labels.type }} is missing again and again.',
    description: '{{ $value | humanize }} gaps within a quarter of an hour: what they cover is missing for good.',
    cause: 'Connections that break often, or an exchange that drops updates.',
    command: 'kubectl marketprism audit NAME --namespace NAMESPACE',
  },
  {
    alert: 'MarketPrismDataGap',
    tier: 'P3',
    group: 'data',
    for: '0s',
    keepFiringFor: '15m',
    detectWithin: 45,
    judges: 'amount',
    when({ q }) {
      const gaps = q.of('marketprism_collector_gaps_total')
      // The first of a counter that is born at 1 is no growth.
      const fresh = `sum by (${KIND.join(', ')}) ((increase(${gaps}[2m]) > 0) or (${gaps} > 0 unless ${gaps} offset 2m))`
      return `${fresh} unless ${on([])} (${rollingOut(q, 180)})`
    },
    followsFrom: INCIDENTS,
    summary: 'Data of {{ $labels.exchange }} {{ $labels.market }} {{ $labels.type }} is missing.',
    description: '{{ $value | humanize }} gaps were announced; each says in its message from when to when.',
    cause: 'A connection broke, and the exchange does not give what was missed.',
    command: 'kubectl marketprism audit NAME --namespace NAMESPACE',
  },
  {
    alert: 'MarketPrismHighErrorRate',
    tier: 'P2',
    group: 'data',
    for: '2m',
    detectWithin: 240,
    judges: 'amount',
    threshold: 0.05,
    thresholdOf: 'share of the frames',
    when({ q, threshold }) {
      const all = q.rate('marketprism_collector_frames_total', '2m')
      const refused = q.rate('marketprism_collector_frames_total', '2m', [], 'outcome="refused"')
      return `${refused} / ${all} > ${threshold} and ${all} > 1`
    },
    summary: 'Frames of exchanges cannot be used.',
    description: '{{ $value | humanizePercentage }} of the frames were refused.',
    cause: 'An exchange has changed its format.',
    command: LOGS,
  },
  {
    alert: 'MarketPrismErrorRateUnusual',
    tier: 'P3',
    group: 'unusual',
    for: '2m',
    detectWithin: 240,
    judges: 'amount',
    threshold: 0.01,
    thresholdOf: 'share of messages that fail a check, beyond what is usual',
    when({ q, threshold }) {
      const more = `${ERRORS.value(q)} - ${ERRORS.median(q)}`
      return `${ERRORS.value(q)}\nand ${more} > ${threshold}\nand ${more} > ${ERRORS.band(q, 0.5)}\nand ${ERRORS.known(q)}`
    },
    explainedBy: [{ by: 'MarketPrismHighErrorRate', on: [] }],
    summary:
      'More messages of {{ $labels.exchange }} {{ $labels.market }} {{ $labels.type }} fail checks than is usual.',
    description: '{{ $value | humanizePercentage }} of them were flagged or dropped; see their `flags`.',
    cause: 'A wild market, an exchange whose clock or numbers are off, or a limit in spec.quality that is too narrow.',
    command: STATUS,
  },
  {
    alert: 'MarketPrismHighProcessingLatency',
    tier: 'P2',
    group: 'data',
    for: '2m',
    detectWithin: 240,
    judges: 'amount',
    threshold: 0.05,
    thresholdOf: 'share of messages that take more than 250 ms',
    when({ q, threshold }) {
      const all = q.rate(LATENCY_SECONDS, '2m', ['exchange'], '', '_count')
      // Bounds that are no whole numbers read alike in every version of Prometheus.
      const fast = q.rate(LATENCY_SECONDS, '2m', ['exchange'], 'le="0.25"', '_bucket')
      return `1 - ${fast} / ${all} > ${threshold} and ${all} > 1`
    },
    explainedBy: NOTHING_TAKEN,
    // Files that are forced to the disk once a second acknowledge once a second.
    wanted: ({ spec }) => spec.sink.file?.fsync !== 'everySecond',
    summary: 'Messages of {{ $labels.exchange }} are published late.',
    description: '{{ $value | humanizePercentage }} of them took more than 250 ms from the socket to the sink.',
    cause: 'The sink is slow, or the pod gets too little processor time.',
    command: 'kubectl marketprism top NAME --namespace NAMESPACE',
  },
  {
    alert: 'MarketPrismLatencyUnusual',
    tier: 'P3',
    group: 'unusual',
    for: '5m',
    detectWithin: 420,
    judges: 'amount',
    threshold: 0.05,
    thresholdOf: 'seconds beyond what 19 of 20 messages usually need',
    when({ q, threshold }) {
      const more = `${LATENCY.value(q)} - ${LATENCY.median(q)}`
      return `${LATENCY.value(q)}\nand ${more} > ${threshold}\nand ${more} > ${LATENCY.band(q, 1)}\nand ${LATENCY.known(q)}`
    },
    explainedBy: [...NOTHING_TAKEN, { by: 'MarketPrismHighProcessingLatency', on: ['exchange'] }],
    summary: '{{ $labels.exchange }} {{ $labels.market }} {{ $labels.type }} is published later than is usual.',
    description: 'One of 20 messages took more than {{ $value | humanizeDuration }} from the socket to the sink.',
    cause: 'The sink got slower, or the pod more to do.',
    command: 'kubectl marketprism top NAME --namespace NAMESPACE',
  },
]
