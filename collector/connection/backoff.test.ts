import fc from 'fast-check'
import { expect, it } from 'vitest'
import { GrowingWaits, BACKOFF_BASE_MS, BACKOFF_CAP_MS, HEALTHY_MS, backoff, fullJitterMs } from './backoff.ts'

it('doubles the range of the wait up to half a minute and never ends', () => {
  const waits = backoff(() => 0.999_999)
  const ranges = Array.from({ length: 2_000 }, () => waits.next(0) + 1)
  expect(ranges.slice(0, 9)).toEqual([250, 500, 1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000])
  expect(ranges.at(-1)).toBe(30_000)
})

it('spreads a wait over its whole range', () => {
  expect(fullJitterMs(5, 250, 30_000, () => 0)).toBe(0)
  expect(fullJitterMs(5, 250, 30_000, () => 0.5)).toBe(4_000)
})

it('begins anew only after a connection that was healthy for half a minute', () => {
  const waits = backoff(() => 0.5)
  for (let i = 0; i < 5; i++) waits.next(0)
  expect(waits.next(HEALTHY_MS - 1)).toBe(4_000)
  expect(waits.next(HEALTHY_MS)).toBe(BACKOFF_BASE_MS / 2)
})

it('always waits a whole number from 0 to below the cap', () => {
  fc.assert(
    fc.property(fc.nat(1_000_000), fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true }), (attempt, chance) => {
      const ms = fullJitterMs(attempt, BACKOFF_BASE_MS, BACKOFF_CAP_MS, () => chance)
      return Number.isInteger(ms) && ms >= 0 && ms < BACKOFF_CAP_MS
    }),
  )
})

it('waits longer for what fails again and again, each thing by itself, and begins anew once it was well', () => {
  const waits = new GrowingWaits(1_000, 5_000)
  expect(['a', 'a', 'b', 'a', 'a'].map((key) => waits.next(key))).toEqual([1_000, 2_000, 1_000, 4_000, 5_000])
  for (let i = 0; i < 2_000; i++) waits.next('b')
  expect(waits.next('b')).toBe(5_000)
  waits.forget('a')
  expect([waits.has('a'), waits.has('b'), waits.next('a')]).toEqual([false, true, 1_000])
  waits.keep(new Set(['a']))
  expect([waits.has('b'), waits.next('a')]).toEqual([false, 2_000])
})
