// One market of one exchange as this process runs it: instruments, the channels that feeds ask for, and who carries them.
//
// In: the feeds that name it. Out: messages in the spool, statuses. Always: a change of the feeds touches only the
// channels that differ. Where to start reading: `want`, then `#place`.
import type { Logger } from 'pino'
import type { Feed } from '../crds/collector.ts'
import { feedOptions } from '../crds/feed.ts'
import type { DataType } from '../crds/names.ts'
import { BookTrack } from './book/sync.ts'
import { Carrier } from './carrier.ts'
import { fullJitterMs } from './connection/backoff.ts'
import type { Clock, Random } from './connection/clock.ts'
import { messageOf } from './connection/errors.ts'
import type { addresses } from './connection/limits.ts'
import { SessionPool } from './connection/pool.ts'
import type { Proxy } from './connection/proxy.ts'
import { Decoder, type FrameCounts, type Route } from './exchanges/decoder.ts'
import type { Listing, Room, TypeOptions, TypeRoom } from './exchanges/room.ts'
import type { Track } from './exchanges/track.ts'
import { Lane } from './lane.ts'
import type { Latencies } from './latency.ts'
import type { limited } from './log.ts'
import type { Channel, Channels } from './market/channel.ts'
import type { Message } from './market/messages.ts'
import { Outlet, type OwnMessages } from './market/outlet.ts'
import { type Selection, select } from './market/symbols.ts'
import { PushTrack } from './quality/pushes.ts'
import { TradeTrack } from './quality/trades.ts'
import { Queries } from './queries.ts'
import type { AddressStatus, SessionStatus } from './status.ts'
import { Frame, payloadHead } from './wire/frame.ts'

/** What all markets of a collector share. */
export interface Shared {
  readonly channels: Channels
  readonly own: OwnMessages
  readonly counts: FrameCounts
  readonly latencies: Latencies
  readonly addresses: ReturnType<typeof addresses>
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
  readonly endpoints: { readonly websocket: string; readonly rest: string }
  readonly proxy: Proxy | undefined
  readonly shared: Shared
}

const INSTRUMENTS_EVERY_MS = 10 * 60_000
const RETRY_BASE_MS = 500
const INSTRUMENTS_RETRY_MAX_MS = 60_000
const LAST_RETRY_MAX_MS = 5_000

/** A channel that a feed asks for. */
interface Wanted {
  readonly listing: Listing
  readonly type: DataType
  readonly options: TypeOptions
  readonly depth: number
  readonly snapshotSeconds: number
}

export class Venue {
  readonly room: Room
  readonly #options: VenueOptions
  readonly #shared: Shared
  readonly #decoder: Decoder
  readonly #queries: Queries
  readonly #pool: SessionPool<Carrier>
  readonly #frames = new Map<DataType, Frame>()
  /** By stream URL and name. */
  readonly #lanes = new Map<string, Lane>()
  #unlisted: ReadonlyMap<string, Lane> = new Map()
  /** Instruments as they were published, by symbol. */
  #told = new Map<string, Listing>()
  readonly #snapshotSeconds = new Map<Lane, number>()
  #listings: ReadonlyMap<string, Listing> = new Map()
  #feeds: readonly Feed[] = []
  #refreshedMs = 0
  #placed: Promise<void> = Promise.resolve()
  readonly #ended = new AbortController()

