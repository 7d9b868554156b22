// Binance spot and USDⓈ-M perpetual. README.md beside this file has the venue's pages, limits, quirks and divergences.
import type { BookRoom, Room, TradesRoom, TypeRoom } from '../room.ts'
import { aggTrade, depthSnapshot, futuresBookTicker, futuresDepth, kline, spotBookTicker, spotDepth } from './frames.ts'
import { readAggTrades, readInstruments } from './rest.ts'
import { openCombined, protocol } from './socket.ts'

/** REST depth: the most levels of a tier, and its weight. */
type Tiers = readonly (readonly [levels: number, weight: number])[]

const MINUTE_MS = 60_000
const CONNECTIONS = { max: 300, windowMs: 5 * MINUTE_MS }
const USED_HEADER = 'x-mbx-used-weight-1m'

export const spot: Room = {
  exchange: 'binance',
  market: 'spot',
  endpoints: { websocket: 'wss://stream.binance.com:9443', rest: 'https://api.binance.com' },
  protocol: protocol(5),
  rules: { connections: CONNECTIONS, weight: { max: 6000, windowMs: MINUTE_MS }, usedHeader: USED_HEADER },
  open: openCombined,
  wrapper: ['stream', 'data'],
  types: {
    trade: { ...type(aggTrade, '/stream', 'aggTrade'), order: { id: 'a', time: 'T' } },
    orderbook: { ...type(spotDepth, '/stream', 'depth@100ms'), order: { seq: 'u', time: 'E' } },
    ticker: { ...type(spotBookTicker, '/stream', 'bookTicker'), order: { seq: 'u' } },
    kline: { ...type(kline, '/stream', 'kline'), order: { time: 'E', part: 'k.t' } },
  },
  book: book('/api/v3/depth', { firstKey: 'U' }, 'E', [
    [100, 5],
    [500, 25],
    [1000, 50],
    [5000, 250],
  ]),
  trades: trades('/api/v3/aggTrades', 4),
  instruments: { path: '/api/v3/exchangeInfo', weight: 20, read: (body) => readInstruments(body, 'spot') },
}

export const perpetual: Room = {
  exchange: 'binance',
  market: 'perpetual',
  endpoints: { websocket: 'wss://fstream.binance.com', rest: 'https://fapi.binance.com' },
  protocol: protocol(10),
  rules: { connections: CONNECTIONS, weight: { max: 2400, windowMs: MINUTE_MS }, usedHeader: USED_HEADER },
  open: openCombined,
  wrapper: ['stream', 'data'],
  types: {
    // Since 2026-03-06 a stream on the wrong path is acknowledged and stays silent.
    trade: { ...type(aggTrade, '/market/stream', 'aggTrade'), order: { id: 'a', time: 'T' } },
    orderbook: { ...type(futuresDepth, '/public/stream', 'depth@100ms'), order: { seq: 'u', time: 'T' } },
    ticker: { ...type(futuresBookTicker, '/public/stream', 'bookTicker'), order: { seq: 'u', time: 'T' } },
    kline: { ...type(kline, '/market/stream', 'kline'), order: { time: 'E', part: 'k.t' } },
  },
  book: book('/fapi/v1/depth', { key: 'pu' }, 'T', [
    [50, 2],
    [100, 5],
    [500, 10],
    [1000, 20],
  ]),
  trades: trades('/fapi/v1/aggTrades', 20),
  instruments: { path: '/fapi/v1/exchangeInfo', weight: 1, read: (body) => readInstruments(body, 'perpetual') },
}

function type(frame: TypeRoom['frame'], path: string, name: string): Pick<TypeRoom, 'frame' | 'stream'> {
  return {
    frame,
    stream: (venueSymbol, { interval }) => ({
      path,
      name: `${venueSymbol.toLowerCase()}@${name}${interval === undefined ? '' : `_${interval}`}`,
    }),
  }
}

function book(path: string, previous: BookRoom['previous'], time: string, tiers: Tiers): BookRoom {
  return {
    previous,
    seq: 'u',
    time,
    bids: 'b',
    asks: 'a',
    snapshot: (venueSymbol, depth) => {
      const tier = tiers.find(([levels]) => levels >= depth) ?? tiers.at(-1)
      const [limit, weight] = tier as (typeof tiers)[number]
      return { path: `${path}?symbol=${encodeURIComponent(venueSymbol)}&limit=${limit}`, weight, limit }
    },
    snapshotFrame: depthSnapshot,
    snapshotKeys: { seq: 'lastUpdateId', bids: 'bids', asks: 'asks' },
  }
}

function trades(path: string, weight: number): TradesRoom {
  const pageMax = 1000
  return {
    history: (venueSymbol, fromId) => ({
      path: `${path}?symbol=${encodeURIComponent(venueSymbol)}&fromId=${fromId}&limit=${pageMax}`,
      weight,
      pageMax,
    }),
    readHistory: readAggTrades,
  }
}
