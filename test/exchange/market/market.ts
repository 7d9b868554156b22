// A synthetic market: any number of symbols, each with a true book, trades and best prices, all from one seed.
// Comes in: time, through the clock. Goes out: changes, trades and new best prices to whoever listens to a symbol.
// Always: books never cross, trade ids rise by one, sequences rise. Never: reads real time, knows a venue's format.
// Orders arrive as a Poisson process; `act` says what one of them does. Start reading there.
import type { Clock } from '../clock.ts'
import { type Random, random } from '../random.ts'
import { Book, BookHistory, type Levels, type Side } from './book.ts'
import type { Instrument } from './instruments.ts'

/** Fills of one taker at one price. Prices in ticks, sizes in lots, time in ms with fractions. */
export interface Trade {
  readonly id: number
  readonly price: number
  readonly size: number
  readonly firstId: number
  readonly lastId: number
  readonly time: number
  readonly buyerIsMaker: boolean
}

/** Whoever follows one symbol. Times are those of the clock. */
export interface Listener {
  /** An absolute size at a price, 0 removes it; also for prices that the book never had. */
  change?(side: Side, price: number, size: number, seq: number): void
  trade?(trade: Trade): void
  best?(): void
  /** What follows does not join what came before: changes were lost, or the numbering began anew, and stands at `seq`. */
  broken?(seq: number, why: 'lost' | 'restarted'): void
}

export interface MarketOptions {
  readonly seed: number
  readonly instruments: readonly Instrument[]
  /** Orders a second over all symbols; one in five trades. */
  readonly rate: number
  /** Levels on each side of a book. */
  readonly levels: number
  /** `contiguous`: each symbol counts its own changes; `sparse`: with holes. `global`: all share one count, full of holes. */
  readonly numbering: 'contiguous' | 'sparse' | 'global'
  /** True: some single trade ids are taken by fills that no aggregate shows. */
  readonly offBookTrades: boolean
  /** Changes and trades remembered, over all symbols. */
  readonly historyMax?: number
}

/** One symbol of the market, as it stands. */
export interface Symbol {
  readonly instrument: Instrument
  readonly history: BookHistory
  readonly trades: Trade[]
  readonly listeners: Set<Listener>
}

interface State extends Symbol {
  readonly chance: Random
  readonly tradesMax: number
  /** Weight of this symbol and those before it. */
  weightUpTo: number
  nextTrade: number
  nextFill: number
}

const LEVELS_KEPT = 5

export class Market {
  readonly clock: Clock
  readonly #options: MarketOptions
  readonly #chance: Random
  readonly #symbols = new Map<string, State>()
  readonly #active: State[] = []
  #weight = 0
  #seq: number
  #stop: () => void = () => {}

