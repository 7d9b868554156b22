// What must be true of every history: consumers never believe a wrong book, nothing is missing without a gap.
import assert from 'node:assert'
import { ConsumerBook, compareDecimals, type Level } from '../../collector/book/consumer.ts'
import type { Gap, OrderBook, Trade } from '../../collector/market/messages.ts'
import type { TrueBook } from '../exchange/venue.ts'
import type { HistoryOf, Sent } from './world.ts'

/** Counts of what was looked at, so that a check that sees nothing shows. */
export interface Seen {
  books: number
  gaps: number
  trades: number
  filled: number
  merged: number
  mergedInSync: number
}

/** @throws AssertionError naming the symbol and what is wrong */
export function checkHistory(history: HistoryOf): Seen {
  const seen: Seen = { books: 0, gaps: 0, trades: 0, filled: 0, merged: 0, mergedInSync: 0 }
  const { published, symbols, exchange, market, settledUs } = history
  for (const { symbol, venueSymbol } of symbols) {
    const truth = memo((seq: number) => exchange.truth[market].bookAt(venueSymbol, seq))
    const all = published.map((of) => of.get(symbol) ?? [])
    all.forEach((sent, i) => {
      const what = `${symbol} of collector ${i}`
      checkBook(what, sent, truth, settledUs, seen)
      checkTrades(what, sent, exchange.truth[market].trades(venueSymbol), settledUs, seen)
    })
    checkMerged(`${symbol} of both`, all, truth, settledUs, seen)
  }
  return seen
}

type TruthOf = (seq: number) => TrueBook | undefined

/** One collector's book: never wrong, never a jump without a gap, and in sync at the end. */
function checkBook(what: string, sent: readonly Sent[], truth: TruthOf, settledUs: number, seen: Seen): void {
  const consumer = new Consumer(what, truth)
  let gap: Gap | undefined
  for (const { message: m } of sent) {
    if (m.type === 'gap' && m.of === 'orderbook') {
      assert.equal(m.after_seq, consumer.book.last, `${what}: a gap begins where the book stands`)
      seen.gaps += 1
      gap = m
    }
    if (m.type !== 'orderbook') continue
    const { last, inSync } = consumer.book
    if (gap !== undefined) {
      assert.equal(m.kind, 'snapshot', `${what}: after a gap comes a snapshot`)
      assert.equal(gap.before_seq, m.seq, `${what}: the gap ends at the snapshot`)
    }
    const taken = consumer.take(m)
    if (last === undefined) assert.equal(m.kind, 'snapshot', `${what}: begins with a snapshot`)
    else if (gap === undefined)
      assert(m.kind === 'delta' ? taken === 'applied' : m.seq === last, `${what}: silent jump`)
    assert(last === undefined || inSync, `${what}: the only publisher leaves its consumer out of sync at ${last}`)
    gap = undefined
    seen.books += 1
  }
  assert(consumer.book.inSync && (consumer.book.ts as number) >= settledUs, `${what}: not in sync at the end`)
}

/** Both collectors' books in one stream: never wrong, and in sync at the end. */
function checkMerged(
  what: string,
  all: readonly (readonly Sent[])[],
  truth: TruthOf,
  settledUs: number,
  seen: Seen,
): void {
  const consumer = new Consumer(what, truth)
  const ids = new Set<string>()
  const order = all.flat().sort((a, b) => a.at - b.at)
  for (const { id, message } of order) {
    if (message.type !== 'orderbook' || ids.has(id)) continue
    ids.add(id)
    consumer.take(message)
    seen.merged += 1
    if (consumer.book.inSync) seen.mergedInSync += 1
  }
  assert(consumer.book.inSync && (consumer.book.ts as number) >= settledUs, `${what}: not in sync at the end`)
}

/** A consumer whose book is compared with the exchange's whenever it claims to be in sync. */
class Consumer {
  readonly book = new ConsumerBook()
  readonly #what: string
  readonly #truth: TruthOf
  /** Worst prices of the snapshot last taken: what lies beyond nobody claims to know. */
  #worstBid = '0'
  #worstAsk = '0'

  constructor(what: string, truth: TruthOf) {
    this.#what = what
    this.#truth = truth
  }

