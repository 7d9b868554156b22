// The simulated exchange: the wire protocol of a venue on local ports, fed by a synthetic market or a recording, with a
// ledger of what it sent and faults on command. It reads the protocols on its own and imports nothing of the collector,
// so that the two agreeing proves something.
//   venue.ts      what a protocol's room supplies      binance/ …    the rooms; protocols.ts lists them
//   market/       the synthetic market                 recording.ts, replay.ts   recorded sessions
//   host.ts, line.ts, faults.ts, ledger.ts             connections, what happens to frames, the account of it
import { type Market, MARKETS } from '../../crds/names.ts'
import { Clock, followRealTime, realTime } from './clock.ts'
import { controlOf } from './control.ts'
import { Faults, type FaultSpec } from './faults.ts'
import { type Connection, Host, type Wire } from './host.ts'
import { Ledger, type LedgerView } from './ledger.ts'
import { type Load, type LoadSpec, startLoad } from './load.ts'
import { protocols } from './protocols.ts'
import { random } from './random.ts'
import { readRecording } from './recording.ts'
import { listen } from './server.ts'
import type { Limits, Protocol, RestAnswer, Truth, Venue } from './venue.ts'

export interface ExchangeOptions {
  /** Which venue; `binance` by default. */
  readonly exchange?: keyof typeof protocols
  /** Everything random follows from it; 1 by default. */
  readonly seed?: number
  /** Synthetic: how many symbols, or their names; 5 by default. One halted symbol comes on top. */
  readonly symbols?: number | readonly string[]
  /** Synthetic: orders a second on each market, over all its symbols; one in five trades. 200 by default. */
  readonly rate?: number
  /** Synthetic: levels on each side of a book; 500 by default. */
  readonly levels?: number
  /** Plays these sessions (`DIR/NAME`, or an `.ndjson` file) instead of a synthetic market. */
  readonly recordings?: readonly string[]
  /** Recordings: so many times faster, or `max`, as fast as it is read; 1 by default. */
  readonly speed?: number | 'max'
  /** Recordings: begin when all that was recorded is subscribed (default), or with {@link Exchange.start}. */
  readonly start?: 'subscribed' | 'command'
  /** Only these of the exchange's markets; all by default. */
  readonly markets?: readonly Market[]
  /** First port; the next market takes the next one. Free ports by default. */
  readonly port?: number
  /** The address to listen on; `127.0.0.1` by default. */
  readonly host?: string
  /** Time runs so many times faster than real time; 1 by default. */
  readonly pace?: number
  /** Time stands still but for {@link Exchange.advance}; else it is real. */
  readonly virtual?: boolean
  /** Where virtual time begins, ms since the epoch; 2026-09-21T14:13:20Z by default. */
  readonly startTime?: number
  /** Limits that differ from the venue's, on all its markets. */
  readonly limits?: Partial<Limits>
  readonly faults?: readonly FaultSpec[]
  /** Permessage-deflate for clients that offer it. */
  readonly compression?: boolean
}

export interface Urls {
  readonly websocket: string
  readonly rest: string
}

/** By market; those that the exchange has can be listed, and to read another one throws. */
export type ByMarket<T> = Readonly<Record<Market, T>>

export interface Exchange {
  readonly urls: ByMarket<Urls>
  readonly truth: ByMarket<Truth>
  readonly faults: Pick<Faults, 'add' | 'clear' | 'list'>
  /** What was sent so far; with `ids`, all of it. */
  ledger(options?: { ids?: boolean }): LedgerView
  /** Tells all connections that the server goes away, where the venue does so. */
  shutdownNotice(): void
  /** Recordings: begins, or passes the gate that it waits at. */
  start(): void
  /** When all recordings have been played. */
  readonly finished: Promise<void>
  /** Trades at a fixed rate to all that subscribed to some, on top of the market's own; see load.ts. */
  load(spec: LoadSpec): Load
  /** The exchange's clock, ms since the epoch. */
  now(): number
  /** Virtual time only: lets so many ms pass, with all that happens in them. */
  advance(ms: number): void
  /** A connection without a socket: what the wire is given, the client would get. `path` with its query. */
  connect(market: Market, path: string, wire: Wire): Connection
  /** A request without a socket; undefined when it is never answered. */
  request(market: Market, path: string): Promise<RestAnswer | undefined>
  close(): Promise<void>
}

const VIRTUAL_START = 1_790_000_000_000
const HERE = '127.0.0.1'

