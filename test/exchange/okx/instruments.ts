// What OKX lists: synthetic instruments of each market, and the rows that describe them.
import type { Market } from '../../../crds/names.ts'
import {
  type Asset,
  assetOf,
  assets,
  decimal,
  haltedAsset,
  type Instrument,
  instrumentOf,
} from '../market/instruments.ts'
import { random } from '../random.ts'
import { INST_TYPES } from './rules.ts'

/** A row of `public/instruments`; more fields than named here are passed on. */
export interface Row {
  readonly instId: string
  readonly instType: string
  readonly state: string
  readonly uly?: string
  readonly instFamily?: string
  readonly [field: string]: unknown
}

const DAY = 86_400_000
const HOUR = 3_600_000
// A contract of the linear swaps and futures is worth about 100 dollars or more, in a power of ten of the coin.
const CONTRACT_USD_MIN = 100
const INVERSE = ['BTC', 'ETH'] as const
const INVERSE_USD: Readonly<Record<string, string>> = { BTC: '100', ETH: '10' }
const OPTION_MULTIPLIER: Readonly<Record<string, string>> = { BTC: '0.01', ETH: '0.1' }
const OPTION_TICK_DECIMALS = 4
const NAME = /^([A-Z0-9]+)-([A-Z0-9]+)(?:-(?:SWAP|(\d{6})(?:-(\d+(?:\.\d+)?)-([CP]))?))?$/u

/**
 * The instruments of a market: `symbols` that trade, and one more that is suspended.
 * A number takes the first so many of a list, whose dates lie ahead of `now`; of names, those that are of this market.
 * @throws when a name is none that OKX could have
 */
export function instruments(market: Market, symbols: number | readonly string[], now: number): Instrument[] {
  const names = typeof symbols === 'number' ? listed(market, symbols, now) : symbols
  const own = names.map((name) => fromName(name)).filter((one) => one.market === market)
  const tail = { spot: '', perpetual: '-SWAP', future: `-${dateText(expiries(now)[3]!)}`, option: '' }[market]
  if (market === 'option') return own
  return [...own, { ...fromName(`${haltedAsset.base}-USDT${tail}`), trading: false }]
}

function listed(market: Market, count: number, now: number): string[] {
  // the venue's names are of plain letters only
  const bases = assets(count + 2)
    .map(({ base }) => base)
    .filter((base) => /^[A-Z0-9]+$/u.test(base))
  const dates = expiries(now).map(dateText)
  const linear = (tail: string) => bases.map((base) => `${base}-USDT${tail}`)
  const inverse = (tail: string) => INVERSE.map((base) => `${base}-USD${tail}`)
  const names: Record<Market, () => string[]> = {
    spot: () => linear(''),
    perpetual: () => ['BTC-USDT-SWAP', ...inverse('-SWAP'), ...linear('-SWAP').slice(1)],
    future: () =>
      dates.flatMap((date) =>
        ['BTC-USDT', ...INVERSE.map((base) => `${base}-USD`), 'ETH-USDT'].map((f) => `${f}-${date}`),
      ),
    option: () => options(count, dates),
  }
  const all = names[market]()
  return [...all, ...linear(market === 'future' ? `-${dates[0]}` : '')].slice(0, count)
}

/** Options around the money: of both families, calls and puts, over the dates. */
function options(count: number, dates: readonly string[]): string[] {
  return Array.from({ length: count }, (_, i) => {
    const family = INVERSE[i % 2]!
    const { price } = assetOf(family)
    const step = family === 'BTC' ? 5_000 : 200
    const strike = (Math.round(price / step) + (i >> 4)) * step
    return `${family}-USD-${dates[(i >> 2) % dates.length]}-${strike}-${(i >> 1) % 2 === 0 ? 'C' : 'P'}`
  })
}

/** The market that a name belongs to; undefined where it is none of OKX's. */
export function marketOf(instId: string): Market | undefined {
  const match = NAME.exec(instId)
  if (match === null) return undefined
  if (match[4] !== undefined) return 'option'
  if (match[3] !== undefined) return 'future'
  return instId.endsWith('-SWAP') ? 'perpetual' : 'spot'
}

/**
 * The instrument that a name stands for.
 * @throws when it is none that OKX could have
 */
