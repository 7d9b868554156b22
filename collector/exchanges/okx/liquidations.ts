// Frames of `liquidation-orders` in plain form, taken apart without parsing them: a tenth of the time.
//
// In: `{"arg":…,"data":[{"details":[{…},…],"instId":…,…},…]}`, keys in any order. Out: what flatten.ts makes of the parsed
// frame, or undefined where something is not as usual (an escape, a value missing, empty or not in quotes, white space), which
// is left to that.
import { CLOSE_BRACE, CLOSE_BRACKET, COLON, COMMA, OPEN_BRACE, OPEN_BRACKET, QUOTE, ascii } from '../../wire/bytes.ts'
import { skipString, skipValue } from '../../wire/plain.ts'
import type { Envelope, OwnElement } from '../room.ts'
import { openArgument } from './socket.ts'

export interface Timed extends OwnElement {
  /** ms since the epoch */
  readonly time: number
}

const ROW = ['instId', 'details'].map(ascii)
const DETAIL = ['side', 'bkPx', 'sz', 'ts'].map(ascii)
/** What stands before each value of an element, and behind the last one. */
const HEADS = ['{"instId":', ',"side":', ',"bkPx":', ',"sz":', ',"ts":'].map(ascii)
const HEADS_LENGTH = HEADS.reduce((sum, { length }) => sum + length, 0)

const envelope: Envelope = { nameStart: 0, nameEnd: 0, dataStart: 0, dataEnd: 0 }
/** Start and end of each value of {@link ROW}, and of {@link DETAIL}. */
const row = new Int32Array(2 * ROW.length)
const detail = new Int32Array(2 * DETAIL.length)

export function plainLiquidations(frame: Buffer): Timed[] | undefined {
  if (!openArgument(frame, envelope)) return undefined
  const { dataStart, dataEnd } = envelope
  const elements: Timed[] = []
  const end = each(frame, dataStart, dataEnd, (pos) => {
    const behind = read(frame, pos, dataEnd, ROW, row)
    if (behind < 0 || frame[row[0] as number] !== QUOTE) return -1
    const details = row[2] as number
    return each(frame, details, dataEnd, (at) => take(frame, at, dataEnd, elements)) === row[3] ? behind : -1
  })
  return end === dataEnd ? elements : undefined
}

/** Gives the place of each element of the array at `pos` to `element`, which returns the place behind it; so does this. */
function each(b: Buffer, pos: number, end: number, element: (pos: number) => number): number {
  if (b[pos] !== OPEN_BRACKET) return -1
  let at = pos + 1
  if (b[at] === CLOSE_BRACKET) return at + 1
  for (;;) {
    at = element(at)
    if (at < 0 || at >= end) return -1
    if (b[at] === CLOSE_BRACKET) return at + 1
    if (b[at] !== COMMA) return -1
    at += 1
  }
}

/** Reads the detail at `pos`, of the row that was read last. */
function take(b: Buffer, pos: number, end: number, elements: Timed[]): number {
  const behind = read(b, pos, end, DETAIL, detail)
  if (behind < 0) return -1
  const [start, symbolEnd] = row as unknown as [number, number]
  let length = HEADS_LENGTH + symbolEnd - start + 1
  for (let i = 0; i < DETAIL.length; i++) {
    // `""` is no value.
    if (b[detail[2 * i] as number] !== QUOTE || b[(detail[2 * i] as number) + 1] === QUOTE) return -1
    length += (detail[2 * i + 1] as number) - (detail[2 * i] as number)
  }
  const bytes = Buffer.allocUnsafe(length)
  let to = paste(bytes, 0, HEADS[0] as Buffer, b, start, symbolEnd)
  for (let i = 0; i < DETAIL.length; i++) {
    to = paste(bytes, to, HEADS[i + 1] as Buffer, b, detail[2 * i] as number, detail[2 * i + 1] as number)
  }
  bytes[to] = CLOSE_BRACE
  const time = numberAt(b, (detail[6] as number) + 1, (detail[7] as number) - 1)
  if (Number.isNaN(time)) return -1
  elements.push({ venueSymbol: b.toString('utf8', start + 1, symbolEnd - 1), bytes, time })
  return behind
}

function paste(out: Buffer, pos: number, head: Buffer, from: Buffer, start: number, end: number): number {
  for (let i = 0; i < head.length; i++) out[pos++] = head[i] as number
  for (let i = start; i < end; i++) out[pos++] = from[i] as number
  return pos
}

/** NaN where it is none. */
function numberAt(b: Buffer, start: number, end: number): number {
  let n = 0
  for (let i = start; i < end; i++) {
    const digit = (b[i] as number) - 0x30
    if (digit < 0 || digit > 9) return Number.NaN
    n = n * 10 + digit
  }
  return n
}

/**
 * Reads the object at `pos`: where the values of these keys stand goes to `at`.
 * @returns the place behind it; -1 where it is not in plain form, or a key is not there
 */
function read(b: Buffer, pos: number, end: number, keys: readonly Buffer[], at: Int32Array): number {
  if (b[pos] !== OPEN_BRACE) return -1
  let found = 0
  let next = pos + 1
  for (;;) {
    const key = next
    const colon = b[key] === QUOTE ? skipString(b, key, end) : -1
    if (colon < 0 || b[colon] !== COLON) return -1
    const behind = skipValue(b, colon + 1, end)
    if (behind < 0 || behind >= end) return -1
    for (let i = 0; i < keys.length; i++) {
      if (!isKey(b, key, colon, keys[i] as Buffer)) continue
      at[2 * i] = colon + 1
      at[2 * i + 1] = behind
      found |= 1 << i
    }
    if (b[behind] === CLOSE_BRACE) return found === (1 << keys.length) - 1 ? behind + 1 : -1
    if (b[behind] !== COMMA) return -1
    next = behind + 1
  }
}

/** @param start of the quote before it, `end` behind the quote after it */
function isKey(b: Buffer, start: number, end: number, key: Buffer): boolean {
  if (end - start - 2 !== key.length) return false
  for (let i = 0; i < key.length; i++) if (b[start + 1 + i] !== key[i]) return false
  return true
}
