// What every exchange's room says of one of its markets: data where it can be data, and a few pure functions.
// Outside the rooms nothing compares an exchange's name; what the flow needs to know stands here.
import type { DataType, ExchangeName, Market } from '../../crds/names.ts'
import type { Protocol } from '../connection/protocol.ts'
import type { AddressRules } from '../connection/limits.ts'
import type { FrameDeclaration } from '../wire/frame.ts'
import type { Shape } from '../wire/general.ts'
import type { Sizing } from '../wire/sizes.ts'

/** A tradable thing as the venue lists it, in our terms. */
export interface Listing {
  /** Our symbol, e.g. `BTC-USDT`. */
  readonly symbol: string
  readonly venueSymbol: string
  readonly base: string
  readonly quote: string
  readonly status: 'trading' | 'pre_open' | 'halted' | 'delisted'
  readonly tickSize: string | undefined
  readonly lotSize: string | undefined
  /** What the venue's figures of size are worth in the base asset. */
  readonly sizing: Sizing
  /** How many of the coin one base is, where the venue's name of the base says so: `1000` of 1000SHIB. */
  readonly baseMultiplier?: string
  /** When it ends, ms since the epoch; absent where it does not, or the venue does not say. */
  readonly expiresMs?: number
  /** Which of the room's further hosts serves it; absent: the main one. */
  readonly host?: string
  /** What the instrument depends on, in the venue's words, where streams or queries need it (an index, a family). */
  readonly family?: string
}

/** Where a frame's parts lie; filled by `open`. */
export interface Envelope {
  nameStart: number
  nameEnd: number
  /** An element, or an array of elements. */
  dataStart: number
  dataEnd: number
}

/** Which of the room's hosts: a key of {@link Room.hosts}; absent: the main one. */
interface AtHost {
  readonly host?: string | undefined
}

/** A GET of the venue's REST and what it costs there. */
export interface Query extends AtHost {
  readonly path: string
  readonly weight: number
  /** A budget of its own beside the weight: a key of {@link AddressRules.pools}. */
  readonly pool?: string
}

/** A stream of the venue, which may carry several channels. */
export interface StreamName extends AtHost {
  /** Path of the socket, e.g. `/public/stream`. */
  readonly path: string
  /** As it is subscribed, and as frames name it but for the suffix of a {@link Form}. */
  readonly name: string
}

export interface TypeOptions {
  /** Klines, e.g. `1m`. */
  readonly interval?: string
  /** Long/short ratios, e.g. `5m`. */
  readonly period?: string
}

/** Plain elements (see tokens.ts) of an answer, oldest first; undefined when it is none such. */
export type Flatten = (bytes: Buffer, venueSymbol: string) => Buffer[] | undefined

/**
 * Rows that each name an instrument and hold its elements, which are in no order: the keys of both in a row, and in an
 * element that of its time.
 */
export interface Nest {
  readonly symbol: string
  readonly elements: string
  readonly time: string
}

/**
 * A form in which elements of the type come. A venue that changed its format has several, of which an element fits one
 * alone: by its texts, its suffix, or {@link FrameDeclaration.without}. The one that fitted last is tried first.
 */
export interface Form {
  readonly frame: FrameDeclaration
  /** What stands behind the stream's name in the frame's, e.g. `,"action":"snapshot"`. */
  readonly suffix?: string
}

/**
 * Keys that put elements in order. `id`: rises by one in each symbol, so a jump is loss (trades). `seq`: rises, with
 * jumps. `time`: the event time. `part`: tells elements of one time apart. `span`: elements tell of a span of time that
 * begins at `opens`, again and again until one whose key under `final` has this word: where none came, some were missed.
 */
export interface Order {
  readonly id?: string
  readonly seq?: string
  readonly time?: string
  readonly part?: string
  readonly span?: { readonly opens: string; readonly final: readonly [key: string, word: string] }
}

interface AnyType {
  readonly forms: readonly [Form, ...Form[]]
  readonly order: Order
  /** How often the venue updates it, for people: `each trade`, `100 ms`. */
  readonly cadence: string
  /** Whether the venue has it for this instrument and these options; absent: always. */
  offers?(listing: Listing, options: TypeOptions): boolean
  /** Published only when one of these keys differs from the element before: the venue repeats itself, or sends more. */
  readonly onChange?: readonly [string, ...string[]]
  /** Nothing for hours is usual (liquidations): silence is never taken for a fault. */
  readonly sparse?: true
}

