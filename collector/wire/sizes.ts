// Sizes in the base asset, from the figure that the venue gives: exact decimal arithmetic on the bytes of a frame.
//
// In: the bytes of a decimal that layout.ts proved to be one, and of the price where a contract is worth a sum of quote.
// Out: the bytes of a decimal. Always: a product is exact, with the places of both factors; a quotient is the nearest
// of 12 significant digits, half to even, without zeros at its end; zero is "0"; never an exponent. Doubles only where
// they are provably right, which makes no garbage; BigInt for the rest.
import assert from 'node:assert'
import { DECIMAL_MAX, DOT, MINUS, ZERO, writeInteger } from './bytes.ts'

/**
 * What the venue's figure of a size is, in the base asset.
 * - `base`: the size itself
 * - `linear`: so many contracts, each of `multiplier` base: figure × multiplier
 * - `inverse`: so many contracts, each worth `value` quote: figure × value ÷ price
 */
export type Sizing =
  | { readonly kind: 'base' }
  | { readonly kind: 'linear'; readonly multiplier: string }
  | { readonly kind: 'inverse'; readonly value: string }

export const BASE: Sizing = { kind: 'base' }

/**
 * Writes the size in base for the figure in [size, sizeEnd) and the price in [price, priceEnd) of `from`.
 * @param price negative where there is none, which only inverse sizes mind
 * @param known the price as the nearest double, where somebody has read it already
 * @returns the place behind it, at most {@link SIZE_BYTES_MAX} from `pos`; {@link NO_SIZE} for a negative figure, and
 * where a price above zero is needed and not there
 */
export type Convert = (
  to: Buffer,
  pos: number,
  from: Buffer,
  size: number,
  sizeEnd: number,
  price: number,
  priceEnd: number,
  known?: number,
) => number

export const NO_SIZE = -1

/** A quotient has so many digits: it lies in [ROUND_MIN, ROUND_MAX) before it is rounded. */
const SIGNIFICANT = 12
const ROUND_MIN = 1e11
const ROUND_MAX = 1e12

/** Bytes of a size at most, for a figure and a price of so many: what is far from the point grows no further. */
export function sizeBytesMax(figure: number, price: number): number {
  return figure + price + DECIMAL_MAX + SIGNIFICANT + 4
}

/** Bytes of any size at most. */
export const SIZE_BYTES_MAX = sizeBytesMax(DECIMAL_MAX, DECIMAL_MAX)

/** How sizes are converted; undefined where they are base and stand as the venue wrote them. */
export function converterOf(sizing: Sizing): Convert | undefined {
  switch (sizing.kind) {
    case 'base':
      return undefined
    case 'linear':
      return linear(factorOf(sizing.multiplier))
    case 'inverse':
      return inverse(factorOf(sizing.value))
  }
}

/** A constant above zero. */
interface Factor {
  /** Its digits without the point, of which `places` stand behind that. */
  readonly digits: bigint
  readonly places: number
  readonly whole: number
  /** Whole numbers up to this one have an exact product with it. */
  readonly timesMax: number
}

const PLAIN = /^(?:0|[1-9]\d*)(?:\.\d+)?$/

function factorOf(text: string): Factor {
  const isFit = PLAIN.test(text) && text.length <= DECIMAL_MAX && /[1-9]/.test(text)
  assert(isFit, `sizes: ${JSON.stringify(text)} is no decimal above zero of at most ${DECIMAL_MAX} digits`)
  const [whole = '', fraction = ''] = text.split('.')
  const kept = fraction.replace(/0+$/, '')
  const digits = BigInt(whole + kept)
  const timesMax = Number(BigInt(Number.MAX_SAFE_INTEGER) / digits)
  return { digits, places: kept.length, whole: Number(digits), timesMax }
}

function linear(factor: Factor): Convert {
  return factor.whole === 1 ? tens(factor.places) : multiple(factor)
}

