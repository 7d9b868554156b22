// How a connection cuts time: each has its own phase, and now and then gets two of its intervals as one, so that no two
// connections carry the same boundaries.
import type { Random } from '../random.ts'
import type { Listener, Market, Symbol } from './market.ts'

const MERGED = 0.05

export interface Cut {
  readonly market: Market
  readonly symbol: Symbol
  /** Length of an interval. */
  readonly ms: number
  readonly chance: Random
  readonly listener: Listener
  /** An interval is over. */
  readonly flush: () => void
}

/** Follows a symbol interval by interval; the answer ends it. */
export function byIntervals({ market, symbol, ms, chance, listener, flush }: Cut): () => void {
  symbol.listeners.add(listener)
  const stop = market.clock.every(ms, chance.next() * ms, () => {
    if (!chance.chance(MERGED)) flush()
  })
  return () => {
    symbol.listeners.delete(listener)
    stop()
  }
}
