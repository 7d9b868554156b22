// Binance's frames, each declared once. Golden pairs in golden/ show every variant.
//
// Sizes of coin-margined contracts are contracts; all others are in base. So one declaration serves both, and what a
// size is comes from the channel's sizing.
import type { FrameDeclaration } from '../../wire/frame.ts'
import type { Source } from '../../wire/sources.ts'

const SPOT_PAGE = 'binance-spot-api-docs, web-socket-streams.md, 2026-07-17'
const FUTURES_PAGE = 'USDⓈ-M WebSocket market streams, connector texts of 2026-07-24'
const COIN_PAGE = 'COIN-M WebSocket market streams and REST market data, read 2026-11-29'

/** `<symbol>@aggTrade`, spot and futures alike; futures add `nq` and `st`. `m`: the buyer was the maker, so the taker sold. */
export const aggTrade: FrameDeclaration = {
  type: 'trade',
  evidence: `${SPOT_PAGE}; ${FUTURES_PAGE}; ${COIN_PAGE}; recordings of 2021`,
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
    size: { size: 'q', price: 'p' },
    raw_size: { raw: 'q' },
    first_id: { id: 'f' },
    last_id: { id: 'l' },
    count: { count: ['f', 'l'] },
    filled: { ownFlag: 0 },
    ts: { time: 'T' },
    side: { choose: 'm', of: { true: 'sell', false: 'buy' } },
  },
}

const bestKeys = { u: 'integer', s: 'text', b: 'decimal', B: 'decimal', a: 'decimal', A: 'decimal' } as const

/** `<symbol>@bookTicker` of spot: neither an event name nor a time. A side that is empty is 0. */
export const spotBookTicker: FrameDeclaration = {
  type: 'ticker',
  evidence: `${SPOT_PAGE}; recording of 2021-10-12`,
  keys: bestKeys,
  expect: { s: '$symbol' },
  id: [{ id: 'u' }],
  message: {
    bid: { decimal: 'b', unlessZero: true },
    bid_size: { decimal: 'B', unlessZero: true },
    ask: { decimal: 'a', unlessZero: true },
    ask_size: { decimal: 'A', unlessZero: true },
    seq: { integer: 'u' },
  },
}

/** `<symbol>@bookTicker` of futures; `T` is the matching time. A side that is empty is 0. */
export const futuresBookTicker: FrameDeclaration = {
  type: 'ticker',
  evidence: `${FUTURES_PAGE}; ${COIN_PAGE}; recording of 2021-07-22`,
  keys: { e: 'text', ...bestKeys, T: 'time' },
  expect: { e: 'bookTicker', s: '$symbol' },
  id: [{ id: 'u' }, { time: 'T' }],
  message: {
    bid: { decimal: 'b', unlessZero: true },
    bid_size: { size: 'B', price: 'b', unlessZero: true },
    raw_bid_size: { raw: 'B', unlessZero: true },
    ask: { decimal: 'a', unlessZero: true },
    ask_size: { size: 'A', price: 'a', unlessZero: true },
    raw_ask_size: { raw: 'A', unlessZero: true },
    seq: { integer: 'u' },
    ts: { time: 'T' },
  },
}

/**
 * `<symbol>@kline_<interval>`: the candle as it stands, again and again; `x` on the final push. `E` is its only time.
 * `v` and `V` are in base and `q` and `Q` in quote; of coin-margined contracts they are contracts and base.
 */
export const kline: FrameDeclaration = {
  type: 'kline',
  evidence: `${SPOT_PAGE}; ${FUTURES_PAGE}; ${COIN_PAGE}; recordings of 2021`,
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
    volume: { decimal: 'k.v', converted: 'k.q' },
    quote_volume: { decimal: 'k.q', converted: null },
    taker_buy_volume: { decimal: 'k.V', converted: 'k.Q' },
    taker_buy_quote_volume: { decimal: 'k.Q', converted: null },
    count: { integer: 'k.n' },
    ts: { time: 'E' },
    closed: { choose: 'k.x', of: { true: true, false: false } },
  },
}

