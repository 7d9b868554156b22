import { crc32 } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { Intake, type Made } from '../../test/support/intake.ts'
import { MISSING_RECORDINGS, playSession, type Session, sessionOf } from '../../test/support/recorded.ts'
import { ConsumerBook } from '../book/consumer.ts'
import type { Message } from '../market/messages.ts'
import { ROOMS } from './registry.ts'

type Fields = Record<string, unknown>
type Naive = (data: Fields) => Fields

const SESSIONS: readonly (Session & { readonly naive: Readonly<Record<string, Naive>>; readonly wanted: Fields })[] = [
  {
    exchange: 'binance',
    market: 'spot',
    name: 'BINANCE',
    wanted: { frames: 265, silent: 4, snapshots: 4 },
    naive: {
      aggTrade: trade,
      depthUpdate: (d) => ({ ...delta(d), ts: us(d['E']) }),
      bookTicker: ticker,
      kline,
    },
  },
  {
    exchange: 'binance',
    market: 'perpetual',
    name: 'BINANCE_FUTURES',
    wanted: { frames: 1535, silent: 12, snapshots: 4 },
    naive: {
      aggTrade: trade,
      depthUpdate: (d) => ({ ...delta(d), prev_seq: d['pu'], ts: us(d['T']) }),
      bookTicker: (d) => ({ ...ticker(d), ts: us(d['T']) }),
      kline,
    },
  },
]

function us(ms: unknown): number {
  return Number(ms) * 1000
}

function trade(d: Fields): Fields {
  const count = Number(d['l']) - Number(d['f']) + 1
  const ids = { id: String(d['a']), first_id: String(d['f']), last_id: String(d['l']), count }
  return { ...ids, price: d['p'], size: d['q'], side: d['m'] === true ? 'sell' : 'buy', ts: us(d['T']) }
}

function delta(d: Fields): Fields {
  return { kind: 'delta', prev_seq: Number(d['U']) - 1, seq: d['u'], bids: d['b'], asks: d['a'] }
}

function ticker(d: Fields): Fields {
  return { bid: d['b'], bid_size: d['B'], ask: d['a'], ask_size: d['A'], seq: d['u'] }
}

function kline(d: Fields): Fields {
  const k = d['k'] as Fields
  return {
    interval: k['i'],
    open_time: us(k['t']),
    close_time: us(k['T']),
    open: k['o'],
    high: k['h'],
    low: k['l'],
    close: k['c'],
    volume: k['v'],
    quote_volume: k['q'],
    taker_buy_volume: k['V'],
    taker_buy_quote_volume: k['Q'],
    count: k['n'],
    closed: k['x'],
    ts: us(d['E']),
  }
}

const DEPTH = 1000

/** The books of a session by two maps each: deltas from the answer of REST on, those before it kept until it is there. */
class NaiveBooks {
  readonly #waiting = new Map<string, Fields[]>()
  readonly #books = new Map<string, { readonly bids: Map<number, unknown>; readonly asks: Map<number, unknown> }>()

  snapshot(venueSymbol: string, answer: Fields): void {
    this.#books.set(venueSymbol, { bids: new Map(), asks: new Map() })
    this.#apply(venueSymbol, answer['bids'], answer['asks'])
    for (const d of this.#waiting.get(venueSymbol) ?? []) {
      if (Number(d['u']) > Number(answer['lastUpdateId'])) this.#apply(venueSymbol, d['b'], d['a'])
    }
  }

