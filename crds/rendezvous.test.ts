import fc from 'fast-check'
import { expect, test } from 'vitest'
import { EXCHANGES, MARKETS } from './names.ts'
import { instrumentKey, rendezvous, scores } from './rendezvous.ts'

const keys = Array.from({ length: 2_000 }, (_, i) => `binance:perpetual:C${i}-USDT`)

test('the hash is what it always was: another would move every instrument of every Collector', () => {
  const line = (key: string): string => {
    const places = [1, 2, 3, 10, 100].map((shards) => rendezvous(key, shards))
    return `${key} scores ${scores(key, 2).join(' ')}, goes to ${places.join(' ')}`
  }
  expect(line('binance:perpetual:BTC-USDT')).toMatchInlineSnapshot(
    `"binance:perpetual:BTC-USDT scores 2054877602297106 2969146336665382, goes to 0 1 2 9 58"`,
  )
  expect(line('okx:option:BTC-USD-20261225-0d525-C')).toMatchInlineSnapshot(
    `"okx:option:BTC-USD-20261225-0d525-C scores 8748328127479290 1995696421385514, goes to 0 0 0 0 24"`,
  )
  expect(line('binance:spot:币安人生-USDT')).toMatchInlineSnapshot(
    `"binance:spot:币安人生-USDT scores 3994344098211034 3407064747912212, goes to 0 0 2 8 72"`,
  )
})

test('one shard more takes from the others and moves nothing between them', () => {
  const instrument = fc
    .record({ exchange: fc.constantFrom(...EXCHANGES), market: fc.constantFrom(...MARKETS), symbol: fc.string() })
    .map(instrumentKey)
  fc.assert(
    fc.property(instrument, fc.integer({ min: 1, max: 99 }), (key, shards) => {
      const [before, after] = [rendezvous(key, shards), rendezvous(key, shards + 1)]
      expect([before, shards]).toContain(after)
      expect(before).toBe(scores(key, shards).indexOf(Math.max(...scores(key, shards))))
    }),
  )
})

test('instruments are spread as dice would: names that differ by a digit fall anywhere', () => {
  for (const shards of [2, 3, 10, 40]) {
    const counts = Array.from({ length: shards }, () => 0)
    for (const key of keys) counts[rendezvous(key, shards)]! += 1
    const mean = keys.length / shards
    const chiSquare = counts.reduce((sum, count) => sum + (count - mean) ** 2 / mean, 0)
    // Mean and deviation of chi-square with so many degrees of freedom; four deviations.
    expect(chiSquare, String(shards)).toBeLessThan(shards - 1 + 4 * Math.sqrt(2 * (shards - 1)))
  }
})
