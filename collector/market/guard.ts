// What judges the messages of a channel before they are written; collector/quality has it.
import type { Action, Check } from '../../crds/quality.ts'

/** Failures by check and action; a check that is not there is none of the channel's. */
export type Failures = Readonly<Partial<Record<Check, Readonly<Partial<Record<Action, number>>>>>>

/** The best prices at a moment; NaN where there is none, or no number. */
export interface Best {
  readonly bid: number
  readonly ask: number
  readonly seq: number
  /** µs */
  readonly time: number
}

export interface Guard {
  /** What the message that was judged last says of the checks that it failed: a JSON member behind its comma, or nothing. */
  readonly flags: Buffer
  /** Since the channel began; the action that holds now is there at least at 0. */
  readonly failures: Failures
  /** Of a book or ticker: as judged last. */
  readonly best: Best
  /** Of a book: those of the last seconds, oldest first. */
  readonly recent: readonly Best[]
  /** Where a book stands after the message that is judged next: best prices, NaN on a side that has none; `time` µs. */
  stand(bid: number, ask: number, seq: number, time: number): void
  /**
   * Whether the element that this form's frame read last may be published.
   * @param time its `ts` where it has one, µs
   */
  admits(form: number, bytes: Buffer, received: number, time: number): boolean
  /** The same of one that comes late, so that its time proves nothing. */
  admitsLate(form: number, bytes: Buffer, time: number): boolean
  /**
   * Whether a snapshot of the book, where it stands, may be published.
   * @param received when what brought it there came, µs; absent where its time proves nothing
   */
  admitsBook(received?: number): boolean
}
