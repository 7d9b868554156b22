// Binance's frames, each declared once. Golden pairs in golden/ show every variant.
import type { FrameDeclaration, Source } from '../../wire/frame.ts'

const SPOT_PAGE = 'binance-spot-api-docs, web-socket-streams.md, 2026-07-17'
const FUTURES_PAGE = 'USDⓈ-M WebSocket market streams, connector texts of 2026-07-24'

/** `<symbol>@aggTrade`, spot and futures alike; futures add `nq` and `st`. `m`: the buyer was the maker, so the taker sold. */
export const aggTrade: FrameDeclaration = {
  type: 'trade',
  evidence: `${SPOT_PAGE}; ${FUTURES_PAGE}; recordings of 2021`,
  keys: {
    e: 'text',
    s: 'text',
    a: 'digits',
    p: 'decimal',
    q: 'decimal',
    f: 'digits',
    l: 'digits',
    T: 'time',
    m: 'boolean',
  },
  expect: { e: 'aggTrade', s: '$symbol' },
  id: [{ id: 'a' }],
  message: {
    id: { id: 'a' },
    price: { decimal: 'p' },
    size: { decimal: 'q' },
    first_id: { id: 'f' },
    last_id: { id: 'l' },
    count: { count: ['f', 'l'] },
    filled: { ownFlag: 0 },
    ts: { time: 'T' },
    side: { choose: 'm', yes: 'sell', no: 'buy' },
  },
}

const best = {
  bid: { decimal: 'b' },
  bid_size: { decimal: 'B' },
  ask: { decimal: 'a' },
  ask_size: { decimal: 'A' },
  seq: { integer: 'u' },
} as const

const bestKeys = { u: 'integer', s: 'text', b: 'decimal', B: 'decimal', a: 'decimal', A: 'decimal' } as const

/** `<symbol>@bookTicker` of spot: neither an event name nor a time. */
export const spotBookTicker: FrameDeclaration = {
  type: 'ticker',
  evidence: `${SPOT_PAGE}; recording of 2021-10-12`,
  keys: bestKeys,
  expect: { s: '$symbol' },
  id: [{ id: 'u' }],
  message: best,
}

/** `<symbol>@bookTicker` of futures; `T` is the matching time. */
export const futuresBookTicker: FrameDeclaration = {
  type: 'ticker',
  evidence: `${FUTURES_PAGE}; recording of 2021-07-22`,
  keys: { e: 'text', ...bestKeys, T: 'time' },
  expect: { e: 'bookTicker', s: '$symbol' },
  id: [{ id: 'u' }, { time: 'T' }],
  message: { ...best, ts: { time: 'T' } },
}

/** `<symbol>@kline_<interval>`: the candle as it stands, again and again; `x` on the final push. `E` is its only time. */
export const kline: FrameDeclaration = {
  type: 'kline',
  evidence: `${SPOT_PAGE}; ${FUTURES_PAGE}; recordings of 2021`,
  keys: {
    e: 'text',
    E: 'time',
    s: 'text',
    'k.t': 'time',
    'k.T': 'time',
    'k.o': 'decimal',
    'k.h': 'decimal',
    'k.l': 'decimal',
    'k.c': 'decimal',
    'k.v': 'decimal',
    'k.n': 'integer',
    'k.x': 'boolean',
    'k.q': 'decimal',
    'k.V': 'decimal',
    'k.Q': 'decimal',
  },
  expect: { e: 'kline', s: '$symbol' },
  id: [{ constant: 'interval' }, { time: 'k.t' }, { time: 'E' }],
  message: {
    interval: { constant: 'interval' },
    open_time: { time: 'k.t' },
    close_time: { time: 'k.T' },
    open: { decimal: 'k.o' },
    high: { decimal: 'k.h' },
    low: { decimal: 'k.l' },
    close: { decimal: 'k.c' },
    volume: { decimal: 'k.v' },
    quote_volume: { decimal: 'k.q' },
    taker_buy_volume: { decimal: 'k.V' },
    taker_buy_quote_volume: { decimal: 'k.Q' },
    count: { integer: 'k.n' },
    ts: { time: 'E' },
    closed: { boolean: 'k.x' },
  },
}

/** Fields of a delta; `own` 0 and 1 are the sequence and the time before it. */
function delta(time: string, previous: Source): FrameDeclaration['message'] {
  return {
    kind: { constant: 'kind' },
    prev_seq: previous,
    prev_ts: { own: 1 },
    seq: { integer: 'u' },
    bids: { levels: 'b' },
    asks: { levels: 'a' },
    ts: { time },
  }
}

const deltaKeys = { e: 'text', s: 'text', U: 'integer', u: 'integer', b: 'levels', a: 'levels' } as const

/** `<symbol>@depth@100ms` of spot: `U` follows the `u` before it by one; `E` is its only time. */
export const spotDepth: FrameDeclaration = {
  type: 'orderbook',
  evidence: `${SPOT_PAGE}; recording of 2021-10-12`,
  keys: { ...deltaKeys, E: 'time' },
  expect: { e: 'depthUpdate', s: '$symbol' },
  id: [{ own: 0 }, { id: 'u' }, { time: 'E' }],
  message: delta('E', { own: 0 }),
}

/** `<symbol>@depth@100ms` of futures: `pu` is the `u` before it; `T` is the matching time. */
export const futuresDepth: FrameDeclaration = {
  type: 'orderbook',
  evidence: `${FUTURES_PAGE}; recording of 2021-07-22`,
  keys: { ...deltaKeys, pu: 'integer', T: 'time' },
  expect: { e: 'depthUpdate', s: '$symbol' },
  id: [{ id: 'pu' }, { id: 'u' }, { time: 'T' }],
  message: delta('T', { integer: 'pu' }),
}

/** The answer of REST `depth`; futures add `E` and `T`. */
export const depthSnapshot: FrameDeclaration = {
  type: 'orderbook',
  evidence: `${SPOT_PAGE}; ${FUTURES_PAGE}; recordings of 2021`,
  keys: { lastUpdateId: 'integer', bids: 'levels', asks: 'levels' },
  expect: {},
  id: [],
  message: {},
}
