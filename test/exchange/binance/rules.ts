// How the markets of Binance differ, as of 2026: research on the venue, sections 1 and 2.
import type { Market } from '../../../crds/names.ts'
import type { Limits } from '../venue.ts'

/** Where REST lists and answers for some of the instruments. */
export interface Api {
  readonly prefix: '/api/v3' | '/fapi/v1' | '/dapi/v1'
  /** The coin-margined ones, whose sizes are contracts. */
  readonly coin: boolean
}

export interface Rules {
  readonly market: Extract<Market, 'spot' | 'perpetual' | 'future'>
  /** Hosts that recordings name. */
  readonly hosts: readonly string[]
  readonly apis: readonly Api[]
  readonly limits: Limits & Required<Pick<Limits, 'streamsPerConnection' | 'weightPerMinute' | 'banMs'>>
  /**
   * Contracts. Streams of USDⓈ-M live on `/public` and `/market`; elsewhere they are acknowledged and silent. Those of
   * COIN-M are served without such a path, as on a host of their own.
   */
  readonly split: boolean
  /** `?timeUnit=MICROSECOND` is understood. */
  readonly microseconds: boolean
  readonly serverShutdown: boolean
  /** Update ids of all symbols are one count, and each event names its predecessor. */
  readonly globalIds: boolean
  /** Digits behind the point of every number; undefined: those of the instrument. */
  readonly decimals: number | undefined
  /** Milliseconds between matching (T) and pushing (E). */
  readonly pushLagMs: number
  readonly depthMs: Readonly<Record<string, number>>
  readonly klineMs: number
  readonly tickerMs: number
  /** Limits that depth accepts; undefined: any up to 5000. */
  readonly depthLimits: readonly number[] | undefined
  readonly weight: {
    readonly exchangeInfo: number
    readonly aggTrades: number
    readonly bookTicker: readonly [one: number, all: number]
    /** Weight up to this limit. */
    readonly depth: readonly (readonly [limit: number, weight: number])[]
    readonly klines: readonly (readonly [limit: number, weight: number])[]
  }
  /** How far back trades go, ms. */
  readonly tradesMs: number
  readonly klinesMax: number
}

const DAY = 86_400_000

export const spot: Rules = {
  market: 'spot',
  hosts: ['stream.binance.com', 'data-stream.binance.vision', 'api.binance.com', 'data-api.binance.vision'],
  apis: [{ prefix: '/api/v3', coin: false }],
  limits: {
    messagesPerSecond: 5,
    streamsPerConnection: 1024,
    connects: 300,
    connectsWithinMs: 300_000,
    lifeMs: DAY,
    pingEveryMs: 20_000,
    pongWithinMs: 60_000,
    weightPerMinute: 6_000,
    banMs: 120_000,
  },
  split: false,
  microseconds: true,
  serverShutdown: true,
  globalIds: false,
  decimals: 8,
  pushLagMs: 0,
  depthMs: { '': 1_000, '100ms': 100 },
  klineMs: 2_000,
  tickerMs: 1_000,
  depthLimits: undefined,
  weight: {
    exchangeInfo: 20,
    aggTrades: 4,
    bookTicker: [2, 4],
    depth: [
      [100, 5],
      [500, 25],
      [1_000, 50],
      [5_000, 250],
    ],
    klines: [[1_000, 2]],
  },
  tradesMs: Infinity,
  klinesMax: 1_000,
}

export const perpetual: Rules = {
  market: 'perpetual',
  hosts: ['fstream.binance.com', 'fapi.binance.com', 'dstream.binance.com', 'dapi.binance.com'],
  apis: [
    { prefix: '/fapi/v1', coin: false },
    { prefix: '/dapi/v1', coin: true },
  ],
  limits: {
    messagesPerSecond: 10,
    streamsPerConnection: 1024,
    connects: 300,
    connectsWithinMs: 300_000,
    lifeMs: DAY,
    pingEveryMs: 180_000,
    pongWithinMs: 600_000,
    weightPerMinute: 2_400,
    banMs: 120_000,
  },
  split: true,
  microseconds: false,
  serverShutdown: false,
  globalIds: true,
  decimals: undefined,
  pushLagMs: 3,
  depthMs: { '': 250, '100ms': 100, '500ms': 500 },
  klineMs: 250,
  tickerMs: 2_000,
  depthLimits: [5, 10, 20, 50, 100, 500, 1_000],
  weight: {
    exchangeInfo: 1,
    aggTrades: 20,
    bookTicker: [2, 5],
    depth: [
      [50, 2],
      [100, 5],
      [500, 10],
      [1_000, 20],
    ],
    klines: [
      [99, 1],
      [499, 2],
      [1_000, 5],
      [1_500, 10],
    ],
  },
  tradesMs: DAY,
  klinesMax: 1_500,
}

/** On the hosts of the perpetuals; what recordings of them hold is played there. */
export const future: Rules = { ...perpetual, market: 'future', hosts: [] }

/** Requests of one address in five minutes that have no weight: of `/futures/data`, and of funding. */
export const UNWEIGHED = { statistics: 1_000, funding: 500, windowMs: 300_000 } as const

/** Where a stream of the split market lives; undefined for streams that nobody knows. */
export function groupOf(stream: string): 'public' | 'market' | undefined {
  if (/@(bookTicker|depth\d*(@\d+ms)?|rpiDepth(@\d+ms)?|trade)$|^!bookTicker$/u.test(stream)) return 'public'
  if (/@|^!|^tradingSession$/u.test(stream)) return 'market'
  return undefined
}
