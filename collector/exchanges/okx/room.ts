// OKX v5: spot, swaps, futures and options. README.md beside this file has the venue's pages, limits, quirks and
// divergences.
import type { AddressRules } from '../../connection/limits.ts'
import { periodUs } from '../../market/periods.ts'
import type { FrameDeclaration } from '../../wire/frame.ts'
import type { Market } from '../../../crds/names.ts'
import type { BookForm, BookType, PolledType, PushedType, Room, TradeType, TypeOptions, Types } from '../room.ts'
import { readClosedRatios, readTrades } from './flatten.ts'
import {
  allAccountRatio,
  bareSnapshot,
  bareUpdate,
  bookSnapshot,
  bookUpdate,
  contractCandle,
  fundingRate,
  liquidation,
  openInterest,
  snapshot2022,
  spotCandle,
  ticker,
  topPositionRatio,
  trade,
  update2022,
} from './frames.ts'
import { type InstType, XPERP, queries, readInstruments } from './instruments.ts'
import { openArgument, protocol, streamOf, WRAPPER } from './socket.ts'

const PUBLIC = '/ws/v5/public'
const BUSINESS = '/ws/v5/business'
const WINDOW_MS = 2_000

const rules: AddressRules = {
  connections: { max: 3, windowMs: 1_000 },
  // Every endpoint has its own budget; what names none of them is asked as seldom as the slowest.
  weight: { max: 5, windowMs: WINDOW_MS },
  pools: {
    instruments: { max: 20, windowMs: WINDOW_MS },
    underlying: { max: 20, windowMs: WINDOW_MS },
    'history-trades': { max: 20, windowMs: WINDOW_MS },
    ratios: { max: 5, windowMs: WINDOW_MS },
  },
  // Too many requests may also come with status 200; 50013 and 50001 say that the venue is busy.
  limited: (_status, body) => body.length < 512 && body.includes('"code":"50011"'),
  slowDownMs: WINDOW_MS,
}

/** Our intervals and periods as the venue names them: from 6 hours up its days begin at UTC+8 unless they end in `utc`. */
const BARS: Readonly<Record<string, string>> = {
  '1s': '1s',
  '1m': '1m',
  '3m': '3m',
  '5m': '5m',
  '15m': '15m',
  '30m': '30m',
  '1h': '1H',
  '2h': '2H',
  '4h': '4H',
  '6h': '6Hutc',
  '12h': '12Hutc',
  '1d': '1Dutc',
  '3d': '3Dutc',
  '1w': '1Wutc',
  '1M': '1Mutc',
}

/** What was missed in two hours, at the least, is in the next answer; the newest row is not taken. */
const RATIO_ROWS = 30

const trades: TradeType = {
  ...pushed(trade, BUSINESS, 'trades-all', 'each trade'),
  order: { id: 'tradeId', time: 'ts' },
  history: {
    // Pages go down from `after`, which is not among them.
    query: ({ venueSymbol }, from) => ({
      path: `/api/v5/market/history-trades?instId=${encodeURIComponent(venueSymbol)}&type=1&after=${from + 100}&limit=100`,
      weight: 1,
      pool: 'history-trades',
      pageMax: 100,
    }),
    read: readTrades,
  },
}

const books: BookType = {
  ...pushed(bookUpdate, PUBLIC, 'books', '100 ms'),
  forms: [
    book(bookSnapshot, 'snapshot', 'seqId', 'checksum'),
    book(bookUpdate, 'delta', 'seqId', 'checksum'),
    book(bareSnapshot, 'snapshot', 'seqId'),
    book(bareUpdate, 'delta', 'seqId'),
    book(snapshot2022, 'snapshot', 'ts', 'checksum'),
    book(update2022, 'delta', 'ts', 'checksum'),
  ],
  order: { seq: 'seqId', time: 'ts' },
  snapshots: 'stream',
}

const funding: PushedType = {
  ...pushed(fundingRate, PUBLIC, 'funding-rate', '30 to 90 s'),
  order: { time: 'ts' },
  // A contract that has not begun has a rate that is `""`.
  shared: true,
}

const common: Pick<Types, 'trade' | 'orderbook' | 'ticker'> = {
  trade: trades,
  orderbook: books,
  ticker: { ...pushed(ticker, PUBLIC, 'tickers', '100 ms'), order: { time: 'ts' } },
}