export function fromName(instId: string): Instrument {
  const [, base = '', quote = '', date, strike, type] = NAME.exec(instId) ?? []
  const market = marketOf(instId)
  if (market === undefined) {
    throw new Error(
      `symbol '${instId}': write it like BTC-USDT, BTC-USDT-SWAP, BTC-USD-261225 or BTC-USD-261225-90000-C`,
    )
  }
  const asset = assetOf(base)
  if (market === 'spot') return instrumentOf(asset, quote, { symbol: instId, market })
  const dated = date === undefined ? {} : { expiry: expiryOf(date) }
  if (market === 'option') {
    const contract = { kind: 'linear', value: '1', multiplier: OPTION_MULTIPLIER[base] ?? '1', settle: base } as const
    const option = { strike: Number(strike), type: type as 'C' | 'P' }
    // a price is a share of the coin
    const priced = { ...asset, price: 0.01 + 0.05 * random(1).fork(instId).next() }
    const more = { symbol: instId, market, ...dated, contract, option, sizeDecimals: 0 }
    const made = instrumentOf(priced, quote, { ...more, priceDecimals: OPTION_TICK_DECIMALS })
    return { ...made, usualSize: 40 }
  }
  const contract = quote === 'USD' ? inverseContract(base) : linearContract(asset)
  return instrumentOf(asset, quote, {
    symbol: instId,
    market,
    ...dated,
    contract,
    sizeDecimals: quote === 'USD' ? 0 : 2,
  })
}

function inverseContract(base: string): NonNullable<Instrument['contract']> {
  return { kind: 'inverse', value: INVERSE_USD[base] ?? '10', multiplier: '1', settle: base }
}

function linearContract({ price }: Asset): NonNullable<Instrument['contract']> {
  const power = Math.ceil(Math.log10(CONTRACT_USD_MIN / price))
  const value = power < 0 ? decimal(1, -power) : String(10 ** power)
  return { kind: 'linear', value, multiplier: '1', settle: 'USDT' }
}

/** Fridays at 08:00 UTC, ms: the next two, then the last ones of the coming quarters. */
export function expiries(now: number): number[] {
  const friday = (from: number) => {
    const day = Math.floor(from / DAY) * DAY
    return day + ((12 - new Date(day).getUTCDay()) % 7) * DAY + 8 * HOUR
  }
  const first = friday(now) > now ? friday(now) : friday(now + DAY)
  const out = [first, first + 7 * DAY]
  const year = new Date(now).getUTCFullYear()
  for (let month = Math.floor(new Date(now).getUTCMonth() / 3) * 3 + 3; out.length < 4; month += 3) {
    const last = friday(Date.UTC(year, month) - 7 * DAY)
    if (last > out[1]!) out.push(last)
  }
  return out
}

/** As names have it: `261225`. */
function dateText(time: number): string {
  return new Date(time).toISOString().slice(2, 10).replaceAll('-', '')
}

function expiryOf(date: string): number {
  const [year, month, day] = [0, 2, 4].map((at) => Number(date.slice(at, at + 2)))
  return Date.UTC(2000 + year!, month! - 1, day, 8)
}

/** Base and quote, as funding, liquidations and options name them. */
export function familyOf({ market, base, quote }: Instrument): string {
  return market === 'spot' ? '' : `${base}-${quote}`
}

/** The row of an instrument as the venue writes it in 2026. */
export function rowOf(instrument: Instrument, now: number): Row {
  const { symbol, market, base, quote, priceDecimals, sizeDecimals, contract, option, expiry, trading } = instrument
  const derivative = market !== 'spot'
  const lot = decimal(1, sizeDecimals)
  const family = familyOf(instrument)
  return {
    alias: '',
    auctionEndTime: '',
    baseCcy: derivative ? '' : base,
    category: '1',
    contTdSwTime: '',
    ctMult: contract?.multiplier ?? '',
    ctType: option === undefined ? (contract?.kind ?? '') : '',
    ctVal: contract?.value ?? '',
    ctValCcy: contract === undefined ? '' : contract.kind === 'inverse' ? quote : base,
    expTime: expiry === undefined ? '' : String(expiry),
    instFamily: family,
    instId: symbol,
    instIdCode: random(1).fork(symbol).int(1_000_000),
    instType: INST_TYPES[market],
    lever: option === undefined ? '10' : '',
    listTime: String(Math.floor(now - 30 * DAY)),
    lotSz: lot,
    maxLmtSz: '100000000',
    maxMktSz: '1000000',
    minSz: lot,
    optType: option?.type ?? '',
    quoteCcy: derivative ? '' : quote,
    ruleType: 'normal',
    settleCcy: contract?.settle ?? '',
    state: trading ? 'live' : 'suspend',
    stk: option === undefined ? '' : String(option.strike),
    tickSz: decimal(1, priceDecimals),
    uly: family,
    upcChg: [],
  }
}
