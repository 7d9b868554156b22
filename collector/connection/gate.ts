// A queue in front of something that has a budget in time: who may go, who waits, and for how long.
//
// Always: higher priority first, then in order of arrival; nobody overtakes because he asks for less, so that a heavy
//   request is never starved.
// Always: a weight counts from before it is sent until a whole window after it was answered, so whenever between the
//   two the venue counted it, no window of the venue's holds more than the budget.
// Never: anybody waits for ever, and never do more than `QUEUE_MAX` wait.
import assert from 'node:assert/strict'
import type { Clock, Timer } from './clock.ts'
import { ConnectionError } from './errors.ts'
import { SlidingWindow } from './window.ts'

/** So much weight in each window of so many milliseconds. */
export interface Budget {
  readonly max: number
  readonly windowMs: number
}

export interface Turn {
  /** 0 goes first. */
  readonly priority?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** The right to send once. `done` must be called when the answer is there or will not come; more calls do nothing. */
export interface Permit {
  done(): void
}

export interface GateOptions {
  /** For messages: the host. */
  readonly name: string
  readonly clock: Clock
  readonly budget: Budget
  /** The part of the budget that is ours. Where that is less than the least, it is had over a longer window. */
  readonly share: number
  /** Weight without which nothing works; 1 by default. */
  readonly least?: number
  /** How many may be on their way at once; gates may share it. */
  readonly inFlight: InFlight
  /** Nobody goes before this time, ms since the epoch. */
  readonly closedUntilMs: () => number
}

/** Where questions wait. */
interface Queue {
  /** Lets through whoever may go now. */
  pump(): void
}

/** What is on its way from the queues that share it. */
export class InFlight {
  readonly #max: number
  readonly #queues: Queue[] = []
  #count = 0

  constructor(max: number) {
    this.#max = max
  }

  get isFull(): boolean {
    return this.#count >= this.#max
  }

  join(queue: Queue): void {
    this.#queues.push(queue)
  }

  add(): void {
    this.#count++
  }

  /** One of `from` has come back; the queue behind it goes first, so that none waits for ever. */
  done(from: Queue): void {
    this.#count--
    const at = this.#queues.indexOf(from)
    for (let i = 1; i <= this.#queues.length; i++) this.#queues[(at + i) % this.#queues.length]?.pump()
  }
}

interface Waiter {
  readonly weight: number
  readonly priority: number
  readonly go: (permit: Permit) => void
  readonly fail: (error: ConnectionError) => void
}

export const QUEUE_MAX = 1_000
export const WAIT_MAX_MS = 10 * 60_000

export class Gate {
  readonly #options: GateOptions
  readonly #answered: SlidingWindow
  readonly #oursMax: number
  readonly #windowMs: number
  #inFlightWeight = 0
  #foreign = { weight: 0, untilMs: 0 }
  readonly #waiting: Waiter[] = []
  #timer: Timer | undefined

  constructor(options: GateOptions) {
    const { budget, share, least = 1 } = options
    this.#options = options
    assert(budget.max >= least && share > 0 && share <= 1)
    const ours = budget.max * share
    this.#oursMax = Math.max(least, Math.floor(ours))
    this.#windowMs = budget.windowMs * Math.max(1, least / ours)
    this.#answered = new SlidingWindow(this.#windowMs)
    options.inFlight.join(this)
  }

  /** Weight used in the current window, by us and, as far as is known, by others. */
  get used(): number {
    return this.#ours() + this.#others()
  }

  /** Our part of the budget. */
  get max(): number {
    return this.#oursMax
  }

  /** Over which we have that, ms. */
  get windowMs(): number {
    return this.#windowMs
  }

  get waiting(): number {
    return this.#waiting.length
  }

