// A work queue of keys with client-go's semantics: whatever happens while a key waits, one pass sees it; whatever
// happens while its pass runs, one more pass follows; no two workers ever have the same key.
//
// In: keys. Out: calls of the work function. Always: fresh edits before resyncs, though resyncs get every tenth turn; a
// pass that throws is tried again after a doubled, jittered wait of at most a minute, or what the API server asked for;
// an `add` does not wait for that. Never: loses a key, fails because a pass does.
import { type Clock, type Random, realClock, type Timer } from './clock.ts'

/** `fresh`: somebody changed something. `resync`: a look whether all is still well. */
export type Level = 'fresh' | 'resync'

/** What a pass says: nothing, or when to look again, ms. */
export type Work = (key: string) => Promise<number | undefined | void>

export interface QueueStatus {
  /** Keys that wait for a worker, or will in a moment, by level. */
  readonly fresh: number
  readonly resync: number
  readonly running: number
  /** Keys that wait for a time. */
  readonly delayed: number
  /** Keys whose last pass failed. */
  readonly failing: number
  /** Passes so far, and those that threw. */
  readonly passes: number
  readonly failedPasses: number
}

export interface Queue {
  /** Has the key worked on as soon as a worker is free. */
  add(key: string, level?: Level): void
  /** The same, `ms` from now; of several times the earliest counts. */
  addAfter(key: string, ms: number): void
  /** Has it worked on within {@link SOON_MS}; a pass that begins before that will do. For what comes in bursts. */
  addSoon(key: string): void
  /** Has it tried again after a wait that doubles with each failure, at least `msMin`. Out: the wait, ms. */
  retry(key: string, msMin?: number): number
  /** Its failures are over, or of an earlier generation: waits begin anew, and a retry that waits is dropped. */
  forget(key: string): void
  failures(key: string): number
  /** Works until `close`; resolves when the last pass has ended. Once only. */
  run(workers: number, work: Work): Promise<void>
  /** Takes no more keys. */
  close(): void
  readonly status: QueueStatus
}

export interface QueueOptions {
  readonly clock?: Clock
  readonly random?: Random
  /** Told of each pass that threw. */
  readonly onError?: (key: string, error: unknown, waitMs: number) => void
  /** Told of each pass: how long the key waited for a worker, and how long the pass took. */
  readonly observe?: (pass: { key: string; waitedMs: number; tookMs: number; failed: boolean }) => void
}

const SOON_MS = 50
const RETRY_MS_BASE = 5
const RETRY_MS_MAX = 60_000
/** Every so many turns the resyncs go first, so that a flood of edits does not starve them. */
const RESYNC_TURN = 10

export function openQueue(options: QueueOptions = {}): Queue {
  const { clock = realClock, random = Math.random, onError, observe } = options
  const waiting = openWaiting(clock)
  const processing = new Set<string>()
  /** Keys that were added while their pass ran. */
  const again = new Map<string, Level>()
  const added = openTimers(clock, (key) => add(key))
  const soon = openTimers(clock, (key) => add(key))
  const plans = openPlans(clock, random, (key) => add(key))
  const counts = { passes: 0, failedPasses: 0 }
  let isClosed = false
  const sleepers: (() => void)[] = []

  function add(key: string, level: Level = 'fresh'): void {
    // A retry is planned; a resync would only make it come sooner than its wait.
    if (isClosed || (level === 'resync' && plans.failures(key) > 0)) return
    if (processing.has(key)) {
      if (again.get(key) !== 'fresh') again.set(key, level)
      return
    }
    waiting.add(key, level)
    sleepers.shift()?.()
  }

  async function pass(key: string, sinceMs: number, work: Work): Promise<void> {
    const startMs = clock.nowMs()
    // What the last pass planned, this one plans anew; and what is to be looked at soon, it looks at.
    for (const timers of [plans, soon]) timers.drop(key)
    processing.add(key)
    let failed = false
    try {
      const afterMs = await work(key)
      plans.forget(key)
      if (typeof afterMs === 'number') plans.later(key, afterMs)
    } catch (error) {
      failed = true
      counts.failedPasses += 1
      const waitMs = plans.retry(key, retryAfterMs(error))
      onError?.(key, error, waitMs)
    }
    counts.passes += 1
    processing.delete(key)
    const level = again.get(key)
    again.delete(key)
    if (level !== undefined) add(key, level)
    observe?.({ key, waitedMs: startMs - sinceMs, tookMs: clock.nowMs() - startMs, failed })
  }

  async function worker(work: Work): Promise<void> {
    while (!isClosed) {
      const next = waiting.take()
      if (next === undefined) await new Promise<void>((resolve) => void sleepers.push(resolve))
      else await pass(next.key, next.sinceMs, work)
    }
  }

  return {
    add,
    addAfter: (key, ms) => added.setEarlier(key, ms),
    addSoon: (key) => soon.setEarlier(key, SOON_MS),
    retry: plans.retry,
    forget: plans.forget,
    failures: plans.failures,
    async run(workers, work) {
      await Promise.all(Array.from({ length: workers }, () => worker(work)))
    },
    close() {
      isClosed = true
      for (const timers of [added, soon, plans]) timers.close()
      for (const wake of sleepers.splice(0)) wake()
    },
    get status() {
      const delayed = added.size + plans.delayed
      return { ...counts, ...waiting.sizes(soon.size), running: processing.size, delayed, failing: plans.failing }
    },
  }
}

