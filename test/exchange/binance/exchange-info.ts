// exchangeInfo of all markets: made for synthetic instruments, or taken from a recording and brought up to 2026.
import { decimal, type Instrument } from '../market/instruments.ts'
import { contractType, pairOf, worthOf } from './contracts.ts'
import type { Api, Rules } from './rules.ts'

/** One entry of `symbols`; more fields than named here are passed on. */
export interface SymbolInfo {
  readonly symbol: string
  readonly status?: string
  readonly contractStatus?: string
  readonly [field: string]: unknown
}

const PERPETUAL_DELIVERY = 4_133_404_800_000
const LISTED = 1_569_398_400_000

export function exchangeInfo(rules: Rules, { coin }: Api, now: number, symbols: readonly SymbolInfo[]): string {
  const weight = {
    rateLimitType: 'REQUEST_WEIGHT',
    interval: 'MINUTE',
    intervalNum: 1,
    limit: rules.limits.weightPerMinute,
  }
  const raw = { rateLimitType: 'RAW_REQUESTS', interval: 'MINUTE', intervalNum: 5, limit: 300_000 }
  const head = { timezone: 'UTC', serverTime: Math.floor(now), rateLimits: rules.split ? [weight] : [weight, raw] }
  return JSON.stringify({
    ...head,
    ...(rules.split && !coin ? { futuresType: 'U_MARGINED' } : {}),
    exchangeFilters: [],
    symbols,
  })
}

/** Whether the row is of a coin-margined contract. */
export function isCoin({ contractSize }: SymbolInfo): boolean {
  return contractSize !== undefined
}

export function symbolInfo(rules: Rules, instrument: Instrument, now: number): SymbolInfo {
  const { symbol, base, quote, priceDecimals, sizeDecimals, trading } = instrument
  const tickSize = decimal(1, priceDecimals, rules.decimals)
  const stepSize = decimal(1, sizeDecimals, rules.decimals)
  const filters = [
    { filterType: 'PRICE_FILTER', minPrice: tickSize, maxPrice: '1000000.00000000', tickSize },
    { filterType: 'LOT_SIZE', minQty: stepSize, maxQty: '9000000.00000000', stepSize },
    rules.split ? { filterType: 'MIN_NOTIONAL', notional: '5' } : { filterType: 'NOTIONAL', minNotional: '5.00000000' },
  ]
  if (!rules.split) {
    const precisions = { baseAssetPrecision: 8, quotePrecision: 8, quoteAssetPrecision: 8 }
    const permissions = { isSpotTradingAllowed: true, permissions: [], permissionSets: [['SPOT']] }
    const status = trading ? 'TRADING' : 'BREAK'
    return { symbol, status, baseAsset: base, quoteAsset: quote, ...precisions, ...permissions, filters }
  }
  const worth = worthOf(instrument)
  const status = trading ? 'TRADING' : 'SETTLING'
  return {
    symbol,
    pair: pairOf(instrument),
    contractType: contractType(instrument, now),
    deliveryDate: instrument.expiry ?? PERPETUAL_DELIVERY,
    onboardDate: LISTED,
    ...(worth === undefined ? { status } : { contractStatus: status, contractSize: worth, equalQtyPrecision: 4 }),
    baseAsset: base,
    quoteAsset: quote,
    marginAsset: worth === undefined ? quote : base,
    // the venue forbids reading tick and step from these, and they need not agree
    pricePrecision: priceDecimals + 1,
    quantityPrecision: sizeDecimals,
    baseAssetPrecision: 8,
    quotePrecision: 8,
    underlyingType: 'COIN',
    filters,
  }
}

/** A recorded entry as the venue writes it in 2026: spot's MIN_NOTIONAL filter is called NOTIONAL since 2023. */
export function broughtUpToDate(rules: Rules, info: SymbolInfo): SymbolInfo {
  if (rules.split || !Array.isArray(info['filters'])) return info
  const filters = (info['filters'] as { filterType?: unknown }[]).map((filter) =>
    filter.filterType === 'MIN_NOTIONAL' ? { ...filter, filterType: 'NOTIONAL' } : filter,
  )
  return { ...info, filters }
}
