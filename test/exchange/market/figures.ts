// What a venue says beside its order flow: funding, open interest, liquidations, ratios, mark and index prices,
// volatility. Each is a function of the seed, the symbol and the time alone, so that a test can ask for any instant.
// Always: the same question has the same answer. Never: reads a clock, keeps a state, knows a venue's format.
import { random } from '../random.ts'
import type { Ratio, TrueFigures, TrueFunding, TrueLiquidation } from '../venue.ts'
import { decimal, type Instrument } from './instruments.ts'

const HOUR = 3_600_000
// How long each figure stands, ms.
const FUNDING_STEP = 60_000
const OPEN_INTEREST_STEP = 3_000
const PRICE_STEP = 1_000
const VOLATILITY_STEP = 1_000
// A slot has liquidations or has none.
const SLOT = 1_000
const LIQUIDATED = 1 / 20
const LIQUIDATIONS_IN_SLOT_MAX = 3

/** For recordings, which know only what was recorded. */
export const NO_FIGURES: TrueFigures = {
  funding: () => undefined,
  openInterest: () => undefined,
  liquidations: () => [],
  ratio: () => undefined,
  markPrice: () => undefined,
  indexPrice: () => undefined,
  volatility: () => undefined,
}

export class Figures implements TrueFigures {
  readonly #seed: number
  readonly #instruments = new Map<string, Instrument>()

  /** Instruments that do not trade have no figures. */
  constructor(seed: number, instruments: readonly Instrument[]) {
    this.#seed = seed
    for (const instrument of instruments) if (instrument.trading) this.#instruments.set(instrument.symbol, instrument)
  }

  funding(symbol: string, time: number): TrueFunding | undefined {
    if (this.#instruments.get(symbol)?.market !== 'perpetual') return undefined
    const intervalMs = this.#chance(`${symbol} interval`) < 0.3 ? 4 * HOUR : 8 * HOUR
    const next = (Math.floor(time / intervalMs) + 1) * intervalMs
    const rate = this.#wave(`${symbol} funding`, time, FUNDING_STEP) * 0.0003 + 0.0001
    return { rate: trimmed(rate.toFixed(12)), time: next, nextTime: next + intervalMs }
  }

  openInterest(symbol: string, time: number): string | undefined {
    const instrument = this.#instruments.get(symbol)
    if (instrument === undefined || instrument.market === 'spot') return undefined
    const lots = instrument.usualSize * (2_000 + 300 * this.#wave(`${symbol} interest`, time, OPEN_INTEREST_STEP))
    return decimal(Math.round(lots), instrument.sizeDecimals)
  }

  liquidations(symbol: string, from: number, to: number): TrueLiquidation[] {
    const instrument = this.#instruments.get(symbol)
    if (instrument === undefined || instrument.market === 'spot' || instrument.market === 'option') return []
    const out: TrueLiquidation[] = []
    for (let slot = Math.floor(from / SLOT); slot * SLOT < to; slot++) {
      if (this.#chance(`${symbol} liquidated ${slot}`) < LIQUIDATED) out.push(...this.#slot(instrument, slot))
    }
    return out.filter(({ time }) => time >= from && time < to)
  }

  ratio(symbol: string, of: Ratio, periodMs: number, start: number): string | undefined {
    const market = this.#instruments.get(symbol)?.market
    if (market !== 'perpetual' && market !== 'future') return undefined
    return (1.4 + 0.9 * this.#wave(`${symbol} ${of} ${periodMs}`, start, periodMs)).toFixed(4)
  }

  markPrice(symbol: string, time: number): string | undefined {
    return this.#price(symbol, 'mark', time)
  }

  indexPrice(symbol: string, time: number): string | undefined {
    return this.#price(symbol, 'index', time)
  }

  volatility(index: string, time: number): string | undefined {
    return (55 + 15 * this.#wave(`${index} volatility`, time, VOLATILITY_STEP)).toFixed(4)
  }

  #price(symbol: string, kind: string, time: number): string | undefined {
    const instrument = this.#instruments.get(symbol)
    if (instrument === undefined) return undefined
    const moved = 1 + 0.001 * this.#wave(`${symbol} ${kind}`, time, PRICE_STEP)
    return decimal(Math.max(1, Math.round(instrument.reference * moved)), instrument.priceDecimals)
  }

  #slot({ symbol, reference, priceDecimals, usualSize, sizeDecimals }: Instrument, slot: number): TrueLiquidation[] {
    const chance = random(this.#seed).fork(`${symbol} liquidations ${slot}`)
    const count = 1 + chance.int(LIQUIDATIONS_IN_SLOT_MAX)
    const times = Array.from({ length: count }, () => slot * SLOT + chance.int(SLOT)).sort((a, b) => a - b)
    return times.map((time) => {
      const side = chance.chance(0.5) ? 'buy' : 'sell'
      const away = 1 + (side === 'buy' ? 1 : -1) * (0.002 + 0.01 * chance.next())
      const price = decimal(Math.max(1, Math.round(reference * away)), priceDecimals)
      return { side, price, size: decimal(1 + Math.floor(usualSize * chance.exponential()), sizeDecimals), time }
    })
  }

  /** Between -1 and 1, smooth from step to step, with a little noise. */
  #wave(name: string, time: number, stepMs: number): number {
    const step = Math.floor(time / stepMs)
    const phase = this.#chance(`${name} phase`)
    const slow = Math.sin(2 * Math.PI * (step / 311 + phase))
    const fast = Math.sin(2 * Math.PI * (step / 17 + 3 * phase))
    return 0.6 * slow + 0.3 * fast + 0.1 * (2 * this.#chance(`${name} ${step}`) - 1)
  }

  #chance(name: string): number {
    return random(this.#seed).fork(name).next()
  }
}

/** Without zeros behind the last digit that counts. */
function trimmed(text: string): string {
  return text.replace(/\.?0+$/u, '')
}
