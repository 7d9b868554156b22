// Binance on a synthetic market: REST and the streams aggTrade, trade, depth, bookTicker, kline, ticker and miniTicker;
// what else contracts have is the desk's.
import type { Clock } from '../clock.ts'
import { Candles, INTERVALS } from '../market/candles.ts'
import { Figures } from '../market/figures.ts'
import { Market, type Symbol } from '../market/market.ts'
import { random } from '../random.ts'
import type { Peer, SyntheticOptions, TrueBook, Truth, Venue } from '../venue.ts'
import { instrumentsOf, pairOf, worthOf } from './contracts.ts'
import { cut } from './cut.ts'
import { Desk } from './desk.ts'
import { symbolInfo } from './exchange-info.ts'
import * as frames from './frames.ts'
import { page } from './query.ts'
import { type Backend, FAILURE, restOf } from './rest.ts'
import type { Rules } from './rules.ts'
import { session, type Streams } from './session.ts'

// All that was traded since the start: statistics of a day that began with it.
const SINCE_START = 1e15
const SAMPLES = 64

export function synthetic(rules: Rules, clock: Clock, options: SyntheticOptions): Venue {
  const own = { ...rules, limits: { ...rules.limits, ...options.limits } }
  const book = new Books(own, clock, options)
  const rest = restOf(own, clock, book)
  return {
    market: rules.market,
    limits: own.limits,
    truth: book.truth,
    source: {
      sequenceGap: (symbol, of, count) =>
        of === 'trade' ? book.market.skipTrades(symbol, count) : book.market.loseChanges(symbol, count),
      sequenceRestart: (symbol, of) =>
        of === 'trade' ? book.market.restartTrades(symbol) : book.market.restartBook(symbol),
      clockSkew: (ms) => {
        book.skewMs = ms
      },
    },
    session: (url, peer) => session(own, url, peer, book),
    answer: rest,
    failure: FAILURE,
    start: () => {},
    finished: new Promise(() => {}),
    close: () => book.market.close(),
  }
}

class Books implements Backend, Streams {
  readonly market: Market
  readonly truth: Truth
  readonly desk: Desk | undefined
  skewMs = 0
  readonly #rules: Rules
  readonly #infos
  readonly #digits = new Map<string, frames.Digits>()
  readonly #candles = new Map<string, Candles>()
  /** Names in streams are lower case. */
  readonly #byStreamName = new Map<string, string>()

  constructor(rules: Rules, clock: Clock, options: SyntheticOptions) {
    this.#rules = rules
    const list = instrumentsOf(rules.market, options.symbols, clock.now())
    const seed = random(options.seed)
      .fork(rules.market)
      .int(2 ** 31)
    const figures = new Figures(seed, list)
    this.truth = this.#truth(figures)
    this.market = new Market(clock, {
      seed,
      instruments: list,
      rate: options.rate,
      levels: options.levels,
      numbering: rules.globalIds ? 'global' : 'contiguous',
      offBookTrades: rules.split,
    })
    this.#infos = list.map((instrument) => symbolInfo(rules, instrument, clock.now()))
    for (const instrument of list) {
      this.#digits.set(instrument.symbol, new frames.Digits(instrument, rules.decimals))
      this.#byStreamName.set(instrument.symbol.toLowerCase(), instrument.symbol)
    }
    const voice = (symbol: string) => this.#voice(symbol, false)
    this.desk = rules.split ? new Desk({ clock, figures, instruments: list, voice }) : undefined
  }

  now(): number {
    return this.market.clock.now() + this.skewMs
  }

  symbols() {
    return this.#infos
  }

  depth(symbol: string, limit: number): string {
    return frames.depthSnapshot(
      this.#voice(symbol, false),
      this.#symbol(symbol).history.book.levels(limit),
      this.market.clock.now(),
    )
  }

