// What the synthetic market trades. Prices are whole ticks and sizes whole lots, so that nothing is rounded.
import { random } from '../random.ts'

export interface Instrument {
  /** As the venue writes it, e.g. `BTCUSDT`. */
  readonly symbol: string
  readonly base: string
  readonly quote: string
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

/**
 * The instruments of a market: `symbols` that trade, and one more that is halted.
 * A number takes the first so many of a fixed list (longer lists go on with `C013USDT` …); names are taken as they are.
 * @throws when a name does not end in a quote asset that is known here
 */
export function instruments(symbols: number | readonly string[]): Instrument[] {
  const rows = typeof symbols === 'number' ? Array.from({ length: symbols }, (_, i) => instrument(known(i))) : []
  const named = typeof symbols === 'number' ? [] : symbols.map((symbol) => fromName(symbol))
  return [...rows, ...named, { ...instrument(HALTED), trading: false }]
}

function known(index: number): Row {
  return KNOWN[index] ?? made(`C${String(index + 1).padStart(3, '0')}`)
}

function made(base: string): Row {
  const chance = random(1).fork(base)
  return [base, 0.5 + chance.next() * 40, 4, 1]
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
  const base = symbol.slice(0, -quote.length)
  return instrument(KNOWN.find((row) => row[0] === base) ?? made(base), quote)
}

function instrument([base, price, priceDecimals, sizeDecimals]: Row, quote: string = 'USDT'): Instrument {
  // orders of about 2,000 in quote money
  const usualSize = Math.max(20, Math.round((2_000 / price) * 10 ** sizeDecimals))
  const reference = Math.round(price * 10 ** priceDecimals)
  return { symbol: base + quote, base, quote, priceDecimals, sizeDecimals, reference, usualSize, trading: true }
}

/** Whole units as a decimal number with so many digits behind the point: `decimal(123, 2)` is `1.23`. */
export function decimal(units: number | bigint, decimals: number, shown: number = decimals): string {
  const digits = units.toString().padStart(decimals + 1, '0')
  const split = digits.length - decimals
  const fraction = digits.slice(split).padEnd(shown, '0')
  return fraction === '' ? digits : `${digits.slice(0, split)}.${fraction}`
}
