// Decimals as two doubles that order and equal as the decimals do: the value of the first 15 digits, and the digits after.
//
// Always: of two decimals of up to 30 digits, the pairs are equal exactly when the decimals are, however many zeros are
// written, and compare (first part, then second) as the decimals do. Nearly all have no more than 15 digits: their
// second part is 0. What lies beyond the thirtieth digit is left out.
import { DOT, MINUS, NINE, ZERO } from '../../wire/bytes.ts'

/** Digits that a double holds whatever they are. */
const DIGITS = 15
const LIMIT = 10 ** DIGITS
/** Digits that a 32-bit integer holds whatever they are. */
const HALF = 9
const POWERS = Array.from({ length: 2 * HALF + 1 }, (_, i) => 10 ** i)

/**
 * Reads `-?digits[.digits]` at `pos` into cells[at] and cells[at + 1].
 * @returns the place behind it, or -1 when there is none
 */
export function readDecimal(bytes: Buffer, pos: number, cells: Float64Array, at: number): number {
  let p = pos
  // The digits without the point, as two integers.
  let [high, low, count] = [0, 0, 0]
  let digit = (bytes[p] as number) - ZERO
  for (; digit >= 0 && digit <= 9; digit = (bytes[++p] as number) - ZERO, count++) {
    if (count < HALF) high = (Math.imul(high, 10) + digit) | 0
    else low = (Math.imul(low, 10) + digit) | 0
  }
  if (count === 0) return bytes[p] === MINUS ? readLong(bytes, pos, cells, at) : -1
  const wholes = count
  if (bytes[p] === DOT) {
    digit = (bytes[++p] as number) - ZERO
    for (; digit >= 0 && digit <= 9; digit = (bytes[++p] as number) - ZERO, count++) {
      if (count < HALF) high = (Math.imul(high, 10) + digit) | 0
      else low = (Math.imul(low, 10) + digit) | 0
    }
    if (count === wholes) return -1
  }
  if (count > 2 * HALF) return readLong(bytes, pos, cells, at)
  const all = count > HALF ? high * (POWERS[count - HALF] as number) + low : high
  if (all >= LIMIT) return readLong(bytes, pos, cells, at)
  // Digits and power are both exact, so equal decimals give the same double.
  cells[at] = count === wholes ? all : all / (POWERS[count - wholes] as number)
  cells[at + 1] = 0
  return p
}

/** The same for what is longer or negative, by text. */
function readLong(bytes: Buffer, pos: number, cells: Float64Array, at: number): number {
  let p = pos
  while (isPart(bytes[p] as number)) p++
  const match = /^(-?)0*(\d*)(?:\.(\d+))?$/.exec(bytes.toString('latin1', pos, p))
  const [, sign = '', whole = '', fraction = ''] = match ?? []
  // The first digit may be one of the zeros.
  if (match === null || !isDigit(bytes[pos + sign.length] as number)) return -1
  const digits = (whole + fraction).replace(/^0+/, '')
  const first = digits.slice(0, DIGITS)
  const negative = sign === '' ? 1 : -1
  cells[at] = negative * Number(`${first || '0'}e${digits.length - first.length - fraction.length}`)
  cells[at + 1] = negative * Number(`0.${digits.slice(DIGITS, 2 * DIGITS)}`)
  return p
}

function isDigit(c: number): boolean {
  return c >= ZERO && c <= NINE
}

function isPart(c: number): boolean {
  return isDigit(c) || c === DOT || c === MINUS
}
