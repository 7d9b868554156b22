// One market of one exchange as this process runs it: instruments, the channels that feeds ask for, and who carries them.
//
// In: the feeds that name it. Out: messages in the spool, statuses. Always: a change of the feeds or of the listings
// touches only the channels that differ. Where to start reading: `want`, then `#place`.
import assert from 'node:assert'
import type { Logger } from 'pino'
import type { Feed } from '../crds/collector.ts'
import type { DataType } from '../crds/names.ts'
import { BookTrack } from './book/track.ts'
import { Carrier } from './carrier.ts'
import { fullJitterMs } from './connection/backoff.ts'
import type { Clock, Random } from './connection/clock.ts'
import { messageOf } from './connection/errors.ts'
import type { addresses } from './connection/limits.ts'
import type { Network } from './connection/network.ts'
import { SessionPool } from './connection/pool.ts'
import type { Proxy } from './connection/proxy.ts'
import { Decoder, type FrameCounts, type Route } from './exchanges/decoder.ts'
import type { Endpoints, Listing, Room, TypeRoom } from './exchanges/room.ts'
import { InstrumentNews } from './instruments.ts'
import { Lane, type LaneParts } from './lane.ts'
import type { Latencies } from './latency.ts'
import type { limited } from './log.ts'
import { Listings, pause } from './listings.ts'
import type { Channel, Channels } from './market/channel.ts'
import type { Message } from './market/messages.ts'
import type { OwnMessages } from './market/outlet.ts'
import type { Policy } from './quality/checks.ts'
import { type Absent, type Plan, type Wanted, planOf } from './plan.ts'
import { type Lines, Poll, Polls } from './polls.ts'
import { Queries } from './queries.ts'
import { type Resume, Routes, resumeAfter, resumeOf } from './routes.ts'
import type { AddressStatus, SessionStatus } from './status.ts'

/** What all markets of a collector share. */
export interface Shared {
  readonly channels: Channels
  readonly own: OwnMessages
  readonly counts: FrameCounts
  readonly latencies: Latencies
  readonly addresses: ReturnType<typeof addresses>
  readonly lines: Lines
  readonly policy: Policy
  /** The machine's by default. */
  readonly network?: Network | undefined
  readonly clock: Clock
  readonly random: Random
  readonly log: Logger
  readonly faults: ReturnType<typeof limited>
  /** The last message stored under each subject, before the first new one. */
  readonly last: (subjects: readonly string[]) => Promise<Map<string, Message>>
  /** Told of each new data channel. */
  readonly onLane: (lane: Lane) => unknown
}

export interface VenueOptions {
  readonly room: Room
  /** What the user says instead of the venue's own; holds for all hosts of the room. */
  readonly endpoints: { readonly [K in keyof Endpoints]?: string | undefined }
  readonly proxy: Proxy | undefined
  readonly shared: Shared
}

const INSTRUMENTS_EVERY_MS = 10 * 60_000
const RETRY_BASE_MS = 500
const LAST_RETRY_MAX_MS = 5_000

/** Why a channel may be silent although all is well. */
const SPARSE = 'nothing happened; usual for this type'
const RESTS: Partial<Record<Listing['status'], string>> = {
  pre_open: 'not open for trading yet',
  halted: 'trading is halted',
}

export class Venue {
  readonly room: Room
  readonly #options: VenueOptions
  readonly #shared: Shared
  readonly #decoder: Decoder
  readonly #queries: Queries
  readonly #pool: SessionPool<Carrier>
  readonly #routes: Routes
  /** By index of the channel. */
  readonly #lanes = new Map<number, Lane>()
  /** By stream URL and name. */
  #byStream: ReadonlyMap<string, readonly Lane[]> = new Map()
  /** Channels that are named and cannot be, by index. */
  #absent: ReadonlyMap<number, Lane> = new Map()
  readonly #news: InstrumentNews
  readonly #snapshotSeconds = new Map<Lane, number>()
  readonly #listings: Listings
  readonly #polls: Polls
  #feeds: readonly Feed[] = []
  #placed: Promise<void> = Promise.resolve()
  readonly #ended = new AbortController()