  constructor(options: VenueOptions) {
    const { room, endpoints, proxy, shared } = options
    this.room = room
    this.#options = options
    this.#shared = shared
    this.#decoder = new Decoder(room, shared.counts, (socketId) => this.#unreadable(socketId))
    this.#queries = new Queries({ room, url: new URL(endpoints.rest), proxy, shared, signal: this.#ended.signal })
    const laneOf = (url: string) => (stream: string) => this.#lanes.get(`${url} ${stream}`)
    const common = { room, proxy, shared, decoder: this.#decoder }
    const carrier = (url: string) => new Carrier({ ...common, url, laneOf: laneOf(url) })
    this.#pool = new SessionPool(room.protocol.streamsPerSocketMax, carrier)
  }

  get lanes(): Lane[] {
    return [...this.#lanes.values(), ...this.#unlisted.values()]
  }

  get sessions(): SessionStatus[] {
    return this.#pool.sessions.map(({ status }) => status)
  }

  get address(): AddressStatus {
    return this.#queries.status
  }

  /**
   * What to collect from now on. Loads the instruments and reads what is stored first, for as long as that takes.
   * @returns when all channels have been asked for
   */
  want(feeds: readonly Feed[]): Promise<void> {
    this.#feeds = feeds
    // One after the other: the last wish must not be overtaken by an earlier one that waited longer.
    this.#placed = this.#placed.then(async () => {
      if (this.#listings.size === 0) await this.#loadInstruments()
      // A symbol may have been listed since.
      else if (this.#selections().some(({ unlisted }) => unlisted.size > 0)) await this.#refreshInstruments()
      await this.#place()
    })
    return this.#placed
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
    const nowMs = this.#shared.clock.nowMs()
    if (this.#refreshedMs > 0 && nowMs - this.#refreshedMs > INSTRUMENTS_EVERY_MS) {
      this.#refreshedMs = nowMs
      this.#placed = this.#placed.then(() => this.#followListings())
    }
  }

  /** Closes sockets and requests; then announces what is missing at the end. */
  close(): void {
    this.#ended.abort()
    for (const lane of this.#lanes.values()) lane.route?.track.close()
    this.#pool.close()
  }

  async #loadInstruments(): Promise<void> {
    for (let attempt = 0; !this.#ended.signal.aborted; attempt++) {
      if (await this.#refreshInstruments()) return
      await this.#pause(attempt, INSTRUMENTS_RETRY_MAX_MS)
    }
  }

  /** Waits before the next attempt, unless the venue is closed meanwhile. */
  async #pause(attempt: number, capMs: number): Promise<void> {
    const { clock, random } = this.#shared
    const { signal } = this.#ended
    const passed = Promise.withResolvers<void>()
    const end = () => passed.resolve()
    const timer = clock.setTimeout(end, fullJitterMs(attempt, RETRY_BASE_MS, capMs, random))
    signal.addEventListener('abort', end)
    await passed.promise
    signal.removeEventListener('abort', end)
    clock.clearTimeout(timer)
  }

  async #refreshInstruments(): Promise<boolean> {
    const listings = await this.#queries.instruments()
    if (listings === undefined) return false
    this.#listings = new Map(listings.map((listing) => [listing.symbol, listing]))
    this.#refreshedMs = this.#shared.clock.nowMs()
    return true
  }

  /** Asks for the venue's instruments, publishes what changed, and follows what patterns give now. */
  async #followListings(): Promise<void> {
    if (await this.#refreshInstruments()) await this.#place()
  }

  #selections(): Selection[] {
    const taken = new Set([...this.#lanes.values()].map(({ channel }) => channel.symbol))
    return this.#feeds.map(({ symbols, exclude }) => select(symbols, exclude, this.#listings, taken))
  }

  /** Makes the channels that the feeds ask for, and no others. */
  async #place(): Promise<void> {
    if (this.#ended.signal.aborted) return
    const wanted = new Map<string, Wanted>()
    const unlisted = new Map<string, Lane>()
    this.#selections().forEach((selection, i) => {
      const feed = this.#feeds[i] as Feed
      for (const want of this.#expand(feed, selection)) wanted.set(this.#streamKey(want), want)
      this.#addUnlisted(feed, selection, unlisted)
    })
    this.#unlisted = unlisted
    for (const [key, lane] of this.#lanes) if (!wanted.has(key)) this.#remove(key, lane)
    const added = [...wanted].filter(([key]) => !this.#lanes.has(key))
    const last = await this.#lastMessages(added.map(([, want]) => want))
    if (last === undefined) return
    for (const [key, want] of added) this.#add(key, want, last)
    for (const [key, want] of wanted) this.#adjust(this.#lanes.get(key) as Lane, want)
    this.#tellInstruments([...wanted.values()].map(({ listing }) => listing))
    this.#carry()
  }

  #expand(feed: Feed, { listed }: Selection): Wanted[] {
    const { kline, orderbook } = feedOptions(feed)
    return listed.flatMap((listing) =>
      feed.types.flatMap((type) => {
        if (this.room.types[type] === undefined) return []
        const intervals = type === 'kline' ? kline.intervals.map((interval) => ({ interval })) : [{}]
        const { depth, snapshotSeconds } = orderbook
        return intervals.map((options) => ({ listing, type, options, depth, snapshotSeconds }))
      }),
    )
  }

  #streamKey({ listing, type, options }: Wanted): string {
    const { path, name } = (this.room.types[type] as TypeRoom).stream(listing.venueSymbol, options)
    return `${this.#url(path)} ${name}`
  }

  #url(path: string): string {
    return this.#options.endpoints.websocket.replace(/\/$/, '') + path
  }

