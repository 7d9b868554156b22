// What the futures of Binance say beside their order flow: mark prices with the expected funding, liquidations, open
// interest, ratios. Texts of streams and of REST, by the venue's pages of 2026; the figures are the market's truth.
import type { Clock } from '../clock.ts'
import type { Figures } from '../market/figures.ts'
import { decimal, type Instrument } from '../market/instruments.ts'
import type { Peer, Ratio, TrueLiquidation } from '../venue.ts'
import { contractType } from './contracts.ts'
import { kindOf, type Voice } from './frames.ts'
import { page, type Range } from './query.ts'

const SECOND = 1_000
const DAY = 86_400_000
/** A value is there so long after the moment that it is of. */
const LATE_MS = 30_000
/** Statistics reach back so far. */
export const STATISTICS_MS = 30 * DAY
const HISTORY_ROWS = 1_000
const USUAL_INTERVAL_HOURS = 8
/** Of one symbol only the newest of a second is told. */
const LIQUIDATIONS_MS = SECOND

/** What the endpoints of `/futures/data` with ratios are about. */
export const RATIOS = {
  topLongShortPositionRatio: 'lsr_top_position',
  globalLongShortAccountRatio: 'lsr_all_account',
  topLongShortAccountRatio: 'accounts of the largest',
} as const
export type RatioEndpoint = keyof typeof RATIOS

export interface DeskOptions {
  readonly clock: Clock
  readonly figures: Figures
  readonly instruments: readonly Instrument[]
  readonly voice: (symbol: string) => Voice
}

export class Desk {
  readonly #options: DeskOptions
  readonly #instruments: ReadonlyMap<string, Instrument>

  constructor(options: DeskOptions) {
    this.#options = options
    this.#instruments = new Map(options.instruments.filter(({ trading }) => trading).map((one) => [one.symbol, one]))
  }

  /** Begins to push a stream; undefined when it is none of the desk's. */
  open(stream: string, symbol: string | undefined, peer: Peer): (() => void) | undefined {
    const [, all = '', channel = '', speed = ''] =
      /^(?:(!)|.+@)(markPrice|forceOrder)(?:@arr)?(?:@(\ds))?$/u.exec(stream) ?? []
    if (channel === '' || (all === '' && symbol === undefined)) return undefined
    if ((all !== '') !== stream.includes('@arr') || !['', '1s'].includes(speed)) return undefined
    const symbols = all === '' ? [symbol as string] : [...this.#instruments.keys()]
    const push = (texts: readonly string[], id: number) => {
      for (const text of texts) peer.push({ stream, text, id })
    }
    const list = (texts: readonly string[]) => (texts.length === 0 ? [] : [`[${texts.join(',')}]`])
    if (channel === 'markPrice') {
      return this.#every(speed === '1s' ? SECOND : 3 * SECOND, (now) => {
        const texts = symbols.flatMap((name) => this.#markPrice(name, now) ?? [])
        push(all === '' ? texts : list(texts), now)
      })
    }
    return this.#every(LIQUIDATIONS_MS, (now) =>
      push(
        symbols.flatMap((name) => this.#liquidation(name, now) ?? []),
        now,
      ),
    )
  }

  premiumIndex(symbol: string): string | undefined {
    const now = this.#options.clock.now()
    const prices = this.#prices(symbol, now)
    if (prices === undefined) return undefined
    const { figures, voice } = this.#options
    const { pair, time, worth } = voice(symbol)
    const funding = figures.funding(symbol, now)
    const named = worth === undefined ? `"symbol":"${symbol}"` : `"symbol":"${symbol}","pair":"${pair}"`
    const { mark, index } = prices
    const rate = `"lastFundingRate":"${funding?.rate ?? ''}","interestRate":"${funding === undefined ? '' : '0.00010000'}"`
    const next = `"nextFundingTime":${funding?.time ?? 0},"time":${time(now)}`
    return `{${named},"markPrice":"${mark}","indexPrice":"${index}","estimatedSettlePrice":"${index}",${rate},${next}}`
  }

