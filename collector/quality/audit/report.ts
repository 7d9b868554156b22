// What an audit says: for each channel what is there, and each thing that is wrong.
import type { GapReason } from '../../market/messages.ts'

/** What may be wrong, and what to do about it. */
export const FINDINGS = {
  missing:
    'No gap says that this is missing. Fetch it from the venue where it still has it, else treat the time as a gap; ' +
    "report it with the collector's log of that time.",
  restart:
    'The venue began its numbering anew and no gap says so. Do not trust the book between the two times; ' +
    "report it with the collector's log of that time.",
  crossed: 'A book cannot be crossed. Do not trust it from there to its next snapshot; report it.',
  wrong_book: 'The deltas do not lead to the snapshot. Do not trust the book before it; report it.',
  conflict: 'Two messages have one id and differ. Find out who else publishes under this prefix.',
  wrong_id: 'The content of the message gives another id. Find out who else publishes under this prefix.',
  broken: 'The message does not follow its schema (docs/messages.md) and was left out. Find out who wrote it.',
  unread: 'This version cannot read it, so nothing is proven. Audit with the version that wrote it.',
} as const
export type FindingKind = keyof typeof FINDINGS

export interface Finding {
  readonly kind: FindingKind
  readonly subject: string
  /** Of klines. */
  readonly interval?: string
  /** Between which times, µs; absent where what is wrong has no time. */
  readonly from?: number
  readonly to?: number
  readonly text: string
}

/** By what it can be seen that something of a channel is missing. */
export const PROOFS = {
  numbers: 'each message has a number that follows the one before',
  sequence: 'each delta leads from one sequence to the next',
  periods: 'there is one message a period',
  candles: 'each candle begins where the one before ended',
  pushes: 'each candle that had a push has its final one; without trades there may be none',
  none: 'nothing tells: only what is out of order, doubled or wrong is seen, and the gaps that were announced',
} as const
export type Proof = keyof typeof PROOFS

export interface ChannelReport {
  readonly subject: string
  /** Of klines; the period of ratios. */
  readonly interval?: string
  readonly continuity: Proof
  readonly messages: number
  /** Times of the first and the last message, the venue's where it sends one, µs; absent without a message. */
  readonly first?: number
  readonly last?: number
  /** Messages that are not as their schema says, and those of a version that is not known here. */
  readonly broken: number
  readonly unread: number
  /** The same id again. */
  readonly duplicates: number
  /** Out of order, but there. */
  readonly late: number
  /** Fetched by REST after they were missed. */
  readonly filled: number
  /** That failed a check of their publisher. */
  readonly flagged: number
  /** What is missing: trades, steps of a book's chain, candles or periods; `announced` where a gap says so. */
  readonly missing: { readonly announced: number; readonly unannounced: number }
  /** Gap messages about this channel, by reason. */
  readonly gaps: Readonly<Partial<Record<GapReason, number>>>
  readonly book?: {
    readonly snapshots: number
    readonly deltas: number
    /** How often a consumer's book stopped to be in sync. */
    readonly breaks: number
    /** Share of the time in which it was, 0 to 1. */
    readonly inSync: number
  }
  /**
   * Candles begun, those that are complete, and those in between that are not: where `continuity` is `none` the venue may
   * have sent nothing in that time.
   */
  readonly candles?: { readonly begun: number; readonly closed: number; readonly unseen: number }
}

export interface Report {
  /** True when nothing is wrong: what is missing, if anything, is announced, as far as `continuity` can tell. */
  readonly whole: boolean
  readonly messages: number
  readonly channels: readonly ChannelReport[]
  /** Of one kind and channel the first are listed. */
  readonly findings: readonly Finding[]
  readonly findingsMore: number
  /** What is not wrong but good to know, each a sentence. */
  readonly notes: readonly string[]
}
