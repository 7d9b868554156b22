import fc from 'fast-check'
import { expect, it } from 'vitest'
import { MESSAGES, VERSION } from '../../market/messages.ts'
import { violation, type Fields } from './check.ts'

const head = { v: VERSION, exchange: 'binance', market: 'spot', symbol: 'BTC-USDT', received: 3, published: 4 }
const times = { ts: 2 }
const prices = { open: '1', high: '2.5', low: '0.1', close: '1', volume: '0' }
const whole = {
  trade: {
    ...head,
    ...times,
    id: '7',
    price: '1.50',
    size: '2',
    side: 'buy',
    first_id: '1',
    last_id: '2',
    count: 2,
    filled: true,
  },
  orderbook: {
    ...head,
    ...times,
    kind: 'delta',
    prev_seq: 1,
    prev_ts: 1,
    seq: 2,
    bids: [['1', '0']],
    asks: [['2', '1.0']],
  },
  ticker: { ...head, ...times, bid: '1', bid_size: '1', ask: '2', ask_size: '3', seq: 4 },
  kline: {
    ...head,
    ...times,
    ...prices,
    interval: '1m',
    open_time: 1,
    close_time: 2,
    quote_volume: '1',
    taker_buy_volume: '1',
    taker_buy_quote_volume: '1',
    count: 3,
    closed: true,
  },
  gap: { ...head, of: 'trade', reason: 'restart', from: 1, to: 2 },
  state: { ...head, of: 'trade', state: 'live', since: 1 },
  instrument: { ...head, venue_symbol: 'BTCUSDT', base: 'BTC', quote: 'USDT', status: 'trading' },
} as const
type Type = keyof typeof whole
const types = Object.keys(whole) as Type[]

it.each(types)('finds a whole %s right, with all of its fields and with those that it must have', (type) => {
  const m: Fields = { type, ...whole[type] }
  expect(violation(m, type)).toBeUndefined()
  const optional = Object.entries(MESSAGES[type].shape).filter(([, schema]) => schema.safeParse(undefined).success)
  const least = Object.fromEntries(Object.entries(m).filter(([key]) => !optional.some(([name]) => name === key)))
  expect(violation(least, type)).toBeUndefined()
})

it('agrees with the schemas about whatever a message may become', () => {
  const value = fc.oneof(
    fc.constantFrom<unknown>(
      null,
      '',
      '-',
      '.',
      '1.',
      '.5',
      '-1',
      '1e5',
      '00',
      '1.0.0',
      ' 1',
      'x'.repeat(65),
      2 ** 53,
      -1,
      0.5,
      0,
      true,
      false,
    ),
    fc.constantFrom<unknown>(
      [],
      [[]],
      [['1']],
      [['1', 2]],
      [['1', '2', '3']],
      [['1', '2']],
      {},
      'buy',
      'delta',
      '12345',
    ),
    fc.json().map((text) => JSON.parse(text) as unknown),
  )
  const change = fc.tuple(
    fc.nat(30),
    fc.oneof(value, fc.constant(undefined)),
    fc.constantFrom(undefined, 'extra', '__proto__'),
  )
  fc.assert(
    fc.property(fc.constantFrom(...types), fc.array(change, { minLength: 1, maxLength: 2 }), (type, changes) => {
      const entries = Object.entries({ type, ...whole[type] } as Fields)
      for (const [i, to, extra] of changes) {
        if (extra !== undefined) entries.push([extra, to])
        else (entries[i % entries.length] as [string, unknown])[1] = to
      }
      // As a stored message is read: undefined fields are absent, and __proto__ is a field like any other.
      const text = entries
        .filter(([, v]) => v !== undefined)
        .map(([key, v]) => `${JSON.stringify(key)}:${JSON.stringify(v)}`)
      const m = JSON.parse(`{${text.join(',')}}`) as Fields
      expect(violation(m, type) === undefined).toBe(MESSAGES[type].safeParse(m).success)
    }),
    { numRuns: 5000 },
  )
})

it('says which field is wrong', () => {
  expect(violation({ type: 'trade', ...whole.trade, price: '1,5' }, 'trade')).toMatch(/^price: Invalid string/)
  expect(violation({ type: 'orderbook', ...whole.orderbook, bids: [['1']] }, 'orderbook')).toMatch(/^bids\.0/)
})
