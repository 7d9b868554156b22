// A book against the venue's own best bid and offer, where a collector has both.
//
// Once a second the ticker as it stands is kept, and judged a second later, when the book has come past its moment. At the
// same sequence both must be equal. Elsewhere the ticker must lie within what the book had about that moment; since best
// prices may come and go between two changes of a book, only OUTSIDE_MAX tickers in a row that do not are a difference.
// Always: constant memory; the hot path only writes numbers.
import type { Best, Guard } from '../market/guard.ts'

/** States of a book that are remembered: some seconds at ten changes a second. */
const STATES = 64
/** A ticker may stand for a moment so far from its event time, µs. */
const ABOUT_US = 500_000
/** Tickers outside, one after another, that are a difference. */
export const OUTSIDE_MAX = 3

/** What comparing came to. */
export const AGREEMENTS = {
  equal: 'the book had the best prices that the ticker says',
  differs: 'it had not',
  unknown: 'they speak of moments that cannot be compared',
} as const
export type Agreement = keyof typeof AGREEMENTS

/** The latest states of a book. */
export class BestHistory {
  readonly #states = new Float64Array(STATES * 4)
  #count = 0

  add(bid: number, ask: number, seq: number, time: number): void {
    const row = (this.#count % STATES) * 4
    this.#states[row] = bid
    this.#states[row + 1] = ask
    this.#states[row + 2] = seq
    this.#states[row + 3] = time
    this.#count += 1
  }

  /** Oldest first. */
  get states(): Best[] {
    const out: Best[] = []
    for (let i = Math.max(0, this.#count - STATES); i < this.#count; i++) {
      const row = (i % STATES) * 4
      const [bid, ask] = [this.#states[row] as number, this.#states[row + 1] as number]
      out.push({ bid, ask, seq: this.#states[row + 2] as number, time: this.#states[row + 3] as number })
    }
    return out
  }
}

/** Compares one symbol's book with its ticker. */
export class BestCheck {
  readonly counts: Record<Agreement, number> = { equal: 0, differs: 0, unknown: 0 }
  #sample: Best | undefined
  #outside = 0

  /**
   * Judges the ticker of the tick before by the book of now, and keeps the one of now.
   * @param isInSync whether the book is the venue's, as far as it knows
   * @returns undefined where there is nothing to judge
   */
  tick(book: Pick<Guard, 'recent'>, ticker: Best, isInSync: boolean): Agreement | undefined {
    const before = this.#sample
    const isNew = !(Object.is(ticker.seq, before?.seq) && Object.is(ticker.time, before?.time))
    this.#sample = isInSync && isNew ? ticker : undefined
    if (before === undefined || !isInSync) return undefined
    const agreement = this.#judge(book.recent, before)
    this.counts[agreement] += 1
    return agreement
  }

  #judge(states: readonly Best[], ticker: Best): Agreement {
    const same = states.filter(({ seq }) => seq === ticker.seq)
    if (same.length > 0) return same.some((state) => isSame(state, ticker)) ? 'equal' : 'differs'
    const about = statesAbout(states, ticker)
    if (about.length === 0) return 'unknown'
    const isInside =
      isWithin(
        ticker.bid,
        about.map(({ bid }) => bid),
      ) &&
      isWithin(
        ticker.ask,
        about.map(({ ask }) => ask),
      )
    this.#outside = isInside ? 0 : this.#outside + 1
    if (isInside) return 'equal'
    return this.#outside < OUTSIDE_MAX ? 'unknown' : 'differs'
  }
}

function isSame(a: Best, b: Best): boolean {
  return Object.is(a.bid, b.bid) && Object.is(a.ask, b.ask)
}

/** What the book was from before that moment on until after it; none where that is not remembered. */
function statesAbout(states: readonly Best[], { seq, time }: Best): readonly Best[] {
  const isNumbered = !Number.isNaN(seq)
  const isBefore = (state: Best): boolean => (isNumbered ? state.seq < seq : state.time < time - ABOUT_US)
  const isBehind = (state: Best): boolean => (isNumbered ? state.seq > seq : state.time > time + ABOUT_US)
  const from = states.findLastIndex(isBefore)
  if (from < 0) return []
  const next = states.findIndex((state, i) => i > from && isBehind(state))
  return states.slice(from, next < 0 ? undefined : next + 1)
}

/** Whether a price lies within those; one that is not there only among such. */
function isWithin(price: number, among: readonly number[]): boolean {
  const prices = among.filter((one) => !Number.isNaN(one))
  if (Number.isNaN(price)) return prices.length < among.length
  return prices.some((one) => one <= price) && prices.some((one) => one >= price)
}
