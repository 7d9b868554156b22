// The window: records that were sent and wait for their answer, in the order of sending.
//
// A record takes a slot; the slot's number and the window's generation are the token in its reply subject, so an
// answer finds its record without a map. Always: the first slot holds the oldest record that is not settled; an
// answer of an earlier generation, or a second one, finds nothing. Never: does I/O, reads a clock.
import assert from 'node:assert'
import type { Chunk, Cursor } from '../spool.ts'

const SLOT_BITS = 11
/** Records that may be outstanding. */
export const SLOTS = 1 << SLOT_BITS
/** Payload bytes that may be outstanding: snapshots of books are large. */
const WINDOW_BYTES_MAX = 16 * 1024 * 1024
const SLOT_MASK = SLOTS - 1
// Tokens stay small integers. A generation comes again after 262,144 rewinds: no answer is that late.
const GENERATION_MASK = (1 << 18) - 1

export class Window {
  /** Slots between the first and the next, settled or not. */
  span = 0
  /** Records in them that are not settled. */
  outstanding = 0
  /** Bytes of those. */
  bytes = 0

  #first = 0
  #generation = 0
  readonly #chunks = Array.from<Chunk | undefined>({ length: SLOTS }).fill(undefined)
  readonly #indexes = new Int32Array(SLOTS)
  readonly #sentMs = new Float64Array(SLOTS)

  /** Whether another record may be sent while `limit` may be outstanding. */
  hasRoom(limit: number): boolean {
    return this.span < SLOTS && this.outstanding < limit && this.bytes < WINDOW_BYTES_MAX
  }

  /** The token that the next record will have. */
  get nextToken(): number {
    return (this.#generation << SLOT_BITS) | ((this.#first + this.span) & SLOT_MASK)
  }

  /** Takes the slot of `nextToken`. */
  add(chunk: Chunk, index: number, nowMs: number): void {
    const slot = (this.#first + this.span) & SLOT_MASK
    this.#chunks[slot] = chunk
    this.#indexes[slot] = index
    this.#sentMs[slot] = nowMs
    this.span += 1
    this.outstanding += 1
    this.bytes += sizeOf(chunk, index)
  }

  /** The slot of a token, or of the record that was sent so many after it; -1 when nothing waits there. */
  slotOf(token: number, after = 0): number {
    if (token >>> SLOT_BITS !== this.#generation) return -1
    const slot = (token + after) & SLOT_MASK
    return this.#chunks[slot] === undefined ? -1 : slot
  }

  chunkAt(slot: number): Chunk {
    return this.#chunks[slot] as Chunk
  }

  indexAt(slot: number): number {
    return this.#indexes[slot] as number
  }

  /** Frees the slot of a record that is settled. */
  settle(slot: number): void {
    const chunk = this.#chunks[slot]
    assert(chunk !== undefined)
    this.outstanding -= 1
    this.bytes -= sizeOf(chunk, this.#indexes[slot] as number)
    this.#chunks[slot] = undefined
    while (this.span > 0 && this.#chunks[this.#first] === undefined) {
      this.#first = (this.#first + 1) & SLOT_MASK
      this.span -= 1
    }
  }

  /** Whether everything outstanding was sent after the record of this slot, or was this record itself. */
  isFirst(slot: number): boolean {
    return slot === this.#first
  }

  /** When the oldest outstanding record was sent, ms; undefined when none is. */
  get oldestMs(): number | undefined {
    return this.span === 0 ? undefined : this.#sentMs[this.#first]
  }

  /** Calls `visit` for every outstanding slot, oldest first. */
  forEach(visit: (slot: number) => void): void {
    const { span } = this
    const first = this.#first
    for (let i = 0; i < span; i++) {
      const slot = (first + i) & SLOT_MASK
      if (this.#chunks[slot] !== undefined) visit(slot)
    }
  }

  /** Forgets everything and sets the cursor to the oldest record that is not settled, so that all are sent again. */
  rewind(cursor: Cursor): void {
    if (this.span > 0) {
      cursor.chunk = this.#chunks[this.#first] as Chunk
      cursor.index = this.#indexes[this.#first] as number
    }
    this.#chunks.fill(undefined)
    this.#first = 0
    this.span = 0
    this.outstanding = 0
    this.bytes = 0
    this.#generation = (this.#generation + 1) & GENERATION_MASK
  }
}

function sizeOf(chunk: Chunk, index: number): number {
  return (chunk.end[index] as number) - (chunk.start[index] as number)
}
