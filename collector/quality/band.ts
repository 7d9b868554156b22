// The recent band of a channel's trade prices: where they were lately, and how far they lay apart.
//
// Centre and spread are running means over about the last 16 prices; a price that lies outside leaves both as they
// are. After STRANGERS trades in a row outside, close to one another, the market is where they are: the band moves there.
// It says nothing before WARM_UP trades, nor after IDLE_US without one: then it begins anew. Constant memory; a fraction is
// one of the lower price, so up and down are alike.

/** Trades before the first verdict. */
export const WARM_UP = 32
/** Trades in a row outside the band that move it. */
export const STRANGERS = 16
/** Without a trade for so long what was before is not recent, µs. */
export const IDLE_US = 600_000_000
const WEIGHT = 1 / 16
/** Outside is what lies farther from the centre than so many times the spread. */
const SPREADS = 10

export class Band {
  #trades = 0
  #centre = Number.NaN
  /** How far prices lie from the centre, in quote. */
  #spread = Number.NaN
  #time = 0
  /** Trades outside, one after another, and where they are. */
  #strangers = 0
  #strange = Number.NaN

  /** Whether it judges. */
  get isWarm(): boolean {
    return this.#trades === WARM_UP
  }

  /**
   * Takes a price above zero into account.
   * @param time µs
   * @param floor a price so near to the centre, as a fraction, is inside however small the spread
   * @returns whether it lies outside
   */
  isOutside(price: number, time: number, floor: number): boolean {
    if (this.#trades < WARM_UP || time - this.#time > IDLE_US) {
      this.#warmUp(price, time)
      return false
    }
    this.#time = time
    const centre = this.#centre
    const far = Math.abs(price - centre)
    const spread = this.#spread
    if (far > floor * Math.min(price, centre) && far > spread * SPREADS) return this.#isStrange(price, floor)
    if (this.#strangers > 0) this.#strangers = 0
    this.#centre = centre + (price - centre) * WEIGHT
    this.#spread = spread + (far - spread) * WEIGHT
    return false
  }

  #warmUp(price: number, time: number): void {
    const isIdle = time - this.#time > IDLE_US
    const trades = isIdle ? 1 : this.#trades + 1
    const centre = trades === 1 ? price : this.#centre
    const spread = trades === 1 ? 0 : this.#spread
    this.#centre = centre + (price - centre) / trades
    this.#spread = spread + (Math.abs(price - centre) - spread) / trades
    this.#trades = trades
    this.#time = time
    this.#strangers = 0
  }

  #isStrange(price: number, floor: number): boolean {
    const strange = this.#strange
    const far = Math.abs(price - strange)
    const isNear = this.#strangers > 0 && far <= Math.max(floor * Math.min(price, strange), this.#spread * SPREADS)
    this.#strangers = isNear ? this.#strangers + 1 : 1
    this.#strange = isNear ? strange + (price - strange) / this.#strangers : price
    if (this.#strangers < STRANGERS) return true
    this.#spread *= this.#strange / this.#centre
    this.#centre = this.#strange
    this.#strangers = 0
    return false
  }
}