  /** What was paid, oldest first. */
  fundingRates(symbol: string, range: Range): string[] {
    const now = this.#options.clock.now()
    const { figures } = this.#options
    const rows: { readonly time: number; readonly rate: string }[] = []
    const next = figures.funding(symbol, now)
    if (next === undefined) return []
    const interval = next.nextTime - next.time
    for (let time = next.time - interval; rows.length < HISTORY_ROWS && time > 0; time -= interval) {
      rows.unshift({ time, rate: figures.funding(symbol, time - 1)?.rate ?? '' })
    }
    return page(
      rows,
      range,
      () => 0,
      ({ time }) => time,
    ).map(({ time, rate }) => {
      const mark = figures.markPrice(symbol, time) ?? ''
      return `{"symbol":"${symbol}","fundingTime":${time},"fundingRate":"${rate}","markPrice":"${mark}","rateType":"Regular"}`
    })
  }

  /** Symbols whose interval is not the usual one. */
  fundingInfo(coin: boolean): string[] {
    const now = this.#options.clock.now()
    return this.#symbols(coin).flatMap((symbol) => {
      const funding = this.#options.figures.funding(symbol, now)
      const hours = funding === undefined ? USUAL_INTERVAL_HOURS : (funding.nextTime - funding.time) / 3_600_000
      if (hours === USUAL_INTERVAL_HOURS) return []
      const bounds = '"adjustedFundingRateCap":"0.02500000","adjustedFundingRateFloor":"-0.02500000"'
      return [`{"symbol":"${symbol}",${bounds},"fundingIntervalHours":${hours},"disclaimer":false}`]
    })
  }

  openInterest(symbol: string): string | undefined {
    const now = this.#options.clock.now()
    const size = this.#options.figures.openInterest(symbol, now)
    if (size === undefined) return undefined
    const { pair, worth, time } = this.#options.voice(symbol)
    const kind = this.kindOf(symbol)
    const named = worth === undefined ? '' : `,"pair":"${pair}","contractType":"${kind}"`
    return `{"symbol":"${symbol}"${named},"openInterest":"${size}","time":${time(now)}}`
  }

  /** In base and in quote; of coin-margined contracts in contracts and in base. */
  openInterestRows(symbol: string, periodMs: number, range: Range): string[] {
    const { figures, voice } = this.#options
    const { pair, worth } = voice(symbol)
    return this.#moments(periodMs, range).flatMap((time) => {
      const [size, mark] = [figures.openInterest(symbol, time), figures.markPrice(symbol, time)]
      if (size === undefined || mark === undefined) return []
      const value = worth === undefined ? Number(size) * Number(mark) : (Number(size) * worth) / Number(mark)
      const named =
        worth === undefined ? `"symbol":"${symbol}"` : `"pair":"${pair}","contractType":"${this.kindOf(symbol)}"`
      return [`{${named},"sumOpenInterest":"${size}","sumOpenInterestValue":"${value.toFixed(8)}","timestamp":${time}}`]
    })
  }

  ratioRows(symbol: string, endpoint: RatioEndpoint, periodMs: number, range: Range): string[] {
    const { pair, worth } = this.#options.voice(symbol)
    const isByPosition = worth !== undefined && endpoint === 'topLongShortPositionRatio'
    const [long, short] = isByPosition ? ['longPosition', 'shortPosition'] : ['longAccount', 'shortAccount']
    const named = worth === undefined ? `"symbol":"${symbol}"` : `"pair":"${pair}"`
    return this.#moments(periodMs, range).flatMap((time) => {
      const ratio = this.#ratio(symbol, RATIOS[endpoint], periodMs, time)
      if (ratio === undefined) return []
      const share = Number(ratio) / (1 + Number(ratio))
      const shares = `"${long}":"${share.toFixed(4)}","${short}":"${(1 - share).toFixed(4)}"`
      return [`{${named},"longShortRatio":"${ratio}",${shares},"timestamp":${time}}`]
    })
  }

  /** The coin-margined contracts on a pair. */
  ofPair(pair: string): string[] {
    return this.#symbols(true).filter((symbol) => this.#options.voice(symbol).pair === pair)
  }

  /** As `contractType` has it. */
  kindOf(symbol: string): string {
    const instrument = this.#instruments.get(symbol)
    return instrument === undefined ? '' : contractType(instrument, this.#options.clock.now())
  }

  #symbols(coin: boolean): string[] {
    return [...this.#instruments.keys()].filter((symbol) => (this.#options.voice(symbol).worth !== undefined) === coin)
  }

  #ratio(symbol: string, of: Ratio | 'accounts of the largest', periodMs: number, time: number): string | undefined {
    const { figures } = this.#options
    if (of !== 'accounts of the largest') return figures.ratio(symbol, of, periodMs, time)
    // another figure than both, so that whoever takes it for one of them is found out
    const ratio = figures.ratio(symbol, 'lsr_top_position', periodMs, time)
    return ratio === undefined ? undefined : (Number(ratio) + 1).toFixed(4)
  }

  /** The times of rows, oldest first. */
  #moments(periodMs: number, range: Range): number[] {
    const now = this.#options.clock.now()
    const last = Math.floor((now - LATE_MS) / periodMs) * periodMs
    const first = Math.ceil((now - STATISTICS_MS) / periodMs) * periodMs
    const all = Array.from({ length: Math.max(0, (last - first) / periodMs + 1) }, (_, i) => first + i * periodMs)
    return page(
      all,
      range,
      () => 0,
      (time) => time,
    )
  }

  #prices(symbol: string, now: number): { readonly mark: string; readonly index: string } | undefined {
    const { figures } = this.#options
    const [mark, index] = [figures.markPrice(symbol, now), figures.indexPrice(symbol, now)]
    return mark === undefined || index === undefined ? undefined : { mark, index }
  }

  /** Dated contracts have an empty rate and the time 0. */
  #markPrice(symbol: string, now: number): string | undefined {
    const prices = this.#prices(symbol, now)
    if (prices === undefined) return undefined
    const { figures, voice } = this.#options
    const { time } = voice(symbol)
    const funding = figures.funding(symbol, now)
    const head = `{"e":"markPriceUpdate","E":${time(now)},"s":"${symbol}","p":"${prices.mark}","ap":"${prices.mark}"`
    const rate = `"r":"${funding?.rate ?? ''}","T":${funding?.time ?? 0}`
    return `${head},"P":"${prices.index}","i":"${prices.index}",${rate},${kindOf(voice(symbol))}}`
  }

  /** The newest one of the second that has just passed. */
  #liquidation(symbol: string, now: number): string | undefined {
    const newest = this.#options.figures.liquidations(symbol, now - LIQUIDATIONS_MS, now).at(-1)
    const instrument = this.#instruments.get(symbol)
    if (newest === undefined || instrument === undefined) return undefined
    const { pair, worth, time } = this.#options.voice(symbol)
    const named = worth === undefined ? '' : `"ps":"${pair}",`
    const side = newest.side.toUpperCase()
    const { price, size } = newest
    const filled = `"ap":"${betterPrice(newest, instrument)}","X":"FILLED","l":"${size}","z":"${size}"`
    const order = `{"s":"${symbol}",${named}"S":"${side}","o":"LIMIT","f":"IOC","q":"${size}","p":"${price}",${filled}`
    return `{"e":"forceOrder","E":${time(now)},"o":${order},"T":${time(newest.time)}}}`
  }

  #every(ms: number, run: (now: number) => void): () => void {
    const { clock } = this.#options
    const first = ms - (clock.now() % ms)
    return clock.every(ms, first, () => run(Math.round(clock.now())))
  }
}

/** A tick better than the order's price: at what it was filled. */
function betterPrice({ price, side }: TrueLiquidation, { priceDecimals }: Instrument): string {
  const ticks = BigInt(price.replace('.', '')) + (side === 'sell' ? 1n : -1n)
  return ticks > 0n ? decimal(ticks, priceDecimals) : price
}
