// Bytes of ASCII text: the small alphabet that scanner, writer and book share.

export const QUOTE = 0x22
export const COMMA = 0x2c
export const MINUS = 0x2d
export const DOT = 0x2e
export const ZERO = 0x30
export const NINE = 0x39
export const COLON = 0x3a
export const OPEN_BRACKET = 0x5b
export const BACKSLASH = 0x5c
export const CLOSE_BRACKET = 0x5d
export const OPEN_BRACE = 0x7b
export const CLOSE_BRACE = 0x7d
export const LOWER_F = 0x66
export const LOWER_N = 0x6e
export const LOWER_T = 0x74

/** Longest number that is taken from a venue, in digits with sign and point. */
export const DECIMAL_MAX = 24

/** ASCII (or UTF-8) bytes of a constant. A Buffer, as frames are: one shape keeps the loops over both monomorphic. */
export function ascii(text: string): Buffer {
  return Buffer.from(text, 'utf8')
}

/**
 * The integer in [start, end): digits with an optional sign.
 * NaN for anything else and for what a double cannot hold exactly.
 */
export function integerAt(bytes: Uint8Array, start: number, end: number): number {
  let at = start
  const negative = bytes[at] === MINUS
  if (negative) at += 1
  if (at === end || end - at > 16) return Number.NaN
  // Eight digits at a time: small integers multiply in a third of the time that doubles need.
  let high = 0
  const middle = end - at > 8 ? end - 8 : at
  for (; at < middle; at++) {
    const digit = (bytes[at] as number) - ZERO
    if (!(digit >= 0 && digit <= 9)) return Number.NaN
    high = (high * 10 + digit) | 0
  }
  let low = 0
  for (; at < end; at++) {
    const digit = (bytes[at] as number) - ZERO
    if (!(digit >= 0 && digit <= 9)) return Number.NaN
    low = (low * 10 + digit) | 0
  }
  const n = high * 1e8 + low
  if (n > Number.MAX_SAFE_INTEGER) return Number.NaN
  return negative ? -n : n
}

/**
 * The integer in [start, end), which is known to be digits and nothing else; as {@link integerAt} without its doubts.
 * NaN for what a double cannot hold exactly.
 */
export function provenInteger(bytes: Uint8Array, start: number, end: number): number {
  if (end - start > 16) return Number.NaN
  if (end - start <= 8) return fewDigits(bytes, start, end)
  const n = fewDigits(bytes, start, end - 8) * 1e8 + eightDigits(bytes, end - 8)
  return n > Number.MAX_SAFE_INTEGER ? Number.NaN : n
}

function fewDigits(bytes: Uint8Array, start: number, end: number): number {
  let n = 0
  for (; start < end; start++) n = (n * 10 + (bytes[start] as number) - ZERO) | 0
  return n
}

/** Eight digits at `at`. Written out, since a loop waits for each digit before it takes the next. */
export function eightDigits(b: Uint8Array, at: number): number {
  const high =
    (b[at] as number) * 1000 + (b[at + 1] as number) * 100 + (b[at + 2] as number) * 10 + (b[at + 3] as number)
  const low =
    (b[at + 4] as number) * 1000 + (b[at + 5] as number) * 100 + (b[at + 6] as number) * 10 + (b[at + 7] as number)
  return high * 10_000 + low - ZERO * 11_111_111
}

/** The digits of 00 to 99, two bytes each. */
const PAIRS = Uint8Array.from({ length: 200 }, (_, i) => ZERO + (i % 2 === 0 ? Math.floor(i / 20) : (i >> 1) % 10))

/** Writes a non-negative safe integer, returns the place behind it. */
export function writeInteger(to: Uint8Array, at: number, n: number): number {
  // As times in µs are.
  if (n >= 1e15 && n < 1e16) return writeSixteen(to, at, n)
  const end = at + digitsOf(n)
  // The remainder of a double is slow: split once, then stay in small integers.
  if (n < 1e8) return writeSmall(to, at, end, n)
  const high = Math.floor(n / 1e8)
  const middle = end - 8
  writeEight(to, middle, (n - high * 1e8) | 0)
  if (high < 1e8) writeSmall(to, at, middle, high)
  else {
    to[at] = ZERO + Math.floor(high / 1e8)
    writeSmall(to, at + 1, middle, high % 1e8)
  }
  return end
}

