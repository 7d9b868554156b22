// How often something may be done for each of many: a token bucket each.
import type { Clock } from './clock.ts'

const PURGE_MIN = 256

export interface Budgets {
  /** Takes one, where there is one beside so many that are left for others. */
  take(key: string, left?: number): boolean
  /** Until there is one, ms. */
  waitMs(key: string, left?: number): number
}

/** In: how many at once, and how long until one comes back. */
export function openBudgets(clock: Clock, burst: number, refillMs: number): Budgets {
  let purgeAt = PURGE_MIN
  const buckets = new Map<string, { tokens: number; atMs: number }>()
  function tokensOf(key: string): number {
    const bucket = buckets.get(key)
    if (bucket === undefined) return burst
    return Math.min(burst, bucket.tokens + (clock.nowMs() - bucket.atMs) / refillMs)
  }
  return {
    take(key, left = 0) {
      // Full buckets are like none; they are looked for only where they may be many.
      if (buckets.size >= purgeAt) {
        for (const known of buckets.keys()) if (tokensOf(known) >= burst) buckets.delete(known)
        purgeAt = Math.max(PURGE_MIN, 2 * buckets.size)
      }
      const tokens = tokensOf(key)
      if (tokens < 1 + left) return false
      buckets.set(key, { tokens: tokens - 1, atMs: clock.nowMs() })
      return true
    },
    waitMs: (key, left = 0) => Math.max(0, Math.ceil((1 + left - tokensOf(key)) * refillMs)),
  }
}
