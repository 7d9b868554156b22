// Remembers the latest messages of a channel, to know one that comes again and whether it is still the same.
//
// Of each it keeps a hash of its id, 63 bits, and one of its content, 32 bits, in typed arrays: a map of strings took
// as long as a third of JSON.parse (Node 26.10).
import type { Reading } from './reading.ts'

/** Messages that are remembered at least; twice as many at most. */
export const RECENT_MAX = 1024
const SLOTS_FIRST = 64
/** Columns of a slot. */
const [HIGH, LOW, CONTENT, COLUMNS] = [0, 1, 2, 3]

/** Open addressing: a slot is free while its `low` is 0. At most half of the slots are in use. */
class Generation {
  #cells = new Int32Array(SLOTS_FIRST * COLUMNS)
  #mask = SLOTS_FIRST - 1
  count = 0

  get(high: number, low: number): number | undefined {
    const at = this.#placeOf(high, low)
    return this.#cells[at + LOW] === 0 ? undefined : this.#cells[at + CONTENT]
  }

  set(high: number, low: number, content: number): void {
    if (this.count * 2 > this.#mask) this.#grow()
    const at = this.#placeOf(high, low)
    this.#cells[at + HIGH] = high
    this.#cells[at + LOW] = low
    this.#cells[at + CONTENT] = content
    this.count += 1
  }

  clear(): void {
    this.#cells.fill(0)
    this.count = 0
  }

  #grow(): void {
    const old = this.#cells
    this.#cells = new Int32Array(old.length * 2)
    this.#mask = this.#mask * 2 + 1
    this.count = 0
    for (let at = 0; at < old.length; at += COLUMNS) {
      const low = old[at + LOW] as number
      if (low !== 0) this.set(old[at + HIGH] as number, low, old[at + CONTENT] as number)
    }
  }

  /** Where a key lies, or would lie. */
  #placeOf(high: number, low: number): number {
    const cells = this.#cells
    let slot = high & this.#mask
    for (;;) {
      const at = slot * COLUMNS
      if (cells[at + LOW] === 0 || (cells[at + LOW] === low && cells[at + HIGH] === high)) return at
      slot = (slot + 1) & this.#mask
    }
  }
}

export class RecentMessages {
  #young = new Generation()
  #old = new Generation()

  /** Remembers a message; says whether its id was there before, and with what content. */
  take({ keyHigh: high, keyLow, content }: Reading): 'new' | 'same' | 'other' {
    const low = keyLow | 1
    const before = this.#young.get(high, low) ?? this.#old.get(high, low)
    if (before !== undefined) return before === content ? 'same' : 'other'
    if (this.#young.count >= RECENT_MAX) this.#age()
    this.#young.set(high, low, content)
    return 'new'
  }

  #age(): void {
    ;[this.#young, this.#old] = [this.#old, this.#young]
    this.#young.clear()
  }
}
