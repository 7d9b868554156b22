// What a protocol's room must supply to be served, recorded in the ledger and disturbed by faults. A venue here is one
// market of one exchange, with a source of frames behind it: a synthetic market or a recorded session.
import type { DataType, Market as MarketName } from '../../crds/names.ts'
import type { Random } from './random.ts'
import type { Clock } from './clock.ts'
import type { Item } from './recording.ts'

/** A frame as the venue's engine makes it, before a connection wraps it. */
export interface Frame {
  readonly stream: string
  readonly text: string
  /** What tells it from its neighbours on the stream: a trade id, the last update id, or a time. */
  readonly id: number
  /** Of a frame with several elements: the id of each, in their order. */
  readonly ids?: readonly number[]
}

/** What a venue allows. A limit that is absent is one that it does not have. */
export interface Limits {
  /** Text, ping and pong frames of a client in one second; more closes the connection. */
  readonly messagesPerSecond?: number
  /** Requests of one connection in one hour that subscribe or unsubscribe. */
  readonly operationsPerHour?: number
  readonly streamsPerConnection?: number
  /** New connections of one address: so many within so many milliseconds. */
  readonly connects?: number
  readonly connectsWithinMs?: number
  /** Connections of one address that are open at once, requests under way counted. */
  readonly openMax?: number
  readonly lifeMs?: number
  /** Pings of the WebSocket protocol that the server sends. */
  readonly pingEveryMs?: number
  readonly pongWithinMs?: number
  /** How long a connection may go without a word of the client and without a frame to it; see {@link Session.idle}. */
  readonly idleMs?: number
  /** Weight that an address may ask of REST in a minute, where requests are weighed. */
  readonly weightPerMinute?: number
  /** How long an address that asks on while it is told to wait is shut out. */
  readonly banMs?: number
  /** So many times what the venue grants to REST; 1 by default. */
  readonly restTimes?: number
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
  /** Keys whose numbers are ids, and times; each is overwritten in place, in quotes or not, and keeps its digits. */
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
  /** Nothing came and nothing went for {@link Limits.idleMs}: closes the connection as the venue does. */
  idle?(): void
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

/** Funding as it is announced. Times in ms. */
export interface TrueFunding {
  readonly rate: string
  readonly time: number
  readonly nextTime: number
}

/** The side is that of the liquidation order: `sell` where a long position ended. Size in the venue's unit. */
export interface TrueLiquidation {
  readonly price: string
  readonly size: string
  readonly side: 'buy' | 'sell'
  readonly time: number
}

export type Ratio = Extract<DataType, 'lsr_top_position' | 'lsr_all_account'>

/** What a venue says beside its order flow, by time (ms); undefined where the symbol has none of it. */
export interface TrueFigures {
  funding(symbol: string, time: number): TrueFunding | undefined
  /** In the venue's unit: contracts, or the base asset. */
  openInterest(symbol: string, time: number): string | undefined
  /** Those with `from` <= time < `to`, oldest first. */
  liquidations(symbol: string, from: number, to: number): readonly TrueLiquidation[]
  /** Long over short, of the period that begins at `start`. */
  ratio(symbol: string, of: Ratio, periodMs: number, start: number): string | undefined
  markPrice(symbol: string, time: number): string | undefined
  indexPrice(symbol: string, time: number): string | undefined
  /** Annualised percent, by the name of an index. */
  volatility(index: string, time: number): string | undefined
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
  readonly figures: TrueFigures
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
  /** What REST says where a fault has it fail. */
  readonly failure: string
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
  /** Hosts that recordings of this exchange name. */
  readonly hosts: readonly string[]
  /** The markets that an item of a session concerns; all items are given, as some tell it only together. */
  marketsOf(items: readonly Item[]): (item: Item) => readonly MarketName[]
  synthetic(market: MarketName, clock: Clock, options: SyntheticOptions): Venue
  recorded(market: MarketName, clock: Clock, options: RecordedOptions): Venue
}
