// Renders docs/messages.md from the schemas: what a consumer may rely on, field by field.
import * as z from 'zod'
import { EXCHANGES, MARKETS } from '../../crds/names.ts'
import { CHANNEL_STATES, FLAGS, GAP_REASONS, messageKey, MESSAGES, VERSION, type Message } from './messages.ts'

type Type = Message['type']

/** The reference page of the messages, Markdown. */
export function renderMessages(): string {
  return `${INTRODUCTION}
## Every message

These fields begin and end each message; the tables below leave them out.

${table('trade', (name) => isCommon(name))}
${(Object.keys(MESSAGES) as Type[]).map(section).join('\n')}
${RULE}
## Gap reasons

${words('reason', GAP_REASONS)}
## Flags

${words('flag', FLAGS)}
## States

${words('state', CHANNEL_STATES)}`
}

const INTRODUCTION = `<!-- Generated from collector/market/ by \`npm run generate\`. Do not edit. -->

# Messages

JSON, UTF-8, one object for each NATS message or each line of a file. The subject is
\`{prefix}.{type}.{exchange}.{market}.{symbol}\`; files lie under \`{type}/{exchange}/{market}/{symbol}/\`, one for each hour
or other period (UTC), named for its beginning: \`2026-11-25T08.ndjson\`, \`2026-11-25T08-30.ndjson\`; with \`.1\`, \`.2\` … before
the ending where a period has several, and \`.gz\` or \`.zst\` behind it.

- **Prices and sizes** are the venue's own decimal digits, as strings. Do not compare the strings: \`1.5\` and \`1.50\` are one
  price. Sizes are in the base asset. Prices are in quote for one base; those of options that are settled in coin
  (\`BTC-USD-…\`) are in the coin.
- **Times** are integers, microseconds since the epoch, UTC. \`ts\` is the venue's and is absent where it sends none;
  \`received\` and \`published\` are ours. They are never mixed.
- **\`v\`** is the version of the schema, ${VERSION} here. Within a version no field is removed or changes its meaning; ignore
  fields that you do not know.
- **Ids.** The header \`Nats-Msg-Id\` is \`{prefix}:{type}:{exchange}:{market}:{symbol}:\` and what stands under *Id* below. It
  follows from what the venue sent and nothing else, so that two publishers give the same message the same id, and
  JetStream keeps one. Outside its window of duplicates, and in files, drop what has an id that you had before.
- **Order.** Messages are in order within one publisher. What was fetched later (\`filled\`), or comes from a second
  publisher or an overlap, may come late: sort trades by id where that matters; \`pending\` says which are still to come.
- **Gaps.** What is missing for good is announced by a \`gap\`. No gap, nothing missing: \`marketprism audit\` proves it.
  Where the process ended before the next trade, the next process asks once more for trades that a gap announced in place
  of late ones: what it gets, it publishes.
- **Flags.** \`flags\` names the checks that a message failed and was published all the same, as the Collector says
  (\`spec.quality\`); see [flags](#flags). They follow from what the publisher saw before, so they are no part of the id, and
  of two publishers' the first one's are stored.

[examples/consumers](../examples/consumers) reads all this in Python and in TypeScript.
`

const RULE = `## How to follow a book

A book is published as a snapshot and then deltas, only while it is in sync with the venue's, and as a fresh snapshot once
in a while for those who join late. \`last\` and the book's time are \`seq\` and \`ts\` of the last message taken. The whole rule:

1. Anything with a \`ts\` before that of the snapshot last taken: drop it.
2. A snapshot: take it when \`seq > last\`, or when \`seq <= last\` but its \`ts\` is later than the book's (the venue began its
   numbering anew). It replaces the book. Else drop it.
3. A delta with \`seq <= last\`: drop it. If its \`ts\` is later than the book's time, see its \`prev_ts\`: when that is later,
   too, numbering began anew: as rule 5 says; else another connection stamped what is known, and the book's time is
   this \`ts\` now.
4. A delta with \`prev_seq <= last < seq\`, and \`prev_ts\` not later than the book's: apply it. Each level says the absolute
   size at its price; a size of zero removes it.
5. Any other delta: leave the book as it is, and do not believe it until a snapshot is taken or a delta fits: another
   publisher may be behind, and bring what lies between.

A time that is absent is neither before nor later. The rule holds where two publishers cut the venue's stream at
different places, have it stamped differently, crash, lag or begin anew; [consumer.ts](../collector/book/consumer.ts) is
the rule as code.

It asks of a venue that a new numbering begins at a later time than the old one ended, by more than the stamps of two
connections differ. While a venue's clock is set back, all that is stamped before the snapshot last taken is dropped (rule
1), and the book moves by snapshots, which a publisher then sends behind each delta with the time of its last one: whoever
follows another publisher has an old book until the clock is where it was, not a wrong one.
`

