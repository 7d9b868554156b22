// What each alert is about: the fault that befalls a Collector that was well (well.ts), and what is nearly one.
import type { AlertName } from '../../crds/alerts.ts'
import type { Owner } from '../../operator/resources/facts.ts'
import { desiredOf } from './desired.ts'
import { appears, blip, flat, growsThen, HOUR, type Series, time, turns, type Values } from './values.ts'
import { BOOK, C, FUNDING, O, STOPPED, STREAM, TRADE, WELL } from './well.ts'

export * from './values.ts'
export { seriesOf, WELL } from './well.ts'

/** Everything that a pod says of itself is gone with it. */
const GONE: Series = Object.fromEntries(
  Object.entries(WELL)
    .filter(([name]) => name.startsWith(C) || name.startsWith('process_'))
    .map(([name, values]) => [name, (clock) => `${values?.({ ...clock, all: clock.before + 1 })} stale`]),
)
const noSession = (exchange: string): Series => ({
  [`${C}sessions{exchange="${exchange}",market="spot",state="open"}`]: turns(1, 0),
  [`${C}sessions{exchange="${exchange}",market="spot",state="waiting"}`]: turns(1, 2),
})
const silent = (kind: string): Series => ({ [`${C}last_message_timestamp_seconds{${kind}}`]: STOPPED })
const silentToo = (kind: string): Series => ({
  ...silent(kind),
  [`${C}channels{${kind},state="live"}`]: turns(2, 0),
  [`${C}channels{${kind},state="stale"}`]: turns(0, 2),
})
const latency = (le: number, before: number, after: number): Series => ({
  [`${C}publish_latency_seconds_bucket{${TRADE},le="${le}"}`]: growsThen(before, after),
})

const ahead =
  (by: number): Values =>
  ({ before, seconds, all }) =>
    `0+15x${before} ${seconds + 15 + by}+15x${all - before - 1}`
/** Starts anew every half minute, so many times. */
const starts =
  (times: number): Values =>
  ({ before, seconds, all }) =>
    `0x${before} ${Array.from({ length: times }, (_, i) => `${seconds + i * 30}x1`).join(' ')} ${seconds + (times - 1) * 30}x${all}`
const LEAK: Values = ({ before, all }) => `200x${before} 200+2x${all - before - 1}`

export interface Fault {
  /** Samples that there must be before it. */
  readonly before?: number
  readonly series: Series
  /** What looks like it, and is none. */
  readonly near: Series
  /** The same at its fastest, where it is to explain another. */
  readonly sudden?: Series
  /** Other alerts that are right, too. */
  readonly also?: readonly AlertName[]
}

const SINK_STOPPED = {
  series: { [`${C}sink_last_acknowledged_timestamp_seconds{}`]: STOPPED },
  sudden: { [`${C}sink_connected{sink="nats"}`]: turns(1, 0) },
  // Nothing is acknowledged since nothing waits.
  near: {
    [`${C}sink_last_acknowledged_timestamp_seconds{}`]: STOPPED,
    [`${C}spool_messages{}`]: turns(3, 0),
  },
} satisfies Fault

