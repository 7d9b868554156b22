// What a proven decimal is worth, for comparing: as a rule no string, no object.
import { MINUS, ZERO } from '../wire/bytes.ts'

const POWERS = Float64Array.from({ length: 10 }, (_, i) => 10 ** i)
/** So many digits fit 32 bits. */
const SMALL_DIGITS = 9
/** So many digits a double holds. */
const EXACT_DIGITS = 15

/** The plain decimal in [start, end), proven by the frame to be one, as `Number` reads it: one price is one number everywhere. */
export function numberAt(bytes: Buffer, start: number, end: number): number {
  // Small integers multiply in a third of the time that doubles need; what has more digits goes the long way.
  let whole = 0
  let pos = start
  let c = bytes[pos] as number
  while (pos < end && c >= ZERO) {
    whole = (whole * 10 + (c - ZERO)) | 0
    c = bytes[++pos] as number
  }
  if (pos - start > SMALL_DIGITS || c === MINUS) return Number(bytes.toString('latin1', start, end))
  if (pos === end) return whole
  const point = pos + 1
  if (end - point > SMALL_DIGITS || end - start - 1 > EXACT_DIGITS) return Number(bytes.toString('latin1', start, end))
  let fraction = 0
  for (pos = point; pos < end; pos++) fraction = (fraction * 10 + ((bytes[pos] as number) - ZERO)) | 0
  // One division of two exact numbers is rounded once.
  const power = POWERS[end - point] as number
  return (whole * power + fraction) / power
}

/** Whether the decimal is above zero. */
export function isPositive(bytes: Buffer, start: number, end: number): boolean {
  if (bytes[start] === MINUS) return false
  for (let pos = start; pos < end; pos++) if ((bytes[pos] as number) > ZERO) return true
  return false
}
