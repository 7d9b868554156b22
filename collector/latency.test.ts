import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ChannelLatency, Latencies, Latency, LATENCY_BOUNDS, LatencyTotal } from './latency.ts'

const durationsUs = fc.array(fc.double({ min: 10, max: 9e8, noNaN: true }), { minLength: 1, maxLength: 300 })

test('a quantile is within five percent of the exact one', () => {
  fc.assert(
    fc.property(durationsUs, fc.double({ min: 0, max: 1, noNaN: true }), (values, q) => {
      const latency = new Latency()
      for (const us of values) latency.record(us)
      const exact = values.toSorted((a, b) => a - b)[Math.max(1, Math.ceil(q * values.length)) - 1] as number
      expect(Math.abs((latency.quantile(q) as number) / exact - 1)).toBeLessThan(0.05)
    }),
  )
})

test('every duration has a bin, however small, large or absurd', () => {
  const latency = new Latency()
  for (const us of [0, -5, 1e-300, 9.999, NaN, -Infinity, 1e9, 1e15, Infinity]) latency.record(us)
  expect(latency.quantile(0)).toBeCloseTo(10.4, 1)
  expect(latency.quantile(1)).toBeGreaterThan(9e8)
})

test('two together count what both counted, and a reset one has no quantile', () => {
  const [fast, slow] = [new Latency(), new Latency()]
  for (let i = 0; i < 99; i++) fast.record(100)
  slow.record(50_000)
  expect(fast.quantile(0.99, slow)).toBeLessThan(110)
  expect(fast.quantile(1, slow)).toBeGreaterThan(48_000)
  fast.reset()
  expect(fast.quantile(0.5)).toBeUndefined()
})

test('cumulative buckets count exactly what lies clearly below each bound', () => {
  const total = new LatencyTotal()
  for (const bound of LATENCY_BOUNDS) {
    total.record(bound * 1e6 * 0.98)
    total.record(bound * 1e6 * 1.02)
  }
  expect(total.cumulative(LATENCY_BOUNDS)).toEqual([
    ...LATENCY_BOUNDS.map((_, i) => 2 * i + 1),
    2 * LATENCY_BOUNDS.length,
  ])
  expect(total.sum).toBeCloseTo(2 * LATENCY_BOUNDS.reduce<number>((a, b) => a + b, 0), 6)
})

test('a channel forgets what is older than two rotations, its total does not', () => {
  const total = new LatencyTotal()
  const latency = new ChannelLatency(total)
  latency.record(100)
  latency.rotate()
  latency.record(10_000)
  const [p50, p99] = latency.quantiles(0.5, 0.99) as [number, number]
  expect(p50).toBeLessThan(110)
  expect(p99).toBeGreaterThan(9_500)
  latency.rotate()
  expect(latency.quantiles(0.5)[0]).toBeGreaterThan(9_500)
  latency.rotate()
  expect(latency.quantiles(0.5)).toEqual([undefined])
  expect(total.cumulative([1])).toEqual([2, 2])
})

test('channels of one kind share a total, others do not', () => {
  const latencies = new Latencies()
  const trade = { exchange: 'binance', market: 'spot', type: 'trade' } as const
  latencies.channel(trade).record(100)
  latencies.channel(trade).record(100)
  latencies.channel({ ...trade, market: 'perpetual' }).record(100)
  expect([...latencies.kinds()].map((k) => [k.market, k.total.cumulative([])])).toEqual([
    ['spot', [2]],
    ['perpetual', [1]],
  ])
})
