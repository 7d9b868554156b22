// Trades: each true one since the first that was published, once by its id, or inside a gap that says so.
import { compareDecimals } from '../../collector/book/consumer.ts'
import type { Gap, Trade } from '../../collector/market/messages.ts'
import type { Host } from '../exchange/host.ts'
import type { TrueTrade } from '../exchange/venue.ts'
import type { ChannelDay } from './channel.ts'
import type { Seen } from './check.ts'
import { type Day, LAST_MS } from './day.ts'

export function checkTrades(day: Day, channel: ChannelDay, say: (text: string) => void, seen: Seen): void {
  const { room, wanted } = channel.wish
  const truth = (day.hosts.get(room.market) as Host).venue.truth.trades(wanted.listing.venueSymbol)
  const published = new Map<number, Trade>()
  for (const m of channel.all) {
    if (m.type !== 'trade') continue
    published.set(numberOf(m), m)
    seen.trades += 1
    if (m.filled === true) seen.filled += 1
  }
  const known = new Map(truth.map((trade) => [trade.id, trade]))
  for (const [id, m] of published) {
    const trade = known.get(id)
    if (trade === undefined) say(`trade ${id} never was`)
    else if (!isSame(m, trade)) say(`trade ${JSON.stringify(m)} was truly ${JSON.stringify(trade)}`)
  }
  for (const gap of channel.gaps) checkGap(gap, published, say)
  const first = truth.findIndex(({ id }) => published.has(id))
  const last = Math.max(...published.keys())
  for (const trade of truth.slice(first)) {
    if (published.has(trade.id) || trade.time > day.end - LAST_MS) continue
    // Before something comes behind them nobody knows of them.
    if (trade.id > last && trade.time < day.liveFrom) continue
    if (channel.gaps.some((gap) => lies(trade, gap))) seen.announced += 1
    else say(`trade ${trade.id} is missing without a gap`)
  }
}

/** What a gap says is missing was not published, and it counts what lies between its ends. */
function checkGap(gap: Gap, published: ReadonlyMap<number, Trade>, say: (text: string) => void): void {
  const [after, before] = endsOf(gap)
  if (Number.isNaN(after) || Number.isNaN(before)) return
  // Numbering began anew: nothing lies between.
  if (before <= after) return
  if (gap.missing !== undefined && gap.missing !== before - after - 1) {
    say(`the gap ${JSON.stringify(gap)} does not count what lies between its ends`)
  }
  for (const id of published.keys()) {
    if (after < id && id < before && !isOpen(id, gap))
      say(`trade ${id} is said to be missing (${gap.reason}) and was published`)
  }
}

/** Whether it says that this trade may yet come. */
function isOpen(id: number, { pending }: Gap): boolean {
  return pending !== undefined && pending.after < id && id < pending.before
}

function endsOf(gap: Gap): [number, number] {
  return [Number(gap.after_seq ?? gap.after_id), Number(gap.before_seq ?? gap.before_id)]
}

/** The number of a trade that rises by one. */
function numberOf({ id, seq }: Trade): number {
  return seq ?? Number(id)
}

function isSame({ price, size, raw_size: raw = size, side }: Trade, trade: TrueTrade): boolean {
  return compareDecimals(price, trade.price) === 0 && compareDecimals(raw, trade.size) === 0 && side === trade.side
}

function lies({ id, time }: TrueTrade, gap: Gap): boolean {
  const [after, before] = endsOf(gap)
  if (!Number.isNaN(after) && !Number.isNaN(before)) return after < id && id < before
  return gap.from <= time * 1000 && time * 1000 <= gap.to
}
