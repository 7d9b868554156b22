import { expect, test } from 'vitest'
import { dayOf } from './days.ts'

test('every day of 130 years is the one that Date says, at its first and its last millisecond', () => {
  for (let ms = 0; ms < 130 * 366 * 86_400_000; ms += 86_400_000) {
    const wanted = new Date(ms).toISOString().slice(0, 10).replaceAll('-', '')
    if (dayOf(ms) !== wanted || dayOf(ms + 86_399_999) !== wanted) expect(dayOf(ms)).toBe(wanted)
  }
  expect(dayOf(1_798_185_600_000)).toBe('20261225')
})
