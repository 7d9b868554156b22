// The venue's own digits of prices, or of sizes, by slot.
import { copyAscii } from '../wire/sides.ts'

/** Bytes of a slot at first: most venues need no more. */
const STRIDE_FIRST = 16
/** The longest digits find room in these. Both are multiples of eight, since eight bytes at once are copied. */
const STRIDE_MAX = 32
/** Bytes that `copy` writes at most, also such as are to be written over. */
export const COPIED_MAX = STRIDE_MAX

/** Each slot has a byte for the length, then the digits, within one line of memory. */
export class Texts {
  #stride = STRIDE_FIRST
  #slots = 0
  #bytes = NOTHING
  #view = NO_VIEW

  /** Digits that find room. */
  get width(): number {
    return this.#stride - 1
  }

  /** @param from of `n` digits at `start` */
  set(slot: number, from: DataView, start: number, n: number): void {
    if (n >= this.#stride) this.#move(this.#slots, STRIDE_MAX)
    const at = slot * this.#stride
    this.#bytes[at] = n
    copyAscii(from, start, this.#view, at + 1, n)
  }

  length(slot: number): number {
    return this.#bytes[slot * this.#stride] as number
  }

  /**
   * Copies the digits; returns the place behind them. How many there are nobody can guess, so all bytes of the slot are
   * copied: ASCII, lengths and zeros, which make no double a NaN.
   */
  copy(slot: number, to: DataView, pos: number): number {
    const view = this.#view
    const at = slot * this.#stride
    for (let k = 0; k < this.#stride; k += 8) to.setFloat64(pos + k, view.getFloat64(at + 1 + k, true), true)
    return pos + (this.#bytes[at] as number)
  }

  grow(slots: number): void {
    this.#move(slots, this.#stride)
  }

  #move(slots: number, stride: number): void {
    const [bytes, before] = [this.#bytes, this.#stride]
    // What `copy` reads behind the last slot is there, too.
    const moved = Buffer.alloc(slots * stride + 1)
    if (before === stride) bytes.copy(moved)
    else for (let i = 0; i < this.#slots; i++) bytes.copy(moved, i * stride, i * before, (i + 1) * before)
    this.#slots = slots
    this.#stride = stride
    this.#bytes = moved
    this.#view = viewOf(moved)
  }
}

function viewOf(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
}

const NOTHING = Buffer.alloc(0)
const NO_VIEW = viewOf(NOTHING)
