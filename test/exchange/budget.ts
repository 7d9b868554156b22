import type { Clock } from './clock.ts'

/** What became of a request that asked for its weight. */
export type Verdict =
  | { readonly kind: 'granted'; readonly used: number }
  | { readonly kind: 'wait' | 'banned'; readonly used: number; readonly seconds: number }

const MINUTE = 60_000
// What was under way when the first refusal was sent is not held against the client.
const UNDER_WAY_MS = 1_000

/**
 * Request weight of one address in each minute. Over it: `wait` for the rest of the minute. Who asks on all the same
 * is `banned` for a time; no request is granted while it lasts.
 */
export class Budget {
  readonly #clock: Clock
  readonly #perMinute: number
  readonly #banMs: number
  #minute = 0
  #used = 0
  #waitSince = 0
  #waitUntil = 0
  #banUntil = 0

  constructor(clock: Clock, perMinute: number, banMs: number) {
    this.#clock = clock
    this.#perMinute = perMinute
    this.#banMs = banMs
  }

  spend(weight: number): Verdict {
    const now = this.#clock.now()
    const minute = Math.floor(now / MINUTE)
    if (minute !== this.#minute) {
      this.#minute = minute
      this.#used = 0
    }
    if (now < this.#banUntil) return this.#refused('banned', this.#banUntil - now)
    if (now < this.#waitUntil) {
      if (now <= this.#waitSince + UNDER_WAY_MS) return this.#refused('wait', this.#waitUntil - now)
      this.#banUntil = now + this.#banMs
      return this.#refused('banned', this.#banMs)
    }
    this.#used += weight
    if (this.#used <= this.#perMinute) return { kind: 'granted', used: this.#used }
    this.#waitSince = now
    this.#waitUntil = (minute + 1) * MINUTE
    return this.#refused('wait', this.#waitUntil - now)
  }

  #refused(kind: 'wait' | 'banned', ms: number): Verdict {
    return { kind, used: this.#used, seconds: Math.ceil(ms / 1_000) }
  }
}
