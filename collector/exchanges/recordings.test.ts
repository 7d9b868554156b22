import { describe, expect, test } from 'vitest'
import { Intake } from '../../test/support/intake.ts'
import { MISSING_RECORDINGS, playSession, type Session, sessionOf } from '../../test/support/recorded.ts'
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
