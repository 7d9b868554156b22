// One side of a depth frame, as the scanner leaves it for the book: a row for each level, no objects.
import { CLOSE_BRACKET, COMMA, DECIMAL_MAX, DOT, NINE, OPEN_BRACKET, QUOTE, ZERO, ascii, isZero } from './bytes.ts'
import { skipValue } from './plain.ts'

/** Most levels that one side of one message may have. */
export const LEVELS_MAX = 10_000

/** So many digits are exact as a whole number, and divided by a power of ten the nearest double. */
const EXACT_DIGITS = 15
/** So many digits fit 32 bits. */
const SMALL_DIGITS = 9
const POWERS = Float64Array.from({ length: 23 }, (_, i) => 10 ** i)

/** Bytes less ZERO are below ten for digits and for nothing else: one comparison for two. */
const POINT = DOT ^ ZERO

/** What stands before the price of a level as Deribit writes it. */
const [NEW, CHANGE, DELETE] = [ascii('"new",'), ascii('"change",'), ascii('"delete",')]

/**
 * Grammar of `levels`: `[]` or `[LEVEL{,LEVEL}]` without spaces, LEVEL being `[PRICE,SIZE{,VALUE}]`, the first two
 * decimals in quotes or JSON numbers without exponent, the others whatever they are; of `actions`: LEVEL being
 * `["new"|"change"|"delete",PRICE,SIZE]`, the size of a `delete` zero. Offsets are those in the scanned frame.
 */
export class Levels {
  readonly #kind: 'levels' | 'actions'
  count = 0
  /** Whether the array is nothing but pairs of decimals in quotes, `[["p","s"],…]`, so that a message may take it as it stands. */
  isPlain = true
  /** Whether price and size of each level are its first values and stand in quotes: `["p","s"`. */
  isQuoted = true
  /** Whether a level has a price of zero. */
  hasFree = false
  /** Price as the nearest double: unique for up to 15 significant digits, which is what is accepted. */
  price = new Float64Array(64)
  /** Four offsets a level: price start, price end, size start, size end. */
  at = new Int32Array(256)

  constructor(kind: 'levels' | 'actions' = 'levels') {
    this.#kind = kind
  }