/** Fields of every message. */
function isCommon(name: string): boolean {
  return Object.keys(MESSAGES).every((type) => name in MESSAGES[type as Type].shape)
}

/** What a message of each type looks like. */
export const EXAMPLES: Readonly<Record<Type, Message>> = examples()

function section(type: Type): string {
  const example = EXAMPLES[type]
  const { exchange, market, symbol } = example
  return `## ${type}

${ABOUT[type]}

${table(type, (name) => !isCommon(name))}
Id: ${idsOf(type)}. Under \`market.${type}.${exchange}.${market}.${symbol}\` with the id
\`market:${type}:${exchange}:${market}:${symbol}:${messageKey(example)}\`:

\`\`\`json
${JSON.stringify(example)}
\`\`\`
`
}

const ABOUT: Record<Type, string> = {
  trade:
    'The finest trades that the venue gives with an id that its REST history shares. Where one stands for several single ' +
    'trades of one price and moment, `first_id`, `last_id` and `count` say which.',
  orderbook: 'A whole book, or what changed in it. [How to follow a book](#how-to-follow-a-book) says how to use them.',
  ticker: 'The best bid and offer.',
  kline: 'A candle, pushed again and again until `closed`. The last push of a candle counts.',
  funding_rate: 'What longs pay shorts to hold a perpetual (negative: shorts pay longs), on change.',
  open_interest: 'How much is held open, on change.',
  liquidation:
    'A position that the venue closed by force. No venue gives all of them: Binance the latest of each symbol and second, ' +
    'OKX what it calls incomplete.',
  lsr_top_position: `${MESSAGES.lsr_top_position.description} Once a period.`,
  lsr_all_account: `${MESSAGES.lsr_all_account.description} Once a period.`,
  volatility_index: 'How much the venue expects prices to move in the coming 30 days.',
  gap:
    'Something is missing for good, between `from` and `to`; where the venue counts, between the ids or sequences as well. ' +
    'Overlap with another publisher is no gap, nor is the first start ever: a collector that takes up holds a channel back ' +
    'for the first seconds, until what is stored shows whether another one had come as far. The id ends with the ids or sequences at both ' +
    'ends, where they are known.',
  state: 'What a channel is doing, on every change and once a minute, so that quiet and dead can be told apart.',
  instrument:
    'What is traded: at the start of a collector, and on change. What is as it was has the id that it had, so a stream ' +
    'that still remembers that stores it once.',
}

interface Field {
  readonly type?: string
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly pattern?: string
  readonly minimum?: number
  readonly maxLength?: number
  readonly items?: Field | false
  readonly properties?: Readonly<Record<string, Field>>
  readonly description?: string
}

function table(type: Type, isShown: (name: string) => boolean): string {
  const { properties = {}, required = [] } = z.toJSONSchema(MESSAGES[type])
  const rows = Object.entries(properties as Record<string, Field>)
    .filter(([name]) => isShown(name))
    .map(([name, field]) => {
      const must = required.includes(name) ? '' : 'may be absent'
      return `| \`${name}\` | ${typeOf(name, field)} | ${unitOf(name, field)} | ${must} | ${meaningOf(name, field)} |\n`
    })
  return `| field | type | unit | | meaning |\n|---|---|---|---|---|\n${rows.join('')}`
}

