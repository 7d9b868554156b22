// The consumer's rule of DESIGN 3.3 as a state machine: what anyone does who rebuilds a book from what we publish.
//
// In: `orderbook` messages of one subject, in the order of delivery. Out: the book, and whether it may be believed.
// Always: while `inSync` is true the book is the venue's at `last`; levels are the same level when their prices are
// equal as decimals, however many zeros are written. Never: reads a clock, does I/O, believes a float.
// A message that does not fit leaves the book as it was: old, not wrong. So what fits it later, from a publisher that is
// behind, brings it on.
import type { OrderBook } from '../market/messages.ts'

/**
 * What became of a message. `applied`: the book is now as it says. `dropped`: older than the book, which stays.
 * `waiting`: it does not fit, so the book is not in sync until a snapshot, or a delta that fits.
 */
export type Taken = 'applied' | 'dropped' | 'waiting'

/** Price and absolute size in base, and the venue's own figure of the size where it is another. */
export type Level = readonly [price: string, size: string, raw?: string | undefined]

/** The consumer's whole rule, for whatever keeps the levels. Numbers are NaN where there is none: nothing is after it. */
export class ConsumerRule {
  /** Whether the last message that was not dropped was applied. */
  inSync = false
  /** Sequence of the last message taken. */
  last = Number.NaN
  /** Event time of the last message taken, or the later stamp that another connection gave to what it said, µs. */
  ts = Number.NaN
  /** Event time of the snapshot last taken, µs. */
  snapshotTs = Number.NaN

  /** What becomes of a snapshot: it replaces the book, or is older. */
  takeSnapshot(seq: number, ts: number): Exclude<Taken, 'waiting'> {
    if (this.snapshotTs > ts || (seq <= this.last && !(ts > this.ts))) return 'dropped'
    this.last = seq
    this.ts = ts
    this.snapshotTs = ts
    this.inSync = true
    return 'applied'
  }

  /** What becomes of a delta from `prevSeq` and `prevTs` to `seq` and `ts`. */
  takeDelta(prevSeq: number, prevTs: number, seq: number, ts: number): Taken {
    if (Number.isNaN(this.last)) return 'waiting'
    if (this.snapshotTs > ts) return 'dropped'
    if (seq <= this.last) return ts > this.ts ? this.#takeLater(prevTs, ts) : 'dropped'
    if (!(prevSeq <= this.last) || prevTs > this.ts) return this.#wait()
    this.last = seq
    this.ts = ts
    this.inSync = true
    return 'applied'
  }

  /**
   * What is known by its number, at a later time. What follows the book's time or an earlier one is of its numbering, and
   * was stamped by another connection: the next that this one sends follows its own stamp, which must fit, too.
   */
  #takeLater(prevTs: number, ts: number): Exclude<Taken, 'applied'> {
    if (prevTs > this.ts) return this.#wait()
    this.ts = ts
    return 'dropped'
  }

  #wait(): 'waiting' {
    this.inSync = false
    return 'waiting'
  }
}

/** A book, rebuilt by the consumer's whole rule. Begins empty and not in sync. */
export class ConsumerBook {
  readonly bids = new BookSide(1)
  readonly asks = new BookSide(-1)
  readonly #rule = new ConsumerRule()

  /** Whether the book is as the last message says that was not dropped. */
  get inSync(): boolean {
    return this.#rule.inSync
  }

