import { expect, it } from 'vitest'
import { VirtualClock } from './connection/clock.ts'
import { AddressLimits } from './connection/limits.ts'
import { Lines } from './polls.ts'
import { madeUp } from '../test/support/madeup.ts'

const MINUTE_MS = 60_000

it('polls have two questions under way at most in all budgets of an address, and none waits for ever', async () => {
  const clock = new VirtualClock()
  const lines = new Lines(clock)
  const options = { exchange: 'kraken', host: 'main.test', rules: madeUp.rules, clock, random: () => 0.5 }
  const limits = new AddressLimits(options)
  const asked: string[] = []
  for (const pool of ['', 'statistics', 'history']) {
    for (let n = 0; n < 4; n++) {
      lines.of(limits, MINUTE_MS, pool).enter(1, 0, async () => {
        asked.push(pool)
        await new Promise<void>((done) => clock.setTimeout(done, 1_000))
      })
    }
  }
  expect(asked.length).toBe(2)
  await clock.advance(2_000)
  expect([asked.length, new Set(asked).size]).toEqual([6, 3])
  await clock.advance(10_000)
  expect(asked.length).toBe(12)
})
