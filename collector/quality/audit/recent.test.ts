import fc from 'fast-check'
import { expect, it } from 'vitest'
import { messageKey, VERSION, type Message } from '../../market/messages.ts'
import { readingOf } from '../../../test/support/audit.ts'
import { RECENT_MAX, RecentMessages } from './recent.ts'

const head = { v: VERSION, exchange: 'binance', market: 'spot', symbol: 'BTC-USDT', received: 1, published: 1 } as const

const small = fc.integer({ min: 0, max: 3 })
const time = fc.constantFrom(undefined, 1_790_000_000_000_000, 1_790_000_000_000_001)
/** Messages of few ids and few contents, so that the same come again. */
const messages: Record<string, fc.Arbitrary<Message>> = {
  trades: fc.record({ id: small, price: small }).map(({ id, price }) => {
    return { type: 'trade', ...head, id: `${id}`, price: `${price}`, size: '1', side: 'buy' }
  }),
  books: fc
    .record({ kind: fc.constantFrom('snapshot', 'delta'), prev: small, seq: small, ts: time, size: small })
    .map((r) => {
      const order = {
        kind: r.kind as 'snapshot',
        prev_seq: r.prev,
        seq: r.seq,
        ...(r.ts !== undefined && { ts: r.ts }),
      }
      return { type: 'orderbook', ...head, ...order, bids: [['1', `${r.size}`]], asks: [] }
    }),
  tickers: fc.record({ seq: small, ts: time, bid: small }).map(({ seq, ts, bid }) => {
    return { type: 'ticker', ...head, seq, bid: `${bid}`, ...(ts !== undefined && { ts }) }
  }),
  'tickers without a sequence': fc.record({ ts: time, bid: small, raw: fc.boolean(), size: small }).map((r) => {
    const size = { bid_size: `${r.size}`, ...(r.raw && { raw_bid_size: `${r.size}` }) }
    return { type: 'ticker', ...head, bid: `${r.bid}`, ...size, ask: '9', ...(r.ts !== undefined && { ts: r.ts }) }
  }),
  candles: fc
    .record({ ts: time, high: small, closed: fc.constantFrom(undefined, true, false), open: small })
    .map((r) => {
      const prices = { open: `${r.open}`, high: `${r.high}`, low: '1', close: '1' }
      const more = { ...(r.ts !== undefined && { ts: r.ts }), ...(r.closed !== undefined && { closed: r.closed }) }
      return { type: 'kline', ...head, interval: '1m', open_time: 60, ...prices, ...more }
    }),
  liquidations: fc
    .record({ id: fc.option(small, { nil: undefined }), ts: time, price: small, raw: fc.boolean() })
    .map((r) => {
      const more = { ...(r.id !== undefined && { id: `${r.id}` }), ...(r.ts !== undefined && { ts: r.ts }) }
      const size = { size: '1', ...(r.raw && { raw_size: '7' }) }
      return { type: 'liquidation', ...head, side: 'buy', price: `${r.price}`, ...size, ...more }
    }),
  'funding rates': fc.record({ ts: time, rate: small }).map(({ ts, rate }) => {
    return { type: 'funding_rate', ...head, rate: `${rate}`, ...(ts !== undefined && { ts }) }
  }),
  states: fc.record({ received: small, detail: small }).map(({ received, detail }) => {
    return { type: 'state', ...head, received, of: 'trade', state: 'live', since: 1, detail: `${detail}` }
  }),
  gaps: fc.record({ from: small, to: small, missing: small }).map((r) => {
    return { type: 'gap', ...head, of: 'trade', reason: 'restart', ...r }
  }),
}

it.each(Object.keys(messages))('knows %s that come again by their id, and whether they say the same', (name) => {
  fc.assert(
    fc.property(fc.array(messages[name] as fc.Arbitrary<Message>, { maxLength: 60 }), (all) => {
      const recent = new RecentMessages()
      const model = new Map<string, string>()
      for (const m of all) {
        const [key, content] = [messageKey(m), JSON.stringify(m)]
        const before = model.get(key)
        expect(recent.take(readingOf(m))).toBe(before === undefined ? 'new' : before === content ? 'same' : 'other')
        if (before === undefined) model.set(key, content)
      }
    }),
  )
})

it('does not mind who published a message, nor the order of its fields', () => {
  const trade: Message = { type: 'trade', ...head, id: '1', price: '1', size: '2', side: 'buy' }
  const { price, ...rest } = trade
  const recent = new RecentMessages()
  expect(recent.take(readingOf(trade))).toBe('new')
  expect(recent.take(readingOf({ ...rest, price, received: 7, published: 8, filled: true }))).toBe('same')
  expect(recent.take(readingOf({ ...trade, price: '2', size: '1' }))).toBe('other')
})

it('remembers the latest, and no more than twice as many', () => {
  const recent = new RecentMessages()
  const trade = (id: number): Message => ({ type: 'trade', ...head, id: `${id}`, price: '1', size: '2', side: 'buy' })
  for (let id = 0; id < 10 * RECENT_MAX; id++) expect(recent.take(readingOf(trade(id)))).toBe('new')
  for (let id = 9 * RECENT_MAX; id < 10 * RECENT_MAX; id++) expect(recent.take(readingOf(trade(id)))).toBe('same')
  expect(recent.take(readingOf(trade(7 * RECENT_MAX)))).toBe('new')
})
