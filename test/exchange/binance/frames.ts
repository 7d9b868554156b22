// The texts that Binance sends, from what the synthetic market knows. One place for each kind; key order, digits and
// the fields that only one market has follow the venue's pages of 2026 and its recorded sessions.
import type { Level } from '../market/book.ts'
import type { Candle } from '../market/candles.ts'
import { decimal, type Instrument } from '../market/instruments.ts'
import { fillsOf, type Trade } from '../market/market.ts'
import type { Rules } from './rules.ts'

/** Writes the numbers of one instrument as the market has them. */
export class Digits {
  readonly #instrument: Instrument
  readonly #shown: number | undefined

  constructor(instrument: Instrument, shown: number | undefined) {
    this.#instrument = instrument
    this.#shown = shown
  }

  price(ticks: number): string {
    return decimal(ticks, this.#instrument.priceDecimals, this.#shown)
  }

  size(lots: number | bigint): string {
    return decimal(lots, this.#instrument.sizeDecimals, this.#shown)
  }

  /** Ticks × lots: an amount of quote money. */
  quote(units: bigint): string {
    const decimals = this.#instrument.priceDecimals + this.#instrument.sizeDecimals
    return decimal(units, decimals, Math.max(decimals, this.#shown ?? 0))
  }

  levels(levels: Iterable<Level>): string {
    let out = ''
    for (const [price, size] of levels) out += `,["${this.price(price)}","${this.size(size)}"]`
    return `[${out.slice(1)}]`
  }
}

/** What all frames of one stream share. */
export interface Voice {
  readonly rules: Rules
  readonly symbol: string
  /** Base and quote alone. */
  readonly pair: string
  /** Dollars in a contract; undefined where sizes are in base. */
  readonly worth: number | undefined
  readonly digits: Digits
  /** A time of the market (ms) in the unit of the connection, by the venue's own clock, which faults may set wrong. */
  time(ms: number): number
  /** The same without that: bounds of candles. */
  unit(ms: number): number
}

/** Since the merge of 2026-06-30 frames of contracts say of which kind they are. */
export function kindOf({ worth }: Voice): string {
  return `"st":${worth === undefined ? 1 : 2}`
}

export function aggTrade(voice: Voice, trade: Trade): string {
  const { rules, symbol, digits, time } = voice
  const price = digits.price(trade.price)
  const size = digits.size(trade.size)
  const matched = time(trade.time - rules.pushLagMs)
  const ids = `"f":${trade.firstId},"l":${trade.lastId},"T":${matched},"m":${trade.buyerIsMaker}`
  const head = `{"e":"aggTrade","E":${time(trade.time)},"s":"${symbol}","a":${trade.id},"p":"${price}","q":"${size}"`
  if (!rules.split) return `${head},${ids},"M":true}`
  if (voice.worth !== undefined) return `${head},${ids},${kindOf(voice)}}`
  // every tenth trade met retail-price-improvement orders, which `nq` leaves out
  const visible = trade.id % 10 === 0 ? digits.size(trade.size >> 1) : size
  return `${head},"nq":"${visible}",${ids},${kindOf(voice)}}`
}

/** The single trades of one match, with their ids. */
export function singleTrades(voice: Voice, trade: Trade): { readonly id: number; readonly text: string }[] {
  const { rules, symbol, digits, time } = voice
  const matched = time(trade.time - rules.pushLagMs)
  const head = `{"e":"trade","E":${time(trade.time)},${rules.split ? `"T":${matched},` : ''}"s":"${symbol}"`
  const tail = rules.split
    ? `"X":"MARKET","m":${trade.buyerIsMaker}`
    : `"T":${matched},"m":${trade.buyerIsMaker},"M":true`
  return fillsOf(trade).map(({ id, size }) => ({
    id,
    text: `${head},"t":${id},"p":"${digits.price(trade.price)}","q":"${digits.size(size)}",${tail}}`,
  }))
}

/** A row of REST's aggTrades. */
export function aggTradeRow(voice: Voice, trade: Trade): string {
  const { rules, digits, time } = voice
  const values = `"p":"${digits.price(trade.price)}","q":"${digits.size(trade.size)}","f":${trade.firstId}`
  const rest = `"l":${trade.lastId},"T":${time(trade.time - rules.pushLagMs)},"m":${trade.buyerIsMaker}`
  return `{"a":${trade.id},${values},${rest}${rules.split ? '' : ',"M":true'}}`
}

export interface Delta {
  readonly first: number
  readonly last: number
  readonly previous: number
  readonly matched: number
  readonly pushed: number
  readonly bids: Iterable<Level>
  readonly asks: Iterable<Level>
}

export function depthUpdate(voice: Voice, delta: Delta): string {
  const { rules, symbol, digits, time } = voice
  const sides = `"b":${digits.levels(delta.bids)},"a":${digits.levels(delta.asks)}`
  const ids = `"U":${delta.first},"u":${delta.last}`
  const head = `{"e":"depthUpdate","E":${time(delta.pushed)}`
  if (!rules.globalIds) return `${head},"s":"${symbol}",${ids},${sides}}`
  const named = `"T":${time(delta.matched)},"s":"${symbol}","ps":"${voice.pair}"`
  return `${head},${named},${ids},"pu":${delta.previous},${sides},${kindOf(voice)}}`
}

export interface Best {
  readonly seq: number
  readonly bid: Level
  readonly ask: Level
}

function bestSides({ digits }: Voice, { bid, ask }: Best, names: readonly [string, string, string, string]): string {
  const values = [digits.price(bid[0]), digits.size(bid[1]), digits.price(ask[0]), digits.size(ask[1])]
  return names.map((name, i) => `"${name}":"${values[i]}"`).join(',')
}

export function bookTicker(voice: Voice, best: Best, now: number): string {
  const { rules, symbol, time } = voice
  const sides = bestSides(voice, best, ['b', 'B', 'a', 'A'])
  if (!rules.split) return `{"u":${best.seq},"s":"${symbol}",${sides}}`
  const times = `"T":${time(now - rules.pushLagMs)},"E":${time(now)}`
  return `{"e":"bookTicker","u":${best.seq},"s":"${symbol}","ps":"${voice.pair}",${sides},${times},${kindOf(voice)}}`
}

/** REST's answer for one symbol. */
export function bookTickerRow(voice: Voice, best: Best, now: number): string {
  const sides = bestSides(voice, best, ['bidPrice', 'bidQty', 'askPrice', 'askQty'])
  const more = voice.rules.split ? `,"time":${voice.time(now)},"lastUpdateId":${best.seq}` : ''
  return `{"symbol":"${voice.symbol}",${sides}${more}}`
}

export function kline(
  voice: Voice,
  candle: Candle,
  interval: string,
  lengthMs: number,
  closed: boolean,
  now: number,
): string {
  const { symbol, digits, time, unit } = voice
  // the close is the last instant inside, in the unit of the connection
  const span = `"t":${unit(candle.open)},"T":${unit(candle.open + lengthMs) - 1},"s":"${symbol}","i":"${interval}"`
  const ids = `"f":${candle.first.firstId},"L":${candle.last.lastId}`
  const prices = `"o":"${digits.price(candle.first.price)}","c":"${digits.price(candle.last.price)}"`
  const range = `"h":"${digits.price(candle.high)}","l":"${digits.price(candle.low)}"`
  const volume = `"v":"${digits.size(candle.volume)}","n":${candle.trades},"x":${closed}`
  const [all, bought] = otherVolumes(voice, candle)
  const sums = `"q":"${all}","V":"${digits.size(candle.takerBuyVolume)}"`
  const taker = `"Q":"${bought}","B":"0"`
  const k = `{${span},${ids},${prices},${range},${volume},${sums},${taker}}`
  return `{"e":"kline","E":${time(now)},"s":"${symbol}","k":${k}}`
}

/** What was traded, and what takers bought, in quote; of coin-margined contracts in base, at the average price. */
function otherVolumes({ digits, worth }: Voice, candle: Candle): [string, string] {
  const { volume, quoteVolume, takerBuyVolume, takerBuyQuoteVolume } = candle
  if (worth === undefined) return [digits.quote(quoteVolume), digits.quote(takerBuyQuoteVolume)]
  const inBase = (contracts: bigint, notional: bigint) =>
    notional === 0n ? '0' : ((Number(contracts) ** 2 * worth) / Number(digits.quote(notional))).toFixed(8)
  return [inBase(volume, quoteVolume), inBase(takerBuyVolume, takerBuyQuoteVolume)]
}

/** A row of REST's klines. */
export function klineRow(voice: Voice, candle: Candle, lengthMs: number): string {
  const { digits, unit } = voice
  const prices = [candle.first.price, candle.high, candle.low, candle.last.price].map((p) => `"${digits.price(p)}"`)
  const [all, bought] = otherVolumes(voice, candle)
  const volumes = `"${digits.size(candle.volume)}",${unit(candle.open + lengthMs) - 1},"${all}"`
  const taker = `"${digits.size(candle.takerBuyVolume)}","${bought}","0"`
  return `[${unit(candle.open)},${prices.join(',')},${volumes},${candle.trades},${taker}]`
}

/** Statistics of a day; the futures' frame has no best prices. */
export function ticker24(voice: Voice, day: Candle, best: Best, now: number): string {
  const { rules, symbol, digits, time } = voice
  const change = day.last.price - day.first.price
  const moved = `${change < 0 ? '-' : ''}${digits.price(Math.abs(change))}`
  const percent = ((change / day.first.price) * 100).toFixed(3)
  const average = digits.price(Number(day.quoteVolume / (day.volume || 1n)))
  const head = `{"e":"24hrTicker","E":${time(now)},"s":"${symbol}","p":"${moved}","P":"${percent}","w":"${average}"`
  const last = `"c":"${digits.price(day.last.price)}","Q":"${digits.size(day.last.size)}"`
  const sides = rules.split ? '' : `,${bestSides(voice, best, ['b', 'B', 'a', 'A'])}`
  const range = `"o":"${digits.price(day.first.price)}","h":"${digits.price(day.high)}","l":"${digits.price(day.low)}"`
  const sums = `"v":"${digits.size(day.volume)}","q":"${otherVolumes(voice, day)[0]}"`
  const span = `"O":${time(day.first.time)},"C":${time(now)},"F":${day.first.firstId},"L":${day.last.lastId}`
  return `${head},${last}${sides},${range},${sums},${span},"n":${day.trades}${rules.split ? `,${kindOf(voice)}` : ''}}`
}

/** The same in short. */
export function miniTicker(voice: Voice, day: Candle, now: number): string {
  const { rules, symbol, digits, time } = voice
  const head = `{"e":"24hrMiniTicker","E":${time(now)},"s":"${symbol}","c":"${digits.price(day.last.price)}"`
  const range = `"o":"${digits.price(day.first.price)}","h":"${digits.price(day.high)}","l":"${digits.price(day.low)}"`
  const sums = `"v":"${digits.size(day.volume)}","q":"${otherVolumes(voice, day)[0]}"`
  return `${head},${range},${sums}${rules.split ? `,"ps":"${voice.pair}",${kindOf(voice)}` : ''}}`
}

export interface Snapshot {
  readonly seq: number
  readonly bids: readonly Level[]
  readonly asks: readonly Level[]
}

export function depthSnapshot(voice: Voice, book: Snapshot, now: number): string {
  const { rules, digits, time } = voice
  const sides = `"bids":${digits.levels(book.bids)},"asks":${digits.levels(book.asks)}`
  const named = voice.worth === undefined ? '' : `"symbol":"${voice.symbol}","pair":"${voice.pair}",`
  const times = rules.split ? `${named}"E":${time(now)},"T":${time(now - rules.pushLagMs)},` : ''
  return `{"lastUpdateId":${book.seq},${times}${sides}}`
}
