// Metrics of what stands between an exchange and us: sessions and REST addresses.
import { ADDRESS, addresses, byState, PLACE, places } from './declare.ts'
import type { Row } from './catalogue.ts'
import type { Declarations } from './declare.ts'
import type { AddressStatus } from '../status.ts'

const BREAKER_STATES = ['closed', 'open', 'half_open'] as const satisfies readonly AddressStatus['breaker'][]

export const connectionMetrics = {
  marketprism_collector_received_bytes_total: {
    type: 'counter',
    class: 'performance',
    unit: 'bytes',
    labels: PLACE,
    help: 'Bytes of frames received.',
    read: places((p) => p.bytes),
  },
  marketprism_collector_sessions: {
    type: 'gauge',
    class: 'system',
    unit: 'count',
    labels: [...PLACE, 'state'],
    help: 'WebSocket sessions by state: `connecting`, `open` or `waiting`.',
    read: (o) => o.places.flatMap((p) => byState(p.states, p.exchange, p.market)),
  },
  marketprism_collector_reconnects_total: {
    type: 'counter',
    class: 'exception',
    unit: 'count',
    labels: [...PLACE, 'cause'],
    help: 'Sockets that were `lost`, and sockets replaced as `planned`.',
    read: (o) =>
      o.places.flatMap(({ exchange, market, lost, planned }): Row[] => [
        [lost, exchange, market, 'lost'],
        [planned, exchange, market, 'planned'],
      ]),
  },
  marketprism_collector_rest_requests_total: {
    type: 'counter',
    class: 'system',
    unit: 'count',
    labels: ADDRESS,
    help: 'REST requests sent.',
    read: addresses((a) => a.requests),
  },
  marketprism_collector_rest_connections_total: {
    type: 'counter',
    class: 'performance',
    unit: 'count',
    labels: ADDRESS,
    help: 'HTTP connections opened; few for many requests when they are kept alive.',
    read: addresses((a) => a.connections),
  },
  marketprism_collector_rest_failures_total: {
    type: 'counter',
    class: 'exception',
    unit: 'count',
    labels: ADDRESS,
    help: 'REST requests that failed.',
    read: addresses((a) => a.failures),
  },
  marketprism_collector_rest_weight_used: {
    type: 'gauge',
    class: 'system',
    unit: 'count',
    labels: ADDRESS,
    help: "Request weight used in the venue's current window.",
    read: addresses((a) => a.now.weightUsed),
  },
  marketprism_collector_rest_weight_limit: {
    type: 'gauge',
    class: 'system',
    unit: 'count',
    labels: ADDRESS,
    help: 'Request weight that the venue allows in a window.',
    read: addresses((a) => a.now.weightMax),
  },
  marketprism_collector_rest_breaker: {
    type: 'gauge',
    class: 'exception',
    unit: 'flag',
    labels: [...ADDRESS, 'state'],
    help: '1 for the state of the breaker: `closed`, `open` or `half_open`.',
    read: (o) =>
      o.addresses.flatMap(({ now }) =>
        BREAKER_STATES.map((state): Row => [now.breaker === state ? 1 : 0, now.exchange, now.host, state]),
      ),
  },
  marketprism_collector_rest_blocked_until_timestamp_seconds: {
    type: 'gauge',
    class: 'exception',
    unit: 'timestamp',
    labels: ADDRESS,
    help: 'Nothing is asked before this time, as the venue demands; 0 when free.',
    read: addresses((a) => a.now.blockedUntilMs / 1000),
  },
} as const satisfies Declarations
