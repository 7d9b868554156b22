// What a message says, ours or a peer's, in words that can be compared. Sizes are in the venue's own unit, which is what
// the peers give: of contracts, ours is the raw figure.
import type { Message, OrderBook } from '../../collector/market/messages.ts'
import type { Facts } from './differences.ts'
import type { CryptofeedEvent } from './peers/cryptofeed.ts'
import type { TardisEvent } from './peers/tardis.ts'
import type { RecordedFrame } from './recordings.ts'

/** How a decimal is compared. */
export type Decimal = (digits: unknown) => string
export type Level = readonly [price: string, size: string, raw?: string | undefined]

/** Fields whose value is undefined or null are left out: the side has nothing to say about them. */
export function facts(type: string, fields: Readonly<Record<string, unknown>>): Facts {
  const said = Object.entries(fields).filter(([, value]) => value !== undefined && value !== null)
  return { type, fields: Object.fromEntries(said.map(([field, value]) => [field, String(value)])) }
}

/** A size of zero removes the level, however it is written. */
export function levels(rows: unknown, decimal: Decimal): string {
  return (rows as readonly Level[])
    .map(([price, size, raw = size]) => `${decimal(price)}:${Number(raw) === 0 ? 0 : decimal(raw)}`)
    .join(' ')
}

/** All of a side, best first. */
function whole(rows: readonly Level[], sign: 1 | -1, decimal: Decimal): string {
  return levels(
    rows.toSorted(([a], [b]) => sign * (Number(b) - Number(a))),
    decimal,
  )
}

function maybe(decimal: Decimal, digits: string | undefined): string | undefined {
  return digits === undefined ? undefined : decimal(digits)
}

export function ourFacts(m: Message, frame: RecordedFrame['data'], decimal: Decimal): Facts {
  switch (m.type) {
    case 'trade':
      return facts('trade', {
        ...{ id: m.id, price: decimal(m.price), size: decimal(m.raw_size ?? m.size), side: m.side, time: m.ts },
      })
    case 'ticker':
      return facts('ticker', {
        bid: maybe(decimal, m.bid),
        bidSize: maybe(decimal, m.raw_bid_size ?? m.bid_size),
        ask: maybe(decimal, m.ask),
        askSize: maybe(decimal, m.raw_ask_size ?? m.ask_size),
        time: m.ts,
      })
    case 'orderbook':
      return bookFacts(m, frame, decimal)
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

function bookFacts(m: OrderBook, frame: RecordedFrame['data'], decimal: Decimal): Facts {
  if (m.kind === 'delta') {
    return facts('orderbook', {
      ...{ id: m.seq, bids: levels(m.bids, decimal), asks: levels(m.asks, decimal), time: m.ts },
    })
  }
  // The update that joins a book to its snapshot from REST.
  if ('U' in frame) return facts(shows(m, frame) ? 'snapshot' : 'snapshot without its update', {})
  return facts('snapshot', {
    ...{ id: m.seq, bids: whole(m.bids, 1, decimal), asks: whole(m.asks, -1, decimal), time: m.ts },
  })
}

/** Whether a snapshot shows what the update in the frame has changed. */
function shows({ bids, asks }: OrderBook, frame: RecordedFrame['data']): boolean {
  const sides = [
    [bids, frame['b']],
    [asks, frame['a']],
  ] as [readonly Level[], readonly Level[]][]
  return sides.every(([book, changes]) => {
    const sizes = new Map(book.map(([price, size]) => [price, size]))
    return changes.every(([price, size]) => sizes.get(price) === (Number(size) === 0 ? undefined : size))
  })
}

export function tardisFacts(event: TardisEvent): Facts {
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
      const rows = (name: string) =>
        (event[name] as { price: number; amount: number }[]).map((l): Level => [String(l.price), String(l.amount)])
      return sides(event['isSnapshot'] === true, rows('bids'), rows('asks'), { time })
    }
    default:
      throw new Error(`agree: tardis-dev made a ${event.type}`)
  }
}

export function cryptofeedFacts(event: CryptofeedEvent): Facts {
  const time = event['ts']
  switch (event.type) {
    case 'trade':
      return facts('trade', {
        id: event['id'],
        price: event['price'],
        size: event['size'],
        side: event['side'],
        time,
      })
    case 'ticker':
      return facts('ticker', { bid: event['bid'], ask: event['ask'], time })
    case 'orderbook': {
      const [bids, asks] = [event['bids'], event['asks']] as [readonly Level[], readonly Level[]]
      return sides(event['kind'] === 'snapshot', bids, asks, { id: event['seq'], time })
    }
    case 'kline':
      return facts('kline', {
        id: `${String(event['interval'])} ${String(event['open_time'])} ${String(event['close_time'])}`,
        prices: ['open', 'high', 'low', 'close'].map((field) => event[field]).join(' '),
        size: event['volume'],
        count: event['count'],
        closed: event['closed'],
        time,
      })
    default:
      throw new Error(`agree: cryptofeed made a ${event.type}`)
  }
}

/** A peer's book: whole, or what changed. */
function sides(
  isWhole: boolean,
  bids: readonly Level[],
  asks: readonly Level[],
  more: Readonly<Record<string, unknown>>,
): Facts {
  if (!isWhole) return facts('orderbook', { bids: levels(bids, String), asks: levels(asks, String), ...more })
  return facts('snapshot', { bids: whole(bids, 1, String), asks: whole(asks, -1, String), ...more })
}
