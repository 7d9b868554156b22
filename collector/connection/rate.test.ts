import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Rate } from './rate.ts'

it('never takes more from a bucket than it holds, where n are allowed in the time in which n flow in', () => {
  const pauses = fc.array(fc.nat(2_500), { minLength: 20, maxLength: 60 })
  fc.assert(
    fc.property(pauses, (history) => {
      const rate = new Rate([{ max: 10, windowMs: 3_000 }], 0)
      let nowMs = 0
      let level = 10
      let lastMs = 0
      for (const pause of history) {
        // Whoever wants to send sends all that goes.
        nowMs += pause
        while (rate.freeMs(nowMs) <= nowMs) {
          level = Math.min(10, level + ((nowMs - lastMs) * 10) / 3_000) - 1
          lastMs = nowMs
          expect(level).toBeGreaterThanOrEqual(0)
          rate.add(nowMs)
        }
      }
    }),
  )
})

it('lets what may use a part only wait until the window has room for it', () => {
  const rate = new Rate([{ max: 4, windowMs: 900 }], 0)
  for (const atMs of [0, 100]) rate.add(atMs)
  expect([rate.freeMs(200), rate.freeMs(200, 0.5)]).toEqual([200, 1_000])
  expect(rate.freeMs(1_000, 0.5)).toBe(1_000)
})

it('allows one at least, whatever is kept free', () => {
  const rate = new Rate([{ max: 1, windowMs: 900 }], 1)
  expect([rate.freeMs(0), rate.freeMs(0, 0.5)]).toEqual([0, 0])
})
