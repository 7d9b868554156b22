import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { layoutOf } from '../../../test/support/audit.ts'
import { DATA_TYPES, type DataType } from '../../../crds/names.ts'
import { FLAGS, message, MESSAGES, VERSION, type Message } from '../../market/messages.ts'
import { violation } from './check.ts'
import { LEVEL, Reading, type Levels } from './reading.ts'

const head = { v: VERSION, exchange: 'okx', market: 'perpetual', symbol: '币安-USDT' } as const
const flags = Object.keys(FLAGS).slice(0, 2)
const times = { flags, ts: 1_790_000_000_000_000, received: 3, published: 9_007_199_254_740_991 }
const ratio = { period: '5m', ratio: '1.2', long_share: '0.5', short_share: '0.5' }
/** A message of each type with all of its fields. */
const whole = {
  trade: {
    ...{ type: 'trade', ...head, id: '7', price: '1.50', size: '2', raw_size: '200', side: 'buy', seq: 5 },
    ...{ first_id: '1', last_id: '2', count: 2, filled: true },
    ...{ pending: { after: 1, before: 4, last: 5, from: 0, to: 1_790_000_000_000_000 } },
    ...times,
  },
  orderbook: {
    ...{ type: 'orderbook', ...head, kind: 'delta', prev_seq: 1, prev_ts: 1, seq: 2 },
    ...{
      bids: [
        ['1', '0'],
        ['0.5', '10', '1000'],
      ],
      asks: [['2', '1.0']],
    },
    ...times,
  },
  ticker: {
    ...{ type: 'ticker', ...head, bid: '1', bid_size: '1', raw_bid_size: '10' },
    ...{ ask: '2', ask_size: '3', raw_ask_size: '30', seq: -4 },
    ...times,
  },
  kline: {
    ...{ type: 'kline', ...head, interval: '1m', open_time: 1, close_time: 2, closed: true },
    ...{ open: '1', high: '2.5', low: '0.1', close: '1', volume: '0', quote_volume: '1', count: 3 },
    ...{ taker_buy_volume: '1', taker_buy_quote_volume: '1' },
    ...times,
  },
  funding_rate: {
    ...{ type: 'funding_rate', ...head, rate: '-0.0001', next_rate: '0', funding_time: 1, next_funding_time: 2 },
    ...{ interval_hours: 8, mark_price: '1', index_price: '1' },
    ...times,
  },
  open_interest: { type: 'open_interest', ...head, open_interest: '1', raw_open_interest: '2', value: '3', ...times },
  liquidation: {
    ...{
      type: 'liquidation',
      ...head,
      id: 'x-1',
      side: 'sell',
      price: '1',
      average_price: '1',
      size: '1',
      raw_size: '5',
    },
    ...times,
  },
  lsr_top_position: { type: 'lsr_top_position', ...head, ...ratio, ...times },
  lsr_all_account: { type: 'lsr_all_account', ...head, ...ratio, ...times },
  volatility_index: { type: 'volatility_index', ...head, value: '54.31', ...times },
} as unknown as Record<DataType, Message>

function read(layout: ReturnType<typeof layoutOf>, text: string, isKnown = false): Reading | undefined {
  const reading = new Reading()
  const bytes = Buffer.from(text)
  return layout.read(bytes, 0, bytes.length, reading, isKnown) ? reading : undefined
}

function facts({ values, keyHigh, keyLow, content, bids, asks }: Reading) {
  return { values: [...values].slice(0, -1), keyHigh, keyLow, content, bids: rows(bids), asks: rows(asks) }
}

/** What stands behind a figure that is not there is of an earlier level. */
function rows({ cells, count }: Levels): number[][] {
  return Array.from({ length: count }, (_, i) => {
    const row = [...cells.slice(i * LEVEL.columns, (i + 1) * LEVEL.columns)]
    return Number.isNaN(row[LEVEL.raw]) ? row.slice(0, LEVEL.raw) : row
  })
}

describe('a layout', () => {
  it.each(DATA_TYPES)('reads a %s with all of its fields, and with those alone that it must have', (type) => {
    const m = whole[type]
    expect(Object.keys(m).toSorted()).toEqual(Object.keys(MESSAGES[type].shape).toSorted())
    const must = Object.entries(MESSAGES[type].shape).filter(([, schema]) => !schema.safeParse(undefined).success)
    const least = Object.fromEntries(must.map(([name]) => [name, m[name as keyof Message]])) as unknown as Message
    for (const one of [m, least]) {
      expect(message.safeParse(one).error).toBeUndefined()
      expect(read(layoutOf(one), JSON.stringify(one))).toBeDefined()
    }
  })

  it('does not read a message with other fields, in another order, or with white space', () => {
    const text = JSON.stringify(whole.ticker)
    const layout = layoutOf(whole.ticker)
    for (const other of [
      text.replace('"bid"', '"bud"'),
      text.replace(',"seq":-4', ''),
      text.replace(':', ': '),
      `${text} `,
    ])
      expect(read(layout, other)).toBeUndefined()
  })

  it('reads a message in the middle of others, and nothing beyond its end', () => {
    const text = JSON.stringify(whole.trade)
    const bytes = Buffer.from(`${text}\n${text}`)
    const layout = layoutOf(whole.trade)
    const length = Buffer.byteLength(text)
    expect(layout.read(bytes, length + 1, bytes.length, new Reading())).toBe(true)
    expect(layout.read(bytes, 0, length, new Reading())).toBe(true)
    expect(layout.read(bytes, 0, length - 1, new Reading())).toBe(false)
    expect(layout.read(bytes.subarray(0, length - 9), 0, length - 9, new Reading())).toBe(false)
  })
})

