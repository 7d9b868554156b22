// Steps over a JSON value in plain form that nobody reads: whole, but none of our business.
//
// Plain form of any value: no white space, no escapes, whole UTF-8, at most DEPTH_MAX objects and arrays inside one
// another. Always: where a place is returned, JSON.parse reads the same bytes. Tokens and compiled layouts share it.
import { isUtf8 } from 'node:buffer'
import {
  BACKSLASH,
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  DOT,
  LOWER_F,
  LOWER_T,
  MINUS,
  NINE,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
  ZERO,
  ascii,
} from './bytes.ts'

/** Objects and arrays inside one another. */
export const DEPTH_MAX = 32
const [TRUE, FALSE, NULL] = [ascii('true'), ascii('false'), ascii('null')]

/** The place behind the value that begins at `pos`, or -1 where it is not in plain form or does not end before `end`. */
export function skipValue(bytes: Buffer, pos: number, end: number, depth = 1): number {
  const first = bytes[pos]
  if (pos >= end) return -1
  if (first === QUOTE) return skipString(bytes, pos, end)
  if (first === OPEN_BRACE || first === OPEN_BRACKET) return depth > DEPTH_MAX ? -1 : skipNested(bytes, pos, end, depth)
  return first === MINUS || isDigit(first) ? skipNumber(bytes, pos, end) : skipWord(bytes, pos, end)
}

/** The place behind the closing quote of the string whose opening quote stands at `pos`, or -1. */
export function skipString(bytes: Buffer, pos: number, end: number): number {
  let isAscii = true
  for (let i = pos + 1; i < end; i++) {
    const c = bytes[i] as number
    if (c === QUOTE) return isAscii || isUtf8(bytes.subarray(pos, i)) ? i + 1 : -1
    if (c < 0x20 || c === BACKSLASH) return -1
    if (c >= 0x80) isAscii = false
  }
  return -1
}

/** The place behind a number, which may have an exponent and any length, or -1. */
export function skipNumber(bytes: Buffer, pos: number, end: number): number {
  const whole = bytes[pos] === MINUS ? pos + 1 : pos
  let at = skipDigits(bytes, whole, end)
  if (at === whole || (bytes[whole] === ZERO && at > whole + 1)) return -1
  if (at < end && bytes[at] === DOT) {
    const fraction = at + 1
    at = skipDigits(bytes, fraction, end)
    if (at === fraction) return -1
  }
  if (at >= end || ((bytes[at] as number) | 0x20) !== 0x65) return at
  const exponent = at + (bytes[at + 1] === MINUS || bytes[at + 1] === 0x2b ? 2 : 1)
  at = skipDigits(bytes, exponent, end)
  return at > exponent ? at : -1
}

/** The place behind `true`, `false` or `null`, or -1. */
export function skipWord(bytes: Buffer, pos: number, end: number): number {
  const word = bytes[pos] === LOWER_T ? TRUE : bytes[pos] === LOWER_F ? FALSE : NULL
  if (end - pos < word.length) return -1
  for (let i = 0; i < word.length; i++) if (bytes[pos + i] !== word[i]) return -1
  return pos + word.length
}

function skipNested(bytes: Buffer, pos: number, end: number, depth: number): number {
  const isObject = bytes[pos] === OPEN_BRACE
  const close = isObject ? CLOSE_BRACE : CLOSE_BRACKET
  let at = pos + 1
  if (bytes[at] === close && at < end) return at + 1
  for (;;) {
    if (isObject) {
      at = bytes[at] === QUOTE ? skipString(bytes, at, end) : -1
      if (at < 0 || bytes[at] !== COLON) return -1
      at += 1
    }
    at = skipValue(bytes, at, end, depth + 1)
    if (at < 0 || at >= end) return -1
    if (bytes[at] === close) return at + 1
    if (bytes[at] !== COMMA) return -1
    at += 1
  }
}

function skipDigits(bytes: Buffer, pos: number, end: number): number {
  while (pos < end && isDigit(bytes[pos])) pos += 1
  return pos
}

function isDigit(c: number | undefined): boolean {
  return c !== undefined && c >= ZERO && c <= NINE
}