function writeSixteen(to: Uint8Array, at: number, n: number): number {
  const high = Math.floor(n / 1e8)
  writeEight(to, at, high | 0)
  writeEight(to, at + 8, (n - high * 1e8) | 0)
  return at + 16
}

/** Writes n below 1e8 as eight digits. Written out, since a loop waits for each pair before it takes the next. */
export function writeEight(to: Uint8Array, at: number, n: number): void {
  const high = (n / 10_000) | 0
  writeFour(to, at, high)
  writeFour(to, at + 4, n - high * 10_000)
}

function writeFour(to: Uint8Array, at: number, n: number): void {
  const high = (n / 100) | 0
  const first = high * 2
  const second = (n - high * 100) * 2
  to[at] = PAIRS[first] as number
  to[at + 1] = PAIRS[first + 1] as number
  to[at + 2] = PAIRS[second] as number
  to[at + 3] = PAIRS[second + 1] as number
}

/** Writes n below 1e8 into [at, end), with zeros before it. */
function writeSmall(to: Uint8Array, at: number, end: number, n: number): number {
  let place = end
  while (place - at >= 2) {
    const rest = (n / 100) | 0
    const pair = (n - rest * 100) * 2
    to[--place] = PAIRS[pair + 1] as number
    to[--place] = PAIRS[pair] as number
    n = rest
  }
  if (place > at) to[at] = ZERO + n
  return end
}

/** How many digits a non-negative safe integer has. */
export function digitsOf(n: number): number {
  // Small integers are compared in a third of the time that doubles need.
  if (n < 1e8) return digitsOfSmall(n)
  const high = Math.floor(n / 1e8)
  return high < 1e8 ? 8 + digitsOfSmall(high) : 17
}

/** Of n up to 1e8. */
function digitsOfSmall(n: number): number {
  let digits = 1
  for (let bound = 10; n >= bound; bound = Math.imul(bound, 10)) digits += 1
  return digits
}

/** Whether the decimal in [start, end) is zero: `0`, `0.000`. */
export function isZero(bytes: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    const c = bytes[i]
    if (c !== ZERO && c !== DOT) return false
  }
  return true
}

/** Milliseconds or microseconds since the epoch to microseconds: 16 digits are microseconds. */
export function toMicros(time: number): number {
  return time < 1e15 ? time * 1000 : time
}

const [ONES, HIGHS] = [0x01010101, 0x80808080 | 0]

/**
 * The place of the first byte that is `byte` from `pos` on, four at a time: names are long, and come with each frame.
 * @param view with three bytes behind `end`, which may be read
 * @returns `end` where none stands before it
 */
export function findByte(view: DataView, pos: number, end: number, byte: number): number {
  const all = Math.imul(byte, ONES)
  for (; pos < end; pos += 4) {
    // A byte that is zero now is the only one whose highest bit comes out of this, but for such behind it.
    const word = view.getInt32(pos, true) ^ all
    const found = (word - ONES) & ~word & HIGHS
    if (found !== 0) return Math.min(end, pos + ((31 - Math.clz32(found & -found)) >> 3))
  }
  return end
}

let viewed: Buffer | undefined
let memory = new ArrayBuffer(0) as ArrayBufferLike
let view = new DataView(memory) as DataView
/** What was viewed before it, in other memory. */
let memoryBefore = memory
let viewBefore = view

/**
 * A view of the memory that a Buffer lies in. Frames of one socket read share it, so that it is made anew for few of
 * them; and one frame asks several times, so that even looking it up is saved. Two are kept, since what a venue's room
 * makes of a frame lies in memory of its own.
 */
export function viewOf(bytes: Buffer): DataView {
  if (bytes === viewed) return view
  viewed = bytes
  // Asking a view for its memory is a call, so it is kept beside.
  const asked = bytes.buffer
  if (asked === memory) return view
  const found = asked === memoryBefore ? viewBefore : new DataView(asked)
  memoryBefore = memory
  viewBefore = view
  memory = asked
  view = found
  return view
}