const odd: unknown[] = [
  ...[null, '', '-', '.', '1.', '.5', '-1', '-.5', '1e5', '00', '1.0.0', ' 1', '0.000000000000000000000000000001'],
  ...['x'.repeat(64), 'x'.repeat(65), 'é', '"', '\\', '\u007f', '1'.repeat(400), '12345678901234567.1', 'buy', 'sell'],
  ...[
    2 ** 53,
    2 ** 53 - 1,
    -1,
    0.5,
    0,
    1,
    8.5,
    1e-7,
    1e21,
    true,
    false,
    {},
    'delta',
    flags,
    ['x'],
    [],
    [[]],
    [['1']],
    [['1', 2]],
  ],
  ...[
    [['1', '2', '3', '4']],
    [['1', '2', 3]],
    [
      ['1', '2', '3'],
      ['1', '-2'],
    ],
    [['1', '2'], []],
  ],
]
const value = fc.oneof(
  fc.constantFrom(...odd),
  fc.json().map((text) => JSON.parse(text) as unknown),
)
/** Spellings that JSON has for one value, and some that it has not. */
const spelling = fc.constantFrom(
  '01',
  '-0',
  '1.0',
  '1e0',
  '"\\u0031"',
  '"1"',
  '+1',
  '0x1',
  '"\t"',
  'True',
  '1,',
  '[["1","2"],]',
)

/** A message whose fields, or whose bytes, were changed. */
const changed = fc
  .record({
    type: fc.constantFrom(...DATA_TYPES),
    field: fc.nat(30),
    to: fc.oneof(
      value,
      spelling.map((raw) => ({ raw })),
    ),
  })
  .map(({ type, field, to }) => {
    const entries = Object.entries(whole[type])
    const texts = entries.map(([name, old], i) => {
      const isRaw = typeof to === 'object' && to !== null && 'raw' in to
      const text =
        i !== 5 + (field % (entries.length - 5)) ? JSON.stringify(old) : isRaw ? String(to.raw) : JSON.stringify(to)
      return `${JSON.stringify(name)}:${text}`
    })
    return { type, text: `{${texts.join(',')}}` }
  })
const garbled = fc
  .record({
    type: fc.constantFrom(...DATA_TYPES),
    at: fc.nat(),
    gone: fc.nat(2),
    more: fc.constantFrom('', '0', '"', ',', '\\', '-', '}'),
  })
  .map(({ type, at, gone, more }) => {
    const text = JSON.stringify(whole[type])
    const place = at % text.length
    return { type, text: text.slice(0, place) + more + text.slice(place + gone) }
  })

it('accepts nothing that the schema does not accept, and takes the same from it as from its parsed form', () => {
  let accepted = 0
  fc.assert(
    fc.property(fc.oneof(changed, garbled), ({ type, text }) => {
      const reading = read(layoutOf(whole[type]), text)
      if (reading === undefined) return
      accepted += 1
      const m = JSON.parse(text) as Message
      expect(violation(m as never, type)).toBeUndefined()
      expect(facts(read(layoutOf(m), JSON.stringify(m), true) as Reading)).toEqual(facts(reading))
    }),
    { numRuns: 20_000 },
  )
  expect(accepted).toBeGreaterThan(500)
})

it('makes a layout of whatever the schema accepts', () => {
  fc.assert(
    fc.property(changed, ({ type, text }) => {
      let m: Message
      try {
        m = JSON.parse(text) as Message
      } catch {
        return
      }
      if (m.type !== type || !MESSAGES[type].safeParse(m).success) return
      expect(read(layoutOf(m), JSON.stringify(m), true)).toBeDefined()
    }),
    { numRuns: 5000 },
  )
})

it('says which field the schema finds wrong', () => {
  const { trade, orderbook } = whole
  expect(violation({ ...trade, price: '1,5' }, 'trade')).toMatch(/^price: Invalid string/)
  expect(violation({ ...orderbook, bids: [['1']] }, 'orderbook')).toMatch(/^bids\.0/)
  expect(violation({ ...orderbook, bids: [['1', '0.5', 50]] }, 'orderbook')).toMatch(/^bids\.0/)
})
