// OKX's elements, each declared once. Golden pairs in golden/ show every variant. All numbers stand in quotes but
// `checksum` and sequences; a value that there is not is `""`.
import type { FrameDeclaration } from '../../wire/frame.ts'

const PAGE = 'OKX v5 docs, copies of 2026-07-02 to 2026-08-24'
const RECORDING = 'recording of 2022-05-13'
const INSTRUMENT = { instId: '$symbol' } as const
const SIDES = { words: ['buy', 'sell'] } as const
const SIDE = { choose: 'side', of: { buy: 'buy', sell: 'sell' } } as const

/** `trades-all`: every match, one an element. `side` is the taker's. */
export const trade: FrameDeclaration = {
  type: 'trade',
  evidence: `${PAGE}, "All trades channel"; ${RECORDING} (channel trades)`,
  keys: { instId: 'text', tradeId: 'digits', px: 'decimal', sz: 'decimal', side: SIDES, ts: 'time' },
  expect: INSTRUMENT,
  id: [{ id: 'tradeId' }],
  message: {
    id: { id: 'tradeId' },
    price: { decimal: 'px' },
    size: { size: 'sz', price: 'px' },
    raw_size: { raw: 'sz' },
    filled: { ownFlag: 0 },
    ts: { time: 'ts' },
    side: SIDE,
  },
}

const sides = { asks: 'levels', bids: 'levels', ts: 'time' } as const
const sequence = { ...sides, prevSeqId: 'integer', seqId: 'integer' } as const

/** `books`, first of a subscription: the whole book. Its `prevSeqId` is -1. */
export const bookSnapshot: FrameDeclaration = {
  type: 'orderbook',
  evidence: `${PAGE}, "Order book channel"`,
  keys: { ...sides, seqId: 'integer', checksum: 'signed' },
  expect: {},
  id: [],
  message: {},
}

/** `books`, then: what changed since `prevSeqId`. */
export const bookUpdate: FrameDeclaration = {
  type: 'orderbook',
  evidence: `${PAGE}, "Order book channel"`,
  keys: { ...sequence, checksum: 'signed' },
  expect: {},
  id: [{ id: 'prevSeqId' }, { id: 'seqId' }, { time: 'ts' }],
  message: {
    kind: { constant: 'kind' },
    prev_seq: { integer: 'prevSeqId' },
    prev_ts: { own: 1 },
    seq: { integer: 'seqId' },
    ts: { time: 'ts' },
    bids: { levels: 'bids' },
    asks: { levels: 'asks' },
  },
}

/** The same without the checksum, which is announced to go. */
const BARE = { without: ['checksum'] } as const
export const bareSnapshot: FrameDeclaration = { ...bookSnapshot, ...BARE, keys: { ...sides, seqId: 'integer' } }
export const bareUpdate: FrameDeclaration = { ...bookUpdate, ...BARE, keys: sequence }

/** As they were in 2022, without sequences: the time stands in for them. */
export const snapshot2022: FrameDeclaration = {
  type: 'orderbook',
  evidence: RECORDING,
  keys: { ...sides, checksum: 'signed' },
  expect: {},
  without: ['seqId'],
  id: [],
  message: {},
}

export const update2022: FrameDeclaration = {
  type: 'orderbook',
  evidence: RECORDING,
  keys: { ...sides, checksum: 'signed' },
  expect: {},
  without: ['seqId'],
  id: [{ own: 0 }, { own: 2 }, { time: 'ts' }],
  message: {
    kind: { constant: 'kind' },
    prev_seq: { own: 0 },
    prev_ts: { own: 1 },
    seq: { own: 2 },
    ts: { time: 'ts' },
    bids: { levels: 'bids' },
    asks: { levels: 'asks' },
  },
}

/** `tickers`: a side of the book that is empty is `""`. */
export const ticker: FrameDeclaration = {
  type: 'ticker',
  evidence: `${PAGE}, "Tickers channel"; ${RECORDING}`,
  keys: { instId: 'text', askPx: 'decimal', askSz: 'decimal', bidPx: 'decimal', bidSz: 'decimal', ts: 'time' },
  expect: INSTRUMENT,
  id: [{ time: 'ts' }, { digits: 'bidPx' }, { digits: 'bidSz' }, { digits: 'askPx' }, { digits: 'askSz' }],
  message: {
    bid: { decimal: 'bidPx', optional: true },
    bid_size: { size: 'bidSz', price: 'bidPx', optional: true },
    raw_bid_size: { raw: 'bidSz', optional: true },
    ask: { decimal: 'askPx', optional: true },
    ask_size: { size: 'askSz', price: 'askPx', optional: true },
    raw_ask_size: { raw: 'askSz', optional: true },
    ts: { time: 'ts' },
  },
}

