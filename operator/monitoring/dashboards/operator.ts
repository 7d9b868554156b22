// The operator and healing: Collectors of the namespace, what was mended, and the operator itself.
//
// Only the operator that leads works, but both serve their metrics: what is not about work is told apart by pod.
import { badFrom, type Dashboard, goodFrom, limitOf, type Panel, STAT, THIRD, WIDE } from './panel.ts'
import { operatorQueries } from './query.ts'

const q = operatorQueries()

const ofEach = (metric: Parameters<typeof q.of>[0]) => ({
  expr: `max by (collector) (${q.of(metric)})`,
  legend: '{{collector}}',
})

export const operator: Dashboard = {
  name: 'operator',
  title: 'operator and healing',
  description: 'Whether Collectors are as they are wanted, what the operator mends, and how it is itself.',
  filters: [],
  rows: [
    { panels: summary() },
    { title: 'Collectors and healing', panels: [...collectors(), ...healing()] },
    { title: 'Work', panels: work() },
    { title: 'API server and process', panels: cluster() },
  ],
}

function summary(): Panel[] {
  const ready = q.of('marketprism_operator_collector_ready')
  return [
    {
      ...STAT,
      title: 'Collectors ready',
      description: 'Share of the Collectors of this namespace that are ready.',
      unit: 'percentunit',
      max: 1,
      steps: goodFrom(1, 0.9),
      targets: [{ expr: `avg(max by (collector) (${ready}))`, legend: 'ready' }],
    },
    {
      ...STAT,
      title: 'Operators that lead',
      description: 'Exactly one is well. None: nothing is mended or rolled out. Two for a moment is no harm.',
      unit: 'none',
      steps: goodFrom(1),
      targets: [{ expr: `sum(${q.of('marketprism_operator_leader')})`, legend: 'leaders' }],
    },
    {
      ...STAT,
      title: 'Passes that fail',
      description: 'Collectors whose last pass failed; each is tried again.',
      unit: 'none',
      steps: badFrom(1, 5),
      targets: [{ expr: `max(${q.of('marketprism_operator_queue_failing')})`, legend: 'failing' }],
    },
    {
      ...STAT,
      title: 'Actions of healing in 24 h',
      description: 'Pods that were replaced or moved since they were not well.',
      unit: 'short',
      steps: badFrom(1, 10),
      targets: [
        {
          expr: `sum(increase(${q.of('marketprism_operator_healing_actions_total', { matchers: 'outcome="done"' })}[24h]))`,
          legend: 'actions',
        },
      ],
    },
  ]
}

function collectors(): Panel[] {
  const since = q.of('marketprism_operator_collector_rollout_started_timestamp_seconds')
  const desired = (metric: Parameters<typeof q.of>[0], legend: string) => ({
    expr: `sum(max by (collector) (${q.of(metric)}))`,
    legend,
  })
  return [
    {
      ...WIDE,
      title: 'Shards and pods wanted',
      description: 'As many as the Collectors of this namespace are to have.',
      unit: 'none',
      targets: [
        desired('marketprism_operator_collector_shards_desired', 'shards'),
        desired('marketprism_operator_collector_pods_desired', 'pods'),
      ],
    },
    {
      ...WIDE,
      title: 'Rollouts under way',
      alerts: ['MarketPrismRolloutStuck'],
      description: 'How long each has been. One that takes more than a quarter of an hour is stuck.',
      unit: 's',
      steps: badFrom(limitOf('MarketPrismRolloutStuck') / 1.5, limitOf('MarketPrismRolloutStuck')),
      targets: [
        {
          expr: `(time() - max by (collector) (${since})) or on () label_replace(vector(0), "collector", "none", "", "")`,
          legend: '{{collector}}',
        },
      ],
    },
    {
      ...WIDE,
      title: 'Pods that crash',
      alerts: ['MarketPrismCrashLoop'],
      description: 'Pods whose container ends again and again.',
      unit: 'none',
      targets: [ofEach('marketprism_operator_collector_pods_crashing')],
    },
  ]
}

function healing(): Panel[] {
  return [
    {
      ...WIDE,
      title: 'Healing that is spent',
      alerts: ['MarketPrismHealingBudgetSpent'],
      description: 'At 1 healing would act and does not: its budget is spent, or what it did has not helped.',
      unit: 'none',
      max: 1,
      targets: [ofEach('marketprism_operator_collector_healing_spent')],
    },
    {
      ...THIRD,
      title: 'Healing by outcome',
      description: '`done`; `held` back by a guard; `refused` by a budget; `gone` before; `failed`.',
      unit: 'ops',
      targets: [{ expr: q.rate('marketprism_operator_healing_actions_total', ['outcome']), legend: '{{outcome}}' }],
    },
    {
      ...THIRD,
      title: 'Healing by reason',
      description: 'Why pods were to be replaced or moved.',
      unit: 'ops',
      targets: [
        {
          expr: q.rate('marketprism_operator_healing_actions_total', ['action', 'reason']),
          legend: '{{action}} {{reason}}',
        },
      ],
    },
    {
      ...THIRD,
      title: 'Held back by guard',
      description:
        'Why healing did nothing: a budget that is spent, a venue that is away, a node that is being drained.',
      unit: 'ops',
      targets: [{ expr: q.rate('marketprism_operator_healing_held_total', ['reason']), legend: '{{reason}}' }],
    },
  ]
}

