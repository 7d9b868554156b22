// What an audit keeps of each subject, and of each channel that stands under it.
import { DATA_TYPES, EXCHANGES, MARKETS, OWN_TYPES, type ExchangeName, type Market } from '../../../crds/names.ts'
import type { Gap, GapReason, Message } from '../../market/messages.ts'
import { periodUs } from '../../market/periods.ts'
import { BookOrder } from './book.ts'
import type { Layout } from './layout.ts'
import { NumberOrder, TimeOrder, type Order } from './order.ts'
import { CandleOrder, RatioOrder } from './periods.ts'
import { RecentMessages } from './recent.ts'
import type { ChannelReport, FindingKind, Proof } from './report.ts'

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
  /** By interval, or period; `''` where there is none. */
  readonly channels: Map<string, Channel>
  /** How its messages lie, the latest first. */
  readonly layouts: Layout[]
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
    layouts: [],
  }
}

/** What an audit knows of one channel. */
export class Channel {
  readonly subject: Subject
  readonly interval: string
  readonly book: BookOrder | undefined
  readonly candles: CandleOrder | undefined
  readonly order: Order
  readonly #proof: Proof
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
  flagged = 0
  announced = 0
  unannounced = 0
  constructor(subject: Subject, interval: string, continuity: Continuity) {
    this.subject = subject
    this.interval = interval
    const { type, exchange, market } = subject
    const isContiguous = (type === 'trade' || type === 'kline') && continuity(exchange, market, type) === 'contiguous'
    const lengthUs = periodUs(interval)
    this.book = type === 'orderbook' ? new BookOrder() : undefined
    this.candles = type === 'kline' && lengthUs !== undefined ? new CandleOrder(lengthUs) : undefined
    this.order = this.book ?? this.candles ?? orderOf(type, isContiguous, lengthUs)
    this.#proof = proofOf(this.order, isContiguous)
  }

  /** By what it can be seen that something is missing. */
  get continuity(): Proof {
    return this.#proof === 'none' && this.candles?.isMarked === true ? 'pushes' : this.#proof
  }

  report(): ChannelReport {
    const {
      subject,
      interval,
      continuity,
      messages,
      broken,
      unread,
      duplicates,
      late,
      filled,
      flagged,
      book,
      candles,
    } = this
    return {
      subject: subject.name,
      ...(interval !== '' && { interval }),
      continuity,
      messages,
      ...(messages > 0 && { first: this.first, last: this.last }),
      ...{ broken, unread, duplicates, late, filled, flagged },
      missing: { announced: this.announced, unannounced: this.unannounced },
      gaps: this.gapCounts,
      ...(book && {
        book: { snapshots: book.snapshots, deltas: book.deltas, breaks: book.breaks, inSync: book.inSync },
      }),
      ...(candles && { candles: { begun: candles.begun, closed: candles.closed, unseen: candles.unseen } }),
    }
  }
}

function orderOf(type: Message['type'], isContiguous: boolean, lengthUs: number | undefined): Order {
  if (type === 'trade' && isContiguous) return new NumberOrder()
  const isRatio = type === 'lsr_top_position' || type === 'lsr_all_account'
  return isRatio && lengthUs !== undefined ? new RatioOrder(lengthUs) : new TimeOrder()
}

function proofOf(order: Order, isContiguous: boolean): Proof {
  if (order instanceof NumberOrder) return 'numbers'
  if (order instanceof BookOrder) return 'sequence'
  if (order instanceof RatioOrder) return 'periods'
  return order instanceof CandleOrder && isContiguous ? 'candles' : 'none'
}
