// What a protocol's room must supply to be served, recorded in the ledger and disturbed by faults. A venue here is one
// market of one exchange, with a source of frames behind it: a synthetic market or a recorded session.
import type { Market as MarketName } from '../../crds/names.ts'
import type { Random } from './random.ts'
import type { Clock } from './clock.ts'
import type { Item } from './recording.ts'

/** A frame as the venue's engine makes it, before a connection wraps it. */
export interface Frame {
  readonly stream: string
  readonly text: string
  /** What tells it from its neighbours on the stream: a trade id, the last update id, or a time. */
  readonly id: number
}

export interface Limits {
  /** Text, ping and pong frames of a client in one second; more closes the connection. */
  readonly messagesPerSecond: number
  readonly streamsPerConnection: number
  readonly connectsPerFiveMinutes: number
  readonly lifeMs: number
  readonly pingEveryMs: number
  readonly pongWithinMs: number
  readonly weightPerMinute: number
  /** How long an address that asks on while it is told to wait is shut out. */
  readonly banMs: number
}

/** What a session sees of its connection. */
export interface Peer {
  /** A source of chance of its own, so that each connection is cut differently. */
  readonly chance: Random
  /** Text that is not data: an acknowledgement, an error. */
  reply(text: string): void
  /** Data; it passes the faults and is written into the ledger. */
  push(frame: Frame): void
  /** Bytes that wait for the reader. */
  buffered(): number
  /** Runs once, when nothing waits for the reader or the connection is gone. */
  whenDrained(run: () => void): void
  ping(payload: string): void
  close(code: number, reason: string): void
}

/** Trades of one stream as a connection gets them, to be made into many. */
export interface Samples {
  readonly texts: readonly string[]
  /** Keys whose numbers are ids, and times; each is overwritten in place and keeps its number of digits. */
  readonly ids: readonly string[]
  readonly times: readonly string[]
  /** What times count: 1 for ms, 1000 for µs. */
  readonly perMs: number
}

/** The protocol's side of one connection. */
export interface Session {
  receive(text: string): void
  /** The frame as this connection gets it. */
  wrap(frame: Frame): string
  /** The notice that the server is about to go away, where the venue sends one. */
  shutdownNotice(): string | undefined
  streams(): Iterable<string>
  /** Trades to make load from, where the stream is one of trades and reaches this connection. */
  samples(stream: string): Samples | undefined
  close(): void
}

export interface RestRequest {
  readonly method: string
  readonly url: URL
}

export interface RestAnswer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: string
}

/** A trade as it truly was, in the venue's decimals. Time in ms. */
export interface TrueTrade {
  readonly id: number
  readonly price: string
  readonly size: string
  readonly side: 'buy' | 'sell'
  readonly time: number
}

export interface TrueBook {
  readonly seq: number
  /** Price and size in the venue's decimals, best first. */
  readonly bids: readonly (readonly [string, string])[]
  readonly asks: readonly (readonly [string, string])[]
}

/** What really happened on a market, for tests to compare with. */
export interface Truth {
  /** Symbols that trade. */
  symbols(): string[]
  /** The book after all changes up to this update id; undefined where that is forgotten, or still to come. */
  bookAt(symbol: string, updateId: number): TrueBook | undefined
  /** The update id of the book now. */
  seq(symbol: string): number | undefined
  trades(symbol: string): TrueTrade[]
}

/** Faults that lie at the source and not on the way. */
export interface SourceFaults {
  sequenceGap(symbol: string, of: 'trade' | 'orderbook', count: number): void
  sequenceRestart(symbol: string, of: 'trade' | 'orderbook'): void
  /** Milliseconds that the venue's clock is ahead; 0 ends it. */
  clockSkew(ms: number): void
}

export interface Venue {
  readonly market: MarketName
  readonly limits: Limits
  readonly truth: Truth
  readonly source: SourceFaults
  /** @returns undefined for a path that the venue does not have */
  session(url: URL, peer: Peer): Session | undefined
  answer(request: RestRequest): RestAnswer | Promise<RestAnswer>
  /** Lets a recording begin, whoever is there; a market that is made up runs from the start. */
  start(): void
  /** When a recording has been played; a market that is made up never ends. */
  readonly finished: Promise<void>
  close(): void
}

export interface SyntheticOptions {
  readonly seed: number
  readonly symbols: number | readonly string[]
  readonly rate: number
  readonly levels: number
  readonly limits: Partial<Limits>
}

export interface RecordedOptions {
  readonly items: readonly Item[]
  /** How many times faster than it was recorded; `max` is as fast as it is read. */
  readonly speed: number | 'max'
  /** Begin when all recorded streams are subscribed, or by {@link Venue.start} only. */
  readonly start: 'subscribed' | 'command'
  readonly limits: Partial<Limits>
}

/** A room: how one exchange speaks. */
export interface Protocol {
  readonly markets: readonly MarketName[]
  /** The market that a recorded URL belongs to. */
  marketOf(url: URL): MarketName | undefined
  synthetic(market: MarketName, clock: Clock, options: SyntheticOptions): Venue
  recorded(market: MarketName, clock: Clock, options: RecordedOptions): Venue
}