  aggTrades(symbol: string, range: Parameters<Backend['aggTrades']>[1]): string[] {
    const voice = this.#voice(symbol, false)
    const matched = (trade: { time: number }) => voice.time(trade.time - this.#rules.pushLagMs)
    const rows = page(this.#symbol(symbol).trades, range, (trade) => trade.id, matched)
    return rows.map((trade) => frames.aggTradeRow(voice, trade))
  }

  klines(symbol: string, interval: string, range: Parameters<Backend['klines']>[2]): string[] {
    const candles = this.#candlesOf(symbol, interval)
    const voice = this.#voice(symbol, false)
    const rows = page(
      candles.list,
      range,
      () => 0,
      (candle) => candle.open,
    )
    return rows.map((candle) => frames.klineRow(voice, candle, candles.lengthMs))
  }

  bookTicker(symbol: string): string {
    return frames.bookTickerRow(this.#voice(symbol, false), best(this.#symbol(symbol)), this.market.clock.now())
  }

  #truth(figures: Figures): Truth {
    return {
      symbols: () => this.#infos.map((info) => info.symbol),
      bookAt: (symbol, updateId): TrueBook | undefined => {
        const levels = this.market.bookAt(symbol, updateId)
        const digits = this.#digits.get(symbol)
        if (levels === undefined || digits === undefined) return undefined
        const written = ([price, size]: readonly [number, number]) => [digits.price(price), digits.size(size)] as const
        return { seq: levels.seq, bids: levels.bids.map(written), asks: levels.asks.map(written) }
      },
      seq: (symbol) => this.market.symbols.get(symbol)?.history.book.seq,
      trades: (symbol) => {
        const digits = this.#digits.get(symbol)
        if (digits === undefined) return []
        return this.#symbol(symbol).trades.map(({ id, price, size, buyerIsMaker, time }) => ({
          id,
          price: digits.price(price),
          size: digits.size(size),
          side: buyerIsMaker ? 'sell' : 'buy',
          time: Math.floor(time - this.#rules.pushLagMs),
        }))
      },
      figures,
    }
  }

  open(stream: string, peer: Peer, microseconds: boolean): () => void {
    const close = this.desk?.open(stream, this.#byStreamName.get(stream.replace(/@.*/u, '')), peer)
    if (close !== undefined) return close
    const [, name = '', channel = '', variant = ''] =
      /^(.+?)@(aggTrade|trade|bookTicker|depth|kline|ticker|miniTicker)(?:[@_](.+))?$/u.exec(stream) ?? []
    const venueSymbol = this.#byStreamName.get(name)
    if (venueSymbol === undefined) return () => {}
    const symbol = this.#symbol(venueSymbol)
    const voice = this.#voice(venueSymbol, microseconds)
    const push = (id: number, text: string) => peer.push({ stream, text, id })
    const follow = (listener: Parameters<Symbol['listeners']['add']>[0]) => {
      symbol.listeners.add(listener)
      return () => void symbol.listeners.delete(listener)
    }
    const { clock } = this.market
    const depthMs = this.#rules.depthMs[variant]
    if (channel === 'aggTrade' && variant === '') {
      return follow({ trade: (trade) => push(trade.id, frames.aggTrade(voice, trade)) })
    }
    if (channel === 'bookTicker' && variant === '') {
      return follow({ best: () => push(symbol.history.book.seq, frames.bookTicker(voice, best(symbol), clock.now())) })
    }
    if (channel === 'depth' && depthMs !== undefined) {
      const chance = peer.chance.fork(stream)
      return cut(this.market, symbol, depthMs, chance, (delta) => push(delta.last, frames.depthUpdate(voice, delta)))
    }
    if (channel === 'trade' && variant === '') {
      return follow({ trade: (trade) => frames.singleTrades(voice, trade).forEach(({ id, text }) => push(id, text)) })
    }
    if (channel === 'ticker' || channel === 'miniTicker') {
      return variant === '' ? this.#openTicker(symbol, voice, peer, channel, push) : () => {}
    }
    if (channel === 'kline' && INTERVALS.has(variant)) return this.#openKline(symbol, voice, peer, variant, push)
    return () => {}
  }

  sampleTrades(stream: string, microseconds: boolean): string[] | undefined {
    const [name = '', channel] = stream.split('@')
    const symbol = this.#byStreamName.get(name)
    if (symbol === undefined || channel !== 'aggTrade') return undefined
    const voice = this.#voice(symbol, microseconds)
    const { reference, usualSize } = this.#symbol(symbol).instrument
    return Array.from({ length: SAMPLES }, (_, i) => {
      const id = 1_000_000_000
      const size = 1 + Math.floor((usualSize * (i + 1)) / SAMPLES)
      const trade = { id, price: reference + i, size, firstId: id, lastId: id, time: this.market.clock.now() }
      return frames.aggTrade(voice, { ...trade, buyerIsMaker: i % 2 === 0 })
    })
  }

  #openTicker(
    symbol: Symbol,
    voice: frames.Voice,
    peer: Peer,
    channel: 'ticker' | 'miniTicker',
    push: (id: number, text: string) => void,
  ): () => void {
    const { clock } = this.market
    const ms = this.#rules.tickerMs
    const day = this.#candlesOf(symbol.instrument.symbol, 'since start', SINCE_START)
    return clock.every(ms, peer.chance.fork('ticker').next() * ms, () => {
      const candle = day.list[0]
      const now = clock.now()
      if (candle === undefined) return
      const isWhole = channel === 'ticker'
      const text = isWhole ? frames.ticker24(voice, candle, best(symbol), now) : frames.miniTicker(voice, candle, now)
      push(voice.time(now), text)
    })
  }

