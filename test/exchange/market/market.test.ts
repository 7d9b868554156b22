import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Clock } from '../clock.ts'
import { Candles } from './candles.ts'
import { decimal, fromName, instruments } from './instruments.ts'
import { Market, type Trade } from './market.ts'

function market(seed: number, options: Partial<ConstructorParameters<typeof Market>[1]> = {}) {
  const clock = new Clock(1_790_000_000_000)
  const base = { seed, instruments: instruments(3), rate: 500, levels: 40 }
  return { clock, market: new Market(clock, { ...base, numbering: 'contiguous', offBookTrades: false, ...options }) }
}

test('books never cross and stay near where they belong, trade ids rise by one', () => {
  fc.assert(
    fc.property(fc.integer(), (seed) => {
      const { clock, market: m } = market(seed)
      for (let i = 0; i < 20; i++) {
        clock.advance(1_000)
        for (const { instrument, history, trades } of m.symbols.values()) {
          const { bids, asks } = history.book.levels()
          expect(bids[0]![0]).toBeLessThan(asks[0]![0])
          expect(Math.min(bids.length, asks.length)).toBeGreaterThan(4)
          expect(Math.abs(bids[0]![0] / instrument.reference - 1)).toBeLessThan(0.2)
          expect(trades.every((trade, j) => j === 0 || trade.id === trades[j - 1]!.id + 1)).toBe(true)
        }
      }
    }),
    { numRuns: 5 },
  )
})

test('the past of a book is what its changes made of it, until it is forgotten', () => {
  const { clock, market: m } = market(1, { historyMax: 15_000 })
  const seen = new Map<number, string>()
  const symbol = m.symbols.get('BTCUSDT')!
  symbol.listeners.add({
    change: (_side, _price, _size, seq) => {
      if (seq % 97 === 0) seen.set(seq, JSON.stringify(symbol.history.book.levels()))
    },
  })
  clock.advance(60_000)
  const remembered = [...seen].filter(([seq]) => symbol.history.at(seq) !== undefined)
  expect(remembered.length).toBeGreaterThan(20)
  expect(remembered.length).toBeLessThan(seen.size)
  // in falling order too: questions need not come in the order of time
  for (const [seq, book] of [...remembered, ...remembered.toReversed()])
    expect(JSON.stringify(symbol.history.at(seq))).toBe(book)
  expect(symbol.history.at(symbol.history.book.seq + 1)).toBeUndefined()
})

test('a halted symbol is listed and never moves', () => {
  const { clock, market: m } = market(2)
  const halted = m.symbols.get('LUNAUSDT')!
  const before = halted.history.book.seq
  clock.advance(20_000)
  expect([halted.history.book.seq, halted.trades]).toEqual([before, []])
})

test('off-book fills take single trade ids that no aggregate shows', () => {
  const { clock, market: m } = market(3, { offBookTrades: true })
  clock.advance(60_000)
  const { trades } = m.symbols.get('BTCUSDT')!
  const holes = trades.filter((trade, i) => i > 0 && trade.firstId !== trades[i - 1]!.lastId + 1)
  expect(holes.length / trades.length).toBeGreaterThan(0.005)
  expect(holes.length / trades.length).toBeLessThan(0.05)
})

test('candles add up what was traded in each interval', () => {
  const trade = (id: number, time: number, price: number, size: number, buyerIsMaker: boolean): Trade => {
    return { id, time, price, size, firstId: id, lastId: id, buyerIsMaker }
  }
  const list = [trade(1, 59_999, 10, 1, true), trade(2, 60_000, 12, 2, false), trade(3, 119_999.9, 11, 3, true)]
  expect(new Candles(60_000, list).list).toEqual([
    expect.objectContaining({ open: 0, trades: 1, volume: 1n }),
    expect.objectContaining({
      open: 60_000,
      high: 12,
      low: 11,
      trades: 2,
      volume: 5n,
      quoteVolume: 57n,
      takerBuyVolume: 2n,
    }),
  ])
})

test('whole units are written with so many digits behind the point', () => {
  expect([
    decimal(123, 2),
    decimal(5, 4),
    decimal(7, 0),
    decimal(123, 2, 8),
    decimal(7, 0, 2),
    decimal(10n ** 20n, 3),
  ]).toEqual(['1.23', '0.0005', '7', '1.23000000', '7.00', '100000000000000000.000'])
})

test('a name without a known quote asset is refused with what to write', () => {
  expect(fromName('1INCHBTC')).toMatchObject({ base: '1INCH', quote: 'BTC' })
  expect(() => instruments(['BTCXYZ'])).toThrow("symbol 'BTCXYZ': end it in one of USDT")
})
