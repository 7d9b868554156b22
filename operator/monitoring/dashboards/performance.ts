// Performance: how fast messages are, and how near pods are to their limits.
import { badFrom, type Dashboard, goodFrom, KIND, KIND_LEGEND, type Panel } from './panel.ts'
import { limitOf, SHARD, SHARD_LEGEND, STAT, THIRD, WIDE } from './panel.ts'
import { queriesOf } from './query.ts'

const FILTERS = ['shard', 'exchange', 'market', 'type'] as const
const q = queriesOf(FILTERS)
const LATENCY = 'marketprism_collector_publish_latency_seconds'
const LOOP = 'marketprism_collector_event_loop_delay_seconds'
const LATE = 'MarketPrismHighProcessingLatency'
/** How fast a message is to be published, s. */
const PROMISED = '0.25'

const core = `sum by (collector, shard, pod) (rate(${q.of('marketprism_collector_cpu_seconds_total')}[$__rate_interval]))`
const heap = `${q.of('marketprism_collector_heap_bytes')} / ${q.of('marketprism_collector_heap_limit_bytes')}`
const spool = `${q.of('marketprism_collector_spool_bytes')} / ${q.of('marketprism_collector_spool_limit_bytes')}`
const clock = q.of('marketprism_collector_clock_timestamp_seconds')
const ofShard = (expr: string) => ({ expr: `max by (collector, shard) (${expr})`, legend: SHARD_LEGEND })

export const performance: Dashboard = {
  name: 'performance',
  title: 'performance',
  description: 'How long messages take, and how near the pods are to the limits of processor, memory and spool.',
  filters: FILTERS,
  alerts: [
    'MarketPrismHighDiskUsage',
    'MarketPrismStreamNearLimit',
    'MarketPrismConsumerLag',
    'MarketPrismCertificateExpiring',
  ],
  rows: [
    { panels: summary() },
    { title: 'How long messages take', panels: latency() },
    { title: 'Pods', panels: pods() },
    { title: 'On the way to the sink', panels: sink() },
  ],
}

function summary(): Panel[] {
  const inTime = q.rate(LATENCY, [], { suffix: '_bucket', matchers: `le="${PROMISED}"` })
  return [
    {
      ...STAT,
      title: `Published within ${PROMISED} s`,
      alerts: [LATE],
      description: 'Share of the messages, from the read at the socket to the acknowledgement.',
      unit: 'percentunit',
      max: 1,
      steps: goodFrom(1 - limitOf(LATE) / 5, 1 - limitOf(LATE)),
      targets: [{ expr: `${inTime} / ${q.rate(LATENCY, [], { suffix: '_count' })}`, legend: 'in time' }],
    },
    {
      ...STAT,
      title: 'Event loop delay p99',
      description: 'How late a timer runs in the slowest pod: above 0.1 s everything is late.',
      unit: 's',
      steps: badFrom(0.1, 1),
      targets: [{ expr: `max(${q.quantile(0.99, LOOP, SHARD)})`, legend: 'p99' }],
    },
    {
      ...STAT,
      title: 'Busiest core',
      description: 'A pod can use little more than one core; more shards share the work.',
      unit: 'percentunit',
      steps: badFrom(limitOf('MarketPrismHighCPUUsage') - 0.2, limitOf('MarketPrismHighCPUUsage')),
      targets: [{ expr: `max(${core})`, legend: 'core' }],
    },
    {
      ...STAT,
      title: 'Fullest heap',
      description: 'Share of the heap at which a process would end.',
      unit: 'percentunit',
      max: 1,
      steps: badFrom(limitOf('MarketPrismHighMemoryUsage') - 0.1, limitOf('MarketPrismHighMemoryUsage')),
      targets: [{ expr: `max(${heap})`, legend: 'heap' }],
    },
  ]
}

function latency(): Panel[] {
  return [
    {
      ...THIRD,
      title: 'Latency',
      description: 'From the read at the socket to the acknowledgement by the sink.',
      unit: 's',
      steps: badFrom(0.25, 1),
      targets: [0.5, 0.95, 0.99].map((share) => ({ expr: q.quantile(share, LATENCY), legend: `p${share * 100}` })),
    },
    {
      ...THIRD,
      type: 'heatmap',
      title: 'Latency as it is spread',
      description: 'Messages each second by how long they took.',
      unit: 's',
      targets: [{ expr: q.rate(LATENCY, ['le'], { suffix: '_bucket' }), legend: '{{le}}' }],
    },
    {
      ...THIRD,
      title: 'Latency p99 by kind',
      description: 'Of the slowest hundredth.',
      unit: 's',
      targets: [{ expr: q.quantile(0.99, LATENCY, KIND), legend: KIND_LEGEND }],
    },
  ]
}

