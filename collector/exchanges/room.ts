// What every exchange's room says of one of its markets: data where it can be data, and a few pure functions.
// Outside the rooms nothing compares an exchange's name; what the flow needs to know stands here.
import type { DataType, ExchangeName, Market } from '../../crds/names.ts'
import type { Protocol } from '../connection/protocol.ts'
import type { AddressRules } from '../connection/limits.ts'
import type { FrameDeclaration } from '../wire/frame.ts'

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
  readonly contractMultiplier: string | undefined
}

/** Where a frame's parts lie; filled by `open`. */
export interface Envelope {
  nameStart: number
  nameEnd: number
  dataStart: number
  dataEnd: number
}

/** A GET of the venue's REST and what it costs there. */
export interface Query {
  readonly path: string
  readonly weight: number
}

/** A stream of the venue that carries one channel. */
export interface StreamName {
  /** Path of the socket, e.g. `/public/stream`. */
  readonly path: string
  readonly name: string
}

/** How a data type of this market is spoken. */
export interface TypeRoom {
  readonly frame: FrameDeclaration
  /** The venue's stream for a symbol. */
  stream(venueSymbol: string, options: TypeOptions): StreamName
  /**
   * Keys that put frames in order. `id`: rises by one in each symbol, so a jump is loss (trades). `seq`: rises, with
   * jumps. `time`: the event time. `part`: tells frames of one time apart.
   */
  readonly order: { readonly id?: string; readonly seq?: string; readonly time?: string; readonly part?: string }
}

export interface TypeOptions {
  /** Klines, e.g. `1m`. */
  readonly interval?: string
}

/** Books: the delta's keys, and the snapshot. */
export interface BookRoom {
  /** Sequence before the delta: a key, or the first update's key whose value follows it by one. */
  readonly previous: { readonly key: string } | { readonly firstKey: string }
  readonly seq: string
  readonly time: string
  readonly bids: string
  readonly asks: string
  /** A book of at least `depth` levels a side, where the venue has so many; `limit` is how many were asked for. */
  snapshot(venueSymbol: string, depth: number): Query & { readonly limit: number }
  /** Its answer: keys as for a frame. */
  readonly snapshotFrame: FrameDeclaration
  readonly snapshotKeys: { readonly seq: string; readonly bids: string; readonly asks: string }
}

/** Trades that were missed, by id. */
export interface TradesRoom {
  /** Trades from this id on, inclusive, oldest first. */
  history(venueSymbol: string, fromId: number): Query & { readonly pageMax: number }
  /** Each trade as the socket would have sent it, in plain form; undefined for an answer that is none. */
  readHistory(body: Buffer, venueSymbol: string): Buffer[] | undefined
}

export interface Room {
  readonly exchange: ExchangeName
  readonly market: Market
  readonly endpoints: { readonly websocket: string; readonly rest: string }
  readonly protocol: Protocol
  readonly rules: AddressRules
  /** Finds stream name and data object in a frame; false when it is no data frame in plain form. */
  open(bytes: Buffer, envelope: Envelope): boolean
  /** Keys of the object that `open` reads, in its order: other orders and keys beside them take the general road. */
  readonly wrapper: readonly string[]
  readonly types: Partial<Record<DataType, TypeRoom>>
  readonly book: BookRoom
  readonly trades: TradesRoom
  readonly instruments: Query & { read(body: Buffer): Listing[] | undefined }
}
