// Candles of one contract and resolution, and what was traded since the start, both in Deribit's units: volume in the
// coin, cost in dollars.
import type { Trade } from '../market/market.ts'
import { amount, type Contract } from './contracts.ts'
import type { Stats } from './frames.ts'
import { object, rounded, float } from './json.ts'

/** Lengths in ms by the name of the resolution. */
export const RESOLUTIONS: ReadonlyMap<string, number> = new Map([
  ...[1, 3, 5, 10, 15, 30, 60, 120, 180, 360, 720].map((minutes) => [String(minutes), minutes * 60_000] as const),
  ['1D', 86_400_000],
])

export interface Candle extends Stats {
  /** Where it opens, ms. */
  readonly tick: number
}

const CANDLES_MAX = 5_000

export class Chart {
  /** Oldest first; a time without trades has none. */
  readonly candles: Candle[] = []
  readonly #contract: Contract
  readonly #lengthMs: number

  constructor(contract: Contract, lengthMs: number, trades: readonly Trade[]) {
    this.#contract = contract
    this.#lengthMs = lengthMs
    for (const trade of trades) this.add(trade)
  }

  add(trade: Trade): void {
    const tick = Math.floor(trade.time / this.#lengthMs) * this.#lengthMs
    const last = this.candles.at(-1)
    if (last?.tick === tick) this.candles[this.candles.length - 1] = { ...traded(this.#contract, trade, last), tick }
    else this.candles.push({ ...traded(this.#contract, trade, undefined), tick })
    if (this.candles.length > CANDLES_MAX) this.candles.shift()
  }
}

/** One more trade. */
export function traded(contract: Contract, trade: Trade, before: Stats | undefined): Stats {
  const { tick, lot, inverse, market } = contract
  const price = amount(trade.price, tick)
  const size = amount(trade.size, lot)
  const dollars = inverse && market !== 'option'
  return {
    first: before?.first ?? price,
    last: price,
    high: Math.max(before?.high ?? price, price),
    low: Math.min(before?.low ?? price, price),
    volume: (before?.volume ?? 0) + (dollars ? size / price : size),
    cost: (before?.cost ?? 0) + (dollars ? size : size * price),
  }
}

/** As the channel sends it. */
export function candleText({ tick, first, last, high, low, volume, cost }: Candle): string {
  return object({
    volume: rounded(volume, 10),
    tick: String(tick),
    open: float(first),
    low: float(low),
    high: float(high),
    cost: rounded(cost, 12),
    close: float(last),
  })
}

/** As REST gives them: a column for each field. */
export function chartColumns(candles: readonly Candle[]): string {
  const column = (read: (candle: Candle) => string) => `[${candles.map(read).join(',')}]`
  return object({
    volume: column(({ volume }) => rounded(volume, 10)),
    ticks: column(({ tick }) => String(tick)),
    status: candles.length === 0 ? '"no_data"' : '"ok"',
    open: column(({ first }) => float(first)),
    low: column(({ low }) => float(low)),
    high: column(({ high }) => float(high)),
    cost: column(({ cost }) => rounded(cost, 12)),
    close: column(({ last }) => float(last)),
  })
}
