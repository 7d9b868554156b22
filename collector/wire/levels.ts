// One side of a depth frame, as the scanner leaves it for the book: a row for each level, no objects.
import { CLOSE_BRACKET, COMMA, DECIMAL_MAX, DOT, NINE, OPEN_BRACKET, QUOTE, ZERO } from './bytes.ts'

/** Most levels that one side of one message may have. */
export const LEVELS_MAX = 10_000

/** Up to here two mantissas divided by the same power of ten never give the same double. */
const UNIQUE_MAX = 2 ** 52
const POWERS = Float64Array.from({ length: 23 }, (_, i) => 10 ** i)

/**
 * grammar: `[]` or `[[DEC,DEC]{,[DEC,DEC]}]`, DEC a decimal in quotes, no spaces.
 * Offsets are those in the scanned frame.
 */
export class Levels {
  count = 0
  /** Price as the nearest double: unique for up to 15 significant digits, which is what is accepted. */
  price = new Float64Array(64)
  /** Four offsets a level: price start, price end, size start, size end. */
  at = new Int32Array(256)

  /** Reads the array that begins at `pos`; returns the place behind it, or -1 where the grammar does not fit. */
  scan(bytes: Uint8Array, pos: number): number {
    this.count = 0
    if (bytes[pos] !== OPEN_BRACKET) return -1
    pos += 1
    if (bytes[pos] === CLOSE_BRACKET) return pos + 1
    for (;;) {
      if (bytes[pos] !== OPEN_BRACKET || bytes[pos + 1] !== QUOTE) return -1
      if (this.count === this.price.length && !this.#grow()) return -1
      const row = this.count * 4
      const priceEnd = this.#decimal(bytes, pos + 2)
      if (priceEnd < 0 || bytes[priceEnd + 1] !== COMMA || bytes[priceEnd + 2] !== QUOTE) return -1
      const sizeEnd = skipDecimal(bytes, priceEnd + 3)
      if (sizeEnd < 0 || bytes[sizeEnd + 1] !== CLOSE_BRACKET) return -1
      this.at[row] = pos + 2
      this.at[row + 1] = priceEnd
      this.at[row + 2] = priceEnd + 3
      this.at[row + 3] = sizeEnd
      this.count += 1
      pos = sizeEnd + 2
      if (bytes[pos] === COMMA) pos += 1
      else return bytes[pos] === CLOSE_BRACKET ? pos + 1 : -1
    }
  }

  /** Reads a price up to its closing quote into the current row; -1 for what is no plain positive decimal. */
  #decimal(bytes: Uint8Array, start: number): number {
    let mantissa = 0
    let significant = 0
    let point = -1
    let last = start
    let pos = start
    for (; ; pos++) {
      const c = bytes[pos] as number
      if (c >= ZERO && c <= NINE) {
        if (c !== ZERO) last = pos + 1
        if (significant > 0 || c !== ZERO) significant += 1
        if (significant <= 16) mantissa = mantissa * 10 + (c - ZERO)
      } else if (c === DOT && point < 0 && pos > start) point = pos
      else break
    }
    if (bytes[pos] !== QUOTE || pos === start || pos - start > DECIMAL_MAX || bytes[pos - 1] === DOT) return -1
    if (significant > 16 || mantissa > UNIQUE_MAX) {
      if (digitsBetween(bytes, start, last) > 15) return -1
      this.price[this.count] = Number(
        Buffer.from(bytes.buffer, bytes.byteOffset + start, pos - start).toString('latin1'),
      )
      return pos
    }
    this.price[this.count] = point < 0 ? mantissa : mantissa / (POWERS[pos - point - 1] as number)
    return pos
  }

  #grow(): boolean {
    if (this.price.length >= LEVELS_MAX) return false
    const price = new Float64Array(this.price.length * 2)
    price.set(this.price)
    this.price = price
    const at = new Int32Array(this.at.length * 2)
    at.set(this.at)
    this.at = at
    return true
  }
}

/** The place of the quote behind a plain decimal, or -1. */
function skipDecimal(bytes: Uint8Array, start: number): number {
  let pos = start
  let point = false
  for (; ; pos++) {
    const c = bytes[pos] as number
    if (c >= ZERO && c <= NINE) continue
    if (c !== DOT || point || pos === start) break
    point = true
  }
  if (bytes[pos] !== QUOTE || pos === start || pos - start > DECIMAL_MAX || bytes[pos - 1] === DOT) return -1
  return pos
}

/** Significant digits in [start, end). */
function digitsBetween(bytes: Uint8Array, start: number, end: number): number {
  let n = 0
  for (let i = start; i < end; i++) if (bytes[i] !== DOT && (n > 0 || bytes[i] !== ZERO)) n += 1
  return n
}
