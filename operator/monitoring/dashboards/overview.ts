// The system overview: the eleven core panels first, then whether anything is missing.
import { badFrom, type Dashboard, goodFrom, KIND, KIND_LEGEND, limitOf, type Panel } from './panel.ts'
import { STAT, THIRD, WIDE } from './panel.ts'
import { operatorQueries, queriesOf } from './query.ts'

const FILTERS = ['exchange', 'market', 'type'] as const
const q = queriesOf(FILTERS)
const o = operatorQueries()

export const overview: Dashboard = {
  name: 'overview',
  title: 'overview',
  description: 'Whether data flows, from where, how fast, and whether any is missing.',
  filters: FILTERS,
  rows: [
    { panels: [...isItWell(), ...whatFlows(), ...howFast()] },
    { title: 'Is anything missing?', panels: missing() },
  ],
}

function isItWell(): Panel[] {
  const frames = 'marketprism_collector_frames_total'
  const up = `(count(max by (collector, shard) (${q.up()} == 1)) or vector(0))`
  const wanted = `sum(max by (collector) (${o.of('marketprism_operator_collector_shards_desired')}))`
  const refused = q.rate(frames, [], { matchers: 'outcome="refused"' })
  return [
    {
      ...STAT,
      title: 'Status',
      alerts: ['MarketPrismSystemDown', 'MarketPrismRedundancyLost'],
      description:
        'Share of the shards of which a pod answers. Where nobody says how many are wanted: whether any does.',
      unit: 'percentunit',
      max: 1,
      targets: [{ expr: `${up} / (${wanted} > 0) or (${up} > bool 0)`, legend: 'shards up' }],
      steps: goodFrom(1),
    },
    {
      ...STAT,
      title: 'Message rate',
      alerts: ['MarketPrismMessageProcessingStopped'],
      description: 'Messages made each second, each counted once however many publishers there are.',
      unit: 'ops',
      targets: [{ expr: q.rate('marketprism_collector_messages_total'), legend: 'messages' }],
      steps: goodFrom(0.1),
    },
    {
      ...STAT,
      title: 'Error rate',
      alerts: ['MarketPrismHighErrorRate'],
      description: 'Share of the frames of all exchanges that could not be used.',
      unit: 'percentunit',
      targets: [{ expr: `${refused} / ${q.rate(frames)}`, legend: 'refused' }],
      steps: badFrom(limitOf('MarketPrismHighErrorRate') / 5, limitOf('MarketPrismHighErrorRate')),
    },
    {
      ...STAT,
      title: 'Connections',
      alerts: ['MarketPrismAllExchangesDisconnected'],
      description: 'WebSocket sessions to exchanges that are open.',
      unit: 'none',
      targets: [
        { expr: q.total('marketprism_collector_sessions', [], { matchers: 'state="open"' }), legend: 'sessions' },
      ],
      steps: goodFrom(1),
    },
  ]
}

function whatFlows(): Panel[] {
  const by = ['exchange'] as const
  const sessions = 'marketprism_collector_sessions'
  const open = q.total(sessions, ['exchange', 'market'], { matchers: 'state="open"' })
  const heap = `${q.of('marketprism_collector_heap_bytes')} / ${q.of('marketprism_collector_heap_limit_bytes')}`
  return [
    {
      ...WIDE,
      title: 'Message rate by exchange',
      alerts: ['MarketPrismMessageRateDropped'],
      description: 'A line that falls while the others do not is a venue in trouble.',
      unit: 'ops',
      targets: [{ expr: q.rate('marketprism_collector_messages_total', by), legend: '{{exchange}}' }],
    },
    {
      ...WIDE,
      title: 'Error rate by exchange',
      description: 'What went wrong each second: gaps, messages that failed a check, REST requests, sockets lost.',
      unit: 'ops',
      targets: [
        { expr: q.rate('marketprism_collector_gaps_total', by), legend: '{{exchange}} gaps' },
        { expr: q.rate('marketprism_collector_checks_failed_total', by), legend: '{{exchange}} checks failed' },
        { expr: q.rate('marketprism_collector_rest_failures_total', by), legend: '{{exchange}} REST failed' },
        {
          expr: q.rate('marketprism_collector_reconnects_total', by, { matchers: 'cause="lost"' }),
          legend: '{{exchange}} sockets lost',
        },
      ],
    },
    {
      ...THIRD,
      title: 'Resources',
      description: 'Share of the heap that is used, and of one core, of the pod that uses most.',
      unit: 'percentunit',
      max: 1,
      steps: badFrom(limitOf('MarketPrismHighMemoryUsage'), limitOf('MarketPrismHighCPUUsage')),
      targets: [
        { expr: `max(${heap})`, legend: 'heap' },
        {
          expr: `max(sum by (pod) (rate(${q.of('marketprism_collector_cpu_seconds_total')}[$__rate_interval])))`,
          legend: 'core',
        },
      ],
    },
    {
      ...STAT,
      ...{ width: 8, height: 8 },
      title: 'Connection matrix',
      alerts: ['MarketPrismExchangeDisconnected'],
      description: 'Share of the sessions to each exchange and market that are open.',
      unit: 'percentunit',
      max: 1,
      steps: goodFrom(1, 0.5),
      targets: [{ expr: `${open} / ${q.total(sessions, ['exchange', 'market'])}`, legend: '{{exchange}} {{market}}' }],
    },
    {
      ...THIRD,
      type: 'piechart',
      title: 'Messages by type',
      description: 'What the messages of the last minutes are.',
      unit: 'ops',
      targets: [{ expr: q.rate('marketprism_collector_messages_total', ['type']), legend: '{{type}}' }],
    },
  ]
}

