// The collector's labels, and the series that many of its metrics have: what the files beside this one are written in.
import { PROGRAM_LABELS } from './catalogue.ts'
import type * as catalogue from './catalogue.ts'
import type { Row } from './catalogue.ts'
import type { AddressSeen, KindSeen, Observation, PlaceSeen } from './observe.ts'

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
  ...PROGRAM_LABELS,
} as const
export type Label = keyof typeof LABELS

export type Metric = catalogue.Metric<Observation, Label>
export type Declarations = catalogue.Declarations<'collector', Observation, Label>

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