/**
 * `candle<bar>`: rows `[ts,o,h,l,c,vol,volCcy,volCcyQuote,confirm]`, the candle as it stands, again and again.
 * @param volume the cell that is in base: `vol` of spot, `volCcy` of contracts
 */
function candle(volume: '5' | '6'): FrameDeclaration {
  return {
    type: 'kline',
    evidence: `${PAGE}, "Candlesticks channel"`,
    keys: {
      '0': 'time',
      '1': 'decimal',
      '2': 'decimal',
      '3': 'decimal',
      '4': 'decimal',
      [volume]: 'decimal',
      '7': 'decimal',
      '8': { words: ['0', '1'] },
    },
    expect: {},
    id: [
      { constant: 'interval' },
      { time: '0' },
      { digits: '2' },
      { digits: '3' },
      { digits: '4' },
      { digits: volume },
      { id: '8' },
    ],
    message: {
      interval: { constant: 'interval' },
      open_time: { time: '0' },
      open: { decimal: '1' },
      high: { decimal: '2' },
      low: { decimal: '3' },
      close: { decimal: '4' },
      volume: { decimal: volume },
      quote_volume: { decimal: '7' },
      closed: { choose: '8', of: { '0': false, '1': true } },
    },
  }
}

export const spotCandle = candle('5')
export const contractCandle = candle('6')

/** `funding-rate`: the rate that is paid at `fundingTime`; the one after it is `""` where it is not foretold. */
export const fundingRate: FrameDeclaration = {
  type: 'funding_rate',
  evidence: `${PAGE}, "Funding rate channel"; case C014`,
  keys: {
    instId: 'text',
    fundingRate: 'decimal',
    nextFundingRate: 'decimal',
    fundingTime: 'time',
    nextFundingTime: 'time',
    ts: 'time',
  },
  expect: INSTRUMENT,
  id: [{ time: 'ts' }],
  message: {
    rate: { decimal: 'fundingRate' },
    next_rate: { decimal: 'nextFundingRate', optional: true },
    funding_time: { time: 'fundingTime', optional: true },
    next_funding_time: { time: 'nextFundingTime', optional: true },
    interval_hours: { hours: ['fundingTime', 'nextFundingTime'], optional: true },
    ts: { time: 'ts' },
  },
}

/** `open-interest`: `oi` in contracts, `oiCcy` in the coin, `oiUsd` in dollars (not there in older frames). */
export const openInterest: FrameDeclaration = {
  type: 'open_interest',
  evidence: `${PAGE}, "Open interest channel"`,
  keys: { instId: 'text', oi: 'decimal', oiCcy: 'decimal', oiUsd: 'decimal', ts: 'time' },
  expect: INSTRUMENT,
  id: [{ time: 'ts' }],
  message: {
    open_interest: { decimal: 'oiCcy' },
    raw_open_interest: { raw: 'oi' },
    value: { decimal: 'oiUsd', optional: true },
    ts: { time: 'ts' },
  },
}

/** A detail of `liquidation-orders`, whose row names the instrument. `bkPx`: where it was bankrupt. */
export const liquidation: FrameDeclaration = {
  type: 'liquidation',
  evidence: `${PAGE}, "Liquidation orders channel"`,
  keys: { side: SIDES, bkPx: 'decimal', sz: 'decimal', ts: 'time' },
  expect: {},
  id: [{ time: 'ts' }, { id: 'side' }, { digits: 'bkPx' }, { digits: 'sz' }],
  message: {
    price: { decimal: 'bkPx' },
    size: { size: 'sz', price: 'bkPx' },
    raw_size: { raw: 'sz' },
    ts: { time: 'ts' },
    side: SIDE,
  },
}

/** A row of the ratios of `rubik/stat/contracts`: `[ts,ratio]`, longs to shorts. */
function ratio(type: 'lsr_top_position' | 'lsr_all_account'): FrameDeclaration {
  return {
    type,
    evidence: `${PAGE}, "Get top traders contract long/short ratio (by position)", "Get contract long/short ratio"`,
    keys: { '0': 'time', '1': 'decimal' },
    expect: {},
    id: [{ constant: 'period' }, { time: '0' }],
    message: { period: { constant: 'period' }, ratio: { decimal: '1' }, ts: { time: '0' } },
  }
}

export const topPositionRatio = ratio('lsr_top_position')
export const allAccountRatio = ratio('lsr_all_account')
