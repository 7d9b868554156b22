// Where a run of a channel left off, and a later one takes up: from what is stored last, or what this process knows.
import type { Track } from './exchanges/track.ts'
import type { Gap, Message, Trade } from './market/messages.ts'
import type { LeftOpen } from './quality/trades.ts'

/** Where an earlier run left off: number or sequence, where the type has one, and time, µs. */
export interface Resume {
  readonly at?: number
  readonly time: number
  /** Trades: what was still being fetched. */
  readonly open?: LeftOpen
}

/**
 * Where the run left off that stored this message last of a channel.
 * @param gap the last one about the channel: of trades it may have been stored behind the last of them
 */
export function resumeAfter(last: Message | undefined, gap?: Message): Resume | undefined {
  if (last === undefined) return undefined
  const time = last.ts ?? last.received
  if (last.type === 'orderbook') return last.ts === undefined ? undefined : { at: last.seq, time }
  if (last.type !== 'trade') return { time }
  const decided = gap?.type === 'gap' && gap.of === 'trade' ? gap : undefined
  if (last.pending !== undefined) return behind(decided, resumePending(last.pending))
  const at = last.seq ?? Number(last.id)
  return last.ts !== undefined && Number.isSafeInteger(at) ? behind(decided, { at, time }) : undefined
}

/** A trade behind others that were still being fetched, or one of these: the furthest may be another than this. */
function resumePending({ last, ...open }: NonNullable<Trade['pending']>): Resume & { at: number } {
  return { at: last, time: open.to, ...openOf(open) }
}

/** What a gap says is missing for good is not asked for once more, where the trade was not stored that was to follow it. */
function behind(gap: Gap | undefined, resume: Resume & { at: number }): Resume {
  if (gap === undefined) return resume
  const { at, time, open } = resume
  const after = Number(gap.after_seq ?? gap.after_id)
  const before = Number(gap.before_seq ?? gap.before_id)
  // Up to where a run ended in order, with nothing open before it; what it gave up then may be had now.
  if (Number.isNaN(before)) return after >= at ? { at: after, time: Math.max(time, gap.pending?.from ?? 0) } : resume
  // It says itself what before it is open. What is before its end in time as well is no new numbering.
  if (before - 1 > at) return { at: before - 1, time: Math.max(time, gap.to), ...openOf(gap.pending) }
  if (open === undefined || !(open.after <= after && before <= open.before)) return resume
  return { at, time, ...openOf(gap.pending ?? { ...open, after: before - 1 }) }
}

function openOf(open: LeftOpen | undefined): Pick<Resume, 'open'> {
  if (open === undefined || open.before - open.after <= 1) return {}
  const { after, before, from, to } = open
  return { open: { after, before, from, to } }
}

/** Where a channel stands whose track ends, for one that goes on after it. */
export function resumeOf({ position, outlet }: Track): Resume | undefined {
  if (outlet.lastTime === 0) return undefined
  const at = position.last_seq ?? (position.last_id === undefined ? undefined : Number(position.last_id))
  return { time: outlet.lastTime, ...(at === undefined ? {} : { at }) }
}

/** The later of what this process knows and what is stored; of equals what is stored, unless both are the same place. */
export function laterOf(known: Resume | undefined, stored: Resume | undefined): Resume | undefined {
  if (known === undefined || stored === undefined) return known ?? stored
  // What was open there this process has filled or announced since.
  const isSame = known.time === stored.time && known.at === stored.at
  return known.time > stored.time || isSame ? known : stored
}
