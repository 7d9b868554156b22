// What the synthetic Binance lists: spot, and the contracts of USDⓈ-M and of COIN-M, which share a market.
import type { Market } from '../../../crds/names.ts'
import { assetOf, assets, haltedAsset, type Instrument, instrumentOf, instruments } from '../market/instruments.ts'

const DAY = 86_400_000
const HOUR = 3_600_000
const COIN = ['BTC', 'ETH'] as const
/** Dollars in a coin-margined contract. */
const WORTH: Readonly<Record<string, string>> = { BTC: '100' }
const WORTH_OF_OTHERS = '10'

/**
 * The instruments of a market: `symbols` that trade, and one more that does not. A number takes the first so many of a
 * list, and the coin-margined perpetuals beside them; of names, each market takes its own.
 * @throws when a name is none that Binance could have
 */
export function instrumentsOf(market: Market, symbols: number | readonly string[], now: number): Instrument[] {
  const own = typeof symbols === 'number' ? symbols : symbols.filter((name) => isOf(market, name))
  if (market === 'future') return futures(own, now)
  const plain = typeof own === 'number' ? own : own.filter((name) => !name.endsWith('_PERP'))
  const list = instruments(plain).map((instrument) => ({ ...instrument, market }))
  if (market === 'spot') return list
  const coins =
    typeof own === 'number'
      ? COIN.slice(0, Math.max(0, own - 1)).map(perpetualOf)
      : own.filter((n) => n.endsWith('_PERP'))
  return [...list, ...coins.map((name) => contract(name))]
}

function perpetualOf(base: string): string {
  return `${base}USD_PERP`
}

function isOf(market: Market, name: string): boolean {
  if (market === 'future') return /_\d{6}$/u.test(name)
  return !name.includes('_') || (market === 'perpetual' && name.endsWith('_PERP'))
}

function futures(symbols: number | readonly string[], now: number): Instrument[] {
  const [current, next] = quarters(now)
  const dated = (pair: string, time: number) => `${pair}_${dateText(time)}`
  const pairs = COIN.flatMap((base) => [`${base}USDT`, `${base}USD`])
  const listed = (count: number) =>
    [
      ...[current, next].flatMap((time) => pairs.map((pair) => dated(pair, time))),
      ...assets(count + COIN.length)
        .slice(COIN.length)
        .map(({ base }) => dated(`${base}USDT`, current)),
    ].slice(0, count)
  const names = typeof symbols === 'number' ? listed(symbols) : symbols
  const halted = { ...contract(dated(`${haltedAsset.base}USDT`, next)), trading: false }
  return [...names.map((name) => contract(name)), halted]
}

/** @throws when the name is none of a contract */
function contract(symbol: string): Instrument {
  const [, base, quote, ending = ''] = /^(.+?)(USDT|USD)_(PERP|\d{6})$/u.exec(symbol) ?? []
  if (base === undefined || quote === undefined) {
    throw new Error(`symbol '${symbol}': write it like BTCUSDT_261225, BTCUSD_PERP or BTCUSD_261225`)
  }
  const isDated = ending !== 'PERP'
  const more = {
    symbol,
    market: isDated ? 'future' : 'perpetual',
    ...(isDated ? { expiry: expiryOf(ending) } : {}),
  } as const
  if (quote !== 'USD') return instrumentOf(assetOf(base), quote, more)
  const worth = WORTH[base] ?? WORTH_OF_OTHERS
  const made = { kind: 'inverse', value: worth, multiplier: '1', settle: base } as const
  return instrumentOf(assetOf(base), quote, { ...more, contract: made, sizeDecimals: 0 })
}

/** The last Fridays of this quarter and the next at 08:00 UTC, ms; one that is past is none. */
export function quarters(now: number): [number, number] {
  const out: number[] = []
  const year = new Date(now).getUTCFullYear()
  for (let month = Math.floor(new Date(now).getUTCMonth() / 3) * 3 + 3; out.length < 2; month += 3) {
    const end = Date.UTC(year, month) - DAY
    const friday = end - ((new Date(end).getUTCDay() + 2) % 7) * DAY + 8 * HOUR
    if (friday > now) out.push(friday)
  }
  return [out[0]!, out[1]!]
}

/** Of base and quote, without what tells contracts on them apart. */
export function pairOf({ base, quote }: Instrument): string {
  return base + quote
}

/** As the venue calls the kind of contract. */
export function contractType({ expiry }: Instrument, now: number): string {
  if (expiry === undefined) return 'PERPETUAL'
  return expiry <= quarters(now)[0] ? 'CURRENT_QUARTER' : 'NEXT_QUARTER'
}

/** Dollars in a contract whose sizes are contracts; undefined where they are in base. */
export function worthOf({ contract: made }: Instrument): number | undefined {
  return made === undefined ? undefined : Number(made.value)
}

/** Whether a stream is of a coin-margined contract. */
export function isCoinStream(stream: string): boolean {
  return /^[^@!]+usd_(?:perp|\d{6})@/u.test(stream)
}

function dateText(time: number): string {
  return new Date(time).toISOString().slice(2, 10).replaceAll('-', '')
}

function expiryOf(date: string): number {
  const [year, month, day] = [0, 2, 4].map((at) => Number(date.slice(at, at + 2)))
  return Date.UTC(2000 + year!, month! - 1, day, 8)
}
