// What is pushed and not numbered: tickers, candles, funding, interest, liquidations, volatility. What reached the
// collector is published, or repeats, or lies in a gap; what was said while no socket was open lies in a gap.
import type { Message } from '../../collector/market/messages.ts'
import { type ChannelDay, isAnnounced } from './channel.ts'
import type { Seen } from './check.ts'
import { type Day, LAST_MS, START_MS } from './day.ts'
import { ASKING_MS, carries, type Heard, type Meanings, type Told } from './meanings.ts'
import type { Meant } from './reference.ts'

const BEHIND_US = 5_000_000

export function checkPushed(
  day: Day,
  meanings: Meanings,
  channel: ChannelDay,
  say: (text: string) => void,
  seen: Seen,
): void {
  const heard = meanings.heard(channel.name)
  seen.pushed += channel.published.length
  checkOrigin(channel, [...heard, ...meanings.perhaps(channel.name)], say)
  checkHeard(day, meanings, channel, say, seen)
  checkTold(day, meanings, channel, say, seen)
}

/** Whatever was published was said, and so. */
export function checkOrigin(channel: ChannelDay, heard: readonly Meant[], say: (text: string) => void): void {
  const contents = new Map<string, Set<string>>()
  for (const { id, content } of heard) {
    const known = contents.get(id)
    if (known === undefined) contents.set(id, new Set([content]))
    else known.add(content)
  }
  for (const { id, content } of channel.published) {
    if (contents.get(id)?.has(content) !== true) say(`${content} was never said`)
  }
}

/** Whatever arrived whole since the first message is published, or repeats what was, or is announced. */
export function checkHeard(
  day: Day,
  meanings: Meanings,
  channel: ChannelDay,
  say: (text: string) => void,
  seen: Seen,
): void {
  const heard = meanings.heard(channel.name)
  const ids = new Set(channel.published.map(({ id }) => id))
  const repeats = new Repeats(channel)
  const sparse = sparseEvents(channel)
  const first = heard.findIndex(({ id }) => ids.has(id))
  for (const one of heard.slice(Math.max(0, first))) {
    if (ids.has(one.id)) repeats.published(one)
    else if (one.at < day.end - LAST_MS && !repeats.has(one)) {
      const time = timeOf(one)
      const slack = day.skewMax * 1000
      if (
        isAnnounced(channel.gaps, time, time, slack) ||
        isNext(channel, one) ||
        (sparse !== undefined && isRetold(day, meanings, one, sparse))
      ) {
        seen.announced += 1
      } else say(`${one.content} arrived at ${one.at} and is missing`)
    }
  }
}

/** Whether a gap is what comes next: where the venue changes the order, what was lost may be later than what ends it. */
function isNext({ all }: ChannelDay, { at }: Heard): boolean {
  return all.find(({ received }) => received >= Math.floor(at * 1000))?.type === 'gap'
}

/**
 * Told a second time: of what was lost in silence nobody knows, and a new process takes old ones for known. A venue whose
 * clock was set tells old ones with other times. What happened before the day began is nobody's.
 */
function isRetold(day: Day, meanings: Meanings, one: Told, events: ReadonlySet<string>): boolean {
  return (
    (one.message.ts ?? 0) < START_MS * 1000 ||
    meanings.isLost(one) ||
    (day.skewMax > 0 && events.has(eventOf(one.message)))
  )
}

/** What was published of a channel that says something only when it happens; undefined of another. */
function sparseEvents({ wish: { room, wanted }, published }: ChannelDay): ReadonlySet<string> | undefined {
  if (room.types[wanted.type]?.sparse !== true) return undefined
  return new Set(published.map(({ message }) => eventOf(message)))
}

function eventOf({ ts: _, received: __, published: ___, ...m }: Message): string {
  return JSON.stringify([m.type, 'side' in m && m.side, 'price' in m && m.price, 'size' in m && m.size])
}

/** What of a message must differ from the one before where only changes are published. */
function saidBy(m: Message): string {
  switch (m.type) {
    case 'ticker':
      return [m.bid, m.raw_bid_size ?? m.bid_size, m.ask, m.raw_ask_size ?? m.ask_size].join(' ')
    case 'funding_rate':
      return [m.rate, m.funding_time].join(' ')
    case 'open_interest':
      return m.raw_open_interest ?? m.open_interest
    case 'kline':
      return [m.open_time, m.high, m.low, m.close, m.volume, m.closed].join(' ')
    default:
      return m.type
  }
}

/** Knows what need not be published. */
class Repeats {
  readonly #onlyChanges: boolean
  readonly #isSparse: boolean
  #last: Heard | undefined
  /** Of the latest time: where the venue sends an older one after it, whoever goes by `ts` holds this one. */
  #latest: Heard | undefined

  constructor({ wish }: ChannelDay) {
    const typeRoom = wish.room.types[wish.wanted.type]
    this.#onlyChanges = typeRoom?.onChange !== undefined
    this.#isSparse = typeRoom?.sparse === true
  }

  published(one: Heard): void {
    this.#last = one
    if (this.#latest === undefined || !isAfter(this.#latest, one)) this.#latest = one
  }

  has(one: Heard): boolean {
    const last = this.#last
    if (last === undefined || this.#isSparse) return false
    // One server of a venue may be behind another.
    if (last.line === undefined && timeOf(one) <= timeOf(last) && timeOf(one) > timeOf(last) - BEHIND_US) return true
    const said = saidBy(one.message)
    if (this.#onlyChanges && [last, this.#latest].some((m) => m !== undefined && saidBy(m.message) === said))
      return true
    // Two sockets overlap, and the one is behind the other.
    return last.line !== one.line && last.line !== undefined && !isAfter(one, last)
  }
}

/** Whether the venue says that one is later than another. */
function isAfter(one: Heard, other: Heard): boolean {
  const [a, b] = [one.message, other.message]
  if (a.type === 'ticker' && b.type === 'ticker' && a.seq !== undefined && b.seq !== undefined) return a.seq > b.seq
  return timeOf(one) > timeOf(other)
}

/** When it happened by the venue, else when it arrived, µs. */
function timeOf({ message: m, at }: { readonly message: Message; readonly at: number }): number {
  return m.ts ?? at * 1000
}

/** What the venue said while nobody listened is announced, or told again later. */
function checkTold(day: Day, meanings: Meanings, channel: ChannelDay, say: (text: string) => void, seen: Seen): void {
  const { room, stream } = channel.wish
  const lines = day.accounts.flatMap(({ lines: all }) => all).filter(({ market }) => market === room.market)
  const ids = new Set(channel.published.map(({ id }) => id))
  const sparse = sparseEvents(channel)
  const from = (channel.published[0]?.message.received ?? Infinity) / 1000
  for (const one of meanings.told(channel.name)) {
    if (one.at < from || one.at > day.end - LAST_MS || ids.has(one.id)) continue
    if (lines.some((line) => carries(line, stream?.path ?? '', one.at))) continue
    const time = timeOf(one)
    if (sparse !== undefined && isRetold(day, meanings, one, sparse)) continue
    if (isAnnounced(channel.gaps, time, time, (ASKING_MS + 2 * day.skewMax) * 1000)) seen.announced += 1
    else say(`${one.content} was said at ${one.at}, while no socket was open, and is not announced`)
  }
}
