// Metrics of the work: Collectors, passes over them, what was applied, and healing.
import { timestamp } from '../../collector/metrics/catalogue.ts'
import type { Row } from '../../collector/metrics/catalogue.ts'
import type { Declarations } from './declare.ts'
import type { OperatorSeen } from './observe.ts'
import type { Standing } from './counts.ts'

function standing(value: (standing: Standing) => number | undefined) {
  return ({ counts }: OperatorSeen): Row[] => counts.standings().map((s): Row => [value(s), s.namespace, s.name])
}

export const workMetrics = {
  marketprism_operator_collectors: {
    type: 'gauge',
    class: 'business',
    unit: 'count',
    labels: ['ready'],
    help: 'Collectors, by whether they are ready.',
    read: ({ counts }) => {
      const all = counts.standings()
      const ready = all.filter(({ isReady }) => isReady).length
      return [
        [ready, 'true'],
        [all.length - ready, 'false'],
      ]
    },
  },
  marketprism_operator_collector_ready: {
    type: 'gauge',
    class: 'business',
    unit: 'flag',
    labels: ['namespace', 'collector'],
    help: '1 while the Collector is ready.',
    read: standing(({ isReady }) => (isReady ? 1 : 0)),
  },
  marketprism_operator_collector_shards_desired: {
    type: 'gauge',
    class: 'business',
    unit: 'count',
    labels: ['namespace', 'collector'],
    help: 'Shards that the Collector is to have.',
    read: standing(({ more }) => more.shards),
  },
  marketprism_operator_collector_pods_desired: {
    type: 'gauge',
    class: 'business',
    unit: 'count',
    labels: ['namespace', 'collector'],
    help: 'Pods that the Collector is to have: its shards times its publishers.',
    read: standing(({ more }) => more.pods),
  },
  marketprism_operator_collector_rollout_started_timestamp_seconds: {
    type: 'gauge',
    class: 'business',
    unit: 'timestamp',
    labels: ['namespace', 'collector'],
    help: 'When the rollout that is under way began; absent while there is none.',
    read: standing(({ more }) => timestamp(more.rollingSinceMs)),
  },
  marketprism_operator_collector_rollout_stuck: {
    type: 'gauge',
    class: 'exception',
    unit: 'flag',
    labels: ['namespace', 'collector'],
    help: '1 while a rollout does not go on: its pods do not become ready.',
    read: standing(({ more }) => (more.isStuck === true ? 1 : 0)),
  },
  marketprism_operator_collector_pods_crashing: {
    type: 'gauge',
    class: 'exception',
    unit: 'count',
    labels: ['namespace', 'collector'],
    help: 'Pods whose container ends again and again, so that the kubelet waits before it starts it.',
    read: standing(({ more }) => more.crashing ?? 0),
  },
  marketprism_operator_collector_healing_spent: {
    type: 'gauge',
    class: 'exception',
    unit: 'flag',
    labels: ['namespace', 'collector'],
    help: '1 while healing would act and does not: its budget is spent, or what it did has not helped.',
    read: standing(({ more }) => (more.isHealingSpent === true ? 1 : 0)),
  },
  marketprism_operator_reconciles_total: {
    type: 'counter',
    class: 'business',
    unit: 'count',
    labels: ['result'],
    help: 'Passes over a Collector.',
    read: ({ counts }) => counts.passes.rows(),
  },
  marketprism_operator_reconcile_duration_seconds: {
    type: 'histogram',
    class: 'performance',
    unit: 'seconds',
    labels: [],
    help: 'How long a pass over a Collector took.',
    read: ({ counts }) => [[counts.passSeconds]],
  },
  marketprism_operator_queue_depth: {
    type: 'gauge',
    class: 'performance',
    unit: 'count',
    labels: [],
    help: 'Collectors that wait for a worker.',
    read: ({ queue }) => [[queue.fresh + queue.resync]],
  },
  marketprism_operator_queue_delayed: {
    type: 'gauge',
    class: 'system',
    unit: 'count',
    labels: [],
    help: 'Collectors that wait for a time: to be looked at again, or tried again.',
    read: ({ queue }) => [[queue.delayed]],
  },
  marketprism_operator_queue_failing: {
    type: 'gauge',
    class: 'exception',
    unit: 'count',
    labels: [],
    help: 'Collectors whose last pass failed.',
    read: ({ queue }) => [[queue.failing]],
  },
  marketprism_operator_queue_wait_seconds: {
    type: 'histogram',
    class: 'performance',
    unit: 'seconds',
    labels: [],
    help: 'How long a Collector waited for a worker.',
    read: ({ counts }) => [[counts.waitSeconds]],
  },
  marketprism_operator_applies_total: {
    type: 'counter',
    class: 'business',
    unit: 'count',
    labels: ['kind'],
    help: 'Objects written; of a Collector its status. Settled Collectors add none.',
    read: ({ counts }) => counts.applies.rows(),
  },
  marketprism_operator_removals_total: {
    type: 'counter',
    class: 'business',
    unit: 'count',
    labels: ['kind'],
    help: 'Objects removed since they are not wanted any more.',
    read: ({ counts }) => counts.removals.rows(),
  },
  marketprism_operator_events_total: {
    type: 'counter',
    class: 'business',
    unit: 'count',
    labels: ['type'],
    help: 'Events said about Collectors.',
    read: ({ counts }) => counts.events.rows(),
  },
  marketprism_operator_healing_actions_total: {
    type: 'counter',
    class: 'exception',
    unit: 'count',
    labels: ['action', 'reason', 'outcome'],
    help: 'What healing did about a pod that is not well: `done`, `unsure` where the answer was lost, `refused` by a disruption budget, `gone` before it.',
    read: ({ counts }) => counts.healings.rows(),
  },
  marketprism_operator_healing_held_total: {
    type: 'counter',
    class: 'exception',
    unit: 'count',
    labels: ['reason'],
    help: 'Actions of healing that were held back, by the guard.',
    read: ({ counts }) => counts.holds.rows(),
  },
} as const satisfies Declarations
