// The normalised messages: the public contract. One zod schema for each type gives the TypeScript type,
// the reference page (docs/messages.md) and the check that tests and `audit` run.
//
// Always: prices and sizes are the venue's own decimal digits, as strings; times are integers in microseconds
// since the epoch, UTC: `ts` is the venue's event time (absent where it sends none), `received` ours at the
// socket, `published` when the message was first handed to the sink. Sizes are in the base asset.
import * as z from 'zod'
import { DATA_TYPES, EXCHANGES, MARKETS } from '../../crds/names.ts'

/** Version of the schema, the `v` of every message. */
export const VERSION = 1

/** Why data is missing for good. */
export const GAP_REASONS = {
  restart: 'the collector was not running',
  disconnect: 'the socket to the venue was down',
  unanswered: 'the venue, which is asked for this by REST, did not answer',
  sequence: "the venue's sequence jumped: messages were lost on the way",
  sequence_restart: 'the venue began its numbering anew; what lay between is unknown',
  checksum: "the book was not the venue's by its checksum: a change before was lost or wrong",
  malformed: 'the venue sent a frame that could not be read',
  stale: 'the venue stopped sending this channel although the socket lived',
  spool_full: 'the sink was away for longer than the spool could hold',
  refused: 'the sink can never store the message: it is larger than the server takes',
  quality: 'the message failed a check that the Collector drops messages for (collector/quality/README.md)',
} as const
export type GapReason = keyof typeof GAP_REASONS

/** Which checks a message failed and was published all the same; the Collector says what is done (`spec.quality`). */
export const FLAGS = {
  bad_number: 'a price or size is negative, or zero where it cannot be',
  crossed_book: 'the best bid is not below the best ask: of this ticker, or of the book after this message',
  empty_book: 'nothing is on a side',
  price_jump: 'the price is far from those of the trades before',
  clock_skew: '`ts` is in the future, or long before `received`',
  out_of_order: '`ts` is before that of the message before it',
} as const
export type Flag = keyof typeof FLAGS

/** State of a channel, as `state` messages, /status and the live table give it. */
export const CHANNEL_STATES = {
  live: 'data arrives as this channel usually has it',
  quiet: 'the socket lives and nothing came for a while; usual for this channel, or not yet known',
  stale: 'data should have come by now, judged by the history of the channel itself',
  down: 'no socket, refused, or not in sync',
} as const
export type ChannelState = keyof typeof CHANNEL_STATES

const time = z.int().nonnegative()
const decimal = z.string().regex(/^-?\d+(\.\d+)?$/)
const seq = z.int()
const level = z
  .tuple([decimal, decimal, decimal.optional()])
  .describe(
    'price, absolute size in base ("0" or "0.000" removes the level), and the venue\'s own figure of the size where it is not base',
  )

const raw = decimal
  .optional()
  .describe("the venue's own figure of the size, in contracts or in quote (docs/data.md), where it is not base")

const head = {
  v: z.literal(VERSION).describe('version of this schema'),
  exchange: z.enum(EXCHANGES).describe('venue'),
  market: z.enum(MARKETS).describe('kind of product'),
  symbol: z.string().max(64).describe('our symbol, e.g. `BTC-USDT`'),
}
const times = {
  ts: time.optional().describe("the venue's event time, µs; absent where it sends none"),
  received: time.describe('our clock when the frame was read from the socket, µs'),
  published: time.describe('our clock when the message was first handed to the sink, µs'),
}

/** What ends a message of data. */
const tail = {
  flags: z
    .array(z.enum(Object.keys(FLAGS) as [Flag, ...Flag[]]))
    .min(1)
    .max(Object.keys(FLAGS).length)
    .optional()
    .describe('checks that it failed; two publishers may judge differently'),
  ...times,
}

/** Where trades are still being fetched. Also where a later run takes up: resumeAfter in collector/resume.ts. */
const pending = z
  .strictObject({ after: seq, before: seq, last: seq, from: time, to: time })
  .describe(
    'trades before this one are still being fetched, or this one was and came late. By number (`seq`, else `id`): each ' +
      'trade between `after` and `before` will come late (`filled`) or lie in a `gap`; what is decided of the others up to ' +
      '`last`. `from` and `to`: event times (µs) around all of them. Two publishers may differ in it',
  )

export const trade = z.strictObject({
  type: z.literal('trade'),
  ...head,
  id: z.string().max(64).describe("the venue's id, the one that its REST history shares"),
  price: decimal.describe('quote for one base'),
  size: decimal.describe('base asset'),
  raw_size: raw,
  side: z.enum(['buy', 'sell']).describe('the aggressor (taker)'),
  seq: seq.optional().describe("the venue's number of the trade, rising by one, where `id` is none such"),
  first_id: z.string().optional().describe('first single trade that this one stands for'),
  last_id: z.string().optional().describe('last single trade that this one stands for'),
  count: z.int().optional().describe('how many single trades this one stands for'),
  filled: z.literal(true).optional().describe('missed on the socket and fetched by REST; may come late'),
  pending: pending.optional(),
  ...tail,
})

