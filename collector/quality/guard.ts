// The checks of one channel, before each of its messages is written. README.md beside this file has the table of checks.
//
// In: the element that a frame read last. Out: whether its message may be published, and which flags it bears. Always:
// each failure is counted by check and action. Never: an object or a string for a message that fails nothing.
import assert from 'node:assert'
import type { DataType } from '../../crds/names.ts'
import { type Action, CHECKS, type Check } from '../../crds/quality.ts'
import type { Best, Failures, Guard } from '../market/guard.ts'
import { MINUS } from '../wire/bytes.ts'
import type { Frame } from '../wire/frame.ts'
import type { Levels } from '../wire/levels.ts'
import { keysOf } from '../wire/sources.ts'
import { BestHistory } from './best.ts'
import { BIT, FailureCounts, type Policy, flagsText } from './checks.ts'
import { isPositive, numberAt } from './number.ts'
import { TradePrices } from './prices.ts'

/** Fields of a message that must be above zero, and such that must not be below. Of trades, books and tickers see below. */
const NUMBERS: Readonly<Record<DataType, readonly [positive: readonly string[], notNegative: readonly string[]]>> = {
  trade: [[], []],
  orderbook: [[], []],
  ticker: [[], []],
  kline: [
    ['open', 'high', 'low', 'close'],
    ['volume', 'quote_volume', 'taker_buy_volume', 'taker_buy_quote_volume'],
  ],
  funding_rate: [['mark_price', 'index_price'], []],
  open_interest: [[], ['open_interest', 'value']],
  liquidation: [['price', 'size'], []],
  lsr_top_position: [[], ['ratio', 'long_share', 'short_share']],
  lsr_all_account: [[], ['ratio', 'long_share', 'short_share']],
  volatility_index: [['value'], []],
}

const NONE = -1
const NO_FLAGS = flagsText(0)

/** Where one form has what is checked: rows in the frame's `at`; -1: not at all. */
interface Places {
  readonly frame: Frame
  readonly positive: readonly number[]
  readonly notNegative: readonly number[]
  /** Of a ticker: bid, its size, ask, its size. */
  readonly best: readonly number[]
  /** Field of its sequence. */
  readonly seq: number
  readonly sides: readonly Levels[]
}

export interface GuardOptions {
  readonly type: DataType
  /** By index of the form. */
  readonly frames: readonly Frame[]
  readonly policy: Policy
  /** Whether what comes is news: pushed, and more often than once in a while. Else an old time is as it should be. */
  readonly isFresh: boolean
}

/** Guards a channel by a policy. */
export class ChannelGuard implements Guard {
  // What each message touches stands together at the beginning.
  flags = NO_FLAGS
  readonly #policy: Policy
  readonly #prices: TradePrices | undefined
  /** Whether the message has a `ts`. */
  readonly #hasTime: boolean
  readonly #isFresh: boolean
  /** Event time of the message before, µs. */
  #time = 0
  readonly #forms: readonly Places[]
  /** Best prices after the message that is judged; NaN on a side that has none. */
  #bid = Number.NaN
  #ask = Number.NaN
  #seq = Number.NaN
  #bestTime = Number.NaN
  readonly #history: BestHistory | undefined
  readonly #counts = new FailureCounts()
  readonly #checks: readonly Check[]
  /** Bits of checks that flag where the policy says drop. */
  readonly #undroppable: number

  constructor({ type, frames, policy, isFresh }: GuardOptions) {
    this.#policy = policy
    this.#isFresh = isFresh
    this.#forms = frames.map((frame) => placesOf(type, frame))
    this.#history = type === 'orderbook' ? new BestHistory() : undefined
    this.#prices = type === 'trade' ? new TradePrices(frames[0] as Frame) : undefined
    this.#hasTime = frames.some(({ declaration }) => 'ts' in declaration.message)
    this.#checks = checksOf(type, this.#hasTime)
    // A change of a book cannot be left out for one of its levels: what follows stands on it.
    this.#undroppable = type === 'orderbook' ? BIT.badNumber : 0
  }

  get failures(): Failures {
    return this.#counts.read(this.#checks, (check) => this.#actionOf(check))
  }

  get best(): Best {
    return { bid: this.#bid, ask: this.#ask, seq: this.#seq, time: this.#bestTime }
  }

  get recent(): readonly Best[] {
    return this.#history?.states ?? []
  }

  stand(bid: number, ask: number, seq: number, time: number): void {
    this.#bid = bid
    this.#ask = ask
    this.#seq = seq
    this.#bestTime = time
    this.#history?.add(bid, ask, seq, time)
  }

  admits(form: number, bytes: Buffer, received: number, time: number): boolean {
    const policy = this.#policy
    const prices = this.#prices
    let failed = prices === undefined ? this.#numbers(form, bytes, time) : prices.failures(bytes, time, policy.jump)
    if (this.#hasTime) failed |= this.#times(received, time)
    return failed === 0 && this.flags === NO_FLAGS ? true : this.#judge(failed)
  }

  admitsLate(form: number, bytes: Buffer, time: number): boolean {
    const prices = this.#prices
    return this.#judge(
      prices === undefined ? this.#numbers(form, bytes, time) : prices.failures(bytes, time, this.#policy.jump),
    )
  }

  admitsBook(received?: number): boolean {
    const times = received === undefined ? 0 : this.#times(received, this.#bestTime)
    return this.#judge(times | this.#sides())
  }

  #times(received: number, time: number): number {
    const { aheadUs, behindUs } = this.#policy
    const age = received - time
    const skewed = age < -aheadUs || (age > behindUs && this.#isFresh) ? BIT.clockSkew : 0
    const failed = time < this.#time ? skewed | BIT.outOfOrder : skewed
    this.#time = time
    return failed
  }

  /** Numbers that cannot be, and sides that stand against one another. */
  #numbers(form: number, bytes: Buffer, time: number): number {
    const places = this.#forms[form] as Places
    const { frame, positive, notNegative, best, sides } = places
    const { at } = frame
    for (let i = 0; i < positive.length; i++) {
      const row = positive[i] as number
      const start = at[row] as number
      if (start >= 0 && !isPositive(bytes, start, at[row + 1] as number)) return BIT.badNumber
    }
    for (let i = 0; i < notNegative.length; i++) {
      const start = at[notNegative[i] as number] as number
      if (start >= 0 && bytes[start] === MINUS) return BIT.badNumber
    }
    if (best.length > 0) return this.#ticker(places, bytes, time)
    return sides.length > 0 ? this.#levels(sides) | this.#sides() : 0
  }

