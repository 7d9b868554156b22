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
  sequence: "the venue's sequence jumped: messages were lost on the way",
  sequence_restart: 'the venue began its numbering anew; what lay between is unknown',
  malformed: 'the venue sent a frame that could not be read',
  stale: 'the venue stopped sending this channel although the socket lived',
  spool_full: 'the sink was away for longer than the spool could hold',
  refused: 'the sink can never store the message: it is larger than the server takes',
} as const
export type GapReason = keyof typeof GAP_REASONS

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
const level = z.tuple([decimal, decimal]).describe('price, absolute size ("0" or "0.000" removes the level)')

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

export const trade = z.strictObject({
  type: z.literal('trade'),
  ...head,
  id: z.string().max(64).describe("the venue's id, the one that its REST history shares"),
  price: decimal.describe('quote for one base'),
  size: decimal.describe('base asset'),
  side: z.enum(['buy', 'sell']).describe('the aggressor (taker)'),
  first_id: z.string().optional().describe('first single trade that this one stands for'),
  last_id: z.string().optional().describe('last single trade that this one stands for'),
  count: z.int().optional().describe('how many single trades this one stands for'),
  filled: z.literal(true).optional().describe('missed on the socket and fetched by REST; may come late'),
  ...times,
})

export const orderbook = z.strictObject({
  type: z.literal('orderbook'),
  ...head,
  kind: z.enum(['snapshot', 'delta']).describe('a whole book, or absolute sizes that change it'),
  prev_seq: seq.optional().describe('delta: applies to a book at this sequence or later'),
  prev_ts: time.optional().describe('delta: event time of the update before it, µs'),
  seq: seq.describe('sequence of the book after this message'),
  bids: z.array(level).describe('best first in a snapshot'),
  asks: z.array(level).describe('best first in a snapshot'),
  ...times,
})

export const ticker = z.strictObject({
  type: z.literal('ticker'),
  ...head,
  bid: decimal.optional().describe('best bid price'),
  bid_size: decimal.optional(),
  ask: decimal.optional().describe('best ask price'),
  ask_size: decimal.optional(),
  seq: seq.optional().describe("the venue's update id"),
  ...times,
})

export const kline = z.strictObject({
  type: z.literal('kline'),
  ...head,
  interval: z.string().max(4).describe('e.g. `1m`'),
  open_time: time.describe('µs, inclusive'),
  close_time: time.describe('µs, the last one inside as the venue gives it'),
  open: decimal,
  high: decimal,
  low: decimal,
  close: decimal,
  volume: decimal.describe('base asset'),
  quote_volume: decimal.optional(),
  taker_buy_volume: decimal.optional(),
  taker_buy_quote_volume: decimal.optional(),
  count: z.int().optional().describe('trades'),
  closed: z.boolean().describe('true on the final push of this candle'),
  ...times,
})

export const gap = z.strictObject({
  type: z.literal('gap'),
  ...head,
  of: z.enum(DATA_TYPES).describe('the type of which something is missing'),
  interval: z.string().max(4).optional().describe('of klines'),
  reason: z.enum(Object.keys(GAP_REASONS) as [GapReason, ...GapReason[]]),
  from: time.describe('nothing is missing before this time, µs'),
  to: time.describe('nothing is missing after this time, µs'),
  after_id: z.string().optional().describe('trades: the last one before the gap'),
  before_id: z.string().optional().describe('trades: the first one after the gap'),
  after_seq: seq.optional().describe('books: sequence before the gap'),
  before_seq: seq.optional().describe('books: sequence after the gap, where known'),
  missing: z.int().optional().describe('how many messages, where it can be known'),
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
  lot_size: decimal.optional(),
  contract_multiplier: decimal.optional().describe('base asset (or quote, for inverse contracts) in one contract'),
  ...times,
})

export const MESSAGES = { trade, orderbook, ticker, kline, gap, state, instrument } as const
export const message = z.discriminatedUnion('type', [trade, orderbook, ticker, kline, gap, state, instrument])

export type Trade = z.infer<typeof trade>
export type OrderBook = z.infer<typeof orderbook>
export type Ticker = z.infer<typeof ticker>
export type Kline = z.infer<typeof kline>
export type Gap = z.infer<typeof gap>
export type State = z.infer<typeof state>
export type Instrument = z.infer<typeof instrument>
export type Message = z.infer<typeof message>
/** A message as it is made, before the sink stamps `published`. */
export type Unpublished<M extends Message = Message> = M extends Message ? Omit<M, 'published'> : never

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
      return m.ts === undefined ? `${m.seq}` : `${m.seq}:${m.ts}`
    case 'kline':
      return `${m.interval}:${m.open_time}:${m.ts}`
    case 'gap':
      return `${m.of}${m.interval ?? ''}:${m.reason}:${m.from}:${m.to}`
    case 'state':
      return `${m.of}${m.interval ?? ''}:${m.state}:${m.received}`
    case 'instrument':
      return `${m.venue_symbol}:${m.status}:${m.tick_size}:${m.lot_size}:${m.contract_multiplier}`
  }
}
