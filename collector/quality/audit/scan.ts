// Values of stored messages, each found by its bytes. Every function is given where a value begins and returns the place
// behind it, or -1 where there is none such.
import { BACKSLASH, CLOSE_BRACKET, COMMA, MINUS, OPEN_BRACKET, QUOTE, ZERO, ascii } from '../../wire/bytes.ts'
import { FLAGS } from '../../market/messages.ts'
import { readDecimal } from './decimal.ts'
import { LEVEL, type Levels } from './reading.ts'

const SPACE = 0x20
const ASCII_END = 0x80
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d

/**
 * A string: of printed ASCII without escapes, or, where it is known to be JSON, any.
 * The text is what lies between the quotes, which are the first and the last byte.
 */
export function textEnd(bytes: Buffer, pos: number, isKnown: boolean): number {
  if (bytes[pos] !== QUOTE) return -1
  for (let p = pos + 1; ; p++) {
    const c = bytes[p] as number
    if (c === QUOTE) return p + 1
    if (isKnown && c === BACKSLASH) p++
    else if (!(c >= SPACE) || (!isKnown && (c >= ASCII_END || c === BACKSLASH))) return -1
  }
}

/** Eight digits fit into a 32-bit integer. */
const HALF = 8
const POWERS = Array.from({ length: HALF + 1 }, (_, i) => 10 ** i)

/** An integer that a double holds exactly, as JSON writes it, into values[slot]. */
export function readInteger(bytes: Buffer, pos: number, values: Float64Array, slot: number): number {
  const first = bytes[pos] === MINUS ? pos + 1 : pos
  let p = first
  let high = 0
  let digit = (bytes[p] as number) - ZERO
  for (; digit >= 0 && digit <= 9 && p - first < HALF; digit = (bytes[p] as number) - ZERO) {
    high = (Math.imul(high, 10) + digit) | 0
    p++
  }
  const middle = p
  let low = 0
  for (; digit >= 0 && digit <= 9 && p - middle < HALF; digit = (bytes[p] as number) - ZERO) {
    low = (Math.imul(low, 10) + digit) | 0
    p++
  }
  const isLeadByZero = bytes[first] === ZERO && (p - first > 1 || first > pos)
  const value = high * (POWERS[p - middle] as number) + low
  if (p === first || isLeadByZero || (digit >= 0 && digit <= 9) || value > Number.MAX_SAFE_INTEGER) return -1
  values[slot] = first > pos ? -value : value
  return p
}

/** Longest id that counts: what a double holds whatever its digits are. */
const COUNT_MAX = 15

/** The whole number that digits in [start, end) stand for; NaN where they are none. */
export function countAt(bytes: Buffer, start: number, end: number): number {
  if (end === start || end - start > COUNT_MAX) return Number.NaN
  let value = 0
  for (let p = start; p < end; p++) {
    const digit = (bytes[p] as number) - ZERO
    if (!(digit >= 0 && digit <= 9)) return Number.NaN
    value = value * 10 + digit
  }
  return value
}

/** `"-?digits[.digits]"` into cells[at] and the one after. */
export function readQuoted(bytes: Buffer, pos: number, cells: Float64Array, at: number): number {
  if (bytes[pos] !== QUOTE) return -1
  const end = readDecimal(bytes, pos + 1, cells, at)
  return end < 0 || bytes[end] !== QUOTE ? -1 : end + 1
}

/** `[["price","size"],["price","size","raw"],…]` */
export function readLevels(bytes: Buffer, pos: number, levels: Levels): number {
  levels.count = 0
  if (bytes[pos] !== OPEN_BRACKET) return -1
  if (bytes[pos + 1] === CLOSE_BRACKET) return pos + 2
  let p = pos
  do {
    if (bytes[p + 1] !== OPEN_BRACKET) return -1
    const at = levels.next()
    const { cells } = levels
    p = readQuoted(bytes, p + 2, cells, at + LEVEL.price)
    if (p < 0 || bytes[p] !== COMMA) return -1
    p = readQuoted(bytes, p + 1, cells, at + LEVEL.size)
    if (p < 0) return -1
    if (bytes[p] === COMMA) {
      p = readQuoted(bytes, p + 1, cells, at + LEVEL.raw)
      if (p < 0) return -1
    } else {
      cells[at + LEVEL.raw] = Number.NaN
    }
    if (bytes[p] !== CLOSE_BRACKET) return -1
    p++
  } while (bytes[p] === COMMA)
  return bytes[p] === CLOSE_BRACKET ? p + 1 : -1
}

/** Whether these bytes stand at a place. */
export function isAt(bytes: Buffer, pos: number, wanted: Buffer): boolean {
  for (let i = 0; i < wanted.length; i++) if (bytes[pos + i] !== wanted[i]) return false
  return true
}

const [BUY, SELL, TRUE, FALSE] = [ascii('"buy"'), ascii('"sell"'), ascii('true'), ascii('false')]

export function sideEnd(bytes: Buffer, pos: number): number {
  if (isAt(bytes, pos, BUY)) return pos + BUY.length
  return isAt(bytes, pos, SELL) ? pos + SELL.length : -1
}

/** 1 or 0 into values[slot]. */
export function readBoolean(bytes: Buffer, pos: number, values: Float64Array, slot: number): number {
  const isTrue = isAt(bytes, pos, TRUE)
  if (!isTrue && !isAt(bytes, pos, FALSE)) return -1
  values[slot] = Number(isTrue)
  return pos + (isTrue ? TRUE : FALSE).length
}

const FLAG_TEXTS = Object.keys(FLAGS).map((flag) => ascii(`"${flag}"`))

/** `["a","b",…]`, flags of messages.ts; that there are some, 1, into values[slot]. */
export function readFlags(bytes: Buffer, pos: number, values: Float64Array, slot: number): number {
  if (bytes[pos] !== OPEN_BRACKET) return -1
  let p = pos
  let count = 0
  do {
    const flag = FLAG_TEXTS.find((text) => isAt(bytes, p + 1, text))
    if (flag === undefined || ++count > FLAG_TEXTS.length) return -1
    p += 1 + flag.length
  } while (bytes[p] === COMMA)
  values[slot] = 1
  return bytes[p] === CLOSE_BRACKET ? p + 1 : -1
}

const PENDING = ['{"after":', ',"before":', ',"last":', ',"from":', ',"to":'].map(ascii)
/** Which of them are times. */
const PENDING_TIMES = 3
const pending = new Float64Array(PENDING.length)

/** `{"after":1,"before":4,"last":5,"from":0,"to":0}`, of trades; nobody looks at it. */
export function readPending(bytes: Buffer, pos: number): number {
  let p = pos
  for (let i = 0; i < PENDING.length; i++) {
    const literal = PENDING[i] as Buffer
    if (!isAt(bytes, p, literal)) return -1
    p = readInteger(bytes, p + literal.length, pending, i)
    if (p < 0 || (i >= PENDING_TIMES && (pending[i] as number) < 0)) return -1
  }
  return bytes[p] === CLOSE_BRACE ? p + 1 : -1
}

/** The end of any value, which is known to be JSON without white space. */
export function valueEnd(bytes: Buffer, pos: number): number {
  let depth = 0
  for (let p = pos; ; p++) {
    const c = bytes[p] as number
    if (c === QUOTE) p = textEnd(bytes, p, true) - 1
    else if (c === OPEN_BRACE || c === OPEN_BRACKET) depth++
    else if (depth === 0 && (c === COMMA || c === CLOSE_BRACE)) return p
    else if (c === CLOSE_BRACE || c === CLOSE_BRACKET) depth--
  }
}