  #ticker({ frame, best, seq }: Places, bytes: Buffer, time: number): number {
    const { at } = frame
    const bid = bestOf(bytes, at, best[0] as number, best[1] as number)
    const ask = bestOf(bytes, at, best[2] as number, best[3] as number)
    if (bid < 0 || ask < 0) return BIT.badNumber
    this.#bid = bid
    this.#ask = ask
    this.#seq = seq < 0 ? Number.NaN : frame.integer(seq)
    this.#bestTime = this.#hasTime ? time : Number.NaN
    return this.#sides()
  }

  #sides(): number {
    if (this.#bid >= this.#ask) return BIT.crossedBook
    return Number.isNaN(this.#bid) || Number.isNaN(this.#ask) ? BIT.emptyBook : 0
  }

  /** Sizes are proven not to be negative; a level without a price above zero is none. */
  #levels(sides: readonly Levels[]): number {
    for (let side = 0; side < sides.length; side++) if ((sides[side] as Levels).hasFree) return BIT.badNumber
    return 0
  }

  /** Counts what failed, and says what becomes of it. */
  #judge(failed: number): boolean {
    if (failed === 0) {
      this.flags = NO_FLAGS
      return true
    }
    const { flags, drops } = this.#policy
    const undropped = failed & drops & this.#undroppable
    for (const check of CHECKS) if ((failed & BIT[check]) !== 0) this.#counts.add(check, this.#actionOf(check))
    this.flags = flagsText((failed & flags) | undropped)
    return (failed & drops) === undropped
  }

  #actionOf(check: Check): Action {
    const { flags, drops } = this.#policy
    const bit = BIT[check]
    if ((drops & bit & ~this.#undroppable) !== 0) return 'drop'
    return ((flags | drops) & bit) === 0 ? 'pass' : 'flag'
  }
}

const CANNOT_BE = -1

/**
 * A best price; NaN where there is none, which some venues write as zeros; {@link CANNOT_BE} where it or its size is below
 * zero, or one of them zero.
 */
function bestOf(bytes: Buffer, at: Int32Array, priceRow: number, sizeRow: number): number {
  const start = at[priceRow] as number
  if (start < 0) return Number.NaN
  const price = numberAt(bytes, start, at[priceRow + 1] as number)
  const size = at[sizeRow] as number
  const isThere = price > 0
  if (size < 0) return isThere ? price : CANNOT_BE
  if (bytes[start] === MINUS || isThere !== isPositive(bytes, size, at[sizeRow + 1] as number)) return CANNOT_BE
  if (isThere) return price
  return bytes[size] === MINUS ? CANNOT_BE : Number.NaN
}

function placesOf(type: DataType, frame: Frame): Places {
  const { message } = frame.declaration
  const keyOf = (name: string): string | undefined => {
    const source = message[name]
    return source === undefined ? undefined : keysOf(source)[0]
  }
  const rowOf = (name: string): number => {
    const key = keyOf(name)
    return key === undefined ? NONE : frame.field(key) * 2
  }
  const rowsOf = (names: readonly string[]): number[] => names.map(rowOf).filter((row) => row !== NONE)
  const best = type === 'ticker' ? ['bid', 'bid_size', 'ask', 'ask_size'].map(rowOf) : []
  assert(!best.includes(NONE), 'quality: a ticker has prices and sizes')
  const [positive, notNegative] = NUMBERS[type]
  const sides = ['bids', 'asks'].map(keyOf).filter((key) => key !== undefined)
  return {
    frame,
    positive: rowsOf(positive),
    notNegative: rowsOf(notNegative),
    best,
    seq: type === 'ticker' && keyOf('seq') !== undefined ? rowOf('seq') / 2 : NONE,
    sides: sides.map((key) => frame.levels(key)),
  }
}

/** The checks that a channel can fail. */
function checksOf(type: DataType, hasTime: boolean): Check[] {
  const hasSides = type === 'orderbook' || type === 'ticker'
  const can: Readonly<Record<Check, boolean>> = {
    badNumber: true,
    crossedBook: hasSides,
    emptyBook: hasSides,
    priceJump: type === 'trade',
    clockSkew: hasTime,
    outOfOrder: hasTime,
  }
  return CHECKS.filter((check) => can[check])
}
