// Audits the order books of one subject: is every delta there, and is the book that a consumer rebuilds the right one?
//
// In: messages in the order of delivery. Out: holes in the chain of deltas, restarts of the venue's numbering, books
// that crossed, and books that differ from a snapshot of the same sequence. A snapshot mends a consumer's book and
// hides what was lost before it, so the chain is followed apart from the book: each delta covers the sequences that it
// leads over, whoever published it, and what no delta covers is missing.
import { compareDecimals, ConsumerBook, isZero, type BookSide, type Level } from '../../book/consumer.ts'
import type { Gap, Message, OrderBook } from '../../market/messages.ts'
import { Coverage, takeOldest, type Hole, type Place, type Span } from './coverage.ts'
import { cover, reach, timeOf, type Order } from './order.ts'

/** What is wrong with a book although nothing is missing. */
export interface BookFault {
  readonly kind: 'crossed' | 'wrong_book'
  readonly text: string
}

/** What the consumer's book was before a message. */
interface Before {
  readonly inSync: boolean
  readonly last: number | undefined
  readonly ts: number | undefined
}

export class BookOrder implements Order {
  readonly #book = new ConsumerBook()
  #chain = new Coverage()
  /** The chain before the last restart, and when that was: another publisher may still deliver of it. */
  #oldChain = new Coverage()
  #restartTs = -Infinity
  #restarting = false
  /** Restarts, and what was missing before the one before the last. */
  readonly #closed: Hole[] = []
  /** The worst prices of the snapshot last taken: beyond them a consumer does not know all levels. */
  #worstBid: string | undefined
  #worstAsk: string | undefined
  #crossed = false
  #received: number | undefined
  #elapsed = 0
  #synced = 0
  snapshots = 0
  deltas = 0
  /** How often a consumer's book stopped to be in sync. */
  breaks = 0
  #fault: BookFault | undefined

