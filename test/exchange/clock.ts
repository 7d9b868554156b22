// The exchange's own time. Everything that happens, happens as a timer of this clock, in order of time and then of
// asking; so a run is the same whether a test advances it by hand or real time drives it.

interface Timer {
  readonly at: number
  readonly order: number
  run: (() => void) | undefined
}

/** Time in milliseconds since the epoch (with fractions), which moves only when advanced. */
export class Clock {
  #now: number
  #order = 0
  #earlier: (() => void) | undefined
  readonly #heap: Timer[] = []

  constructor(now: number) {
    this.#now = now
  }

  now(): number {
    return this.#now
  }

  /** Runs once, `ms` from now; the answer cancels it. */
  after(ms: number, run: () => void): () => void {
    return this.at(this.#now + ms, run)
  }

  /** Runs once at this time, or at the next advance where it is past; the answer cancels it. */
  at(time: number, run: () => void): () => void {
    const timer: Timer = { at: Math.max(time, this.#now), order: this.#order++, run }
    this.#push(timer)
    if (this.#heap[0] === timer) this.#earlier?.()
    return () => {
      timer.run = undefined
    }
  }

  /** Runs again and again, first after `phase` ms and then each `ms`; the answer ends it. */
  every(ms: number, phase: number, run: () => void): () => void {
    let cancel = () => {}
    const turn = (time: number) => {
      cancel = this.at(time, () => {
        turn(time + ms)
        run()
      })
    }
    turn(this.#now + phase)
    return () => cancel()
  }

  advance(ms: number): void {
    this.advanceTo(this.#now + ms)
  }

  /** Runs all that is due until this time, each at its own time. */
  advanceTo(time: number): void {
    for (let next = this.#heap[0]; next !== undefined && next.at <= time; next = this.#heap[0]) {
      this.#pop()
      this.#now = Math.max(this.#now, next.at)
      next.run?.()
    }
    this.#now = Math.max(this.#now, time)
  }

  /** When the next timer is due; undefined when there is none. */
  next(): number | undefined {
    return this.#heap[0]?.at
  }

  /** Called whenever a timer becomes the first one. */
  onEarlier(run: (() => void) | undefined): void {
    this.#earlier = run
  }

  #push(timer: Timer): void {
    const heap = this.#heap
    let i = heap.push(timer) - 1
    while (i > 0) {
      const parent = (i - 1) >> 1
      if (!before(timer, heap[parent]!)) break
      heap[i] = heap[parent]!
      i = parent
    }
    heap[i] = timer
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()!
    if (heap.length === 0) return
    let i = 0
    for (let child = 1; child < heap.length; child = 2 * i + 1) {
      if (child + 1 < heap.length && before(heap[child + 1]!, heap[child]!)) child++
      if (!before(heap[child]!, last)) break
      heap[i] = heap[child]!
      i = child
    }
    heap[i] = last
  }
}

function before(a: Timer, b: Timer): boolean {
  return a.at < b.at || (a.at === b.at && a.order < b.order)
}

/** Real time, ms since the epoch, that never goes back. */
export function realTime(): number {
  return performance.timeOrigin + performance.now()
}

// Below this a wake-up costs more than the punctuality is worth.
const WAKE_MS_MIN = 2
const WAKE_MS_MAX = 1_000

/**
 * Lets real time drive the clock, so many times faster; the answer ends it.
 * @param clock as real time was when it was made
 */
export function followRealTime(clock: Clock, pace: number = 1): () => void {
  const begin = clock.now()
  const now = () => begin + (realTime() - begin) * pace
  let wake: NodeJS.Timeout | undefined
  let advancing = false
  const schedule = () => {
    if (advancing) return
    clearTimeout(wake)
    const wait = ((clock.next() ?? Infinity) - now()) / pace
    wake = setTimeout(turn, Math.min(WAKE_MS_MAX, Math.max(WAKE_MS_MIN, wait)))
  }
  const turn = () => {
    advancing = true
    clock.advanceTo(now())
    advancing = false
    schedule()
  }
  clock.onEarlier(schedule)
  schedule()
  return () => {
    clock.onEarlier(undefined)
    clearTimeout(wake)
  }
}
