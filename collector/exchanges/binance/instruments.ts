// What Binance lists, in our terms.
//
// Always: no two instruments of a market share a symbol. A symbol is made of base, quote and day, which are the venue's
// name of it, part by part; and what is quoted in plain dollars is coin-margined.
import type { Market } from '../../../crds/names.ts'
import { dayOf } from '../../market/days.ts'
import { isRecord } from '../../wire/general.ts'
import type { Sizing } from '../../wire/sizes.ts'
import type { Listing, ListingsRead } from '../room.ts'

/** The host of coin-margined contracts; see {@link Listing.host}. */
export const COIN = 'coin'

/** What may stand in a symbol: some base assets are Chinese words, some begin with a digit. */
const ASSET = /^[\p{L}\p{N}]{1,24}$/u
/** A contract's worth. */
const WORTH = /^[1-9]\d{0,8}$/
/** When perpetuals would be delivered. */
const NEVER_MS = 4_133_404_800_000
const COIN_QUOTE = 'USD'

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

type Row = Record<string, unknown>

/**
 * `exchangeInfo`: the instruments of one market that one host lists; undefined when the answer is none.
 * Rows that this market does not have, or whose names are no symbols, are left out.
 */
export function readInstruments(body: Buffer, market: Market, host?: string): ListingsRead | undefined {
  let value: unknown
  try {
    value = JSON.parse(body.toString('utf8'))
  } catch {
    return undefined
  }
  if (!isRecord(value) || !Array.isArray(value['symbols'])) return undefined
  return { listings: value['symbols'].flatMap((row: unknown) => (isRecord(row) ? listing(row, market, host) : [])) }
}

function listing(row: Row, market: Market, host: string | undefined): Listing[] {
  const { symbol, baseAsset: base, quoteAsset: quote, deliveryDate } = row
  if (typeof symbol !== 'string' || typeof base !== 'string' || typeof quote !== 'string') return []
  if (!ASSET.test(base) || !ASSET.test(quote) || (market !== 'spot' && marketOf(row) !== market)) return []
  const expiresMs = market === 'spot' ? undefined : timeOf(deliveryDate)
  const day = market !== 'future' || expiresMs === undefined ? undefined : dayOf(expiresMs)
  const sizing = host === COIN ? worthOf(row) : ({ kind: 'base' } as const)
  const isNamed = symbol === `${base}${quote}${endingOf(market, host, day)}`
  if (!isNamed || sizing === undefined || (market !== 'spot' && (quote === COIN_QUOTE) !== (host === COIN))) return []
  return [
    {
      symbol: [base, quote, ...(day === undefined ? [] : [day])].join('-'),
      venueSymbol: symbol,
      base,
      quote,
      status: STATUSES[String(row['contractStatus'] ?? row['status'])] ?? 'halted',
      tickSize: filterValue(row['filters'], 'PRICE_FILTER', 'tickSize'),
      lotSize: filterValue(row['filters'], 'LOT_SIZE', 'stepSize'),
      sizing,
      ...multiplierOf(base),
      // A perpetual that is about to go has a day, too.
      ...(expiresMs === undefined ? {} : { expiresMs }),
      ...(host === undefined ? {} : { host }),
    },
  ]
}

/** Pending contracts have no type yet. Perpetuals on shares or metals are TRADIFI_PERPETUAL. */
function marketOf({ contractType: type, deliveryDate }: Row): Market | undefined {
  if (type === '') return deliveryDate === NEVER_MS ? 'perpetual' : undefined
  const words = String(type)
  if (words.endsWith('PERPETUAL')) return 'perpetual'
  return /^(?:CURRENT|NEXT)_(?:MONTH|QUARTER)\b/.test(words) ? 'future' : undefined
}

/** Behind base and quote in the venue's name; nothing that a name has where the day is unknown. */
function endingOf(market: Market, host: string | undefined, day: string | undefined): string {
  if (market === 'future') return `_${day?.slice(2)}`
  return host === COIN ? '_PERP' : ''
}

/** `1000SHIB`, `1MBABYDOGE`; but `1INCH` is a coin. The venue has no field for it. */
function multiplierOf(base: string): Pick<Listing, 'baseMultiplier'> {
  const [, digits] = /^(10{3,6}|1M)[A-Z]{2}/.exec(base) ?? []
  return digits === undefined ? {} : { baseMultiplier: digits.replace('M', '000000') }
}

/** Of a delivery; undefined where there is none. */
function timeOf(delivery: unknown): number | undefined {
  return typeof delivery === 'number' && delivery > 0 && delivery < NEVER_MS ? delivery : undefined
}

/** What a coin-margined contract is worth in dollars. */
function worthOf({ contractSize }: Row): Sizing | undefined {
  const value = String(contractSize)
  return WORTH.test(value) ? { kind: 'inverse', value } : undefined
}

function filterValue(filters: unknown, type: string, field: string): string | undefined {
  if (!Array.isArray(filters)) return undefined
  const filter: unknown = filters.find((f: unknown) => isRecord(f) && f['filterType'] === type)
  const value = isRecord(filter) ? filter[field] : undefined
  return typeof value === 'string' && /^\d{1,12}(\.\d{1,12})?$/.test(value) ? value : undefined
}
