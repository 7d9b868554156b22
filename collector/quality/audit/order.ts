// How the messages of one channel follow one another: by id (trades), by candle (klines), by time (all others).
// Books have a file of their own. Each takes the messages of its channel as they were delivered, each id once.
import type { Gap, Message } from '../../market/messages.ts'
import { Coverage, takeOldest, type Hole, type Place, type Span } from './coverage.ts'

export interface Order {
  take(m: Message): Place
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

/** The time that a message is ordered by: the venue's where it sends one, else ours at the socket, µs. */
export function timeOf(m: Message): number {
  return m.ts ?? m.received
}

/** Adds what a message covers. Its time is any between the venue's and ours: gaps may be told in either. */
export function cover(coverage: Coverage, after: number, until: number, m: Message): Place {
  return coverage.add(after, until, Math.min(timeOf(m), m.received), Math.max(timeOf(m), m.received))
}

/** Says that a message comes after all up to `until`. */
export function reach(coverage: Coverage, until: number, m: Message): void {
  coverage.reach(until, Math.min(timeOf(m), m.received), Math.max(timeOf(m), m.received))
}

/** Ids that count without a hole: Binance's aggregate trades, for one. */
export class IdOrder implements Order {
  readonly #coverage = new Coverage()

  take(m: Message): Place {
    const id = m.type === 'trade' ? Number(m.id) : Number.NaN
    return cover(this.#coverage, id - 1, id, m)
  }

  get holeCount(): number {
    return this.#coverage.holes.length
  }

  takeHoles(keep: number): Hole[] {
    return takeOldest([this.#coverage.holes], keep)
  }

  announced({ after_id: after, before_id: before }: Gap): Span | undefined {
    return isCount(after) && isCount(before) ? { after: Number(after), until: Number(before) - 1 } : undefined
  }

  size({ after, until }: Hole): number {
    return until - after
  }

  describe(hole: Hole): string {
    const n = this.size(hole)
    return `${n === 1 ? '1 trade is' : `${n} trades are`} missing between id ${hole.after} and id ${hole.until + 1}`
  }
}

/** Whether an id is a whole number that a double holds exactly. */
export function isCount(id: string | undefined): boolean {
  if (id === undefined || id === '' || id.length > 15) return false
  for (let i = 0; i < id.length; i++) {
    const c = id.charCodeAt(i)
    if (c < 0x30 /* 0 */ || c > 0x39 /* 9 */) return false
  }
  return true
}

/** Candles follow each other, and each has its final push. */
export class CandleOrder implements Order {
  readonly #coverage = new Coverage()
  readonly #times = new TimeOrder()
  #length = 0
  #opened = 0
  /** Candles that had a push, and those whose final push is there. */
  begun = 0
  closed = 0

  take(m: Message): Place {
    const place = this.#times.take(m)
    if (m.type !== 'kline') return place
    // Venues give the last millisecond, or microsecond, that lies inside: one of them is no hole.
    const after = m.open_time - MILLISECOND
    this.#length = m.close_time - after
    if (m.open_time > this.#opened) this.begun += 1
    this.#opened = Math.max(this.#opened, m.open_time)
    if (!m.closed) reach(this.#coverage, after, m)
    else if (cover(this.#coverage, after, m.close_time, m) !== 'again') this.closed += 1
    return place
  }

  get holeCount(): number {
    return this.#coverage.holes.length
  }

  takeHoles(keep: number): Hole[] {
    return takeOldest([this.#coverage.holes], keep)
  }

  announced({ from, to }: Gap): Span {
    return { after: from - this.#length, until: to + this.#length }
  }

  size({ after, until }: Hole): number {
    return Math.max(1, Math.round((until - after) / this.#length))
  }

  describe(hole: Hole): string {
    const n = this.size(hole)
    return n === 1 ? '1 candle has no final push' : `${n} candles have no final push`
  }
}

const MILLISECOND = 1000

/** Nothing tells what is missing: only whether time, or the venue's sequence where it sends no time, went back. */
export class TimeOrder implements Order {
  readonly holeCount = 0
  #last = -Infinity

  take(m: Message): Place {
    const at = m.ts ?? (m.type === 'ticker' ? m.seq : undefined) ?? m.received
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
