// Where two readings of the same frame differ, and whether the reason is known.
import type { RecordedFrame } from './recordings.ts'

/** One event, brought to words that can be compared: numbers as the shortest text of their value, times in µs. */
export interface Facts {
  readonly type: string
  readonly fields: Readonly<Record<string, string>>
}

/** What the venue sent, for the rules to look at. */
export interface Source extends Pick<RecordedFrame, 'market' | 'stream' | 'received'> {
  /** `data` of the frame. */
  readonly frame: RecordedFrame['data']
  /** That of the frame before of the same stream and instrument. */
  readonly before: RecordedFrame['data'] | undefined
  /** Levels that the frame removes from a book that has none there: `bids 64000.1`. */
  readonly unheld: ReadonlySet<string>
}

/** Both readings of one frame; undefined where nothing came of it. */
export interface Pair {
  readonly source: Source
  readonly ours: Facts | undefined
  readonly theirs: Facts | undefined
}

export interface Difference {
  readonly source: Source
  readonly type: string
  /** `message` where only one of the two made one. */
  readonly field: string
  readonly ours: string | undefined
  readonly theirs: string | undefined
}

/** A reason that is known, and when it is the one. */
export interface Rule {
  readonly reason: string
  readonly explains: (difference: Difference) => boolean
}

export interface Agreement {
  readonly frames: number
  /** Frames without a difference. */
  readonly agree: number
  /** Frames without a difference that no rule explains. */
  readonly explained: number
  /** How many frames differ for each reason; one frame may have several. */
  readonly reasons: Readonly<Record<string, number>>
  /** The first few differences without a reason. */
  readonly unexplained: readonly Difference[]
}

const UNEXPLAINED_MAX = 10

/** Fields that theirs has are compared; what they leave out is no difference. */
export function differences({ source, ours, theirs }: Pair): Difference[] {
  if (ours === undefined && theirs === undefined) return []
  const type = (ours ?? theirs)?.type ?? ''
  if (ours === undefined || theirs === undefined || ours.type !== theirs.type) {
    return [{ source, type, field: 'message', ours: ours?.type, theirs: theirs?.type }]
  }
  return Object.entries(theirs.fields)
    .filter(([field, value]) => ours.fields[field] !== value)
    .map(([field, value]) => ({ source, type, field, ours: ours.fields[field], theirs: value }))
}

export function agreement(pairs: readonly Pair[], rules: readonly Rule[]): Agreement {
  const reasons: Record<string, number> = {}
  const unexplained: Difference[] = []
  let agree = 0
  let explained = 0
  for (const pair of pairs) {
    const found = differences(pair)
    const known = found.map((difference) => rules.find((rule) => rule.explains(difference))?.reason)
    for (const reason of new Set(known)) if (reason !== undefined) reasons[reason] = (reasons[reason] ?? 0) + 1
    if (found.length === 0) agree += 1
    if (!known.includes(undefined)) explained += 1
    unexplained.push(...found.filter((_, i) => known[i] === undefined).slice(0, UNEXPLAINED_MAX - unexplained.length))
  }
  return { frames: pairs.length, agree, explained, reasons, unexplained }
}