function howFast(): Panel[] {
  const latency = 'marketprism_collector_publish_latency_seconds'
  return [
    {
      ...WIDE,
      title: 'Latency',
      alerts: ['MarketPrismLatencyUnusual'],
      description: 'How long messages take from the read at the socket to the acknowledgement by the sink.',
      unit: 's',
      steps: badFrom(0.25, 1),
      targets: [0.5, 0.95, 0.99].map((share) => ({ expr: q.quantile(share, latency), legend: `p${share * 100}` })),
    },
    {
      ...WIDE,
      title: 'Publishes by outcome',
      alerts: ['MarketPrismNATSPublishFailureHigh'],
      description: 'Acknowledged as new, as stored before, sent again since no acknowledgement came, and given up.',
      unit: 'ops',
      targets: [
        { expr: q.rate('marketprism_collector_messages_acknowledged_total'), legend: 'new' },
        { expr: q.rate('marketprism_collector_messages_duplicate_total'), legend: 'stored before' },
        { expr: q.rate('marketprism_collector_sink_resent_total'), legend: 'sent again' },
        { expr: `${q.rate('marketprism_collector_messages_dropped_total')} or vector(0)`, legend: 'given up' },
      ],
    },
  ]
}

function missing(): Panel[] {
  const channels = 'marketprism_collector_channels'
  const spool = `${q.of('marketprism_collector_spool_bytes')} / ${q.of('marketprism_collector_spool_limit_bytes')}`
  return [
    {
      ...STAT,
      title: 'Channels with data',
      description: 'Share of the channels that are live, or quiet as such channels are at times.',
      unit: 'percentunit',
      max: 1,
      steps: goodFrom(1, 0.9),
      targets: [
        {
          expr: `${q.total(channels, [], { matchers: 'state=~"live|quiet"' })} / ${q.total(channels)}`,
          legend: 'live',
        },
      ],
    },
    {
      ...STAT,
      title: 'Gaps in 24 h',
      description: 'Announced losses: what an exchange sent, or should have sent, and will not come any more.',
      unit: 'short',
      steps: badFrom(1, 10),
      targets: [{ expr: q.growth('marketprism_collector_gaps_total', '24h'), legend: 'gaps' }],
    },
    {
      ...STAT,
      title: 'Spool used',
      alerts: ['MarketPrismQueueBacklog'],
      description: 'Share of the memory in which messages wait for the sink, of the shard with the most.',
      unit: 'percentunit',
      max: 1,
      steps: badFrom(limitOf('MarketPrismQueueBacklog') / 2, limitOf('MarketPrismQueueBacklog')),
      targets: [{ expr: `max(${spool})`, legend: 'used' }],
    },
    {
      ...STAT,
      title: 'Alerts that fire',
      description: 'About this Collector. The link above leads to them, with what to do about each.',
      unit: 'none',
      steps: badFrom(1, 3),
      targets: [{ expr: `count(${q.alerts()}) or vector(0)`, legend: 'alerts' }],
    },
    {
      ...WIDE,
      title: 'Channels by state',
      alerts: ['MarketPrismFeedNeverStarted'],
      description: 'Live and quiet are well; stale should have data and has none; down is known to have none.',
      unit: 'none',
      isStacked: true,
      targets: [{ expr: q.total(channels, ['state']), legend: '{{state}}' }],
    },
    {
      ...WIDE,
      title: 'Silence beside the usual',
      alerts: ['MarketPrismDataStale'],
      description:
        'How long ago the last message came, as a multiple of the longest silence that is usual for the channel.',
      unit: 'none',
      steps: badFrom(limitOf('MarketPrismDataStale') / 2, limitOf('MarketPrismDataStale')),
      targets: [{ expr: q.silence(KIND), legend: KIND_LEGEND }],
    },
  ]
}
