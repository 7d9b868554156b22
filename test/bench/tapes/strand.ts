// What a tape of one venue, market and type is made of; see okx.ts, deribit.ts and binance.ts beside this file.
import type { DataType, ExchangeName, Market } from '../../../crds/names.ts'
import type { Listing } from '../../../collector/exchanges/room.ts'
import type { Sizing } from '../../../collector/wire/sizes.ts'
import { listingOf } from '../../support/intake.ts'
import { type Frame, letters, type Turn } from '../frames.ts'

/** A venue's frames of one type in one market. */
export interface Strand {
  readonly market: Market
  readonly symbols: number
  /** The i-th instrument. */
  listing(i: number): Listing
  make(turn: Turn): Frame
  /** Books: the frame that a subscription begins with, before the first of the tape. */
  snapshot?(venueSymbol: string): string
}

/** By type: every type that the venue pushes, in each kind of market that differs in more than names. */
export interface Venue {
  readonly exchange: ExchangeName
  readonly strands: Partial<Record<DataType, readonly Strand[]>>
}

/** Instruments `AAA`, `AAB`, … of a market. */
export interface Instruments {
  readonly market: Market
  readonly quote: string
  readonly venueSymbol: (base: string) => string
  readonly sizing: Sizing
  readonly host?: string
}

const SYMBOLS = 64
/** Each has a book to be kept. */
const BOOKS = 16

export function strand(
  { market, quote, venueSymbol, sizing, host }: Instruments,
  make: Strand['make'],
  snapshot?: Strand['snapshot'],
): Strand {
  const more = host === undefined ? {} : { host }
  return {
    market,
    symbols: snapshot === undefined ? SYMBOLS : BOOKS,
    listing: (i) => ({ ...listingOf(`${letters(i)}-${quote}`, venueSymbol(letters(i)), sizing), ...more }),
    make,
    ...(snapshot === undefined ? {} : { snapshot }),
  }
}
