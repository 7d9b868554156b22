// What is asked by REST again and again: when each channel is asked, and what becomes of the answers.
//
//   due ──> in line ──> asked ── answered ──> due when the venue has news again
//             ^           └── failed ──> waits, while the venue's next news are far enough; else that is a gap
// Always: a channel is asked when the venue has news and some time later, the same at every turn, so that not all ask at
// once. Never: polls take more than half of an address' budget, or more than ASKING_MAX of its places at once, whatever
// is wanted: then each is asked less often. Snapshots and missed trades go before them (`Gate`).
import { fullJitterMs } from './connection/backoff.ts'
import type { Clock, Random, Timer } from './connection/clock.ts'
import { messageOf } from './connection/errors.ts'
import { type Budget, InFlight } from './connection/gate.ts'
import type { AddressLimits } from './connection/limits.ts'
import { SlidingWindow } from './connection/window.ts'
import type { Route } from './exchanges/decoder.ts'
import type { PolledType, Query } from './exchanges/room.ts'
import type { Channel } from './market/channel.ts'
import { type Judgement, judgePolled } from './quality/liveness.ts'
import type { ChannelPlan } from './routes.ts'
import { OTHER } from './wire/frame.ts'

export interface PollsOptions {
  readonly clock: Clock
  readonly random: Random
  /** Asks the venue; rejects when it does not answer. */
  readonly ask: (query: Query) => Promise<Buffer>
  /** Where questions to this address wait. */
  readonly line: (query: Query) => Line
  /** A question was not answered; told each time. */
  readonly onFault: (channel: Channel, error: string) => void
  /** A channel was asked a whole turn too late: the budget is not enough. */
  readonly onLate: (channel: Channel) => void
}

/** Of an address' weight, for polls. */
const WEIGHT_PART = 0.5
/** Questions to one address at once. */
const ASKING_MAX = 2
/** Channels of one turn are spread over half of it, at most over this. */
const SPREAD_MAX_MS = 60_000
/** The first questions are spread over this. */
const FIRST_SPREAD_MS = 2_000
const RETRY_LEAST_MS = 500
const RETRY_BASE_MS = 1_000
const RETRY_MAX_MS = 60_000

export class Polls {
  readonly #options: PollsOptions
  readonly #polls = new Set<Poll>()

  constructor(options: PollsOptions) {
    this.#options = options
  }

  /** Asks for this channel from now on, the first time soon. */
  add(poll: Poll): void {
    const { clock } = this.#options
    this.#polls.add(poll)
    poll.askedMs = clock.nowMs()
    this.#plan(poll, clock.nowMs() + poll.spread(FIRST_SPREAD_MS))
  }

  remove(poll: Poll): void {
    this.#polls.delete(poll)
    this.#options.clock.clearTimeout(poll.timer)
  }

  close(): void {
    for (const poll of this.#polls) this.remove(poll)
  }

  /** A question of a new turn. */
  #plan(poll: Poll, atMs: number): void {
    poll.attempt = 0
    poll.dueMs = atMs
    this.#wait(poll, atMs)
  }

  #wait(poll: Poll, atMs: number): void {
    const { clock } = this.#options
    poll.timer = clock.setTimeout(() => this.#due(poll), atMs - clock.nowMs())
  }

