// The venue's own digits of prices, or of sizes, by slot.
import { DECIMAL_MAX } from '../wire/bytes.ts'
import { copyAscii } from '../wire/sides.ts'

/** Digits that find room at first: most venues need no more. */
const WIDTH_FIRST = 14

/** Each slot has a byte for the length, then the digits. */
export class Texts {
  /** Digits that find room. */
  width = WIDTH_FIRST
  #bytes: Buffer
  #view: DataView

  constructor(slots: number) {
    this.#bytes = Buffer.alloc(slots * (WIDTH_FIRST + 1))
    this.#view = viewOf(this.#bytes)
  }

  /** @param from of `n` digits at `start` */
  set(slot: number, from: DataView, start: number, n: number): void {
    if (n > this.width) this.#widen()
    const at = slot * (this.width + 1)
    this.#bytes[at] = n
    copyAscii(from, start, this.#view, at + 1, n)
  }

  length(slot: number): number {
    return this.#bytes[slot * (this.width + 1)] as number
  }

  /** Copies the digits; returns the place behind them. */
  copy(slot: number, to: Buffer, pos: number): number {
    const start = slot * (this.width + 1) + 1
    for (let k = start, end = start + this.length(slot); k < end; k++) to[pos++] = this.#bytes[k] as number
    return pos
  }

  grow(slots: number): void {
    this.#move(slots, this.width)
  }

  /** From here on the longest digits find room. */
  #widen(): void {
    this.#move(this.#bytes.length / (this.width + 1), DECIMAL_MAX)
  }

  #move(slots: number, width: number): void {
    const bytes = this.#bytes
    const [before, after] = [this.width + 1, width + 1]
    this.width = width
    this.#bytes = Buffer.alloc(slots * after)
    this.#view = viewOf(this.#bytes)
    if (before === after) bytes.copy(this.#bytes)
    else
      for (let from = 0, to = 0; from < bytes.length; from += before, to += after)
        bytes.copy(this.#bytes, to, from, from + before)
  }
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
}
