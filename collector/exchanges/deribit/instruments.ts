// Deribit's list of instruments in our terms; `get_instruments`.
import type { Market } from '../../../crds/names.ts'
import { isRecord, parse, print, textOf } from '../../wire/general.ts'
import type { Listing, ListingsRead } from '../room.ts'

/** Currencies and instruments, as far as they can stand in a subject. */
const CURRENCY = /^[A-Z0-9]{1,24}$/
const NAME = /^[A-Za-z0-9_-]{1,48}$/
const DATE = /^(\d{1,2})([A-Z]{3})(\d{2})$/
const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC']
const STRIKE = /^\d{1,12}(?:d\d{1,12})?$/

const STATUSES: Readonly<Record<string, Listing['status']>> = {
  created: 'pre_open',
  open: 'trading',
  started: 'trading',
  halted: 'halted',
  locked: 'halted',
  settlement: 'halted',
  closed: 'delisted',
  terminated: 'delisted',
  inactive: 'delisted',
  delivered: 'delisted',
  archivized: 'delisted',
}

/** The family of a listing that is an index, not an instrument. */
export const INDEX = 'index'
/** Indices of volatility exist for these two. */
export const INDICES: Readonly<Record<string, string>> = { 'BTC-USD': 'btc_usd', 'ETH-USD': 'eth_usd' }

/** `get_instruments`: those of one market, and for options the indices of volatility beside them; undefined when it is none. */
export function readInstruments(body: Buffer, market: Market): ListingsRead | undefined {
  const value = parse(body)
  if (!isRecord(value) || !Array.isArray(value['result'])) return undefined
  const listings = value['result'].flatMap((row: unknown) => listing(row, market) ?? [])
  if (market !== 'option') return { listings }
  const held = new Set(listings.map(({ base, quote }) => `${base}-${quote}`))
  const indices = Object.entries(INDICES).filter(([symbol]) => held.has(symbol))
  return { listings: [...listings, ...indices.map(([symbol, name]) => index(symbol, name))] }
}

function index(symbol: string, name: string): Listing {
  const [base = '', quote = ''] = symbol.split('-')
  const none = { tickSize: undefined, lotSize: undefined, sizing: { kind: 'base' } } as const
  return { symbol, venueSymbol: name, base, quote, status: 'trading', family: INDEX, ...none }
}

function listing(row: unknown, market: Market): Listing | undefined {
  if (!isRecord(row)) return undefined
  const { instrument_name: name, base_currency: base, kind } = row
  const quote = quoteOf(row)
  if (typeof name !== 'string' || !NAME.test(name) || typeof base !== 'string' || !CURRENCY.test(base)) return undefined
  if (quote === undefined || marketOf(row) !== market) return undefined
  const expiresMs = market === 'perpetual' ? undefined : expiryOf(row)
  const dated = market === 'perpetual' ? [] : [dateOf(name)]
  const option = kind === 'option' ? optionOf(name, row) : []
  const parts = [base, quote, ...dated, ...option]
  if (parts.includes(undefined)) return undefined
  const status = typeof row['state'] === 'string' ? STATUSES[row['state']] : undefined
  return {
    symbol: parts.join('-'),
    venueSymbol: name,
    base,
    quote,
    status: status ?? (row['is_active'] === false ? 'delisted' : 'trading'),
    tickSize: decimalOf(row['tick_size']),
    lotSize: decimalOf(row['min_trade_amount']),
    // The amount of an inverse perpetual or future is in quote; everything else is in base.
    sizing: kind === 'future' && isInverse(row) ? { kind: 'inverse', value: '1' } : { kind: 'base' },
    ...(expiresMs === undefined ? {} : { expiresMs }),
  }
}

function marketOf({ kind, settlement_period: period }: Record<string, unknown>): Market | undefined {
  if (kind === 'option') return 'option'
  if (kind === 'future') return period === 'perpetual' ? 'perpetual' : 'future'
  return undefined
}

/** What a strike or a price is in. Of an inverse option the quote is the coin, and its strike is in the counter currency. */
function quoteOf(row: Record<string, unknown>): string | undefined {
  const { base_currency: base, quote_currency: quoted, counter_currency: counter } = row
  const quote = typeof counter === 'string' ? counter : quoted === base ? 'USD' : quoted
  return typeof quote === 'string' && CURRENCY.test(quote) ? quote : undefined
}

/** Rows before 2022 say of linear ones only. */
function isInverse({ instrument_type: type, future_type: older }: Record<string, unknown>): boolean {
  return type === undefined ? older !== 'linear' : type === 'reversed'
}

/** When it expires, ms since the epoch; a perpetual says the year 3000. */
function expiryOf(row: Record<string, unknown>): number | undefined {
  const text = textOf(row['expiration_timestamp'])
  const ms = text === undefined ? Number.NaN : Number(text)
  return Number.isSafeInteger(ms) && ms > 0 && ms < 4_102_444_800_000 ? ms : undefined
}

/** The day of expiry, UTC, as `20261225`: of the name `BTC-25DEC26`, whose days have no zero before them. */
function dateOf(name: string): string | undefined {
  const [, day = '', month = '', year = ''] = DATE.exec(name.split('-')[1] ?? '') ?? []
  const index = MONTHS.indexOf(month)
  return index < 0 ? undefined : `20${year}${String(index + 1).padStart(2, '0')}${day.padStart(2, '0')}`
}

/** Strike and right; the strike as the name has it, with a `d` for the point. */
function optionOf(
  name: string,
  { option_type: type }: Record<string, unknown>,
): [string | undefined, string | undefined] {
  const strike = name.split('-')[2]
  const right = type === 'call' ? 'C' : type === 'put' ? 'P' : undefined
  return [strike !== undefined && STRIKE.test(strike) ? strike : undefined, right]
}

function decimalOf(value: unknown): string | undefined {
  const text = print(value)?.replaceAll('"', '')
  return text !== undefined && /^\d+(\.\d+)?$/.test(text) ? text : undefined
}
