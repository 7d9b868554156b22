// What a market says in the log; what may repeat itself is said now and then (log.ts).
import type { Room } from './exchanges/room.ts'
import type { Channel } from './market/channel.ts'
import type { Shared } from './shared.ts'

export class Notices {
  readonly #room: Room
  readonly #log: Shared['log']
  readonly #faults: Shared['faults']

  constructor(room: Room, { log, faults }: Pick<Shared, 'log' | 'faults'>) {
    this.#room = room
    this.#log = log
    this.#faults = faults
  }

  /** A list of instruments did not come from this host. */
  unlisted(host: string | undefined, error: string): void {
    const fields = { ...(host === undefined ? {} : { host }), error }
    this.#warn(`instruments ${host ?? ''}`, fields, 'instruments could not be loaded; trying again')
  }

  unmatched(sentence: string): void {
    this.#faults.warn(`unmatched ${sentence}`, {}, sentence)
  }

  /** A named channel that will not come. */
  impossible(channel: Channel, why: string): void {
    this.#log.error(fieldsOf(channel), `cannot be collected: ${why}`)
  }

  unopened(channel: Channel, error: string): void {
    this.#log.error({ ...fieldsOf(channel), error }, 'the channel cannot be opened')
  }

  changed(channel: Channel): void {
    this.#log.warn(fieldsOf(channel), 'the instrument changed; the channel is made anew')
  }

  /** The sink cannot say what it holds. */
  unstored(error: string): void {
    this.#faults.warn('last', { error }, 'the last messages cannot be read; channels wait until they can')
  }

  /** A question of what is polled has no answer. */
  unanswered(channel: Channel, error: string): void {
    this.#warn(`poll ${channel.type}`, { ...fieldsOf(channel), error }, 'not answered')
  }

  late(channel: Channel): void {
    const says = 'asked later than wanted: the limits of the venue allow no more; take fewer symbols'
    this.#warn(`late ${channel.type}`, fieldsOf(channel), says)
  }

  synced(channel: Channel, inSync: boolean, why: string): void {
    const { exchange, market, symbol } = channel
    if (inSync) this.#log.debug({ exchange, market, symbol }, 'book in sync')
    else this.#warn(`book ${symbol}`, { symbol, reason: why }, 'book lost sync; waiting for a snapshot')
  }

  /** No first frame. */
  unheard(channel: Channel, stream: string | undefined): void {
    const says = 'no frame has come since the channel was asked for; is it the right stream?'
    // Hundreds of options may not be traded for hours.
    this.#warn(`unheard ${channel.type}`, { ...fieldsOf(channel), stream }, says)
  }

  unreadable(socketId: number): void {
    this.#warn('unreadable', { socketId }, 'frame refused')
  }

  /** @param what the same for what is not worth saying twice at once, within the market */
  #warn(what: string, fields: object, says: string): void {
    const { exchange, market } = this.#room
    this.#faults.warn(`${exchange} ${market} ${what}`, { exchange, market, ...fields }, says)
  }
}

function fieldsOf({ exchange, market, symbol, type, interval }: Channel): object {
  return { exchange, market, symbol, type, ...(interval === undefined ? {} : { interval }) }
}