  constructor(clock: Clock, options: MarketOptions) {
    this.clock = clock
    this.#options = options
    this.#chance = random(options.seed)
    this.#seq = 600_000_000_000 + this.#chance.int(1_000_000_000)
    for (const instrument of options.instruments) this.#add(instrument)
    if (options.rate > 0 && this.#active.length > 0) this.#next()
  }

  /** All symbols by the venue's name. */
  get symbols(): ReadonlyMap<string, Symbol> {
    return this.#symbols
  }

  bookAt(symbol: string, seq: number): Levels | undefined {
    return this.#symbols.get(symbol)?.history.at(seq)
  }

  /** Some changes of this book reach no listener, as if the venue lost them. */
  loseChanges(symbol: string, count: number): void {
    const state = this.#symbols.get(symbol)
    if (state === undefined) return
    const listeners = [...state.listeners]
    state.listeners.clear()
    for (let i = 0; i < count; i++) this.#place(state)
    for (const listener of listeners) state.listeners.add(listener)
    for (const listener of listeners) listener.broken?.(state.history.book.seq, 'lost')
  }

  /** So many ids of trades, or of fills, are never used. */
  skipTrades(symbol: string, count: number, of: 'trades' | 'fills' = 'trades'): void {
    const state = this.#symbols.get(symbol)
    if (state === undefined) return
    if (of === 'trades') state.nextTrade += count
    else state.nextFill += count
  }

  /** The changes of a book are numbered from the beginning again; with a global numbering those of all books. */
  restartBook(symbol: string): void {
    const global = this.#options.numbering === 'global'
    if (global) this.#seq = 1
    const states = global ? this.#symbols.values() : [this.#symbols.get(symbol)]
    for (const state of states) {
      state?.history.restart(1)
      for (const listener of state?.listeners ?? []) listener.broken?.(1, 'restarted')
    }
  }

  /** Trades of this symbol, or fills, are numbered from 1 again. */
  restartTrades(symbol: string, of: 'trades' | 'fills' = 'trades'): void {
    const state = this.#symbols.get(symbol)
    if (state === undefined) return
    if (of === 'trades') state.nextTrade = 1
    else state.nextFill = 1
  }

  close(): void {
    this.#stop()
  }

  #add(instrument: Instrument): void {
    const chance = this.#chance.fork(instrument.symbol)
    const count = this.#options.instruments.length
    const kept = Math.max(5_000, Math.floor((this.#options.historyMax ?? 2_000_000) / count))
    const seq = this.#options.numbering === 'global' ? this.#seq++ : 1_000_000 + chance.int(1_000_000_000)
    const state: State = {
      instrument,
      history: new BookHistory(firstBook(instrument, this.#options.levels, seq, chance), kept),
      trades: [],
      listeners: new Set(),
      chance,
      tradesMax: kept,
      weightUpTo: 0,
      nextTrade: 1_000_000 + chance.int(10_000_000),
      nextFill: 20_000_000 + chance.int(100_000_000),
    }
    this.#symbols.set(instrument.symbol, state)
    if (!instrument.trading) return
    this.#active.push(state)
    // busy and quiet symbols, as markets have them
    this.#weight += 1 / Math.sqrt(this.#active.length)
    state.weightUpTo = this.#weight
  }

  #next(): void {
    this.#stop = this.clock.after((this.#chance.exponential() * 1_000) / this.#options.rate, () => {
      const drawn = this.#chance.next() * this.#weight
      this.#act(this.#active.find((state) => drawn < state.weightUpTo) ?? this.#active[0]!)
      this.#next()
    })
  }

  #act(state: State): void {
    const book = state.history.book
    const bid = book.bids.price(0)
    const bidSize = bid === undefined ? 0 : book.bids.size(bid)
    const ask = book.asks.price(0)
    const askSize = ask === undefined ? 0 : book.asks.size(ask)
    const kind = state.chance.next()
    if (kind < 0.2) this.#take(state)
    else if (kind < 0.65) this.#place(state)
    else if (kind < 0.95) this.#cancel(state)
    else this.#deleteUnknown(state)
    const best = bid !== book.bids.price(0) || ask !== book.asks.price(0)
    if (best || bidSize !== book.bids.size(bid ?? 0) || askSize !== book.asks.size(ask ?? 0)) {
      for (const listener of state.listeners) listener.best?.()
    }
  }

  #take(state: State): void {
    const { book } = state.history
    const { reference } = state.instrument
    // the further from where it belongs, the likelier back
    const distance = ((book.asks.price(0) ?? reference) - reference) / reference
    const buy = state.chance.chance(0.5 - Math.max(-0.3, Math.min(0.3, distance * 30)))
    const ladder = buy ? book.asks : book.bids
    let left = 1 + Math.floor(state.instrument.usualSize * state.chance.exponential() * 0.4)
    while (left > 0 && ladder.length > LEVELS_KEPT) {
      const price = ladder.price(0)!
      const held = ladder.size(price)
      const size = Math.min(held, left)
      left -= size
      this.#change(state, buy ? 1 : 0, price, held - size)
      this.#trade(state, price, size, !buy)
    }
  }

