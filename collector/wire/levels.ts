// One side of a depth frame, as the scanner leaves it for the book: a row for each level, no objects.
import { CLOSE_BRACKET, COMMA, DECIMAL_MAX, DOT, NINE, OPEN_BRACKET, QUOTE, ZERO } from './bytes.ts'

/** Most levels that one side of one message may have. */
export const LEVELS_MAX = 10_000

/** So many digits are exact as a whole number, and divided by a power of ten the nearest double. */
const EXACT_DIGITS = 15
/** So many digits fit 32 bits. */
const SMALL_DIGITS = 9
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
    let pos = start
    // Small integers multiply in a third of the time that doubles need; longer parts go the long way.
    let whole = 0
    let c = bytes[pos] as number
    for (; c >= ZERO && c <= NINE; c = bytes[++pos] as number) whole = (whole * 10 + (c - ZERO)) | 0
    const point = pos
    let fraction = 0
    let decimals = 0
    if (c === DOT) {
      c = bytes[++pos] as number
      for (; c >= ZERO && c <= NINE; c = bytes[++pos] as number) fraction = (fraction * 10 + (c - ZERO)) | 0
      decimals = pos - point - 1
      if (decimals === 0) return -1
    }
    const digits = point - start
    if (c !== QUOTE || digits === 0 || pos - start > DECIMAL_MAX) return -1
    if (digits > SMALL_DIGITS || decimals > SMALL_DIGITS || digits + decimals > EXACT_DIGITS) {
      return this.#long(bytes, start, pos)
    }
    const power = POWERS[decimals] as number
    this.price[this.count] = (whole * power + fraction) / power
    return pos
  }

  /** A price of many digits: exact, too, when zeros end it. */
  #long(bytes: Uint8Array, start: number, end: number): number {
    const text = Buffer.from(bytes.buffer, bytes.byteOffset + start, end - start).toString('latin1')
    const significant = text.replace('.', '').replace(/^0+/, '').replace(/0+$/, '')
    if (significant.length > EXACT_DIGITS) return -1
    this.price[this.count] = Number(text)
    return end
  }

  #grow(): boolean {
    if (this.price.length >= LEVELS_MAX) return false
    const rows = Math.min(this.price.length * 2, LEVELS_MAX)
    const price = new Float64Array(rows)
    price.set(this.price)
    this.price = price
    const at = new Int32Array(rows * 4)
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