function pods(): Panel[] {
  return [
    {
      ...THIRD,
      title: 'Processor',
      alerts: ['MarketPrismHighCPUUsage'],
      description: 'Cores that the busier pod of each shard uses.',
      unit: 'none',
      targets: [ofShard(core)],
    },
    {
      ...THIRD,
      title: 'Memory',
      alerts: ['MarketPrismMemoryGrowth'],
      description: 'Memory of the process.',
      unit: 'bytes',
      targets: [ofShard(q.of('marketprism_collector_resident_memory_bytes'))],
    },
    {
      ...THIRD,
      title: 'Heap',
      alerts: ['MarketPrismHighMemoryUsage'],
      description: 'Share of the heap at which a process would end.',
      unit: 'percentunit',
      max: 1,
      targets: [ofShard(heap)],
    },
    {
      ...THIRD,
      title: 'Event loop delay',
      alerts: ['MarketPrismEventLoopDelay'],
      description: 'How late a timer runs, p99.',
      unit: 's',
      targets: [{ expr: q.quantile(0.99, LOOP, SHARD), legend: SHARD_LEGEND }],
    },
    {
      ...THIRD,
      title: 'Garbage collection',
      description: 'Share of the time, by kind of collection.',
      unit: 'percentunit',
      targets: [{ expr: q.rate('marketprism_collector_gc_seconds_total', ['kind']), legend: '{{kind}}' }],
    },
    {
      ...THIRD,
      title: 'File descriptors',
      alerts: ['MarketPrismFileDescriptorsLow'],
      description: 'Share of those that a process may open.',
      unit: 'percentunit',
      max: 1,
      targets: [ofShard(`${q.of('marketprism_collector_open_fds')} / ${q.of('marketprism_collector_max_fds')}`)],
    },
  ]
}

function sink(): Panel[] {
  return [
    {
      ...THIRD,
      title: 'Spool used',
      description: 'Share of the memory in which messages wait. When it is full, messages are given up, books first.',
      unit: 'percentunit',
      max: 1,
      steps: badFrom(limitOf('MarketPrismQueueBacklog') / 2, limitOf('MarketPrismQueueBacklog')),
      targets: [ofShard(spool)],
    },
    {
      ...THIRD,
      title: 'Messages on the way',
      description: 'In the spool, and of them those that were sent and are not acknowledged yet.',
      unit: 'short',
      targets: [
        { expr: q.total('marketprism_collector_spool_messages'), legend: 'in the spool' },
        { expr: q.total('marketprism_collector_sink_outstanding'), legend: 'sent' },
      ],
    },
    {
      ...THIRD,
      title: 'Messages by shard',
      description: 'How the work is shared.',
      unit: 'ops',
      targets: [{ expr: q.rate('marketprism_collector_messages_total', SHARD), legend: SHARD_LEGEND }],
    },
    {
      ...WIDE,
      title: 'Since the last acknowledgement',
      alerts: ['MarketPrismNATSDisconnected', 'MarketPrismFilesNotWritten'],
      description: 'How long ago the sink acknowledged for the last time.',
      unit: 's',
      steps: badFrom(limitOf('MarketPrismNATSDisconnected') / 2, limitOf('MarketPrismNATSDisconnected')),
      targets: [ofShard(`time() - ${q.of('marketprism_collector_sink_last_acknowledged_timestamp_seconds')}`)],
    },
    {
      ...WIDE,
      title: 'Clock',
      alerts: ['MarketPrismClockSkew'],
      description: 'How far the clock of the machine is from that of Prometheus, beside the time that a scrape takes.',
      unit: 's',
      steps: badFrom(limitOf('MarketPrismClockSkew') / 2, limitOf('MarketPrismClockSkew')),
      targets: [ofShard(`abs(timestamp(${clock}) - ${clock})`)],
    },
    {
      ...WIDE,
      title: 'Sent again',
      description: 'Messages of which no acknowledgement came in time.',
      unit: 'ops',
      targets: [{ expr: q.rate('marketprism_collector_sink_resent_total', SHARD), legend: SHARD_LEGEND }],
    },
  ]
}