  /**
   * Resolves when it is this request's turn.
   * @throws ConnectionError LIMIT_WEIGHT_TOO_LARGE, LIMIT_QUEUE_FULL, LIMIT_WAIT_TOO_LONG, ABORTED
   */
  enter(weight: number, { priority = 1, signal }: Turn = {}): Promise<Permit> {
    const { name, clock, budget } = this.#options
    assert(weight >= 0)
    if (weight > budget.max) {
      const text = `${name}: weight ${weight} is more than the ${budget.max} of a whole window; ask for less at once.`
      return Promise.reject(new ConnectionError('LIMIT_WEIGHT_TOO_LARGE', text))
    }
    return new Promise((resolve, reject) => {
      const leave = (): void => {
        clock.clearTimeout(timer)
        signal?.removeEventListener('abort', onAbort)
        const at = this.#waiting.indexOf(waiter)
        if (at >= 0) this.#waiting.splice(at, 1)
      }
      const fail = (error: ConnectionError): void => {
        leave()
        reject(error)
      }
      const go = (permit: Permit): void => {
        leave()
        resolve(permit)
      }
      const onAbort = (): void => fail(new ConnectionError('ABORTED', `${name}: given up while waiting.`))
      const timer = clock.setTimeout(() => {
        fail(new ConnectionError('LIMIT_WAIT_TOO_LONG', `${name}: no turn in ${WAIT_MAX_MS / 60_000} minutes.`))
      }, WAIT_MAX_MS)
      const waiter: Waiter = { weight, priority, go, fail }
      if (signal?.aborted === true) return onAbort()
      signal?.addEventListener('abort', onAbort)
      this.#line(waiter)
      this.pump()
    })
  }

  /** The venue says how much of the window is used, by all who share the address. */
  reported(used: number): void {
    const weight = Math.max(0, Math.min(used, this.#options.budget.max) - this.#ours())
    this.#foreign = { weight, untilMs: this.#options.clock.nowMs() + this.#options.budget.windowMs }
    this.pump()
  }

  /** Lets through whoever may go now, and comes again when the next one may. */
  pump(): void {
    const { clock, closedUntilMs, inFlight } = this.#options
    clock.clearTimeout(this.#timer)
    this.#timer = undefined
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      if (inFlight.isFull) return
      const nowMs = clock.nowMs()
      const atMs = Math.max(closedUntilMs(), this.#fits(first.weight) ? nowMs : this.#nextChangeMs())
      if (atMs > nowMs) {
        // Infinity: everything that counts is still in flight, and its answer comes back here.
        if (atMs < Infinity) this.#timer = clock.setTimeout(() => this.pump(), atMs - nowMs)
        return
      }
      first.go(this.#permit(first.weight))
    }
  }

  /** Fails all who wait. */
  close(): void {
    this.#options.clock.clearTimeout(this.#timer)
    const text = `${this.#options.name}: the collector is ending.`
    while (this.#waiting.length > 0) this.#waiting.at(-1)?.fail(new ConnectionError('LIMIT_CLOSED', text))
  }

  #line(waiter: Waiter): void {
    const behind = this.#waiting.findIndex((other) => other.priority > waiter.priority)
    this.#waiting.splice(behind < 0 ? this.#waiting.length : behind, 0, waiter)
    if (this.#waiting.length <= QUEUE_MAX) return
    const text = `${this.#options.name}: ${QUEUE_MAX} requests wait already; ask less often, or for fewer symbols.`
    this.#waiting.at(-1)?.fail(new ConnectionError('LIMIT_QUEUE_FULL', text))
  }

  #permit(weight: number): Permit {
    this.#options.inFlight.add()
    this.#inFlightWeight += weight
    let open = true
    return {
      done: () => {
        if (!open) return
        open = false
        this.#inFlightWeight -= weight
        // What is heavier than our part of one window takes our part of several.
        const windows = Math.max(1, Math.ceil(weight / this.#oursMax))
        this.#answered.add(weight, this.#options.clock.nowMs(), windows)
        this.#options.inFlight.done(this)
      },
    }
  }

  #fits(weight: number): boolean {
    const ours = this.#ours()
    const isOurs = ours + weight <= this.#oursMax || (ours === 0 && weight > this.#oursMax)
    return isOurs && ours + weight + this.#others() <= this.#options.budget.max
  }

  #ours(): number {
    return this.#inFlightWeight + this.#answered.used(this.#options.clock.nowMs())
  }

  #others(): number {
    return this.#foreign.untilMs > this.#options.clock.nowMs() ? this.#foreign.weight : 0
  }

  #nextChangeMs(): number {
    return Math.min(this.#answered.nextMs, this.#others() > 0 ? this.#foreign.untilMs : Infinity)
  }
}
