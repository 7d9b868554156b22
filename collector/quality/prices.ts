// Price and size of a channel's trades, judged by their bytes as far as these tell.
//
// A price that begins as the last one that lay inside the band, with its point at the same place, is within a hundredth of
// it: nothing new. Only what begins otherwise is read, and every SAMPLE-th trade, from which the band learns. So a band may
// be wider than its floor says by a hundredth, and most trades cost a comparison.
import assert from 'node:assert'
import { DOT, NINE, ZERO } from '../wire/bytes.ts'
import type { Frame } from '../wire/frame.ts'
import { keysOf } from '../wire/sources.ts'
import { Band } from './band.ts'
import { BIT } from './checks.ts'
import { isPositive, numberAt } from './number.ts'

/** Every so many trades the price is read. */
export const SAMPLE = 8
/** Three digits are compared: four bytes where the point is among them, else three. */
const FOUR = -1
const THREE = ~0xff
/** Bytes that are read to compare them. */
const HEAD = 4

export class TradePrices {
  readonly #frame: Frame
  /** Rows in the frame's `at`. */
  readonly #price: number
  readonly #size: number
  readonly #band = new Band()
  #unread = 0
  /** The last price inside: its first bytes, how many it has, and where its point is; -1: none is like it. */
  #head = 0
  #mask = FOUR
  #length = -1
  #point = 0

  constructor(frame: Frame) {
    const { price, size } = frame.declaration.message
    assert(price !== undefined && size !== undefined, 'quality: a trade has a price and a size')
    this.#frame = frame
    this.#price = frame.field(keysOf(price)[0] as string) * 2
    this.#size = frame.field(keysOf(size)[0] as string) * 2
  }

  /**
   * Takes the trade that the frame read last into account.
   * @param floor see {@link Band.isOutside}
   * @returns bits of what it fails
   */
  failures(bytes: Buffer, time: number, floor: number): number {
    const { at, view } = this.#frame
    const size = this.#size
    if (!isPositive(bytes, at[size] as number, at[size + 1] as number)) return BIT.badNumber
    const start = at[this.#price] as number
    const end = at[this.#price + 1] as number
    const isFamiliar =
      end - start === this.#length &&
      (view.getInt32(bytes.byteOffset + start) & this.#mask) === this.#head &&
      bytes[start + this.#point] === DOT
    if (isFamiliar && this.#unread < SAMPLE - 1) {
      this.#unread += 1
      return 0
    }
    const price = numberAt(bytes, start, end)
    if (!(price > 0)) return BIT.badNumber
    if (this.#band.isOutside(price, time, floor)) return BIT.priceJump
    this.#unread = 0
    if (!isFamiliar) this.#keep(bytes, start, end)
    return 0
  }

  /** Keeps what a price inside begins with, if its first digits are its highest ones. */
  #keep(bytes: Buffer, start: number, end: number): void {
    this.#length = -1
    const first = bytes[start] as number
    if (!this.#band.isWarm || end - start < HEAD || first <= ZERO || first > NINE) return
    let point = start
    while (point < end && bytes[point] !== DOT) point += 1
    if (point === end) return
    this.#mask = point - start < HEAD - 1 ? FOUR : THREE
    this.#head = this.#frame.view.getInt32(bytes.byteOffset + start) & this.#mask
    this.#length = end - start
    this.#point = point - start
  }
}
