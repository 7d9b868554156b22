// The texts that OKX sends, from what the synthetic market knows. All numbers are strings without needless zeros, but
// for `checksum`, `seqId` and `prevSeqId`; what is not known is "". Key order as on the venue's pages of 2026.
import type { Level } from '../market/book.ts'
import type { Candle } from '../market/candles.ts'
import { decimal, type Instrument } from '../market/instruments.ts'
import type { Trade } from '../market/market.ts'
import type { TrueFunding, TrueLiquidation } from '../venue.ts'
import type { Piece } from './cut.ts'
import { familyOf } from './instruments.ts'
import { INST_TYPES } from './rules.ts'

/** What all texts on one instrument share. */
export class Voice {
  readonly instrument: Instrument
  /** A time of the market (ms) by the venue's own clock, which faults may set wrong. */
  readonly time: (ms: number) => string

  constructor(instrument: Instrument, time: (ms: number) => string) {
    this.instrument = instrument
    this.time = time
  }

  price(ticks: number): string {
    return trimmed(decimal(ticks, this.instrument.priceDecimals))
  }

  size(lots: number | bigint): string {
    return trimmed(decimal(lots, this.instrument.sizeDecimals))
  }

  /** Price, size, a zero, and the number of orders. */
  levels(levels: Iterable<Level>): string {
    let out = ''
    for (const [price, size] of levels) {
      out += `,["${this.price(price)}","${this.size(size)}","0","${size === 0 ? 0 : 1 + (size % 7)}"]`
    }
    return `[${out.slice(1)}]`
  }

  /** `instId` and `instType`. */
  get head(): string {
    return `"instId":"${this.instrument.symbol}","instType":"${INST_TYPES[this.instrument.market]}"`
  }
}

/** What stands behind the argument of a frame. */
export function dataOf(rows: readonly string[], action?: 'snapshot' | 'update'): string {
  const said = action === undefined ? '' : `"action":"${action}",`
  return `,${said}"data":[${rows.join(',')}]}`
}

/** Of the channel `trades`: all fills of a taker at one price, by the id of the last. */
export function trade(voice: Voice, { firstId, lastId, price, size, buyerIsMaker, time }: Trade, seq: number): string {
  const count = lastId - firstId + 1
  const head = fill(voice, lastId, price, size, buyerIsMaker)
  return `{${head},"ts":"${voice.time(time)}","count":"${count}","source":"0","seqId":${seq}}`
}

/** Of the channel `trades-all`, and of REST but for the order of its keys: one fill. */
export function tradeAll(voice: Voice, { price, buyerIsMaker, time }: Trade, id: number, size: number): string {
  return `{${fill(voice, id, price, size, buyerIsMaker)},"source":"0","ts":"${voice.time(time)}"}`
}

function fill(voice: Voice, id: number, price: number, size: number, buyerIsMaker: boolean): string {
  const side = buyerIsMaker ? 'sell' : 'buy'
  const values = `"px":"${voice.price(price)}","sz":"${voice.size(size)}","side":"${side}"`
  return `"instId":"${voice.instrument.symbol}","tradeId":"${id}",${values}`
}

export function book(voice: Voice, { previous, seq, bids, asks }: Piece, now: number): string {
  const sides = `"asks":${voice.levels(asks)},"bids":${voice.levels(bids)}`
  // the checksum is a fixed zero since June 2026
  return `{${sides},"ts":"${voice.time(now)}","checksum":0,"prevSeqId":${previous},"seqId":${seq}}`
}

/** REST's book. */
export function bookRow(voice: Voice, piece: Omit<Piece, 'previous'>, now: number): string {
  const sides = `"asks":${voice.levels(piece.asks)},"bids":${voice.levels(piece.bids)}`
  return `{${sides},"ts":"${voice.time(now)}","seqId":${piece.seq}}`
}

export interface Best {
  readonly bid: Level | undefined
  readonly ask: Level | undefined
}

