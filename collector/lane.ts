// One channel as it runs: its route, where it comes from, its state.
import type { DataType } from '../crds/names.ts'
import type { Route } from './exchanges/decoder.ts'
import type { Channel } from './market/channel.ts'
import type { ChannelState, State, Unpublished } from './market/messages.ts'
import type { Poll } from './polls.ts'
import type { BestCheck } from './quality/best.ts'
import { type Judgement, Liveness, NO_FRAME, polledStaleAfterMs } from './quality/liveness.ts'
import type { ChannelLatency } from './latency.ts'
import type { ChannelPlan } from './routes.ts'
import type { ChannelStatus } from './status.ts'

/** A state is repeated this often, so that a consumer who joins late knows it. */
const REPEAT_MS = 60_000

/** Where a pushed channel comes from. */
export interface LaneStream {
  /** Of its sockets. */
  readonly url: string
  /** What is subscribed there. */
  readonly name: string
}

/** What a channel that can be consists of. */
export interface LaneParts {
  readonly plan: ChannelPlan
  readonly route: Route
  /** It is pushed over a stream, or asked for. */
  readonly source: LaneStream | Poll
  /** Nothing for hours is usual. */
  readonly sparse: boolean
}

export class Lane {
  readonly channel: Channel
  /** undefined for one that the venue does not have: nothing will ever come. */
  readonly parts: LaneParts | undefined
  readonly latency: ChannelLatency
  /** Why the channel cannot be: unlisted, not offered, or refused by the venue. */
  impossible: string | undefined
  /** What it waits for, before it is known whether it can be. */
  pending: string | undefined
  /** Why silence is as it should be. */
  rests: string | undefined
  /** Whether no feed names it, and a pattern found it. */
  isFound = false
  /** Sockets that carry it now. */
  readonly sockets = new Set<number>()
  /** When its sockets were asked for it, ms. */
  askedMs = 0
  /** Whether it was noticed in the last tick that the first frame does not come. */
  isUnheard = false
  readonly liveness = new Liveness()
  /** Of a book whose ticker is collected, too. */
  bestCheck: BestCheck | undefined
  #state: ChannelState = 'down'
  #sinceUs = 0
  #judgement: Judgement = { state: 'down', detail: 'not started', settled: false }
  #toldMs = 0
  #wasUnheard = false
  #framesBefore = 0
  #perSecond = 0
  /** Frames of the channel that were taken before this began. */
  readonly #framesAtFirst: number

  constructor(channel: Channel, parts: LaneParts | undefined, latency: ChannelLatency) {
    this.channel = channel
    this.parts = parts
    this.latency = latency
    this.#framesAtFirst = this.#frames
  }

  /** Frames taken, repetitions included. */
  get #frames(): number {
    const { made, repeated, held } = this.channel.tally
    return made + repeated + held
  }

  get route(): Route | undefined {
    return this.parts?.route
  }

  get stream(): LaneStream | undefined {
    const source = this.parts?.source
    return source !== undefined && 'url' in source ? source : undefined
  }

  get poll(): Poll | undefined {
    const source = this.parts?.source
    return source !== undefined && 'url' in source ? undefined : source
  }

  get state(): ChannelState {
    return this.#state
  }

  /**
   * Judges the channel anew; called once a second.
   * @param nowMs of the clock that only moves forward
   * @returns the state message to publish: on a change, and once a minute
   */
  tick(nowUs: number, nowMs: number): Unpublished<State> | undefined {
    const { tally } = this.channel
    this.#perSecond = tally.made - this.#framesBefore
    this.#framesBefore = tally.made
    this.#judgement = this.#judge(nowMs)
    const { state, detail } = this.#judgement
    this.isUnheard = detail === NO_FRAME && !this.#wasUnheard
    this.#wasUnheard = detail === NO_FRAME
    const changed = state !== this.#state || this.#sinceUs === 0
    if (changed) {
      this.#state = state
      this.#sinceUs = nowUs
    }
    if (!changed && !this.isUnheard && nowMs - this.#toldMs < REPEAT_MS) return undefined
    this.#toldMs = nowMs
    return this.#message(nowUs)
  }

  status(nowUs: number): ChannelStatus {
    const { exchange, market, symbol, interval, tally } = this.channel
    const [p50, p99] = this.latency.quantiles(0.5, 0.99)
    const { detail, settled } = this.#judgement
    return {
      exchange,
      market,
      symbol,
      type: this.channel.type as DataType,
      interval,
      state: this.#state,
      since: this.#sinceUs,
      detail,
      impossible: this.impossible === undefined ? undefined : true,
      found: this.isFound || undefined,
      settled,
      made: tally.made,
      acknowledged: tally.acknowledged,
      duplicates: tally.duplicates,
      dropped: tally.dropped,
      repeated: tally.repeated,
      gaps: tally.gaps,
      failures: this.route?.track.outlet.guard.failures ?? {},
      perSecond: this.#perSecond,
      p50: p50 === undefined ? undefined : p50 / 1e6,
      p99: p99 === undefined ? undefined : p99 / 1e6,
      age: tally.lastReceived === 0 ? undefined : (nowUs - tally.lastReceived) / 1e6,
      staleAfter: this.#patience(),
      inSync: this.route?.track.inSync,
      best: this.bestCheck && { ...this.bestCheck.counts },
    }
  }

  #judge(nowMs: number): Judgement {
    if (this.pending !== undefined) return { state: 'down', detail: this.pending, settled: false }
    const { poll, impossible } = this
    if (poll !== undefined) return poll.judge(nowMs, impossible)
    return this.liveness.judge({
      nowMs,
      impossible,
      socketUp: this.sockets.size > 0,
      askedMs: this.askedMs,
      mayRest: this.rests,
      inSync: this.route?.track.inSync,
      frames: this.#frames - this.#framesAtFirst,
    })
  }

  /** How long it may be silent, seconds: not said of what may rest, or never comes. */
  #patience(): number | undefined {
    if (this.impossible !== undefined || this.pending !== undefined || this.rests !== undefined) return undefined
    const ms = this.poll === undefined ? this.liveness.staleAfterMs : polledStaleAfterMs(this.poll.everyMs)
    return ms === undefined ? undefined : ms / 1000
  }

  #message(nowUs: number): Unpublished<State> {
    const { exchange, market, symbol, type, interval } = this.channel
    const { detail } = this.#judgement
    return {
      type: 'state',
      v: 1,
      exchange,
      market,
      symbol,
      of: type as DataType,
      ...(interval === undefined ? {} : { interval }),
      state: this.#state,
      since: this.#sinceUs,
      ...(detail === undefined ? {} : { detail: detail.slice(0, DETAIL_MAX) }),
      ...this.route?.track.position,
      received: nowUs,
    }
  }
}

const DETAIL_MAX = 200
