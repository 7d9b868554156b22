// agree.*: do we and the peers read the same out of the recorded frames?
//
// Every data frame of all recorded sessions is given to both; what comes out is compared field by field. Decimals are
// compared digit for digit with cryptofeed, and as doubles with tardis-dev, which has nothing finer. A difference counts
// as explained only when a rule says why, for exactly that field.
import assert from 'node:assert'
import { ConsumerBook } from '../../collector/book/consumer.ts'
import type { Message, OrderBook } from '../../collector/market/messages.ts'
import { agreement, type Agreement, type Facts, type Pair } from './differences.ts'
import { cryptofeedFacts, facts, levels, ourFacts, tardisFacts, type Decimal, type Level } from './facts.ts'
import { playRecording } from './ours.ts'
import { startCryptofeed, type CryptofeedEvent, type CryptofeedEvents } from './peers/cryptofeed.ts'
import { asTardisSees, loadTardis, mapFrame, mappers } from './peers/tardis.ts'
import { recordedSessions, type RecordedFrame, type Recording } from './recordings.ts'
import type { Figure } from './results.ts'
import { CRYPTOFEED_RULES, TARDIS_RULES } from './rules.ts'

/** Levels a side that are compared of a book: further out, we know that the REST snapshot was cut, and say no more. */
const BOOK_DEPTH = 500

export async function withTardis(): Promise<Record<string, Figure>> {
  const tardis = loadTardis()
  const recordings = (await recordedSessions()).flatMap(({ recordings }) => recordings)
  const pairs = recordings.flatMap((recording) => {
    const all = mappers(tardis, recording)
    const theirs = recording.frames.map((frame) => {
      let facts: Facts | undefined
      const received = new Date(frame.received / 1000)
      mapFrame(all, asTardisSees(recording, frame), received, (event) => (facts = tardisFacts(event)))
      return facts
    })
    return pairUp(recording, playRecording(recording), theirs, (decimal) => String(Number(decimal)))
  })
  return { 'agree.tardis': figure(agreement(pairs, TARDIS_RULES)) }
}

export async function withCryptofeed(): Promise<Record<string, Figure>> {
  const pairs: Pair[] = []
  const books: Pair[] = []
  for (const session of await recordedSessions()) {
    const feed = startCryptofeed(session)
    const { frames, books: theirs } = await feed.events()
    feed.close()
    assert(frames.length === session.frames.length, `agree: cryptofeed has other frames of ${session.name}`)
    const events = new Map(session.frames.map((frame, i) => [frame, frames[i]?.[0]]))
    for (const recording of session.recordings) {
      const ours = playRecording(recording)
      pairs.push(...pairUp(recording, ours, theirFacts(recording, events), String))
      books.push(...pairBooks(recording, ours.flat(), theirs))
    }
  }
  const { value, detail } = figure(agreement(pairs, CRYPTOFEED_RULES))
  const same = agreement(books, [])
  show(same)
  const told = { ...detail, [`books whose best ${BOOK_DEPTH} levels a side are the same at the end`]: same.agree }
  // A book that ended differently is a difference without a reason.
  return { 'agree.cryptofeed': { value: value * (same.agree / books.length), detail: told } }
}

function theirFacts(
  { frames }: Recording,
  events: ReadonlyMap<RecordedFrame, CryptofeedEvent | undefined>,
): (Facts | undefined)[] {
  return frames.map((frame) => {
    const event = events.get(frame)
    return event && cryptofeedFacts(event)
  })
}

function pairUp(
  { frames, market }: Recording,
  ours: readonly (readonly Message[])[],
  theirs: readonly (Facts | undefined)[],
  decimal: Decimal,
): Pair[] {
  const before = new Map<string, RecordedFrame['data']>()
  const held = new Map<string, Held>()
  return frames.map(({ received, stream, listing, data }, i) => {
    const [message, second] = ours[i] ?? []
    assert(second === undefined, `agree: frame ${i} of ${market} made more than one message`)
    const name = `${stream} ${listing.venueSymbol}`
    const source = { market, stream, received, frame: data, before: before.get(name), unheld: new Set<string>() }
    before.set(name, data)
    if (message?.type === 'orderbook') {
      const book = held.get(message.symbol) ?? { bids: new Set(), asks: new Set() }
      held.set(message.symbol, book)
      for (const level of take(book, message)) source.unheld.add(level)
    }
    return { source, ours: message && ourFacts(message, data, decimal), theirs: theirs[i] }
  })
}

/** Prices of a book. */
type Held = Readonly<Record<'bids' | 'asks', Set<string>>>

/** Takes a message; returns what it removes and is not there. */
function take(book: Held, message: OrderBook): string[] {
  return (['bids', 'asks'] as const).flatMap((side) => {
    if (message.kind === 'snapshot') book[side].clear()
    return message[side].flatMap(([price, size]) => {
      if (Number(size) !== 0) book[side].add(price)
      else if (!book[side].delete(price)) return [`${side} ${price}`]
      return []
    })
  })
}

/** Books as a consumer has rebuilt them at the end of the session, and as cryptofeed holds them. */
function pairBooks(
  { market, listings }: Recording,
  ours: readonly Message[],
  theirs: CryptofeedEvents['books'],
): Pair[] {
  const books = new Map<string, ConsumerBook>()
  for (const message of ours) {
    if (message.type !== 'orderbook') continue
    const book = books.get(message.symbol) ?? new ConsumerBook()
    books.set(message.symbol, book)
    assert(book.take(message) === 'applied', `agree: a book of ${message.symbol} lost sync`)
  }
  const side = (rows: readonly Level[]) => levels(rows.slice(0, BOOK_DEPTH), String)
  return listings.map(({ symbol, venueSymbol }) => {
    const [book, their] = [books.get(symbol), theirs[venueSymbol]]
    assert(book !== undefined && their !== undefined, `agree: no book of ${symbol}`)
    return {
      source: { market, stream: 'book', received: 0, frame: {}, before: undefined, unheld: new Set<string>() },
      ours: facts('book', { bids: side(book.bids.levels()), asks: side(book.asks.levels()) }),
      theirs: facts('book', { bids: side(their.bids), asks: side(their.asks) }),
    }
  })
}

function figure(agreed: Agreement): Figure {
  show(agreed)
  const { frames, agree, explained, reasons } = agreed
  return {
    value: (100 * explained) / frames,
    detail: { frames, agree, 'differ for a known reason': explained - agree, reasons },
  }
}

function show({ unexplained }: Agreement): void {
  for (const { source, ...difference } of unexplained) {
    const { unheld: _, ...seen } = source
    console.error(`not explained: ${JSON.stringify({ ...difference, source: seen })}`)
  }
}
