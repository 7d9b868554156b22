// What part of a book is known: venues cut their snapshots, and a level beyond the cut stays unknown until it changes.
//
// When the market has moved so far that fewer levels are known than are published, another snapshot is taken beside the
// living book (a Renewal), joined to the same deltas, and put in its place: nothing is lost meanwhile, so no gap.
import type { Levels } from '../wire/levels.ts'
import { Book, type Side } from './book.ts'

/** A book and how far it is known. */
export class KnownBook extends Book {
  #bidsFrom: number | undefined
  #asksFrom: number | undefined

  /** Begins with a snapshot for which `limit` levels a side were asked. */
  begin(bytes: Buffer, bids: Levels, asks: Levels, limit: number): void {
    this.clear()
    this.apply(bytes, bids, asks)
    this.#bidsFrom = bids.count >= limit ? this.bids.worst : undefined
    this.#asksFrom = asks.count >= limit ? this.asks.worst : undefined
  }

  /** Levels a side that are known without a hole from the best on, at most `depth`. */
  bidsKnown(depth: number): number {
    return Math.min(depth, this.#bidsFrom === undefined ? this.bids.count : this.bids.countFrom(this.#bidsFrom))
  }

  asksKnown(depth: number): number {
    return Math.min(depth, this.#asksFrom === undefined ? this.asks.count : this.asks.countFrom(this.#asksFrom))
  }

  /** Whether nothing is left of what was known of a side: its best price is unknown. */
  get isBlind(): boolean {
    const isGone = (side: Side, from: number | undefined): boolean => from !== undefined && side.countFrom(from) === 0
    return isGone(this.bids, this.#bidsFrom) || isGone(this.asks, this.#asksFrom)
  }

  /** Whether all levels that both know without a hole are the same, in the venue's own digits. */
  agreesWith(other: KnownBook): boolean {
    const bids = Math.min(this.bidsKnown(Infinity), other.bidsKnown(Infinity))
    const asks = Math.min(this.asksKnown(Infinity), other.asksKnown(Infinity))
    return isSame(this.bids, other.bids, bids) && isSame(this.asks, other.asks, asks)
  }

  /** Whether a side knows less than three quarters of `depth` levels although the venue has more. */
  isThin(depth: number): boolean {
    const few = depth * THIN
    return (
      (this.#bidsFrom !== undefined && this.bidsKnown(depth) < few) ||
      (this.#asksFrom !== undefined && this.asksKnown(depth) < few)
    )
  }
}

function isSame(a: Side, b: Side, levels: number): boolean {
  const [left, right] = [a, b].map((side) => {
    const text = Buffer.alloc(side.printedMax(levels, undefined))
    return text.subarray(0, side.print(text, 0, levels, undefined))
  }) as [Buffer, Buffer]
  return left.equals(right)
}

/** A venue is asked for hardly more levels than are published, so some may go before it is asked again. */
const THIN = 0.75

/** A second book on its way to replace the first. */
export class Renewal {
  readonly book = new KnownBook()
  /** Sequence of the snapshot, then of the last delta fed. */
  seq: number
  /** Whether a delta has shown that snapshot and stream meet. */
  joined = false

  constructor(seq: number) {
    this.seq = seq
  }

  /** @returns false when the delta does not follow: the renewal is of no use */
  feed(bytes: Buffer, previous: number, last: number, bids: Levels, asks: Levels): boolean {
    if (last <= this.seq) {
      this.joined ||= last === this.seq
      return true
    }
    if (previous > this.seq) return false
    this.book.apply(bytes, bids, asks)
    this.seq = last
    this.joined = true
    return true
  }
}
