// A world in which collectors follow an exchange while things go wrong, drawn from one seed, on a clock of its own.
//
// The exchange is the simulated one without sockets. A collector here is a room's decoder with its tracks, and sockets
// that are cut and replaced as session.ts and venue.ts do it; REST is answered late, or not at all. Start reading at
// `playHistory`.
import assert from 'node:assert'
import type { Market } from '../../crds/names.ts'
import { BookTrack } from '../../collector/book/track.ts'
import { settle } from '../../collector/connection/clock.ts'
import { roomOf } from '../../collector/exchanges/registry.ts'
import type { RestSnapshots, Room } from '../../collector/exchanges/room.ts'
import type { Track } from '../../collector/exchanges/track.ts'
import type { Message } from '../../collector/market/messages.ts'
import type { FaultSpec } from '../exchange/faults.ts'
import type { Connection, Wire } from '../exchange/host.ts'
import { type Exchange, startExchange } from '../exchange/exchange.ts'
import { between, type Random, random } from '../history.ts'
import { Intake, listingOf } from '../support/intake.ts'

export interface HistoryOptions {
  readonly seed: number
  readonly market: Market
  /** Each is a history of its own, with faults of its own. */
  readonly symbols?: number
}

/** A message and when a consumer gets it, ms; in the order of publication. */
export interface Sent {
  readonly id: string
  readonly message: Message
  readonly at: number
}

/** What happened, for checks to look at. */
export interface HistoryOf {
  readonly exchange: Exchange
  readonly market: Market
  readonly symbols: readonly { readonly symbol: string; readonly venueSymbol: string }[]
  /** What each collector published, by symbol. */
  readonly published: readonly ReadonlyMap<string, readonly Sent[]>[]
  /** Event times up to this one must be accounted for at the end, µs. */
  readonly settledUs: number
}

const SYMBOLS = 6
const COLLECTORS = 2
const STEP_MS = 25
const FAULTS_FROM_MS = 500
const FAULTS_MS = 3_000
const CALM_MS = 3_500
const SNAPSHOT_EVERY_MS = 1_500
/** Levels of a side: true ones, those that a snapshot of the venue shows, and those that are published. */
const LEVELS = 24
const SNAPSHOT_LEVELS = 10
const DEPTH = 6

/** Lets a market live through faults and then through calm. */
export async function playHistory({ seed, market, symbols = SYMBOLS }: HistoryOptions): Promise<HistoryOf> {
  const limits = { weightPerMinute: 1e9 }
  const rate = 25 * symbols
  const exchange = await startExchange({ seed, symbols, rate, levels: LEVELS, virtual: true, limits })
  const world = new World(exchange, market, random(seed), symbols)
  await world.live()
  return world
}

class World implements HistoryOf {
  readonly exchange: Exchange
  readonly market: Market
  readonly rng: Random
  readonly symbols
  readonly collectors: readonly Collector[]
  settledUs = 0
  readonly #restarted = new Set<string>()

  constructor(exchange: Exchange, market: Market, rng: Random, count: number) {
    this.exchange = exchange
    this.market = market
    this.rng = rng
    const names = exchange.truth[market].symbols().slice(0, count)
    this.symbols = names.map((venueSymbol) => ({ venueSymbol, symbol: venueSymbol.replace(/USDT$/, '-USDT') }))
    this.collectors = Array.from({ length: COLLECTORS }, (_, i) => new Collector(this, i * 1_000_000))
  }

  get published() {
    return this.collectors.map(({ published }) => published)
  }

  async live(): Promise<void> {
    for (let ms = 0; ms < FAULTS_FROM_MS + FAULTS_MS + CALM_MS; ms += STEP_MS) {
      if (ms >= FAULTS_FROM_MS && ms < FAULTS_FROM_MS + FAULTS_MS) this.#trouble()
      if (ms === FAULTS_FROM_MS + FAULTS_MS) this.exchange.faults.clear()
      this.exchange.advance(STEP_MS)
      for (const collector of this.collectors) await collector.step(ms, ms >= FAULTS_FROM_MS + FAULTS_MS)
    }
    this.settledUs = (this.exchange.now() - 1_000) * 1_000
  }

