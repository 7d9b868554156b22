// What is asked by REST: every row of an answer that is new is published, or repeats, or lies in a gap; where rows come
// one a period, none is left out without a gap.
import { PERIODS } from '../../crds/feed.ts'
import { type ChannelDay, isAnnounced } from './channel.ts'
import type { Seen } from './check.ts'
import { checkHeard, checkOrigin } from './check-pushed.ts'
import type { Day } from './day.ts'
import type { Meanings } from './meanings.ts'

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
