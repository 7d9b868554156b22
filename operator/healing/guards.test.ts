import fc from 'fast-check'
import { expect, test } from 'vitest'
import { BACKOFF_MS_MAX, BACKOFF_MS_MIN, backoffMs, TOKEN_MS, tokensLeft, TOKENS_MAX } from './guards.ts'

const NOW_MS = 1_790_000_000_000

test('a bucket that nobody used is full', () => expect(tokensLeft([], NOW_MS)).toBe(TOKENS_MAX))

test('a token comes back every ten minutes, and no more than there were', () => {
  const times = [NOW_MS, NOW_MS, NOW_MS]
  expect(tokensLeft(times, NOW_MS)).toBe(0)
  expect(tokensLeft(times, NOW_MS + TOKEN_MS)).toBe(1)
  expect(tokensLeft(times, NOW_MS + 100 * TOKEN_MS)).toBe(TOKENS_MAX)
})

test('who acts as soon as there is a token never acts more than three times and once each ten minutes', () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 30 * 60_000 }), { maxLength: 60 }), (waits) => {
      const times: number[] = []
      let nowMs = NOW_MS
      for (const waitMs of waits) {
        nowMs += waitMs
        if (tokensLeft(times, nowMs) >= 1) times.push(nowMs)
      }
      for (const [i, from] of times.entries()) {
        for (const [j, to] of times.entries()) {
          if (j >= i) expect(j - i + 1).toBeLessThanOrEqual(TOKENS_MAX + (to - from) / TOKEN_MS)
        }
      }
    }),
  )
})

test('a clock that goes back gives no token', () => {
  expect(tokensLeft([NOW_MS, NOW_MS - 60 * 60_000], NOW_MS)).toBe(TOKENS_MAX - 2)
})

test('waits double, up to an hour', () => {
  expect([1, 2, 3, 4, 5, 50].map(backoffMs)).toEqual([
    BACKOFF_MS_MIN,
    2 * BACKOFF_MS_MIN,
    4 * BACKOFF_MS_MIN,
    8 * BACKOFF_MS_MIN,
    BACKOFF_MS_MAX,
    BACKOFF_MS_MAX,
  ])
})