  take(m: OrderBook) {
    if (m.kind === 'snapshot') this.#checkSnapshot(m)
    const taken = this.book.take(m)
    if (taken === 'applied' && m.kind === 'snapshot') {
      this.#worstBid = m.bids.at(-1)?.[0] ?? '0'
      this.#worstAsk = m.asks.at(-1)?.[0] ?? '0'
    }
    if (!this.book.inSync) return taken
    const { last, bids, asks } = this.book
    const what = `${this.#what}: at ${last}, after a ${m.kind} that was ${taken}`
    const book = this.#truth(last as number)
    assert(book !== undefined, `${what}: the exchange had no such book`)
    checkSide(`${what}: bids`, bids.levels(), book.bids, (price) => compareDecimals(price, this.#worstBid) >= 0)
    checkSide(`${what}: asks`, asks.levels(), book.asks, (price) => compareDecimals(price, this.#worstAsk) <= 0)
    return taken
  }

  /** Also where a consumer has no need of it. */
  #checkSnapshot({ seq, bids, asks }: OrderBook): void {
    const book = this.#truth(seq)
    const what = `${this.#what}: the snapshot at ${seq}`
    assert(book !== undefined, `${what}: the exchange had no such book`)
    checkSide(`${what}: bids`, bids, book.bids.slice(0, bids.length), () => true)
    checkSide(`${what}: asks`, asks, book.asks.slice(0, asks.length), () => true)
  }
}

function checkSide(
  what: string,
  got: readonly Level[],
  wanted: readonly Level[],
  isKnown: (price: string) => boolean,
): void {
  let i = 0
  for (const [price, size] of wanted) {
    if (!isKnown(price)) break
    const level = got[i++]
    const same = level !== undefined && compareDecimals(level[0], price) === 0 && compareDecimals(level[1], size) === 0
    if (!same) assert.fail(`${what}: ${price} ${size} is wanted, not ${level?.join(' ')}`)
  }
  const more = got[i]
  assert(more === undefined || !isKnown(more[0]), `${what}: ${more?.join(' ')} is not in the exchange's book`)
}

/** Every trade since the first one published: once, or inside a gap. */
function checkTrades(
  what: string,
  sent: readonly Sent[],
  wanted: HistoryOf['exchange']['truth']['spot'] extends { trades(s: string): infer T } ? T : never,
  settledUs: number,
  seen: Seen,
): void {
  const published = new Map<number, Trade>()
  const gaps: Gap[] = []
  for (const { message: m } of sent) {
    if (m.type === 'gap' && m.of === 'trade') gaps.push(m)
    if (m.type !== 'trade') continue
    assert(!published.has(Number(m.id)), `${what}: trade ${m.id} twice`)
    published.set(Number(m.id), m)
    seen.trades += 1
    if (m.filled) seen.filled += 1
  }
  const known = new Set(wanted.map(({ id }) => id))
  for (const id of published.keys()) assert(known.has(id), `${what}: trade ${id} never was`)
  for (const gap of gaps) {
    const missing = Number(gap.before_id) - Number(gap.after_id) - 1
    assert.equal(gap.missing, missing, `${what}: the gap counts what lies between its ends`)
    for (let id = Number(gap.after_id) + 1; id < Number(gap.before_id); id++) {
      assert(!published.has(id), `${what}: trade ${id} is said to be missing and was published`)
    }
  }
  const first = published.keys().next().value ?? Infinity
  for (const trade of wanted) {
    if (trade.id < first || trade.time * 1_000 > settledUs) continue
    const got = published.get(trade.id)
    if (got === undefined) {
      const inGap = gaps.some((gap) => Number(gap.after_id) < trade.id && trade.id < Number(gap.before_id))
      assert(inGap, `${what}: trade ${trade.id} is missing without a gap`)
    } else {
      assert.equal(compareDecimals(got.price, trade.price), 0)
      assert.equal(compareDecimals(got.size, trade.size), 0)
      assert.equal(got.side, trade.side)
    }
  }
}

function memo<T>(of: (key: number) => T): (key: number) => T {
  const known = new Map<number, T>()
  return (key) => {
    if (!known.has(key)) known.set(key, of(key))
    return known.get(key) as T
  }
}
