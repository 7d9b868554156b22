import { expect, test } from 'vitest'
import { longestLimitMs } from './longest-first.ts'

test.each([
  ["it('is quick', () => {})", 0],
  ["it('waits', { timeout: 60_000 }, () => {})", 60_000],
  ['vi.setConfig({ testTimeout: 400_000 })', 400_000],
  ['const TIMEOUT_MS = 20_000', 20_000],
  ['{ timeout: 1_000 } { timeout: 30_000 } { timeout: 2_000 }', 30_000],
])('the longest time limit of %s is %i ms', (text, ms) => {
  expect(longestLimitMs(text)).toBe(ms)
})
