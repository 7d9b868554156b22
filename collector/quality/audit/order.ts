// How the messages of one channel follow one another: by number (trades), or by time where nothing tells what is missing.
// Candles and ratios are in periods.ts, books in book.ts. Each takes the messages of its channel as they were delivered,
// each id once.
import type { Gap } from '../../market/messages.ts'
import { Coverage, takeOldest, type Hole, type Place, type Span } from './coverage.ts'
import type { Reading } from './reading.ts'

export interface Order {
  take(m: Reading): Place
  /** How many holes there are by now. */
  readonly holeCount: number
  /** Gives up the oldest holes, all but `keep` of them: they are no longer filled by what comes late. */
  takeHoles(keep: number): Hole[]
  /** What of the numbering a gap announces; undefined where only its times can say. */
  announced(gap: Gap): Span | undefined
  /** How many messages, candles or deltas a hole stands for. */
  size(hole: Hole): number
  /** One sentence that says what a hole is. */
  describe(hole: Hole): string
}

/** Adds what a message covers. Its time is any between the venue's and ours: gaps may be told in either. */
export function cover(coverage: Coverage, after: number, until: number, m: Reading): Place {
  return coverage.add(after, until, Math.min(m.time, m.received), Math.max(m.time, m.received))
}

/** Says that a message comes after all up to `until`. */
export function reach(coverage: Coverage, until: number, m: Reading): void {
  coverage.reach(until, Math.min(m.time, m.received), Math.max(m.time, m.received))
}

/** Numbers that count without a hole: the ids of trades, or their `seq` where the ids are none. */
export class NumberOrder implements Order {
  readonly #coverage = new Coverage()
  /** Whether the numbers are `seq`. */
  #isSeq = false

  take(m: Reading): Place {
    this.#isSeq = !Number.isNaN(m.seq)
    return cover(this.#coverage, m.number - 1, m.number, m)
  }

  get holeCount(): number {
    return this.#coverage.holes.length
  }

  takeHoles(keep: number): Hole[] {
    return takeOldest([this.#coverage.holes], keep)
  }

  announced({
    after_id: afterId,
    before_id: beforeId,
    after_seq: afterSeq,
    before_seq: beforeSeq,
  }: Gap): Span | undefined {
    if (afterSeq !== undefined && beforeSeq !== undefined) return { after: afterSeq, until: beforeSeq - 1 }
    if (this.#isSeq || !isCount(afterId) || !isCount(beforeId)) return undefined
    return { after: Number(afterId), until: Number(beforeId) - 1 }
  }

  size({ after, until }: Hole): number {
    return until - after
  }

  describe(hole: Hole): string {
    const n = this.size(hole)
    const name = this.#isSeq ? 'seq' : 'id'
    return `${n === 1 ? '1 trade is' : `${n} trades are`} missing between ${name} ${hole.after} and ${name} ${hole.until + 1}`
  }
}

/** Whether an id is a whole number that a double holds exactly. */
function isCount(id: string | undefined): boolean {
  return id !== undefined && /^\d{1,15}$/.test(id)
}

/** Nothing tells what is missing: only whether time, or the venue's sequence where it sends no time, went back. */
export class TimeOrder implements Order {
  readonly holeCount = 0
  #last = -Infinity

  take(m: Reading): Place {
    const at = firstOf(m.ts, m.openTime, m.seq, m.received)
    if (at < this.#last) return 'late'
    this.#last = at
    return 'next'
  }

  takeHoles(): Hole[] {
    return []
  }

  announced(): undefined {
    return undefined
  }

  size(): number {
    return 0
  }

  describe(): string {
    return ''
  }
}

/** The first of these that is there. */
function firstOf(a: number, b: number, c: number, d: number): number {
  if (!Number.isNaN(a)) return a
  if (!Number.isNaN(b)) return b
  return Number.isNaN(c) ? d : c
}