  /** Reads the array that begins at `pos`; returns the place behind it, or -1 where the grammar does not fit. */
  scan(bytes: Buffer, pos: number): number {
    this.count = 0
    this.isPlain = this.#kind === 'levels'
    this.isQuoted = this.isPlain
    this.hasFree = false
    if (bytes[pos] !== OPEN_BRACKET) return -1
    pos += 1
    if (bytes[pos] === CLOSE_BRACKET) return pos + 1
    for (;;) {
      const behind = this.#usual(bytes, pos)
      if (behind >= -1) return behind
      if (this.count === this.price.length && !this.#grow()) return -1
      pos = this.#row(bytes, ~behind)
      if (pos < 0) return -1
      this.hasFree ||= this.price[this.count] === 0
      this.count += 1
      if (bytes[pos] === COMMA) pos += 1
      else return bytes[pos] === CLOSE_BRACKET ? pos + 1 : -1
    }
  }

  /**
   * Reads levels from the one that begins at `pos` on, as long as they are as venues write almost all of them:
   * `["PRICE","SIZE"{,VALUE}]`, or `["new",PRICE,SIZE]`.
   * One loop with all that it needs at hand: it is where a collector's time goes by.
   * @returns the place behind the array; -1 where it is none; below that `~place` of a level in another form
   */
  #usual(bytes: Buffer, pos: number): number {
    const isLevels = this.#kind === 'levels'
    let { count, price, at } = this
    for (;;) {
      const start = isLevels ? pos + 2 : skipAction(bytes, pos + 1)
      if (bytes[pos] !== OPEN_BRACKET || (isLevels ? bytes[pos + 1] !== QUOTE : start < 0)) break
      // Small integers multiply in a third of the time that doubles need; longer parts go the long way.
      let end = start
      let whole = 0
      let digit = (bytes[end] as number) ^ ZERO
      for (; digit < 10; digit = (bytes[++end] as number) ^ ZERO) whole = (whole * 10 + digit) | 0
      const digits = end - start
      let places = 0
      let fraction = 0
      if (digit === POINT) {
        const point = ++end
        digit = (bytes[end] as number) ^ ZERO
        for (; digit < 10; digit = (bytes[++end] as number) ^ ZERO) fraction = (fraction * 10 + digit) | 0
        places = end - point
        if (places === 0) break
      }
      if (digits === 0 || digits > SMALL_DIGITS || places > SMALL_DIGITS || digits + places > EXACT_DIGITS) break
      let size = end + 1
      if (isLevels) {
        if (bytes[end] !== QUOTE || bytes[size] !== COMMA || bytes[size + 1] !== QUOTE) break
        size += 2
      } else if (bytes[end] !== COMMA || (digits > 1 && bytes[start] === ZERO)) break
      const sizeEnd = skipDecimal(bytes, size)
      let behind = sizeEnd
      if (isLevels) {
        if (bytes[behind++] !== QUOTE) break
        if (bytes[behind] === COMMA) behind = this.#more(bytes, behind)
      } else if (sizeEnd < 0 || !isNumber(bytes, size)) break
      else if (bytes[pos + 2] === DELETE[1] && !isZero(bytes, size, sizeEnd)) return -1
      if (bytes[behind] !== CLOSE_BRACKET) break
      if (count === price.length) {
        this.count = count
        if (!this.#grow()) return -1
        price = this.price
        at = this.at
      }
      const power = POWERS[places] as number
      const value = (whole * power + fraction) / power
      price[count] = value
      if (value === 0) this.hasFree = true
      const row = count * 4
      at[row] = start
      at[row + 1] = end
      at[row + 2] = size
      at[row + 3] = sizeEnd
      count += 1
      pos = behind + 1
      if (bytes[pos] !== COMMA) {
        this.count = count
        return bytes[pos] === CLOSE_BRACKET ? pos + 1 : -1
      }
      pos += 1
    }
    this.count = count
    return ~pos
  }

  /** Reads a level in whatever form into the current row; returns the place behind it, or -1. */
  #row(bytes: Buffer, pos: number): number {
    if (bytes[pos] !== OPEN_BRACKET) return -1
    const behind = this.#kind === 'levels' ? this.#level(bytes, pos + 1) : this.#action(bytes, pos + 1)
    return behind >= 0 && bytes[behind] === CLOSE_BRACKET ? behind + 1 : -1
  }

