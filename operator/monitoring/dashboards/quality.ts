// Data quality and gaps: what is missing, what was refused or failed a check, and whether order books are right.
import { badFrom, type Dashboard, goodFrom, KIND, KIND_LEGEND, type Panel, STAT, THIRD, WIDE } from './panel.ts'
import { orNone, queriesOf } from './query.ts'

const FILTERS = ['exchange', 'market', 'type'] as const
const q = queriesOf(FILTERS)
const LIVE = 'marketprism_collector_channel_live_seconds_total'
const WANTED = 'marketprism_collector_channel_wanted_seconds_total'

export const quality: Dashboard = {
  name: 'quality',
  title: 'data quality and gaps',
  description: 'What is missing, what failed a check, what could not be used, and whether order books are in sync.',
  filters: FILTERS,
  rows: [
    { panels: summary() },
    { title: 'Gaps', panels: gaps() },
    { title: 'Order books', panels: books() },
    { title: 'Frames and messages', panels: messages() },
  ],
}

function inSync(keep: readonly string[]): string {
  const kept = q.total('marketprism_collector_order_books', keep)
  return `${q.total('marketprism_collector_order_books_in_sync', keep)} / (${kept} > 0)`
}

function summary(): Panel[] {
  return [
    {
      ...STAT,
      title: 'Gaps in 24 h',
      description: 'Announced losses, each with its channel, its reason and its bounds in a message.',
      unit: 'short',
      steps: badFrom(1, 10),
      targets: [{ expr: q.growth('marketprism_collector_gaps_total', '24h'), legend: 'gaps' }],
    },
    {
      ...STAT,
      title: 'Availability',
      description: 'Share of the time for which channels were wanted in which they were live or quiet, last hour.',
      unit: 'percentunit',
      max: 1,
      steps: goodFrom(0.999, 0.99),
      targets: [
        { expr: `${q.rate(LIVE, [], { window: '1h' })} / ${q.rate(WANTED, [], { window: '1h' })}`, legend: 'live' },
      ],
    },
    {
      ...STAT,
      title: 'Order books in sync',
      description: 'Share of the order books that follow the exchange without a break.',
      unit: 'percentunit',
      max: 1,
      steps: goodFrom(1, 0.9),
      targets: [{ expr: inSync([]), legend: 'in sync' }],
    },
    {
      ...STAT,
      title: 'Ledger that does not add up',
      description: 'Sums over all messages that are not equal although they must be: a fault of the collector.',
      unit: 'none',
      steps: badFrom(1, 1),
      targets: [{ expr: `max(${q.of('marketprism_collector_ledger_imbalances')})`, legend: 'imbalances' }],
    },
  ]
}

function gaps(): Panel[] {
  return [
    {
      ...WIDE,
      title: 'Gaps by kind',
      alerts: ['MarketPrismGapRateHigh', 'MarketPrismDataGap'],
      description: 'Gap messages made each second.',
      unit: 'ops',
      targets: [{ expr: q.rate('marketprism_collector_gaps_total', KIND), legend: KIND_LEGEND }],
    },
    {
      ...WIDE,
      title: 'Availability by kind',
      description: 'Share of the time for which channels were wanted in which they were live or quiet.',
      unit: 'percentunit',
      max: 1,
      targets: [{ expr: `${q.rate(LIVE, KIND)} / ${q.rate(WANTED, KIND)}`, legend: KIND_LEGEND }],
    },
  ]
}

function books(): Panel[] {
  return [
    {
      ...WIDE,
      title: 'Order books in sync by market',
      alerts: ['MarketPrismOrderBookOutOfSync'],
      description: 'Share of the order books that follow the exchange without a break.',
      unit: 'percentunit',
      max: 1,
      targets: [{ expr: inSync(['exchange', 'market']), legend: '{{exchange}} {{market}}' }],
    },
    {
      ...WIDE,
      title: 'Books compared with tickers',
      description: 'Best bid and ask of a book beside those of the ticker: `differs` should stay at 0.',
      unit: 'ops',
      targets: [{ expr: q.rate('marketprism_collector_order_book_checks_total', ['outcome']), legend: '{{outcome}}' }],
    },
  ]
}

function messages(): Panel[] {
  const checks = 'marketprism_collector_checks_failed_total'
  return [
    {
      ...THIRD,
      title: 'Failed checks',
      alerts: ['MarketPrismErrorRateUnusual'],
      description: 'Messages that failed a check of `spec.quality`.',
      unit: 'ops',
      targets: [{ expr: q.rate(checks, ['check']), legend: '{{check}}' }],
    },
    {
      ...THIRD,
      title: 'What was done about them',
      description: 'Flagged, dropped, or passed as they were, as `spec.quality` says.',
      unit: 'ops',
      targets: [{ expr: q.rate(checks, ['action']), legend: '{{action}}' }],
    },
    {
      ...THIRD,
      title: 'Frames by outcome',
      description: 'Frames of data, of control such as replies and heartbeats, and those that could not be used.',
      unit: 'ops',
      targets: [{ expr: q.rate('marketprism_collector_frames_total', ['outcome']), legend: '{{outcome}}' }],
    },
    {
      ...THIRD,
      title: 'Frames refused by reason',
      description: 'An exchange may have changed its format; the log has a sample.',
      unit: 'ops',
      targets: [
        {
          expr: orNone(q.rate('marketprism_collector_frames_refused_total', ['reason']), 'reason'),
          legend: '{{reason}}',
        },
      ],
    },
    {
      ...THIRD,
      title: 'Messages given up by reason',
      alerts: ['MarketPrismMessagesDropped'],
      description: 'Each announced by a gap.',
      unit: 'ops',
      targets: [
        {
          expr: orNone(q.rate('marketprism_collector_messages_dropped_total', ['reason']), 'reason'),
          legend: '{{reason}}',
        },
      ],
    },
    {
      ...THIRD,
      title: 'Repeated, stored before, foreign',
      alerts: ['MarketPrismForeignMessages'],
      description:
        'Frames that came twice, messages that the sink had, and messages of somebody else under the prefix.',
      unit: 'ops',
      targets: [
        { expr: q.rate('marketprism_collector_frames_repeated_total'), legend: 'frames repeated' },
        { expr: q.rate('marketprism_collector_messages_duplicate_total'), legend: 'stored before' },
        { expr: q.rate('marketprism_collector_messages_foreign_total'), legend: 'foreign' },
      ],
    },
  ]
}