  delta(d: Fields): void {
    const venueSymbol = String(d['s'])
    if (this.#books.has(venueSymbol)) this.#apply(venueSymbol, d['b'], d['a'])
    else this.#waiting.set(venueSymbol, [...(this.#waiting.get(venueSymbol) ?? []), d])
  }

  best(venueSymbol: string): Fields {
    const sorted = (side: 'bids' | 'asks') =>
      [...(this.#books.get(venueSymbol)?.[side] ?? [])].sort(([x], [y]) => x - y).map(([, level]) => level)
    return { bids: sorted('bids').toReversed().slice(0, DEPTH), asks: sorted('asks').slice(0, DEPTH) }
  }

  #apply(venueSymbol: string, bids: unknown, asks: unknown): void {
    for (const [side, levels] of [
      ['bids', bids],
      ['asks', asks],
    ] as const) {
      const known = this.#books.get(venueSymbol)?.[side]
      for (const [price, size] of levels as [string, string][]) {
        if (Number(size) === 0) known?.delete(Number(price))
        else known?.set(Number(price), [price, size])
      }
    }
  }
}

function isSnapshot(message: Message): boolean {
  return message.type === 'orderbook' && message.kind === 'snapshot'
}

function content({
  v: _v,
  type: _t,
  exchange: _e,
  market: _m,
  received: _r,
  published: _p,
  ...rest
}: Message & Fields): Fields {
  return rest
}

const reason = MISSING_RECORDINGS === undefined ? '' : ` (skipped, ${MISSING_RECORDINGS})`

describe.skipIf(MISSING_RECORDINGS)(`a recorded session${reason}`, () => {
  test.each(SESSIONS)(
    'of $exchange $market: every frame says what JSON.parse and a few lines by hand say',
    async ({ naive, wanted, ...session }) => {
      const steps = await playSession(session)
      const books = new NaiveBooks()
      const counts = { frames: 0, silent: 0, snapshots: 0 }
      for (const { item, made } of steps) {
        if (item.kind === 'rest' && item.url.pathname.endsWith('/depth')) {
          books.snapshot(item.url.searchParams.get('symbol') ?? '', JSON.parse(item.body) as Fields)
        }
        if (item.kind === 'frame') {
          const { stream, data } = JSON.parse(item.body) as { stream: string; data: Fields }
          const event = (data['e'] as string | undefined) ?? stream.split('@')[1] ?? ''
          if (event === 'depthUpdate') books.delta(data)
          counts.frames += 1
          // A delta waits for its snapshot, or is older than it; anything else says something at once.
          if (made.length === 0) {
            expect(event).toBe('depthUpdate')
            counts.silent += 1
          }
          const [first] = made.filter(({ message }) => !isSnapshot(message))
          if (first !== undefined) {
            const { symbol, prev_ts: _prevTs, ...fields } = content(first.message)
            expect(String(symbol).replace('-', '')).toBe(data['s'])
            expect(fields).toEqual(naive[event]?.(data))
          }
        }
        for (const { message } of made.filter((one) => isSnapshot(one.message))) {
          const { bids, asks } = content(message)
          expect({ bids, asks }).toEqual(books.best(message.symbol.replace('-', '')))
          counts.snapshots += 1
        }
        expect(made.length).toBeLessThanOrEqual(2)
        expect(made.filter(({ message }) => message.type === 'gap')).toEqual([])
      }
      expect(counts).toEqual(wanted)
    },
  )

  test.each(SESSIONS)('of $exchange $market comes out the same by the general road', async (session) => {
    const spaced = (text: string) => ` ${text.replaceAll('":', '" : ').replaceAll(',"', ' , "')}`
    const [fast, general] = [await playSession(session), await playSession(session, spaced)]
    const texts = (steps: typeof fast) => steps.map(({ made }) => made.map(({ id, text }) => [id, text]))
    expect(texts(general)).toEqual(texts(fast))
    expect(fast.flatMap(({ made }) => made).length).toBeGreaterThan(250)
  })

  test.each(SESSIONS)(
    'of $exchange $market is read by compiled layouts but for the first frames of each form',
    async (session) => {
      const room = ROOMS.find((one) => one.exchange === session.exchange && one.market === session.market)
      if (room === undefined) throw new Error('no room')
      const streams = new Map<string, { type: string; venueSymbol: string }>()
      const bodies = sessionOf(session).flatMap((item) => (item.kind === 'frame' ? [item.body] : []))
      const TYPES: Record<string, string> = {
        aggTrade: 'trade',
        'depth@100ms': 'orderbook',
        bookTicker: 'ticker',
        kline_1m: 'kline',
      }
      for (const body of bodies) {
        const { stream, data } = JSON.parse(body) as { stream: string; data: Fields }
        const type = TYPES[stream.replace(/^[^@]+@/, '')] as string
        streams.set(stream, { type, venueSymbol: data['s'] as string })
      }
      const intake = new Intake(
        room,
        [...streams.values()].map(({ type, venueSymbol }) => ({
          type: type as 'trade',
          symbol: venueSymbol,
          venueSymbol,
          ...(type === 'kline' ? { interval: '1m' } : {}),
        })),
      )
      for (const body of bodies) intake.frame(Buffer.from(body))
      expect(intake.counts.data).toBe(bodies.length)
      for (const type of Object.values(TYPES)) expect(intake.frameOf(type as 'trade').slow, type).toBeLessThanOrEqual(2)
    },
  )
})

/** A venue whose books come by the stream; one market of a session. */
interface Streamed extends Session {
  /** The frame as the venue sends it today, by the name that is collected. */
  readonly today: (text: string) => string
  /** Name of the stream, what it says of a book, and its elements. */
  readonly open: (frame: Fields) => { channel: string; kind: string; data: readonly Fields[] }
  /** What a message says of an element; nothing for types that are not read from this channel. */
  readonly naive: Readonly<Record<string, Naive>>
  /** Changes of a book: price and the venue's own figure. */
  readonly levels: (data: Fields, side: 'bids' | 'asks') => readonly (readonly [string, string])[]
  readonly seq: (data: Fields) => unknown
  /** Messages by type. */
  readonly wanted: Fields
}

const OKX: Omit<Streamed, 'market' | 'wanted'> = {
  exchange: 'okx',
  name: 'OKX',
  today: (text) => text.replace('"channel":"trades"', '"channel":"trades-all"'),
  open: ({ arg, action = '', data = [] }) => ({
    channel: (arg as Fields)['channel'] as string,
    kind: action as string,
    data: data as Fields[],
  }),
  naive: {
    'trades-all': (d) => ({ type: 'trade', id: d['tradeId'], price: d['px'], raw: d['sz'], side: d['side'] }),
    tickers: (d) => ({ type: 'ticker', bid: d['bidPx'], raw_bid: d['bidSz'], ask: d['askPx'], raw_ask: d['askSz'] }),
  },
  levels: (d, side) => (d[side] as string[][]).map(([price = '', size = '']) => [price, size]),
  // Books of 2022 have no number but their time.
  seq: (d) => us(d['ts']),
}

const DERIBIT: Streamed = {
  exchange: 'deribit',
  market: 'option',
  name: 'DERIBIT',
  today: (text) => text.replace('.raw"', '.100ms"'),
  open: ({ params }) => {
    const { channel = '', data } = (params ?? {}) as { channel?: string; data?: Fields }
    const kind = data?.['type'] as string | undefined
    return { channel: channel.split('.')[0] ?? '', kind: kind ?? '', data: data === undefined ? [] : [data] }
  },
  naive: {
    ticker: (d) => ({
      type: 'ticker',
      ...(d['best_bid_price'] === 0 ? {} : { bid: d['best_bid_price'], raw_bid: d['best_bid_amount'] }),
      ...(d['best_ask_price'] === 0 ? {} : { ask: d['best_ask_price'], raw_ask: d['best_ask_amount'] }),
    }),
  },
  levels: (d, side) => (d[side] as [string, number, number][]).map(([, price, size]) => [`${price}`, `${size}`]),
  seq: (d) => d['change_id'],
  wanted: { orderbook: 46, ticker: 43, open_interest: 10 },
}

const STREAMED: readonly Streamed[] = [
  { ...OKX, market: 'spot', wanted: { trade: 69, orderbook: 98, ticker: 25 } },
  { ...OKX, market: 'perpetual', wanted: { trade: 1, orderbook: 93, ticker: 1 } },
  { ...OKX, market: 'future', wanted: { trade: 4, orderbook: 99, ticker: 2 } },
  DERIBIT,
]

/** A book by two maps, with the venue's own figures. */
class NaiveBook {
  readonly #sides = { bids: new Map<number, [string, string]>(), asks: new Map<number, [string, string]>() }

  change(levels: Streamed['levels'], kind: string, d: Fields): void {
    for (const side of ['bids', 'asks'] as const) {
      if (kind === 'snapshot') this.#sides[side].clear()
      for (const [price, size] of levels(d, side)) {
        if (Number(size) === 0) this.#sides[side].delete(Number(price))
        else this.#sides[side].set(Number(price), [price, size])
      }
    }
  }

  side(side: 'bids' | 'asks'): readonly (readonly [string, string])[] {
    const sign = side === 'bids' ? -1 : 1
    return [...this.#sides[side]].sort(([x], [y]) => sign * (x - y)).map(([, level]) => level)
  }

  /** Of the 25 best levels, as OKX makes it. */
  checksum(): number {
    const [bids, asks] = [this.side('bids'), this.side('asks')]
    const parts = Array.from({ length: 25 }, (_, i) => [bids[i], asks[i]]).flat()
    return crc32(parts.flatMap((level) => level ?? []).join(':')) | 0
  }
}

/** What is compared of a trade or ticker, its size as the venue has it. */
function figures(m: Message): Fields {
  if (m.type === 'trade') return { type: m.type, id: m.id, price: m.price, raw: m.raw_size ?? m.size, side: m.side }
  if (m.type !== 'ticker') return { type: m.type }
  const {
    type,
    bid,
    bid_size: bidSize,
    raw_bid_size: rawBid = bidSize,
    ask,
    ask_size: askSize,
    raw_ask_size: rawAsk = askSize,
  } = m
  return {
    type,
    ...(bid === undefined ? {} : { bid, raw_bid: rawBid }),
    ...(ask === undefined ? {} : { ask, raw_ask: rawAsk }),
  }
}

/** Numbers and the digits that stand for them are the same. */
function asTexts(fields: Fields): Fields {
  const number = (value: unknown) => (/^\d+(?:\.\d+)?$/.test(String(value)) ? Number(value) : value)
  return Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, key === 'id' ? value : number(value)]))
}

