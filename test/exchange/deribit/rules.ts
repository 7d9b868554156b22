// What Deribit allows and how often it speaks, as of 2026: research on the venue, section 4.
import type { Limits } from '../venue.ts'

export const HOSTS: readonly string[] = ['www.deribit.com', 'streams.deribit.com', 'test.deribit.com']
export const WEBSOCKET_PATH = '/ws/api/v2'
export const REST_PREFIX = '/api/v2/'

/** `pongWithinMs`: how long a test_request may go unanswered. */
export const LIMITS: Limits = { openMax: 32, pongWithinMs: 5_000 }

/** A pool of credits that refills with time. */
export interface Pool {
  readonly size: number
  readonly perSecond: number
}

/** Calls that cost nothing else take an ordinary one; subscriptions have a pool of their own. */
export const CREDITS = {
  ordinary: { pool: { size: 50_000, perSecond: 10_000 }, cost: 500 },
  instruments: { pool: { size: 50_000, perSecond: 10_000 }, cost: 10_000 },
  subscription: { pool: { size: 30_000, perSecond: 10_000 }, cost: 3_000 },
} as const satisfies Record<string, { pool: Pool; cost: number }>

export type Price = keyof typeof CREDITS

/** Least interval of heartbeats in seconds. */
export const HEARTBEAT_SECONDS_MIN = 10

export const BATCH_MS = 100
export const CHART_MS = 500
export const VOLATILITY_MS = 1_000
/** A ticker also moves without orders: its index does. */
export const TICKER_IDLE_MS = 1_000
export const VOLATILITY_INDICES: readonly string[] = ['btc_usd', 'eth_usd']
export const TRADES_MAX = 1_000
export const ORDER_BOOK_DEPTHS: readonly number[] = [1, 5, 10, 20, 50, 100, 1_000, 10_000]
export const VERSION = '1.2.26'
