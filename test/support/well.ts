// A Collector that is well, as Prometheus sees it for 75 minutes.
import { type Clock, flat, grows, growsThen, type Series, STEP_SECONDS } from './values.ts'

/** The time of each sample, and of the last one before the fault. */
const NOW = grows(STEP_SECONDS)
export const STOPPED = growsThen(STEP_SECONDS, 0)

export const C = 'marketprism_collector_'
export const O = 'marketprism_operator_collector_'
export const TRADE = 'exchange="binance",market="spot",type="trade"'
export const BOOK = 'exchange="okx",market="spot",type="orderbook"'
export const FUNDING = 'exchange="okx",market="perpetual",type="funding_rate"'
export const LIQUIDATION = 'exchange="okx",market="perpetual",type="liquidation"'
export const STREAM = 'account="A",stream_name="MARKET_DATA"'

/** All is well, and a liquidation that never came is no fault. */
export const WELL: Series = {
  'up{}': flat(1),
  [`${O}shards_desired{}`]: flat(1),
  [`${O}pods_desired{}`]: flat(1),
  [`${O}pods_crashing{}`]: flat(0),
  [`${O}rollout_stuck{}`]: flat(0),
  [`${O}healing_spent{}`]: flat(0),
  'process_start_time_seconds{}': flat(0),
  [`${C}clock_timestamp_seconds{}`]: NOW,
  [`${C}messages_total{${TRADE}}`]: grows(1500),
  [`${C}messages_total{${BOOK}}`]: grows(3000),
  [`${C}messages_total{${FUNDING}}`]: grows(1500),
  [`${C}messages_acknowledged_total{${TRADE}}`]: grows(4500),
  [`${C}messages_foreign_total{}`]: flat(0),
  [`${C}messages_dropped_total{reason="spool_full"}`]: flat(0),
  [`${C}messages_dropped_total{reason="quality"}`]: grows(3),
  [`${C}checks_failed_total{${TRADE},check="priceJump",action="flag"}`]: grows(1),
  [`${C}checks_failed_total{${TRADE},check="outOfOrder",action="pass"}`]: growsThen(500, 1000),
  [`${C}gaps_total{${TRADE}}`]: flat(0),
  [`${C}gaps_total{${BOOK}}`]: flat(0),
  [`${C}channels{${TRADE},state="live"}`]: flat(2),
  [`${C}channels{${TRADE},state="quiet"}`]: flat(1),
  [`${C}channels{${BOOK},state="live"}`]: flat(2),
  [`${C}channels{${FUNDING},state="live"}`]: flat(2),
  ...Object.fromEntries(
    [TRADE, BOOK, FUNDING].flatMap((kind) => [
      [`${C}last_message_timestamp_seconds{${kind}}`, NOW],
      [`${C}stale_after_seconds{${kind}}`, flat(kind === FUNDING ? 90 : 30)],
      [`${C}feed_subscribed{${kind}}`, flat(1)],
    ]),
  ),
  [`${C}feed_subscribed{${LIQUIDATION}}`]: flat(1),
  [`${C}feed_subscribed{exchange="okx",market="option",type="trade"}`]: flat(1),
  ...Object.fromEntries(
    ['binance', 'okx'].flatMap((exchange) => [
      [`${C}sessions{exchange="${exchange}",market="spot",state="open"}`, flat(1)],
      [`${C}sessions{exchange="${exchange}",market="spot",state="waiting"}`, flat(1)],
      [`${C}reconnects_total{exchange="${exchange}",market="spot",cause="lost"}`, flat(0)],
      [`${C}reconnects_total{exchange="${exchange}",market="spot",cause="planned"}`, grows(1)],
      [`${C}order_books{exchange="${exchange}",market="spot"}`, flat(2)],
      [`${C}order_books_in_sync{exchange="${exchange}",market="spot"}`, flat(2)],
      [`${C}rest_blocked_until_timestamp_seconds{exchange="${exchange}",host="api"}`, flat(0)],
      [`${C}publish_latency_seconds_count{exchange="${exchange}",market="spot",type="trade"}`, grows(1500)],
      ...[0.005, 0.01, 0.1, 0.25, 0.5].map((le) => [
        `${C}publish_latency_seconds_bucket{exchange="${exchange}",market="spot",type="trade",le="${le}"}`,
        grows(le === 0.005 ? 0 : 1500),
      ]),
      [`${C}publish_latency_seconds_bucket{exchange="${exchange}",market="spot",type="trade",le="+Inf"}`, grows(1500)],
    ]),
  ),
  [`${C}sink_connected{sink="nats"}`]: flat(1),
  [`${C}sink_last_acknowledged_timestamp_seconds{}`]: NOW,
  [`${C}sink_resent_total{}`]: flat(0),
  [`${C}spool_messages{}`]: flat(3),
  [`${C}spool_bytes{}`]: flat(1000),
  [`${C}spool_limit_bytes{}`]: flat(67_108_864),
  [`${C}frames_total{outcome="data"}`]: grows(4500),
  [`${C}frames_total{outcome="refused"}`]: flat(0),
  [`${C}resident_memory_bytes{}`]: flat(200),
  [`${C}memory_limit_bytes{}`]: flat(512),
  [`${C}heap_bytes{}`]: flat(100),
  [`${C}heap_limit_bytes{}`]: flat(400),
  [`${C}cpu_seconds_total{mode="user"}`]: grows(5),
  [`${C}cpu_seconds_total{mode="system"}`]: grows(1),
  [`${C}event_loop_delay_seconds_bucket{le="0.05"}`]: grows(250),
  [`${C}event_loop_delay_seconds_bucket{le="0.1"}`]: grows(300),
  [`${C}event_loop_delay_seconds_count{}`]: grows(300),
  [`${C}open_fds{}`]: flat(100),
  [`${C}max_fds{}`]: flat(1024),
  [`${C}certificate_expires_timestamp_seconds{}`]: flat(90 * 86_400),
  [`jetstream_stream_total_bytes{${STREAM},is_stream_leader="true"}`]: flat(50),
  [`jetstream_stream_total_bytes{${STREAM},is_stream_leader="false"}`]: flat(49),
  [`jetstream_stream_limit_bytes{${STREAM},is_stream_leader="true"}`]: flat(100),
  [`jetstream_stream_total_bytes{account="A",stream_name="OTHER"}`]: flat(99),
  [`jetstream_stream_limit_bytes{account="A",stream_name="OTHER"}`]: flat(100),
  [`jetstream_stream_total_messages{${STREAM}}`]: grows(100),
  [`jetstream_stream_limit_messages{${STREAM}}`]: flat(-1),
  [`jetstream_consumer_num_pending{${STREAM},consumer_name="quants"}`]: flat(90_000),
  [`jetstream_consumer_num_pending{account="A",stream_name="OTHER",consumer_name="them"}`]: grows(100_000),
  'kubelet_volume_stats_used_bytes{persistentvolumeclaim="majors-0-a"}': flat(50),
  'kubelet_volume_stats_capacity_bytes{persistentvolumeclaim="majors-0-a"}': flat(100),
  'kubelet_volume_stats_used_bytes{persistentvolumeclaim="else"}': flat(99),
  'kubelet_volume_stats_capacity_bytes{persistentvolumeclaim="else"}': flat(100),
}

