// Deribit's elements, each declared once. Golden pairs in golden/ show every variant.
import type { FrameDeclaration } from '../../wire/frame.ts'

const PAGE = 'docs.deribit.com, API reference of 2026-03-26'
const RECORDING = 'recording of 2021-07-22'
const NAMES = { instrument_name: '$symbol' } as const

const tradeKeys = {
  trade_seq: 'integer',
  trade_id: 'token',
  timestamp: 'time',
  price: 'decimal',
  instrument_name: 'text',
  direction: { words: ['buy', 'sell'] },
  amount: 'decimal',
} as const

/** `trades.<instrument>.100ms`: every trade, in batches. `trade_seq` counts within an instrument, `trade_id` in a currency. */
export const trade: FrameDeclaration = {
  type: 'trade',
  evidence: PAGE,
  keys: tradeKeys,
  expect: NAMES,
  id: [{ id: 'trade_id' }],
  message: {
    id: { id: 'trade_id' },
    price: { decimal: 'price' },
    size: { size: 'amount', price: 'price' },
    raw_size: { raw: 'amount' },
    seq: { integer: 'trade_seq' },
    filled: { ownFlag: 0 },
    ts: { time: 'timestamp' },
    side: { choose: 'direction', of: { buy: 'buy', sell: 'sell' } },
  },
}

/** A trade by which somebody was liquidated: the taker (T), whose side `direction` is, the maker (M), or both. */
export const liquidation: FrameDeclaration = {
  type: 'liquidation',
  evidence: `${PAGE}; tardis-node 18.2.0 for whose side it is`,
  keys: { ...tradeKeys, liquidation: { words: ['T', 'M', 'MT'] } },
  expect: NAMES,
  id: [{ id: 'trade_id' }],
  message: {
    id: { id: 'trade_id' },
    price: { decimal: 'price' },
    size: { size: 'amount', price: 'price' },
    raw_size: { raw: 'amount' },
    ts: { time: 'timestamp' },
    side: {
      choose: ['direction', 'liquidation'],
      of: { 'buy T': 'buy', 'sell T': 'sell', 'buy M': 'sell', 'sell M': 'buy', 'buy MT': 'buy', 'sell MT': 'sell' },
    },
  },
}

/** `book.<instrument>.100ms`, first of a subscription: the whole book. */
export const bookSnapshot: FrameDeclaration = {
  type: 'orderbook',
  evidence: `${PAGE}; ${RECORDING}`,
  keys: {
    type: 'text',
    timestamp: 'time',
    instrument_name: 'text',
    change_id: 'integer',
    bids: 'actions',
    asks: 'actions',
  },
  expect: { type: 'snapshot', ...NAMES },
  id: [],
  message: {},
}

/** `book.<instrument>.100ms`, then: what changed since `prev_change_id`. */
export const bookChange: FrameDeclaration = {
  type: 'orderbook',
  evidence: `${PAGE}; ${RECORDING}`,
  keys: { ...bookSnapshot.keys, prev_change_id: 'integer' },
  expect: { type: 'change', ...NAMES },
  id: [{ id: 'prev_change_id' }, { id: 'change_id' }, { time: 'timestamp' }],
  message: {
    kind: { constant: 'kind' },
    prev_seq: { integer: 'prev_change_id' },
    prev_ts: { own: 1 },
    seq: { integer: 'change_id' },
    ts: { time: 'timestamp' },
    bids: { levels: 'bids' },
    asks: { levels: 'asks' },
  },
}

/** `ticker.<instrument>.100ms`: an empty side is null by the page, and a price and amount of 0 in the recording. */
export const ticker: FrameDeclaration = {
  type: 'ticker',
  evidence: `${PAGE}; ${RECORDING}`,
  keys: {
    timestamp: 'time',
    instrument_name: 'text',
    best_bid_price: 'decimal',
    best_bid_amount: 'decimal',
    best_ask_price: 'decimal',
    best_ask_amount: 'decimal',
  },
  expect: NAMES,
  id: [
    { time: 'timestamp' },
    { digits: 'best_bid_price', unlessZero: true },
    { digits: 'best_bid_amount', unlessZero: true },
    { digits: 'best_ask_price', unlessZero: true },
    { digits: 'best_ask_amount', unlessZero: true },
  ],
  message: {
    bid: { decimal: 'best_bid_price', optional: true, unlessZero: true },
    bid_size: { size: 'best_bid_amount', price: 'best_bid_price', optional: true, unlessZero: true },
    raw_bid_size: { raw: 'best_bid_amount', optional: true, unlessZero: true },
    ask: { decimal: 'best_ask_price', optional: true, unlessZero: true },
    ask_size: { size: 'best_ask_amount', price: 'best_ask_price', optional: true, unlessZero: true },
    raw_ask_size: { raw: 'best_ask_amount', optional: true, unlessZero: true },
    ts: { time: 'timestamp' },
  },
}

/** The same stream: the rate that is being paid now, as a fraction for eight hours. It is paid all the time. */
export const fundingRate: FrameDeclaration = {
  type: 'funding_rate',
  evidence: PAGE,
  keys: { timestamp: 'time', instrument_name: 'text', current_funding: 'decimal' },
  expect: NAMES,
  id: [{ time: 'timestamp' }],
  message: { rate: { decimal: 'current_funding' }, interval_hours: { number: 8 }, ts: { time: 'timestamp' } },
}

/** The same stream: in quote for inverse contracts, else in base; converted at the mark price. */
export const openInterest: FrameDeclaration = {
  type: 'open_interest',
  evidence: `${PAGE}; ${RECORDING}`,
  keys: { timestamp: 'time', instrument_name: 'text', open_interest: 'decimal', mark_price: 'decimal' },
  expect: NAMES,
  id: [{ time: 'timestamp' }],
  message: {
    open_interest: { size: 'open_interest', price: 'mark_price' },
    raw_open_interest: { raw: 'open_interest' },
    ts: { time: 'timestamp' },
  },
}

/** `chart.trades.<instrument>.<resolution>`: the candle as it stands; neither its end nor when it was pushed. */
export const kline: FrameDeclaration = {
  type: 'kline',
  evidence: PAGE,
  keys: {
    tick: 'time',
    open: 'decimal',
    high: 'decimal',
    low: 'decimal',
    close: 'decimal',
    volume: 'decimal',
    cost: 'decimal',
  },
  expect: {},
  id: [
    { constant: 'interval' },
    { time: 'tick' },
    { digits: 'high' },
    { digits: 'low' },
    { digits: 'close' },
    { digits: 'volume' },
  ],
  message: {
    interval: { constant: 'interval' },
    open_time: { time: 'tick' },
    open: { decimal: 'open' },
    high: { decimal: 'high' },
    low: { decimal: 'low' },
    close: { decimal: 'close' },
    volume: { decimal: 'volume' },
    quote_volume: { decimal: 'cost' },
  },
}

/** `deribit_volatility_index.<index>` (DVOL): annualised percent. */
export const volatilityIndex: FrameDeclaration = {
  type: 'volatility_index',
  evidence: PAGE,
  keys: { timestamp: 'time', volatility: 'decimal', index_name: { words: ['btc_usd', 'eth_usd'] } },
  expect: {},
  id: [{ time: 'timestamp' }],
  message: { value: { decimal: 'volatility' }, ts: { time: 'timestamp' } },
}
