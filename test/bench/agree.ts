// agree.*: do we and the peers read the same out of the recorded frames?
//
// Every frame of both recorded Binance sessions is given to both; what comes out is compared field by field. Decimals
// are compared digit for digit with cryptofeed, and as doubles with tardis-dev, which has nothing finer. A difference
// counts as explained only when a rule below says why, for exactly that field.
import assert from 'node:assert'
import { ConsumerBook } from '../../collector/book/consumer.ts'
import type { Message, OrderBook } from '../../collector/market/messages.ts'
import { agreement, type Agreement, type Difference, type Facts, type Pair, type Rule } from './differences.ts'
import { playRecording } from './ours.ts'
import { startCryptofeed, type CryptofeedEvent, type CryptofeedEvents } from './peers/cryptofeed.ts'
import { asTardisSees, loadTardis, mapFrame, mappers, type TardisEvent } from './peers/tardis.ts'
import { recording, type Recording } from './recordings.ts'
import type { Figure } from './results.ts'

const MARKETS = ['spot', 'perpetual'] as const
/** Levels a side that are compared of a book: further out, we know that the REST snapshot was cut, and say no more. */
const BOOK_DEPTH = 500

type Level = readonly [price: string, size: string]
/** How a decimal is compared. */
type Decimal = (digits: unknown) => string

const TARDIS_RULES: readonly Rule[] = [
  {
    reason: 'tardis-dev maps no candles',
    explains: (d) => d.field === 'message' && d.ours === 'kline' && d.theirs === undefined,
  },
  {
    reason: "spot's bookTicker has no time: tardis-dev puts the time of arrival (in ms), we put none",
    explains: (d) => isTimeless(d) && d.theirs === String(Math.floor(d.source.received / 1000) * 1000),
  },
  {
    reason: 'of the two times of a perpetual, tardis-dev takes that of sending (`E`), we that of the event (`T`)',
    explains: takeOtherTime,
  },
  {
    reason: 'the update that joins a book to its REST snapshot: we publish the book with it, tardis-dev each by itself',
    explains: isJoin,
  },
]

const CRYPTOFEED_RULES: readonly Rule[] = [
  {
    reason: "spot's bookTicker has no time: cryptofeed puts the time of arrival, we put none",
    explains: (d) => isTimeless(d) && d.theirs === String(d.source.received),
  },
  {
    reason: 'of the two times of a perpetual, cryptofeed takes that of sending (`E`), we that of the event (`T`)',
    explains: takeOtherTime,
  },
  {
    reason: 'the update that joins a book to its REST snapshot: we publish the book with it, cryptofeed each by itself',
    explains: isJoin,
  },
]

function isTimeless({ source, type, field, ours }: Difference): boolean {
  return type === 'ticker' && field === 'time' && ours === undefined && !('E' in source.frame)
}

function takeOtherTime({ source, field, ours, theirs }: Difference): boolean {
  const { E, T } = source.frame
  return source.market === 'perpetual' && field === 'time' && ours === `${String(T)}000` && theirs === `${String(E)}000`
}

/** Spot's is the last update that the REST snapshot has already, so they make nothing of it. */
function isJoin({ source, field, ours, theirs }: Difference): boolean {
  return field === 'message' && ours === 'snapshot' && theirs === (source.market === 'spot' ? undefined : 'orderbook')
}

export async function withTardis(): Promise<Record<string, Figure>> {
  const tardis = loadTardis()
  const pairs: Pair[] = []
  for (const market of MARKETS) {
    const session = await recording(market)
    const all = mappers(tardis, session)
    const theirs = session.frames.map(({ bytes, received }) => {
      let facts: Facts | undefined
      mapFrame(all, asTardisSees(bytes), new Date(received / 1000), (event) => (facts = tardisFacts(event)))
      return facts
    })
    pairs.push(...pairUp(session, playRecording(session), theirs, (decimal) => String(Number(decimal))))
  }
  return { 'agree.tardis': figure(agreement(pairs, TARDIS_RULES)) }
}

export async function withCryptofeed(): Promise<Record<string, Figure>> {
  const pairs: Pair[] = []
  const books: Pair[] = []
  for (const market of MARKETS) {
    const session = await recording(market)
    const feed = startCryptofeed(session)
    const { frames, books: theirs } = await feed.events()
    feed.close()
    const ours = playRecording(session)
    const facts = frames.map(([event]) => event && cryptofeedFacts(event))
    pairs.push(...pairUp(session, ours, facts, String))
    books.push(...pairBooks(session, ours.flat(), theirs))
  }
  const { value, detail } = figure(agreement(pairs, CRYPTOFEED_RULES))
  const sameBooks = agreement(books, []).agree
  const told = { ...detail, [`books whose best ${BOOK_DEPTH} levels a side are the same at the end`]: sameBooks }
  // A book that ended differently is a difference without a reason.
  return { 'agree.cryptofeed': { value: value * (sameBooks / books.length), detail: told } }
}

function pairUp(
  session: Recording,
  ours: readonly (readonly Message[])[],
  theirs: readonly (Facts | undefined)[],
  decimal: Decimal,
): Pair[] {
  return session.frames.map(({ bytes, received }, i) => {
    const { data: frame } = JSON.parse(bytes.toString()) as { data: Record<string, unknown> }
    const [message, second] = ours[i] ?? []
    assert(second === undefined, `agree: frame ${i} of ${session.market} made more than one message`)
    return {
      source: { market: session.market, received, frame },
      ours: message && ourFacts(message, frame, decimal),
      theirs: theirs[i],
    }
  })
}

