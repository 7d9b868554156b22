// How much was used in the last so many milliseconds. Exact: in no interval of that length more than was allowed,
// where a token bucket of the same size lets twice as much pass (a full bucket, and what drips in meanwhile).
import assert from 'node:assert/strict'

interface Entry {
  readonly untilMs: number
  readonly weight: number
}

export class SlidingWindow {
  readonly #windowMs: number
  #entries: Entry[] = []
  #used = 0

  constructor(windowMs: number) {
    assert(windowMs > 0)
    this.#windowMs = windowMs
  }

  /** Something was used at `nowMs`, and counts for so many windows; calls come in the order of time. */
  add(weight: number, nowMs: number, windows = 1): void {
    this.#entries.push({ untilMs: nowMs + this.#windowMs * windows, weight })
    this.#used += weight
  }

  used(nowMs: number): number {
    let gone = 0
    for (let e = this.#entries[gone]; e !== undefined && e.untilMs <= nowMs; e = this.#entries[++gone]) {
      this.#used -= e.weight
    }
    if (gone > 0) this.#entries.splice(0, gone)
    return this.#used
  }

  /** When the oldest use leaves the window, ms since the epoch; Infinity when it is empty. */
  get nextMs(): number {
    return this.#entries[0]?.untilMs ?? Infinity
  }
}
