import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Ending, openPace, type Reason } from './pace.ts'

const ending = (reason: Reason, more: Partial<Ending> = {}): Ending => ({
  reason,
  livedMs: 0,
  wasListing: false,
  sinceListMs: 60_000,
  retryAfterMs: 0,
  ...more,
})

/** What a watch that lived long is followed by, and one that did not. */
const WAITS: Record<string, [Ending, number]> = {
  'a watch that lived is resumed at once': [ending('ended', { livedMs: 400_000 }), 0],
  'also where it was cut': [ending('cut', { livedMs: 5_000 }), 0],
  'one that did not live waits': [ending('cut', { livedMs: 4_999 }), 1_000],
  'one that could not begin waits': [ending('refused'), 1_000],
  'an expired version is listed at once': [ending('expired'), 0],
  'but not right after a list': [ending('expired', { sinceListMs: 1_000 }), 1_000],
  'nor while listing': [ending('expired', { wasListing: true }), 1_000],
  'a missing kind is asked for each half minute': [ending('missing'), 30_000],
  'a forbidden one each minute': [ending('forbidden'), 75_000],
  'what the server asks for counts': [ending('throttled', { retryAfterMs: 9_000 }), 9_000],
}
test.for(Object.entries(WAITS))('%s', ([, [one, waitMs]]) => {
  expect(Math.round(openPace(() => 0.999_999).after(one))).toBe(waitMs)
})

test('waits double up to 5 s for watches and 15 s for lists, and begin anew after a stream that lived', () => {
  const pace = openPace(() => 0.999_999)
  const waits = (one: Ending, times: number) => Array.from({ length: times }, () => Math.round(pace.after(one)))
  expect(waits(ending('refused'), 5)).toEqual([1_000, 2_000, 4_000, 5_000, 5_000])
  expect(waits(ending('ended', { livedMs: 5_000 }), 1)).toEqual([0])
  expect(waits(ending('failed', { wasListing: true }), 5)).toEqual([1_000, 2_000, 4_000, 8_000, 15_000])
})

test('whatever happens, there are never more than ten attempts in 30 s that do not live', () => {
  const reasons = fc.constantFrom<Reason>(
    'closed',
    'cut',
    'refused',
    'malformed',
    'failed',
    'throttled',
    'unauthorized',
  )
  fc.assert(
    fc.property(fc.array(reasons, { minLength: 11, maxLength: 11 }), fc.infiniteStream(fc.nat(999)), (all, chances) => {
      const pace = openPace(() => (chances.next().value ?? 0) / 1_000)
      const waited = all.slice(1).reduce((ms, reason) => ms + pace.after(ending(reason)), 0)
      expect(waited).toBeGreaterThan(30_000)
    }),
  )
})
