// A venue that does not exist, with a type of each kind that the rooms have; for tests of what all venues share.
import { openCombined, protocol } from '../../collector/exchanges/binance/socket.ts'
import type { Listing, PolledType, PushedType, Room } from '../../collector/exchanges/room.ts'
import type { FrameDeclaration } from '../../collector/wire/frame.ts'
import type { DataType } from '../../crds/names.ts'

const MINUTE_MS = 60_000

function declare(type: DataType, more: Pick<FrameDeclaration, 'keys' | 'id' | 'message'>): FrameDeclaration {
  return {
    type,
    evidence: 'made up',
    ...more,
    keys: { s: 'text', ...more.keys },
    expect: { s: '$symbol' },
  }
}

const time = { ts: { time: 't' } } as const

const trade = declare('trade', {
  keys: { n: 'integer', i: 'token', p: 'decimal', q: 'decimal', t: 'time', b: 'boolean' },
  id: [{ id: 'i' }],
  message: {
    id: { id: 'i' },
    price: { decimal: 'p' },
    size: { size: 'q', price: 'p' },
    raw_size: { raw: 'q' },
    seq: { integer: 'n' },
    filled: { ownFlag: 0 },
    ...time,
    side: { choose: 'b', of: { true: 'buy', false: 'sell' } },
  },
})

const fundingRate = declare('funding_rate', {
  keys: { r: 'decimal', f: 'time', t: 'time' },
  id: [{ time: 't' }],
  message: { rate: { decimal: 'r' }, funding_time: { time: 'f', optional: true }, ...time },
})

const kline = declare('kline', {
  keys: { k: 'time', o: 'decimal', h: 'decimal', l: 'decimal', c: 'decimal', v: 'decimal' },
  id: [{ constant: 'interval' }, { time: 'k' }, { digits: 'h' }, { digits: 'l' }, { digits: 'c' }, { digits: 'v' }],
  message: {
    interval: { constant: 'interval' },
    open_time: { time: 'k' },
    open: { decimal: 'o' },
    high: { decimal: 'h' },
    low: { decimal: 'l' },
    close: { decimal: 'c' },
    volume: { decimal: 'v' },
  },
})

const liquidation = declare('liquidation', {
  keys: { p: 'decimal', q: 'decimal', t: 'time', d: { words: ['buy', 'sell'] } },
  id: [{ time: 't' }, { id: 'd' }, { digits: 'p' }, { digits: 'q' }],
  message: {
    price: { decimal: 'p' },
    size: { decimal: 'q' },
    ...time,
    side: { choose: 'd', of: { buy: 'buy', sell: 'sell' } },
  },
})

const volatility = declare('volatility_index', {
  keys: { x: 'decimal', t: 'time' },
  id: [{ time: 't' }],
  message: { value: { decimal: 'x' }, ...time },
})

const openInterest = declare('open_interest', {
  keys: { x: 'decimal', t: 'time' },
  id: [{ time: 't' }],
  message: { open_interest: { decimal: 'x' }, ...time },
})

const ratio = declare('lsr_all_account', {
  keys: { x: 'decimal', t: 'time' },
  id: [{ constant: 'period' }, { time: 't' }],
  message: { period: { constant: 'period' }, ratio: { decimal: 'x' }, ...time },
})

function pushed(name: string): Pick<PushedType, 'via' | 'cadence' | 'stream'> {
  return {
    via: 'websocket',
    cadence: 'now and then',
    stream: ({ venueSymbol, host }, { interval = '' }) => ({
      path: '/stream',
      name: `${venueSymbol}@${name}${interval}`,
      host,
    }),
  }
}

function polled(path: string): Pick<PolledType, 'via' | 'cadence' | 'query' | 'read'> {
  return {
    via: 'rest',
    cadence: 'now and then',
    query: ({ venueSymbol, host }, { period = '' }) => ({
      path: `${path}?symbol=${venueSymbol}&period=${period}`,
      weight: 1,
      host,
    }),
    read: rows,
  }
}

/** Answers are arrays of elements. */
function rows(body: Buffer): Buffer[] | undefined {
  try {
    const value: unknown = JSON.parse(body.toString())
    return Array.isArray(value) ? value.map((row) => Buffer.from(JSON.stringify(row))) : undefined
  } catch {
    return undefined
  }
}

const PERIODS: Readonly<Record<string, number>> = { '5m': 5 * MINUTE_MS, '1h': 60 * MINUTE_MS }

/** One list of instruments for each host: an array of listings in our own form. */
export const madeUp: Room = {
  exchange: 'kraken',
  market: 'perpetual',
  figures: 'base',
  endpoints: { websocket: 'ws://main.test', rest: 'http://main.test' },
  hosts: { other: { websocket: 'ws://other.test', rest: 'http://other.test' } },
  protocol: protocol(10),
  rules: { connections: { max: 300, windowMs: MINUTE_MS }, weight: { max: 40, windowMs: MINUTE_MS } },
  open: openCombined,
  wrapper: { stream: 'value', data: 'value' },
  types: {
    trade: {
      ...pushed('trade'),
      forms: [{ frame: trade }],
      order: { id: 'n', time: 't' },
      history: {
        query: ({ venueSymbol, host }, from) => ({
          path: `/trades?symbol=${venueSymbol}&from=${from}`,
          weight: 1,
          host,
          pageMax: 100,
        }),
        read: rows,
      },
    },
    funding_rate: {
      ...pushed('state'),
      forms: [{ frame: fundingRate }],
      order: { time: 't' },
      onChange: ['r', 'f'],
      shared: true,
    },
    kline: {
      ...pushed('kline'),
      forms: [{ frame: kline }],
      order: {},
      onChange: ['k', 'h', 'l', 'c', 'v'],
      offers: (_listing, { interval }) => interval === '1m' || interval === '1h' || interval === '1d',
    },
    liquidation: { ...pushed('liquidation'), forms: [{ frame: liquidation }], order: { time: 't' }, sparse: true },
    volatility_index: {
      ...pushed('state'),
      forms: [{ frame: volatility }],
      order: { time: 't' },
      shared: true,
      offers: ({ symbol }) => symbol === 'BTC-USD' || symbol === 'ETH-USD',
    },
    open_interest: {
      ...polled('/interest'),
      forms: [{ frame: openInterest }],
      order: { time: 't' },
      everyMs: () => 10_000,
      delayMs: 500,
    },
    lsr_all_account: {
      ...polled('/ratio'),
      forms: [{ frame: ratio }],
      order: { time: 't' },
      everyMs: ({ period = '' }) => PERIODS[period] ?? Number.NaN,
      delayMs: 20_000,
      offers: (_listing, { period = '' }) => period in PERIODS,
    },
  },
  instruments: {
    queries: [
      { path: '/instruments', weight: 1 },
      { path: '/instruments', weight: 1, host: 'other' },
    ],
    read: (body) => {
      const listings = JSON.parse(body.toString()) as Listing[] | null
      return listings === null ? undefined : { listings }
    },
  },
}
