// Metrics of what stands between the operator and the cluster: requests, watches, the Lease, and the process itself.
import { PROGRAM, timestamp } from '../../collector/metrics/catalogue.ts'
import type { Row } from '../../collector/metrics/catalogue.ts'
import type { Declarations } from './declare.ts'
import { byKind } from './observe.ts'
import type { KindSeen, OperatorSeen } from './observe.ts'

function watched(value: (watches: KindSeen) => number | undefined) {
  return ({ watches }: OperatorSeen): Row[] => byKind(watches).map((w): Row => [value(w), w.kind])
}

export const clusterMetrics = {
  marketprism_operator_api_requests_total: {
    type: 'counter',
    class: 'system',
    unit: 'count',
    labels: ['verb', 'code'],
    help: 'Requests to the API server, by how they were answered.',
    read: ({ counts }) => counts.requests.rows(),
  },
  marketprism_operator_api_request_duration_seconds: {
    type: 'histogram',
    class: 'performance',
    unit: 'seconds',
    labels: [],
    help: 'How long the API server took to answer; watches left out.',
    read: ({ counts }) => [[counts.requestSeconds]],
  },
  marketprism_operator_watch_synced: {
    type: 'gauge',
    class: 'system',
    unit: 'flag',
    labels: ['kind'],
    help: '1 while the cache of the kind holds what the API server has.',
    read: watched(({ synced }) => (synced ? 1 : 0)),
  },
  marketprism_operator_watch_objects: {
    type: 'gauge',
    class: 'system',
    unit: 'count',
    labels: ['kind'],
    help: 'Objects in the cache.',
    read: watched(({ objects }) => objects),
  },
  marketprism_operator_watch_lists_total: {
    type: 'counter',
    class: 'system',
    unit: 'count',
    labels: ['kind'],
    help: 'Times that all objects of the kind were read anew.',
    read: watched(({ lists }) => lists),
  },
  marketprism_operator_watches_total: {
    type: 'counter',
    class: 'system',
    unit: 'count',
    labels: ['kind'],
    help: 'Watches begun.',
    read: watched((w) => w.watches),
  },
  marketprism_operator_watch_events_total: {
    type: 'counter',
    class: 'system',
    unit: 'count',
    labels: ['kind', 'event'],
    help: 'What was heard on watches.',
    read: ({ watches }) =>
      byKind(watches).flatMap(({ kind, events }) => events.map(([count, event]): Row => [count, kind, event])),
  },
  marketprism_operator_watch_restarts_total: {
    type: 'counter',
    class: 'exception',
    unit: 'count',
    labels: ['kind', 'reason'],
    help: 'Watches begun anew, by how the one before ended; `ended` is the ordinary way.',
    read: ({ watches }) =>
      byKind(watches).flatMap(({ kind, restarts }) => restarts.map(([count, reason]): Row => [count, kind, reason])),
  },
  marketprism_operator_watch_failed_handlers_total: {
    type: 'counter',
    class: 'exception',
    unit: 'count',
    labels: ['kind'],
    help: 'Changes whose handler threw; more than 0 is a fault of the operator.',
    read: watched(({ failedHandlers }) => failedHandlers),
  },
  marketprism_operator_watch_heard_timestamp_seconds: {
    type: 'gauge',
    class: 'system',
    unit: 'timestamp',
    labels: ['kind'],
    help: 'When the API server was last heard of on the watch, bookmarks included.',
    read: watched(({ heardMs }) => timestamp(heardMs)),
  },
  marketprism_operator_leader: {
    type: 'gauge',
    class: 'system',
    unit: 'flag',
    labels: [],
    help: '1 while this operator holds the Lease and works.',
    read: ({ lease }) => [[lease.isLeading ? 1 : 0]],
  },
  marketprism_operator_lease_renewed_timestamp_seconds: {
    type: 'gauge',
    class: 'system',
    unit: 'timestamp',
    labels: [],
    help: 'When this operator last renewed the Lease; absent while it never held it.',
    read: ({ lease }) => [[timestamp(lease.renewedMs)]],
  },
  marketprism_operator_resident_memory_bytes: PROGRAM.residentMemory,
  marketprism_operator_heap_bytes: PROGRAM.heap,
  marketprism_operator_cpu_seconds_total: PROGRAM.cpu,
  marketprism_operator_event_loop_active_seconds_total: {
    type: 'counter',
    class: 'performance',
    unit: 'seconds',
    labels: [],
    help: 'Time in which the event loop was busy; a rate near 1 is as fast as it gets.',
    read: (o) => [[o.process.loopActiveSeconds]],
  },
  marketprism_operator_certificate_expires_timestamp_seconds: {
    type: 'gauge',
    class: 'system',
    unit: 'timestamp',
    labels: [],
    help: 'When the certificate of the metrics expires; absent where they are served without one.',
    read: ({ certificateExpiresMs: ms }) => [[timestamp(ms)]],
  },
  marketprism_operator_build_info: PROGRAM.build,
  process_start_time_seconds: PROGRAM.start,
} as const satisfies Declarations
