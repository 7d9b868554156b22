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

export interface ChannelReport {
  readonly subject: string
  /** Of klines. */
  readonly interval?: string
  readonly messages: number
  /** Times of the first and the last message, the venue's where it sends one, µs; absent without a message. */
  readonly first?: number
  readonly last?: number
  /** Messages that are not as their schema says, and those of a type or version that is not known here. */
  readonly broken: number
  readonly unread: number
  /** The same id again. */
  readonly duplicates: number
  /** Out of order, but there. */
  readonly late: number
  /** Fetched by REST after they were missed. */
  readonly filled: number
  /** What is missing: trades, steps of a book's chain, or candles; `announced` where a gap says so. */
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
  /** Candles begun, and those whose final push is there. */
  readonly candles?: { readonly begun: number; readonly closed: number }
}

export interface Report {
  /** True when nothing is wrong: what is missing, if anything, is announced. */
  readonly whole: boolean
  readonly messages: number
  readonly channels: readonly ChannelReport[]
  /** Of one kind and channel the first are listed. */
  readonly findings: readonly Finding[]
  readonly findingsMore: number
  /** What is not wrong but good to know, each a sentence. */
  readonly notes: readonly string[]
}
