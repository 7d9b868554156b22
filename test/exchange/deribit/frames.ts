// The data that Deribit sends, from what the synthetic market knows: one place for each kind. Keys as on the venue's
// pages of 2026; numbers are JSON numbers.
import type { Level } from '../market/book.ts'
import type { Trade } from '../market/market.ts'
import { amount, type Contract, currencyOf, written } from './contracts.ts'
import type { Action, Change } from './cut.ts'
import { array, float, object, quoted, rounded } from './json.ts'
import { fundingEightHours, fundingNow, impliedVolatility, indexPrice, markPrice, openInterest } from './values.ts'

/** What all frames of one contract share. */
export interface Voice {
  readonly contract: Contract
  /** A time of the market (ms) by the venue's own clock, which faults may set wrong. */
  time(ms: number): number
}

const LIQUIDATED = ['T', 'M', 'MT'] as const
const LIQUIDATED_EVERY = 20

/** Whose order was a liquidation: the taker's, the maker's, both; undefined for usual trades. */
export function liquidated({ market }: Contract, { id }: Pick<Trade, 'id'>): (typeof LIQUIDATED)[number] | undefined {
  if (market === 'option' || id % LIQUIDATED_EVERY !== 0) return undefined
  return LIQUIDATED[(id / LIQUIDATED_EVERY) % LIQUIDATED.length]
}

/** @param number what makes the trade's id unique in its currency */
export function trade({ contract, time }: Voice, number: number, made: Trade): string {
  const { name, tick, lot, contractSize, market } = contract
  const currency = currencyOf(contract)
  const size = amount(made.size, lot)
  const by = liquidated(contract, made)
  return object({
    trade_seq: String(made.id),
    trade_id: quoted(currency === 'BTC' ? String(number) : `${currency}-${number}`),
    timestamp: String(time(made.time)),
    tick_direction: String(made.id % 4),
    price: written(made.price, tick),
    mark_price: float(markPrice(contract, made.time)),
    liquidation: by && quoted(by),
    iv: market === 'option' ? float(impliedVolatility(contract, made.time)) : undefined,
    instrument_name: quoted(name),
    index_price: float(indexPrice(contract, made.time)),
    direction: quoted(made.buyerIsMaker ? 'sell' : 'buy'),
    contracts: rounded(size / contractSize, 12),
    amount: float(size),
  })
}

export interface Sides {
  readonly seq: number
  readonly bids: readonly Level[]
  readonly asks: readonly Level[]
}

/** The first frame of a book. `changed`: when something last did, ms, which may be long ago. */
export function bookSnapshot(voice: Voice, { seq, bids, asks }: Sides, changed: number): string {
  const actions = (levels: readonly Level[]) => levels.map(([price, size]): Action => ['new', price, size])
  return bookFrame(voice, 'snapshot', changed, undefined, seq, actions(bids), actions(asks))
}

export function bookChange(voice: Voice, { previous, id, time, bids, asks }: Change): string {
  return bookFrame(voice, 'change', time, previous, id, bids, asks)
}

function bookFrame(
  { contract: { name, tick, lot }, time }: Voice,
  type: 'snapshot' | 'change',
  changed: number,
  previous: number | undefined,
  id: number,
  bids: readonly Action[],
  asks: readonly Action[],
): string {
  const side = (actions: readonly Action[]) =>
    array(actions.map(([action, price, size]) => `["${action}",${written(price, tick)},${written(size, lot)}]`))
  return object({
    type: quoted(type),
    timestamp: String(time(changed)),
    prev_change_id: previous === undefined ? undefined : String(previous),
    instrument_name: quoted(name),
    change_id: String(id),
    bids: side(bids),
    asks: side(asks),
  })
}

export function levels({ tick, lot }: Contract, side: readonly Level[]): string {
  return array(side.map(([price, size]) => `[${written(price, tick)},${written(size, lot)}]`))
}

/** The best levels, prices gathered into groups where `group` is given. */
export function groupedBook({ contract, time }: Voice, sides: Sides, now: number): string {
  return object({
    timestamp: String(time(now)),
    instrument_name: quoted(contract.name),
    change_id: String(sides.seq),
    bids: levels(contract, sides.bids),
    asks: levels(contract, sides.asks),
  })
}

/** Best price and amount; an empty side has null or 0.0 for a price. */
function bestOf({ contract: { tick, lot, inverse } }: Voice, { bids, asks }: Sides): Record<string, string> {
  const price = ([level]: readonly Level[]) =>
    level === undefined ? (inverse ? 'null' : '0.0') : written(level[0], tick)
  const size = ([level]: readonly Level[]) => (level === undefined ? '0.0' : written(level[1], lot))
  return {
    best_bid_price: price(bids),
    best_bid_amount: size(bids),
    best_ask_price: price(asks),
    best_ask_amount: size(asks),
  }
}

