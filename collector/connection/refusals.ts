// Streams that a venue refuses, and when they are asked for again: a listing may come back.
//
// Always: rounds on full minutes of the socket's life, so that however many streams are refused, and whenever, there is
//   at most one round a minute.
import { GrowingWaits } from './backoff.ts'

export const RETRY_BASE_MS = 60_000
export const RETRY_CAP_MS = 3_600_000
const ROUND_MS = 60_000

export class Refusals {
  readonly #originMs: number
  readonly #waits = new GrowingWaits(RETRY_BASE_MS, RETRY_CAP_MS)
  /** When each is asked for again, ms since the epoch. */
  readonly #due = new Map<string, number>()

  constructor(nowMs: number) {
    this.#originMs = nowMs
  }

  has(stream: string): boolean {
    return this.#due.has(stream)
  }

  /** @returns false when it was refused before and has not been accepted since */
  refused(stream: string, nowMs: number): boolean {
    const isNew = !this.#waits.has(stream)
    const rounds = Math.ceil((nowMs + this.#waits.next(stream) - this.#originMs) / ROUND_MS)
    this.#due.set(stream, this.#originMs + rounds * ROUND_MS)
    return isNew
  }

  accepted(stream: string): void {
    this.#due.delete(stream)
    this.#waits.forget(stream)
  }

  isDue(stream: string, nowMs: number): boolean {
    return (this.#due.get(stream) ?? Infinity) <= nowMs
  }

  /** In the order in which they were refused. */
  get streams(): Iterable<string> {
    return this.#due.keys()
  }

  /** It is asked for again; whether it is refused again will be seen. */
  asked(stream: string): void {
    this.#due.delete(stream)
  }

  /** Forgets all others. */
  keep(streams: ReadonlySet<string>): void {
    for (const stream of this.#due.keys()) if (!streams.has(stream)) this.#due.delete(stream)
    this.#waits.keep(streams)
  }

  /** When the next one is due, ms since the epoch; Infinity when none is. */
  get nextMs(): number {
    return Math.min(...this.#due.values())
  }
}
