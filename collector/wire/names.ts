// Finds what a frame belongs to by the bytes of its name, without making a string.
const OFFSET = 0x811c9dc5 | 0
const PRIME = 0x01000193

/** A table from byte names to values: open addressing over FNV-1a, at most half full. */
export class NameTable<T> {
  #size = 0
  #slots: ({ name: Uint8Array; value: T } | undefined)[] = Array.from({ length: 64 })

  /** The value of this name, or undefined. */
  at(bytes: Uint8Array, start: number, end: number): T | undefined {
    const mask = this.#slots.length - 1
    for (let i = hash(bytes, start, end) & mask; ; i = (i + 1) & mask) {
      const slot = this.#slots[i]
      if (slot === undefined) return undefined
      if (same(slot.name, bytes, start, end)) return slot.value
    }
  }

  get(name: string): T | undefined {
    const bytes = Buffer.from(name)
    return this.at(bytes, 0, bytes.length)
  }

  set(name: string, value: T): void {
    if ((this.#size + 1) * 2 > this.#slots.length) this.#grow()
    const bytes = new Uint8Array(Buffer.from(name))
    const mask = this.#slots.length - 1
    let i = hash(bytes, 0, bytes.length) & mask
    for (let slot = this.#slots[i]; slot !== undefined; slot = this.#slots[i]) {
      if (same(slot.name, bytes, 0, bytes.length)) {
        slot.value = value
        return
      }
      i = (i + 1) & mask
    }
    this.#slots[i] = { name: bytes, value }
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
  let h = Math.imul(OFFSET ^ (end - start), PRIME)
  const stop = end - start > 8 ? start + 8 : end
  for (let i = start; i < stop; i++) h = Math.imul(h ^ (bytes[i] as number), PRIME)
  if (end > start) h = Math.imul(h ^ (bytes[end - 1] as number), PRIME)
  return h ^ (h >>> 15)
}

function same(name: Uint8Array, bytes: Uint8Array, start: number, end: number): boolean {
  if (name.length !== end - start) return false
  for (let i = 0; i < name.length; i++) if (name[i] !== bytes[start + i]) return false
  return true
}
