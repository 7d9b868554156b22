// Deltas that wait: copies, since a frame's bytes are only lent, and not without end.

/** Deltas that may wait. */
export const PENDING_FRAMES_MAX = 2_000
export const PENDING_BYTES_MAX = 8 * 1024 * 1024

/** Copies of deltas, oldest first. */
export class DeltaQueue<D extends { readonly bytes: Buffer }> {
  #list: D[] = []
  #bytes = 0

  get list(): readonly D[] {
    return this.#list
  }

  /** Without room the older half goes: the newest are worth more, since a later snapshot joins them. */
  push(delta: D): void {
    const { length } = delta.bytes
    if (this.#list.length >= PENDING_FRAMES_MAX || this.#bytes + length > PENDING_BYTES_MAX) {
      this.drop((this.#list.length >> 1) + 1)
    }
    this.#list.push(delta)
    this.#bytes += length
  }

  /** Drops the oldest. */
  drop(count: number): void {
    for (const { bytes } of this.#list.splice(0, count)) this.#bytes -= bytes.length
  }

  clear(): void {
    this.#list = []
    this.#bytes = 0
  }
}