/** A multiplier of 1, 0.1, 0.01 …, as most are: only the point moves. */
function tens(places: number): Convert {
  return (to, pos, from, size, sizeEnd) => {
    if (from[size] === MINUS) return NO_SIZE
    const length = copyDigits(from, size, sizeEnd)
    return length === 0 ? writeZeros(to, pos, 1) : writeDecimal(to, pos, length, placesRead + places)
  }
}

function multiple({ digits, places, whole, timesMax }: Factor): Convert {
  return (to, pos, from, size, sizeEnd) => {
    if (from[size] === MINUS) return NO_SIZE
    const figure = wholeOf(from, size, sizeEnd)
    if (figure === 0) return writeZeros(to, pos, 1)
    const isExact = figure <= timesMax
    const length = isExact ? writeInteger(DIGITS, 0, figure * whole) : writeBig(bigOf(from, size, sizeEnd) * digits)
    return writeDecimal(to, pos, length, placesRead + places)
  }
}

/** Three roundings of a double below ROUND_MAX come to 3.4e-4: nearer than this to a half they could mislead. */
const DOUBT = 1e-3
const POWERS = Float64Array.from({ length: 23 }, (_, i) => 10 ** i)
const POWER_MAX = POWERS.length - 1

function inverse({ digits, places, whole, timesMax }: Factor): Convert {
  // The power of ten of the quotient before: mostly the right one.
  let power = 0
  return (to, pos, from, size, sizeEnd, price, priceEnd, known = 0) => {
    if (from[size] === MINUS) return NO_SIZE
    const figure = wholeOf(from, size, sizeEnd)
    if (figure === 0) return writeZeros(to, pos, 1)
    const figurePlaces = placesRead + places
    if (price < 0 || from[price] === MINUS) return NO_SIZE
    // The digits of the price without its point, or the price itself, which is rounded once.
    let divisor = known
    let shift = figurePlaces
    if (!(known > 0)) {
      divisor = wholeOf(from, price, priceEnd)
      if (divisor === 0) return NO_SIZE
      shift -= placesRead
    }
    const isExact = figure <= timesMax && divisor <= Number.MAX_SAFE_INTEGER
    const quotient = isExact ? (figure * whole) / divisor : Number.NaN
    let scaled = shifted(quotient, power)
    while (scaled >= ROUND_MAX) scaled = shifted(quotient, --power)
    while (scaled < ROUND_MIN && power < POWER_MAX) scaled = shifted(quotient, ++power)
    const floor = Math.floor(scaled)
    const rest = scaled - floor
    // NaN is not.
    const isSure = scaled >= ROUND_MIN && Math.abs(rest - 0.5) > DOUBT
    if (isSure) return writeRounded(to, pos, significant(rest > 0.5 ? floor + 1 : floor), power + shift)
    wholeOf(from, price, priceEnd)
    const [a, b] = [bigOf(from, size, sizeEnd) * digits, bigOf(from, price, priceEnd)]
    return writeQuotient(to, pos, a, b, figurePlaces - placesRead)
  }
}

/** Writes a rounded quotient into DIGITS; returns how many it has: 12, but where rounding up made it 10^12. */
function significant(n: number): number {
  if (n >= ROUND_MAX) return writeInteger(DIGITS, 0, n)
  // Without a loop, and in small integers: six and six.
  const high = Math.floor(n / 1e6)
  writeSix(0, high | 0)
  writeSix(SIGNIFICANT / 2, (n - high * 1e6) | 0)
  return SIGNIFICANT
}

function writeSix(at: number, n: number): void {
  const a = (n / 10_000) | 0
  const rest = n - a * 10_000
  const b = (rest / 100) | 0
  writePair(at, a)
  writePair(at + 2, b)
  writePair(at + 4, rest - b * 100)
}

function writePair(at: number, n: number): void {
  const ten = (n / 10) | 0
  DIGITS[at] = ZERO + ten
  DIGITS[at + 1] = ZERO + n - ten * 10
}

/** A number times a power of ten of up to 22, either way: one rounding. */
function shifted(n: number, power: number): number {
  return power < 0 ? n / (POWERS[-power] as number) : n * (POWERS[power] as number)
}

