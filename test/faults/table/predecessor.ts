// The predecessor's 15 rules, word for word but for the names of metrics, beside ours on the same faults.
//
// Its own metrics are gone; each stands for the nearest that there is (PREDECESSOR_METRICS). Where five of its 15 had no data at all,
// here they have some: this is how its rules would do, had its metrics been filled.
type Group = readonly [alert: string, expr: string, lasts: string]

/** What stands for its metrics; the table in docs/faults.md. */
export const PREDECESSOR_METRICS: readonly (readonly [theirs: string, ours: string])[] = [
  ['`up{job="marketprism-collector"}`', '`up` of the pods of the Collector'],
  ['`exchange_connection_status`', '`marketprism_collector_sessions{state="open"}`, by exchange'],
  ['`collector_messages_total`', '`marketprism_collector_messages_total`'],
  ['`collector_errors_total`', '`marketprism_collector_frames_refused_total`; it has no exchange'],
  ['`nats_connection_status`', '`marketprism_collector_sink_connected`'],
  ['`nats_publishes_total`, `failed`', '`marketprism_collector_sink_resent_total`'],
  ['`collector_processing_duration_seconds`', '`marketprism_collector_publish_latency_seconds`'],
  ['`system_memory_usage_bytes`', '`marketprism_collector_resident_memory_bytes`'],
  ['`system_cpu_usage_percent`', 'growth of `marketprism_collector_cpu_seconds_total`'],
  ['`system_disk_usage_percent`', "the kubelet's figures of the volume"],
  ['`websocket_reconnects_total`', '`marketprism_collector_reconnects_total{cause="lost"}`'],
  ['`queue_size`', '`marketprism_collector_spool_messages`'],
  ['`collector_last_message_timestamp`', '`marketprism_collector_last_message_timestamp_seconds`'],
]

const C = 'marketprism_collector_'

function rulesOf(whose: string, claims: string): readonly Group[] {
  const of = (metric: string, matchers = '') => `${metric}{${whose}${matchers}}`
  const messages = of(`${C}messages_total`)
  const open = `sum by (exchange) (${of(`${C}sessions`, ',state="open"')})`
  const resent = `sum(rate(${of(`${C}sink_resent_total`)}[5m]))`
  const stored = `sum(rate(${of(`${C}messages_acknowledged_total`)}[5m]))`
  const latency = `sum by (le, exchange) (rate(${of(`${C}publish_latency_seconds_bucket`)}[5m]))`
  // The kubelet does not know Collectors.
  const volume = `kubelet_volume_stats_used_bytes{${claims}}`
  return [
    ['SystemDown', `${of('up')} == 0`, '1m'],
    ['AllExchangesDisconnected', `sum(${of(`${C}sessions`, ',state="open"')}) == 0`, '2m'],
    ['MessageProcessingStopped', `rate(${messages}[5m]) == 0`, '5m'],
    ['NATSDisconnected', `${of(`${C}sink_connected`)} == 0`, '1m'],
    ['HighErrorRate', `sum(rate(${of(`${C}frames_refused_total`)}[5m])) / sum(rate(${messages}[5m])) * 100 > 5`, '10m'],
    ['HighProcessingLatency', `histogram_quantile(0.95, ${latency}) > 1.0`, '15m'],
    ['ExchangeDisconnected', `${open} == 0`, '5m'],
    ['NATSPublishFailureHigh', `${resent} / (${resent} + ${stored}) * 100 > 10`, '10m'],
    ['MessageRateDropped', `rate(${messages}[5m]) < 0.5 * avg_over_time(rate(${messages}[5m])[1h:5m])`, '10m'],
    ['HighMemoryUsage', `${of(`${C}resident_memory_bytes`)} / (1024^3) > 4.0`, '30m'],
    ['HighCPUUsage', `sum by (pod) (rate(${of(`${C}cpu_seconds_total`)}[5m])) * 100 > 80`, '30m'],
    ['HighDiskUsage', `${volume} / ${volume.replace('used', 'capacity')} * 100 > 85`, '30m'],
    ['FrequentReconnects', `rate(${of(`${C}reconnects_total`, ',cause="lost"')}[5m]) > 0.1`, '20m'],
    ['QueueBacklog', `${of(`${C}spool_messages`)} > 1000`, '15m'],
    ['DataStale', `(time() - ${of(`${C}last_message_timestamp_seconds`)}) > 300`, '10m'],
  ]
}

/** Begins the names of its alerts here: ours have the same. */
export const PREDECESSOR = 'Predecessor'

/** Its rules about one Collector, in a group that is judged as often as ours. */
export function predecessorGroup(namespace: string, collector: string): object {
  const whose = `namespace="${namespace}",collector="${collector}"`
  const claims = `namespace="${namespace}",persistentvolumeclaim=~"${collector}-[0-9]+-[ab]"`
  const rules = rulesOf(whose, claims).map(([alert, expr, lasts]) => {
    const labels = { namespace, collector }
    return { alert: `${PREDECESSOR}${alert}`, expr, for: lasts, labels }
  })
  return { name: `predecessor/${namespace}/${collector}`, interval: '15s', rules }
}

/** How long the condition of one of its alerts must hold, s. */
export function lastsSeconds(alert: string): number {
  const found = rulesOf('', '').find(([name]) => `${PREDECESSOR}${name}` === alert)
  if (found === undefined) throw new Error(`the predecessor has no ${alert}`)
  return 60 * Number.parseInt(found[2], 10)
}
