// A channel is one type of one symbol (of one interval, for klines): what is subscribed, counted and published.
import type { DataType, ExchangeName, Market, MessageType } from '../../crds/names.ts'

/** What a channel is; the rest of a {@link Channel} follows from it. */
export interface ChannelKey {
  readonly exchange: ExchangeName
  readonly market: Market
  readonly symbol: string
  readonly type: MessageType
  /** Of klines; the period of ratios. */
  readonly interval?: string
}

/** Counters of one channel: plain numbers, written by the hot path, read at scrape and by the table. */
export class Tally {
  /** Messages written to the spool. */
  made = 0
  /** Acknowledged as newly stored. */
  acknowledged = 0
  /** Acknowledged as stored before. */
  duplicates = 0
  /** Given up, each announced by a gap. */
  dropped = 0
  /** Of these, those that failed a check. */
  rejected = 0
  /** Frames that repeated what was already taken. */
  repeated = 0
  /** Frames of a book that were kept for later, or came in vain while it waits for a snapshot. */
  held = 0
  /** Gap messages made. */
  gaps = 0
  /** When the last element was taken, also one that only repeated, or when REST answered last, µs; 0: not yet. */
  lastReceived = 0
}

export interface Channel extends ChannelKey {
  /** Position in {@link Channels.list}; what the spool keeps of a channel. */
  readonly index: number
  /** `{prefix}.{type}.{exchange}.{market}.{symbol}` */
  readonly subject: string
  /** `{prefix}:{type}:{exchange}:{market}:{symbol}:`, the constant head of the message id. */
  readonly idHead: string
  readonly tally: Tally
}

/** What is stored of a channel: all under its subject or, of klines and ratios, what is of its interval or period. */
export interface Series extends Pick<Channel, 'subject' | 'interval'> {
  /** Of gaps: the type of which something is missing. */
  readonly of?: DataType
}

/** All channels of a process, by index and by name. Channels are never removed, so an index stays true. */
export class Channels {
  readonly list: Channel[] = []
  readonly prefix: string
  readonly #byName = new Map<string, Channel>()

  constructor(prefix: string) {
    this.prefix = prefix
  }

  /** What is announced of a channel. */
  gapsOf({ type, exchange, market, symbol, interval }: Channel): Series {
    const subject = `${this.prefix}.gap.${exchange}.${market}.${symbol}`
    return { subject, of: type as DataType, ...(interval !== undefined && { interval }) }
  }

  /** The channel of this key, made on first use. */
  of(key: ChannelKey): Channel {
    const name = `${key.type}.${key.exchange}.${key.market}.${key.symbol}`
    const full = key.interval === undefined ? name : `${name}.${key.interval}`
    let channel = this.#byName.get(full)
    if (channel === undefined) {
      channel = {
        ...key,
        index: this.list.length,
        subject: `${this.prefix}.${name}`,
        idHead: `${this.prefix}:${name.replaceAll('.', ':')}:`,
        tally: new Tally(),
      }
      this.list.push(channel)
      this.#byName.set(full, channel)
    }
    return channel
  }
}
