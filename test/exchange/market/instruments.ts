// What the synthetic market trades. Prices are whole ticks and sizes whole lots, so that nothing is rounded.
import type { Market } from '../../../crds/names.ts'
import { random } from '../random.ts'

export interface Instrument {
  /** As the venue writes it, e.g. `BTCUSDT`. */
  readonly symbol: string
  readonly market: Market
  readonly base: string
  readonly quote: string
  /** What one contract is worth; absent where sizes are in the base asset. */
  readonly contract?: Contract
  /** When it expires, ms since the epoch; absent for spot and perpetual. */
  readonly expiry?: number
  readonly option?: { readonly strike: number; readonly type: 'C' | 'P' }
  /** Digits behind the point of a price, and of a size. */
  readonly priceDecimals: number
  readonly sizeDecimals: number
  /** About where it trades, in ticks. */
  readonly reference: number
  /** Lots of a usual order. */
  readonly usualSize: number
  /** False: listed, and never trades. */
  readonly trading: boolean
}

/** `linear`: so much of the base asset; `inverse`: so much quote money. */
export interface Contract {
  readonly kind: 'linear' | 'inverse'
  /** In decimals; one contract is worth value × multiplier. */
  readonly value: string
  readonly multiplier: string
  /** The asset that profit is paid in. */
  readonly settle: string
}

/** What instruments are about. */
export interface Asset {
  readonly base: string
  /** In USDT. */
  readonly price: number
  readonly priceDecimals: number
  /** Of a size in the base asset. */
  readonly sizeDecimals: number
}

type Row = readonly [base: string, price: number, priceDecimals: number, sizeDecimals: number]

// A digit in front, letters outside ASCII, a multiplier in the name: early in the list, so that small runs have them.
const KNOWN: readonly Row[] = [
  ['BTC', 64_010.1, 2, 5],
  ['ETH', 2_500.5, 2, 4],
  ['SOL', 151.2, 2, 3],
  ['1INCH', 0.2431, 4, 1],
  ['币安人生', 0.1312, 4, 0],
  ['XRP', 0.5312, 4, 0],
  ['1000SHIB', 0.01731, 6, 0],
  ['BNB', 580.4, 2, 3],
  ['DOGE', 0.12345, 5, 0],
  ['ADA', 0.4512, 4, 1],
  ['LINK', 14.52, 3, 2],
  ['SUSHI', 7.611, 4, 0],
]
const HALTED: Row = ['LUNA', 1.01, 4, 2]
const QUOTES = ['USDT', 'USDC', 'FDUSD', 'EUR', 'BTC', 'ETH'] as const

/** The first so many of a fixed list, which goes on with `C013` …. */
export function assets(count: number): Asset[] {
  return Array.from({ length: count }, (_, i) => asset(KNOWN[i] ?? made(`C${String(i + 1).padStart(3, '0')}`)))
}

/** The asset of this name; one that is not in the list gets a price of its own. */
export function assetOf(base: string): Asset {
  return asset(KNOWN.find((row) => row[0] === base) ?? made(base))
}

/** Listed everywhere, and never trades. */
export const haltedAsset: Asset = asset(HALTED)

/**
 * The spot instruments of a market that writes `BTCUSDT`: `symbols` that trade, and one more that is halted.
 * A number takes the first so many of the assets; names are taken as they are.
 * @throws when a name does not end in a quote asset that is known here
 */
export function instruments(symbols: number | readonly string[]): Instrument[] {
  const traded =
    typeof symbols === 'number'
      ? assets(symbols).map((one) => instrumentOf(one, 'USDT', { symbol: `${one.base}USDT` }))
      : symbols.map((symbol) => fromName(symbol))
  return [...traded, instrumentOf(haltedAsset, 'USDT', { symbol: `${haltedAsset.base}USDT`, trading: false })]
}

/**
 * The instrument that a name stands for.
 * @throws when it does not end in a quote asset that is known here
 */
export function fromName(symbol: string): Instrument {
  const quote = QUOTES.find((q) => symbol.endsWith(q) && symbol.length > q.length)
  if (quote === undefined) {
    throw new Error(`symbol '${symbol}': end it in one of ${QUOTES.join(', ')}, e.g. BTCUSDT`)
  }
  return instrumentOf(assetOf(symbol.slice(0, -quote.length)), quote, { symbol })
}

/** An instrument on an asset: spot with the asset's digits, but for what `more` says. */
export function instrumentOf(
  { base, price, priceDecimals, sizeDecimals }: Asset,
  quote: string,
  more: Partial<Instrument> & Pick<Instrument, 'symbol'>,
): Instrument {
  const { contract } = more
  const decimals = more.sizeDecimals ?? sizeDecimals
  const unit = contract === undefined ? 1 : Number(contract.value) * Number(contract.multiplier)
  // orders of about 2,000 in quote money
  const usualSize = (2_000 / (contract?.kind === 'inverse' ? unit : price * unit)) * 10 ** decimals
  return {
    market: 'spot',
    base,
    quote,
    priceDecimals,
    sizeDecimals,
    reference: Math.round(price * 10 ** (more.priceDecimals ?? priceDecimals)),
    usualSize: Math.max(20, Math.round(usualSize)),
    trading: true,
    ...more,
  }
}

function asset([base, price, priceDecimals, sizeDecimals]: Row): Asset {
  return { base, price, priceDecimals, sizeDecimals }
}

function made(base: string): Row {
  const chance = random(1).fork(base)
  return [base, 0.5 + chance.next() * 40, 4, 1]
}

/** Whole units as a decimal number with so many digits behind the point: `decimal(123, 2)` is `1.23`. */
export function decimal(units: number | bigint, decimals: number, shown: number = decimals): string {
  const digits = units.toString().padStart(decimals + 1, '0')
  const split = digits.length - decimals
  const fraction = digits.slice(split).padEnd(shown, '0')
  return fraction === '' ? digits : `${digits.slice(0, split)}.${fraction}`
}
