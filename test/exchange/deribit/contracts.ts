// What Deribit lists, as of 2026: names, sizes and ticks of its perpetuals, dated futures and options, inverse (paid in
// the coin, futures counted in dollars) and linear (paid and counted in USDC, amounts in the coin).
import type { Market } from '../../../crds/names.ts'
import { decimal, type Instrument } from '../market/instruments.ts'
import { random } from '../random.ts'
import { float } from './json.ts'

export type DeribitMarket = Extract<Market, 'perpetual' | 'future' | 'option'>

/** A size of steps: so many units of the last of so many digits behind the point. */
interface Step {
  readonly units: number
  readonly decimals: number
}

export interface Contract {
  readonly name: string
  readonly market: DeribitMarket
  readonly base: string
  /** `USD` where it is inverse. */
  readonly quote: 'USD' | 'USDC'
  readonly inverse: boolean
  readonly tick: Step
  readonly lot: Step
  /** Amount of one contract. */
  readonly contractSize: number
  /** When it expires, ms; undefined for perpetuals. */
  readonly expiry: number | undefined
  readonly strike: number | undefined
  readonly right: 'call' | 'put' | undefined
  /** About where the coin trades, in dollars. */
  readonly spot: number
  /** About where the contract trades, in ticks; and lots of a usual order. */
  readonly reference: number
  readonly usualSize: number
  readonly trading: boolean
}

interface Coin {
  readonly price: number
  /** Of linear contracts; the tick is that of inverse ones too. */
  readonly tick: Step
  readonly lot: Step
  readonly inverse?: { readonly contract: number; readonly optionLot: Step }
}

const step = (units: number, decimals: number): Step => ({ units, decimals })

const COINS: Readonly<Record<string, Coin>> = {
  BTC: { price: 64_010.5, tick: step(5, 1), lot: step(1, 4), inverse: { contract: 10, optionLot: step(1, 1) } },
  ETH: { price: 2_500.5, tick: step(5, 2), lot: step(1, 3), inverse: { contract: 1, optionLot: step(1, 0) } },
  SOL: { price: 151.2, tick: step(1, 2), lot: step(1, 1) },
  XRP: { price: 0.5312, tick: step(1, 4), lot: step(1, 0) },
  LUNA: { price: 1.01, tick: step(1, 4), lot: step(1, 0) },
}
const OTHER_INVERSE = { contract: 10, optionLot: step(1, 0) } as const
const OPTION_TICK = step(5, 4)
const MONTHS = ['JAN', 'FEB', 'MAR', 'APR', 'MAY', 'JUN', 'JUL', 'AUG', 'SEP', 'OCT', 'NOV', 'DEC']
const NAME = new RegExp(
  `^([A-Z0-9]+)(?:_(USDC))?-(?:PERPETUAL|(\\d{1,2})(${MONTHS.join('|')})(\\d{2})(?:-(\\d+(?:d\\d+)?)-([CP]))?)$`,
  'u',
)
const DAY = 86_400_000
const WEEK = 7 * DAY
/** Expiries are at 08:00 UTC, of weeks on Fridays. */
const FIRST_FRIDAY = DAY + 8 * 3_600_000

/**
 * The contracts of a market: `symbols` that trade, and one more that is halted.
 * A number takes the first so many of a list whose expiries lie ahead of `now`; of names, those of this market.
 * @throws when a name is none that Deribit could have
 */
export function contracts(market: DeribitMarket, symbols: number | readonly string[], now: number): Contract[] {
  const { quarter, near } = expiries(now)
  const names = typeof symbols === 'number' ? listed(market, symbols, quarter, near) : symbols
  const own = names.map((name) => contract(name)).filter((one) => one.market === market)
  const tail = { perpetual: 'PERPETUAL', future: quarter, option: `${quarter}-1d5-P` }[market]
  return [...own, { ...contract(`LUNA_USDC-${tail}`), trading: false }]
}

function listed(market: DeribitMarket, count: number, quarter: string, near: string): string[] {
  const known = {
    perpetual: ['BTC-PERPETUAL', 'ETH-PERPETUAL', 'BTC_USDC-PERPETUAL', 'XRP_USDC-PERPETUAL', 'SOL_USDC-PERPETUAL'],
    future: [`BTC-${quarter}`, `ETH-${near}`, `BTC_USDC-${quarter}`, `ETH-${quarter}`, `BTC-${near}`],
    option: [
      `BTC-${quarter}-100000-C`,
      `XRP_USDC-${quarter}-0d525-C`,
      `ETH-${near}-2800-P`,
      `XRP_USDC-${quarter}-0d55-P`,
      `BTC-${near}-60000-P`,
    ],
  }[market]
  const made = (i: number) => {
    if (market === 'option') return `BTC-${quarter}-${100_000 + 1_000 * i}-C`
    return `C${String(i + 1).padStart(3, '0')}_USDC-${market === 'perpetual' ? 'PERPETUAL' : quarter}`
  }
  return Array.from({ length: count }, (_, i) => known[i] ?? made(i))
}

