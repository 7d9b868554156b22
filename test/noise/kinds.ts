// The Collector that is simulated: two exchanges, a shard for each, and what they send.
import type { DataType, ExchangeName, Market } from '../../crds/names.ts'

/**
 * Scraped and judged so often, s: the Prometheus Operator's default, where the Collector's own PodMonitor says 15 s. A rate
 * over a minute then rests on two samples, which is as restless as it can be.
 */
export const STEP = 30
/** The first sample, s: a Sunday evening in UTC, and where the longest block of Prometheus begins. */
export const START = 325 * 1458 * 3600
export const DAY = 86_400

export const OWNER = { namespace: 'desk-a', name: 'majors' } as const
/** What every series is labelled with. */
export const SHARED = { namespace: OWNER.namespace, collector: OWNER.name } as const

export interface Kind {
  readonly exchange: ExchangeName
  readonly market: Market
  readonly type: DataType
  /** Messages a second, on average over a week. */
  readonly base: number
  /** How restless it is within minutes: standard deviation of the logarithm. */
  readonly restless: number
  /** How much of a burst of the market it takes part in. */
  readonly pull: number
}

/** Rates of few symbols; one lies near the floor of the rules at night, and two come seldom. */
export const KINDS: readonly Kind[] = [
  { exchange: 'binance', market: 'spot', type: 'trade', base: 60, restless: 0.16, pull: 1 },
  { exchange: 'binance', market: 'spot', type: 'orderbook', base: 120, restless: 0.07, pull: 0.5 },
  { exchange: 'binance', market: 'spot', type: 'ticker', base: 45, restless: 0.1, pull: 0.7 },
  { exchange: 'binance', market: 'perpetual', type: 'trade', base: 90, restless: 0.16, pull: 1 },
  { exchange: 'binance', market: 'perpetual', type: 'funding_rate', base: 1, restless: 0, pull: 0 },
  { exchange: 'binance', market: 'perpetual', type: 'liquidation', base: 0.004, restless: 0.5, pull: 3 },
  { exchange: 'okx', market: 'spot', type: 'trade', base: 25, restless: 0.18, pull: 1 },
  { exchange: 'okx', market: 'spot', type: 'orderbook', base: 50, restless: 0.08, pull: 0.5 },
  { exchange: 'okx', market: 'perpetual', type: 'trade', base: 11, restless: 0.2, pull: 1 },
]

/** Whose a kind, an alert or an event is; what is left out is all of it. */
export interface Scope {
  readonly exchange?: string
  readonly market?: string
  readonly type?: string
}

/** Whether two scopes have something in common. */
export function meets(one: Scope, other: Scope): boolean {
  return (['exchange', 'market', 'type'] as const).every((key) => {
    return one[key] === undefined || other[key] === undefined || one[key] === other[key]
  })
}

/** A shard is an exchange's. */
export const SHARDS: readonly ExchangeName[] = [...new Set(KINDS.map(({ exchange }) => exchange))]

/** Kinds that never stop while a market is open. */
export const DENSE_KINDS = KINDS.filter(({ type }) => ['trade', 'orderbook', 'ticker'].includes(type))

/** Normally distributed, mean 0, deviation 1. */
export function normal(next: () => number): number {
  return Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next())
}