  /** About three faults a second and symbol. */
  #trouble(): void {
    for (const { venueSymbol } of this.symbols) {
      if (this.rng() > (3 * STEP_MS) / 1_000) continue
      const fault = this.#draw(venueSymbol)
      if (fault !== undefined) this.exchange.faults.add({ ...fault, market: this.market })
    }
  }

  #draw(symbol: string): FaultSpec | undefined {
    const { rng } = this
    const name = symbol.toLowerCase()
    const stream = rng() < 0.7 ? `${name}@depth@100ms` : `${name}@aggTrade`
    const next = between(rng, 1, 4)
    const of = rng() < 0.7 ? 'orderbook' : 'trade'
    switch (between(rng, 0, 11)) {
      case 0:
      case 1:
        return { kind: 'drop', stream, next }
      case 2:
        return { kind: 'duplicate', stream, next }
      case 3:
        return { kind: 'reorder', stream, next }
      case 4:
        return { kind: 'truncate', stream, next }
      case 5:
        return { kind: 'delay', stream, next, ms: between(rng, 50, 900) }
      case 6:
        return { kind: 'close', stream, next: 1 }
      case 7:
        return { kind: 'sequence_gap', symbol, of, count: between(rng, 1, 9) }
      case 8:
        return this.#restart(symbol, of)
      default: {
        const collector = this.collectors[between(rng, 0, COLLECTORS - 1)] as Collector
        collector.lineOf(stream).disturb()
        return undefined
      }
    }
  }

  /** Once for each numbering: where it begins at 1 twice, sequences of the two runs are the same and tell nothing. */
  #restart(symbol: string, of: 'orderbook' | 'trade'): FaultSpec | undefined {
    const numbering = `${of} ${this.market === 'perpetual' && of === 'orderbook' ? '' : symbol}`
    if (this.#restarted.has(numbering) || of === 'trade') return undefined
    this.#restarted.add(numbering)
    return { kind: 'sequence_restart', symbol, of }
  }
}

interface Task {
  readonly atMs: number
  readonly run: () => void
}

class Collector {
  readonly intake: Intake
  readonly published = new Map<string, Sent[]>()
  readonly #world: World
  readonly #lines = new Map<string, Line>()
  #later: Task[] = []
  readonly #lagMs: number
  #lastAt = 0

  constructor(world: World, firstSocket: number) {
    const { market, symbols, rng } = world
    this.#world = world
    this.#lagMs = between(rng, 0, 1) * between(rng, 0, 300)
    const known = roomOf('binance', market)
    assert(known !== undefined)
    const room = withShortSnapshots(known)
    const types = ['orderbook', 'trade'] as const
    const plans = symbols.flatMap((names) => types.map((type) => ({ ...names, type, depth: DEPTH })))
    this.intake = new Intake(room, plans)
    plans.forEach(({ type, venueSymbol, symbol }, i) => {
      const stream = room.types[type]?.stream(listingOf(symbol, venueSymbol), {})
      const track = this.intake.tracks[i]
      assert(stream !== undefined && track !== undefined)
      const url = `${stream.path}?streams=${encodeURIComponent(stream.name)}`
      this.#lines.set(stream.name, new Line(world, this, track, url, firstSocket + i * 10_000))
      this.published.set(symbol, [])
    })
  }

  lineOf(stream: string): Line {
    return this.#lines.get(stream) as Line
  }

  later(ms: number, run: () => void): void {
    this.#later.push({ atMs: this.intake.clock.nowMs() + ms, run })
  }

  async step(ms: number, isCalm: boolean): Promise<void> {
    const { exchange } = this.#world
    await this.intake.clock.advance(exchange.now() - this.intake.clock.nowMs())
    for (const line of this.#lines.values()) line.step()
    for (const { track } of this.#lines.values()) {
      if (!(track instanceof BookTrack)) continue
      if (ms % SNAPSHOT_EVERY_MS === 0) track.refresh()
      if (ms % 1_000 === 0) track.check()
    }
    this.#ask(isCalm)
    await this.#runDue()
    this.#collect()
  }

  /** Questions to REST reach the venue late, and the answers come late, or never. */
  #ask(isCalm: boolean): void {
    const { rng, exchange, market } = this.#world
    for (const { path, answer } of this.intake.questions.splice(0)) {
      const slow = !isCalm && rng() < 0.2
      const refused = !isCalm && rng() < 0.15
      this.later(between(rng, 0, slow ? 800 : 120), () => {
        const body = exchange.request(market, path)
        this.later(between(rng, 0, slow ? 800 : 120), () => {
          void body.then((got) => answer(refused || got === undefined ? undefined : Buffer.from(got.body)))
        })
      })
    }
  }