  constructor(options: VenueOptions) {
    const { room, proxy, shared } = options
    this.room = room
    this.#options = options
    this.#shared = shared
    this.#decoder = new Decoder(room, shared.counts, (socketId) => this.#unreadable(socketId))
    const url = (host: string | undefined) => new URL(this.#endpoints(host).rest)
    const { signal } = this.#ended
    this.#queries = new Queries({ room, url, proxy, shared, signal })
    this.#news = new InstrumentNews(room, shared.own)
    this.#listings = new Listings({
      queries: room.instruments.queries,
      load: (query) => this.#queries.listings(query),
      clock: shared.clock,
      random: shared.random,
      signal,
      onFault: (query, error) => this.#listFault(query.host, error),
      onList: () => void this.#then(() => this.#place()),
    })
    this.#polls = this.#openPolls()
    this.#routes = new Routes({
      room,
      own: shared.own,
      clock: shared.clock,
      policy: shared.policy,
      history: (listing, from) => this.#queries.history(listing, from),
      snapshots: (listing) => this.#queries.snapshots(listing),
      resubscribe: (channel, socketId) => this.#resubscribe(channel, socketId),
      onSync: (channel, inSync, why) => this.#onSync(channel, inSync, why),
    })
    const lanesOf = (address: string) => (stream: string) => this.#byStream.get(`${address} ${stream}`) ?? []
    const common = { room, proxy, shared, decoder: this.#decoder }
    const carrier = (address: string) => new Carrier({ ...common, url: address, lanesOf: lanesOf(address) })
    this.#pool = new SessionPool(room.protocol.streamsPerSocketMax, carrier)
  }

  get lanes(): Lane[] {
    return [...this.#lanes.values(), ...this.#absent.values()]
  }

  get sessions(): SessionStatus[] {
    return this.#pool.sessions.map(({ status }) => status)
  }

  get addresses(): AddressStatus[] {
    return this.#queries.status
  }

  /**
   * What to collect from now on. Loads the instruments and reads what is stored first, for as long as that takes.
   * @returns when all channels of the instruments that are known have been asked for
   */
  want(feeds: readonly Feed[]): Promise<void> {
    this.#feeds = feeds
    return this.#then(async () => {
      const wasKnown = this.#listings.isWhole
      await this.#listings.known()
      // A symbol may have been listed since.
      const { absent } = this.#plan()
      if (wasKnown && absent.some(({ symbol }) => !this.#listings.all.has(symbol))) await this.#listings.refresh()
      await this.#place()
    })
  }

  /** Once a second: states, snapshots for late joiners, renewals, silent sessions, instruments. */
  tick(nowUs: number): void {
    const second = Math.floor(nowUs / 1e6)
    let index = 0
    for (const lane of this.lanes) {
      const state = lane.tick(nowUs)
      if (state !== undefined) this.#shared.own.publish(state)
      if (lane.isUnheard) this.#unheard(lane)
      const track = lane.route?.track
      if (!(track instanceof BookTrack)) continue
      const period = this.#snapshotSeconds.get(lane) ?? 60
      // Staggered over the period, so that not all books are written in one second.
      if ((second + index++) % period === 0) track.refresh()
      track.check()
    }
    for (const carrier of this.#pool.sessions) carrier.mendStale(nowUs)
    this.#queries.tick()
    const ageMs = this.#shared.clock.nowMs() - this.#listings.refreshedMs
    if (ageMs < Infinity && ageMs > INSTRUMENTS_EVERY_MS) void this.#listings.refresh()
  }

  /** Closes sockets and requests; then announces what is missing at the end. */
  close(): void {
    this.#ended.abort()
    this.#polls.close()
    for (const lane of this.#lanes.values()) lane.route?.track.close()
    this.#pool.close()
  }

  /** One after the other: the last wish must not be overtaken by an earlier one that waited longer. */
  #then(next: () => Promise<void>): Promise<void> {
    this.#placed = this.#placed.then(next)
    return this.#placed
  }

  #endpoints(host: string | undefined): Endpoints {
    const { room, endpoints } = this.#options
    const own = host === undefined ? room.endpoints : room.hosts?.[host]
    assert(own !== undefined, `${room.exchange} ${room.market} has no host '${host}'`)
    return { websocket: endpoints.websocket ?? own.websocket, rest: endpoints.rest ?? own.rest }
  }

  #openPolls(): Polls {
    const { clock, random, faults } = this.#shared
    const { exchange, market } = this.room
    return new Polls({
      clock,
      random,
      ask: (query) => this.#queries.poll(query),
      line: (query) => this.#queries.line(query),
      onFault: ({ symbol, type }, error) =>
        faults.warn(`poll ${exchange} ${market} ${type}`, { exchange, market, symbol, type, error }, 'not answered'),
      onLate: ({ symbol, type }) =>
        faults.warn(
          `late ${exchange} ${market} ${type}`,
          { exchange, market, symbol, type },
          'asked later than wanted: the limits of the venue allow no more; take fewer symbols',
        ),
    })
  }

  #listFault(host: string | undefined, error: string): void {
    if (this.#ended.signal.aborted) return
    const { exchange, market } = this.room
    this.#shared.faults.warn(
      `instruments ${exchange} ${market} ${host ?? ''}`,
      { exchange, market, ...(host === undefined ? {} : { host }), error },
      'instruments could not be loaded; trying again',
    )
  }

  #plan(): Plan {
    const taken = new Set([...this.#lanes.values()].map(({ channel }) => channel.symbol))
    const { all: listings, isWhole } = this.#listings
    return planOf(this.#feeds, { room: this.room, listings, isWhole, taken })
  }

  /** Makes the channels that the feeds ask for, and no others. */
  async #place(): Promise<void> {
    if (this.#ended.signal.aborted) return
    const { wanted: all, absent, unmatched } = this.#plan()
    const wanted = new Map(all.map((want) => [this.#routes.channel(want).index, want]))
    this.#placeAbsent(absent)
    for (const sentence of unmatched) this.#shared.faults.warn(`unmatched ${sentence}`, {}, sentence)
    for (const [key, lane] of this.#lanes) if (!wanted.has(key)) this.#remove(key, lane)
    const resumes = this.#removeChanged(wanted)
    const added = [...wanted].filter(([key]) => !this.#lanes.has(key))
    const last = await this.#lastMessages(added.filter(([key]) => !resumes.has(key)).map(([, want]) => want))
    if (last === undefined) return
    for (const [key, want] of added) {
      const { subject } = this.#routes.channel(want)
      this.#tryToAdd(want, resumes.has(key) ? resumes.get(key) : resumeAfter(last.get(subject), want.options))
    }
    for (const [key, want] of wanted) this.#adjust(this.#lanes.get(key), want)
    this.#news.tell(
      all.map(({ listing }) => listing),
      this.#listings.all,
    )
    this.#carry()
  }

  /** Channels whose instrument is another now: a new name, other sizes. They are made anew from where they stand. */
  #removeChanged(wanted: ReadonlyMap<number, Wanted>): Map<number, Resume | undefined> {
    const resumes = new Map<number, Resume | undefined>()
    for (const [key, lane] of this.#lanes) {
      const want = wanted.get(key)
      if (want === undefined || lane.parts === undefined || isSame(lane.parts.plan.listing, want.listing)) continue
      const { exchange, market, symbol, type } = lane.channel
      this.#shared.log.warn({ exchange, market, symbol, type }, 'the instrument changed; the channel is made anew')
      this.#remove(key, lane)
      resumes.set(key, resumeOf(lane.parts.route.track))
    }
    return resumes
  }

  #placeAbsent(absent: readonly Absent[]): void {
    const { exchange, market } = this.room
    const lanes = new Map<number, Lane>()
    for (const { symbol, type, interval, why, isFinal } of absent) {
      const key = { exchange, market, symbol, type, ...(interval === undefined ? {} : { interval }) }
      const channel = this.#shared.channels.of(key)
      const known = this.#absent.get(channel.index)
      const lane = known ?? new Lane(channel, undefined, this.#latency(channel))
      if (isFinal && lane.impossible !== why) this.#shared.log.error(key, `cannot be collected: ${why}`)
      lane.impossible = isFinal ? why : undefined
      lane.pending = isFinal ? undefined : why
      lanes.set(channel.index, lane)
    }
    this.#absent = lanes
  }

  /**
   * What is stored under the channels' subjects. Asks until the sink can say it: a channel that began without that would
   * not announce what was missed. undefined when the venue was closed meanwhile.
   */
  async #lastMessages(wanted: readonly Wanted[]): Promise<ReadonlyMap<string, Message> | undefined> {
    const subjects = new Set(wanted.map((want) => this.#routes.channel(want).subject))
    if (subjects.size === 0) return new Map()
    for (let attempt = 0; !this.#ended.signal.aborted; attempt++) {
      try {
        const last = await this.#shared.last([...subjects])
        return this.#ended.signal.aborted ? undefined : last
      } catch (error) {
        const fields = { error: messageOf(error) }
        this.#shared.faults.warn('last', fields, 'the last messages cannot be read; channels wait until they can')
        const waitMs = fullJitterMs(attempt, RETRY_BASE_MS, LAST_RETRY_MAX_MS, this.#shared.random)
        await pause(this.#shared.clock, waitMs, this.#ended.signal)
      }
    }
    return undefined
  }

  /** What a venue lists must not end the process, however odd it is. */
  #tryToAdd(want: Wanted, resume: Resume | undefined): void {
    try {
      this.#add(want, resume)
    } catch (error) {
      const { exchange, market } = this.room
      const { listing, type } = want
      const fields = { exchange, market, symbol: listing.symbol, type, error: messageOf(error) }
      this.#shared.log.error(fields, 'the channel cannot be opened')
    }
  }

  #add(want: Wanted, resume: Resume | undefined): void {
    const channel = this.#routes.channel(want)
    const typeRoom = this.room.types[want.type] as TypeRoom
    const route = this.#routes.open(want, resume)
    const source = this.#source(want, typeRoom, channel, route)
    const parts = { plan: want, route, source, sparse: typeRoom.sparse === true }
    const lane = new Lane(channel, parts, this.#latency(channel))
    if (source instanceof Poll) this.#polls.add(source)
    else this.#decoder.add(route)
    this.#lanes.set(channel.index, lane)
    this.#shared.onLane(lane)
  }

  #source(want: Wanted, typeRoom: TypeRoom, channel: Channel, route: Route): LaneParts['source'] {
    if (typeRoom.via === 'rest') return new Poll(channel, route, typeRoom, want)
    const { host, path, name } = typeRoom.stream(want.listing, want.options)
    return { url: this.#endpoints(host).websocket.replace(/\/$/, '') + path, name }
  }

  #latency(channel: Channel): Lane['latency'] {
    return this.#shared.latencies.channel(channel as Channel & { type: DataType })
  }

  /** Takes up what may change while the channel lives. */
  #adjust(lane: Lane | undefined, { depth, snapshotSeconds, listing }: Wanted): void {
    if (lane === undefined) return
    const rests = RESTS[listing.status]
    lane.rests = rests ?? (lane.parts?.sparse === true ? SPARSE : undefined)
    // Of what is halted there are figures; of what is not open yet there are none.
    if (lane.poll !== undefined) lane.poll.rests = listing.status === 'pre_open' ? rests : undefined
    const track = lane.route?.track
    if (!(track instanceof BookTrack)) return
    track.depth = depth
    this.#snapshotSeconds.set(lane, snapshotSeconds)
  }

  #onSync(channel: Channel, inSync: boolean, why: string): void {
    const { exchange, market, symbol } = channel
    if (inSync) this.#shared.log.debug({ exchange, market, symbol }, 'book in sync')
    else {
      const fields = { exchange, market, symbol, reason: why }
      this.#shared.faults.warn(`book ${exchange} ${market} ${symbol}`, fields, 'book lost sync; waiting for a snapshot')
    }
  }

  #resubscribe(channel: Channel, socketId: number): void {
    const stream = this.#lanes.get(channel.index)?.stream
    if (stream !== undefined) this.#pool.resubscribe(stream.url, stream.name, socketId)
  }

  #remove(key: number, lane: Lane): void {
    if (lane.poll !== undefined) this.#polls.remove(lane.poll)
    else if (lane.route !== undefined) this.#decoder.remove(lane.route)
    this.#lanes.delete(key)
    this.#snapshotSeconds.delete(lane)
    lane.route?.track.close()
  }

  /** Tells the pool which streams to carry. */
  #carry(): void {
    const wanted = new Map<string, Set<string>>()
    const byStream = new Map<string, Lane[]>()
    for (const lane of this.#lanes.values()) {
      if (lane.stream === undefined) continue
      const { url, name } = lane.stream
      wanted.set(url, (wanted.get(url) ?? new Set()).add(name))
      const key = `${url} ${name}`
      const lanes = byStream.get(key) ?? []
      lanes.push(lane)
      byStream.set(key, lanes)
    }
    this.#byStream = byStream
    this.#pool.want(wanted)
  }

  #unheard({ channel, stream }: Lane): void {
    const { exchange, market, symbol, type } = channel
    const fields = { exchange, market, symbol, type, stream: stream?.name }
    const says = 'no frame has come since the channel was asked for; is it the right stream?'
    // Hundreds of options may not be traded for hours.
    this.#shared.faults.warn(`unheard ${exchange} ${market} ${type}`, fields, says)
  }

  /** A frame that may have been any channel's of this socket. */
  #unreadable(socketId: number): void {
    const { exchange, market } = this.room
    this.#shared.faults.warn(`unreadable ${exchange} ${market}`, { exchange, market, socketId }, 'frame refused')
    this.#pool.sessions.find((carrier) => carrier.has(socketId))?.unreadable(socketId)
  }
}

/** Whether a channel of the one is a channel of the other: named, asked for and measured alike. */
function isSame(a: Listing, b: Listing): boolean {
  const parts = ({ venueSymbol, host, family, sizing }: Listing) => JSON.stringify([venueSymbol, host, family, sizing])
  return parts(a) === parts(b)
}