/** Writes a ÷ b × 10^-shift in 12 significant digits. */
function writeQuotient(to: Buffer, pos: number, a: bigint, b: bigint, shift: number): number {
  const estimate = SIGNIFICANT - String(a).length + String(b).length
  // Of two numbers of so many digits the quotient has as many as their difference says, or one less.
  const power = scaleBig(a, b, estimate - 1) < BigInt(ROUND_MIN) ? estimate : estimate - 1
  const [n, d] = power < 0 ? [a, b * 10n ** BigInt(-power)] : [a * 10n ** BigInt(power), b]
  const floor = n / d
  const twice = (n % d) * 2n
  const isUp = twice > d || (twice === d && floor % 2n === 1n)
  return writeRounded(to, pos, writeBig(isUp ? floor + 1n : floor), power + shift)
}

function scaleBig(a: bigint, b: bigint, power: number): bigint {
  return power < 0 ? a / (b * 10n ** BigInt(-power)) : (a * 10n ** BigInt(power)) / b
}

/** Digits of a result before its point is set. */
const DIGITS = Buffer.alloc(SIZE_BYTES_MAX)

function writeBig(n: bigint): number {
  return DIGITS.write(String(n), 'latin1')
}

/** As `writeDecimal`, without zeros at the end of the fraction. */
function writeRounded(to: Buffer, pos: number, length: number, places: number): number {
  while (places > 0 && DIGITS[length - 1] === ZERO) {
    length -= 1
    places -= 1
  }
  return writeDecimal(to, pos, length, places)
}

/** Writes the first `length` DIGITS, of which `places` stand behind the point; negative: so many zeros more before it. */
function writeDecimal(to: Buffer, pos: number, length: number, places: number): number {
  const point = length - places
  if (point <= 0) {
    to[pos] = ZERO
    to[pos + 1] = DOT
    return writeDigits(to, writeZeros(to, pos + 2, -point), 0, length)
  }
  if (places <= 0) return writeZeros(to, writeDigits(to, pos, 0, length), -places)
  const dot = writeDigits(to, pos, 0, point)
  to[dot] = DOT
  return writeDigits(to, dot + 1, point, length)
}

function writeDigits(to: Buffer, pos: number, start: number, end: number): number {
  for (let i = start; i < end; i++) to[pos++] = DIGITS[i] as number
  return pos
}

function writeZeros(to: Buffer, pos: number, n: number): number {
  for (let i = 0; i < n; i++) to[pos++] = ZERO
  return pos
}

/** Places behind the point in the decimal that `wholeOf` or `copyDigits` read last. */
let placesRead = 0

/** Copies the digits of a decimal without sign to DIGITS, without its point and the zeros that lead; returns how many. */
function copyDigits(bytes: Buffer, start: number, end: number): number {
  let length = 0
  let point = end
  for (let i = start; i < end; i++) {
    const c = bytes[i] as number
    if (c === DOT) point = i + 1
    else if (length > 0 || c !== ZERO) DIGITS[length++] = c
  }
  placesRead = end - point
  return length
}

/** So many digits fit 32 bits. */
const SMALL_DIGITS = 9

/** The digits of a decimal without sign as a whole number, its point left out: exact where it is a safe integer. */
function wholeOf(bytes: Buffer, start: number, end: number): number {
  // Small integers multiply in a third of the time that doubles need; longer numbers go the long way.
  let n = 0
  let point = end
  if (end - start > SMALL_DIGITS) return wholeOfMany(bytes, start, end)
  for (let i = start; i < end; i++) {
    const c = bytes[i] as number
    if (c === DOT) point = i + 1
    else n = (n * 10 + (c - ZERO)) | 0
  }
  placesRead = end - point
  return n
}

function wholeOfMany(bytes: Buffer, start: number, end: number): number {
  let n = 0
  let point = end
  for (let i = start; i < end; i++) {
    const c = bytes[i] as number
    if (c === DOT) point = i + 1
    else n = n * 10 + (c - ZERO)
  }
  placesRead = end - point
  return n
}

function bigOf(bytes: Buffer, start: number, end: number): bigint {
  return BigInt(bytes.toString('latin1', start, end).replace('.', ''))
}
