// Finds what a frame belongs to by the bytes of its name, without making a string.
import { viewOf } from './bytes.ts'

/** An odd number without a pattern, so that a product differs wherever a factor does. */
const FACTOR = 0x9e3779b1 | 0

interface Slot<T> {
  readonly view: DataView
  value: T
}

/** A table from byte names to values: open addressing, at most half full. */
export class NameTable<T> {
  #size = 0
  #slots: (Slot<T> | undefined)[] = Array.from({ length: 64 })

  /** The value of this name, or undefined. */
  at(bytes: Buffer, start: number, end: number): T | undefined {
    const view = viewOf(bytes)
    const from = bytes.byteOffset + start
    const length = end - start
    const mask = this.#slots.length - 1
    for (let i = hash(view, from, length) & mask; ; i = (i + 1) & mask) {
      const slot = this.#slots[i]
      if (slot === undefined) return undefined
      if (same(slot.view, view, from, length)) return slot.value
    }
  }

  get(name: string): T | undefined {
    const bytes = Buffer.from(name)
    return this.at(bytes, 0, bytes.length)
  }

  set(name: string, value: T): void {
    if ((this.#size + 1) * 2 > this.#slots.length) this.#grow()
    const own = new Uint8Array(Buffer.from(name))
    const view = new DataView(own.buffer)
    const mask = this.#slots.length - 1
    let i = hash(view, 0, own.length) & mask
    for (let slot = this.#slots[i]; slot !== undefined; slot = this.#slots[i]) {
      if (same(slot.view, view, 0, own.length)) {
        slot.value = value
        return
      }
      i = (i + 1) & mask
    }
    this.#slots[i] = { view, value }
    this.#size += 1
  }

  #grow(): void {
    const old = this.#slots
    this.#slots = Array.from({ length: old.length * 2 })
    const mask = this.#slots.length - 1
    for (const slot of old) {
      if (slot === undefined) continue
      let i = hash(slot.view, 0, slot.view.byteLength) & mask
      while (this.#slots[i] !== undefined) i = (i + 1) & mask
      this.#slots[i] = slot
    }
  }
}

/**
 * Over all of a name, since those of one venue are alike at both ends: two sums of four bytes by turns, of which neither
 * waits for the other.
 */
function hash(view: DataView, from: number, length: number): number {
  let [h, g] = [length, 0]
  const last = from + length - 8
  if (length < 8) for (let i = 0; i < length; i++) h = mixed(h, view.getUint8(from + i))
  for (let at = from; at < last; at += 8) {
    h = mixed(h, view.getInt32(at, true))
    g = mixed(g, view.getInt32(at + 4, true))
  }
  if (length >= 8) {
    h = mixed(h, view.getInt32(last, true))
    g = mixed(g, view.getInt32(last + 4, true))
  }
  h = Math.imul(h ^ (h >>> 15) ^ ((g << 16) | (g >>> 16)), FACTOR)
  return h ^ (h >>> 16)
}

function mixed(h: number, word: number): number {
  return Math.imul(((h << 5) | (h >>> 27)) ^ word, FACTOR)
}

/** Eight bytes of a name are a double that is neither NaN nor zero: UTF-8 without controls. Equal when the bytes are. */
function same(name: DataView, view: DataView, from: number, length: number): boolean {
  if (name.byteLength !== length) return false
  if (length < 8) {
    for (let k = 0; k < length; k++) if (name.getUint8(k) !== view.getUint8(from + k)) return false
    return true
  }
  const last = length - 8
  for (let k = 0; k < last; k += 8) if (name.getFloat64(k, true) !== view.getFloat64(from + k, true)) return false
  return name.getFloat64(last, true) === view.getFloat64(from + last, true)
}