/** A type that comes by WebSocket. */
export interface PushedType extends AnyType {
  readonly via: 'websocket'
  /** The venue's stream for an instrument. */
  stream(listing: Listing, options: TypeOptions): StreamName
  /** The stream carries elements of other channels, too: what is not this channel's is no fault. */
  readonly shared?: true
  /** For frames whose elements lie in rows. */
  readonly nest?: Nest
}

/** A type that is asked by REST. */
export interface PolledType extends AnyType {
  readonly via: 'rest'
  query(listing: Listing, options: TypeOptions): Query
  /** The venue has news at each multiple of this, ms since the epoch… */
  everyMs(options: TypeOptions, listing: Listing): number
  /** …and shows them so much later, ms. */
  readonly delayMs: number
  readonly read: Flatten
}

/** Trades, and how those that were missed are had. */
export interface TradeType extends PushedType {
  readonly history: {
    /** Trades from this number on ({@link Order.id}), inclusive; a page of at most `pageMax`. */
    query(listing: Listing, from: number): Query & { readonly pageMax: number }
    /** Each trade as the socket would have sent it. */
    readonly read: Flatten
  }
}

/**
 * Keys of a book's element. Its message takes from `own` of its frame what the element does not say: the sequence before
 * (0), the time before (1), the sequence (2). Where a venue numbers nothing, `seq` is the key of the time, a delta has no
 * `previous` and follows whatever came before it on its socket; see book/line.ts.
 */
export interface BookForm extends Form {
  readonly kind: 'snapshot' | 'delta'
  /** Deltas: the sequence before it: a key, or the first update's key, whose value follows it by one. */
  readonly previous?: { readonly key: string } | { readonly firstKey: string }
  readonly seq: string
  readonly time: string
  readonly bids: string
  readonly asks: string
  /** A key with a checksum of the book after this element; see book/checksum.ts. */
  readonly checksum?: string
}

/** Snapshots by REST. */
export interface RestSnapshots {
  /** A book of at least `depth` levels a side, where the venue has so many; `limit` is how many were asked for. */
  query(listing: Listing, depth: number): Query & { readonly limit: number }
  readonly frame: FrameDeclaration
  readonly seq: string
  readonly bids: string
  readonly asks: string
}

/** Books: deltas, and snapshots from REST or from the stream itself, which sends one whenever it is subscribed. */
export interface BookType extends PushedType {
  readonly forms: readonly [BookForm, ...BookForm[]]
  readonly snapshots: RestSnapshots | 'stream'
}

/** One answer to a query for instruments, read. */
export interface ListingsRead {
  readonly listings: readonly Listing[]
  /** What must be asked next to have them all. */
  readonly more?: readonly Query[]
}

export interface Instruments {
  readonly queries: readonly Query[]
  /** undefined when the answer is none. Rows of other markets, and names that are no symbols, are left out. */
  read(body: Buffer, query: Query): ListingsRead | undefined
}

export interface Endpoints {
  readonly websocket: string
  readonly rest: string
}

export type TypeRoom = PushedType | PolledType

export interface Types extends Partial<Record<Exclude<DataType, 'trade' | 'orderbook'>, TypeRoom>> {
  readonly trade?: TradeType
  readonly orderbook?: BookType
}

export interface Room {
  readonly exchange: ExchangeName
  readonly market: Market
  /** In what the venue counts sizes, for people. */
  readonly figures: string
  readonly endpoints: Endpoints
  /** Further hosts of this market, e.g. of coin-margined contracts. */
  readonly hosts?: Readonly<Record<string, Endpoints>>
  readonly protocol: Protocol
  readonly rules: AddressRules
  /** Finds name and data in a frame; false when it is no data frame in plain form. */
  open(bytes: Buffer, envelope: Envelope): boolean
  /** Keys of the object that `open` reads, in its order: other orders and keys beside them take the general road. */
  readonly wrapper: Shape
  readonly types: Types
  readonly instruments: Instruments
}
