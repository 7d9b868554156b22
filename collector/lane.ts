// One channel as it runs: its route, its sockets, its state.
import type { DataType } from '../crds/names.ts'
import type { Route } from './exchanges/decoder.ts'
import type { StreamName } from './exchanges/room.ts'
import type { Channel } from './market/channel.ts'
import type { ChannelState, State, Unpublished } from './market/messages.ts'
import { type Judgement, Liveness, NO_FRAME } from './quality/liveness.ts'
import type { ChannelLatency } from './latency.ts'
import type { ChannelStatus } from './status.ts'

/** A state is repeated this often, so that a consumer who joins late knows it. */
const REPEAT_US = 60_000_000

export class Lane {
  readonly channel: Channel
  readonly stream: StreamName
  /** undefined for a symbol that the venue does not list: nothing will ever come. */
  readonly route: Route | undefined
  readonly latency: ChannelLatency
  /** Why the channel cannot be: unlisted, or refused by the venue. */
  impossible: string | undefined
  /** Sockets that carry it now. */
  readonly sockets = new Set<number>()
  askedUs = 0
  /** Whether it was noticed in the last tick that the first frame does not come. */
  isUnheard = false
  readonly liveness = new Liveness()
  #state: ChannelState = 'down'
  #sinceUs = 0
  #judgement: Judgement = { state: 'down', detail: 'not started', settled: false }
  #toldUs = 0
  #wasUnheard = false
  #framesBefore = 0
  #perSecond = 0

  constructor(channel: Channel, stream: StreamName, route: Route | undefined, latency: ChannelLatency) {
    this.channel = channel
    this.stream = stream
    this.route = route
    this.latency = latency
  }

  get state(): ChannelState {
    return this.#state
  }

  /**
   * Judges the channel anew; called once a second.
   * @returns the state message to publish: on a change, and once a minute
   */
  tick(nowUs: number): Unpublished<State> | undefined {
    const { tally } = this.channel
    const frames = tally.made + tally.repeated + tally.held
    this.#perSecond = tally.made - this.#framesBefore
    this.#framesBefore = tally.made
    this.#judgement = this.liveness.judge({
      nowUs,
      impossible: this.impossible,
      socketUp: this.sockets.size > 0,
      askedUs: this.askedUs,
      inSync: this.route?.track.inSync,
      frames,
      lastUs: tally.lastReceived,
    })
    const { state, detail } = this.#judgement
    this.isUnheard = detail === NO_FRAME && !this.#wasUnheard
    this.#wasUnheard = detail === NO_FRAME
    const changed = state !== this.#state || this.#sinceUs === 0
    if (changed) {
      this.#state = state
      this.#sinceUs = nowUs
    }
    if (!changed && !this.isUnheard && nowUs - this.#toldUs < REPEAT_US) return undefined
    this.#toldUs = nowUs
    return this.#message(nowUs)
  }

  status(nowUs: number): ChannelStatus {
    const { exchange, market, symbol, interval, tally } = this.channel
    const [p50, p99] = this.latency.quantiles(0.5, 0.99)
    const { detail, settled } = this.#judgement
    const inSync = this.route?.track.inSync
    return {
      exchange,
      market,
      symbol,
      type: this.channel.type as DataType,
      ...(interval === undefined ? {} : { interval }),
      state: this.#state,
      since: this.#sinceUs,
      detail,
      settled,
      made: tally.made,
      acknowledged: tally.acknowledged,
      duplicates: tally.duplicates,
      dropped: tally.dropped,
      repeated: tally.repeated,
      gaps: tally.gaps,
      perSecond: this.#perSecond,
      p50: p50 === undefined ? undefined : p50 / 1e6,
      p99: p99 === undefined ? undefined : p99 / 1e6,
      age: tally.lastReceived === 0 ? undefined : (nowUs - tally.lastReceived) / 1e6,
      ...(inSync === undefined ? {} : { inSync }),
    }
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
      ...(detail === undefined ? {} : { detail }),
      ...this.route?.track.position,
      received: nowUs,
    }
  }
}
