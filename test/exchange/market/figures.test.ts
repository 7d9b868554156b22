import fc from 'fast-check'
import { expect, test } from 'vitest'
import { Figures } from './figures.ts'
import { assetOf, instrumentOf } from './instruments.ts'

const NOW = 1_790_000_000_000
const contract = { kind: 'linear', value: '0.01', multiplier: '1', settle: 'USDT' } as const
const swap = instrumentOf(assetOf('BTC'), 'USDT', { symbol: 'SWAP', market: 'perpetual', contract, sizeDecimals: 2 })
const spot = instrumentOf(assetOf('BTC'), 'USDT', { symbol: 'SPOT' })
const halted = { ...swap, symbol: 'HALTED', trading: false }

const figures = (seed: number) => new Figures(seed, [swap, spot, halted])
const times = fc.integer({ min: NOW - 1e10, max: NOW + 1e10 })

test('a figure is a function of seed, symbol and time alone, in plain decimals', () => {
  const one = figures(1)
  fc.assert(
    fc.property(times, (time) => {
      const all = (it: Figures) => [
        it.funding('SWAP', time)!.rate,
        it.openInterest('SWAP', time)!,
        it.ratio('SWAP', 'lsr_top_position', 300_000, time)!,
        it.markPrice('SWAP', time)!,
        it.indexPrice('SWAP', time)!,
        it.volatility('btc_usd', time)!,
      ]
      expect(all(one)).toEqual(all(figures(1)))
      for (const text of all(one)) expect(text).toMatch(/^-?\d+(\.\d+)?$/u)
    }),
  )
  expect(one.openInterest('SWAP', NOW)).not.toBe(figures(2).openInterest('SWAP', NOW))
})

test('funding names the next two times, a multiple of its interval apart', () => {
  fc.assert(
    fc.property(times, fc.integer(), (at, seed) => {
      const { time, nextTime } = figures(seed).funding('SWAP', at)!
      const interval = nextTime - time
      expect([4, 8]).toContain(interval / 3_600_000)
      expect(time % interval).toBe(0)
      expect(time - at).toBeGreaterThan(0)
      expect(time - at).toBeLessThanOrEqual(interval)
    }),
  )
})

test('liquidations do not depend on how the time is cut, and are in its order', () => {
  fc.assert(
    fc.property(times, fc.array(fc.integer({ min: 0, max: 60_000 }), { maxLength: 5 }), (from, cuts) => {
      const to = from + 60_000
      const whole = figures(3).liquidations('SWAP', from, to)
      const bounds = [from, ...cuts.map((ms) => from + ms).sort((a, b) => a - b), to]
      const parts = bounds.slice(1).flatMap((end, i) => figures(3).liquidations('SWAP', bounds[i]!, end))
      expect(parts).toEqual(whole)
      expect(whole.every(({ time }, i) => i === 0 || time >= whole[i - 1]!.time)).toBe(true)
    }),
  )
  expect(figures(3).liquidations('SWAP', NOW, NOW + 600_000).length).toBeGreaterThan(20)
})

test('spot and what does not trade have no figures but prices', () => {
  const it = figures(1)
  for (const symbol of ['SPOT', 'HALTED', 'NOPE']) {
    expect([it.funding(symbol, NOW), it.openInterest(symbol, NOW), it.liquidations(symbol, NOW, NOW + 1e6)]).toEqual([
      undefined,
      undefined,
      [],
    ])
  }
  expect([it.markPrice('SPOT', NOW), it.markPrice('HALTED', NOW)]).toEqual([expect.any(String), undefined])
})
