// What a proven decimal is worth, for comparing: no string, no object.
import { DOT, MINUS, ZERO } from '../wire/bytes.ts'

const POWERS = Float64Array.from({ length: 25 }, (_, i) => 10 ** i)
/** So many digits fit 32 bits. */
const SMALL_DIGITS = 9

/** The plain decimal in [start, end) to about 15 digits; proven by the frame to be one. */
export function numberAt(bytes: Buffer, start: number, end: number): number {
  // Small integers multiply in a third of the time that doubles need; what has more digits goes the long way.
  let whole = 0
  let pos = start
  let c = bytes[pos] as number
  while (pos < end && c >= ZERO) {
    whole = (whole * 10 + (c - ZERO)) | 0
    c = bytes[++pos] as number
  }
  if (pos - start > SMALL_DIGITS || c === MINUS) return longNumberAt(bytes, start, end)
  if (pos === end) return whole
  const point = pos + 1
  if (end - point > SMALL_DIGITS) return longNumberAt(bytes, start, end)
  let fraction = 0
  for (pos = point; pos < end; pos++) fraction = (fraction * 10 + ((bytes[pos] as number) - ZERO)) | 0
  return whole + fraction / (POWERS[end - point] as number)
}

function longNumberAt(bytes: Buffer, start: number, end: number): number {
  const isNegative = bytes[start] === MINUS
  let n = 0
  let point = end
  for (let pos = isNegative ? start + 1 : start; pos < end; pos++) {
    const c = bytes[pos] as number
    if (c === DOT) point = pos + 1
    else n = n * 10 + (c - ZERO)
  }
  const value = n / (POWERS[end - point] as number)
  return isNegative ? -value : value
}

/** Whether the decimal is above zero. */
export function isPositive(bytes: Buffer, start: number, end: number): boolean {
  if (bytes[start] === MINUS) return false
  for (let pos = start; pos < end; pos++) if ((bytes[pos] as number) > ZERO) return true
  return false
}
