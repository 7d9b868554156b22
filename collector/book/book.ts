// An order book: a table of prices for each side, and the venue's own digits of price and size beside them.
//
// In: levels as the scanner left them. Out: snapshots as bytes, best prices. Always: prices of a side are distinct,
// sizes are not zero, the best LEVELS_MAX levels are there. Never: it knows no sequence (track.ts does), reads no clock,
// makes no object for a level.
// All levels are sorted only where they are printed: of a thousand changes one is followed by a snapshot, and half of
// them set the size of a price that is there. Measured on 64 sides of 1,000 levels (Node 26.10, same run): 119 ns a change
// where two columns are kept sorted, 84 ns where a table is looked into; half of these are waiting for memory, so that
// columns are narrow, each of one thing.
import assert from 'node:assert'
import { CLOSE_BRACKET, COMMA, OPEN_BRACKET, ZERO, isZero, viewOf } from '../wire/bytes.ts'
import { LEVELS_MAX, type Levels } from '../wire/levels.ts'
import { levelBytesMax, writeLevel } from '../wire/sides.ts'
import type { Convert } from '../wire/sizes.ts'
import { COPIED_MAX, Texts } from './texts.ts'
import { CAPACITY, Top } from './top.ts'

export class Book {
  readonly bids = new Side(1)
  readonly asks = new Side(-1)

  /** Sets and removes levels of a delta: sizes are absolute, zero removes. */
  apply(bytes: Buffer, bids: Levels, asks: Levels): void {
    this.bids.apply(bytes, bids)
    this.asks.apply(bytes, asks)
  }

  clear(): void {
    this.bids.clear()
    this.asks.clear()
  }
}

/** So many levels more than LEVELS_MAX may come before the worst are given up, all at once. */
export const SURPLUS_MAX = 1_000
const SLOTS_FIRST = 16
const EMPTY = 0
/** Bytes that are written of a level at most, also such as are to be written over. */
export const LEVEL_BYTES_MAX = 2 * COPIED_MAX
/** Price and size of a level on their way out. */
const LEVEL = Buffer.alloc(LEVEL_BYTES_MAX)
const LEVEL_VIEW = new DataView(LEVEL.buffer)
/** Where they begin and end. */
const PLACES = new Int32Array(4)

/** One side. Its levels lie in slots; a table with open addresses finds the slot of a price. */
export class Side {
  count = 0
  /** By slot; NaN where it is free. */
  #prices = new Float64Array(0)
  readonly #priceTexts = new Texts()
  readonly #sizeTexts = new Texts()
  readonly #top = new Top()
  /** Slots that were used before; the last one is taken next. */
  #free = new Uint16Array(0)
  #freed = 0
  #used = 0
  /** Slot + 1, at the hash of its price or behind that, without an empty place between. */
  #table = new Uint16Array(2)
  #shift = shiftOf(this.#table)
  readonly #sign: 1 | -1

  /** @param sign 1 where the highest price is the best (bids), -1 where the lowest is (asks) */
  constructor(sign: 1 | -1) {
    this.#sign = sign
  }