export const orderbook = z.strictObject({
  type: z.literal('orderbook'),
  ...head,
  kind: z.enum(['snapshot', 'delta']).describe('a whole book, or absolute sizes that change it'),
  prev_seq: seq
    .optional()
    .describe(
      'delta: applies to a book at this sequence or later; snapshot: where the venue began its numbering anew and ' +
        'nothing is missing, the last one before',
    ),
  prev_ts: time.optional().describe('delta: event time of the update before it, µs'),
  seq: seq.describe('sequence of the book after this message'),
  bids: z.array(level).describe('best first in a snapshot'),
  asks: z.array(level).describe('best first in a snapshot'),
  ...tail,
})

export const ticker = z.strictObject({
  type: z.literal('ticker'),
  ...head,
  bid: decimal.optional().describe('best bid price; absent where nobody bids'),
  bid_size: decimal.optional().describe('base asset'),
  raw_bid_size: raw,
  ask: decimal.optional().describe('best ask price; absent where nobody offers'),
  ask_size: decimal.optional().describe('base asset'),
  raw_ask_size: raw,
  seq: seq.optional().describe("the venue's update id"),
  ...tail,
})

export const kline = z.strictObject({
  type: z.literal('kline'),
  ...head,
  interval: z.string().max(4).describe('e.g. `1m`'),
  open_time: time.describe('µs, inclusive'),
  close_time: time.optional().describe('µs, the last one inside, where the venue gives it'),
  open: decimal,
  high: decimal,
  low: decimal,
  close: decimal,
  volume: decimal.optional().describe('base asset'),
  quote_volume: decimal.optional(),
  taker_buy_volume: decimal.optional(),
  taker_buy_quote_volume: decimal.optional(),
  count: z.int().optional().describe('trades'),
  closed: z.boolean().optional().describe('true on the final push of this candle; absent where the venue does not say'),
  ...tail,
})

export const fundingRate = z.strictObject({
  type: z.literal('funding_rate'),
  ...head,
  rate: decimal.describe('fraction of the position that longs pay shorts for one interval'),
  next_rate: decimal.optional().describe('of the interval after, where the venue foretells it'),
  funding_time: time.optional().describe('when `rate` is paid, µs; absent where it is paid continuously'),
  next_funding_time: time.optional().describe('when the one after is paid, µs'),
  interval_hours: z.number().positive().optional().describe('hours that `rate` is for'),
  mark_price: decimal.optional(),
  index_price: decimal.optional(),
  ...tail,
})

export const openInterest = z.strictObject({
  type: z.literal('open_interest'),
  ...head,
  open_interest: decimal.describe('base asset, one side counted'),
  raw_open_interest: raw,
  value: decimal.optional().describe('what that is worth in quote or in US dollars, as the venue gives it'),
  ...tail,
})

export const liquidation = z.strictObject({
  type: z.literal('liquidation'),
  ...head,
  id: z.string().max(64).optional().describe("the venue's id, where it gives one"),
  side: z.enum(['buy', 'sell']).describe('of the order that liquidates: `sell` closes a long'),
  price: decimal.describe('of the order, or where the position was bankrupt (docs/data.md)'),
  average_price: decimal.optional().describe('at which the order was filled'),
  size: decimal.describe('base asset'),
  raw_size: raw,
  ...tail,
})

const ratios = {
  ...head,
  period: z.string().max(4).describe('e.g. `5m`; `ts` is where it begins or ends as the venue says'),
  ratio: decimal.describe('long ÷ short'),
  long_share: decimal.optional().describe('fraction'),
  short_share: decimal.optional().describe('fraction'),
  ...tail,
}

export const lsrTopPosition = z
  .strictObject({ type: z.literal('lsr_top_position'), ...ratios })
  .describe('Longs to shorts of the largest accounts, by the size of their positions.')

export const lsrAllAccount = z
  .strictObject({ type: z.literal('lsr_all_account'), ...ratios })
  .describe('Longs to shorts of all accounts, by their number.')

export const volatilityIndex = z.strictObject({
  type: z.literal('volatility_index'),
  ...head,
  value: decimal.describe('the index, in percent a year'),
  ...tail,
})

export const gap = z.strictObject({
  type: z.literal('gap'),
  ...head,
  of: z.enum(DATA_TYPES).describe('the type of which something is missing'),
  interval: z.string().max(4).optional(),
  reason: z.enum(Object.keys(GAP_REASONS) as [GapReason, ...GapReason[]]),
  from: time.describe('nothing is missing before this time, µs'),
  to: time.describe('nothing is missing after this time, µs'),
  after_id: z.string().optional().describe('trades: the last one before the gap'),
  before_id: z.string().optional().describe('trades: the first one after the gap'),
  after_seq: seq.optional().describe('books, and trades with a `seq`: the one before the gap'),
  before_seq: seq.optional().describe('books, and trades with a `seq`: the one after the gap, where known'),
  missing: z.int().optional().describe('how many messages, where it can be known'),
  pending: pending
    .optional()
    .describe(
      'trades: what is still being fetched before this gap, as in a trade; or what of it the next run asks for once ' +
        'more, where this one ended in order: it may come late',
    ),
  ...times,
})