  #addUnlisted(feed: Feed, { unlisted }: Selection, lanes: Map<string, Lane>): void {
    const { exchange, market } = this.room
    for (const [symbol, why] of unlisted) {
      for (const type of feed.types) {
        const channel = this.#shared.channels.of({ exchange, market, symbol, type })
        const known = this.#unlisted.get(channel.subject)
        if (known === undefined) this.#shared.log.error({ exchange, market, symbol, type }, `${symbol} is ${why}`)
        const latency = this.#shared.latencies.channel(channel as Channel & { type: DataType })
        const lane = known ?? new Lane(channel, { path: '', name: '' }, undefined, latency)
        lane.impossible = why
        lanes.set(channel.subject, lane)
      }
    }
  }

  /**
   * What is stored under the channels' subjects. Asks until the sink can say it: a channel that began without that would
   * not announce what was missed. undefined when the venue was closed meanwhile.
   */
  async #lastMessages(wanted: readonly Wanted[]): Promise<ReadonlyMap<string, Message> | undefined> {
    const subjects = new Set(wanted.map((want) => this.#channel(want).subject))
    if (subjects.size === 0) return new Map()
    for (let attempt = 0; !this.#ended.signal.aborted; attempt++) {
      try {
        const last = await this.#shared.last([...subjects])
        return this.#ended.signal.aborted ? undefined : last
      } catch (error) {
        const fields = { error: messageOf(error) }
        this.#shared.faults.warn('last', fields, 'the last messages cannot be read; channels wait until they can')
        await this.#pause(attempt, LAST_RETRY_MAX_MS)
      }
    }
    return undefined
  }

  #channel({ listing, type, options }: Wanted): Channel {
    const { exchange, market } = this.room
    return this.#shared.channels.of({ exchange, market, symbol: listing.symbol, type, ...options })
  }

  #add(key: string, want: Wanted, last: ReadonlyMap<string, Message>): void {
    const channel = this.#channel(want)
    const typeRoom = this.room.types[want.type] as TypeRoom
    const frame = this.#frames.get(want.type) ?? new Frame(typeRoom.frame)
    this.#frames.set(want.type, frame)
    const constants = { kind: 'delta', interval: want.options.interval ?? '' }
    const outlet = new Outlet(
      channel,
      frame.template(channel.idHead, payloadHead(channel), constants),
      this.#shared.own,
    )
    const symbol = Buffer.from(want.listing.venueSymbol)
    const track = this.#track(want, outlet, frame, symbol, last.get(channel.subject))
    const route: Route = { frame, symbol, track, newest: 0 }
    const stream = typeRoom.stream(want.listing.venueSymbol, want.options)
    const lane = new Lane(
      channel,
      stream,
      route,
      this.#shared.latencies.channel(channel as Channel & { type: DataType }),
    )
    this.#decoder.route(stream.name, route)
    this.#lanes.set(key, lane)
    this.#shared.onLane(lane)
  }

  /** Takes up options that may change while the channel lives. */
  #adjust(lane: Lane, { depth, snapshotSeconds }: Wanted): void {
    const track = lane.route?.track
    if (!(track instanceof BookTrack)) return
    track.depth = depth
    this.#snapshotSeconds.set(lane, snapshotSeconds)
  }

  #track(want: Wanted, outlet: Outlet, frame: Frame, symbol: Buffer, last: Message | undefined): Track {
    const { order } = this.room.types[want.type] as TypeRoom
    const { venueSymbol } = want.listing
    if (want.type === 'orderbook') {
      const resume = last?.type === 'orderbook' && last.ts !== undefined ? { seq: last.seq, time: last.ts } : undefined
      const source = this.#queries.snapshots(venueSymbol, symbol)
      const onSync = (inSync: boolean, why: string) => this.#onSync(outlet.channel, inSync, why)
      return new BookTrack({ outlet, frame, symbol, keys: this.room.book, source, depth: want.depth, onSync, resume })
    }
    if (order.id !== undefined && order.time !== undefined) {
      const id = last?.type === 'trade' ? Number(last.id) : Number.NaN
      const resume = last?.ts !== undefined && Number.isSafeInteger(id) ? { id, time: last.ts } : undefined
      const history = (fromId: number) => this.#queries.history(venueSymbol, fromId)
      const { clock } = this.#shared
      return new TradeTrack({
        outlet,
        frame,
        symbol,
        order: { id: order.id, time: order.time },
        history,
        clock,
        resume,
      })
    }
    if (last !== undefined) {
      outlet.lastTime = last.ts ?? last.received
      outlet.interrupt('restart')
    }
    return new PushTrack(outlet, frame, order)
  }

  #onSync(channel: Channel, inSync: boolean, why: string): void {
    const { exchange, market, symbol } = channel
    if (inSync) this.#shared.log.debug({ exchange, market, symbol }, 'book in sync')
    else {
      const fields = { exchange, market, symbol, reason: why }
      this.#shared.faults.warn(`book ${exchange} ${market} ${symbol}`, fields, 'book lost sync; waiting for a snapshot')
    }
  }

  /** What became of the instruments that were collected until now, and those that are from now on. */
  #tellInstruments(wanted: readonly Listing[]): void {
    const current = (known: Listing): Listing => this.#listings.get(known.symbol) ?? { ...known, status: 'delisted' }
    this.#publishInstruments([...this.#told.values()].map(current))
    this.#publishInstruments(wanted)
    this.#told = new Map(wanted.map((listing) => [listing.symbol, listing]))
  }

  /** Publishes those that changed since they were published last. */
  #publishInstruments(listings: Iterable<Listing>): void {
    const { exchange, market } = this.room
    for (const listing of listings) {
      const { symbol, venueSymbol, base, quote, status, tickSize, lotSize, contractMultiplier } = listing
      if (JSON.stringify(this.#told.get(symbol)) === JSON.stringify(listing)) continue
      this.#told.set(symbol, listing)
      this.#shared.own.publish({
        type: 'instrument',
        v: 1,
        exchange,
        market,
        symbol,
        venue_symbol: venueSymbol,
        base,
        quote,
        status,
        ...(tickSize === undefined ? {} : { tick_size: tickSize }),
        ...(lotSize === undefined ? {} : { lot_size: lotSize }),
        ...(contractMultiplier === undefined ? {} : { contract_multiplier: contractMultiplier }),
        received: this.#shared.clock.nowUs(),
      })
    }
  }

  #remove(key: string, lane: Lane): void {
    this.#decoder.route(lane.stream.name, undefined)
    this.#lanes.delete(key)
    this.#snapshotSeconds.delete(lane)
    lane.route?.track.close()
  }

  /** Tells the pool which streams to carry. */
  #carry(): void {
    const wanted = new Map<string, Set<string>>()
    for (const lane of this.#lanes.values()) {
      const url = this.#url(lane.stream.path)
      const streams = wanted.get(url) ?? new Set()
      wanted.set(url, streams.add(lane.stream.name))
    }
    this.#pool.want(wanted)
  }

  #unheard({ channel, stream }: Lane): void {
    const { exchange, market, symbol, type } = channel
    const fields = { exchange, market, symbol, type, stream: stream.name }
    this.#shared.log.warn(fields, 'no frame has come since the channel was asked for; is it the right stream?')
  }

  /** A frame that may have been any channel's of this socket. */
  #unreadable(socketId: number): void {
    const { exchange, market } = this.room
    this.#shared.faults.warn(`unreadable ${exchange} ${market}`, { exchange, market, socketId }, 'frame refused')
    this.#pool.sessions.find((carrier) => carrier.has(socketId))?.unreadable(socketId)
  }
}
