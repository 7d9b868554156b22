// What OKX lists, in our terms.
//
// Always: a symbol is made of the name alone, part by part, so no two instruments of a market share one.
import { isRecord, textOf } from '../../wire/general.ts'
import type { Sizing } from '../../wire/sizes.ts'
import type { Listing, ListingsRead, Query } from '../room.ts'
import { dataOf } from './flatten.ts'

export type InstType = 'SPOT' | 'SWAP' | 'FUTURES' | 'OPTION'

const ASSET = String.raw`[\p{L}\p{N}]{1,24}`
/** Quotes of contracts may have endings: `USD_UM` is settled in dollars, `USD_UM_XPERP` has funding beside its date. */
const QUOTE = String.raw`[\p{L}\p{N}]{1,24}(?:_[A-Z]{1,8}){0,2}`
/** Base, quote, and what a market adds: a date, a strike and which option. */
const NAMES: Readonly<Record<InstType, RegExp>> = {
  SPOT: new RegExp(`^(${ASSET})-(${ASSET})$`, 'u'),
  SWAP: new RegExp(`^(${ASSET})-(${QUOTE})-SWAP$`, 'u'),
  FUTURES: new RegExp(`^(${ASSET})-(${QUOTE})-(\\d{6})$`, 'u'),
  OPTION: new RegExp(String.raw`^(${ASSET})-(${QUOTE})-(\d{6})-(\d{1,12}(?:\.\d{1,12})?)-([CP])$`, 'u'),
}
const UNDERLYING = new RegExp(`^${ASSET}-${ASSET}$`, 'u')
const DAY_MS = 86_400_000
/** 2000-01-01, days from 1970. */
const DAY_OF_2000 = 10_957
const DECIMAL = /^(?:0|[1-9]\d{0,11})(?:\.\d{1,11})?$/

/** `rebase`, `settling`, `test` and whatever is new are not traded; `post_only` takes no takers. */
const STATUSES: Readonly<Record<string, Listing['status']>> = {
  live: 'trading',
  preopen: 'pre_open',
  suspend: 'halted',
  post_only: 'halted',
  rebase: 'halted',
  settling: 'halted',
  test: 'halted',
  expired: 'delisted',
}

/** {@link Listing.family} of dated contracts that have funding. */
export const XPERP = 'xperp'

const LIST = '/api/v5/public/instruments'
const UNDERLYINGS: Query = { path: '/api/v5/public/underlying?instType=OPTION', weight: 1, pool: 'underlying' }

/** Options are listed by underlying, which must be asked for first. */
export function queries(instType: InstType): readonly Query[] {
  return instType === 'OPTION' ? [UNDERLYINGS] : [list(instType, '')]
}

function list(instType: InstType, more: string): Query {
  return { path: `${LIST}?instType=${instType}${more}`, weight: 1, pool: 'instruments' }
}

/** `public/instruments`, or `public/underlying`, which leads on to it; undefined when the answer is none. */
export function readInstruments(body: Buffer, query: Query, instType: InstType): ListingsRead | undefined {
  const data = dataOf(body)
  if (data === undefined) return undefined
  if (query.path !== UNDERLYINGS.path) return { listings: data.flatMap((row) => listing(row, instType) ?? []) }
  const underlyings = data.flat().filter((uly): uly is string => typeof uly === 'string' && UNDERLYING.test(uly))
  return {
    listings: [],
    more: [...new Set(underlyings)].map((uly) => list('OPTION', `&uly=${encodeURIComponent(uly)}`)),
  }
}

function listing(row: unknown, instType: InstType): Listing | undefined {
  if (!isRecord(row) || row['instType'] !== instType) return undefined
  const { instId, state, ruleType } = row
  const name = typeof instId === 'string' ? NAMES[instType].exec(instId) : null
  if (name === null) return undefined
  const [venueSymbol, base = '', family = '', date, strike, right] = name
  const quote = family.replace(/_.*/, '')
  const dated = date === undefined ? [] : [dateOf(date, textOf(row['expTime']))]
  const option = strike === undefined ? [] : [strike.replace('.', 'd'), right]
  // An ending belongs to the symbol: BTC-USD is settled in coin, BTC-USDUM in dollars.
  const parts = [base, family.replaceAll('_', ''), ...dated, ...option]
  const sizing = sizingOf(row, instType, base, quote)
  if (parts.includes(undefined) || sizing === undefined) return undefined
  return {
    symbol: parts.join('-'),
    venueSymbol,
    base,
    quote,
    status: STATUSES[String(state)] ?? 'halted',
    tickSize: decimalOf(row['tickSz']),
    lotSize: decimalOf(row['lotSz']),
    sizing,
    ...(date === undefined ? {} : endOf(textOf(row['expTime']))),
    ...(ruleType === XPERP ? { family: XPERP } : {}),
  }
}

/** `261225` as `20261225`; undefined when it is not the day on which the contract expires. */
function dateOf(date: string, expiry: string | undefined): string | undefined {
  const day = dayOf(date)
  const isRight = expiry === undefined || expiry === '' || Math.floor(Number(expiry) / DAY_MS) === day
  return day !== undefined && isRight ? `20${date}` : undefined
}

/** When it expires, where the venue says so. */
function endOf(expiry: string | undefined): { expiresMs?: number } {
  const expiresMs = Number(expiry)
  return Number.isSafeInteger(expiresMs) && expiresMs > 0 ? { expiresMs } : {}
}

/** Days from 1970 to `yymmdd` of this century; undefined when there is no such day. */
function dayOf(date: string): number | undefined {
  const [year = 0, month = 0, day = 0] = [0, 2, 4].map((at) => Number(date.slice(at, at + 2)))
  const lengths = [31, year % 4 === 0 ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
  if (day < 1 || day > (lengths[month - 1] ?? 0)) return undefined
  const months = lengths.slice(0, month - 1).reduce((sum, length) => sum + length, 0)
  return DAY_OF_2000 + year * 365 + Math.ceil(year / 4) + months + day - 1
}

/** A contract is `ctVal` × `ctMult` of `ctValCcy`: of the base or of what the price is in. Of anything else it has no size. */
function sizingOf(row: Record<string, unknown>, instType: InstType, base: string, quote: string): Sizing | undefined {
  if (instType === 'SPOT') return { kind: 'base' }
  const [value, multiplier] = [decimalOf(row['ctVal']), decimalOf(row['ctMult']) ?? '1']
  if (value === undefined) return undefined
  const product = times(value, multiplier)
  if (!/[1-9]/.test(product) || product.length > 24) return undefined
  const currency = textOf(row['ctValCcy']) || (row['ctType'] === 'inverse' ? quote : base)
  if (currency === base) return { kind: 'linear', multiplier: product }
  return currency === quote ? { kind: 'inverse', value: product } : undefined
}

/** The exact product of two decimals, without zeros at its end. */
function times(a: string, b: string): string {
  const places = [a, b].reduce((sum, text) => sum + (text.split('.')[1] ?? '').length, 0)
  const digits = (BigInt(a.replace('.', '')) * BigInt(b.replace('.', ''))).toString().padStart(places + 1, '0')
  if (places === 0) return digits
  return `${digits.slice(0, -places)}.${digits.slice(-places)}`.replace(/\.?0+$/, '')
}

function decimalOf(value: unknown): string | undefined {
  const text = textOf(value)
  return text !== undefined && DECIMAL.test(text) ? text : undefined
}