export function ticker(voice: Voice, day: Candle | undefined, { bid, ask }: Best, now: number): string {
  const { instrument } = voice
  const side = (level: Level | undefined, name: string) =>
    `"${name}Px":"${level === undefined ? '' : voice.price(level[0])}","${name}Sz":"${level === undefined ? '' : voice.size(level[1])}"`
  const at = (price: number | undefined) => (price === undefined ? '' : voice.price(price))
  const last = `"last":"${at(day?.last.price)}","lastSz":"${day === undefined ? '' : voice.size(day.last.size)}"`
  const range = `"open24h":"${at(day?.first.price)}","high24h":"${at(day?.high)}","low24h":"${at(day?.low)}"`
  const start = `"sodUtc0":"${at(day?.first.price)}","sodUtc8":"${at(day?.first.price)}"`
  const [vol, volCcy] = day === undefined ? ['0', '0'] : volumes(voice, day)
  const sums = `"volCcy24h":"${volCcy}","vol24h":"${vol}"`
  const names = `"instType":"${INST_TYPES[instrument.market]}","instId":"${instrument.symbol}"`
  const sides = `${side(ask, 'ask')},${side(bid, 'bid')}`
  return `{${names},${last},${sides},${range},${start},${sums},"ts":"${voice.time(now)}"}`
}

/** Bounds of candles are not by the venue's clock, but true. */
export function candle(voice: Voice, one: Candle, closed: boolean): string {
  const prices = [one.first.price, one.high, one.low, one.last.price].map((price) => voice.price(price))
  return JSON.stringify([String(one.open), ...prices, ...volumes(voice, one), closed ? '1' : '0'])
}

/** In the venue's unit; in the quote asset for spot and the base asset for derivatives; in the quote asset. */
function volumes({ instrument }: Voice, one: Candle): [string, string, string] {
  const { contract, priceDecimals, sizeDecimals } = instrument
  const size = trimmed(decimal(one.volume, sizeDecimals))
  const notional = decimal(one.quoteVolume, priceDecimals + sizeDecimals)
  if (contract === undefined) return [size, trimmed(notional), trimmed(notional)]
  const unit = Number(contract.value) * Number(contract.multiplier)
  const rounded = (value: number) => trimmed(value.toFixed(8))
  if (contract.kind === 'linear') return [size, rounded(Number(size) * unit), rounded(Number(notional) * unit)]
  const average = Number(notional) / Number(size)
  return [size, rounded((Number(size) * unit) / average), rounded(Number(size) * unit)]
}

export function funding(voice: Voice, { rate, time, nextTime }: TrueFunding, now: number): string {
  const bounds = '"maxFundingRate":"0.00375","method":"current_period","minFundingRate":"-0.00375"'
  const next = `"nextFundingRate":"","nextFundingTime":"${nextTime}","premium":"0.0000123"`
  const settled = '"settFundingRate":"0.0000558513836517","settState":"settled"'
  const head = `"formulaType":"withRate","fundingRate":"${rate}","fundingTime":"${time}","impactValue":"20000"`
  return `{${head},${voice.head},"interestRate":"0.0001",${bounds},${next},${settled},"ts":"${voice.time(now)}"}`
}

/** In contracts, coins and dollars. */
export function openInterest(voice: Voice, contracts: string, price: string, now: number): string {
  const { contract } = voice.instrument
  const unit = Number(contract?.value ?? 1) * Number(contract?.multiplier ?? 1)
  const inverse = contract?.kind === 'inverse'
  const usd = Number(contracts) * unit * (inverse ? 1 : Number(price))
  const coins = inverse ? usd / Number(price) : Number(contracts) * unit
  const values = `"oi":"${contracts}","oiCcy":"${trimmed(coins.toFixed(8))}","oiUsd":"${trimmed(usd.toFixed(8))}"`
  return `{${voice.head},${values},"ts":"${voice.time(now)}"}`
}

/** All liquidations of one instrument in one frame, as they come: not in the order of time. */
export function liquidations(voice: Voice, list: readonly TrueLiquidation[]): string {
  const details = list.toReversed().map(({ side, price, size, time }) => {
    const posSide = side === 'sell' ? 'long' : 'short'
    const values = `"bkPx":"${price}","sz":"${size}","bkLoss":"0","ccy":""`
    return `{"side":"${side}","posSide":"${posSide}",${values},"ts":"${voice.time(time)}"}`
  })
  const family = familyOf(voice.instrument)
  return `{${voice.head},"instFamily":"${family}","uly":"${family}","details":[${details.join(',')}]}`
}

/** Without zeros behind the last digit that counts. */
export function trimmed(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/u, '') : text
}
