// How a metric is declared: the words that the files beside this one are written in.
import type { LatencyTotal } from '../latency.ts'
import type { AddressSeen, KindSeen, Observation, PlaceSeen } from './observe.ts'

export type MetricType = 'counter' | 'gauge' | 'histogram'
/** What a metric tells of: the machine, the data, the speed, or what went wrong. */
export type MetricClass = 'system' | 'business' | 'performance' | 'exception'
/** `flag` is 0 or 1, `timestamp` seconds since the epoch, `count` a number of what the name says. */
export type Unit = 'seconds' | 'bytes' | 'timestamp' | 'count' | 'flag'

/** Every label that a metric may have, and what its values are. */
export const LABELS = {
  exchange: 'venue, as in the spec',
  market: 'kind of product, as in the spec',
  type: 'data type, as in the spec',
  state: 'one of the states that the help names',
  reason: 'one of a fixed list, at most 32',
  outcome: 'what became of it',
  check: 'a check of `spec.quality`',
  action: '`flag`, `drop` or `pass`',
  cause: '`lost` or `planned`',
  host: 'host of a REST address that the spec or the venue names',
  sink: '`nats`, `file` or `stdout`',
  kind: 'kind of garbage collection',
  mode: '`user` or `system`',
  version: 'version of MarketPrism',
  node: 'version of Node',
} as const
export type Label = keyof typeof LABELS

/** One series: its value, and the values of its labels in the order of the declaration. No value, no series. */
export type Row = readonly [value: number | LatencyTotal | undefined, ...labels: string[]]

export interface Metric {
  readonly type: MetricType
  readonly class: MetricClass
  readonly unit: Unit
  readonly labels: readonly Label[]
  readonly help: string
  readonly read: (seen: Observation) => Iterable<Row>
}

/** Metrics by name: ours begin with the product and the program. */
export type Declarations = Readonly<
  Partial<Record<`marketprism_collector_${string}` | 'process_start_time_seconds', Metric>>
>

export const KIND = ['exchange', 'market', 'type'] as const
export const PLACE = ['exchange', 'market'] as const
export const ADDRESS = ['exchange', 'host'] as const

/** A series for each {@link KIND}. */
export function kinds(value: (kind: KindSeen) => number | undefined): Metric['read'] {
  return (o) => o.kinds.map((k): Row => [value(k), k.exchange, k.market, k.type])
}

/** A series for each check of a {@link KIND} and what was done. */
export function byCheck(kind: KindSeen): Row[] {
  return kind.failures.map(({ check, action, count }) => [count, kind.exchange, kind.market, kind.type, check, action])
}

/** A series for each {@link PLACE}. */
export function places(value: (place: PlaceSeen) => number): Metric['read'] {
  return (o) => o.places.map((p): Row => [value(p), p.exchange, p.market])
}

/** A series for each {@link ADDRESS}. */
export function addresses(value: (address: AddressSeen) => number): Metric['read'] {
  return (o) => o.addresses.map((a): Row => [value(a), a.now.exchange, a.now.host])
}

/** A series for each state, after the labels given. */
export function byState(states: Readonly<Record<string, number>>, ...labels: string[]): Row[] {
  return Object.entries(states).map(([state, count]): Row => [count, ...labels, state])
}
