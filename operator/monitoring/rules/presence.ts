// Whether data flows at all: pods, exchanges, kinds of data. What these say is said of nothing else.
import type { Query } from '../query.ts'
import { DENSE, KIND, LOGS, on, ROLLOUT_SECONDS, type Rule, STATUS } from '../rule.ts'
import { late, SILENCE, SILENCE_RATIO, SPARSE } from './silence.ts'

const SESSIONS = 'marketprism_collector_sessions'

/** Whether a rollout goes on, or did so many seconds ago. */
export function rollingOut(q: Query, ago = 0): string {
  const started = q.operator('marketprism_operator_collector_rollout_started_timestamp_seconds')
  const lately = ago === 0 ? started : `max_over_time(${started}[${ago}s])`
  // Bounded: an operator that ends in the middle of a rollout must not excuse what is down for ever.
  return `(time() - max(${lately})) < ${ROLLOUT_SECONDS + ago}`
}

/** Shards of which no pod answers. */
function missing(q: Query): string {
  const desired = `max(${q.operator('marketprism_operator_collector_shards_desired')})`
  const up = `count(max by (shard) (${q.of('up')} == 1))`
  const some = `((${desired} - (${up} or vector(0))) > 0 unless ${rollingOut(q)})`
  // While the operator is away nobody says how many there should be: then only that there is none.
  return `${some}\nor (absent(${q.of('up')} == 1) unless ${desired})`
}

/** Of a kind that never came: it does not tell how long it may take. */
const MAY_NEVER_COME = SPARSE.join('|')
/** An option may go without a trade for days. */
const SELDOM = 'market="option",type=~"trade|kline"'

export const presenceRules: readonly Rule[] = [
  {
    alert: 'MarketPrismSystemDown',
    tier: 'P1',
    group: 'data',
    for: '15s',
    detectWithin: 60,
    judges: 'presence',
    when: ({ q }) => missing(q),
    summary: 'Shards are down.',
    description: '{{ $value }} shards have no pod that answers: what they collect is being lost.',
    cause: 'The pod was killed or cannot be placed, its node is away, or it hangs.',
    command: STATUS,
  },
  {
    alert: 'MarketPrismAllExchangesDisconnected',
    tier: 'P1',
    group: 'data',
    for: '15s',
    detectWithin: 60,
    judges: 'presence',
    when: ({ q }) => `${q.total(SESSIONS, [], 'state="open"')} == 0 and ${q.total(SESSIONS)} > 0`,
    summary: 'No exchange is connected.',
    description: '{{ $value }} sessions are open to all exchanges together.',
    cause: 'The way out of the cluster is cut: DNS, a proxy, a NetworkPolicy, a firewall.',
    command: LOGS,
  },
  {
    alert: 'MarketPrismMessageProcessingStopped',
    tier: 'P1',
    group: 'data',
    for: '15s',
    detectWithin: 60,
    judges: 'staleness',
    threshold: 1,
    thresholdOf: 'silence of trades, books and tickers, as a multiple of the longest that is usual',
    when({ q, threshold }) {
      const all = `min(${q.recorded(SILENCE_RATIO, DENSE)}) > ${threshold}`
      const live = q.total('marketprism_collector_channels', [], `${DENSE},state="live"`)
      return `min(${q.recorded(SILENCE, DENSE)}) and ${all} and ${live} == 0`
    },
    explainedBy: [{ by: 'MarketPrismAllExchangesDisconnected', on: [] }],
    summary: 'No message is made any more.',
    description: 'Exchanges are connected, and no trade, book or ticker came for {{ $value | humanizeDuration }}.',
    cause: 'Sockets that are open in name only, or a collector that is stuck.',
    command: STATUS,
  },
  {
    alert: 'MarketPrismDataStale',
    tier: 'P1',
    group: 'data',
    for: '15s',
    detectWithin: 60,
    judges: 'staleness',
    threshold: 1,
    thresholdOf: 'silence of a channel, as a multiple of the longest that is usual for it (30 s at least)',
    when: ({ q, threshold }) => late(q, threshold),
    explainedBy: [
      { by: 'MarketPrismMessageProcessingStopped', on: [] },
      { by: 'MarketPrismExchangeDisconnected', on: ['exchange'] },
    ],
    summary: 'Data of {{ $labels.exchange }} {{ $labels.market }} {{ $labels.type }} is stale.',
    description: 'The last message came {{ $value | humanizeDuration }} ago, longer than is usual by far.',
    cause: 'The exchange sends no more under this subscription, or halted the symbol.',
    command: STATUS,
  },
  {
    alert: 'MarketPrismExchangeDisconnected',
    tier: 'P2',
    group: 'data',
    for: '15s',
    detectWithin: 60,
    judges: 'presence',
    when: ({ q }) =>
      `${q.total(SESSIONS, ['exchange'], 'state="open"')} == 0 and ${q.total(SESSIONS, ['exchange'])} > 0`,
    explainedBy: [{ by: 'MarketPrismAllExchangesDisconnected', on: [] }],
    summary: '{{ $labels.exchange }} is not connected.',
    description: '{{ $value }} sessions to {{ $labels.exchange }} are open; other exchanges are connected.',
    cause: 'The exchange is down or under maintenance, or blocks the address that we come from.',
    command: STATUS,
  },
  {
    alert: 'MarketPrismFeedNeverStarted',
    tier: 'P2',
    group: 'data',
    for: '15s',
    detectWithin: 60,
    judges: 'presence',
    threshold: 30,
    thresholdOf: 'age of the pod in seconds',
    when({ q, threshold }) {
      const old = `(time() - max by (pod) (${q.of('process_start_time_seconds')})) > ${threshold}`
      const feeds = q.of('marketprism_collector_feed_subscribed', `type!~"${MAY_NEVER_COME}"`)
      const seldom = q.of('marketprism_collector_feed_subscribed', SELDOM)
      const by = `max by (${KIND.join(', ')})`
      const came = `${by} (${q.of('marketprism_collector_last_message_timestamp_seconds')}) > 0`
      const waits = `${by} ((${feeds} > 0 unless ${seldom}) and ${on(['pod'])} (${old}))`
      return `${waits} unless ${on(KIND)} (${came})`
    },
    explainedBy: [{ by: 'MarketPrismExchangeDisconnected', on: ['exchange'] }],
    summary: '{{ $labels.exchange }} {{ $labels.market }} {{ $labels.type }} never came.',
    description: 'It is wanted, and {{ $value }} pods or more have waited for it since their start.',
    cause: 'The exchange refuses the subscription, or the symbols do not exist there.',
    command: STATUS,
  },
  {
    alert: 'MarketPrismRedundancyLost',
    tier: 'P3',
    group: 'pods',
    for: '5m',
    detectWithin: 360,
    judges: 'amount',
    when({ q }) {
      const desired = `max(${q.operator('marketprism_operator_collector_pods_desired')})`
      return `${desired} - sum(max by (shard, publisher) (${q.of('up')})) > 0 unless ${rollingOut(q)}`
    },
    explainedBy: [{ by: 'MarketPrismSystemDown', on: [] }],
    summary: 'A publisher of a shard is missing.',
    description: '{{ $value }} pods are missing; the other publisher of their shards works.',
    cause: 'The pod cannot be placed on a node of its own, or ends again and again.',
    command: STATUS,
    wanted: ({ spec }) => spec.redundancy > 1,
  },
]