  #trade(state: State, price: number, size: number, buyerIsMaker: boolean): void {
    if (this.#options.offBookTrades && state.chance.chance(0.02)) state.nextFill++
    const firstId = state.nextFill
    const lastId = firstId + Math.min(size - 1, Math.floor(state.chance.exponential()))
    state.nextFill = lastId + 1
    const trade = { id: state.nextTrade++, price, size, firstId, lastId, time: this.clock.now(), buyerIsMaker }
    state.trades.push(trade)
    if (state.trades.length > state.tradesMax) state.trades.splice(0, state.tradesMax >> 1)
    for (const listener of state.listeners) listener.trade?.(trade)
  }

  #place(state: State): void {
    const { chance, instrument } = state
    const { book } = state.history
    const side: Side = chance.chance(0.5) ? 0 : 1
    const away = side === 0 ? -1 : 1
    const best = book.side(side).price(0)!
    const spread = book.asks.price(0)! - book.bids.price(0)!
    const inside = spread > 1 && chance.chance(spread > 5 ? 0.5 : 0.15)
    const depth = inside ? -1 - chance.int(Math.min(spread - 1, 3)) : Math.floor(chance.exponential() * 10)
    const price = best + away * depth
    const size = 1 + Math.floor(instrument.usualSize * chance.exponential())
    if (price > 0) this.#change(state, side, price, size)
    const ladder = book.side(side)
    if (ladder.length > this.#options.levels * 1.2) this.#change(state, side, ladder.price(ladder.length - 1)!, 0)
  }

  #cancel(state: State): void {
    const side: Side = state.chance.chance(0.5) ? 0 : 1
    const ladder = state.history.book.side(side)
    if (ladder.length < Math.max(LEVELS_KEPT, this.#options.levels * 0.8)) return this.#refill(state, side)
    const price = ladder.price(Math.min(ladder.length - 1, Math.floor(state.chance.exponential() * 8)))
    if (price !== undefined) this.#change(state, side, price, 0)
  }

  #refill(state: State, side: Side): void {
    const ladder = state.history.book.side(side)
    const price = ladder.price(ladder.length - 1)! + (side === 0 ? -1 : 1) * (1 + state.chance.int(3))
    if (price > 0) this.#change(state, side, price, state.instrument.usualSize)
  }

  /** Venues delete levels that no snapshot of theirs ever showed. */
  #deleteUnknown(state: State): void {
    const side: Side = state.chance.chance(0.5) ? 0 : 1
    const ladder = state.history.book.side(side)
    const price = ladder.price(ladder.length - 1)! + (side === 0 ? -1 : 1) * (1 + state.chance.int(100))
    if (price > 0) this.#change(state, side, price, 0)
  }

  #change(state: State, side: Side, price: number, size: number): void {
    const seq = this.#nextSeq(state)
    state.history.set(seq, side, price, size)
    for (const listener of state.listeners) listener.change?.(side, price, size, seq)
  }

  #nextSeq({ history, chance }: State): number {
    const { numbering } = this.#options
    if (numbering === 'contiguous') return history.book.seq + 1
    if (numbering === 'sparse') return history.book.seq + 1 + chance.int(8)
    this.#seq += 2 + this.#chance.int(40)
    return this.#seq
  }
}

/** The fills that a trade is made of, in the order of their ids. */
export function fillsOf({ firstId, lastId, size }: Trade): { readonly id: number; readonly size: number }[] {
  const count = lastId - firstId + 1
  const each = Math.floor(size / count)
  return Array.from({ length: count }, (_, i) => ({
    id: firstId + i,
    size: i === count - 1 ? size - each * (count - 1) : each,
  }))
}

function firstBook(instrument: Instrument, levels: number, seq: number, chance: Random): Book {
  const book = new Book(seq)
  for (const side of [0, 1] as const) {
    let price = instrument.reference + (side === 0 ? 0 : 1)
    for (let i = 0; i < levels && price > 0; i++) {
      book.side(side).set(price, 1 + Math.floor(instrument.usualSize * (chance.exponential() + i / 50)))
      price += (side === 0 ? -1 : 1) * (1 + chance.int(3))
    }
  }
  return book
}
