import type { Clock } from './clock.ts'

/** What became of a request that asked for its weight. */
export type Verdict =
  | { readonly kind: 'granted'; readonly used: number }
  | { readonly kind: 'wait' | 'banned'; readonly used: number; readonly seconds: number }

// What was under way when the first refusal was sent is not held against the client.
const UNDER_WAY_MS = 1_000

export interface BudgetOptions {
  /** Weight that is granted in each window. */
  readonly weight: number
  readonly windowMs: number
  /** How long who asks on while told to wait is shut out; 0: never. */
  readonly banMs: number
}

/**
 * Request weight of one address in each window of time. Over it: `wait` for the rest of the window. Who asks on all the
 * same is `banned` for a time; no request is granted while it lasts.
 */
export class Budget {
  readonly #clock: Clock
  readonly #options: BudgetOptions
  #window = 0
  #used = 0
  #waitSince = 0
  #waitUntil = 0
  #banUntil = 0

  constructor(clock: Clock, options: BudgetOptions) {
    this.#clock = clock
    this.#options = options
  }

  spend(weight: number): Verdict {
    const now = this.#clock.now()
    const { weight: granted, windowMs, banMs } = this.#options
    const window = Math.floor(now / windowMs)
    if (window !== this.#window) {
      this.#window = window
      this.#used = 0
    }
    if (now < this.#banUntil) return this.#refused('banned', this.#banUntil - now)
    if (now < this.#waitUntil) {
      if (banMs === 0 || now <= this.#waitSince + UNDER_WAY_MS) return this.#refused('wait', this.#waitUntil - now)
      this.#banUntil = now + banMs
      return this.#refused('banned', banMs)
    }
    this.#used += weight
    if (this.#used <= granted) return { kind: 'granted', used: this.#used }
    this.#waitSince = now
    this.#waitUntil = (window + 1) * windowMs
    return this.#refused('wait', this.#waitUntil - now)
  }

  #refused(kind: 'wait' | 'banned', ms: number): Verdict {
    return { kind, used: this.#used, seconds: Math.ceil(ms / 1_000) }
  }
}