function typeOf(name: string, field: Field): string {
  if (name === 'type') return 'string'
  if (field.const !== undefined) return `\`${JSON.stringify(field.const)}\``
  if (field.enum !== undefined) return field.enum.map((value) => `\`${String(value)}\``).join(' ')
  if (field.pattern !== undefined) return 'decimal'
  if (name === 'flags') return 'list of [flags](#flags)'
  if (field.type === 'array') return 'list of `[decimal, decimal]` or `[decimal, decimal, decimal]`'
  if (field.properties !== undefined) {
    const { properties } = field
    return `object of ${Object.keys(properties)
      .map((key) => `\`${key}\``)
      .join(' ')}`
  }
  return field.maxLength === undefined ? `${field.type}` : `${field.type}, at most ${field.maxLength}`
}

/** Of decimals; times are known by their type. */
const UNITS: Readonly<Record<string, string>> = {
  ...inUnit('quote for one base', [
    'price',
    'bid',
    'ask',
    'open',
    'high',
    'low',
    'close',
    'tick_size',
    'mark_price',
    'index_price',
    'average_price',
  ]),
  ...inUnit('base', ['size', 'bid_size', 'ask_size', 'volume', 'taker_buy_volume', 'open_interest']),
  ...inUnit('quote', ['quote_volume', 'taker_buy_quote_volume']),
  ...inUnit("the venue's", ['raw_size', 'raw_bid_size', 'raw_ask_size', 'raw_open_interest', 'lot_size']),
  // Of open interest and of an index of volatility: the meaning says it.
  value: '',
  ...inUnit('fraction', ['rate', 'next_rate', 'long_share', 'short_share']),
  ...inUnit('long ÷ short', ['ratio']),
  ...inUnit('quote for one base, base', ['bids', 'asks']),
  contract_multiplier: 'base (inverse: quote) for one contract',
  base_multiplier: 'coins for one base',
  flags: '',
}

function inUnit(unit: string, names: readonly string[]): Record<string, string> {
  return Object.fromEntries(names.map((name) => [name, unit]))
}

function unitOf(name: string, field: Field): string {
  if (field.type === 'integer' && field.minimum === 0) return 'µs'
  if (field.pattern === undefined && field.type !== 'array') return ''
  const unit = UNITS[name]
  if (unit === undefined) throw new Error(`collector/market/reference.ts: say in UNITS what the unit of ${name} is.`)
  return unit
}

/** Of fields whose schema does not describe them. */
const MEANINGS: Readonly<Record<string, string>> = {
  type: 'which of these messages it is',
  price: 'at which it was traded',
  size: 'how much was traded',
  bid_size: 'size at the best bid',
  ask_size: 'size at the best ask',
  open: 'first price',
  high: 'highest price',
  low: 'lowest price',
  close: 'last price so far',
  volume: 'traded',
  mark_price: "the venue's fair price",
  index_price: 'of the underlying at several venues',
  ratio: 'how many times as many longs',
  open_interest: 'positions that are open, one side counted',
  long_share: 'share of longs',
  short_share: 'share of shorts',
  quote_volume: 'traded, in quote',
  taker_buy_volume: 'of it bought by takers',
  taker_buy_quote_volume: 'of it bought by takers, in quote',
  reason: 'why, see [gap reasons](#gap-reasons)',
  of: 'the type of the channel',
  interval: 'of klines; the period of ratios',
  state: 'see [states](#states)',
  since: 'since when it is in this state',
  last_id: 'of the last message of the channel, where it has ids',
  last_seq: 'of the last message of the channel, where it has sequences',
  base: 'what is traded',
  quote: 'what it is priced in',
  status: 'whether it trades',
  tick_size: 'step of prices',
}

function meaningOf(name: string, field: Field): string {
  const own = (field.description ?? '').replace(/^µs(?:, )?|, µs/, '')
  const unit = unitOf(name, field)
  const text = ['', unit, `${unit} asset`].includes(own) ? MEANINGS[name] : own
  if (text === undefined) throw new Error(`collector/market/reference.ts: say in MEANINGS what ${name} means.`)
  const of = field.items ? field.items.description : undefined
  const level = of === undefined ? '' : `; each level: ${of}`
  return `${text}${level}`.replaceAll('|', '\\|')
}

/** What stands in the id, as messageKey puts it together. */
function idsOf(type: Type): string {
  const kinds = type === 'orderbook' ? (['snapshot', 'delta'] as const) : [undefined]
  return kinds
    .map((kind) => {
      const fixed: Record<string, string | undefined> = { type, kind }
      const fields = new Proxy(fixed, { get: (_, name) => fixed[String(name)] ?? `{${String(name)}}` })
      return `\`${messageKey(fields as unknown as Message)}\`${kind === undefined ? '' : ` of a ${kind}`}`
    })
    .join(', ')
}

