// Exchange detail: the connections, what comes over them, and REST.
import { badFrom, type Dashboard, KIND, KIND_LEGEND, type Panel, THIRD, WIDE } from './panel.ts'
import { queriesOf } from './query.ts'

const FILTERS = ['exchange', 'market', 'type'] as const
const PLACE = ['exchange', 'market'] as const
const PLACE_LEGEND = '{{exchange}} {{market}}'
const ADDRESS = ['exchange', 'host'] as const
const q = queriesOf(FILTERS)

export const exchange: Dashboard = {
  name: 'exchange',
  title: 'exchanges',
  description: 'What comes from each exchange and market, over which connections, and what REST costs.',
  filters: FILTERS,
  rows: [{ panels: data() }, { title: 'Connections', panels: connections() }, { title: 'REST', panels: rest() }],
}

function data(): Panel[] {
  const latency = 'marketprism_collector_publish_latency_seconds'
  return [
    {
      ...WIDE,
      title: 'Messages',
      description: 'Messages made each second.',
      unit: 'ops',
      targets: [{ expr: q.rate('marketprism_collector_messages_total', KIND), legend: KIND_LEGEND }],
    },
    {
      ...WIDE,
      title: 'Age of the newest data',
      description: 'How long ago the last message came. Liquidations and funding rates are silent for hours, and well.',
      unit: 's',
      targets: [{ expr: q.age(KIND), legend: KIND_LEGEND }],
    },
    {
      ...WIDE,
      title: 'Channels by state',
      description: 'Live and quiet are well; stale should have data and has none; down is known to have none.',
      unit: 'none',
      isStacked: true,
      targets: [
        { expr: q.total('marketprism_collector_channels', ['exchange', 'state']), legend: '{{exchange}} {{state}}' },
      ],
    },
    {
      ...WIDE,
      title: 'Latency p99',
      description: 'From the read at the socket to the acknowledgement by the sink, of the slowest hundredth.',
      unit: 's',
      steps: badFrom(0.25, 1),
      targets: [{ expr: q.quantile(0.99, latency, PLACE), legend: PLACE_LEGEND }],
    },
  ]
}

function connections(): Panel[] {
  return [
    {
      ...THIRD,
      title: 'Sessions by state',
      description: 'Open is well; waiting is between two attempts.',
      unit: 'none',
      isStacked: true,
      targets: [
        {
          expr: q.total('marketprism_collector_sessions', [...PLACE, 'state']),
          legend: `${PLACE_LEGEND} {{state}}`,
        },
      ],
    },
    {
      ...THIRD,
      title: 'Sockets lost and replaced',
      alerts: ['MarketPrismFrequentReconnects'],
      description: 'Lost sockets are trouble; planned ones are replaced before the exchange cuts them.',
      unit: 'ops',
      targets: [
        {
          expr: q.rate('marketprism_collector_reconnects_total', [...PLACE, 'cause']),
          legend: `${PLACE_LEGEND} {{cause}}`,
        },
      ],
    },
    {
      ...THIRD,
      title: 'Bytes received',
      description: 'Frames as they come, before they are read.',
      unit: 'Bps',
      targets: [{ expr: q.rate('marketprism_collector_received_bytes_total', PLACE), legend: PLACE_LEGEND }],
    },
  ]
}

function rest(): Panel[] {
  const used = 'marketprism_collector_rest_weight_used'
  const blocked = q.of('marketprism_collector_rest_blocked_until_timestamp_seconds')
  return [
    {
      ...WIDE,
      title: 'Requests and failures',
      description: 'REST requests sent, HTTP connections opened for them, and requests that failed.',
      unit: 'ops',
      targets: [
        { expr: q.rate('marketprism_collector_rest_requests_total', ADDRESS), legend: '{{exchange}} {{host}} sent' },
        {
          expr: q.rate('marketprism_collector_rest_connections_total', ADDRESS),
          legend: '{{exchange}} {{host}} connections',
        },
        { expr: q.rate('marketprism_collector_rest_failures_total', ADDRESS), legend: '{{exchange}} {{host}} failed' },
      ],
    },
    {
      ...WIDE,
      title: 'Request weight used',
      description: 'Share of what the venue allows in its window, of the pod that uses most.',
      unit: 'percentunit',
      max: 1,
      steps: badFrom(0.7, 0.9),
      targets: [
        {
          expr: `max by (exchange, host) (${q.of(used)} / ${q.of('marketprism_collector_rest_weight_limit')})`,
          legend: '{{exchange}} {{host}}',
        },
      ],
    },
    {
      ...WIDE,
      title: 'Breakers that are not closed',
      description: 'Pods that ask nothing for a while since too many requests failed.',
      unit: 'none',
      targets: [
        {
          expr: q.total('marketprism_collector_rest_breaker', ADDRESS, { matchers: 'state!="closed"' }),
          legend: '{{exchange}} {{host}}',
        },
      ],
    },
    {
      ...WIDE,
      title: 'Blocked by the venue',
      alerts: ['MarketPrismRequestsBlocked'],
      description: 'How long nothing may be asked, as the venue demands. 0: free.',
      unit: 's',
      targets: [
        { expr: `clamp_min(max by (exchange, host) (${blocked} - time()), 0)`, legend: '{{exchange}} {{host}}' },
      ],
    },
  ]
}
