// Entries of get_instruments: made for a contract, or taken from a recording and brought up to 2026.
import type { Contract } from './contracts.ts'
import { contract, marketOfName } from './contracts.ts'
import { float, object } from './json.ts'

/** One entry; more fields than named here are passed on. */
export interface InstrumentInfo {
  readonly instrument_name: string
  readonly kind: string
  readonly is_active: boolean
  readonly base_currency: string
  readonly settlement_currency?: string
  readonly [field: string]: unknown
}

const PERPETUAL_EXPIRY = 32_503_708_800_000
const LISTED = 1_569_398_400_000

export function instrumentInfo(of: Contract, id: number): InstrumentInfo {
  const { name, market, base, quote, inverse, tick, lot, contractSize, strike, right, trading } = of
  const tickSize = tick.units / 10 ** tick.decimals
  const option = market === 'option'
  return {
    instrument_name: name,
    kind: option ? 'option' : 'future',
    instrument_type: inverse ? 'reversed' : 'linear',
    settlement_period: market === 'perpetual' ? 'perpetual' : 'month',
    base_currency: base,
    // an inverse option is priced in the coin; its strike counts dollars
    quote_currency: inverse && option ? base : quote,
    counter_currency: quote,
    settlement_currency: inverse ? base : quote,
    price_index: `${base}_${quote}`.toLowerCase(),
    instrument_id: id,
    contract_size: contractSize,
    min_trade_amount: lot.units / 10 ** lot.decimals,
    tick_size: tickSize,
    tick_size_steps: option && inverse ? [{ above_price: 0.005, tick_size: tickSize }] : [],
    expiration_timestamp: of.expiry ?? PERPETUAL_EXPIRY,
    creation_timestamp: LISTED,
    is_active: trading,
    state: trading ? 'open' : 'halted',
    ...(option ? { strike, option_type: right } : {}),
    ...(option ? {} : { max_leverage: 50 }),
    maker_commission: 0,
    taker_commission: 0.0005,
    block_trade_commission: 0.0001,
    rfq: false,
  }
}

/** A recorded entry with the fields that came later. */
export function broughtUpToDate(info: InstrumentInfo): InstrumentInfo {
  const name = info.instrument_name
  if (marketOfName(name) === undefined) return info
  const inverse = !name.includes('_')
  const counter = inverse ? 'USD' : 'USDC'
  return {
    instrument_type: inverse ? 'reversed' : 'linear',
    counter_currency: counter,
    settlement_currency: inverse ? info.base_currency : counter,
    price_index: `${info.base_currency}_${counter}`.toLowerCase(),
    tick_size_steps: [],
    state: info.is_active ? 'open' : 'closed',
    rfq: false,
    ...info,
  }
}

const FLOATS = new Set(['contract_size', 'strike', 'tick_size', 'maker_commission', 'taker_commission'])

/** As get_instruments prints it. */
export function infoText(info: InstrumentInfo): string {
  const printed = ([key, value]: [string, unknown]) =>
    FLOATS.has(key) && typeof value === 'number' ? float(value) : JSON.stringify(value)
  return object(Object.fromEntries(Object.entries(info).map((entry) => [entry[0], printed(entry)])))
}

/** For an instrument that a recording has frames of, and no entry. */
export function inferredInfo(name: string, id: number): InstrumentInfo {
  return instrumentInfo(contract(name), id)
}