function words(title: string, meanings: Readonly<Record<string, string>>): string {
  const rows = Object.entries(meanings).map(([word, meaning]) => `| \`${word}\` | ${meaning} |\n`)
  return `| ${title} | meaning |\n|---|---|\n${rows.join('')}`
}

function examples(): Record<Type, Message> {
  const ts = 1_796_000_000_123_000
  const times = { ts, received: ts + 4_870, published: ts + 5_010 }
  const ours = { received: ts + 4_870, published: ts + 5_010 }
  const head = { v: VERSION, exchange: EXCHANGES[0], market: MARKETS[1], symbol: 'BTC-USDT' } as const
  const open = ts - (ts % 60_000_000)
  const minute = { interval: '1m', open_time: open, close_time: open + 59_999_000 }
  return {
    trade: {
      ...{ type: 'trade', ...head, id: '2900000001', price: '64010.10', size: '0.500', side: 'buy' },
      ...{ first_id: '6500000001', last_id: '6500000003', count: 3, ...times },
    },
    orderbook: {
      ...{ type: 'orderbook', ...head, kind: 'delta', prev_seq: 8100000040, prev_ts: ts - 100_000, seq: 8100000057 },
      ...{ bids: [['64010.00', '1.250']], asks: [['64010.30', '0.000']], ...times },
    },
    ticker: {
      ...{ type: 'ticker', ...head, bid: '64010.00', bid_size: '1.250', ask: '64010.10', ask_size: '3.000' },
      ...{ seq: 8100000057, ...times },
    },
    kline: {
      ...{ type: 'kline', ...head, ...minute, open: '64000.00', high: '64020.00', low: '63990.50', close: '64010.10' },
      ...{ volume: '12.345', quote_volume: '790204.68', count: 311, closed: false, ...times },
    },
    funding_rate: {
      ...{ type: 'funding_rate', ...head, rate: '0.00010000', funding_time: open + 3_600_000_000 },
      ...{ mark_price: '64010.20', index_price: '64009.80', ...times },
    },
    open_interest: { type: 'open_interest', ...head, open_interest: '81234.567', ...times },
    liquidation: {
      ...{ type: 'liquidation', ...head, side: 'sell', price: '63000.00', average_price: '63120.50', size: '0.250' },
      ...times,
    },
    lsr_top_position: {
      ...{ type: 'lsr_top_position', ...head, period: '5m', ratio: '1.2222', long_share: '0.5500' },
      ...{ short_share: '0.4500', ...times },
    },
    lsr_all_account: {
      ...{ type: 'lsr_all_account', ...head, period: '5m', ratio: '0.9608', long_share: '0.4900' },
      ...{ short_share: '0.5100', ...times },
    },
    volatility_index: {
      ...{ type: 'volatility_index', v: VERSION, exchange: EXCHANGES[2], market: MARKETS[3], symbol: 'BTC-USD' },
      ...{ value: '54.31', ...times },
    },
    gap: {
      ...{ type: 'gap', ...head, of: 'trade', reason: 'disconnect', from: ts - 2_000_000, to: ts },
      ...{ after_id: '2900000001', before_id: '2900000014', missing: 12, ...ours },
    },
    state: {
      type: 'state',
      ...head,
      of: 'trade',
      state: 'live',
      since: ts - 60_000_000,
      last_id: '2900000001',
      ...ours,
    },
    instrument: {
      ...{ type: 'instrument', ...head, venue_symbol: 'BTCUSDT', base: 'BTC', quote: 'USDT', status: 'trading' },
      ...{ tick_size: '0.10', lot_size: '0.001', ...ours },
    },
  }
}
