// Candles of one symbol and interval, made from its trades. Kept in whole units: sums never round.
import type { Trade } from './market.ts'

export interface Candle {
  /** Start, ms since the epoch. */
  readonly open: number
  readonly first: Trade
  last: Trade
  high: number
  low: number
  trades: number
  /** Lots, and ticks × lots. */
  volume: bigint
  quoteVolume: bigint
  takerBuyVolume: bigint
  takerBuyQuoteVolume: bigint
}

const CANDLES_MAX = 1_500

/** Lengths in ms of the intervals that begin at a multiple of their length. */
export const INTERVALS: ReadonlyMap<string, number> = new Map([
  ['1s', 1_000],
  ['1m', 60_000],
  ['3m', 180_000],
  ['5m', 300_000],
  ['15m', 900_000],
  ['30m', 1_800_000],
  ['1h', 3_600_000],
  ['2h', 7_200_000],
  ['4h', 14_400_000],
  ['6h', 21_600_000],
  ['8h', 28_800_000],
  ['12h', 43_200_000],
  ['1d', 86_400_000],
])

export class Candles {
  readonly lengthMs: number
  readonly #offsetMs: number
  /** Oldest first; a time without trades has none. */
  readonly list: Candle[] = []

  /** @param offsetMs where a candle begins, ms after a multiple of the length */
  constructor(lengthMs: number, trades: readonly Trade[], offsetMs: number = 0) {
    this.lengthMs = lengthMs
    this.#offsetMs = offsetMs
    for (const trade of trades) this.add(trade)
  }

  add(trade: Trade): void {
    const open = Math.floor((trade.time - this.#offsetMs) / this.lengthMs) * this.lengthMs + this.#offsetMs
    let candle = this.list.at(-1)
    if (candle?.open !== open) {
      candle = begin(open, trade)
      this.list.push(candle)
      if (this.list.length > CANDLES_MAX) this.list.shift()
    }
    const size = BigInt(trade.size)
    const notional = BigInt(trade.price) * size
    candle.last = trade
    candle.high = Math.max(candle.high, trade.price)
    candle.low = Math.min(candle.low, trade.price)
    candle.trades += trade.lastId - trade.firstId + 1
    candle.volume += size
    candle.quoteVolume += notional
    if (trade.buyerIsMaker) return
    candle.takerBuyVolume += size
    candle.takerBuyQuoteVolume += notional
  }
}

function begin(open: number, first: Trade): Candle {
  const none = { volume: 0n, quoteVolume: 0n, takerBuyVolume: 0n, takerBuyQuoteVolume: 0n }
  return { open, first, last: first, high: first.price, low: first.price, trades: 0, ...none }
}
