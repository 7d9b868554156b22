// Binance spot, perpetual and future; the last two are USDⓈ-M's and, on a host of their own, COIN-M's. README.md beside
// this file has the venue's pages, limits, quirks and divergences.
import type { Market } from '../../../crds/names.ts'
import type { AddressRules } from '../../connection/limits.ts'
import { periodUs } from '../../market/periods.ts'
import type { FrameDeclaration } from '../../wire/frame.ts'
import type {
  BookForm,
  Listing,
  PolledType,
  PushedType,
  Query,
  RestSnapshots,
  Room,
  TradeType,
  TypeOptions,
  Types,
} from '../room.ts'
import {
  aggTrade,
  allAccountRatio,
  depthSnapshot,
  forceOrder,
  futuresBookTicker,
  futuresDepth,
  kline,
  markPrice,
  openInterest,
  spotBookTicker,
  spotDepth,
  topPositionRatio,
} from './frames.ts'
import { COIN, readInstruments } from './instruments.ts'
import { pairOf, readAggTrades, readOpenInterest, readRatios } from './rest.ts'
import { openCombined, protocol } from './socket.ts'

/** REST depth: the most levels of a tier, and its weight. */
type Tiers = readonly (readonly [levels: number, weight: number])[]

/** Where a stream or a path of REST lies, by what is asked for. */
type Place = (listing: Listing) => string

const SECOND_MS = 1_000
const MINUTE_MS = 60_000
const CONNECTIONS = { max: 300, windowMs: 5 * MINUTE_MS }
const USED_HEADER = 'x-mbx-used-weight-1m'
const FUTURES_RULES: AddressRules = {
  connections: CONNECTIONS,
  weight: { max: 2400, windowMs: MINUTE_MS },
  usedHeader: USED_HEADER,
  // Since 2026-06-30 fapi and dapi have one budget and one header.
  shared: 'futures',
  // /futures/data has no weight.
  pools: { statistics: { max: 1000, windowMs: 5 * MINUTE_MS } },
}

const SPOT_PATH: Place = () => '/stream'
const SPOT_API: Place = () => '/api/v3'
// Since 2026-03-06 a stream on the wrong path of USDⓈ-M is acknowledged and stays silent.
const PUBLIC_PATH: Place = ({ host }) => (host === COIN ? '/stream' : '/public/stream')
const MARKET_PATH: Place = ({ host }) => (host === COIN ? '/stream' : '/market/stream')
const FUTURES_API: Place = ({ host }) => (host === COIN ? '/dapi/v1' : '/fapi/v1')

/** Of ratios: what was missed in two hours, at the least, is in the next answer. */
const RATIO_ROWS = 30
/** Values are not there at once when a period ends. */
const STATISTICS_DELAY_MS = MINUTE_MS

const spot: Room = {
  exchange: 'binance',
  market: 'spot',
  figures: 'base',
  endpoints: { websocket: 'wss://stream.binance.com:9443', rest: 'https://api.binance.com' },
  protocol: protocol(5),
  rules: { connections: CONNECTIONS, weight: { max: 6000, windowMs: MINUTE_MS }, usedHeader: USED_HEADER },
  open: openCombined,
  wrapper: { stream: 'value', data: 'value' },
  types: {
    trade: trades(SPOT_PATH, SPOT_API, 4),
    orderbook: {
      ...pushed(SPOT_PATH, 'depth@100ms', '100 ms'),
      forms: [delta(spotDepth, { firstKey: 'U' }, 'E')],
      order: { seq: 'u', time: 'E' },
      snapshots: snapshots(SPOT_API, [
        [100, 5],
        [500, 25],
        [1000, 50],
        [5000, 250],
      ]),
    },
    ticker: {
      ...pushed(SPOT_PATH, 'bookTicker', 'each change'),
      forms: [{ frame: spotBookTicker }],
      order: { seq: 'u' },
    },
    kline: candles(SPOT_PATH, '1 to 2 s'),
  },
  instruments: {
    queries: [{ path: '/api/v3/exchangeInfo', weight: 20 }],
    read: (body) => readInstruments(body, 'spot'),
  },
}

const perpetual = derivatives('perpetual', {
  ...contracts(),
  funding_rate: {
    ...pushed(MARKET_PATH, 'markPrice@1s', '1 s'),
    forms: [{ frame: markPrice }],
    order: { time: 'E' },
    // Mark and index prices, which stand beside it, are others every second.
    onChange: ['r', 'T'],
    // A contract that has not begun has a rate that is `""`.
    shared: true,
  },
  lsr_top_position: ratio(topPositionRatio, 'topLongShortPositionRatio'),
  // There is also topLongShortAccountRatio: of the largest accounts, by their number.
  lsr_all_account: ratio(allAccountRatio, 'globalLongShortAccountRatio'),
})

const dated = contracts()
/** Delivery contracts: without funding, and with the ratios of their pair's perpetual at most. */
const future = derivatives('future', {
  ...dated,
  // COIN-M names them by their quarter, and with a new quarter the name passes on to another contract.
  open_interest: { ...dated.open_interest, cadence: '10 s', offers: ({ host }) => host !== COIN },
})

export const binance: readonly Room[] = [spot, perpetual, future]