  take(m: Message): Place {
    if (m.type !== 'orderbook') return 'next'
    this.#count(m)
    const before: Before = { inSync: this.#book.inSync, last: this.#book.last, ts: this.#book.ts }
    return m.kind === 'snapshot' ? this.#takeSnapshot(m, before) : this.#takeDelta(m, before)
  }

  /** What the last message showed to be wrong, once. */
  takeFault(): BookFault | undefined {
    const fault = this.#fault
    this.#fault = undefined
    return fault
  }

  /** Share of the time between the first message and the last in which a consumer's book was in sync, 0 to 1. */
  get inSync(): number {
    if (this.#elapsed === 0) return this.#book.inSync ? 1 : 0
    return this.#synced / this.#elapsed
  }

  get holeCount(): number {
    return this.#closed.length + this.#oldChain.holes.length + this.#chain.holes.length
  }

  takeHoles(keep: number): Hole[] {
    return takeOldest([this.#closed, this.#oldChain.holes, this.#chain.holes], keep)
  }

  announced({ after_seq: after, before_seq: before }: Gap): Span | undefined {
    if (after === undefined || before === undefined || after >= before) return undefined
    return { after, until: before }
  }

  size(): number {
    return 1
  }

  describe({ after, until, isRestart }: Hole): string {
    if (isRestart === true) return `the venue began its numbering anew after seq ${after}`
    return `no delta leads from seq ${after} to seq ${until}`
  }

  #count(m: OrderBook): void {
    if (m.kind === 'snapshot') this.snapshots += 1
    else this.deltas += 1
    const elapsed = Math.max(0, m.received - (this.#received ?? m.received))
    this.#elapsed += elapsed
    if (this.#book.inSync) this.#synced += elapsed
    this.#received = Math.max(m.received, this.#received ?? 0)
  }

  #takeDelta(m: OrderBook, before: Before): Place {
    const isRestart = isOtherNumbering(m, before)
    const place = isRestart ? 'next' : this.#follow(m)
    const taken = this.#book.take(m)
    if (before.inSync && !this.#book.inSync) {
      this.breaks += 1
      if (isRestart) this.#closeAt(m, before)
      this.#restarting = isRestart
    }
    if (taken === 'applied') this.#checkCrossed()
    return place === 'next' ? 'next' : 'late'
  }

  #follow(m: OrderBook): Place {
    if (m.prev_seq === undefined || m.prev_seq >= m.seq) return 'again'
    const chain = m.ts !== undefined && m.ts < this.#restartTs ? this.#oldChain : this.#chain
    return cover(chain, m.prev_seq, m.seq, m)
  }

  #takeSnapshot(m: OrderBook, before: Before): Place {
    if (this.#book.take(m) !== 'applied') {
      const isSameBook = m.seq === before.last && m.ts === before.ts
      if (isSameBook && this.#book.inSync) this.#compare(m)
      return isSameBook ? 'next' : 'late'
    }
    const isRestart = before.last !== undefined && m.seq <= before.last
    if (isRestart && !this.#restarting) this.#closeAt(m, before)
    if (isRestart || this.#restarting) this.#beginAnew(m)
    reach(this.#chain, m.seq, m)
    this.#worstBid = m.bids.at(-1)?.[0]
    this.#worstAsk = m.asks.at(-1)?.[0]
    this.#checkCrossed()
    return 'next'
  }

  #closeAt(m: OrderBook, before: Before): void {
    const after = before.last as number
    this.#closed.push({ after, until: m.seq, from: before.ts ?? timeOf(m), to: timeOf(m), isRestart: true })
  }

  #beginAnew(m: OrderBook): void {
    this.#restarting = false
    this.#restartTs = timeOf(m)
    this.#closed.push(...this.#oldChain.holes)
    this.#oldChain = this.#chain
    this.#chain = new Coverage()
  }

  #checkCrossed(): void {
    const { bids, asks, last } = this.#book
    const [bid, ask] = [bids.best, asks.best]
    const crossed = bid !== undefined && ask !== undefined && compareDecimals(bid[0], ask[0]) >= 0
    if (crossed && !this.#crossed) {
      this.#fault = { kind: 'crossed', text: `best bid ${bid[0]} is not below best ask ${ask[0]} at seq ${last}` }
    }
    this.#crossed = crossed
  }

  #compare(m: OrderBook): void {
    const difference =
      differenceOf(this.#book.bids, m.bids, this.#worstBid, 1) ??
      differenceOf(this.#book.asks, m.asks, this.#worstAsk, -1)
    if (difference === undefined) return
    this.#fault = {
      kind: 'wrong_book',
      text: `the rebuilt book differs from the snapshot at seq ${m.seq}: ${difference}`,
    }
  }
}

/** Whether a delta counts by other numbers than the book: by number it is old or fits, by time it is later. */
function isOtherNumbering(m: OrderBook, { last, ts }: Before): boolean {
  if (last === undefined || ts === undefined) return false
  if (m.seq <= last) return m.ts !== undefined && m.ts > ts
  return m.prev_seq !== undefined && m.prev_seq <= last && m.prev_ts !== undefined && m.prev_ts > ts
}

/**
 * The first difference between a rebuilt side and a snapshot of it, as far as both know all levels.
 * @param worst The worst price of the snapshot that the rebuilt side began with; undefined when that had no level.
 * @param direction 1 when the highest price is the best.
 */
function differenceOf(
  side: BookSide,
  snapshot: readonly Level[],
  worst: string | undefined,
  direction: 1 | -1,
): string | undefined {
  const ends = [worst, snapshot.at(-1)?.[0]].filter((end) => end !== undefined)
  const isKnown = ([price]: Level) => ends.every((end) => compareDecimals(price, end) * direction >= 0)
  const rebuilt = side.levels().filter(isKnown)
  const wanted = snapshot.filter((level) => isKnown(level) && !isZero(level[1]))
  for (let i = 0; i < Math.max(rebuilt.length, wanted.length); i++) {
    const [a, b] = [rebuilt[i], wanted[i]]
    const isSame = a !== undefined && b !== undefined && !compareDecimals(a[0], b[0]) && !compareDecimals(a[1], b[1])
    if (!isSame) return `it has ${a?.join(' x ') ?? 'no level'} where the snapshot has ${b?.join(' x ') ?? 'none'}`
  }
  return undefined
}
