// How OKX v5 stands in 2026, by market: research on the venue, section 3.
import type { Market } from '../../../crds/names.ts'
import type { Limits } from '../venue.ts'

export type InstType = 'SPOT' | 'SWAP' | 'FUTURES' | 'OPTION'

export interface Rules {
  readonly market: Market
  readonly instType: InstType
  readonly limits: Limits & Required<Pick<Limits, 'operationsPerHour'>>
}

export const HOSTS = ['ws.okx.com', 'wspap.okx.com', 'www.okx.com', 'openapi.okx.com'] as const

export const INST_TYPES: Readonly<Record<Market, InstType>> = {
  spot: 'SPOT',
  perpetual: 'SWAP',
  future: 'FUTURES',
  option: 'OPTION',
}

const LIMITS = { operationsPerHour: 480, connects: 3, connectsWithinMs: 1_000, idleMs: 30_000 }

export function rulesOf(market: Market, limits: Partial<Limits>): Rules {
  return { market, instType: INST_TYPES[market], limits: { ...LIMITS, ...limits } }
}

/** From the notice 64008 to the end of the connection, ms. */
export const NOTICE_MS = 60_000

export type Path = 'public' | 'business'

/** Where a channel lives and what names one of it; undefined for channels that this venue does not serve. */
export function channelOf(channel: string): { readonly path: Path; readonly by: 'instId' | 'instType' } | undefined {
  if (channel === 'trades-all') return { path: 'business', by: 'instId' }
  if (channel.startsWith('candle') && barOf(channel.slice('candle'.length)) !== undefined) {
    return { path: 'business', by: 'instId' }
  }
  if (channel === 'liquidation-orders' || channel === 'instruments') return { path: 'public', by: 'instType' }
  return /^(trades|books|tickers|funding-rate|open-interest)$/u.test(channel)
    ? { path: 'public', by: 'instId' }
    : undefined
}

const MINUTE = 60_000
const HOUR = 3_600_000
const BARS: Readonly<Record<string, number>> = {
  '1s': 1_000,
  '1m': MINUTE,
  '3m': 3 * MINUTE,
  '5m': 5 * MINUTE,
  '15m': 15 * MINUTE,
  '30m': 30 * MINUTE,
  '1H': HOUR,
  '2H': 2 * HOUR,
  '4H': 4 * HOUR,
  '6H': 6 * HOUR,
  '12H': 12 * HOUR,
  '1D': 24 * HOUR,
}
const HONG_KONG = -8 * HOUR

/** Length of a bar and where it begins: from six hours up days begin at UTC+8, unless the name ends in `utc`. */
export function barOf(name: string): { readonly lengthMs: number; readonly offsetMs: number } | undefined {
  const utc = name.endsWith('utc')
  const lengthMs = BARS[utc ? name.slice(0, -3) : name]
  if (lengthMs === undefined || (utc && lengthMs < 6 * HOUR)) return undefined
  return { lengthMs, offsetMs: lengthMs < 6 * HOUR || utc ? 0 : HONG_KONG }
}

/** Periods of the ratios, ms. Those that begin at UTC+8 are left out. */
export const PERIODS: Readonly<Record<string, number>> = {
  '5m': 5 * MINUTE,
  '15m': 15 * MINUTE,
  '30m': 30 * MINUTE,
  '1H': HOUR,
  '2H': 2 * HOUR,
  '4H': 4 * HOUR,
}

/** A ratio is there so long after its period, ms (the venue's pages leave it open). */
export const RATIO_LAG_MS = 10_000