/** @throws when a recording cannot be read, a port is taken, or a fault is malformed */
export async function startExchange(options: ExchangeOptions = {}): Promise<Exchange> {
  const protocol = protocols[options.exchange ?? 'binance']
  const clock = new Clock(options.virtual === true ? (options.startTime ?? VIRTUAL_START) : realTime())
  const ledger = new Ledger()
  const chance = random(options.seed ?? 1)
  const hosts = new Map<Market, Host>()
  const each = (act: (host: Host) => void) => [...hosts.values()].forEach(act)
  const faults = new Faults(
    clock,
    chance.fork('faults'),
    (fault) => each((host) => host.begin(fault)),
    (fault) => each((host) => host.end(fault)),
  )
  for (const venue of venues(protocol, clock, options)) {
    hosts.set(venue.market, new Host(venue, clock, faults, ledger, chance.fork(venue.market)))
  }
  const truth = perMarket(hosts, (host) => host.venue.truth)
  const shutdownNotice = () => each((host) => host.connections.forEach((connection) => connection.shutdownNotice()))
  const start = () => each((host) => host.venue.start())
  const load = (spec: LoadSpec) =>
    startLoad(
      [...hosts.values()].flatMap((host) => [...host.connections]),
      spec,
    )
  const control = controlOf({ load, ledger, faults, truth, shutdownNotice, start })
  const { host: address = HERE, compression = false } = options
  const listening = await Promise.all(
    [...hosts.values()].map(async (host, i) => {
      const port = options.port === undefined || options.port === 0 ? 0 : options.port + i
      return [host.venue.market, await listen(host, control, { address, port, compression })] as const
    }),
  )
  const ports = new Map(listening)
  for (const fault of options.faults ?? []) faults.add(fault)
  const stopTime = options.virtual === true ? () => {} : followRealTime(clock, options.pace)
  const hostOf = (market: Market) => hosts.get(market) ?? missing(market)
  return {
    urls: perMarket(ports, ({ port }) => urlsOf(address, port)),
    truth,
    faults,
    ledger: (view) => ledger.view(view),
    shutdownNotice,
    start,
    finished: Promise.all([...hosts.values()].map((host) => host.venue.finished)).then(() => {}),
    load,
    now: () => clock.now(),
    advance: (ms) => {
      if (options.virtual !== true)
        throw new Error('time is real here: start the exchange with virtual: true to advance it')
      clock.advance(ms)
    },
    connect: (market, path, wire) => hostOf(market).open(new URL(path, 'http://localhost'), wire),
    request: (market, path) => hostOf(market).answer({ method: 'GET', url: new URL(path, 'http://localhost') }),
    close: async () => {
      stopTime()
      each((host) => host.venue.close())
      await Promise.all([...ports.values()].map((port) => port.close()))
    },
  }
}

function venues(protocol: Protocol, clock: Clock, options: ExchangeOptions): Venue[] {
  const limits = options.limits ?? {}
  const markets = protocol.markets.filter((market) => options.markets?.includes(market) ?? true)
  if (options.recordings === undefined) {
    const { seed = 1, symbols = 5, rate = 200, levels = 500 } = options
    return markets.map((market) => protocol.synthetic(market, clock, { seed, symbols, rate, levels, limits }))
  }
  const items = options.recordings.flatMap((path) => readRecording(path))
  const strange = items.find(({ url }) => !protocol.hosts.includes(url.hostname))
  if (strange !== undefined)
    throw new Error(`the recording has '${strange.url.host}', which is no host of this exchange`)
  const { speed = 1, start = 'subscribed' } = options
  const marketsOf = protocol.marketsOf(items)
  return markets.map((market) => {
    const own = items.filter((item) => marketsOf(item).includes(market))
    return protocol.recorded(market, clock, { items: own, speed, start, limits })
  })
}

function urlsOf(address: string, port: number): Urls {
  const host = address.includes(':') ? `[${address}]` : address
  return { websocket: `ws://${host}:${port}`, rest: `http://${host}:${port}` }
}

function perMarket<T, U>(map: ReadonlyMap<Market, T>, make: (value: T) => U): ByMarket<U> {
  const own = Object.fromEntries([...map].map(([market, value]) => [market, make(value)]))
  const others = MARKETS.filter((market) => !map.has(market)).map((market) => [market, { get: () => missing(market) }])
  return Object.defineProperties(own, Object.fromEntries(others)) as ByMarket<U>
}

function missing(market: string): never {
  throw new Error(`this exchange has no market '${market}'`)
}
