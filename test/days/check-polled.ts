// What is asked by REST: every row of an answer that is new is published, or repeats, or lies in a gap; where rows come
// one a period, none is left out without a gap.
import type { PERIODS } from '../../crds/feed.ts'
import { type ChannelDay, isAnnounced } from './channel.ts'
import type { Seen } from './check.ts'
import { checkHeard, checkOrigin } from './check-pushed.ts'
import type { Day } from './day.ts'
import type { Heard, Meanings } from './meanings.ts'
import type { Wished } from './plan.ts'

const MINUTES: Readonly<Record<string, number>> = { '5m': 5, '15m': 15, '30m': 30, '1h': 60 } satisfies Partial<
  Record<(typeof PERIODS)[number], number>
>

export function checkPolled(
  day: Day,
  meanings: Meanings,
  channel: ChannelDay,
  say: (text: string) => void,
  seen: Seen,
): void {
  seen.polled += channel.published.length
  const heard = meanings.heard(channel.name)
  checkOrigin(channel, heard, say)
  checkHeard(day, meanings, channel, say, seen)
  checkPeriods(channel, say)
  checkTurns(day, heard, channel, say)
}

/** So many turns without an answer are more than one that was late. */
const TURNS = 2.2

/** Where no answer came for some turns, a gap says so; where rows are of a period the rows tell. */
function checkTurns(
  day: Day,
  heard: readonly Heard[],
  { wish, published, gaps }: ChannelDay,
  say: (text: string) => void,
): void {
  const { type, options, listing } = wish.wanted
  const typeRoom = wish.room.types[type]
  if (typeRoom?.via !== 'rest' || options.period !== undefined) return
  const everyMs = typeRoom.everyMs(options, listing)
  const since = (published[0]?.message.received ?? Infinity) / 1000
  const times = heard.map(({ at }) => at).filter((at) => at >= since - everyMs)
  times.forEach((at, i) => {
    const before = times[i - 1] ?? at
    if (at - before <= TURNS * everyMs) return
    const middle = ((at + before) / 2) * 1000
    const slack = (everyMs + day.skewMax) * 1000
    if (!isAnnounced(gaps, middle, middle, slack) && isUnanswered(day, wish, before, at))
      say(`no answer between ${before} and ${at}, and no gap`)
  })
}

function checkPeriods({ wish, published, gaps }: ChannelDay, say: (text: string) => void): void {
  const minutes = MINUTES[wish.wanted.options.period ?? '']
  if (minutes === undefined) return
  const lengthUs = minutes * 60_000_000
  const times = published.map(({ message: m }) => m.ts ?? 0)
  times.forEach((time, i) => {
    const before = times[i - 1]
    if (before === undefined || time - before <= lengthUs) return
    if (!isAnnounced(gaps, before, time, 0)) say(`nothing between ${before} and ${time}, and no gap`)
  })
}

/** Whether it was asked more than once meanwhile: else it waited for its turn, and is asked less often. */
function isUnanswered(day: Day, { query, room }: Wished, from: number, to: number): boolean {
  const asked = day.accounts.flatMap(({ questions }) => questions)
  const own = asked.filter(({ market, path, at }) => market === room.market && path === query && at > from && at < to)
  return own.length > 1
}