export const state = z.strictObject({
  type: z.literal('state'),
  ...head,
  of: z.enum(DATA_TYPES),
  interval: z.string().max(4).optional(),
  state: z.enum(Object.keys(CHANNEL_STATES) as [ChannelState, ...ChannelState[]]),
  since: time.describe('µs'),
  detail: z.string().max(200).optional().describe('why, for a person'),
  last_id: z.string().optional(),
  last_seq: seq.optional(),
  ...times,
})

export const instrument = z.strictObject({
  type: z.literal('instrument'),
  ...head,
  venue_symbol: z.string().max(64).describe("the venue's own name"),
  base: z.string().max(32),
  quote: z.string().max(32),
  status: z.enum(['trading', 'pre_open', 'halted', 'delisted']),
  tick_size: decimal.optional(),
  lot_size: decimal
    .optional()
    .describe('step of sizes, as the venue counts them: in what `raw_size` is in, where there is one'),
  contract_type: z
    .enum(['linear', 'inverse'])
    .optional()
    .describe('linear: a contract is worth so much base; inverse: so much quote; absent where sizes are in base'),
  contract_multiplier: decimal.optional().describe('base asset (or quote, for inverse contracts) in one contract'),
  base_multiplier: decimal.optional().describe('coins in one `base`, where its name says so: 1000 of 1000SHIB'),
  expiry: time.optional().describe('when it ends, µs; absent where it does not'),
  ...times,
})

export const MESSAGES = {
  trade,
  orderbook,
  ticker,
  kline,
  funding_rate: fundingRate,
  open_interest: openInterest,
  liquidation,
  lsr_top_position: lsrTopPosition,
  lsr_all_account: lsrAllAccount,
  volatility_index: volatilityIndex,
  gap,
  state,
  instrument,
} as const
export const message = z.discriminatedUnion('type', [
  trade,
  orderbook,
  ticker,
  kline,
  fundingRate,
  openInterest,
  liquidation,
  lsrTopPosition,
  lsrAllAccount,
  volatilityIndex,
  gap,
  state,
  instrument,
])

export type Trade = z.infer<typeof trade>
export type OrderBook = z.infer<typeof orderbook>
export type Ticker = z.infer<typeof ticker>
export type Kline = z.infer<typeof kline>
export type Liquidation = z.infer<typeof liquidation>
export type Gap = z.infer<typeof gap>
export type State = z.infer<typeof state>
export type Instrument = z.infer<typeof instrument>
export type Message = z.infer<typeof message>
/** A message as it is made, before the sink stamps `published`. */
export type Unpublished<M extends Message = Message> = M extends Message ? Omit<M, 'published'> : never

/** Interval of a kline, period of a ratio: which of the series under its subject a message is of. */
export function intervalOf(m: Message): string | undefined {
  if ('interval' in m) return m.interval
  return 'period' in m ? m.period : undefined
}

/**
 * The part of the message id that the venue's data gives; `{prefix}:{type}:{exchange}:{market}:{symbol}:` stands before it.
 * A pure function of what the venue sent, so that replicas, rollouts and replays give the same id.
 */
export function messageKey(m: Unpublished): string {
  switch (m.type) {
    case 'trade':
      return m.id
    case 'orderbook':
      return m.kind === 'snapshot' ? `s:${m.seq}:${m.ts}` : `${m.prev_seq}:${m.seq}:${m.ts}`
    case 'ticker':
      if (m.seq !== undefined) return m.ts === undefined ? `${m.seq}` : `${m.seq}:${m.ts}`
      return keyOf(m.ts, m.bid, m.raw_bid_size ?? m.bid_size, m.ask, m.raw_ask_size ?? m.ask_size)
    case 'kline': {
      if (m.ts !== undefined) return `${m.interval}:${m.open_time}:${m.ts}`
      const closed = m.closed === undefined ? [] : [Number(m.closed)]
      return keyOf(m.interval, m.open_time, m.high, m.low, m.close, m.volume, ...closed)
    }
    case 'funding_rate':
    case 'open_interest':
    case 'volatility_index':
      return `${m.ts}`
    case 'liquidation':
      return m.id ?? `${m.ts}:${m.side}:${m.price}:${m.raw_size ?? m.size}`
    case 'lsr_top_position':
    case 'lsr_all_account':
      return `${m.period}:${m.ts}`
    case 'gap': {
      // With what it leads over: many trades share a moment.
      const [after, before] = [m.after_id ?? m.after_seq, m.before_id ?? m.before_seq]
      const ends = after === undefined && before === undefined ? '' : `:${keyOf(after, before)}`
      return `${m.of}${m.interval ?? ''}:${m.reason}:${m.from}:${m.to}${ends}`
    }
    case 'state':
      return `${m.of}${m.interval ?? ''}:${m.state}:${m.received}`
    case 'instrument':
      return keyOf(m.venue_symbol, m.status, m.tick_size, m.lot_size, m.contract_multiplier, m.expiry)
  }
}

/** Joined by colons; nothing stands for what is absent. */
function keyOf(...parts: readonly (string | number | undefined)[]): string {
  return parts.map((part) => part ?? '').join(':')
}
