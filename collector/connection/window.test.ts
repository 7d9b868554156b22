import fc from 'fast-check'
import { expect, it } from 'vitest'
import { SlidingWindow } from './window.ts'

it('forgets each use exactly when the window has passed over it', () => {
  const window = new SlidingWindow(1_000)
  window.add(3, 0)
  window.add(4, 400)
  expect([window.used(999), window.nextMs]).toEqual([7, 1_000])
  expect([window.used(1_000), window.nextMs]).toEqual([4, 1_400])
  expect([window.used(1_400), window.nextMs]).toEqual([0, Infinity])
})

it('agrees with the plain sum over the last window', () => {
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(300), fc.integer({ min: 1, max: 9 }))), (steps) => {
      const window = new SlidingWindow(1_000)
      const uses: { at: number; weight: number }[] = []
      let now = 0
      for (const [pause, weight] of steps) {
        now += pause
        window.add(weight, now)
        uses.push({ at: now, weight })
        const sum = uses.filter((use) => use.at > now - 1_000).reduce((total, use) => total + use.weight, 0)
        expect(window.used(now)).toBe(sum)
      }
    }),
  )
})