  /** Price of the best level; NaN where there is none. */
  get best(): number {
    if (this.#top.count === 0 && this.count > 0) this.#top.fill(this.#prices, this.#used, this.#sign)
    return this.#top.best * this.#sign
  }

  /** Price of the worst level. */
  get worst(): number {
    return (this.#sorted()[0] as number) * this.#sign
  }

  clear(): void {
    this.count = 0
    this.#freed = 0
    this.#used = 0
    this.#table.fill(EMPTY)
    this.#top.clear()
  }

  apply(bytes: Buffer, levels: Levels): void {
    const { at, count } = levels
    const priceTexts = this.#priceTexts
    const sizeTexts = this.#sizeTexts
    const view = viewOf(bytes)
    // A snapshot: what it has finds room at once.
    if (this.count === 0 && count > this.#prices.length) this.#resize(count + (count >> 2))
    for (let i = 0; i < count; i++) {
      const price = levels.price[i] as number
      const row = i * 4
      if (this.count === LEVELS_MAX + SURPLUS_MAX) this.#prune()
      const place = this.#find(price)
      const entry = this.#table[place] as number
      const size = at[row + 2] as number
      const sizeEnd = at[row + 3] as number
      if (bytes[size] === ZERO && isZero(bytes, size, sizeEnd)) {
        if (entry !== EMPTY) this.#remove(place)
        continue
      }
      let slot = entry - 1
      if (entry === EMPTY) {
        slot = this.#insert(place, price)
        const start = at[row] as number
        priceTexts.set(slot, view, bytes.byteOffset + start, (at[row + 1] as number) - start)
      }
      sizeTexts.set(slot, view, bytes.byteOffset + size, sizeEnd - size)
    }
  }

  /** Levels at this price or better: how much of the book is known where a venue's snapshot was cut there. */
  countFrom(price: number): number {
    let count = 0
    for (let slot = 0; slot < this.#used; slot++) {
      if (((this.#prices[slot] as number) - price) * this.#sign >= 0) count += 1
    }
    return count
  }

  /** Bytes that `print` needs at most. */
  printedMax(depth: number, convert: Convert | undefined): number {
    const levelBytes = levelBytesMax(this.#priceTexts.width, this.#sizeTexts.width, convert)
    return Math.min(depth, this.count) * levelBytes + 2
  }

  /**
   * Writes a side as sides.ts says, best level first, at most `depth` levels; returns the place behind it.
   * @param convert of the channel's sizes
   */
  print(out: Buffer, pos: number, depth: number, convert: Convert | undefined): number {
    const slots = this.#ranked(depth)
    const to = new DataView(out.buffer, out.byteOffset, out.length)
    out[pos++] = OPEN_BRACKET
    for (let i = 0; i < slots.length; i++) {
      if (i > 0) out[pos++] = COMMA
      const slot = slots[i] as number
      PLACES[3] = this.#printLevel(LEVEL_VIEW, 0, slot, COMMA) - 1
      PLACES[1] = this.#priceTexts.length(slot)
      PLACES[2] = PLACES[1] + 1
      pos = writeLevel(out, to, pos, LEVEL, LEVEL_VIEW, PLACES, 0, this.#prices[slot] as number, convert)
    }
    out[pos++] = CLOSE_BRACKET
    return pos
  }

  /** Makes ready the best levels for `printFront`, until the side changes; returns how many there are, at most `depth`. */
  front(depth: number): number {
    const top = this.#top
    const count = Math.min(depth, this.count)
    assert(depth <= CAPACITY, 'book: the front has not so many levels')
    if (top.count < count) top.fill(this.#prices, this.#used, this.#sign)
    return count
  }

  /**
   * Writes price and size of the i-th best level in the venue's own digits, each with a byte behind it, and up to
   * LEVEL_BYTES_MAX bytes; returns the place behind.
   */
  printFront(out: DataView, pos: number, i: number, behind: number): number {
    return this.#printLevel(out, pos, this.#top.slot(i), behind)
  }

  #printLevel(out: DataView, pos: number, slot: number, behind: number): number {
    const price = this.#priceTexts.copy(slot, out, pos)
    out.setUint8(price, behind)
    const size = this.#sizeTexts.copy(slot, out, price + 1)
    out.setUint8(size, behind)
    return size + 1
  }

  /** Slots of the best levels, best first. */
  #ranked(depth: number): Uint16Array {
    const slots = new Uint16Array(Math.min(depth, this.count))
    const sorted = this.#sorted()
    for (let i = 0; i < slots.length; i++) slots[i] = this.#slotOf(sorted[this.count - 1 - i] as number)
    return slots
  }

  /** Prices, negative for asks, so that the best one stands last. */
  #sorted(): Float64Array {
    const keys = new Float64Array(this.count)
    let i = 0
    for (let slot = 0; slot < this.#used; slot++) {
      const price = this.#prices[slot] as number
      if (price >= 0) keys[i++] = price * this.#sign
    }
    return keys.sort()
  }

  /** @param key of a level that is there: its price, negative for asks */
  #slotOf(key: number): number {
    return (this.#table[this.#find(key * this.#sign)] as number) - 1
  }

  /** The place of a price in the table, or the empty one where it would go. */
  #find(price: number): number {
    const table = this.#table
    const mask = table.length - 1
    let place = hashOf(price) >>> this.#shift
    for (;;) {
      const entry = table[place] as number
      if (entry === EMPTY || this.#prices[entry - 1] === price) return place
      place = (place + 1) & mask
    }
  }

  /** Takes a slot for a price that has none; `place` is its empty one. */
  #insert(place: number, price: number): number {
    if (this.#freed === 0 && this.#used === this.#prices.length) {
      this.#resize(Math.max(SLOTS_FIRST, this.#used + (this.#used >> 1)))
      place = this.#find(price)
    }
    const slot = this.#freed > 0 ? (this.#free[--this.#freed] as number) : this.#used++
    this.#prices[slot] = price
    this.#table[place] = slot + 1
    this.#top.insert(price * this.#sign, slot, this.count)
    this.count += 1
    return slot
  }

  #remove(place: number): void {
    const table = this.#table
    const mask = table.length - 1
    const slot = (table[place] as number) - 1
    this.#top.remove((this.#prices[slot] as number) * this.#sign)
    this.#prices[slot] = Number.NaN
    if (this.#freed === this.#free.length) this.#free = longer(this.#free, this.#prices.length)
    this.#free[this.#freed++] = slot
    this.count -= 1
    // What stands behind it moves up, unless that would be before its hash.
    let hole = place
    let next = (place + 1) & mask
    for (let entry = table[next] as number; entry !== EMPTY; entry = table[next] as number) {
      const home = hashOf(this.#prices[entry - 1] as number) >>> this.#shift
      if (((next - home) & mask) >= ((next - hole) & mask)) {
        table[hole] = entry
        hole = next
      }
      next = (next + 1) & mask
    }
    table[hole] = EMPTY
  }

  /** Gives up the worst levels. */
  #prune(): void {
    const sorted = this.#sorted()
    for (const key of sorted.subarray(0, this.count - LEVELS_MAX)) this.#remove(this.#find(key * this.#sign))
  }

  /** Makes room for so many levels, as far as there may be so many. */
  #resize(wanted: number): void {
    const slots = Math.min(wanted, LEVELS_MAX + SURPLUS_MAX)
    const prices = new Float64Array(slots)
    prices.set(this.#prices)
    this.#prices = prices
    this.#priceTexts.grow(slots)
    this.#sizeTexts.grow(slots)
    let places = this.#table.length
    while (places * 3 < slots * 4) places *= 2
    if (places === this.#table.length) return
    this.#table = new Uint16Array(places)
    this.#shift = shiftOf(this.#table)
    for (let slot = 0; slot < this.#used; slot++) {
      const price = prices[slot] as number
      // A free slot has none.
      if (price >= 0) this.#table[this.#find(price)] = slot + 1
    }
  }
}

function longer(list: Uint16Array, length: number): Uint16Array<ArrayBuffer> {
  const longer = new Uint16Array(length)
  longer.set(list)
  return longer
}

/** The hash's upper bits are the good ones: so many are left out for a table of this length. */
function shiftOf(table: Uint16Array): number {
  return 32 - Math.log2(table.length)
}

const DOUBLE = new Float64Array(1)
const WORDS = new Int32Array(DOUBLE.buffer)
/** Odd, and 2^32 by the golden ratio, and by its square. */
const [PHI, PHI_SQUARE] = [0x9e3779b1, 0x61c88647]

function hashOf(price: number): number {
  DOUBLE[0] = price
  return Math.imul((WORDS[0] as number) ^ Math.imul(WORDS[1] as number, PHI_SQUARE), PHI)
}