  /** Sequence of the last message taken; undefined before the first snapshot. */
  get last(): number | undefined {
    return known(this.#rule.last)
  }

  /** Event time of the book, µs, see {@link ConsumerRule.ts}; undefined where the venue sends none. */
  get ts(): number | undefined {
    return known(this.#rule.ts)
  }

  /** Event time of the snapshot last taken, µs. */
  get snapshotTs(): number | undefined {
    return known(this.#rule.snapshotTs)
  }

  take({
    kind,
    prev_seq: prevSeq = Number.NaN,
    prev_ts: prevTs = Number.NaN,
    seq,
    ts = Number.NaN,
    ...sides
  }: OrderBook): Taken {
    const rule = this.#rule
    const taken = kind === 'snapshot' ? rule.takeSnapshot(seq, ts) : rule.takeDelta(prevSeq, prevTs, seq, ts)
    if (taken !== 'applied') return taken
    if (kind === 'snapshot') {
      this.bids.clear()
      this.asks.clear()
    }
    for (let i = sides.bids.length - 1; i >= 0; i--) this.bids.set(sides.bids[i] as Level)
    for (let i = sides.asks.length - 1; i >= 0; i--) this.asks.set(sides.asks[i] as Level)
    return taken
  }
}

function known(n: number): number | undefined {
  return Number.isNaN(n) ? undefined : n
}

/** Up to this many characters a decimal has at most 15 digits, and two that are equal as doubles are equal. */
const EXACT_CHARS = 15

/** One side of a book: levels sorted from the worst to the best, so that what changes most lies at the end. */
export class BookSide {
  /** 1 when the highest price is the best (bids), -1 when the lowest is (asks). */
  readonly #direction: 1 | -1
  /** The prices as doubles: where they differ they order as the decimals do; where not, {@link compareDecimals} decides. */
  readonly #values: number[] = []
  readonly #levels: Level[] = []

  constructor(direction: 1 | -1) {
    this.#direction = direction
  }

  get size(): number {
    return this.#levels.length
  }

  /** The best level; undefined on an empty side. */
  get best(): Level | undefined {
    return this.#levels.at(-1)
  }

  /** All levels, best first. */
  levels(): Level[] {
    return this.#levels.toReversed()
  }

  clear(): void {
    this.#values.length = 0
    this.#levels.length = 0
  }

  /** Sets the absolute size at a price; a size of zero removes the level. */
  set(level: Level): void {
    const value = toDouble(level[0]) * this.#direction
    const i = this.#find(value, level[0])
    const found = i < this.#levels.length && this.#compare(i, value, level[0]) === 0
    if (isZero(level[1])) {
      if (!found) return
      this.#values.splice(i, 1)
      this.#levels.splice(i, 1)
    } else if (found) {
      this.#levels[i] = level
    } else if (i === this.#levels.length) {
      this.#values.push(value)
      this.#levels.push(level)
    } else {
      this.#values.splice(i, 0, value)
      this.#levels.splice(i, 0, level)
    }
  }

  /** Place of the first level that is not worse. */
  #find(value: number, price: string): number {
    let low = 0
    let high = this.#levels.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#compare(middle, value, price) < 0) low = middle + 1
      else high = middle
    }
    return low
  }

  #compare(i: number, value: number, price: string): number {
    const difference = (this.#values[i] as number) - value
    if (difference !== 0 && !Number.isNaN(difference)) return difference
    return compareDecimals((this.#levels[i] as Level)[0], price) * this.#direction
  }
}

/** Order of two decimals (`-?digits[.digits]`) by their exact value: negative, 0 or positive. */
export function compareDecimals(a: string, b: string): number {
  if (a === b) return 0
  const x = Number(a)
  const y = Number(b)
  if (x !== y) return x < y ? -1 : 1
  if (a.length <= EXACT_CHARS && b.length <= EXACT_CHARS) return 0
  const places = Math.max(decimals(a), decimals(b))
  const difference = scaled(a, places) - scaled(b, places)
  return difference < 0n ? -1 : difference > 0n ? 1 : 0
}

/** Number() of a decimal, in a fifth of the time where it is short: digits and a power of ten that are both exact. */
function toDouble(decimal: string): number {
  if (decimal.length > EXACT_CHARS) return Number(decimal)
  let digits = 0
  let places = -1
  for (let i = 0; i < decimal.length; i++) {
    const c = decimal.charCodeAt(i)
    if (c === 0x2e /* . */) places = 0
    else if (c === 0x2d /* - */) return Number(decimal)
    else {
      digits = digits * 10 + c - 0x30 /* 0 */
      if (places >= 0) places++
    }
  }
  return places > 0 ? digits / (POWERS[places] as number) : digits
}

const POWERS = Array.from({ length: EXACT_CHARS }, (_, i) => 10 ** i)

function decimals(text: string): number {
  const dot = text.indexOf('.')
  return dot < 0 ? 0 : text.length - dot - 1
}

function scaled(text: string, places: number): bigint {
  return BigInt(text.replace('.', '') + '0'.repeat(places - decimals(text)))
}

/** Whether a decimal is zero, in any spelling: `0`, `0.000`. */
export function isZero(decimal: string): boolean {
  for (let i = 0; i < decimal.length; i++) {
    const c = decimal.charCodeAt(i)
    if (c >= 0x31 /* 1 */ && c <= 0x39 /* 9 */) return false
  }
  return true
}
