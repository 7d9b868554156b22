import fc from 'fast-check'
import { expect, it } from 'vitest'
import { messageKey, VERSION, type Message } from '../../market/messages.ts'
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
        expect(recent.take(m)).toBe(before === undefined ? 'new' : before === content ? 'same' : 'other')
        if (before === undefined) model.set(key, content)
      }
    }),
  )
})

it('does not mind who published a message, nor the order of its fields', () => {
  const trade: Message = { type: 'trade', ...head, id: '1', price: '1', size: '2', side: 'buy' }
  const { price, ...rest } = trade
  const recent = new RecentMessages()
  expect(recent.take(trade)).toBe('new')
  expect(recent.take({ ...rest, price, received: 7, published: 8, filled: true })).toBe('same')
  expect(recent.take({ ...trade, price: '2', size: '1' })).toBe('other')
})

it('remembers the latest, and no more than twice as many', () => {
  const recent = new RecentMessages()
  const trade = (id: number): Message => ({ type: 'trade', ...head, id: `${id}`, price: '1', size: '2', side: 'buy' })
  for (let id = 0; id < 10 * RECENT_MAX; id++) expect(recent.take(trade(id))).toBe('new')
  for (let id = 9 * RECENT_MAX; id < 10 * RECENT_MAX; id++) expect(recent.take(trade(id))).toBe('same')
  expect(recent.take(trade(7 * RECENT_MAX))).toBe('new')
})
