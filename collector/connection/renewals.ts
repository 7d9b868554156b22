// Streams that are unsubscribed and subscribed again, because their venue then sends a snapshot first.
//
// Always: a stream is subscribed again only after its unsubscription was answered, or could have been.
// Always: calls for a stream whose renewal waits or is under way are one; streams that wait go together, since a round
//   begins when the one before has left.
// Always: while a stream is renewed again and again, the waits between grow.
import { GrowingWaits } from './backoff.ts'

/** A second renewal of a stream comes so long after the first at the earliest, ms; then twice as long, and so on… */
export const AGAIN_BASE_MS = 1_000
/** …up to this… */
export const AGAIN_CAP_MS = 60_000
/** …and anew when it was well for so long. */
export const WELL_MS = 5 * 60_000

export class Renewals {
  readonly #waits = new GrowingWaits(AGAIN_BASE_MS, AGAIN_CAP_MS)
  readonly #begunMs = new Map<string, number>()
  /** Those that wait, and when they may begin, ms since the epoch. */
  readonly #due = new Map<string, number>()
  /** Those of the round whose unsubscription is not answered. */
  readonly #leaving = new Set<string>()
  /** Those that are subscribed again, without an answer yet. */
  readonly #returning = new Set<string>()

  /** The stream is to be renewed. */
  ask(stream: string, nowMs: number): void {
    if (this.#due.has(stream) || this.#leaving.has(stream) || this.#returning.has(stream)) return
    const begunMs = this.#begunMs.get(stream) ?? -Infinity
    const wasWell = nowMs - begunMs >= WELL_MS
    if (wasWell) this.#waits.forget(stream)
    this.#due.set(stream, wasWell ? nowMs : Math.max(nowMs, begunMs + this.#waits.next(stream)))
  }

  /** Streams that wait; none while a round is leaving. */
  get streams(): Iterable<string> {
    return this.#leaving.size > 0 ? [] : this.#due.keys()
  }

  isDue(stream: string, nowMs: number): boolean {
    return (this.#due.get(stream) ?? Infinity) <= nowMs
  }

  isLeaving(stream: string): boolean {
    return this.#leaving.has(stream)
  }

  /** Its unsubscription was sent. */
  began(stream: string, nowMs: number): void {
    this.#due.delete(stream)
    this.#begunMs.set(stream, nowMs)
    this.#leaving.add(stream)
  }

  /** Its unsubscription was answered, or will not be. */
  left(stream: string): void {
    if (this.#leaving.delete(stream)) this.#returning.add(stream)
  }

  /** Its subscription was accepted, or will not be answered. */
  returned(stream: string): void {
    this.#returning.delete(stream)
  }

  /** Its subscription was refused: there is nothing to renew. */
  refused(stream: string): void {
    this.#due.delete(stream)
    this.#returning.delete(stream)
  }

  /** Forgets all others; those that are leaving still do. */
  keep(streams: ReadonlySet<string>): void {
    for (const known of [this.#due, this.#returning, this.#begunMs]) {
      for (const stream of known.keys()) if (!streams.has(stream)) known.delete(stream)
    }
    this.#waits.keep(streams)
  }

  /** When the next one may begin that may not yet, ms since the epoch; Infinity when there is none. */
  nextMs(nowMs: number): number {
    let atMs = Infinity
    for (const dueMs of this.#due.values()) if (dueMs > nowMs && dueMs < atMs) atMs = dueMs
    return atMs
  }
}
