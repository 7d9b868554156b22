// Messages that stand for a span of time each: candles, and ratios, of which there is one a period.
import type { Gap } from '../../market/messages.ts'
import { Coverage, takeOldest, type Hole, type Place, type Span } from './coverage.ts'
import { cover, reach, TimeOrder, type Order } from './order.ts'
import type { Reading } from './reading.ts'

const MILLISECOND = 1000

/** What spans of time that follow each other have in common. */
abstract class PeriodOrder implements Order {
  protected readonly coverage = new Coverage()
  readonly #times = new TimeOrder()
  /** Of one span, µs. */
  protected length: number

  constructor(length: number) {
    this.length = length
  }

  take(m: Reading): Place {
    this.takeSpan(m)
    return this.#times.take(m)
  }

  protected abstract takeSpan(m: Reading): void

  get holeCount(): number {
    return this.coverage.holes.length
  }

  takeHoles(keep: number): Hole[] {
    return takeOldest([this.coverage.holes], keep)
  }

  announced({ from, to }: Gap): Span | undefined {
    return { after: from - this.length, until: to + this.length }
  }

  size({ after, until }: Hole): number {
    return Math.max(1, Math.round((until - after) / this.length))
  }

  abstract describe(hole: Hole): string
}

/**
 * Candles follow each other. Where the venue marks the final push of each, that is what must be there; elsewhere a
 * candle is complete when the next one begins, and one push of each is all that can be asked for.
 */
export class CandleOrder extends PeriodOrder {
  #opened = 0
  /** Whether the venue says which push of a candle is the final one. */
  isMarked = false
  #complete = 0
  /** Of those behind the last that is complete: beginnings of candles that had a push, where the venue marks the final one. */
  #unfinished: number[] = []
  #lastFinal = 0
  /** Candles that had a push. */
  begun = 0
  /** Candles in between without a final push, or without any where the venue marks none. */
  unseen = 0

  /** Whether they bear an event time: where none does, gaps are told by our clock, candles by the venue's. */
  #isTimed = false

  override announced(gap: Gap): Span | undefined {
    return this.#isTimed ? super.announced(gap) : undefined
  }

  /** Those that are complete. */
  get closed(): number {
    return this.isMarked ? this.#complete : Math.max(0, this.begun - 1)
  }

  protected override takeSpan(m: Reading): void {
    const { openTime, closeTime, closed } = m
    // Venues give the last millisecond, or microsecond, that lies inside: one of them is no hole.
    const after = openTime - MILLISECOND
    if (!Number.isNaN(closeTime)) this.length = closeTime - after
    if (openTime > this.#opened) this.begun += 1
    this.#opened = Math.max(this.#opened, openTime)
    if (!Number.isNaN(closed)) this.isMarked = true
    if (!Number.isNaN(m.ts)) this.#isTimed = true
    this.#follow(openTime, closed)
    if (closed === 0) reach(this.coverage, after, m)
    else if (cover(this.coverage, after, after + this.length, m) !== 'again' && closed === 1) this.#complete += 1
  }

  /**
   * What of a hole is missing even where a venue sends no candle of a time without trades: of candles that had a push, the
   * final one. Asked for once.
   */
  takeBegun(hole: Hole): Hole[] {
    const begun = this.#unfinished.filter((open) => open > hole.after && open <= hole.until)
    this.#unfinished = this.#unfinished.filter((open) => open > hole.until)
    return begun.map((open) => ({ ...hole, after: open - MILLISECOND, until: open - MILLISECOND + this.length }))
  }

  #follow(openTime: number, closed: number): void {
    if (closed === 1) {
      this.#lastFinal = Math.max(this.#lastFinal, openTime)
      this.#unfinished = this.#unfinished.filter((open) => open !== openTime)
    } else if (closed === 0 && openTime > this.#lastFinal && !this.#unfinished.includes(openTime)) {
      this.#unfinished.push(openTime)
    }
  }

  override describe(hole: Hole): string {
    const n = this.size(hole)
    const what = this.isMarked ? 'final push' : 'push'
    return n === 1 ? `1 candle has no ${what}` : `${n} candles have no ${what}`
  }
}

/** Ratios: one message a period, told by its beginning or its end. */
export class RatioOrder extends PeriodOrder {
  protected override takeSpan(m: Reading): void {
    const until = Math.round(m.ts / this.length) * this.length
    cover(this.coverage, until - this.length, until, m)
  }

  override describe(hole: Hole): string {
    const n = this.size(hole)
    return n === 1 ? '1 period is missing' : `${n} periods are missing`
  }
}
