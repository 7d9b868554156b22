// Time and chance as parameters, so that a test plays half an hour in milliseconds and always the same way.

export type Timer = NodeJS.Timeout | number

/** All that this room knows of time. */
export interface Clock {
  /** ms since the epoch. Only ever moves forward at the pace of real time, so differences are durations. */
  nowMs(): number
  /** µs since the epoch, an integer, as the system's clock has it now: the stamp of `received`. */
  nowUs(): number
  setTimeout(run: () => void, ms: number): Timer
  clearTimeout(timer: Timer | undefined): void
}

/** A number from 0 (included) to 1 (excluded). */
export type Random = () => number

/** How far the stamp may stand from the system's clock before it follows: above the 1 ms steps of Date.now(). */
const DRIFT_MAX_MS = 2

let stampOriginMs = performance.timeOrigin

function wallUs(): number {
  const passedMs = performance.now()
  const driftMs = stampOriginMs + passedMs - Date.now()
  if (driftMs > DRIFT_MAX_MS || driftMs < -DRIFT_MAX_MS) stampOriginMs = Date.now() - passedMs
  return Math.floor((stampOriginMs + passedMs) * 1000)
}

export const realClock: Clock = {
  // A step of the system's clock must not make every socket look silent, so durations come from the monotonic one.
  nowMs: () => Math.floor(performance.timeOrigin + performance.now()),
  nowUs: wallUs,
  setTimeout: (run, ms) => setTimeout(run, ms),
  clearTimeout: (timer) => clearTimeout(timer),
}

interface Planned {
  readonly id: number
  readonly dueMs: number
  readonly run: () => void
}

/** A clock that stands still until it is moved. For tests. */
export class VirtualClock implements Clock {
  #nowMs: number
  #nextId = 1
  #planned: Planned[] = []

  constructor(startMs = 1_790_000_000_000) {
    this.#nowMs = startMs
  }

  nowMs(): number {
    return this.#nowMs
  }

  nowUs(): number {
    return Math.floor(this.#nowMs * 1000)
  }

  setTimeout(run: () => void, ms: number): Timer {
    const id = this.#nextId++
    this.#planned.push({ id, dueMs: this.#nowMs + Math.max(0, ms), run })
    return id
  }

  clearTimeout(timer: Timer | undefined): void {
    this.#planned = this.#planned.filter((planned) => planned.id !== timer)
  }

  /** Timers that wait. */
  get waiting(): number {
    return this.#planned.length
  }

  /** Runs every timer that is due in the next `ms`, in order, letting promises settle before and after each. */
  async advance(ms: number): Promise<void> {
    const endMs = this.#nowMs + ms
    await settle()
    for (;;) {
      const next = this.#next()
      if (next === undefined || next.dueMs > endMs) break
      this.clearTimeout(next.id)
      this.#nowMs = Math.max(this.#nowMs, next.dueMs)
      next.run()
      await settle()
    }
    this.#nowMs = Math.max(this.#nowMs, endMs)
  }

  /** Time passes and nothing runs: a process that was stopped, or a loop that was blocked. */
  skip(ms: number): void {
    this.#nowMs += ms
  }

  #next(): Planned | undefined {
    return this.#planned.reduce<Planned | undefined>(
      (first, one) => (first === undefined || one.dueMs < first.dueMs ? one : first),
      undefined,
    )
  }
}

/** One turn of the event loop: promises settle and sockets that are ready are read. */
export function settle(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}
