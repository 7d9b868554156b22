// A Collector as a process: sink and spool at one end, a Venue for each market at the other, and the account between.
//
// Always: what came in is accounted for (status.ts, `imbalance`). Order of ending: stop reading, announce what is
// missing, drain the spool into the sink, close. Start reading at `openCollector`.
import type { Logger } from 'pino'
import type { Feed } from '../crds/collector.ts'
import { parseBytes } from '../crds/duration.ts'
import { OWN_TYPES } from '../crds/names.ts'
import { SHARD_KIND, type Work } from '../crds/shard.ts'
import { subjectPrefix } from '../crds/sink.ts'
import type { Clock, Random } from './connection/clock.ts'
import { addresses } from './connection/limits.ts'
import type { Network } from './connection/network.ts'
import type { Proxy } from './connection/proxy.ts'
import { type BookVerdict, crossCheck, verifyBooks } from './crosscheck.ts'
import { FrameCounts } from './exchanges/decoder.ts'
import { roomOf } from './exchanges/registry.ts'
import { sinkWatch, readiness } from './health.ts'
import type { Lane } from './lane.ts'
import { Latencies } from './latency.ts'
import { limited } from './log.ts'
import { type Channel, Channels } from './market/channel.ts'
import type { Message } from './market/messages.ts'
import { type GapEnds, OwnMessages } from './market/outlet.ts'
import { Lines } from './polls.ts'
import { Policy } from './quality/checks.ts'
import { readProxyUser } from './secrets.ts'
import { type Sink, type SinkContext, messageIn } from './sinks/sink.ts'
import { type Chunk, Spool } from './sinks/spool.ts'
import type { AddressStatus, CollectorStatus, Ledger } from './status.ts'
import type { Shared } from './shared.ts'
import { Venue } from './venue.ts'

export interface CollectorOptions {
  readonly collector: Work
  readonly openSink: (context: SinkContext) => Sink
  readonly log: Logger
  /** The machine's by default. */
  readonly network?: Network
  readonly clock: Clock
  readonly random: Random
}

export interface RunningCollector {
  readonly latencies: Latencies
  /** As of the last tick, at most a second old. */
  status(): CollectorStatus
  /** When the process last made progress, ms since the epoch. */
  progress(): number
  /** Takes up a changed manifest: what stays is not touched. */
  apply(collector: Work): Promise<void>
  /** Compares each book with a fresh snapshot; takes a minute at most. */
  verify(): Promise<BookVerdict[]>
  /** Stops reading, drains, closes; resolves at the latest after `deadlineMs`. */
  close(deadlineMs: number): Promise<CollectorStatus>
}

const TICK_MS = 1_000
const ROTATE_TICKS = 5

/** Opens the sink, then the venues. Rejects for what a person must mend; venues that are away are tried for ever. */
export async function openCollector(options: CollectorOptions): Promise<RunningCollector> {
  const running = new Running(options)
  await running.start()
  return running
}

class Running implements RunningCollector {
  readonly latencies = new Latencies()
  readonly #options: CollectorOptions
  readonly #spool: Spool
  readonly #channels: Channels
  readonly #counts = new FrameCounts()
  readonly #sink: Sink
  readonly #addresses: ReturnType<typeof addresses>
  readonly #lines: Lines
  readonly #policy: Policy
  readonly #shared: Shared
  readonly #venues = new Map<string, Venue>()
  /** By index of the channel; own messages have none. */
  readonly #laneOf: (Lane | undefined)[] = []
  readonly #sinkLostMs = sinkWatch()
  readonly #startedMs: number
  #collector: Work
  #foreign = 0
  #refused = 0
  /** Whether its venues have been told what to collect. */
  #hasBegun = false
  #everReady = false
  #status: CollectorStatus
  #ticks = 0
  #timer: ReturnType<Clock['setTimeout']> | undefined
  #progressMs: number

