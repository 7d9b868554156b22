// What OKX knows of each instrument of a synthetic market, in its own words; for REST, and for the streams of feeds.ts.
import type { Market as MarketName } from '../../../crds/names.ts'
import type { Clock } from '../clock.ts'
import { Candles } from '../market/candles.ts'
import { Figures } from '../market/figures.ts'
import type { Instrument } from '../market/instruments.ts'
import { fillsOf, Market, type Symbol, type Trade } from '../market/market.ts'
import { random } from '../random.ts'
import type { Ratio, SyntheticOptions, Truth } from '../venue.ts'
import * as frames from './frames.ts'
import { instruments, type Row, rowOf } from './instruments.ts'
import type { Backend, Bounds, Keyed } from './rest.ts'
import { barOf } from './rules.ts'

// All that was traded since the start: statistics of a day that began with it.
const SINCE_START = 1e15

/** The market with the venue's words for it. */
export class World implements Backend {
  readonly market: Market
  readonly figures: Figures
  skewMs = 0
  readonly #rows: readonly Row[]
  readonly #voices = new Map<string, frames.Voice>()
  readonly #candles = new Map<string, Candles>()

  constructor(name: MarketName, clock: Clock, options: SyntheticOptions) {
    const list = instruments(name, options.symbols, clock.now())
    const seed = random(options.seed)
      .fork(`okx ${name}`)
      .int(2 ** 31)
    const { rate, levels } = options
    this.market = new Market(clock, {
      seed,
      instruments: list,
      rate,
      levels,
      numbering: 'sparse',
      offBookTrades: false,
    })
    this.figures = new Figures(seed, list)
    this.#rows = list.map((instrument) => rowOf(instrument, clock.now()))
    for (const instrument of list) {
      const time = (ms: number) => String(Math.floor(ms + this.skewMs))
      this.#voices.set(instrument.symbol, new frames.Voice(instrument, time))
    }
  }

  now(): number {
    return this.market.clock.now() + this.skewMs
  }

  rows(): readonly Row[] {
    return this.#rows
  }

  instruments(): readonly Instrument[] {
    return [...this.#voices.values()].map(({ instrument }) => instrument)
  }

  symbol(instId: string): Symbol {
    return this.market.symbols.get(instId)!
  }

  voice(instId: string): frames.Voice {
    return this.#voices.get(instId)!
  }

  trades(instId: string, { after, before, limit }: Bounds): Keyed[] {
    const { trades } = this.symbol(instId)
    return this.#fills(instId, trades.toReversed(), limit, ({ id }) => id < after && id > before)
  }

  tradesBefore(instId: string, time: number, limit: number): Keyed[] {
    const { trades } = this.symbol(instId)
    return this.#fills(instId, trades.toReversed(), limit, ({ at }) => at < time)
  }

  book(instId: string, depth: number): string {
    return frames.bookRow(this.voice(instId), this.symbol(instId).history.book.levels(depth), this.market.clock.now())
  }

  candles(instId: string, bar: string): Keyed[] {
    const candles = this.candlesOf(instId, bar)
    const now = this.market.clock.now()
    const text = (one: Candles['list'][number]) =>
      frames.candle(this.voice(instId), one, one.open + candles.lengthMs <= now)
    return candles.list.toReversed().map((one) => ({ key: one.open, text: text(one) }))
  }

  ticker(instId: string): string {
    const { book } = this.symbol(instId).history
    const [bid] = book.bids.levels(1)
    const [ask] = book.asks.levels(1)
    const day = this.candlesOf(instId, 'day').list[0]
    return frames.ticker(this.voice(instId), day, { bid, ask }, this.market.clock.now())
  }

  funding(instId: string): string | undefined {
    const now = this.market.clock.now()
    const funding = this.figures.funding(instId, now)
    return funding && frames.funding(this.voice(instId), funding, now)
  }

  openInterest(instId: string): string | undefined {
    const now = this.market.clock.now()
    const contracts = this.figures.openInterest(instId, now)
    const { instrument } = this.voice(instId)
    // the price of an option is no price of its coin
    const price =
      instrument.option === undefined ? this.figures.markPrice(instId, now) : String(instrument.option.strike)
    if (contracts === undefined || price === undefined) return undefined
    return frames.openInterest(this.voice(instId), contracts, price, now)
  }

  ratio(instId: string, of: Ratio, periodMs: number, start: number): string | undefined {
    return this.figures.ratio(instId, of, periodMs, start)
  }

  candlesOf(instId: string, bar: string): Candles {
    const key = `${instId} ${bar}`
    let candles = this.#candles.get(key)
    if (candles === undefined) {
      const { lengthMs, offsetMs } = barOf(bar) ?? { lengthMs: SINCE_START, offsetMs: 0 }
      const symbol = this.symbol(instId)
      const made = new Candles(lengthMs, symbol.trades, offsetMs)
      symbol.listeners.add({ trade: (trade) => made.add(trade) })
      this.#candles.set(key, (candles = made))
    }
    return candles
  }

  readonly truth: Truth = {
    symbols: () => this.#rows.map(({ instId }) => instId),
    bookAt: (instId, seq) => {
      const levels = this.market.bookAt(instId, seq)
      const voice = this.#voices.get(instId)
      if (levels === undefined || voice === undefined) return undefined
      const written = ([price, size]: readonly [number, number]) => [voice.price(price), voice.size(size)] as const
      return { seq: levels.seq, bids: levels.bids.map(written), asks: levels.asks.map(written) }
    },
    seq: (instId) => this.market.symbols.get(instId)?.history.book.seq,
    trades: (instId) => {
      const voice = this.#voices.get(instId)
      if (voice === undefined) return []
      return this.symbol(instId).trades.flatMap((trade) =>
        fillsOf(trade).map(({ id, size }) => ({
          id,
          price: voice.price(trade.price),
          size: voice.size(size),
          side: trade.buyerIsMaker ? 'sell' : 'buy',
          time: Math.floor(trade.time),
        })),
      )
    },
    figures: {
      funding: (...asked) => this.figures.funding(...asked),
      openInterest: (...asked) => this.figures.openInterest(...asked),
      liquidations: (...asked) => this.figures.liquidations(...asked),
      ratio: (...asked) => this.figures.ratio(...asked),
      markPrice: (...asked) => this.figures.markPrice(...asked),
      indexPrice: (...asked) => this.figures.indexPrice(...asked),
      // there is no such index here
      volatility: () => undefined,
    },
  }

  #fills(
    instId: string,
    newestFirst: Iterable<Trade>,
    limit: number,
    wanted: (fill: { readonly id: number; readonly at: number }) => boolean,
  ): Keyed[] {
    const voice = this.voice(instId)
    const out: Keyed[] = []
    for (const trade of newestFirst) {
      for (const { id, size } of fillsOf(trade).toReversed()) {
        if (!wanted({ id, at: trade.time })) continue
        out.push({ key: id, text: frames.tradeAll(voice, trade, id, size) })
        if (out.length === limit) return out
      }
    }
    return out
  }
}