/** Books as a consumer has rebuilt them at the end of the session, and as cryptofeed holds them. */
function pairBooks(session: Recording, ours: readonly Message[], theirs: CryptofeedEvents['books']): Pair[] {
  const books = new Map<string, ConsumerBook>()
  for (const message of ours) {
    if (message.type !== 'orderbook') continue
    const book = books.get(message.symbol) ?? new ConsumerBook()
    books.set(message.symbol, book)
    assert(book.take(message) === 'applied', `agree: a book of ${message.symbol} lost sync`)
  }
  const side = (rows: readonly Level[]) => levels(rows.slice(0, BOOK_DEPTH), String)
  return Object.entries(theirs).map(([symbol, { bids, asks }]) => {
    const book = books.get(symbol.replace(/-PERP$/, ''))
    assert(book !== undefined)
    return {
      source: { market: session.market, received: 0, frame: {} },
      ours: facts('book', { bids: side(book.bids.levels()), asks: side(book.asks.levels()) }),
      theirs: facts('book', { bids: side(bids), asks: side(asks) }),
    }
  })
}

function figure({ frames, agree, explained, reasons, unexplained }: Agreement): Figure {
  for (const difference of unexplained) console.error(`not explained: ${JSON.stringify(difference)}`)
  return {
    value: (100 * explained) / frames,
    detail: { frames, agree, 'differ for a known reason': explained - agree, reasons },
  }
}

/** Fields whose value is undefined are left out: the side has nothing to say about them. */
function facts(type: string, fields: Readonly<Record<string, unknown>>): Facts {
  const said = Object.entries(fields).filter(([, value]) => value !== undefined)
  return { type, fields: Object.fromEntries(said.map(([field, value]) => [field, String(value)])) }
}

function levels(rows: unknown, decimal: Decimal): string {
  return (rows as readonly Level[]).map(([price, size]) => `${decimal(price)}:${decimal(size)}`).join(' ')
}

/** Whether a snapshot shows what the update in the frame has changed. */
function shows({ bids, asks }: OrderBook, frame: Readonly<Record<string, unknown>>): boolean {
  const sides = [
    [bids, frame['b']],
    [asks, frame['a']],
  ] as [readonly Level[], readonly Level[]][]
  return sides.every(([book, changes]) => {
    const sizes = new Map(book)
    return changes.every(([price, size]) => sizes.get(price) === (Number(size) === 0 ? undefined : size))
  })
}

function ourFacts(m: Message, frame: Readonly<Record<string, unknown>>, decimal: Decimal): Facts {
  switch (m.type) {
    case 'trade':
      return facts('trade', { id: m.id, price: decimal(m.price), size: decimal(m.size), side: m.side, time: m.ts })
    case 'ticker':
      return facts('ticker', {
        bid: decimal(m.bid),
        bidSize: decimal(m.bid_size),
        ask: decimal(m.ask),
        askSize: decimal(m.ask_size),
        time: m.ts,
      })
    case 'orderbook':
      if (m.kind === 'snapshot') return facts(shows(m, frame) ? 'snapshot' : 'snapshot without its update', {})
      return facts('orderbook', {
        id: m.seq,
        bids: levels(m.bids, decimal),
        asks: levels(m.asks, decimal),
        time: m.ts,
      })
    case 'kline':
      return facts('kline', {
        id: `${m.interval} ${m.open_time} ${m.close_time}`,
        prices: [m.open, m.high, m.low, m.close].map(decimal).join(' '),
        size: decimal(m.volume),
        count: m.count,
        closed: m.closed,
        time: m.ts,
      })
    default:
      throw new Error(`agree: a ${m.type} message came of a recorded frame`)
  }
}

function tardisFacts(event: TardisEvent): Facts {
  const time = (event['timestamp'] as Date).getTime() * 1000
  switch (event.type) {
    case 'trade':
      return facts('trade', {
        id: event['id'],
        price: event['price'],
        size: event['amount'],
        side: event['side'],
        time,
      })
    case 'book_ticker':
      return facts('ticker', {
        bid: event['bidPrice'],
        bidSize: event['bidAmount'],
        ask: event['askPrice'],
        askSize: event['askAmount'],
        time,
      })
    case 'book_change': {
      const side = (name: string) =>
        (event[name] as { price: number; amount: number }[]).map((l) => [l.price, l.amount])
      return facts('orderbook', { bids: levels(side('bids'), String), asks: levels(side('asks'), String), time })
    }
    default:
      throw new Error(`agree: tardis-dev made a ${event.type}`)
  }
}

function cryptofeedFacts(event: CryptofeedEvent): Facts {
  switch (event.type) {
    case 'trade':
      return facts('trade', {
        id: event['id'],
        price: event['price'],
        size: event['size'],
        side: event['side'],
        time: event['ts'],
      })
    case 'ticker':
      return facts('ticker', { bid: event['bid'], ask: event['ask'], time: event['ts'] })
    case 'orderbook':
      return facts('orderbook', {
        id: event['seq'],
        bids: levels(event['bids'], String),
        asks: levels(event['asks'], String),
        time: event['ts'],
      })
    case 'kline':
      return facts('kline', {
        id: `${String(event['interval'])} ${String(event['open_time'])} ${String(event['close_time'])}`,
        prices: ['open', 'high', 'low', 'close'].map((field) => event[field]).join(' '),
        size: event['volume'],
        count: event['count'],
        closed: event['closed'],
        time: event['ts'],
      })
    default:
      throw new Error(`agree: cryptofeed made a ${event.type}`)
  }
}