  #due(poll: Poll): void {
    if (poll.rests !== undefined) this.#plan(poll, poll.nextMs(this.#options.clock.nowMs()))
    else this.#options.line(poll.query).enter(poll.query.weight, poll.triedMs, () => this.#ask(poll))
  }

  async #ask(poll: Poll): Promise<void> {
    if (!this.#polls.has(poll)) return
    const { clock, ask, onLate } = this.#options
    poll.triedMs = clock.nowMs()
    poll.isAsking = true
    if (clock.nowMs() > poll.dueMs + poll.everyMs) onLate(poll.channel)
    try {
      const body = await ask(poll.query)
      poll.isAsking = false
      if (!this.#polls.has(poll)) return
      // So late that the venue had other news meanwhile, for which nobody asked. What only waited for its turn is not.
      const sinceMs = poll.attempt > 0 ? poll.dueMs : poll.triedMs
      if (clock.nowMs() > poll.nextMs(sinceMs)) poll.route.track.interrupt('unanswered', NO_SOCKET)
      poll.answered(body, clock.nowUs(), clock.nowMs())
    } catch (error) {
      if (this.#polls.has(poll)) this.#failed(poll, messageOf(error))
      return
    }
    if (this.#polls.has(poll)) this.#plan(poll, poll.nextMs(clock.nowMs()))
  }

  #failed(poll: Poll, error: string): void {
    const { clock, random, onFault } = this.#options
    poll.isAsking = false
    poll.fault = error
    onFault(poll.channel, error)
    const nowMs = clock.nowMs()
    const capMs = Math.min(RETRY_MAX_MS, poll.everyMs / 2)
    const againMs = nowMs + RETRY_LEAST_MS + fullJitterMs(poll.attempt++, RETRY_BASE_MS, capMs, random)
    if (againMs < poll.nextMs(poll.dueMs)) this.#wait(poll, againMs)
    else {
      poll.route.track.interrupt('unanswered', NO_SOCKET)
      this.#plan(poll, poll.nextMs(nowMs))
    }
  }
}

const NO_SOCKET = 0

/** A channel that is asked for. */
export class Poll {
  readonly channel: Channel
  readonly route: Route
  readonly query: Query
  readonly everyMs: number
  timer: Timer | undefined
  /** When the question of this turn was due, ms; how often it was repeated. */
  dueMs = 0
  attempt = 0
  /** When it was asked last, ms; 0: not yet. */
  triedMs = 0
  /** Why it is not asked for now. */
  rests: string | undefined
  isAsking = false
  /** When it was asked for first, and answered last, ms; 0: not yet. */
  askedMs = 0
  answeredMs = 0
  /** Why the last question was not answered. */
  fault: string | undefined
  readonly #offsetMs: number
  readonly #part: number

  constructor(channel: Channel, route: Route, typeRoom: PolledType, { listing, options }: ChannelPlan) {
    this.channel = channel
    this.route = route
    this.query = typeRoom.query(listing, options)
    this.everyMs = typeRoom.everyMs(options, listing)
    this.#part = partOf(`${channel.subject} ${channel.interval ?? ''}`)
    this.#offsetMs = typeRoom.delayMs + this.spread(Math.min(this.everyMs / 2, SPREAD_MAX_MS))
  }

  /** This channel's place in a stretch of time. */
  spread(ms: number): number {
    return Math.floor(this.#part * ms)
  }

  /** When the channel is to be asked next after a time, ms. */
  nextMs(afterMs: number): number {
    const turn = Math.floor((afterMs - this.#offsetMs) / this.everyMs) + 1
    return turn * this.everyMs + this.#offsetMs
  }

  /**
   * Gives the rows of an answer to the track, oldest first.
   * @throws Error when it is no answer, or a row cannot be read; the others are taken
   */
  answered(body: Buffer, nowUs: number, nowMs = Math.floor(nowUs / 1000)): void {
    const { route, channel } = this
    const rows = route.flatten?.(body, route.venueSymbol)
    if (rows === undefined) throw new Error(`answered with what is no ${channel.type}`)
    const unreadable = rows.filter((row) => !this.#take(row, nowUs)).length
    if (unreadable > 0) {
      route.track.interrupt('malformed', NO_SOCKET)
      throw new Error(`answered with ${unreadable} rows that cannot be read`)
    }
    this.answeredMs = nowMs
    this.fault = undefined
    channel.tally.lastReceived = nowUs
  }

  judge(nowMs: number, impossible: string | undefined): Judgement {
    const { askedMs, answeredMs, isAsking, fault, everyMs, rests: mayRest } = this
    return judgePolled({ nowMs, impossible, mayRest, askedMs, answeredMs, isAsking, fault, everyMs })
  }

  /** @returns false when the row cannot be read */
  #take(row: Buffer, nowUs: number): boolean {
    const { readings, symbol, track } = this.route
    let isOther = true
    for (const { form, frame } of readings) {
      const end = frame.read(row, 0, row.length, symbol)
      if (end === row.length) return track.take(form, row, 0, end, nowUs, NO_SOCKET)
      isOther &&= end === OTHER
    }
    return isOther
  }
}

interface Waiting {
  readonly weight: number
  readonly triedMs: number
  readonly run: () => Promise<void>
}

/** The lines of all addresses of a process. */
export class Lines {
  readonly #clock: Clock
  readonly #addresses = new Map<AddressLimits, { readonly asking: InFlight; readonly lines: Map<string, Line> }>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** The line of an address, or of one of its pools: that is a budget of its own, which nobody needs more urgently. */
  of(limits: AddressLimits, windowMs: number, pool = ''): Line {
    const address = this.#addresses.get(limits) ?? { asking: new InFlight(ASKING_MAX), lines: new Map<string, Line>() }
    this.#addresses.set(limits, address)
    const { asking, lines } = address
    const max = Math.max(1, Math.floor(limits.weightMax * WEIGHT_PART))
    const line = lines.get(pool) ?? new Line(this.#clock, asking, pool === '' ? { max, windowMs } : undefined)
    lines.set(pool, line)
    return line
  }

  close(): void {
    for (const { lines } of this.#addresses.values()) for (const line of lines.values()) line.close()
  }
}

/** Questions that wait for one address; who was asked longest ago goes first, so that each has its turn. */
export class Line {
  readonly #clock: Clock
  readonly #window: SlidingWindow | undefined
  readonly #max: number
  readonly #asking: InFlight
  #waiting: Waiting[] = []
  #timer: Timer | undefined

  /** @param asking of all lines of the address */
  constructor(clock: Clock, asking: InFlight, budget: Budget | undefined) {
    this.#clock = clock
    this.#asking = asking
    asking.join(this)
    this.#window = budget === undefined ? undefined : new SlidingWindow(budget.windowMs)
    this.#max = budget?.max ?? Infinity
  }

  /** @param triedMs when the same was asked last, ms */
  enter(weight: number, triedMs: number, run: () => Promise<void>): void {
    const behind = this.#waiting.findIndex((other) => other.triedMs > triedMs)
    this.#waiting.splice(behind < 0 ? this.#waiting.length : behind, 0, { weight, triedMs, run })
    this.pump()
  }

  close(): void {
    this.#clock.clearTimeout(this.#timer)
    this.#waiting = []
  }

  /** Lets through whoever may go now, and comes again when the next one may. */
  pump(): void {
    this.#clock.clearTimeout(this.#timer)
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      if (this.#asking.isFull) return
      const nowMs = this.#clock.nowMs()
      const used = this.#window?.used(nowMs) ?? 0
      if (used > 0 && used + first.weight > this.#max) {
        this.#timer = this.#clock.setTimeout(() => this.pump(), (this.#window?.nextMs ?? nowMs) - nowMs)
        return
      }
      this.#window?.add(first.weight, nowMs)
      this.#waiting.shift()
      this.#asking.add()
      void first.run().finally(() => this.#asking.done(this))
    }
  }
}

/** A part of 1 that is always the same for a text, and spread evenly over texts (FNV-1a). */
function partOf(text: string): number {
  let hash = 0x811c9dc5
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193)
  // The last bits of short texts are not mixed enough.
  hash ^= hash >>> 16
  hash = Math.imul(hash, 0x85ebca6b)
  return ((hash ^ (hash >>> 13)) >>> 0) / 2 ** 32
}
