// Binance's REST answers: instruments and the history of trades.
import { isRecord, parse, print } from '../../wire/general.ts'
import type { Listing } from '../room.ts'

/** What may stand in a symbol: some base assets are Chinese words, some begin with a digit. */
const ASSET = /^[\p{L}\p{N}]{1,24}$/u

const STATUSES: Record<string, Listing['status']> = {
  TRADING: 'trading',
  PENDING_TRADING: 'pre_open',
  END_OF_DAY: 'halted',
  HALT: 'halted',
  BREAK: 'halted',
  CANCEL_ONLY: 'halted',
  TRADING_HALT: 'halted',
  TRADING_CANCEL_ONLY: 'halted',
  PRE_SETTLE: 'halted',
  SETTLING: 'delisted',
  PRE_DELIVERING: 'delisted',
  DELIVERING: 'delisted',
  DELIVERED: 'delisted',
  CLOSE: 'delisted',
}

/**
 * `exchangeInfo`: the instruments of one market; undefined when the answer is none.
 * Rows that this market does not have (dated futures), or whose names are no symbols, are left out.
 */
export function readInstruments(body: Buffer, market: 'spot' | 'perpetual'): Listing[] | undefined {
  let value: unknown
  try {
    value = JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
  if (!isRecord(value) || !Array.isArray(value['symbols'])) return undefined
  return value['symbols'].flatMap((row: unknown) => listing(row, market) ?? [])
}

function listing(row: unknown, market: 'spot' | 'perpetual'): Listing | undefined {
  if (!isRecord(row)) return undefined
  const { symbol, baseAsset, quoteAsset, status, contractType } = row
  if (typeof symbol !== 'string' || typeof baseAsset !== 'string' || typeof quoteAsset !== 'string') return undefined
  if (!ASSET.test(baseAsset) || !ASSET.test(quoteAsset) || !ASSET.test(symbol)) return undefined
  // A perpetual on shares or metals is TRADIFI_PERPETUAL.
  if (market === 'perpetual' && !String(contractType).endsWith('PERPETUAL')) return undefined
  return {
    symbol: `${baseAsset}-${quoteAsset}`,
    venueSymbol: symbol,
    base: baseAsset,
    quote: quoteAsset,
    status: STATUSES[String(status)] ?? 'halted',
    tickSize: filterValue(row['filters'], 'PRICE_FILTER', 'tickSize'),
    lotSize: filterValue(row['filters'], 'LOT_SIZE', 'stepSize'),
    contractMultiplier: undefined,
  }
}

function filterValue(filters: unknown, type: string, field: string): string | undefined {
  if (!Array.isArray(filters)) return undefined
  const filter = filters.find((f: unknown) => isRecord(f) && f['filterType'] === type) as Record<string, unknown>
  const value = filter?.[field]
  return typeof value === 'string' && /^\d+(\.\d+)?$/.test(value) ? value : undefined
}

/** `aggTrades`: each row as the socket would have sent it. Rows of spot and futures have the socket's keys but `e` and `s`. */
export function readAggTrades(body: Buffer, venueSymbol: string): Buffer[] | undefined {
  const rows = parse(body)
  if (!Array.isArray(rows)) return undefined
  const frames: Buffer[] = []
  for (const row of rows as unknown[]) {
    const text = isRecord(row) ? print({ ...row, e: 'aggTrade', s: venueSymbol }) : undefined
    if (text === undefined) return undefined
    frames.push(Buffer.from(text))
  }
  return frames
}