function work(): Panel[] {
  return [
    {
      ...THIRD,
      title: 'Passes',
      description: 'Passes over Collectors, by result.',
      unit: 'ops',
      targets: [{ expr: q.rate('marketprism_operator_reconciles_total', ['result']), legend: '{{result}}' }],
    },
    {
      ...THIRD,
      title: 'How long passes take, and wait',
      description: 'Of a pass over a Collector, and of the wait for a worker: p99.',
      unit: 's',
      targets: [
        { expr: q.quantile(0.99, 'marketprism_operator_reconcile_duration_seconds'), legend: 'pass' },
        { expr: q.quantile(0.99, 'marketprism_operator_queue_wait_seconds'), legend: 'wait' },
      ],
    },
    {
      ...THIRD,
      title: 'Queue',
      description: 'Collectors that wait for a worker, that wait for a time, and whose last pass failed.',
      unit: 'short',
      targets: [
        { expr: `max(${q.of('marketprism_operator_queue_depth')})`, legend: 'waiting' },
        { expr: `max(${q.of('marketprism_operator_queue_delayed')})`, legend: 'delayed' },
        { expr: `max(${q.of('marketprism_operator_queue_failing')})`, legend: 'failing' },
      ],
    },
    {
      ...THIRD,
      title: 'Objects written',
      description: 'By kind. Settled Collectors add none.',
      unit: 'ops',
      targets: [{ expr: q.rate('marketprism_operator_applies_total', ['kind']), legend: '{{kind}}' }],
    },
    {
      ...THIRD,
      title: 'Objects removed',
      description: 'By kind: those that are not wanted any more.',
      unit: 'ops',
      targets: [{ expr: q.rate('marketprism_operator_removals_total', ['kind']), legend: '{{kind}}' }],
    },
    {
      ...THIRD,
      title: 'Events',
      description: 'Said about Collectors.',
      unit: 'ops',
      targets: [{ expr: q.rate('marketprism_operator_events_total', ['type']), legend: '{{type}}' }],
    },
  ]
}

function cluster(): Panel[] {
  const heard = q.of('marketprism_operator_watch_heard_timestamp_seconds')
  const core = `rate(${q.of('marketprism_operator_cpu_seconds_total')}[$__rate_interval])`
  const busy = `rate(${q.of('marketprism_operator_event_loop_active_seconds_total')}[$__rate_interval])`
  return [
    {
      ...THIRD,
      title: 'Requests to the API server',
      description: 'By how they were answered.',
      unit: 'ops',
      targets: [{ expr: q.rate('marketprism_operator_api_requests_total', ['code']), legend: '{{code}}' }],
    },
    {
      ...THIRD,
      title: 'How long the API server takes',
      description: 'Its answers at p50 and p99; watches left out.',
      unit: 's',
      targets: [0.5, 0.99].map((share) => ({
        expr: q.quantile(share, 'marketprism_operator_api_request_duration_seconds'),
        legend: `p${share * 100}`,
      })),
    },
    {
      ...THIRD,
      title: 'Watches not heard of',
      description: 'How long ago the API server was last heard of on each watch, bookmarks included.',
      unit: 's',
      steps: badFrom(120, 300),
      targets: [{ expr: `max by (kind) (time() - ${heard})`, legend: '{{kind}}' }],
    },
    {
      ...THIRD,
      title: 'Watches begun anew',
      description: 'By how the one before ended; `ended` is the ordinary way.',
      unit: 'ops',
      targets: [{ expr: q.rate('marketprism_operator_watch_restarts_total', ['reason']), legend: '{{reason}}' }],
    },
    {
      ...THIRD,
      title: 'Memory',
      description: 'Memory of each operator.',
      unit: 'bytes',
      targets: [{ expr: `max by (pod) (${q.of('marketprism_operator_resident_memory_bytes')})`, legend: '{{pod}}' }],
    },
    {
      ...THIRD,
      title: 'Processor',
      description: 'Cores that each operator uses, and the share of the time in which its event loop is busy.',
      unit: 'none',
      targets: [
        { expr: `sum by (pod) (${core})`, legend: '{{pod}} cores' },
        { expr: `sum by (pod) (${busy})`, legend: '{{pod}} event loop' },
      ],
    },
  ]
}
