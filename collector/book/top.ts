// The highest keys of many, in order, each with where its owner keeps it: the front of a book, without sorting the rest.
//
// Always: the keys that are held are higher than all others. Once none is left it is filled again from the others; that
// takes a look at each of them, but comes only after as many as it holds have gone.

/** Enough for best prices to come and go, few enough to be moved by hand. */
export const CAPACITY = 32

/** The highest of a set of numbers, each there once, whose owner tells which come and go. */
export class Top {
  /** The highest first. */
  readonly #keys = new Float64Array(CAPACITY)
  /** Where the owner keeps each of them. */
  readonly #slots = new Uint16Array(CAPACITY)
  #count = 0

  /** The highest; NaN where none is held. */
  get best(): number {
    return this.#count === 0 ? Number.NaN : (this.#keys[0] as number)
  }

  /** How many are held. */
  get count(): number {
    return this.#count
  }

  /** Where the owner keeps the i-th highest of those that are held, from 0. */
  slot(i: number): number {
    return this.#slots[i] as number
  }

  clear(): void {
    this.#count = 0
  }

  /** @param others how many there are without it, held or not */
  insert(key: number, slot: number, others: number): void {
    const isRoom = this.#count === others && this.#count < CAPACITY
    if (isRoom || this.#isHigh(key)) this.#hold(key, slot)
  }

  remove(key: number): void {
    if (!this.#isHigh(key)) return
    const keys = this.#keys
    const slots = this.#slots
    let i = 0
    while (keys[i] !== key) i += 1
    const last = --this.#count
    for (; i < last; i++) {
      keys[i] = keys[i + 1] as number
      slots[i] = slots[i + 1] as number
    }
  }

  /** Holds the highest of the first `count` of these once more, each times `sign`; NaN is none. */
  fill(all: Float64Array, count: number, sign: 1 | -1): void {
    this.#count = 0
    for (let slot = 0; slot < count; slot++) {
      const key = (all[slot] as number) * sign
      if (this.#isHigh(key) || (this.#count < CAPACITY && !Number.isNaN(key))) this.#hold(key, slot)
    }
  }

  /** Whether a key is not below all that are held. */
  #isHigh(key: number): boolean {
    return this.#count > 0 && key >= (this.#keys[this.#count - 1] as number)
  }

  /** Holds a key; where there is no room the lowest goes. */
  #hold(key: number, slot: number): void {
    const keys = this.#keys
    const slots = this.#slots
    if (this.#count < CAPACITY) this.#count += 1
    let i = this.#count - 1
    for (; i > 0 && (keys[i - 1] as number) < key; i--) {
      keys[i] = keys[i - 1] as number
      slots[i] = slots[i - 1] as number
    }
    keys[i] = key
    slots[i] = slot
  }
}
