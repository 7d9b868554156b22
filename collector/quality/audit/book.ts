// Audits the order books of one subject: is every delta there, and is the book that a consumer rebuilds the right one?
//
// In: messages in the order of delivery. Out: holes in the chain of deltas, restarts of the venue's numbering, books
// that crossed, and books that differ from a snapshot of the same sequence. A snapshot mends a consumer's book and
// hides what was lost before it, so the chain is followed apart from the book: each delta covers the sequences that it
// leads over, whoever published it, and what no delta covers is missing.
import { ConsumerRule } from '../../book/consumer.ts'
import type { Gap } from '../../market/messages.ts'
import { Coverage, takeOldest, type Hole, type Place, type Span } from './coverage.ts'
import { cover, reach, type Order } from './order.ts'
import type { Reading } from './reading.ts'
import { Side } from './sides.ts'

/** What is wrong with a book although nothing is missing. */
export interface BookFault {
  readonly kind: 'crossed' | 'wrong_book'
  readonly text: string
}

export class BookOrder implements Order {
  readonly #rule = new ConsumerRule()
  readonly #bids = new Side(1)
  readonly #asks = new Side(-1)
  #chain = new Coverage()
  /** The chain before the last restart, and when that was: another publisher may still deliver of it. */
  #oldChain = new Coverage()
  #restartTs = -Infinity
  #restarting = false
  /** Restarts, and what was missing before the one before the last. */
  readonly #closed: Hole[] = []
  #crossed = false
  #received = Number.NaN
  #elapsed = 0
  #synced = 0
  snapshots = 0
  deltas = 0
  /** How often a consumer's book stopped to be in sync. */
  breaks = 0
  #fault: BookFault | undefined

  take(m: Reading): Place {
    this.#count(m)
    return m.isSnapshot ? this.#takeSnapshot(m) : this.#takeDelta(m)
  }

  /** What the last message showed to be wrong, once. */
  takeFault(): BookFault | undefined {
    const fault = this.#fault
    this.#fault = undefined
    return fault
  }

  /** Share of the time between the first message and the last in which a consumer's book was in sync, 0 to 1. */
  get inSync(): number {
    if (this.#elapsed === 0) return this.#rule.inSync ? 1 : 0
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

  #count({ isSnapshot, received }: Reading): void {
    if (isSnapshot) this.snapshots += 1
    else this.deltas += 1
    if (received <= this.#received) return
    const elapsed = Number.isNaN(this.#received) ? 0 : received - this.#received
    this.#elapsed += elapsed
    if (this.#rule.inSync) this.#synced += elapsed
    this.#received = received
  }

  #takeDelta(m: Reading): Place {
    const rule = this.#rule
    const { inSync, last, ts } = rule
    const isRestart = isOtherNumbering(m, rule)
    const place = isRestart ? 'next' : this.#follow(m)
    const taken = rule.takeDelta(m.prevSeq, m.prevTs, m.seq, m.ts)
    if (inSync && !rule.inSync) {
      this.breaks += 1
      // Of the old numbering more may come from a publisher that is behind, and then of the new one again.
      if (isRestart && !this.#restarting) this.#closeAt(m, last, ts)
      this.#restarting ||= isRestart
    }
    if (taken === 'applied') {
      this.#bids.change(m.bids)
      this.#asks.change(m.asks)
      this.#checkCrossed(m)
    }
    return place === 'next' ? 'next' : 'late'
  }

  #follow(m: Reading): Place {
    if (m.prevSeq >= m.seq) return 'again'
    // By what it follows as well: a clock that is set back stamps the new numbering with times before its beginning.
    const isOld = m.ts < this.#restartTs && !(m.prevTs >= this.#restartTs)
    const chain = isOld ? this.#oldChain : this.#chain
    return cover(chain, m.prevSeq, m.seq, m)
  }

  #takeSnapshot(m: Reading): Place {
    const rule = this.#rule
    const { last, ts } = rule
    if (rule.takeSnapshot(m.seq, m.ts) !== 'applied') {
      const isSameBook = m.seq === last && (m.ts === ts || (Number.isNaN(m.ts) && Number.isNaN(ts)))
      if (isSameBook && rule.inSync) this.#compare(m)
      return isSameBook ? 'next' : 'late'
    }
    // Some venues stamp a snapshot when they send it: the same book at the same number is no restart, however late.
    const isRestart = m.seq < last || (m.seq === last && this.#difference(m) !== undefined)
    // One that says what it continues leaves nothing out.
    if (isRestart && !this.#restarting && m.prevSeq !== last) this.#closeAt(m, last, ts)
    if (isRestart || this.#restarting) this.#beginAnew(m)
    reach(this.#chain, m.seq, m)
    this.#bids.replace(m.bids)
    this.#asks.replace(m.asks)
    this.#checkCrossed(m)
    return 'next'
  }

  /** @param last what the numbering had come to, and at which time */
  #closeAt(m: Reading, last: number, ts: number): void {
    const from = Number.isNaN(ts) ? m.time : ts
    this.#closed.push({ after: last, until: m.seq, from, to: m.time, isRestart: true })
  }

  #beginAnew(m: Reading): void {
    this.#restarting = false
    this.#restartTs = m.time
    this.#closed.push(...this.#oldChain.holes)
    this.#oldChain = this.#chain
    this.#chain = new Coverage()
  }

  #checkCrossed({ seq }: Reading): void {
    const crossed = this.#bids.isCrossedWith(this.#asks)
    if (crossed && !this.#crossed) {
      const text = `best bid ${this.#bids.best} is not below best ask ${this.#asks.best} at seq ${seq}`
      this.#fault = { kind: 'crossed', text }
    }
    this.#crossed = crossed
  }

  #compare(m: Reading): void {
    const difference = this.#difference(m)
    if (difference === undefined) return
    this.#fault = {
      kind: 'wrong_book',
      text: `the rebuilt book differs from the snapshot at seq ${m.seq}: ${difference}`,
    }
  }

  #difference({ bids, asks }: Reading): string | undefined {
    return this.#bids.differenceTo(bids) ?? this.#asks.differenceTo(asks)
  }
}

/** Whether a delta counts by other numbers than the book: by number it is old or fits, by time it follows a later one. */
function isOtherNumbering(m: Reading, { last, ts }: ConsumerRule): boolean {
  return m.prevSeq <= last && m.prevTs > ts && (m.seq > last || m.ts > ts)
}
