// Time and chance as parameters, so that a test plays a night of outages in milliseconds, and always the same way.
// This room imports nothing of ours; the shape is that of the collector's clock, whose virtual one our tests use.

export type Timer = NodeJS.Timeout | number

export interface Clock {
  /** ms since the epoch. Only ever moves forward at the pace of real time, so differences are durations. */
  nowMs(): number
  setTimeout(run: () => void, ms: number): Timer
  clearTimeout(timer: Timer | undefined): void
}

/** A number from 0 (included) to 1 (excluded). */
export type Random = () => number

export const realClock: Clock = {
  // A step of the system's clock must not end a lease or make every watch look silent.
  nowMs: () => Math.floor(performance.timeOrigin + performance.now()),
  setTimeout: (run, ms) => setTimeout(run, ms),
  clearTimeout: (timer) => clearTimeout(timer),
}

/** A wait that ends early, and resolves all the same, when the signal says so. */
export function wait(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal?.aborted === true) return resolve()
    const done = () => {
      clock.clearTimeout(timer)
      signal?.removeEventListener('abort', done)
      resolve()
    }
    const timer = clock.setTimeout(done, ms)
    signal?.addEventListener('abort', done)
  })
}

/** Kubernetes' micro-time, as Lease and Event want it: six digits. */
export function microTime(ms: number): string {
  return new Date(ms).toISOString().replace('Z', '000Z')
}
