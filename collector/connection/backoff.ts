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
