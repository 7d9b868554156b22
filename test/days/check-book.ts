// Books: whoever follows what is published by the consumer's rule never holds a wrong book while in sync, is never left
// behind without a gap, and is in sync at the end.
import { ConsumerBook } from '../../collector/book/consumer.ts'
import type { OrderBook } from '../../collector/market/messages.ts'
import type { Host } from '../exchange/host.ts'
import type { TrueBook } from '../exchange/venue.ts'
import { differenceOf } from '../support/differ.ts'
import type { ChannelDay } from './channel.ts'
import type { Seen } from './check.ts'
import type { Day } from './day.ts'

/** Besides snapshots and what follows a gap, one in so many is compared. */
const COMPARED_EVERY = 5

export function checkBook(day: Day, channel: ChannelDay, say: (text: string) => void, seen: Seen): void {
  const { room, wanted } = channel.wish
  const { truth } = (day.hosts.get(room.market) as Host).venue
  const symbol = wanted.listing.venueSymbol
  const consumer = new ConsumerBook()
  let known: Pick<OrderBook, 'bids' | 'asks'> = { bids: [], asks: [] }
  let hasGap = true
  let compared = 0
  for (const m of channel.all) {
    if (m.type === 'gap') {
      hasGap = true
      continue
    }
    if (m.type !== 'orderbook') continue
    const wasInSync = consumer.inSync
    const taken = consumer.take(m)
    seen.books += 1
    // Known: where the venue's clock is set back, consumers wait until it is where it was; see ConsumerRule.
    if (taken === 'dropped' && m.seq > (consumer.last ?? 0)) hasGap = true
    if (taken === 'applied' && m.kind === 'snapshot') known = m
    if (wasInSync && !consumer.inSync && !hasGap)
      say(`without a gap ${m.prev_seq}..${m.seq} does not follow ${consumer.last}`)
    if (consumer.inSync && (m.kind === 'snapshot' || hasGap || compared++ % COMPARED_EVERY === 0)) {
      compare(consumer, known, truth.bookAt(symbol, consumer.last as number), say)
    }
    if (taken === 'applied') hasGap = false
  }
  if (!consumer.inSync) return say('not in sync at the end')
  compare(consumer, known, truth.bookAt(symbol, consumer.last as number), say)
  const settled = day.settledSeqs.get(`${room.market} ${symbol}`) ?? 0
  // Some changes nobody is told of: what came and went, and sides that nobody quotes on.
  if ((consumer.last as number) < settled) compare(consumer, known, truth.bookAt(symbol, settled), say)
}

type Known = Pick<OrderBook, 'bids' | 'asks'>

function compare(consumer: ConsumerBook, known: Known, truth: TrueBook | undefined, say: (text: string) => void): void {
  const where = `the book at ${consumer.last}`
  if (truth === undefined) return say(`${where}: the venue had no such book`)
  const wrong =
    differenceOf(consumer.bids.levels(), truth.bids, known.bids, 1) ??
    differenceOf(consumer.asks.levels(), truth.asks, known.asks, -1)
  if (wrong !== undefined) say(`${where}: ${wrong}`)
}