/** For each alert what it is about. */
export const FAULTS: Readonly<Record<AlertName, Fault>> = {
  MarketPrismSystemDown: {
    series: { ...GONE, 'up{}': turns(1, 0) },
    near: {
      ...GONE,
      'up{}': turns(1, 0),
      [`${O}rollout_started_timestamp_seconds{}`]: time((seconds) => seconds + 240),
    },
  },
  MarketPrismAllExchangesDisconnected: {
    series: { ...noSession('binance'), ...noSession('okx') },
    near: { [`${C}sessions{exchange="binance",market="spot",state="waiting"}`]: turns(1, 2) },
  },
  MarketPrismMessageProcessingStopped: {
    series: { ...silentToo(TRADE), ...silentToo(BOOK) },
    near: {
      // Nothing but illiquid symbols, silent for no longer than they are used to.
      ...silentToo(TRADE),
      ...silentToo(BOOK),
      [`${C}stale_after_seconds{${TRADE}}`]: flat(3000),
      [`${C}stale_after_seconds{${BOOK}}`]: flat(3000),
    },
  },
  MarketPrismNATSDisconnected: { ...SINK_STOPPED, also: ['MarketPrismFilesNotWritten'] },
  // A sink that takes nothing, whichever it is: of one Collector only one of the two rules is there.
  MarketPrismFilesNotWritten: { ...SINK_STOPPED, also: ['MarketPrismNATSDisconnected'] },
  MarketPrismDataStale: {
    series: silent(BOOK),
    near: { ...silent(TRADE), [`${C}stale_after_seconds{${TRADE}}`]: flat(3000) },
  },
  MarketPrismMessagesDropped: {
    series: { [`${C}messages_dropped_total{reason="spool_full"}`]: growsThen(0, 30) },
    near: { [`${C}messages_dropped_total{reason="quality"}`]: growsThen(3, 100) },
  },
  MarketPrismExchangeDisconnected: {
    series: { ...noSession('okx'), ...silentToo(BOOK), ...silent(FUNDING) },
    near: { [`${C}sessions{exchange="okx",market="spot",state="connecting"}`]: turns(0, 3) },
  },
  MarketPrismFeedNeverStarted: {
    before: 1,
    series: {
      [`${C}feed_subscribed{exchange="okx",market="spot",type="trade"}`]: appears(1),
      [`${C}feed_subscribed{exchange="okx",market="option",type="ticker"}`]: appears(1),
    },
    near: {
      [`${C}feed_subscribed{exchange="binance",market="option",type="kline"}`]: appears(1),
      [`${C}feed_subscribed{exchange="binance",market="perpetual",type="liquidation"}`]: appears(1),
      // Of another pod it came.
      [`${C}feed_subscribed{${TRADE},pod="majors-0-b-1"}`]: appears(1),
    },
  },
  MarketPrismMessageRateDropped: {
    before: HOUR,
    series: { [`${C}messages_total{${BOOK}}`]: growsThen(3000, 1000) },
    near: {
      [`${C}messages_total{${BOOK}}`]: growsThen(3000, 2100),
      [`${C}messages_total{${FUNDING}}`]: growsThen(1500, 300),
    },
  },
  MarketPrismOrderBookOutOfSync: {
    series: { [`${C}order_books_in_sync{exchange="okx",market="spot"}`]: turns(2, 1) },
    near: { [`${C}order_books_in_sync{exchange="okx",market="spot"}`]: blip(2, 0, 6) },
  },
  MarketPrismGapRateHigh: {
    also: ['MarketPrismDataGap'],
    series: { [`${C}gaps_total{${TRADE}}`]: growsThen(0, 1) },
    near: {},
  },
  MarketPrismDataGap: {
    before: 100,
    series: { [`${C}gaps_total{${TRADE},pod="majors-0-a-2"}`]: appears(1) },
    // A pod is started anew, and counts from 0.
    near: { [`${C}gaps_total{${TRADE},pod="majors-0-a-2"}`]: turns(7, 0) },
  },
  MarketPrismHighErrorRate: {
    series: { [`${C}frames_total{outcome="refused"}`]: growsThen(0, 400) },
    near: { [`${C}frames_total{outcome="refused"}`]: growsThen(0, 100) },
  },
  MarketPrismErrorRateUnusual: {
    before: HOUR,
    series: { [`${C}checks_failed_total{${TRADE},check="priceJump",action="flag"}`]: growsThen(1, 25) },
    near: { [`${C}checks_failed_total{${TRADE},check="priceJump",action="flag"}`]: growsThen(1, 12) },
  },
  MarketPrismHighProcessingLatency: {
    before: HOUR,
    series: { ...latency(0.1, 1500, 1380), ...latency(0.25, 1500, 1380), ...latency(0.01, 1500, 1380) },
    near: { ...latency(0.1, 1500, 1440), ...latency(0.25, 1500, 1440), ...latency(0.01, 1500, 1440) },
    also: ['MarketPrismLatencyUnusual'],
  },
  MarketPrismLatencyUnusual: {
    before: HOUR,
    series: latency(0.01, 1500, 300),
    near: latency(0.01, 1500, 1440),
  },
  MarketPrismNATSPublishFailureHigh: {
    series: { [`${C}sink_resent_total{}`]: growsThen(0, 800) },
    near: { [`${C}sink_resent_total{}`]: growsThen(0, 300) },
  },
  MarketPrismQueueBacklog: {
    series: { [`${C}spool_bytes{}`]: turns(1000, 40_000_000) },
    near: { [`${C}spool_bytes{}`]: turns(1000, 30_000_000) },
  },
  MarketPrismForeignMessages: {
    before: 60,
    series: { [`${C}messages_foreign_total{}`]: growsThen(0, 500) },
    near: {
      [`${C}messages_foreign_total{}`]: growsThen(0, 500),
      'up{pod="majors-0-a-2"}': turns(0, 1),
    },
  },
  MarketPrismStreamNearLimit: {
    series: { [`jetstream_stream_total_bytes{${STREAM},is_stream_leader="true"}`]: turns(50, 90) },
    near: { [`jetstream_stream_total_bytes{${STREAM},is_stream_leader="true"}`]: turns(50, 80) },
  },
  MarketPrismConsumerLag: {
    series: {
      [`jetstream_consumer_num_pending{${STREAM},consumer_name="quants"}`]: ({ before, all }) =>
        `90000x${before} 101000+1000x${all}`,
    },
    // Much, and not growing.
    near: { [`jetstream_consumer_num_pending{${STREAM},consumer_name="quants"}`]: flat(900_000) },
  },
  MarketPrismRequestsBlocked: {
    series: {
      [`${C}rest_blocked_until_timestamp_seconds{exchange="okx",host="api"}`]: turns(0, 1_000_000),
    },
    near: {
      [`${C}rest_blocked_until_timestamp_seconds{exchange="okx",host="api"}`]: time((seconds) => seconds + 40, 0),
    },
  },
  MarketPrismClockSkew: {
    series: { [`${C}clock_timestamp_seconds{}`]: ahead(7) },
    near: { [`${C}clock_timestamp_seconds{}`]: ahead(4) },
  },
  MarketPrismCrashLoop: {
    sudden: { [`${O}pods_crashing{}`]: turns(0, 1) },
    series: { 'process_start_time_seconds{}': starts(5) },
    near: { 'process_start_time_seconds{}': starts(2) },
  },
  MarketPrismRolloutStuck: {
    series: { [`${O}rollout_started_timestamp_seconds{}`]: time((seconds) => seconds - 1000) },
    near: { [`${O}rollout_started_timestamp_seconds{}`]: time((seconds) => seconds + 600) },
  },
  MarketPrismHealingBudgetSpent: {
    series: { [`${O}healing_spent{}`]: turns(0, 1) },
    near: { [`${O}healing_spent{}`]: blip(0, 1, 3) },
  },
  MarketPrismRedundancyLost: {
    series: { [`${O}pods_desired{}`]: flat(2), 'up{publisher="b",pod="majors-0-b-1"}': turns(1, 0) },
    near: { [`${O}pods_desired{}`]: flat(2), 'up{publisher="b",pod="majors-0-b-1"}': flat(1) },
  },
  MarketPrismHighMemoryUsage: {
    // Of 400, of which 344 can be used.
    series: { [`${C}heap_bytes{}`]: turns(100, 300) },
    near: { [`${C}heap_bytes{}`]: turns(100, 285) },
  },
  MarketPrismMemoryGrowth: {
    also: ['MarketPrismHighMemoryUsage'],
    before: HOUR,
    series: { [`${C}resident_memory_bytes{}`]: LEAK },
    // A pod that is young grows.
    near: {
      [`${C}resident_memory_bytes{}`]: LEAK,
      'process_start_time_seconds{}': time((seconds) => seconds, 0),
    },
  },
  MarketPrismHighCPUUsage: {
    series: { [`${C}cpu_seconds_total{mode="user"}`]: growsThen(5, 13) },
    near: { [`${C}cpu_seconds_total{mode="user"}`]: growsThen(5, 12) },
  },
  MarketPrismHighDiskUsage: {
    series: { 'kubelet_volume_stats_used_bytes{persistentvolumeclaim="majors-0-a"}': turns(50, 90) },
    near: { 'kubelet_volume_stats_used_bytes{persistentvolumeclaim="majors-0-a"}': turns(50, 80) },
  },
  MarketPrismEventLoopDelay: {
    series: { [`${C}event_loop_delay_seconds_bucket{le="0.1"}`]: growsThen(300, 275) },
    near: { [`${C}event_loop_delay_seconds_bucket{le="0.1"}`]: growsThen(300, 290) },
  },
  MarketPrismFileDescriptorsLow: {
    series: { [`${C}open_fds{}`]: turns(100, 900) },
    near: { [`${C}open_fds{}`]: turns(100, 800) },
  },
  MarketPrismFrequentReconnects: {
    series: {
      [`${C}reconnects_total{exchange="okx",market="spot",cause="lost"}`]: ({ before, all }) =>
        `0x${before} 0+1x18 18x${all}`,
    },
    near: {
      [`${C}reconnects_total{exchange="okx",market="spot",cause="lost"}`]: ({ before, all }) =>
        `0x${before} 0+1x9 9x${all}`,
    },
  },
  MarketPrismCertificateExpiring: {
    series: { [`${C}certificate_expires_timestamp_seconds{}`]: turns(90 * 86_400, 10 * 86_400) },
    near: { [`${C}certificate_expires_timestamp_seconds{}`]: turns(90 * 86_400, 20 * 86_400) },
  },
}

const TLS = { secret: { name: 'nats-tls' } }
const NATS = { nats: { servers: ['tls://nats:4222'], tls: TLS } }

/** Collectors of one name that have all rules between them. */
export const OWNERS: readonly Owner[] = [
  { sink: NATS },
  { sink: NATS, redundancy: 2 },
  { sink: { file: { path: '/data', volume: { size: '10Gi' } } } },
].map((spec) => desiredOf(spec).owner)
