import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compare, median, quantile, spread, type Rounds, type Sample } from './measure.ts'

test('the median of an even count lies between the two in the middle', () => {
  expect(median([9, 1, 2, 4])).toBe(3)
  expect(median([5])).toBe(5)
})

test('quantiles go from the smallest to the largest and never fall', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: -1_000_000, max: 1_000_000 }), { minLength: 1 }), (values) => {
      const quantiles = [0, 0.25, 0.5, 0.75, 1].map((q) => quantile(values, q))
      expect(quantiles[0]).toBe(Math.min(...values))
      expect(quantiles[4]).toBe(Math.max(...values))
      expect(quantiles).toEqual(quantiles.toSorted((a, b) => a - b))
    }),
  )
})

test('a median of nothing is a mistake, not a number', () => {
  expect(() => median([])).toThrow(/nothing/)
})

test('one wild round changes neither the median nor the spread', () => {
  const calm = [2, 2, 2, 2, 2, 2, 2, 2]
  expect(median([...calm, 40])).toBe(2)
  expect(spread([...calm, 40])).toBe(0)
})

const still = () => {}
const fixed = (rounds: number): Rounds => ({ warmUp: 1, min: rounds, max: rounds, error: 1 })
const takes = (seconds: () => number, log?: string[], name = ''): (() => Sample) => {
  return () => {
    log?.push(name)
    return { units: 100, seconds: seconds() }
  }
}

test('twice the speed is a ratio of two', async () => {
  const result = await compare(
    takes(() => 1),
    takes(() => 2),
    fixed(3),
    still,
  )
  expect(result).toMatchObject({ ratio: 2, low: 2, high: 2, ours: 100, peer: 50, rounds: 3 })
})

test('the sides take turns in going first, and the warm-up is thrown away', async () => {
  const log: string[] = []
  const { rounds } = await compare(
    takes(() => 1, log, 'A'),
    takes(() => 1, log, 'B'),
    fixed(3),
    still,
  )
  expect(rounds).toBe(3)
  expect(log.join('')).toBe('BA' + 'AB' + 'BA' + 'AB')
})

test('a drift that slows both alike leaves the ratio as it is', async () => {
  let slow = 1
  const drift = () => (slow *= 1.01)
  const { ratio } = await compare(
    takes(() => drift()),
    takes(() => 2 * drift()),
    fixed(8),
    still,
  )
  expect(ratio).toBeCloseTo(2, 2)
})

test('rounds go on while they disagree, up to the maximum', async () => {
  let n = 0
  const wild = takes(() => 1 + (n++ % 5))
  const { rounds } = await compare(
    wild,
    takes(() => 1),
    { warmUp: 0, min: 3, max: 12, error: 0.01 },
    still,
  )
  expect(rounds).toBe(12)
})

test('a sample without work is refused', async () => {
  await expect(
    compare(
      () => ({ units: 0, seconds: 1 }),
      takes(() => 1),
      fixed(1),
      still,
    ),
  ).rejects.toThrow(/without work/)
})
