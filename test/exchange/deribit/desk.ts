// The synthetic market as Deribit knows it: contracts, their true books and trades, ids of trades, what was traded.
import type { Clock } from '../clock.ts'
import type { Side } from '../market/book.ts'
import { Market, type Symbol, type Trade } from '../market/market.ts'
import { random } from '../random.ts'
import type { SyntheticOptions, TrueBook, TrueFigures, TrueLiquidation, Truth } from '../venue.ts'
import { Chart, RESOLUTIONS, traded } from './charts.ts'
import { type Contract, contracts, currencyOf, type DeribitMarket, toInstrument, written } from './contracts.ts'
import { liquidated, type Sides, type Stats, type Voice } from './frames.ts'
import { float } from './json.ts'
import { fundingNow, indexPrice, markPrice, openInterest, volatility } from './values.ts'

/** Apart from each other: a currency counts the trades of all its markets. */
const FIRST_NUMBER = { perpetual: 390_000_000, future: 590_000_000, option: 790_000_000 } as const

export class Desk {
  readonly market: Market
  skewMs = 0
  readonly contracts: ReadonlyMap<string, Contract>
  /** When each book last changed, ms. */
  readonly #changed = new Map<string, number>()
  readonly #stats = new Map<string, Stats>()
  readonly #charts = new Map<string, Chart>()
  /** The numbers that ids of trades are made of, one count for each currency. */
  readonly #numbers = new WeakMap<Trade, number>()
  readonly #nextNumber = new Map<string, number>()

  constructor(of: DeribitMarket, clock: Clock, { symbols, seed, rate, levels }: SyntheticOptions) {
    const list = contracts(of, symbols, clock.now())
    this.contracts = new Map(list.map((contract) => [contract.name, contract]))
    this.market = new Market(clock, {
      seed: random(seed)
        .fork(of)
        .int(2 ** 31),
      instruments: list.map(toInstrument),
      rate,
      levels,
      numbering: 'global',
      offBookTrades: false,
    })
    for (const contract of list) this.#follow(contract)
  }

  /** By the venue's clock, ms. */
  now(): number {
    return this.market.clock.now() + this.skewMs
  }

  voice(contract: Contract): Voice {
    return { contract, time: (ms) => Math.floor(ms + this.skewMs) }
  }

  symbol({ name }: Contract): Symbol {
    return this.market.symbols.get(name)!
  }

  number(trade: Trade): number {
    return this.#numbers.get(trade)!
  }

  stats({ name }: Contract): Stats | undefined {
    return this.#stats.get(name)
  }

  changed({ name }: Contract): number {
    return this.#changed.get(name)!
  }

  /** The book now, without sides that nobody quotes on. */
  sides(contract: Contract, depth: number = Infinity): Sides {
    const { seq, bids, asks } = this.symbol(contract).history.book.levels(depth)
    return { seq, bids: quotedSides(contract).includes(0) ? bids : [], asks }
  }

  chart(contract: Contract, resolution: string): Chart {
    const key = `${contract.name} ${resolution}`
    let chart = this.#charts.get(key)
    if (chart === undefined) {
      const { trades, listeners } = this.symbol(contract)
      const made = new Chart(contract, RESOLUTIONS.get(resolution)!, trades)
      listeners.add({ trade: (trade) => made.add(trade) })
      this.#charts.set(key, (chart = made))
    }
    return chart
  }

  #follow(contract: Contract): void {
    const { name } = contract
    const { clock } = this.market
    const currency = currencyOf(contract)
    this.#changed.set(name, clock.now())
    this.symbol(contract).listeners.add({
      change: () => this.#changed.set(name, clock.now()),
      trade: (trade) => {
        const number = this.#nextNumber.get(currency) ?? FIRST_NUMBER[contract.market]
        this.#nextNumber.set(currency, number + 1)
        this.#numbers.set(trade, number)
        this.#stats.set(name, traded(contract, trade, this.#stats.get(name)))
      },
    })
  }

  readonly #figures: TrueFigures = {
    // continuous: what is paid at this instant
    funding: (symbol, time) => {
      const contract = this.contracts.get(symbol)
      if (contract?.market !== 'perpetual') return undefined
      return { rate: String(fundingNow(contract, time)), time, nextTime: time }
    },
    openInterest: (symbol, time) => this.#figure(symbol, (contract) => openInterest(contract, time)),
    liquidations: (symbol, from, to) => {
      const contract = this.contracts.get(symbol)
      if (contract === undefined) return []
      const all = this.symbol(contract).trades.flatMap((trade) => trueLiquidation(contract, trade) ?? [])
      return all.filter(({ time }) => time >= from && time < to)
    },
    ratio: () => undefined,
    markPrice: (symbol, time) => this.#figure(symbol, (contract) => markPrice(contract, time)),
    indexPrice: (symbol, time) => this.#figure(symbol, (contract) => indexPrice(contract, time)),
    volatility: (index, time) => String(volatility(index, time)),
  }

  readonly truth: Truth = {
    symbols: () => [...this.contracts.keys()],
    bookAt: (name, id): TrueBook | undefined => {
      const contract = this.contracts.get(name)
      const book = this.market.bookAt(name, id)
      if (contract === undefined || book === undefined) return undefined
      const print = ([price, size]: readonly [number, number]) =>
        [written(price, contract.tick), written(size, contract.lot)] as const
      const bids = quotedSides(contract).includes(0) ? book.bids.map(print) : []
      return { seq: book.seq, bids, asks: book.asks.map(print) }
    },
    seq: (name) => this.market.symbols.get(name)?.history.book.seq,
    trades: (name) => {
      const contract = this.contracts.get(name)
      if (contract === undefined) return []
      return this.symbol(contract).trades.map(({ id, price, size, time, buyerIsMaker }) => ({
        id,
        price: written(price, contract.tick),
        size: written(size, contract.lot),
        side: buyerIsMaker ? 'sell' : 'buy',
        time: Math.floor(time),
      }))
    },
    figures: this.#figures,
  }

  #figure(symbol: string, read: (contract: Contract) => number): string | undefined {
    const contract = this.contracts.get(symbol)
    return contract === undefined ? undefined : float(read(contract))
  }
}

/** Sides of the book that somebody quotes on: puts are worthless here, and nobody bids for them. */
export function quotedSides({ right }: Contract): readonly Side[] {
  return right === 'put' ? [1] : [0, 1]
}

// The liquidated order is the taker's (T, and here MT), or the maker's on the other side.
function trueLiquidation(contract: Contract, trade: Trade): TrueLiquidation | undefined {
  const by = liquidated(contract, trade)
  if (by === undefined) return undefined
  const takerSells = trade.buyerIsMaker
  return {
    price: written(trade.price, contract.tick),
    size: written(trade.size, contract.lot),
    side: takerSells === (by !== 'M') ? 'sell' : 'buy',
    time: Math.floor(trade.time),
  }
}
