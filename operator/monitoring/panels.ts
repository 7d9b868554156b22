// The eleven panels of the overview: the first row answers whether data flows, the rest says where it does not.
import type { Query } from './query.ts'

export interface Panel {
  readonly title: string
  readonly description: string
  readonly type: 'stat' | 'timeseries' | 'piechart'
  /** As Grafana calls it. */
  readonly unit: 'none' | 'ops' | 's' | 'bytes' | 'percentunit' | 'short'
  readonly targets: readonly { readonly expr: string; readonly legend: string }[]
  /** Colours by value, from the least on. */
  readonly steps?: readonly { readonly color: string; readonly value: number | null }[]
  readonly max?: number
  /** Of 24 columns. */
  readonly width: number
  readonly height: number
}

const WINDOW = '$__rate_interval'
const KIND = ['exchange', 'market', 'type'] as const
const KIND_LEGEND = '{{exchange}} {{market}} {{type}}'

const goodFrom = (value: number) => [
  { color: 'red', value: null },
  { color: 'green', value },
]
const badFrom = (warning: number, critical: number) => [
  { color: 'green', value: null },
  { color: 'yellow', value: warning },
  { color: 'red', value: critical },
]

const stat = { type: 'stat', width: 6, height: 4 } as const
const wide = { type: 'timeseries', width: 12, height: 8 } as const
const third = { type: 'timeseries', width: 8, height: 8 } as const

export function panelsOf(query: Query): readonly Panel[] {
  return [...isItWell(query), ...whatFlows(query), ...howFast(query)]
}

function isItWell(q: Query): Panel[] {
  const refused = q.rate('marketprism_collector_frames_total', WINDOW, [], 'outcome="refused"')
  return [
    {
      ...stat,
      title: 'Shards up',
      description: 'Shards of which a pod answers; as many as there should be.',
      unit: 'none',
      targets: [
        { expr: `count(max by (shard) (${q.of('up')} == 1)) or vector(0)`, legend: 'up' },
        { expr: `max(${q.operator('marketprism_operator_collector_shards_desired')})`, legend: 'wanted' },
      ],
      steps: goodFrom(1),
    },
    {
      ...stat,
      title: 'Messages',
      description: 'Messages made each second, each counted once however many publishers there are.',
      unit: 'ops',
      targets: [{ expr: q.rate('marketprism_collector_messages_total', WINDOW), legend: 'messages' }],
      steps: goodFrom(0.1),
    },
    {
      ...stat,
      title: 'Frames refused',
      description: 'Share of the frames of exchanges that could not be used.',
      unit: 'percentunit',
      targets: [{ expr: `${refused} / ${q.rate('marketprism_collector_frames_total', WINDOW)}`, legend: 'refused' }],
      steps: badFrom(0.01, 0.05),
    },
    {
      ...stat,
      title: 'Sessions open',
      description: 'WebSocket sessions to exchanges that are open.',
      unit: 'none',
      targets: [{ expr: q.total('marketprism_collector_sessions', [], 'state="open"'), legend: 'open' }],
      steps: goodFrom(1),
    },
  ]
}

function whatFlows(q: Query): Panel[] {
  return [
    {
      ...wide,
      title: 'Messages by exchange',
      description: 'A line that falls while the others do not is a venue in trouble.',
      unit: 'ops',
      targets: [{ expr: q.rate('marketprism_collector_messages_total', WINDOW, ['exchange']), legend: '{{exchange}}' }],
    },
    {
      ...wide,
      title: 'Data that is missing',
      description: 'Gaps announced, by kind: what the exchange sent and will not come any more.',
      unit: 'ops',
      targets: [{ expr: q.rate('marketprism_collector_gaps_total', WINDOW, KIND), legend: KIND_LEGEND }],
    },
    {
      ...third,
      title: 'Memory and processor',
      description: 'Share of the heap that is used, and of a core, of the pod that uses most.',
      unit: 'percentunit',
      max: 1,
      targets: [
        {
          expr: `max(${q.of('marketprism_collector_heap_bytes')} / ${q.of('marketprism_collector_heap_limit_bytes')})`,
          legend: 'heap',
        },
        {
          expr: `max(sum by (pod) (rate(${q.of('marketprism_collector_cpu_seconds_total')}[${WINDOW}])))`,
          legend: 'core',
        },
      ],
    },
    {
      ...third,
      title: 'Channels by state',
      description: 'Live and quiet are well; stale should have data and has none; down is known to have none.',
      unit: 'none',
      targets: [{ expr: q.total('marketprism_collector_channels', ['state']), legend: '{{state}}' }],
    },
    {
      ...third,
      type: 'piechart',
      title: 'Messages by type',
      description: 'What the messages of the last minutes are.',
      unit: 'ops',
      targets: [{ expr: q.rate('marketprism_collector_messages_total', '5m', ['type']), legend: '{{type}}' }],
    },
  ]
}

function howFast(q: Query): Panel[] {
  const latency = 'marketprism_collector_publish_latency_seconds'
  const quantile = (share: number) => `histogram_quantile(${share}, ${q.rate(latency, WINDOW, ['le'], '', '_bucket')})`
  return [
    {
      ...wide,
      title: 'From socket to sink',
      description: 'How long messages take from the read at the socket to the acknowledgement.',
      unit: 's',
      targets: [0.5, 0.95, 0.99].map((share) => ({ expr: quantile(share), legend: `p${share * 100}` })),
    },
    {
      ...wide,
      title: 'At the sink',
      description: 'Acknowledged as new, as stored before, and sent again since no acknowledgement came.',
      unit: 'ops',
      targets: [
        { expr: q.rate('marketprism_collector_messages_acknowledged_total', WINDOW), legend: 'new' },
        { expr: q.rate('marketprism_collector_messages_duplicate_total', WINDOW), legend: 'stored before' },
        { expr: q.rate('marketprism_collector_sink_resent_total', WINDOW), legend: 'sent again' },
      ],
    },
  ]
}
