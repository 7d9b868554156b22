// A side of a book as a message has it: `[["price","size"],…]`, and `[["price","size","raw size"],…]` where the venue's
// figures are not base.
//
// Always: prices and raw sizes are the venue's own digits, in quotes also where it sends JSON numbers. A size of zero,
// which removes its level, stands as the venue wrote it ("0.00"); converted it is "0", and the raw size as written. So is
// the size of a figure at a price of zero, which makes none: such a level is no level.
import { CLOSE_BRACKET, COMMA, OPEN_BRACKET, ZERO, ascii } from './bytes.ts'
import type { Levels } from './levels.ts'
import { type Convert, sizeBytesMax } from './sizes.ts'

/**
 * Bytes that `writeSide` needs at most for levels that take so many in the frame: no more are needed for what stands
 * around the digits than in any grammar, but quotes for two numbers.
 */
export function sideBytesMax(length: number, { count }: Levels, convert: Convert | undefined): number {
  return length + count * 4 + (convert === undefined ? 0 : length + count * CONVERTED_MAX)
}

/** A converted size and what stands around it, but for bytes in the number of the digits. */
const CONVERTED_MAX = sizeBytesMax(0, 0) + '"",'.length

/** Bytes of a level whose price and size have so many, with the comma behind it, at most. */
export function levelBytesMax(price: number, size: number, convert: Convert | undefined): number {
  const sizes = convert === undefined ? size : size + sizeBytesMax(size, price)
  return price + sizes + '["","",""],'.length
}

/** What stands around the values of a level. What is written of {@link BETWEEN} too many is written over. */
const BEFORE = ascii('["').readInt16LE()
const BETWEEN = ascii('","\0').readInt32LE()
const BEHIND = ascii('"]').readInt16LE()
const NEXT = ascii('],').readInt16LE()

/**
 * Writes levels as the message has them, where they do not stand so in the frame; returns the place behind them.
 * @param view of the memory in which `bytes` lie; `toView` is that of `to`
 */
export function writeSide(
  to: Buffer,
  toView: DataView,
  pos: number,
  bytes: Buffer,
  view: DataView,
  levels: Levels,
  convert: Convert | undefined,
): number {
  const { at, price, count } = levels
  to[pos++] = OPEN_BRACKET
  if (convert === undefined && levels.isQuoted) return writeQuoted(toView, pos, bytes.byteOffset, view, levels)
  for (let i = 0; i < count; i++) {
    if (i > 0) to[pos++] = COMMA
    pos = writeLevel(to, toView, pos, bytes, view, at, i * 4, price[i] as number, convert)
  }
  to[pos++] = CLOSE_BRACKET
  return pos
}

/** Writes levels whose `["PRICE","SIZE"` stand in the frame as they shall be. */
function writeQuoted(to: DataView, pos: number, offset: number, view: DataView, { at, count }: Levels): number {
  for (let row = 0; row < count * 4; row += 4) {
    const start = (at[row] as number) - 2
    const length = (at[row + 3] as number) + 1 - start
    copyAscii(view, offset + start, to, pos, length)
    pos += length
    to.setInt16(pos, NEXT, true)
    pos += 2
  }
  // Behind the last level there is no comma.
  to.setUint8(count > 0 ? pos - 1 : pos++, CLOSE_BRACKET)
  return pos
}

/**
 * Writes one level: where its price and size begin and end in `from`, four offsets from `row` of `at` on say.
 * @param known the price
 */
export function writeLevel(
  to: Buffer,
  toView: DataView,
  pos: number,
  from: Buffer,
  view: DataView,
  at: Int32Array,
  row: number,
  known: number,
  convert: Convert | undefined,
): number {
  const [price, priceEnd, size, sizeEnd] = [
    at[row] as number,
    at[row + 1] as number,
    at[row + 2] as number,
    at[row + 3] as number,
  ]
  toView.setInt16(pos, BEFORE, true)
  copyAscii(view, from.byteOffset + price, toView, pos + 2, priceEnd - price)
  pos += 2 + priceEnd - price
  toView.setInt32(pos, BETWEEN, true)
  pos += 3
  if (convert !== undefined) {
    const end = convert(to, pos, from, size, sizeEnd, price, priceEnd, known)
    if (end < 0) to[pos++] = ZERO
    else pos = end
    toView.setInt32(pos, BETWEEN, true)
    pos += 3
  }
  copyAscii(view, from.byteOffset + size, toView, pos, sizeEnd - size)
  pos += sizeEnd - size
  toView.setInt16(pos, BEHIND, true)
  return pos + 2
}

/** Copies n ASCII bytes, as many as can be at once: eight are a double that is never a NaN, so no bit changes. */
export function copyAscii(from: DataView, start: number, to: DataView, pos: number, n: number): void {
  if (n >= 8) {
    for (let k = 0; k < n - 8; k += 8) to.setFloat64(pos + k, from.getFloat64(start + k, true), true)
    to.setFloat64(pos + n - 8, from.getFloat64(start + n - 8, true), true)
  } else if (n >= 4) {
    to.setInt32(pos, from.getInt32(start, true), true)
    to.setInt32(pos + n - 4, from.getInt32(start + n - 4, true), true)
  } else for (let k = 0; k < n; k++) to.setUint8(pos + k, from.getUint8(start + k))
}