export function quote(voice: Voice, sides: Sides, now: number): string {
  const { contract, time } = voice
  return object({ timestamp: String(time(now)), instrument_name: quoted(contract.name), ...bestOf(voice, sides) })
}

/** What was traded since the start; without trades all of it is null. */
export interface Stats {
  readonly first: number
  readonly last: number
  readonly high: number
  readonly low: number
  readonly volume: number
  readonly cost: number
}

/** Fields of a ticker; the channel and REST print the same. */
export function ticker(voice: Voice, sides: Sides, stats: Stats | undefined, now: number): Record<string, string> {
  const { contract, time } = voice
  const { name, market, inverse, trading } = contract
  const mark = markPrice(contract, now)
  const held = openInterest(contract, now)
  return {
    instrument_name: quoted(name),
    timestamp: String(time(now)),
    state: quoted(trading ? 'open' : 'halted'),
    ...bestOf(voice, sides),
    last_price: stats === undefined ? 'null' : float(stats.last),
    mark_price: float(mark),
    index_price: float(indexPrice(contract, now)),
    min_price: rounded(mark * 0.985, 6),
    max_price: rounded(mark * 1.015, 6),
    settlement_price: float(mark),
    open_interest: inverse && market !== 'option' ? String(held) : float(held),
    ...ofMarket(contract, now),
    stats: statsOf(contract, stats),
  }
}

/** Fields that only one market has. */
function ofMarket(contract: Contract, now: number): Record<string, string> {
  if (contract.market === 'future') return { estimated_delivery_price: float(indexPrice(contract, now)) }
  if (contract.market === 'perpetual') {
    return {
      interest_value: rounded(fundingEightHours(contract, now) * 100, 6),
      current_funding: float(fundingNow(contract, now)),
      funding_8h: float(fundingEightHours(contract, now)),
    }
  }
  const volatility = impliedVolatility(contract, now)
  return {
    underlying_price: float(indexPrice(contract, now)),
    underlying_index: quoted('index_price'),
    interest_rate: '0.0',
    mark_iv: float(volatility),
    bid_iv: '0.0',
    ask_iv: float(Number((volatility + 2).toFixed(2))),
    greeks: object({ delta: '0.03127', gamma: '4.0e-5', rho: '0.01188', theta: '-1.64029', vega: '0.20072' }),
  }
}

function statsOf({ market, inverse }: Contract, stats: Stats | undefined): string {
  const value = (read: (stats: Stats) => number) => (stats === undefined ? 'null' : rounded(read(stats), 12))
  return object({
    volume: value(({ volume }) => volume),
    volume_usd: market === 'option' && inverse ? undefined : value(({ cost }) => cost),
    high: value(({ high }) => high),
    low: value(({ low }) => low),
    price_change: value(({ first, last }) => Number(((last / first - 1) * 100).toFixed(4))),
  })
}

/** A row of REST's book summary. */
export function summary({ contract, time }: Voice, sides: Sides, stats: Stats | undefined, now: number): string {
  const { name, base, quote: counter, inverse, market, tick } = contract
  const best = (side: readonly Level[]) => (side[0] === undefined ? 'null' : written(side[0][0], tick))
  const value = (read: (stats: Stats) => number) => (stats === undefined ? 'null' : rounded(read(stats), 12))
  const held = openInterest(contract, now)
  const perpetual = market === 'perpetual'
  return object({
    instrument_name: quoted(name),
    base_currency: quoted(base),
    quote_currency: quoted(inverse && market === 'option' ? base : counter),
    bid_price: best(sides.bids),
    ask_price: best(sides.asks),
    mark_price: float(markPrice(contract, now)),
    last: value(({ last }) => last),
    high: value(({ high }) => high),
    low: value(({ low }) => low),
    volume: stats === undefined ? '0.0' : rounded(stats.volume, 12),
    open_interest: inverse && market !== 'option' ? String(held) : float(held),
    estimated_delivery_price: float(indexPrice(contract, now)),
    mark_iv: market === 'option' ? float(impliedVolatility(contract, now)) : undefined,
    current_funding: perpetual ? float(fundingNow(contract, now)) : undefined,
    funding_8h: perpetual ? float(fundingEightHours(contract, now)) : undefined,
    creation_timestamp: String(time(now)),
  })
}

export function perpetual({ contract, time }: Voice, now: number): string {
  return object({
    timestamp: String(time(now)),
    interest: float(fundingNow(contract, now)),
    index_price: float(indexPrice(contract, now)),
  })
}