describe.skipIf(MISSING_RECORDINGS)(`a recorded session whose books come by the stream${reason}`, () => {
  test.each(STREAMED)(
    'of $exchange $market: every frame says what JSON.parse and a few lines by hand say',
    async (session) => {
      const steps = await playSession(session, session.today)
      const books = new Map<string, { naive: NaiveBook; consumer: ConsumerBook }>()
      const made = steps.flatMap((step) => step.made)
      let checksums = 0
      for (const { item, made: own } of steps) {
        if (item.kind !== 'frame') continue
        const { channel, kind, data } = session.open(JSON.parse(session.today(item.body)) as Fields)
        for (const { message: m } of own) {
          const d = data[0] as Fields
          const time = us(d['ts'] ?? d['timestamp'])
          expect(m.ts).toBe(time)
          if (m.type !== 'orderbook') {
            if (m.type !== 'open_interest')
              expect(asTexts(figures(m))).toEqual(asTexts(session.naive[channel]?.(d) ?? {}))
            continue
          }
          const book = books.get(m.symbol) ?? { naive: new NaiveBook(), consumer: new ConsumerBook() }
          books.set(m.symbol, book)
          book.naive.change(session.levels, kind, d)
          expect([m.kind === 'snapshot', m.seq, book.consumer.take(m)]).toEqual([
            kind === 'snapshot',
            session.seq(d),
            'applied',
          ])
          for (const side of ['bids', 'asks'] as const) {
            const got = book.consumer[side].levels().map(([price, size, raw = size]) => [Number(price), Number(raw)])
            expect(got).toEqual(book.naive.side(side).map((level) => level.map(Number)))
          }
          if (d['checksum'] === undefined) continue
          expect(d['checksum']).toBe(book.naive.checksum())
          checksums += 1
        }
      }
      const counts = Object.fromEntries(
        [...Map.groupBy(made, ({ message: m }) => m.type)].map(([type, all]) => [type, all.length]),
      )
      expect(counts).toEqual(session.wanted)
      expect(checksums).toBe(session.exchange === OKX.exchange ? counts['orderbook'] : 0)
    },
  )

  test.each(STREAMED)('of $exchange $market comes out the same by the general road', async (session) => {
    const spaced = (text: string) => ` ${session.today(text).replaceAll('":', '" : ').replaceAll(',"', ' , "')}`
    const texts = (steps: readonly { made: readonly Made[] }[]) =>
      steps.map(({ made }) => made.map(({ id, text }) => [id, text]))
    const [fast, general] = [await playSession(session, session.today), await playSession(session, spaced)]
    expect(texts(general)).toEqual(texts(fast))
  })
})