  async #runDue(): Promise<void> {
    const nowMs = this.intake.clock.nowMs()
    const due = this.#later.filter(({ atMs }) => atMs <= nowMs)
    this.#later = this.#later.filter(({ atMs }) => atMs > nowMs)
    for (const { run } of due) {
      run()
      await settle()
    }
  }

  #collect(): void {
    const { rng, exchange } = this.#world
    for (const { id, message } of this.intake.take()) {
      // A consumer gets what one collector published in its order.
      this.#lastAt = Math.max(this.#lastAt, exchange.now() + this.#lagMs + between(rng, 0, 40))
      this.published.get(message.symbol)?.push({ id, message, at: this.#lastAt })
    }
  }
}

/** Venues cut snapshots; so short ones make it matter within seconds. */
function withShortSnapshots(room: Room): Room {
  const book = room.types.orderbook
  assert(book !== undefined && book.snapshots !== 'stream')
  const { snapshots } = book
  const query: RestSnapshots['query'] = (listing, depth) => {
    const { path, weight } = snapshots.query(listing, depth)
    return { path: path.replace(/limit=\d+/, `limit=${SNAPSHOT_LEVELS}`), weight, limit: SNAPSHOT_LEVELS }
  }
  const orderbook = { ...book, snapshots: { ...snapshots, query } }
  return { ...room, types: { ...room.types, orderbook } }
}

interface Socket {
  readonly id: number
  connection: Connection | undefined
  delivered: boolean
  readonly openedMs: number
}

/** The sockets of one stream, opened, cut and replaced as a session does it. */
class Line {
  readonly track: Track
  readonly #world: World
  readonly #collector: Collector
  readonly #url: string
  #lastSocket: number
  #sockets: Socket[] = []
  #connecting = false

  constructor(world: World, collector: Collector, track: Track, url: string, firstSocket: number) {
    this.#world = world
    this.#collector = collector
    this.track = track
    this.#url = url
    this.#lastSocket = firstSocket
  }

  step(): void {
    if (this.#sockets.length === 0 && !this.#connecting) {
      this.#connecting = true
      this.#collector.later(between(this.#world.rng, 50, 900), () => {
        this.#connecting = false
        this.#open()
      })
    }
    this.#handOver()
  }

  /** Cuts a socket, or begins to replace it. */
  disturb(): void {
    const { rng } = this.#world
    const socket = this.#sockets[between(rng, 0, this.#sockets.length - 1)]
    if (socket === undefined) return
    if (rng() < 0.5) this.#down(socket, false)
    else if (this.#sockets.length === 1) this.#open()
  }

  #open(): void {
    const { exchange, market } = this.#world
    const socket: Socket = { id: ++this.#lastSocket, connection: undefined, delivered: false, openedMs: exchange.now() }
    this.#sockets.push(socket)
    socket.connection = exchange.connect(market, this.#url, this.#wire(socket))
  }

  #wire(socket: Socket): Wire {
    return {
      send: (text) => {
        if (!this.#sockets.includes(socket)) return
        const isData = this.#collector.intake.frame(Buffer.from(text as string), { socketId: socket.id })
        socket.delivered ||= isData
      },
      raw: () => {},
      ping: () => {},
      pong: () => {},
      close: () => this.#down(socket, false),
      cut: () => this.#down(socket, false),
      freeze: () => {},
      buffered: () => 0,
      whenDrained: (run) => setImmediate(run),
    }
  }

  #handOver(): void {
    const [old, young] = this.#sockets
    if (old === undefined || young === undefined) return
    const waitedMs = this.#world.exchange.now() - young.openedMs
    if (waitedMs > 2_000 || (young.delivered && this.track.follows(young.id))) this.#down(old, true)
  }

  #down(socket: Socket, planned: boolean): void {
    if (!this.#sockets.includes(socket)) return
    this.#sockets = this.#sockets.filter((one) => one !== socket)
    socket.connection?.ended(1000)
    if (planned) this.track.leave(socket.id)
    else this.track.interrupt('disconnect', socket.id)
  }
}