/** Fields of a delta; `own` 0 and 1 are the sequence and the time before it. */
function delta(time: string, previous: Source): FrameDeclaration['message'] {
  return {
    kind: { constant: 'kind' },
    prev_seq: previous,
    prev_ts: { own: 1 },
    seq: { integer: 'u' },
    ts: { time },
    bids: { levels: 'b' },
    asks: { levels: 'a' },
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
  evidence: `${FUTURES_PAGE}; ${COIN_PAGE}; recording of 2021-07-22`,
  keys: { ...deltaKeys, pu: 'integer', T: 'time' },
  expect: { e: 'depthUpdate', s: '$symbol' },
  id: [{ id: 'pu' }, { id: 'u' }, { time: 'T' }],
  message: delta('T', { integer: 'pu' }),
}

/** The answer of REST `depth`; futures add `E` and `T`. */
export const depthSnapshot: FrameDeclaration = {
  type: 'orderbook',
  evidence: `${SPOT_PAGE}; ${FUTURES_PAGE}; ${COIN_PAGE}; recordings of 2021`,
  keys: { lastUpdateId: 'integer', bids: 'levels', asks: 'levels' },
  expect: {},
  id: [],
  message: {},
}

/**
 * `<symbol>@markPrice@1s`: `r` is what will be paid at `T`, as it is expected now. Dated contracts, and what is not open
 * yet, have `r` empty and `T` zero.
 */
export const markPrice: FrameDeclaration = {
  type: 'funding_rate',
  evidence: `${FUTURES_PAGE}; ${COIN_PAGE}; case C014`,
  keys: { e: 'text', E: 'time', s: 'text', p: 'decimal', i: 'decimal', r: 'decimal', T: 'time' },
  expect: { e: 'markPriceUpdate', s: '$symbol' },
  id: [{ time: 'E' }],
  message: {
    rate: { decimal: 'r' },
    funding_time: { time: 'T' },
    mark_price: { decimal: 'p', optional: true },
    index_price: { decimal: 'i', optional: true },
    ts: { time: 'E' },
  },
}

/**
 * `<symbol>@forceOrder`: the newest liquidation of a second, as an order: `z` of it was filled, at `ap` on average. It
 * has no id.
 */
export const forceOrder: FrameDeclaration = {
  type: 'liquidation',
  evidence: `${FUTURES_PAGE}; ${COIN_PAGE}`,
  keys: {
    e: 'text',
    'o.s': 'text',
    'o.S': { words: ['BUY', 'SELL'] },
    'o.p': 'decimal',
    'o.ap': 'decimal',
    'o.z': 'decimal',
    'o.T': 'time',
  },
  expect: { e: 'forceOrder', 'o.s': '$symbol' },
  id: [{ time: 'o.T' }, { choose: 'o.S', of: { BUY: 'buy', SELL: 'sell' } }, { digits: 'o.p' }, { digits: 'o.z' }],
  message: {
    price: { decimal: 'o.p' },
    average_price: { decimal: 'o.ap', optional: true, unlessZero: true },
    size: { size: 'o.z', price: 'o.ap' },
    raw_size: { raw: 'o.z' },
    ts: { time: 'o.T' },
    side: { choose: 'o.S', of: { BUY: 'buy', SELL: 'sell' } },
  },
}

/** An element of `readOpenInterest`: `size` as the venue counts it, `base` in base. */
export const openInterest: FrameDeclaration = {
  type: 'open_interest',
  evidence: `${FUTURES_PAGE}, Open Interest; ${COIN_PAGE}, Open Interest Statistics`,
  keys: { symbol: 'text', size: 'decimal', base: 'decimal', time: 'time' },
  expect: { symbol: '$symbol' },
  id: [{ time: 'time' }],
  message: { open_interest: { decimal: 'base' }, raw_open_interest: { raw: 'size' }, ts: { time: 'time' } },
}

/** An element of `readRatios`. */
function ratio(type: 'lsr_top_position' | 'lsr_all_account', pages: string): FrameDeclaration {
  return {
    type,
    evidence: `${FUTURES_PAGE}; ${COIN_PAGE}: ${pages}`,
    keys: { symbol: 'text', ratio: 'decimal', long: 'decimal', short: 'decimal', time: 'time' },
    expect: { symbol: '$symbol' },
    id: [{ constant: 'period' }, { time: 'time' }],
    message: {
      period: { constant: 'period' },
      ratio: { decimal: 'ratio' },
      long_share: { decimal: 'long', optional: true },
      short_share: { decimal: 'short', optional: true },
      ts: { time: 'time' },
    },
  }
}

export const topPositionRatio = ratio('lsr_top_position', 'Top Trader Long/Short Ratio (Positions)')
export const allAccountRatio = ratio('lsr_all_account', 'Long/Short Ratio')