/** The last Friday of a quarter, and the first of a month, whose day has one digit; as Deribit writes them. */
export function expiries(now: number): { quarter: string; near: string } {
  const from = Math.ceil((now + 2 * DAY - FIRST_FRIDAY) / WEEK)
  const fridays = Array.from({ length: 60 }, (_, i) => FIRST_FRIDAY + (from + i) * WEEK)
  const monthOf = (time: number) => new Date(time).getUTCMonth()
  const quarterly = (time: number) => monthOf(time) % 3 === 2 && monthOf(time + WEEK) !== monthOf(time)
  const near = fridays.find((time) => new Date(time).getUTCDate() < 10)!
  const quarter = fridays.find((time) => quarterly(time) && time > now + 2 * WEEK)!
  return { quarter: dateText(quarter), near: dateText(near) }
}

function dateText(time: number): string {
  const date = new Date(time)
  return `${date.getUTCDate()}${MONTHS[date.getUTCMonth()]}${String(date.getUTCFullYear()).slice(2)}`
}

/**
 * The contract that a name stands for.
 * @throws when it is none that Deribit could have
 */
export function contract(name: string): Contract {
  const match = NAME.exec(name)
  if (match === null) {
    throw new Error(`'${name}' is no name of Deribit: BTC-PERPETUAL, BTC-25DEC26, XRP_USDC-25DEC26-0d525-C are`)
  }
  const [, base = '', usdc, day, month = '', year, strike, right] = match
  const market = marketOfName(name)!
  const coin = COINS[base] ?? made(base)
  const sizes = usdc === undefined ? inverseSizes(coin, market) : linearSizes(coin, market)
  return {
    name,
    market,
    base,
    quote: usdc === undefined ? 'USD' : 'USDC',
    inverse: usdc === undefined,
    ...sizes,
    expiry: day === undefined ? undefined : Date.UTC(2000 + Number(year), MONTHS.indexOf(month), Number(day), 8),
    strike: strike === undefined ? undefined : Number(strike.replace('d', '.')),
    right: right === undefined ? undefined : right === 'C' ? 'call' : 'put',
    spot: coin.price,
    trading: true,
  }
}

type Sizes = Pick<Contract, 'tick' | 'lot' | 'contractSize' | 'reference' | 'usualSize'>

function inverseSizes({ price, tick, inverse = OTHER_INVERSE }: Coin, market: DeribitMarket): Sizes {
  const { contract: contractSize, optionLot } = inverse
  // an option costs about three hundredths of a coin
  if (market === 'option') {
    return { tick: OPTION_TICK, lot: optionLot, contractSize: 1, reference: 65, usualSize: 40 }
  }
  const lot = step(contractSize, 0)
  return { tick, lot, contractSize, reference: ticks(price, tick), usualSize: 2_000 / contractSize }
}

function linearSizes({ price, tick, lot }: Coin, market: DeribitMarket): Sizes {
  const contractSize = lot.units / 10 ** lot.decimals
  if (market === 'option') {
    const option = step(1_000 * lot.units, lot.decimals)
    return { tick, lot: option, contractSize: 1_000 * contractSize, reference: ticks(price / 10, tick), usualSize: 40 }
  }
  const usualSize = Math.max(20, Math.round(2_000 / price / contractSize))
  return { tick, lot, contractSize, reference: ticks(price, tick), usualSize }
}

function ticks(price: number, { units, decimals }: Step): number {
  return Math.round((price * 10 ** decimals) / units)
}

function made(base: string): Coin {
  return { price: 0.5 + random(1).fork(base).next() * 40, tick: step(1, 4), lot: step(1, 1) }
}

/** As the synthetic market trades it. */
export function toInstrument(of: Contract): Instrument {
  const { name, market, base, quote, tick, lot, reference, usualSize, trading } = of
  const decimals = { priceDecimals: tick.decimals, sizeDecimals: lot.decimals }
  return { symbol: name, market, base, quote, ...decimals, reference, usualSize, trading }
}

/** The market that a name belongs to; undefined for combos, spot and what is no instrument. */
export function marketOfName(name: string): DeribitMarket | undefined {
  const match = NAME.exec(name)
  if (match === null) return undefined
  return match[3] === undefined ? 'perpetual' : match[6] === undefined ? 'future' : 'option'
}

/** A whole number of ticks, or of lots. */
export function amount(count: number, { units, decimals }: Step): number {
  return Number(decimal(count * units, decimals))
}

/** The same as Deribit prints it. */
export function written(count: number, step: Step): string {
  return float(amount(count, step))
}

/** What trade ids are unique in: they carry its name in front, except for `BTC`. */
export function currencyOf({ base, quote, inverse }: Contract): string {
  return inverse ? base : `${base}_${quote}`
}
