import type { Clock } from '../clock.ts'
import { CREDITS, type Pool, type Price } from './rules.ts'

/** Credits of one address: each call takes some, and they grow back with time. */
export class Credits {
  readonly #clock: Clock
  readonly #times: number
  readonly #left = new Map<Pool, { credits: number; at: number }>()

  /** @param times so many times what the venue grants */
  constructor(clock: Clock, times: number) {
    this.#clock = clock
    this.#times = times
  }

  /** @returns false where there are not enough of them; none are taken then */
  take(price: Price): boolean {
    const { pool, cost } = CREDITS[price]
    const now = this.#clock.now()
    const size = pool.size * this.#times
    const before = this.#left.get(pool) ?? { credits: size, at: now }
    const grown = ((now - before.at) / 1_000) * pool.perSecond * this.#times
    const credits = Math.min(size, before.credits + grown)
    const enough = credits >= cost
    this.#left.set(pool, { credits: enough ? credits - cost : credits, at: now })
    return enough
  }
}
