// Tells what becomes of the instruments that are collected: a message when one is taken up, and on each change.
import type { Listing, Room } from './exchanges/room.ts'
import type { Instrument } from './market/messages.ts'
import type { OwnMessages } from './market/outlet.ts'
import type { Sizing } from './wire/sizes.ts'

export class InstrumentNews {
  readonly #room: Room
  readonly #own: OwnMessages
  /** As they were published, by symbol. */
  #told = new Map<string, Listing>()

  constructor(room: Room, own: OwnMessages) {
    this.#room = room
    this.#own = own
  }

  /**
   * Publishes what became of the instruments that were collected until now, and those that are from now on.
   * @param all what the venue lists
   */
  tell(wanted: readonly Listing[], all: ReadonlyMap<string, Listing>): void {
    for (const known of [...this.#told.values()])
      this.#publish(all.get(known.symbol) ?? { ...known, status: 'delisted' })
    for (const listing of wanted) this.#publish(listing)
    this.#told = new Map(wanted.map((listing) => [listing.symbol, listing]))
  }

  /** Publishes an instrument unless it is as it was published last. */
  #publish(listing: Listing): void {
    const { symbol, venueSymbol, base, quote, status, tickSize, lotSize, sizing, baseMultiplier, expiresMs } = listing
    if (JSON.stringify(this.#told.get(symbol)) === JSON.stringify(listing)) return
    this.#told.set(symbol, listing)
    const { exchange, market } = this.#room
    this.#own.publish({
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
      ...contractOf(sizing),
      ...(baseMultiplier === undefined ? {} : { base_multiplier: baseMultiplier }),
      ...(expiresMs === undefined ? {} : { expiry: expiresMs * 1000 }),
      received: this.#own.nowUs(),
    })
  }
}

/** What one contract is worth. */
function contractOf(sizing: Sizing): Pick<Instrument, 'contract_type' | 'contract_multiplier'> {
  if (sizing.kind === 'base') return {}
  const multiplier = sizing.kind === 'linear' ? sizing.multiplier : sizing.value
  return { contract_type: sizing.kind, contract_multiplier: multiplier }
}