/** Series of a Collector with these changes, by their full names. */
export function seriesOf(
  changed: Series,
  clock: Clock,
  whose = { namespace: 'desk-a', collector: 'majors' },
): Record<string, string> {
  const all = Object.entries({ ...WELL, ...changed }).flatMap(([name, values]): [string, string][] => {
    if (values === undefined) return []
    const [metric = '', own = ''] = name.split(/[{}]/)
    return [[`${metric}{${[...labelsOf(metric, own, whose), ...(own === '' ? [] : [own])].join(',')}}`, values(clock)]]
  })
  return Object.fromEntries(all)
}

/** Of Collectors beside ours another one, or a rule that mixed them could not be judged at all. */
function podOf(namespace: string, collector: string): string {
  return `${collector}-0-a-${namespace === 'desk-a' ? 1 : 2}`
}

/** What each series has from its scrape. */
function labelsOf(
  metric: string,
  own: string,
  { namespace, collector }: { namespace: string; collector: string },
): string[] {
  if (metric.startsWith('jetstream')) return []
  if (metric.startsWith('kubelet')) return [`namespace="${namespace}"`]
  const target = Object.entries({ shard: '0', publisher: 'a', pod: podOf(namespace, collector) }).filter(
    ([label]) => !own.includes(`${label}=`),
  )
  const pod = metric.startsWith(O) ? ['pod="operator-1"'] : target.map(([label, value]) => `${label}="${value}"`)
  return [`namespace="${namespace}"`, `collector="${collector}"`, ...pod]
}
