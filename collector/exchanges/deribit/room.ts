// Deribit perpetual, future and option. README.md beside this file has the venue's pages, limits, quirks and divergences.
import type { Market } from '../../../crds/names.ts'
import type { FrameDeclaration } from '../../wire/frame.ts'
import type { Listing, PushedType, Room, TypeOptions, Types } from '../room.ts'
import {
  bookChange,
  bookSnapshot,
  fundingRate,
  kline,
  liquidation,
  openInterest,
  ticker,
  trade,
  volatilityIndex,
} from './frames.ts'
import { INDEX, INDICES, readInstruments } from './instruments.ts'
import { limited, readTrades } from './rest.ts'
import { openNotification, protocol } from './socket.ts'

const SECOND_MS = 1_000
const PATH = '/ws/api/v2'
const REST = '/api/v2/public'
const PAGE_MAX = 1_000

/** Resolutions by our interval: minutes, or a day. */
const RESOLUTIONS: Readonly<Record<string, string>> = {
  '1m': '1',
  '3m': '3',
  '5m': '5',
  '15m': '15',
  '30m': '30',
  '1h': '60',
  '2h': '120',
  '6h': '360',
  '12h': '720',
  '1d': '1D',
}

const perpetual = room('perpetual', 'future', {
  ...common(),
  funding_rate: {
    ...pushed('ticker', '100ms', 'at most each 100 ms'),
    forms: [{ frame: fundingRate }],
    order: { time: 'timestamp' },
    onChange: ['current_funding'],
  },
  liquidation: liquidations(),
  volatility_index: volatility(({ symbol }) => symbol),
})

const future = room('future', 'future', { ...common(), liquidation: liquidations() })

const option = room('option', 'option', {
  ...common(),
  liquidation: liquidations(),
  volatility_index: volatility(({ symbol, family }) => (family === INDEX ? symbol : '')),
})

export const deribit: readonly Room[] = [perpetual, future, option]

function room(market: Market, kind: 'future' | 'option', types: Types): Room {
  return {
    exchange: 'deribit',
    market,
    figures: market === 'option' ? 'base' : 'base, or in quote where contracts are inverse',
    endpoints: { websocket: 'wss://www.deribit.com', rest: 'https://www.deribit.com' },
    protocol,
    rules: {
      connections: { max: 10, windowMs: 10 * SECOND_MS },
      // Credits: 500 of 50,000 for each call, 10,000 more each second.
      weight: { max: 100, windowMs: 5 * SECOND_MS },
      pools: { instruments: { max: 1, windowMs: SECOND_MS } },
      open: 32,
      limited,
      slowDownMs: 5 * SECOND_MS,
    },
    open: openNotification,
    wrapper: { jsonrpc: 'value', method: 'value', params: { channel: 'value', data: 'value' } },
    types,
    instruments: {
      queries: [{ path: `${REST}/get_instruments?currency=any&kind=${kind}`, weight: 1, pool: 'instruments' }],
      read: (body) => readInstruments(body, market),
    },
  }
}

/** What every market has. */
function common(): Types {
  return {
    trade: {
      ...pushed('trades', '100ms', 'each trade, in batches of 100 ms'),
      forms: [{ frame: trade }],
      order: { id: 'trade_seq', time: 'timestamp' },
      history: {
        query: ({ venueSymbol }, from) => ({
          path:
            `${REST}/get_last_trades_by_instrument?instrument_name=${encodeURIComponent(venueSymbol)}` +
            `&start_seq=${from}&end_seq=${from + PAGE_MAX - 1}&count=${PAGE_MAX}&sorting=asc`,
          weight: 1,
          pageMax: PAGE_MAX,
        }),
        read: readTrades,
      },
    },
    orderbook: {
      ...pushed('book', '100ms', '100 ms'),
      forms: [book(bookChange, 'delta'), book(bookSnapshot, 'snapshot')],
      order: { seq: 'change_id', time: 'timestamp' },
      snapshots: 'stream',
    },
    ticker: {
      ...pushed('ticker', '100ms', 'at most each 100 ms'),
      forms: [{ frame: ticker }],
      order: { time: 'timestamp' },
      onChange: ['best_bid_price', 'best_bid_amount', 'best_ask_price', 'best_ask_amount'],
    },
    open_interest: {
      ...pushed('ticker', '100ms', 'at most each 100 ms'),
      forms: [{ frame: openInterest }],
      order: { time: 'timestamp' },
      onChange: ['open_interest'],
    },
    kline: {
      via: 'websocket',
      cadence: 'each trade',
      stream: ({ venueSymbol }, { interval = '' }) => ({
        path: PATH,
        name: `chart.trades.${venueSymbol}.${RESOLUTIONS[interval] ?? ''}`,
      }),
      forms: [{ frame: kline }],
      order: {},
      onChange: ['tick', 'high', 'low', 'close', 'volume'],
      offers: (listing, { interval = '' }) => isInstrument(listing) && interval in RESOLUTIONS,
    },
  }
}

function book(frame: FrameDeclaration, kind: 'snapshot' | 'delta') {
  const keys = { seq: 'change_id', time: 'timestamp', bids: 'bids', asks: 'asks' } as const
  return { frame, kind, ...keys, ...(kind === 'delta' ? { previous: { key: 'prev_change_id' } } : {}) }
}

/** They come among the trades. */
function liquidations(): PushedType {
  return {
    ...pushed('trades', '100ms', 'each one, in batches of 100 ms'),
    forms: [{ frame: liquidation }],
    // Several may share a millisecond.
    order: { seq: 'trade_seq', time: 'timestamp' },
    shared: true,
    sparse: true,
  }
}

/** @param symbolOf the symbol of the index that a listing has, if it has one */
function volatility(symbolOf: (listing: Listing) => string): PushedType {
  return {
    via: 'websocket',
    cadence: 'each second, of BTC-USD and ETH-USD alone',
    stream: (listing) => ({ path: PATH, name: `deribit_volatility_index.${INDICES[symbolOf(listing)] ?? ''}` }),
    forms: [{ frame: volatilityIndex }],
    order: { time: 'timestamp' },
    offers: (listing) => symbolOf(listing) in INDICES,
  }
}

function pushed(channel: string, interval: string, cadence: string) {
  return {
    via: 'websocket',
    cadence,
    stream: ({ venueSymbol }: Listing, _options: TypeOptions) => ({
      path: PATH,
      name: `${channel}.${venueSymbol}.${interval}`,
    }),
    offers: isInstrument,
  } as const
}

function isInstrument({ family }: Listing): boolean {
  return family !== INDEX
}
