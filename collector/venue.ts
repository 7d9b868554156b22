// One market of one exchange as this process runs it: instruments, the channels that feeds ask for, and who carries them.
//
// In: the feeds that name it. Out: messages in the spool, statuses. Always: a change of the feeds or of the listings
// touches only the channels that differ. Where to start reading: `want`, then `#place`.
import assert from 'node:assert'
import type { Feed } from '../crds/collector.ts'
import type { DataType } from '../crds/names.ts'
import type { Part } from '../crds/shard.ts'
import { BookTrack } from './book/track.ts'
import { Carrier } from './carrier.ts'
import { fullJitterMs } from './connection/backoff.ts'
import { messageOf } from './connection/errors.ts'
import { SessionPool } from './connection/pool.ts'
import type { Proxy } from './connection/proxy.ts'
import { Decoder, type Route } from './exchanges/decoder.ts'
import type { Endpoints, Listing, Room, TypeRoom } from './exchanges/room.ts'
import { InstrumentNews } from './instruments.ts'
import { Lane, type LaneParts } from './lane.ts'
import { Listings, pause } from './listings.ts'
import type { Channel, Series } from './market/channel.ts'
import { type Absent, type Plan, type Wanted, isSame, planOf } from './plan.ts'
import { Poll, Polls } from './polls.ts'
import { Notices } from './notices.ts'
import { Queries } from './queries.ts'
import { type Resume, laterOf, resumeAfter, resumeOf } from './resume.ts'
import { Routes } from './routes.ts'
import type { Shared } from './shared.ts'
import type { AddressStatus, SessionStatus } from './status.ts'
import { Takeovers } from './takeovers.ts'

export interface VenueOptions {
  readonly room: Room
  /** What the user says instead of the venue's own; holds for all hosts of the room. */
  readonly endpoints: { readonly [K in keyof Endpoints]?: string | undefined }
  readonly proxy: Proxy | undefined
  readonly shared: Shared
}

