// Finds what a frame belongs to by the bytes of its name, without making a string.
import { viewOf } from './bytes.ts'

const OFFSET = 0x811c9dc5 | 0
const PRIME = 0x01000193

interface Slot<T> {
  readonly name: Uint8Array
  readonly view: DataView
  value: T
}

/** A table from byte names to values: open addressing over FNV-1a, at most half full. */
export class NameTable<T> {
  #size = 0
  #slots: (Slot<T> | undefined)[] = Array.from({ length: 64 })

  /** The value of this name, or undefined. */
  at(bytes: Buffer, start: number, end: number): T | undefined {
    const mask = this.#slots.length - 1
    for (let i = hash(bytes, start, end) & mask; ; i = (i + 1) & mask) {
      const slot = this.#slots[i]
      if (slot === undefined) return undefined
      if (same(slot, bytes, start, end)) return slot.value
    }
  }

  get(name: string): T | undefined {
    const bytes = Buffer.from(name)
    return this.at(bytes, 0, bytes.length)
  }

  set(name: string, value: T): void {
    if ((this.#size + 1) * 2 > this.#slots.length) this.#grow()
    const bytes = Buffer.from(name)
    const mask = this.#slots.length - 1
    let i = hash(bytes, 0, bytes.length) & mask
    for (let slot = this.#slots[i]; slot !== undefined; slot = this.#slots[i]) {
      if (same(slot, bytes, 0, bytes.length)) {
        slot.value = value
        return
      }
      i = (i + 1) & mask
    }
    const own = new Uint8Array(bytes)
    this.#slots[i] = { name: own, view: new DataView(own.buffer), value }
    this.#size += 1
  }

  #grow(): void {
    const old = this.#slots
    this.#slots = Array.from({ length: old.length * 2 })
    const mask = this.#slots.length - 1
    for (const slot of old) {
      if (slot === undefined) continue
      let i = hash(slot.name, 0, slot.name.length) & mask
      while (this.#slots[i] !== undefined) i = (i + 1) & mask
      this.#slots[i] = slot
    }
  }
}

/** Over the first eight bytes, the last and the length: names of streams differ there; what collides is compared anyway. */
function hash(bytes: Uint8Array, start: number, end: number): number {
  const length = end - start
  if (length === 0) return 0
  let h = Math.imul(length, PRIME) ^ (bytes[end - 1] as number)
  if (length >= 8) {
    h ^= Math.imul(fourBytes(bytes, start), OFFSET)
    h = Math.imul(h ^ fourBytes(bytes, start + 4), PRIME)
  } else for (let i = start; i < end; i++) h = Math.imul(h ^ (bytes[i] as number), PRIME)
  return h ^ (h >>> 15)
}

function fourBytes(b: Uint8Array, at: number): number {
  return (
    (b[at] as number) | ((b[at + 1] as number) << 8) | ((b[at + 2] as number) << 16) | ((b[at + 3] as number) << 24)
  )
}

function same(slot: Slot<unknown>, bytes: Buffer, start: number, end: number): boolean {
  const { name } = slot
  const length = end - start
  if (name.length !== length) return false
  let k = 0
  if (length >= 4) {
    const view = viewOf(bytes)
    const from = bytes.byteOffset + start
    for (; k + 4 <= length; k += 4) if (slot.view.getInt32(k) !== view.getInt32(from + k)) return false
  }
  for (; k < length; k++) if (name[k] !== bytes[start + k]) return false
  return true
}