  #openKline(
    symbol: Symbol,
    voice: frames.Voice,
    peer: Peer,
    interval: string,
    push: (id: number, text: string) => void,
  ): () => void {
    const { clock } = this.market
    const candles = this.#candlesOf(symbol.instrument.symbol, interval)
    const ms = this.#rules.klineMs
    // where the last push stood, so that nothing is said twice and the last word on a candle is never left out
    let shown = candles.list.at(-1)
    let trades = shown?.trades ?? 0
    const tell = (candle: NonNullable<typeof shown>, closed: boolean) => {
      const now = clock.now()
      push(voice.time(now), frames.kline(voice, candle, interval, candles.lengthMs, closed, now))
    }
    return clock.every(ms, peer.chance.fork(interval).next() * ms, () => {
      if (shown !== undefined && clock.now() >= shown.open + candles.lengthMs) {
        tell(shown, true)
        shown = undefined
        trades = 0
      }
      const now = candles.list.at(-1)
      if (now === undefined || clock.now() >= now.open + candles.lengthMs || now.trades === trades) return
      shown = now
      trades = now.trades
      tell(now, false)
    })
  }

  #candlesOf(symbol: string, interval: string, lengthMs: number = INTERVALS.get(interval)!): Candles {
    const key = `${symbol} ${interval}`
    let candles = this.#candles.get(key)
    if (candles === undefined) {
      const made = new Candles(lengthMs, this.#symbol(symbol).trades)
      this.#symbol(symbol).listeners.add({ trade: (trade) => made.add(trade) })
      this.#candles.set(key, (candles = made))
    }
    return candles
  }

  #symbol(symbol: string): Symbol {
    return this.market.symbols.get(symbol)!
  }

  #voice(symbol: string, microseconds: boolean): frames.Voice {
    const unit = (ms: number) => Math.floor(microseconds ? ms * 1_000 : ms)
    const time = (ms: number) => unit(ms + this.skewMs)
    const { instrument } = this.#symbol(symbol)
    const [pair, worth] = [pairOf(instrument), worthOf(instrument)]
    return { rules: this.#rules, symbol, pair, worth, digits: this.#digits.get(symbol)!, time, unit }
  }
}

function best({ history }: Symbol): frames.Best {
  const { book } = history
  const bid = book.bids.price(0) ?? 0
  const ask = book.asks.price(0) ?? 0
  return { seq: book.seq, bid: [bid, book.bids.size(bid)], ask: [ask, book.asks.size(ask)] }
}