function derivatives(market: Market, types: Types): Room {
  return {
    exchange: 'binance',
    market,
    figures: 'base, or in contracts where they are coin-margined',
    endpoints: { websocket: 'wss://fstream.binance.com', rest: 'https://fapi.binance.com' },
    hosts: { [COIN]: { websocket: 'wss://dstream.binance.com', rest: 'https://dapi.binance.com' } },
    protocol: protocol(10),
    rules: FUTURES_RULES,
    open: openCombined,
    wrapper: { stream: 'value', data: 'value' },
    types,
    instruments: {
      queries: [
        { path: '/fapi/v1/exchangeInfo', weight: 1 },
        { path: '/dapi/v1/exchangeInfo', weight: 1, host: COIN },
      ],
      read: (body, { host }) => readInstruments(body, market, host),
    },
  }
}

/** What perpetuals and dated contracts have alike. */
function contracts() {
  return {
    trade: trades(MARKET_PATH, FUTURES_API, 20),
    orderbook: {
      ...pushed(PUBLIC_PATH, 'depth@100ms', '100 ms'),
      forms: [delta(futuresDepth, { key: 'pu' }, 'T')],
      order: { seq: 'u', time: 'T' },
      snapshots: snapshots(FUTURES_API, [
        [50, 2],
        [100, 5],
        [500, 10],
        [1000, 20],
      ]),
    },
    ticker: {
      ...pushed(PUBLIC_PATH, 'bookTicker', 'each change'),
      forms: [{ frame: futuresBookTicker }],
      order: { seq: 'u', time: 'T' },
    },
    kline: { ...candles(MARKET_PATH, '250 ms'), offers: (_listing, { interval }) => interval !== '1s' },
    open_interest: {
      via: 'rest',
      cadence: '10 s; of coin-margined perpetuals 5 min',
      forms: [{ frame: openInterest }],
      order: { time: 'time' },
      onChange: ['size', 'base'],
      query: interest,
      everyMs: (_options, { host }) => (host === COIN ? 5 * MINUTE_MS : 10 * SECOND_MS),
      delayMs: STATISTICS_DELAY_MS,
      read: readOpenInterest,
    },
    liquidation: {
      ...pushed(MARKET_PATH, 'forceOrder', 'the newest of each second'),
      forms: [{ frame: forceOrder }],
      order: { time: 'o.T' },
      sparse: true,
    },
  } as const satisfies Types
}

function pushed(path: Place, name: string, cadence: string): Pick<PushedType, 'via' | 'cadence' | 'stream'> {
  return {
    via: 'websocket',
    cadence,
    stream: (listing, { interval }) => ({
      host: listing.host,
      path: path(listing),
      name: `${listing.venueSymbol.toLowerCase()}@${name}${interval === undefined ? '' : `_${interval}`}`,
    }),
  }
}

function candles(path: Place, cadence: string): PushedType {
  return {
    ...pushed(path, 'kline', cadence),
    forms: [{ frame: kline }],
    order: { time: 'E', part: 'k.t', span: { opens: 'k.t', final: ['k.x', 'true'] } },
  }
}

function delta(frame: FrameDeclaration, previous: NonNullable<BookForm['previous']>, time: string): BookForm {
  return { frame, kind: 'delta', previous, seq: 'u', time, bids: 'b', asks: 'a' }
}

function snapshots(api: Place, tiers: Tiers): RestSnapshots {
  return {
    query: (listing, depth) => {
      const tier = tiers.find(([levels]) => levels >= depth) ?? tiers.at(-1)
      const [limit, weight] = tier as (typeof tiers)[number]
      return { ...asked(api(listing), 'depth', listing, `&limit=${limit}`), weight, limit }
    },
    frame: depthSnapshot,
    seq: 'lastUpdateId',
    bids: 'bids',
    asks: 'asks',
  }
}

function trades(path: Place, api: Place, weight: number): TradeType {
  const pageMax = 1000
  return {
    ...pushed(path, 'aggTrade', 'each trade'),
    forms: [{ frame: aggTrade }],
    order: { id: 'a', time: 'T' },
    history: {
      query: (listing, from) => ({
        ...asked(api(listing), 'aggTrades', listing, `&fromId=${from}&limit=${pageMax}`),
        weight,
        pageMax,
      }),
      read: readAggTrades,
    },
  }
}

/**
 * The figure of now is in contracts where they are coin-margined, and comes without a price; only the statistics say it
 * in base.
 */
function interest(listing: Listing): Query {
  if (listing.host === COIN) return statistics('openInterestHist', listing, '5m', '&limit=1&contractType=PERPETUAL')
  return { ...asked(FUTURES_API(listing), 'openInterest', listing, ''), weight: 1 }
}

function ratio(frame: FrameDeclaration, endpoint: string): PolledType {
  return {
    via: 'rest',
    cadence: 'each period',
    forms: [{ frame }],
    order: { time: 'time' },
    offers: (_listing, { period = '' }) => periodUs(period) !== undefined,
    query: (listing: Listing, { period = '' }: TypeOptions) =>
      statistics(endpoint, listing, period, `&limit=${RATIO_ROWS}`),
    everyMs: ({ period = '' }) => (periodUs(period) ?? 0) / 1000,
    delayMs: STATISTICS_DELAY_MS,
    read: readRatios,
  }
}

/** COIN-M keeps them by pair. */
function statistics(endpoint: string, listing: Listing, period: string, more: string): Query {
  const { venueSymbol, host } = listing
  const of = host === COIN ? `pair=${pairOf(venueSymbol)}` : `symbol=${encodeURIComponent(venueSymbol)}`
  const path = `/futures/data/${endpoint}?${of}&period=${period}${more}`
  return { host, path, weight: 1, pool: 'statistics' }
}

function asked(api: string, endpoint: string, { venueSymbol, host }: Listing, more: string) {
  return { host, path: `${api}/${endpoint}?symbol=${encodeURIComponent(venueSymbol)}${more}` }
}
