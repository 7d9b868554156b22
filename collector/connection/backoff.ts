// Waiting between attempts: full jitter (Marc Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
import type { Random } from './clock.ts'

/** Wait before attempt `attempt` (0 for the first repetition), ms: anything from 0 to the doubled, capped base. */
export function fullJitterMs(attempt: number, baseMs: number, capMs: number, random: Random): number {
  // Beyond 2 ** 30 the cap rules anyway, and the power must not run to Infinity in an outage of weeks.
  return Math.floor(random() * Math.min(capMs, baseMs * 2 ** Math.min(attempt, 30)))
}

export interface Backoff {
  /**
   * Wait before the next attempt, ms. It never says to give up.
   * @param openForMs how long the connection that ended had been open; 0 when it never was. Only a connection that
   *   was healthy for half a minute starts the series anew: one that is closed right after opening, with whatever
   *   code, must not let a venue make us loop.
   */
  next(openForMs: number): number
}

export const BACKOFF_BASE_MS = 250
export const BACKOFF_CAP_MS = 30_000
export const HEALTHY_MS = 30_000

export function backoff(random: Random): Backoff {
  let attempt = 0
  return {
    next(openForMs) {
      if (openForMs >= HEALTHY_MS) attempt = 0
      return fullJitterMs(attempt++, BACKOFF_BASE_MS, BACKOFF_CAP_MS, random)
    },
  }
}

/** Waits for each of several things, doubling while one fails again and again. */
export class GrowingWaits {
  readonly #baseMs: number
  readonly #capMs: number
  readonly #counts = new Map<string, number>()

  constructor(baseMs: number, capMs: number) {
    this.#baseMs = baseMs
    this.#capMs = capMs
  }

  /** It failed: the wait before the next attempt, ms. */
  next(key: string): number {
    const count = this.#counts.get(key) ?? 0
    this.#counts.set(key, count + 1)
    return Math.min(this.#capMs, this.#baseMs * 2 ** Math.min(count, 30))
  }

  /** Whether it failed since it was forgotten. */
  has(key: string): boolean {
    return this.#counts.has(key)
  }

  /** It is well: the series begins anew. */
  forget(key: string): void {
    this.#counts.delete(key)
  }

  /** Forgets all others. */
  keep(keys: ReadonlySet<string>): void {
    for (const key of this.#counts.keys()) if (!keys.has(key)) this.#counts.delete(key)
  }
}