const INSTRUMENTS_EVERY_MS = 10 * 60_000
/** So long a changed manifest waits for new lists, where it names what the old ones do not have. */
const LISTS_WAIT_MS = 10_000
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
  /** Where channels stood that were taken out, by index: the sink may not have stored all of it yet. */
  readonly #left = new Map<number, Resume | undefined>()
  /** By stream URL and name. */
  #byStream: ReadonlyMap<string, readonly Lane[]> = new Map()
  /** Channels that are named and cannot be, by index. */
  #absent: ReadonlyMap<number, Lane> = new Map()
  readonly #news: InstrumentNews
  readonly #notices: Notices
  readonly #snapshotSeconds = new Map<Lane, number>()
  readonly #listings: Listings
  readonly #polls: Polls
  readonly #takeovers: Takeovers
  #feeds: readonly Feed[] = []
  #part: Part | undefined
  #placed: Promise<void> = Promise.resolve()
  /** Placings that are not done. */
  #placings = 0
  readonly #ended = new AbortController()

  constructor(options: VenueOptions) {
    const { room, proxy, shared } = options
    this.room = room
    this.#options = options
    this.#shared = shared
    this.#notices = new Notices(room, shared)
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
      onFault: (query, error) => this.#ended.signal.aborted || this.#notices.unlisted(query.host, error),
      onList: () => void this.#then(() => this.#place()),
    })
    this.#polls = new Polls({
      clock: shared.clock,
      random: shared.random,
      ask: (query) => this.#queries.poll(query),
      line: (query) => this.#queries.line(query),
      onFault: (channel, error) => this.#notices.unanswered(channel, error),
      onLate: (channel) => this.#notices.late(channel),
    })
    this.#takeovers = new Takeovers(shared)
    this.#routes = new Routes({
      room,
      own: shared.own,
      clock: shared.clock,
      policy: shared.policy,
      history: (listing, from) => this.#queries.history(listing, from),
      snapshots: (listing) => this.#queries.snapshots(listing),
      resubscribe: (channel, socketId) => this.#resubscribe(channel, socketId),
      onSync: (channel, inSync, why) => this.#notices.synced(channel, inSync, why),
      onTakeover: (takeover) => this.#takeovers.add(takeover),
    })
    const lanesOf = (address: string) => (stream: string) => this.#byStream.get(`${address} ${stream}`) ?? []
    const common = { room, proxy, shared, decoder: this.#decoder }
    const carrier = (address: string) => new Carrier({ ...common, url: address, lanesOf: lanesOf(address) })
    this.#pool = new SessionPool(room.protocol.streamsPerSocketMax, carrier)
  }

  get lanes(): Lane[] {
    return [...this.#lanes.values(), ...this.#absent.values()]
  }

  /** Whether it may still turn out that feeds mean further channels. */
  get isPending(): boolean {
    const hasPattern = this.#feeds.some(({ symbols }) => symbols.some((symbol) => symbol.includes('*')))
    return this.#placings > 0 || (hasPattern && !this.#listings.isWhole)
  }

  /** Messages that are made, and held back until it is known what was missed before them. */
  get held(): number {
    return this.#takeovers.pending
  }

  get sessions(): SessionStatus[] {
    return this.#pool.sessions.map(({ status }) => status)
  }

  get addresses(): AddressStatus[] {
    return this.#queries.status
  }

  /**
   * What to collect from now on, of what patterns find the part that is ours. Loads the instruments and reads what is stored first, for as long as that takes.
   * @returns when all channels of the instruments that are known have been asked for
   */
  want(feeds: readonly Feed[], part?: Part): Promise<void> {
    this.#feeds = feeds
    this.#part = part
    return this.#then(async () => {
      const wasKnown = this.#listings.isWhole
      await this.#listings.known()
      // A symbol may have been listed since; lists that come later are taken up, too.
      const { absent } = this.#plan()
      if (wasKnown && absent.some(({ symbol }) => !this.#listings.all.has(symbol))) {
        const { clock } = this.#shared
        await Promise.race([this.#listings.refresh(), pause(clock, LISTS_WAIT_MS, this.#ended.signal)])
      }
      await this.#place()
    })
  }

  /** Once a second: states, snapshots for late joiners, renewals, silent sessions, instruments. */
  tick(nowUs: number): void {
    // While the sink drains, nothing is added to what it has to send.
    if (this.#ended.signal.aborted) return
    const nowMs = this.#shared.clock.nowMs()
    const second = Math.floor(nowMs / 1000)
    let index = 0
    for (const lane of this.lanes) {
      const state = lane.tick(nowUs, nowMs)
      if (state !== undefined) this.#shared.own.publish(state)
      if (lane.isUnheard) this.#notices.unheard(lane.channel, lane.stream?.name)
      const track = lane.route?.track
      if (!(track instanceof BookTrack)) continue
      const period = this.#snapshotSeconds.get(lane) ?? 60
      // Staggered over the period, so that not all books are written in one second.
      if ((second + index++) % period === 0) track.refresh()
      track.check()
    }
    this.#takeovers.tick()
    for (const carrier of this.#pool.sessions) carrier.mendStale()
    this.#queries.tick()
    const ageMs = nowMs - this.#listings.refreshedMs
    if (ageMs < Infinity && ageMs > INSTRUMENTS_EVERY_MS) void this.#listings.refresh()
  }

  /** Closes sockets and requests; then announces what is missing at the end. */
  close(): void {
    this.#ended.abort()
    this.#polls.close()
    for (const lane of this.#lanes.values()) this.#end(lane)
    this.#pool.close()
  }

  /** One after the other: the last wish must not be overtaken by an earlier one that waited longer. */
  #then(next: () => Promise<void>): Promise<void> {
    this.#placings += 1
    this.#placed = this.#placed.then(next)
    return this.#placed.finally(() => (this.#placings -= 1))
  }

  #endpoints(host: string | undefined): Endpoints {
    const { room, endpoints } = this.#options
    const own = host === undefined ? room.endpoints : room.hosts?.[host]
    assert(own !== undefined, `${room.exchange} ${room.market} has no host '${host}'`)
    return { websocket: endpoints.websocket ?? own.websocket, rest: endpoints.rest ?? own.rest }
  }

  #plan(): Plan {
    const taken = new Set([...this.#lanes.values()].map(({ channel }) => channel.symbol))
    const { all: listings, isWhole } = this.#listings
    return planOf(this.#feeds, { room: this.room, listings, isWhole, taken, part: this.#part })
  }

  /** Makes the channels that the feeds ask for, and no others. */
  async #place(): Promise<void> {
    if (this.#ended.signal.aborted) return
    const { wanted: all, absent, unmatched } = this.#plan()
    const wanted = new Map(all.map((want) => [this.#routes.channel(want).index, want]))
    for (const sentence of unmatched) this.#notices.unmatched(sentence)
    this.#news.tell(
      all.map(({ listing }) => listing),
      this.#listings.all,
    )
    this.#renew(wanted)
    // Two feeds may mean the same channel; the later one counts.
    const added = [...wanted].flatMap(([key, want]) => (this.#lanes.has(key) ? [] : [want]))
    // What is collected goes on meanwhile.
    const resumes = await this.#resumes(added)
    if (resumes === undefined) return
    this.#placeAbsent(absent)
    for (const [key, lane] of this.#lanes) if (!wanted.has(key)) this.#remove(key, lane)
    for (const want of added) {
      const channel = this.#routes.channel(want)
      this.#tryToAdd(want, laterOf(this.#left.get(channel.index), resumes.get(channel)))
    }
    for (const [key, want] of wanted) this.#adjust(this.#lanes.get(key), want)
    this.#carry()
  }

  /** Channels whose instrument is another now, by a new name or other sizes, are made anew from where they stand. */
  #renew(wanted: ReadonlyMap<number, Wanted>): void {
    const changed = [...this.#lanes].flatMap(([key, lane]) => {
      const want = wanted.get(key)
      const { parts } = lane
      const isChanged = want !== undefined && parts !== undefined && !isSame(parts.plan.listing, want.listing)
      return isChanged ? [{ key, lane, want }] : []
    })
    for (const { key, lane, want } of changed) {
      this.#notices.changed(lane.channel)
      this.#remove(key, lane)
      this.#tryToAdd(want, this.#left.get(key))
      this.#adjust(this.#lanes.get(key), want)
    }
    if (changed.length > 0) this.#carry()
  }

  #placeAbsent(absent: readonly Absent[]): void {
    const { exchange, market } = this.room
    const lanes = new Map<number, Lane>()
    for (const { symbol, type, interval, why, isFinal } of absent) {
      const key = { exchange, market, symbol, type, ...(interval === undefined ? {} : { interval }) }
      const channel = this.#shared.channels.of(key)
      const known = this.#absent.get(channel.index)
      const lane = known ?? new Lane(channel, undefined, this.#latency(channel))
      if (isFinal && lane.impossible !== why) this.#notices.impossible(channel, why)
      lane.impossible = isFinal ? why : undefined
      lane.pending = isFinal ? undefined : why
      lanes.set(channel.index, lane)
    }
    this.#absent = lanes
  }

  /**
   * Where channels take up, by what is stored last of them. Asks until the sink can say it: a channel that began without that
   * would not announce what was missed. undefined when the venue was closed meanwhile.
   */
  async #resumes(wanted: readonly Wanted[]): Promise<ReadonlyMap<Channel, Resume | undefined> | undefined> {
    const { clock, random, channels: all, last: lastOf } = this.#shared
    const gaps = new Map<Channel, Series | undefined>()
    for (const want of wanted) {
      const channel = this.#routes.channel(want)
      // Where a run ended behind a gap of trades, the gap says more than the last trade.
      gaps.set(channel, want.type === 'trade' ? all.gapsOf(channel) : undefined)
    }
    if (gaps.size === 0) return new Map()
    const series = [...gaps].flatMap(([channel, gap]) => [channel, ...(gap === undefined ? [] : [gap])])
    for (let attempt = 0; !this.#ended.signal.aborted; attempt++) {
      try {
        const last = await lastOf(series)
        if (this.#ended.signal.aborted) return undefined
        return new Map(
          [...gaps].map(([channel, gap]) => [channel, resumeAfter(last.get(channel), gap && last.get(gap))]),
        )
      } catch (error) {
        this.#notices.unstored(messageOf(error))
        const waitMs = fullJitterMs(attempt, RETRY_BASE_MS, LAST_RETRY_MAX_MS, random)
        await pause(clock, waitMs, this.#ended.signal)
      }
    }
    return undefined
  }

  /** What a venue lists must not end the process, however odd it is. */
  #tryToAdd(want: Wanted, resume: Resume | undefined): void {
    try {
      this.#add(want, resume)
    } catch (error) {
      this.#notices.unopened(this.#routes.channel(want), messageOf(error))
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
  #adjust(lane: Lane | undefined, { depth, snapshotSeconds, listing, isFound }: Wanted): void {
    if (lane === undefined) return
    lane.isFound = isFound
    const rests = RESTS[listing.status]
    lane.rests = rests ?? (lane.parts?.sparse === true ? SPARSE : undefined)
    // Of what is halted there are figures; of what is not open yet there are none.
    if (lane.poll !== undefined) lane.poll.rests = listing.status === 'pre_open' ? rests : undefined
    const track = lane.route?.track
    if (!(track instanceof BookTrack)) return
    track.depth = depth
    this.#snapshotSeconds.set(lane, snapshotSeconds)
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
    this.#end(lane)
    if (lane.route !== undefined) this.#left.set(key, resumeOf(lane.route.track))
  }

  #end({ channel, route }: Lane): void {
    route?.track.close()
    this.#takeovers.close(channel)
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

  /** A frame that may have been any channel's of this socket. */
  #unreadable(socketId: number): void {
    this.#notices.unreadable(socketId)
    this.#pool.sessions.find((carrier) => carrier.has(socketId))?.unreadable(socketId)
  }
}