  constructor(options: CollectorOptions) {
    const { collector, network, clock, random, log } = options
    this.#options = options
    this.#collector = collector
    this.#spool = new Spool(parseBytes(collector.spec.spool.bytesMax))
    this.#channels = new Channels(subjectPrefix(collector.spec.sink))
    this.#startedMs = clock.nowMs()
    this.#progressMs = this.#startedMs
    this.#addresses = addresses({ clock, random, share: collector.share ?? 1 })
    this.#lines = new Lines(clock)
    this.#policy = new Policy(collector.spec.quality)
    this.#sink = options.openSink({
      spool: this.#spool,
      channels: this.#channels,
      onSettled: (outcome, chunk, index) => this.#onSettled(outcome, chunk, index),
    })
    this.#shared = {
      channels: this.#channels,
      own: new OwnMessages(this.#channels, this.#spool, () => clock.nowUs()),
      counts: this.#counts,
      latencies: this.latencies,
      addresses: this.#addresses,
      lines: this.#lines,
      policy: this.#policy,
      network,
      clock,
      random,
      log,
      faults: limited(log),
      last: (all) => this.#sink.last(all),
      isSinkShared: this.#sink.kind === 'nats',
      onLane: (lane) => (this.#laneOf[lane.channel.index] = lane),
    }
    this.#spool.onCommit = () => this.#wake()
    this.#status = this.#observe()
  }

  async start(): Promise<void> {
    await this.#sink.open()
    // Venues load their instruments for as long as that takes; one that is away must not hold up the others.
    void this.apply(this.#collector)
    this.#hasBegun = true
    this.#tick()
  }

  status(): CollectorStatus {
    return this.#status
  }

  progress(): number {
    return this.#progressMs
  }

  async apply(collector: Work): Promise<void> {
    this.#collector = collector
    this.#policy.take(collector.spec.quality)
    const groups = new Map<string, Feed[]>()
    for (const feed of collector.spec.feeds) {
      const key = venueKey(feed)
      groups.set(key, [...(groups.get(key) ?? []), feed])
    }
    for (const [key, venue] of this.#venues) {
      if (groups.has(key)) continue
      venue.close()
      this.#venues.delete(key)
    }
    await Promise.all(
      [...groups].map(async ([key, feeds]) => this.#venue(key, feeds[0] as Feed)?.want(feeds, collector.part)),
    )
  }

  verify(): Promise<BookVerdict[]> {
    return verifyBooks(this.#lanes, this.#options.clock)
  }

  async close(deadlineMs: number): Promise<CollectorStatus> {
    const { clock } = this.#options
    for (const venue of this.#venues.values()) venue.close()
    this.#lines.close()
    this.#addresses.close()
    await this.#sink.close(deadlineMs)
    clock.clearTimeout(this.#timer)
    return (this.#status = this.#observe())
  }

  /** The venue of a feed; undefined for one that this version does not speak, which `validate` and `run` have named. */
  #venue(key: string, { exchange, market, endpoints, proxy }: Feed): Venue | undefined {
    const known = this.#venues.get(key)
    if (known !== undefined) return known
    const room = roomOf(exchange, market)
    if (room === undefined) return undefined
    const venue = new Venue({
      room,
      endpoints: endpoints ?? {},
      proxy: proxyOf(proxy),
      shared: this.#shared,
    })
    this.#venues.set(key, venue)
    return venue
  }

  /** One flush for all that is committed before the event loop comes round. */
  #wake(): void {
    setImmediate(() => {
      this.#spool.isAwake = false
      this.#sink.flush()
    })
  }

  #onSettled(outcome: 'acknowledged' | 'duplicate' | 'refused', chunk: Chunk, index: number): void {
    const channel = this.#channels.list[chunk.channel[index] as number]
    if (channel === undefined) return
    const { tally } = channel
    if (outcome === 'acknowledged') tally.acknowledged += 1
    else if (outcome === 'duplicate') {
      tally.duplicates += 1
      if (chunk.sent[index] === 1) this.#foreign += 1
    } else {
      tally.dropped += 1
      this.#refused += 1
      this.#announceRefused(channel, chunk, index)
    }
    this.#laneOf[channel.index]?.latency.record(this.#options.clock.nowUs() - (chunk.received[index] as number))
  }

  /** A message that can never be stored is missing for good. */
  #announceRefused(channel: Channel, chunk: Chunk, index: number): void {
    const isOwn = (OWN_TYPES as readonly string[]).includes(channel.type)
    if (isOwn) return
    const m = messageIn(chunk, index)
    const time = m.ts ?? m.received
    this.#shared.own.gap(channel, 'refused', time, time, { ...endsAround(m), missing: 1 })
  }

  #tick(): void {
    const { clock } = this.#options
    const nowUs = clock.nowUs()
    this.#progressMs = clock.nowMs()
    for (const venue of this.#venues.values()) venue.tick(nowUs)
    this.#crossCheck()
    this.#ticks += 1
    if (this.#ticks % ROTATE_TICKS === 0) this.latencies.rotate()
    this.#sink.flush()
    this.#status = this.#observe()
    this.#timer = clock.setTimeout(() => this.#tick(), TICK_MS)
  }

  get #lanes(): Lane[] {
    return [...this.#venues.values()].flatMap(({ lanes }) => lanes)
  }

  #crossCheck(): void {
    crossCheck(this.#lanes, ({ channel, route }, ticker) => {
      const { exchange, market, symbol } = channel
      const [book, venue] = [route, ticker.route].map((one) => one?.track.outlet.guard.best)
      const fields = { exchange, market, symbol, book, ticker: venue }
      this.#shared.faults.warn(`best ${exchange} ${market}`, fields, 'a book has other best prices than the ticker')
    })
  }

  #observe(): CollectorStatus {
    const { clock } = this.#options
    const nowMs = clock.nowMs()
    const nowUs = clock.nowUs()
    const venues = [...this.#venues.values()]
    const channels = venues.flatMap(({ lanes }) => lanes.map((lane) => lane.status(nowUs)))
    const sink = { ...this.#sink.status, kind: this.#sink.kind }
    const lostMs = this.#sinkLostMs(sink, this.#spool.pending, nowMs)
    const unread = venues.filter(({ isPending }) => isPending).map(({ room }) => `${room.exchange} ${room.market}`)
    // A shard may have no part in what patterns find, or stand idle where there are more shards than instruments.
    const mayBeEmpty = this.#hasBegun && this.#collector.kind === SHARD_KIND
    const { ready, reasons } = readiness({
      channels,
      unread,
      sink,
      sinkLostMs: lostMs,
      everReady: this.#everReady,
      mayBeEmpty,
    })
    this.#everReady ||= ready
    const { bytesUsed, bytesMax, pending } = this.#spool
    return {
      name: this.#collector.metadata.name,
      startedMs: this.#startedMs,
      atMs: nowMs,
      ready,
      notReady: reasons,
      channels,
      sessions: venues.flatMap(({ sessions }) => sessions),
      addresses: unique(venues.flatMap(({ addresses: all }) => all)),
      sink: { ...sink, lostMs },
      spool: { bytesUsed, bytesMax, pending },
      ledger: this.#ledger(),
      lastGap: this.#shared.own.lastGap,
    }
  }

  #ledger(): Ledger {
    const { received, data, control, refused } = this.#counts
    let made = 0
    let acknowledged = 0
    let duplicate = 0
    let dropped = 0
    let rejected = 0
    let gaps = 0
    const held = [...this.#venues.values()].reduce((all, venue) => all + venue.held, 0)
    for (const { tally } of this.#channels.list) {
      made += tally.made
      acknowledged += tally.acknowledged
      duplicate += tally.duplicates
      dropped += tally.dropped
      rejected += tally.rejected
      gaps += tally.gaps
    }
    return {
      framesReceived: received,
      framesData: data,
      framesControl: control,
      framesRefused: { ...refused },
      messagesMade: made,
      messagesAcknowledged: acknowledged,
      messagesDuplicate: duplicate,
      messagesForeign: this.#foreign,
      messagesDropped: {
        spool_full: dropped - rejected - this.#refused,
        refused_by_sink: this.#refused,
        quality: rejected,
      },
      messagesSpooled: this.#spool.pending + held,
      gaps,
    }
  }
}

/** What stands next to a message on both sides. */
function endsAround(m: Message): GapEnds {
  if (m.type === 'trade' && m.seq !== undefined) return { after_seq: m.seq - 1, before_seq: m.seq + 1 }
  if (m.type === 'trade' && /^\d{1,15}$/.test(m.id)) {
    return { after_id: String(Number(m.id) - 1), before_id: String(Number(m.id) + 1) }
  }
  if (m.type !== 'orderbook') return {}
  return m.prev_seq === undefined ? { before_seq: m.seq } : { after_seq: m.prev_seq, before_seq: m.seq }
}

/** Feeds that share sockets and limits. */
function venueKey({ exchange, market, endpoints, proxy }: Feed): string {
  return JSON.stringify([exchange, market, endpoints?.websocket, endpoints?.rest, proxy?.url, proxy?.secret?.name])
}

function proxyOf(proxy: Feed['proxy']): Proxy | undefined {
  if (proxy === undefined) return undefined
  const { url, secret } = proxy
  return secret === undefined ? { url } : { url, user: () => readProxyUser(secret.name) }
}

/** Two markets may share an address. */
function unique(all: readonly AddressStatus[]): AddressStatus[] {
  return [...new Map(all.map((address) => [`${address.exchange} ${address.host}`, address])).values()]
}
