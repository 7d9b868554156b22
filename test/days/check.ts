// What must be true of every day: nothing is missing that is not announced, nothing is there that was not, nobody who
// follows a book believes a wrong one, and when the faults are over everything is live.
import { channelsOf, type ChannelDay } from './channel.ts'
import { checkBook } from './check-book.ts'
import { checkPolled } from './check-polled.ts'
import { checkPushed } from './check-pushed.ts'
import { checkTrades } from './check-trades.ts'
import type { Day } from './day.ts'
import { Meanings } from './meanings.ts'

/** What was looked at: a check that sees nothing proves nothing. */
export interface Seen {
  messages: number
  books: number
  trades: number
  filled: number
  gaps: number
  pushed: number
  polled: number
  /** Elements that lie in gaps. */
  announced: number
}

export function nothingSeen(): Seen {
  return { messages: 0, books: 0, trades: 0, filled: 0, gaps: 0, pushed: 0, polled: 0, announced: 0 }
}

export interface Verdict {
  /** Each a sentence. */
  readonly wrong: readonly string[]
  readonly seen: Seen
}

const WRONG_MAX = 20
/** Their ids are the venue's time alone: a clock that is set back says two things at one. */
const BY_TIME = /"type":"(?:funding_rate|open_interest|volatility_index)"/

export function checkDay(day: Day): Verdict {
  const wrong = [...day.wrong]
  const seen = nothingSeen()
  seen.messages = day.store.messages.length
  // A venue whose clock was set answers with other times than it pushed.
  const told = (content: string) => (day.skewMax > 0 ? content.replace(/,"ts":\d+/u, '') : content)
  const impure = day.store.impure.filter(([a, b]) => told(a) !== told(b) && !(day.skewMax > 0 && BY_TIME.test(a)))
  wrong.push(...impure.map(([a, b]) => `one id, two contents: ${a} or ${b}`))
  const twice = day.skewMax > 0 ? [] : day.store.twice
  wrong.push(...twice.map((id) => `${id} was published twice by one collector`))
  const meanings = new Meanings(day)
  for (const channel of channelsOf(day)) {
    const found: string[] = []
    checkOne(day, meanings, channel, (text) => void found.push(`${channel.name}: ${text}`), seen)
    wrong.push(...found.slice(0, WRONG_MAX))
  }
  return { wrong, seen }
}

function checkOne(day: Day, meanings: Meanings, channel: ChannelDay, say: (text: string) => void, seen: Seen): void {
  seen.gaps += channel.gaps.length
  for (const gap of channel.gaps) {
    if (gap.from > gap.to) say(`a gap from ${gap.from} to ${gap.to}`)
    if (gap.from > (day.liveFrom + 2 * day.skewMax) * 1000) say(`a gap although all is calm: ${JSON.stringify(gap)}`)
  }
  if (channel.published.length === 0) {
    const { type } = channel.wish.wanted
    const isSparse = channel.wish.room.types[type]?.sparse === true
    if (!isSparse && (type === 'trade' || meanings.heard(channel.name).length > 0)) say('nothing was published all day')
    return
  }
  if (channel.wish.query !== undefined) return checkPolled(day, meanings, channel, say, seen)
  switch (channel.wish.wanted.type) {
    case 'trade':
      return checkTrades(day, channel, say, seen)
    case 'orderbook':
      return checkBook(day, channel, say, seen)
    default:
      return checkPushed(day, meanings, channel, say, seen)
  }
}
