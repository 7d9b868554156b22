// An order book: two sorted columns of prices, and the venue's own digits of price and size beside them.
//
// In: levels as the scanner left them. Out: snapshots as bytes. Always: prices of a side are distinct and sorted, sizes
// are not zero, at most LEVELS_MAX levels a side (the worst goes first). Never: it knows no sequence (sync.ts does),
// reads no clock, makes no object for a level.
import { isZero } from '../wire/bytes.ts'
import { LEVELS_MAX, type Levels } from '../wire/levels.ts'

/** Bytes of a level's text: two lengths, then price and size of at most 24 digits each. */
const TEXT_BYTES = 52
const PRICE_AT = 2
const SIZE_AT = 27
const NONE = -1
/** Levels next to the best one that are searched first. */
const NEAR = 64
/** Levels that are moved by a loop; for more, two native copies are quicker (Node 26.10: about 35 ns each). */
const LOOP_MAX = 48

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

/** One side. Keys rise towards the best level, which stands last, where most changes happen: little has to move. */
export class Side {
  count = 0
  /** Price for bids, minus price for asks. */
  #keys = new Float64Array(64)
  /** Where the level's text stands, in units of TEXT_BYTES. */
  #slots = new Int32Array(64)
  #text = Buffer.alloc(64 * TEXT_BYTES)
  #free: number[] = []
  #slotsUsed = 0
  readonly #sign: 1 | -1

  constructor(sign: 1 | -1) {
    this.#sign = sign
  }

  /** Price of the worst level. */
  get worst(): number {
    return (this.#keys[0] as number) * this.#sign
  }

  clear(): void {
    this.count = 0
    this.#free = []
    this.#slotsUsed = 0
  }

  apply(bytes: Buffer, levels: Levels): void {
    const at = levels.at
    for (let i = 0; i < levels.count; i++) {
      const key = (levels.price[i] as number) * this.#sign
      const row = i * 4
      const index = this.#find(key)
      const known = index < this.count && this.#keys[index] === key
      if (isZero(bytes, at[row + 2] as number, at[row + 3] as number)) {
        if (known) this.#remove(index)
      } else {
        const slot = known ? (this.#slots[index] as number) : this.#insert(index, key)
        if (slot === NONE) continue
        if (!known) this.#write(slot, 0, PRICE_AT, bytes, at[row] as number, at[row + 1] as number)
        this.#write(slot, 1, SIZE_AT, bytes, at[row + 2] as number, at[row + 3] as number)
      }
    }
  }

  /** Levels at this price or better: how much of the book is known where a venue's snapshot was cut there. */
  countFrom(price: number): number {
    return this.count - this.#find(price * this.#sign)
  }

  /** Bytes that `print` needs at most. */
  printedMax(depth: number): number {
    return Math.min(depth, this.count) * 58 + 2
  }

  /** Writes `[["price","size"],…]`, best first, at most `depth` levels; returns the place behind it. */
  print(out: Buffer, pos: number, depth: number): number {
    out[pos++] = 0x5b
    const stop = Math.max(0, this.count - depth)
    for (let i = this.count - 1; i >= stop; i--) {
      const base = (this.#slots[i] as number) * TEXT_BYTES
      if (i < this.count - 1) out[pos++] = 0x2c
      out[pos++] = 0x5b
      out[pos++] = 0x22
      for (let k = 0, n = this.#text[base] as number; k < n; k++) out[pos++] = this.#text[base + PRICE_AT + k] as number
      out[pos++] = 0x22
      out[pos++] = 0x2c
      out[pos++] = 0x22
      for (let k = 0, n = this.#text[base + 1] as number; k < n; k++) {
        out[pos++] = this.#text[base + SIZE_AT + k] as number
      }
      out[pos++] = 0x22
      out[pos++] = 0x5d
    }
    out[pos++] = 0x5d
    return pos
  }

  /** Index of the first key that is not below this one. Most changes are near the best level, so it is looked for there first. */
  #find(key: number): number {
    const keys = this.#keys
    let base = 0
    let n = this.count
    if (n > NEAR && (keys[n - NEAR] as number) < key) {
      base = n - NEAR
      n = NEAR
    }
    // Halving without a branch to guess: 47 ns instead of 60 among 1,000 prices (Node 26.10).
    while (n > 1) {
      const half = n >> 1
      base += half * Number((keys[base + half - 1] as number) < key)
      n -= half
    }
    return n === 0 ? 0 : base + Number((keys[base] as number) < key)
  }

  #remove(index: number): void {
    this.#free.push(this.#slots[index] as number)
    this.count -= 1
    const keys = this.#keys
    const slots = this.#slots
    if (this.count - index > LOOP_MAX) {
      keys.copyWithin(index, index + 1, this.count + 1)
      slots.copyWithin(index, index + 1, this.count + 1)
      return
    }
    for (let i = index; i < this.count; i++) {
      keys[i] = keys[i + 1] as number
      slots[i] = slots[i + 1] as number
    }
  }

  /** Makes room at the index; NONE when the side is full and the level is worse than all. */
  #insert(index: number, key: number): number {
    if (this.count === LEVELS_MAX) {
      if (index === 0) return NONE
      this.#remove(0)
      index -= 1
    }
    if (this.count === this.#keys.length) this.#grow()
    const keys = this.#keys
    const slots = this.#slots
    if (this.count - index > LOOP_MAX) {
      keys.copyWithin(index + 1, index, this.count)
      slots.copyWithin(index + 1, index, this.count)
    } else {
      for (let i = this.count; i > index; i--) {
        keys[i] = keys[i - 1] as number
        slots[i] = slots[i - 1] as number
      }
    }
    const slot = this.#free.pop() ?? this.#slotsUsed++
    keys[index] = key
    slots[index] = slot
    this.count += 1
    return slot
  }

  /** Writes a text of a level, and its length at `lengthAt`. */
  #write(slot: number, lengthAt: 0 | 1, textAt: number, bytes: Buffer, start: number, end: number): void {
    const text = this.#text
    const base = slot * TEXT_BYTES
    text[base + lengthAt] = end - start
    let to = base + textAt
    for (let k = start; k < end; k++) text[to++] = bytes[k] as number
  }

  #grow(): void {
    const length = Math.min(this.#keys.length + (this.#keys.length >> 1), LEVELS_MAX)
    const keys = new Float64Array(length)
    keys.set(this.#keys)
    const slots = new Int32Array(length)
    slots.set(this.#slots)
    const text = Buffer.alloc(length * TEXT_BYTES)
    text.set(this.#text)
    this.#keys = keys
    this.#slots = slots
    this.#text = text
  }
}