/** What the API server asked for, in the errors that say so. */
function retryAfterMs(error: unknown): number {
  const asked = (error as { retryAfterMs?: unknown } | null | undefined)?.retryAfterMs
  return typeof asked === 'number' ? Math.min(asked, RETRY_MS_MAX) : 0
}

/** Keys in order of arrival, in two levels, each key once. */
function openWaiting(clock: Clock) {
  /** Since when each waits, ms. */
  const levels: Readonly<Record<Level, Map<string, number>>> = { fresh: new Map(), resync: new Map() }
  let turn = 0
  return {
    add(key: string, level: Level): void {
      if (levels.fresh.has(key)) return
      const sinceMs = levels.resync.get(key)
      if (level === 'fresh') levels.resync.delete(key)
      else if (sinceMs !== undefined) return
      levels[level].set(key, sinceMs ?? clock.nowMs())
    },
    take(): { key: string; sinceMs: number } | undefined {
      turn = (turn + 1) % RESYNC_TURN
      const order: readonly Level[] = turn === 0 ? ['resync', 'fresh'] : ['fresh', 'resync']
      for (const level of order) {
        for (const [key, sinceMs] of levels[level]) {
          levels[level].delete(key)
          return { key, sinceMs }
        }
      }
      return undefined
    },
    /** @param soon keys that will wait in a moment */
    sizes: (soon: number) => ({ fresh: levels.fresh.size + soon, resync: levels.resync.size }),
  }
}

/** When each key is worked on next by its own doing: after a failure, or since its pass said so. */
function openPlans(clock: Clock, random: Random, due: (key: string) => void) {
  const timers = openTimers(clock, due)
  const failures = new Map<string, number>()
  return {
    later: timers.set,
    drop: timers.drop,
    retry(key: string, msMin = 0): number {
      const count = failures.get(key) ?? 0
      failures.set(key, count + 1)
      const waitMs = Math.min(RETRY_MS_MAX, RETRY_MS_BASE * 2 ** Math.min(count, 30))
      const jitteredMs = Math.max(msMin, waitMs * (0.8 + 0.2 * random()))
      timers.set(key, jitteredMs)
      return jitteredMs
    },
    forget(key: string): void {
      failures.delete(key)
      timers.drop(key)
    },
    failures: (key: string) => failures.get(key) ?? 0,
    close: timers.close,
    get failing() {
      return failures.size
    },
    get delayed() {
      return timers.size
    },
  }
}

/** At most one time for each key. */
function openTimers(clock: Clock, due: (key: string) => void) {
  const planned = new Map<string, { dueMs: number; timer: Timer }>()
  let isClosed = false
  function drop(key: string): void {
    clock.clearTimeout(planned.get(key)?.timer)
    planned.delete(key)
  }
  function set(key: string, ms: number): void {
    drop(key)
    if (isClosed) return
    const run = () => {
      planned.delete(key)
      due(key)
    }
    planned.set(key, { dueMs: clock.nowMs() + ms, timer: clock.setTimeout(run, ms) })
  }
  return {
    set,
    setEarlier(key: string, ms: number): void {
      const dueMs = planned.get(key)?.dueMs ?? Infinity
      if (clock.nowMs() + ms < dueMs) set(key, ms)
    },
    drop,
    close() {
      isClosed = true
      for (const key of planned.keys()) drop(key)
    },
    get size() {
      return planned.size
    },
  }
}
