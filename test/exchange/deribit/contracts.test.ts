import fc from 'fast-check'
import { expect, test } from 'vitest'
import { contract, contracts, expiries } from './contracts.ts'

test.each([
  ['BTC-PERPETUAL', { market: 'perpetual', quote: 'USD', inverse: true, contractSize: 10, expiry: undefined }],
  ['XRP_USDC-PERPETUAL', { market: 'perpetual', quote: 'USDC', inverse: false, contractSize: 1 }],
  ['BTC-6NOV26', { market: 'future', expiry: Date.UTC(2026, 10, 6, 8), strike: undefined }],
  ['BTC-27NOV26-90000-P', { market: 'option', strike: 90_000, right: 'put', contractSize: 1 }],
  ['XRP_USDC-25SEP26-0d525-C', { market: 'option', strike: 0.525, right: 'call', contractSize: 1_000 }],
  ['SOL-24JUN22', { market: 'future', inverse: true, contractSize: 10 }],
] as const)('C016: the name %s says what it is', (name, expected) => {
  expect(contract(name)).toMatchObject({ name, ...expected })
})

test.each(['BTCUSDT', 'btc-perpetual', 'BTC-06XXX26', 'BTC-25DEC26-0D5-C', 'BTC-25DEC26-1-X', ''])(
  '%j is no name of Deribit',
  (name) => {
    expect(() => contract(name)).toThrow('is no name of Deribit')
  },
)

test('whenever it starts, the listed dates are Fridays ahead: a quarter ends, or the day has one digit', () => {
  const times = fc.integer({ min: Date.UTC(2024, 0), max: Date.UTC(2040, 0) })
  fc.assert(
    fc.property(times, (now) => {
      const { quarter, near } = expiries(now)
      const [later, soon] = [quarter, near].map((date) => contract(`BTC-${date}`).expiry!)
      for (const time of [later!, soon!]) {
        expect(time).toBeGreaterThan(now)
        expect(new Date(time).getUTCDay()).toBe(5)
      }
      expect(near).toMatch(/^\d[A-Z]{3}\d\d$/u)
      expect(quarter).toMatch(/^\d\d(MAR|JUN|SEP|DEC)\d\d$/u)
      expect(new Date(later! + 7 * 86_400_000).getUTCMonth()).not.toBe(new Date(later!).getUTCMonth())
    }),
  )
})

test('of the names that are given, each market lists its own', () => {
  const names = ['BTC-PERPETUAL', 'BTC-25DEC26', 'XRP_USDC-25DEC26-0d525-C']
  const listed = (['perpetual', 'future', 'option'] as const).map((market) =>
    contracts(market, names, 1_790_000_000_000).flatMap(({ name, trading }) => (trading ? [name] : [])),
  )
  expect(listed).toEqual(names.map((name) => [name]))
})

test('a list of any length has distinct names, one of them halted', () => {
  for (const market of ['perpetual', 'future', 'option'] as const) {
    const list = contracts(market, 30, 1_790_000_000_000)
    expect(new Set(list.map(({ name }) => name)).size).toBe(31)
    expect(list.filter(({ trading }) => !trading)).toHaveLength(1)
    expect(list.every((one) => one.market === market && one.reference > 0 && one.usualSize >= 20)).toBe(true)
  }
})
