// What an audit keeps of each subject, and of each channel that stands under it.
import { DATA_TYPES, EXCHANGES, MARKETS, OWN_TYPES, type ExchangeName, type Market } from '../../../crds/names.ts'
import type { Gap, GapReason, Message } from '../../market/messages.ts'
import { BookOrder } from './book.ts'
import { CandleOrder, IdOrder, TimeOrder, type Order } from './order.ts'
import { RecentMessages } from './recent.ts'
import type { ChannelReport, FindingKind } from './report.ts'

/**
 * Whether the ids of trades, or the candles of klines, follow each other without a hole where nothing is missing.
 * Comes from the declarations of the exchanges.
 */
export type Continuity = (exchange: ExchangeName, market: Market, type: 'trade' | 'kline') => 'contiguous' | 'none'

/** A subject of ours, taken apart. A folder of files has no prefix. */
export interface Subject {
  readonly name: string
  /** With its dot; empty where there is none. */
  readonly prefix: string
  readonly type: Message['type']
  readonly exchange: ExchangeName
  readonly market: Market
  readonly symbol: string
  /** What the ids under this subject begin with. */
  readonly idHead: string
  /** By interval; `''` where there is none. */
  readonly channels: Map<string, Channel>
}

const types: ReadonlySet<unknown> = new Set([...DATA_TYPES, ...OWN_TYPES])
const exchanges: ReadonlySet<unknown> = new Set(EXCHANGES)
const markets: ReadonlySet<unknown> = new Set(MARKETS)

/** Takes a subject apart; undefined when it is none of ours. */
export function parseSubject(name: string): Subject | undefined {
  const tokens = name.split('.')
  const [type, exchange, market, symbol] = tokens.slice(-4)
  if (!types.has(type) || !exchanges.has(exchange) || !markets.has(market) || !symbol) return undefined
  const prefix = tokens.slice(0, -4)
  return {
    name,
    prefix: prefix.map((token) => `${token}.`).join(''),
    type: type as Message['type'],
    exchange: exchange as ExchangeName,
    market: market as Market,
    symbol,
    idHead: `${prefix.join('.')}:${type}:${exchange}:${market}:${symbol}:`,
    channels: new Map(),
  }
}

/** What an audit knows of one channel. */
export class Channel {
  readonly subject: Subject
  readonly interval: string
  readonly book: BookOrder | undefined
  readonly candles: CandleOrder | undefined
  readonly order: Order
  /** False where holes are usual and prove nothing. */
  readonly isContiguous: boolean
  /** Gaps about this channel that are still to be matched. */
  readonly gaps: Gap[] = []
  readonly gapCounts: Partial<Record<GapReason, number>> = {}
  readonly recent = new RecentMessages()
  /** How many findings of a kind there are. */
  readonly found: Partial<Record<FindingKind, number>> = {}
  messages = 0
  first = Infinity
  last = -Infinity
  broken = 0
  unread = 0
  duplicates = 0
  late = 0
  filled = 0
  announced = 0
  unannounced = 0
  constructor(subject: Subject, interval: string, continuity: Continuity) {
    const { type, exchange, market } = subject
    this.subject = subject
    this.interval = interval
    this.isContiguous =
      type === 'trade' || type === 'kline' ? continuity(exchange, market, type) === 'contiguous' : true
    this.book = type === 'orderbook' ? new BookOrder() : undefined
    this.candles = type === 'kline' ? new CandleOrder() : undefined
    this.order = this.book ?? this.candles ?? (type === 'trade' && this.isContiguous ? new IdOrder() : new TimeOrder())
  }

  report(): ChannelReport {
    const { subject, interval, messages, broken, unread, duplicates, late, filled, book, candles } = this
    return {
      subject: subject.name,
      ...(interval !== '' && { interval }),
      messages,
      ...(messages > 0 && { first: this.first, last: this.last }),
      ...{ broken, unread, duplicates, late, filled },
      missing: { announced: this.announced, unannounced: this.unannounced },
      gaps: this.gapCounts,
      ...(book && {
        book: { snapshots: book.snapshots, deltas: book.deltas, breaks: book.breaks, inSync: book.inSync },
      }),
      ...(candles && { candles: { begun: candles.begun, closed: candles.closed } }),
    }
  }
}