  /** Reads PRICE,SIZE and values behind them; returns the place behind them, or -1. */
  #level(bytes: Buffer, pos: number): number {
    const behind = this.#pair(bytes, pos)
    return behind < 0 || bytes[behind] !== COMMA ? behind : this.#more(bytes, behind)
  }

  /** Steps over `,VALUE` and more of the same, mostly digits in quotes; returns the place behind them, or -1. */
  #more(bytes: Buffer, pos: number): number {
    this.isPlain = false
    while (bytes[pos] === COMMA) {
      const end = bytes[pos + 1] === QUOTE ? skipDigits(bytes, pos + 2) : pos
      pos = bytes[end] === QUOTE ? end + 1 : skipValue(bytes, pos + 1, bytes.length)
    }
    return pos
  }

  /** Reads `"new",PRICE,SIZE`; returns the place behind it, or -1. */
  #action(bytes: Buffer, pos: number): number {
    const price = skipAction(bytes, pos)
    if (price < 0) return -1
    const behind = this.#pair(bytes, price)
    if (bytes[pos + 1] !== DELETE[1] || behind < 0) return behind
    const row = this.count * 4
    return isZero(bytes, this.at[row + 2] as number, this.at[row + 3] as number) ? behind : -1
  }

  /** Reads PRICE,SIZE, in quotes or not, into the current row; returns the place behind them, or -1. */
  #pair(bytes: Buffer, pos: number): number {
    const isQuoted = bytes[pos] === QUOTE
    const price = isQuoted ? pos + 1 : pos
    const priceEnd = isQuoted || isNumber(bytes, price) ? this.#price(bytes, price) : -1
    const comma = isQuoted ? closed(bytes, priceEnd) : priceEnd
    if (comma < 0 || bytes[comma] !== COMMA) return -1
    const isSizeQuoted = bytes[comma + 1] === QUOTE
    const size = isSizeQuoted ? comma + 2 : comma + 1
    const sizeEnd = isSizeQuoted || isNumber(bytes, size) ? skipDecimal(bytes, size) : -1
    if (sizeEnd < 0) return -1
    if (!isQuoted || !isSizeQuoted) this.isPlain = this.isQuoted = false
    this.#put(price, priceEnd, size, sizeEnd)
    return isSizeQuoted ? closed(bytes, sizeEnd) : sizeEnd
  }

  #put(price: number, priceEnd: number, size: number, sizeEnd: number): void {
    const row = this.count * 4
    this.at[row] = price
    this.at[row + 1] = priceEnd
    this.at[row + 2] = size
    this.at[row + 3] = sizeEnd
  }

  /** Reads a price into the current row; returns the place behind it, or -1 for what is no plain positive decimal. */
  #price(bytes: Buffer, start: number): number {
    let pos = start
    // Small integers multiply in a third of the time that doubles need; longer parts go the long way.
    let whole = 0
    let digit = (bytes[pos] as number) ^ ZERO
    for (; digit < 10; digit = (bytes[++pos] as number) ^ ZERO) whole = (whole * 10 + digit) | 0
    const point = pos
    let fraction = 0
    let places = 0
    if (digit === POINT) {
      digit = (bytes[++pos] as number) ^ ZERO
      for (; digit < 10; digit = (bytes[++pos] as number) ^ ZERO) fraction = (fraction * 10 + digit) | 0
      places = pos - point - 1
      if (places === 0) return -1
    }
    const digits = point - start
    if (digits === 0 || pos - start > DECIMAL_MAX) return -1
    if (digits > SMALL_DIGITS || places > SMALL_DIGITS || digits + places > EXACT_DIGITS) {
      return this.#long(bytes, start, pos)
    }
    const power = POWERS[places] as number
    this.price[this.count] = (whole * power + fraction) / power
    return pos
  }

  /** A price of many digits: exact, too, when zeros end it. */
  #long(bytes: Buffer, start: number, end: number): number {
    const text = bytes.toString('latin1', start, end)
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

/** The place behind `"new",`, `"change",` or `"delete",`, or -1. No loop, since nobody can guess how long the next is. */
function skipAction(bytes: Buffer, pos: number): number {
  const first = bytes[pos + 1]
  const word = first === DELETE[1] ? DELETE : first === CHANGE[1] ? CHANGE : NEW
  const isBegun =
    bytes[pos] === word[0] &&
    first === word[1] &&
    bytes[pos + 2] === word[2] &&
    bytes[pos + 3] === word[3] &&
    bytes[pos + 4] === word[4] &&
    bytes[pos + 5] === word[5]
  if (!isBegun) return -1
  if (word === NEW) return pos + 6
  return bytes[pos + 6] === word[6] && bytes[pos + 7] === word[7] && bytes[pos + 8] === word[8] ? pos + 9 : -1
}

/** The place behind a plain decimal, or -1. */
function skipDecimal(bytes: Buffer, start: number): number {
  const point = skipDigits(bytes, start)
  if (point === start) return -1
  if (bytes[point] !== DOT) return point - start > DECIMAL_MAX ? -1 : point
  const end = skipDigits(bytes, point + 1)
  return end === point + 1 || end - start > DECIMAL_MAX ? -1 : end
}

function skipDigits(bytes: Buffer, pos: number): number {
  while (((bytes[pos] as number) ^ ZERO) < 10) pos += 1
  return pos
}

/** Whether the decimal that begins here would be a JSON number: without a zero that leads. */
function isNumber(bytes: Buffer, start: number): boolean {
  const second = bytes[start + 1] as number
  return bytes[start] !== ZERO || !(second >= ZERO && second <= NINE)
}

/** The place behind the quote at `pos`, or -1. */
function closed(bytes: Buffer, pos: number): number {
  return bytes[pos] === QUOTE ? pos + 1 : -1
}