const spot = room('spot', 'SPOT', { ...common, kline: candles(spotCandle, '5') })
const perpetual = room('perpetual', 'SWAP', { ...contracts('SWAP'), ...ratios(), funding_rate: funding })
const future = room('future', 'FUTURES', {
  ...contracts('FUTURES'),
  ...ratios(),
  funding_rate: {
    ...funding,
    cadence: '30 to 90 s, of X-Perps alone',
    offers: ({ family }) => family === XPERP,
  },
})
const option = room('option', 'OPTION', contracts('OPTION'))

export const okx: readonly Room[] = [spot, perpetual, future, option]

function room(market: Market, instType: InstType, types: Types): Room {
  return {
    exchange: 'okx',
    market,
    figures: market === 'spot' ? 'base' : 'contracts',
    endpoints: { websocket: 'wss://ws.okx.com:8443', rest: 'https://www.okx.com' },
    protocol,
    rules,
    open: openArgument,
    wrapper: WRAPPER,
    types,
    instruments: {
      queries: queries(instType),
      read: (body, query) => readInstruments(body, query, instType),
    },
  }
}

function contracts(instType: InstType): Types {
  return {
    ...common,
    kline: candles(contractCandle, '6'),
    open_interest: { ...pushed(openInterest, PUBLIC, 'open-interest', '3 s'), order: { time: 'ts' } },
    liquidation: {
      ...pushed(liquidation, PUBLIC, 'liquidation-orders', 'as they happen, not all'),
      stream: () => ({ path: PUBLIC, name: streamOf({ channel: 'liquidation-orders', instType }) }),
      order: { time: 'ts' },
      sparse: true,
      nest: { symbol: 'instId', elements: 'details', time: 'ts' },
    },
  }
}

/** @param volume the cell of the volume in base */
function candles(frame: FrameDeclaration, volume: string): PushedType {
  return {
    ...pushed(frame, BUSINESS, 'candle', '1 s'),
    stream: ({ venueSymbol }, options) => ({
      path: BUSINESS,
      name: streamOf({ channel: `candle${barOf(options)}`, instId: venueSymbol }),
    }),
    offers: (_listing, options) => barOf(options) !== undefined,
    order: { span: { opens: '0', final: ['8', '1'] } },
    onChange: ['0', '2', '3', '4', volume, '8'],
  }
}

function barOf({ interval = '' }: TypeOptions): string | undefined {
  return BARS[interval]
}

function ratios(): Pick<Types, 'lsr_top_position' | 'lsr_all_account'> {
  return {
    lsr_top_position: ratio(topPositionRatio, 'long-short-position-ratio-contract-top-trader'),
    lsr_all_account: ratio(allAccountRatio, 'long-short-account-ratio-contract'),
  }
}

function ratio(frame: FrameDeclaration, endpoint: string): PolledType {
  return {
    via: 'rest',
    forms: [{ frame }],
    order: { time: '0' },
    cadence: 'each period',
    offers: (_listing, { period = '' }) => periodUs(period) !== undefined,
    query: ({ venueSymbol }, { period = '' }) => ({
      path: `/api/v5/rubik/stat/contracts/${endpoint}?instId=${encodeURIComponent(venueSymbol)}&period=${BARS[period]}&limit=${RATIO_ROWS}`,
      weight: 1,
      pool: 'ratios',
    }),
    everyMs: ({ period = '' }) => (periodUs(period) ?? 0) / 1000,
    delayMs: 20_000,
    read: readClosedRatios,
  }
}

function pushed(frame: FrameDeclaration, path: string, channel: string, cadence: string): Omit<PushedType, 'order'> {
  return {
    via: 'websocket',
    cadence,
    forms: [{ frame }],
    stream: ({ venueSymbol }) => ({ path, name: streamOf({ channel, instId: venueSymbol }) }),
  }
}

function book(frame: FrameDeclaration, kind: BookForm['kind'], seq: string, checksum?: string): BookForm {
  return {
    frame,
    kind,
    suffix: `,"action":"${kind === 'snapshot' ? 'snapshot' : 'update'}"`,
    ...(kind === 'delta' && seq !== 'ts' ? { previous: { key: 'prevSeqId' } } : {}),
    seq,
    time: 'ts',
    bids: 'bids',
    asks: 'asks',
    ...(checksum === undefined ? {} : { checksum }),
  }
}
