// A market of the made-up venue as this process runs it: its hosts on the loopback answer as the test says, on a clock
// that the test moves.
import type { Feed } from '../../crds/collector.ts'
import { VirtualClock } from '../../collector/connection/clock.ts'
import { addresses } from '../../collector/connection/limits.ts'
import { FrameCounts } from '../../collector/exchanges/decoder.ts'
import type { Endpoints, Listing, Room } from '../../collector/exchanges/room.ts'
import { Latencies } from '../../collector/latency.ts'
import { limited, openLog } from '../../collector/log.ts'
import { Channels, type Series } from '../../collector/market/channel.ts'
import type { Message } from '../../collector/market/messages.ts'
import { OwnMessages } from '../../collector/market/outlet.ts'
import { Lines } from '../../collector/polls.ts'
import { Policy } from '../../collector/quality/checks.ts'
import { isOf } from '../../collector/sinks/read.ts'
import { Spool } from '../../collector/sinks/spool.ts'
import { Venue, type VenueOptions } from '../../collector/venue.ts'
import { UNCHECKED, listingOf, taken } from './intake.ts'
import { rest, until, venue } from './loopback.ts'
import { madeUp } from './madeup.ts'

/** One of the venue's hosts. */
export class Host {
  /** Undefined: it is down. */
  listings: readonly Listing[] | undefined
  /** What it refuses to subscribe. */
  readonly refused = new Set<string>()
  /** Answers of REST by path without its query; others are empty. */
  readonly answers = new Map<string, readonly object[]>()
  /** Paths that are answered by 503. */
  readonly broken = new Set<string>()
  /** It takes requests and answers none. */
  hangs = false
  /** Requests for REST, and for streams as `+name` or `-name`. */
  readonly asked: string[] = []
  readonly #ws: Awaited<ReturnType<typeof venue>>
  readonly endpoints: Endpoints

  private constructor(ws: Awaited<ReturnType<typeof venue>>, origin: string) {
    this.#ws = ws
    this.endpoints = { websocket: ws.url.replace('/ws', ''), rest: origin }
  }

  static async open(): Promise<Host> {
    const ws = await venue((socket) => {
      socket.on('message', (data: Buffer) => socket.send(host.subscribed(data.toString())))
    })
    const { origin } = await rest((request, response) => {
      const answer = host.answer(request.url ?? '')
      if (host.hangs) return
      const isBroken = host.broken.has((request.url ?? '').replace(/\?.*/, ''))
      response.writeHead(isBroken ? 503 : answer === undefined ? 404 : 200)
      response.end(JSON.stringify(answer ?? []))
    })
    const host = new Host(ws, origin)
    return host
  }

  get sockets(): number {
    return this.#ws.sockets.length
  }

  push(stream: string, data: object): void {
    for (const socket of this.#ws.sockets) socket.send(JSON.stringify({ stream, data }))
  }

  answer(url: string): readonly object[] | undefined {
    this.asked.push(url)
    const path = url.replace(/\?.*/, '')
    return path === '/instruments' ? this.listings : (this.answers.get(path) ?? [])
  }

  subscribed(text: string): string {
    const { id, method, params } = JSON.parse(text) as { id: number; method: string; params: string[] }
    this.asked.push(...params.map((name) => `${method === 'SUBSCRIBE' ? '+' : '-'}${name}`))
    const isRefused = method === 'SUBSCRIBE' && params.some((name) => this.refused.has(name))
    return JSON.stringify(isRefused ? { error: { code: 2, msg: 'no such stream' }, id } : { result: null, id })
  }
}

export class Stand {
  readonly clock = new VirtualClock()
  readonly main: Host
  readonly other: Host
  readonly venue: Venue
  readonly logged: Record<string, unknown>[] = []
  /** The sink says what it holds when this resolves. */
  stored: Promise<void> = Promise.resolve()
  readonly #channels = new Channels('market')
  readonly #spool = new Spool(4 * 1024 * 1024)

  private constructor(
    main: Host,
    other: Host,
    endpoints: VenueOptions['endpoints'],
    last: ReadonlyMap<string, Message>,
  ) {
    const { clock } = this
    const random = () => 0.5
    const log = openLog({ level: 'debug', readable: false, write: (line) => void this.logged.push(JSON.parse(line)) })
    this.main = main
    this.other = other
    const room: Room = { ...madeUp, endpoints: main.endpoints, hosts: { other: other.endpoints } }
    const shared: VenueOptions['shared'] = {
      channels: this.#channels,
      own: new OwnMessages(this.#channels, this.#spool, () => clock.nowUs()),
      counts: new FrameCounts(),
      latencies: new Latencies(),
      addresses: addresses({ clock, random }),
      lines: new Lines(clock),
      policy: new Policy(UNCHECKED),
      clock,
      random,
      log,
      faults: limited(log),
      last: (all) => this.stored.then(() => ofSeries(all, last)),
      isSinkShared: false,
      onLane: () => {},
    }
    this.venue = new Venue({ room, endpoints, proxy: undefined, shared })
  }

  /**
   * @param endpoints what the user says instead of the venue's own
   * @param last what an earlier run stored, by subject
   */
  static async open(
    endpoints: (main: Host) => VenueOptions['endpoints'] = () => ({}),
    last: ReadonlyMap<string, Message> = new Map(),
  ): Promise<Stand> {
    const [main, other] = await Promise.all([Host.open(), Host.open()])
    return new Stand(main, other, endpoints(main), last)
  }

  /** What is wanted from now on. */
  want(feed: Partial<Feed>): Promise<void> {
    return this.venue.want([
      { exchange: 'kraken', market: 'perpetual', symbols: [], types: ['trade'], ...feed } as Feed,
    ])
  }

  /** Lets time pass, a second at a time, with a turn of the real network after each. */
  async live(seconds: number): Promise<void> {
    for (let s = 0; s < seconds; s++) {
      await this.clock.advance(1_000)
      this.venue.tick(this.clock.nowUs())
    }
  }

  /** Lets time pass until the condition holds. */
  async until(condition: () => boolean): Promise<void> {
    for (let s = 0; s < 300 && !condition(); s++) {
      await this.live(1)
      await new Promise((resolve) => setImmediate(resolve))
    }
    await until(condition)
  }

  /** `symbol type: state detail` of each channel, in the order of their names. */
  get states(): string[] {
    const nowUs = this.clock.nowUs()
    for (const lane of this.venue.lanes) lane.tick(nowUs, this.clock.nowMs())
    return this.venue.lanes
      .map((lane) => lane.status(nowUs))
      .map(({ symbol, type, state, detail, settled }) => {
        return `${symbol} ${type}: ${state}${detail === undefined ? '' : ` ${detail}`}${settled ? '' : ' (not settled)'}`
      })
      .toSorted()
  }

  take(): Message[] {
    return taken(this.#spool, this.#channels).map(({ message }) => message)
  }
}

export const MAIN = listingOf('BTC-USDT', 'BTCUSDT')
export const OTHER: Listing = { ...listingOf('BTC-USD', 'BTCUSD', { kind: 'inverse', value: '100' }), host: 'other' }

function ofSeries(all: readonly Series[], last: ReadonlyMap<string, Message>): Map<Series, Message> {
  const found = new Map<Series, Message>()
  for (const series of all) {
    const m = last.get(series.subject)
    if (m !== undefined && isOf(m, series)) found.set(series, m)
  }
  return found
}
