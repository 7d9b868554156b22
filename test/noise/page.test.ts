import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { figuresOf } from './figures.ts'
import type { Tally } from './judge.ts'
import { PAGE, page, readPlayed } from './page.ts'
import type { Judged } from './seed.ts'

const found: Tally = {
  incidents: [
    { kind: 'drop', after: 240, alerts: 1, by: ['MarketPrismMessageRateDropped'] },
    { kind: 'errors', after: undefined, alerts: 0, by: [] },
    { kind: 'gaps', after: 30, alerts: 2, by: ['MarketPrismDataGap', 'MarketPrismGapRateHigh'] },
  ],
  alerts: 4,
  wrong: 1,
}
const nothing: Tally = {
  incidents: found.incidents.map((one) => ({ ...one, after: undefined, alerts: 0 })),
  alerts: 0,
  wrong: 0,
}
const wrong = {
  alert: 'MarketPrismMessageRateDropped',
  tier: 'P2',
  labels: { exchange: 'okx' },
  from: 90_000,
  to: 91_000,
}
const PLAYED: readonly Judged[] = [
  {
    seed: 11,
    days: 30,
    passes: 2,
    all: found,
    wrong: [wrong],
    by: { adaptive: { ...found, alerts: 2 }, 'two-sigma': nothing, random: nothing, always: nothing },
  },
]

test('docs/noise.md is what was played last; write it again with `npm run noise`', async () => {
  expect(await readFile(PAGE, 'utf8')).toBe(page(await readPlayed()))
})

test('figures are shares of alerts and of incidents that the adaptive rules are about', () => {
  const figures = figuresOf(PLAYED)
  expect(figures['noise.false']?.value).toBe(25)
  expect(figures['noise.false']?.detail['false P1 or P2 a week']).toBe(0.233)
  expect(figures['noise.recall']?.value).toBe(50)
  expect(figures['noise.recall']?.detail['all kinds, all rules']).toBe('2 of 3')
  expect(figures['noise.perIncident']?.value).toBe(1)
})

test('the page has a row for each detector and incident, and says when a false alert was', () => {
  const text = page(PLAYED)
  expect(text).toContain('(played: 11)')
  expect(text).toContain('| the adaptive rules | 50 % (1 of 2) | 50 % | 2 | 240 s | 240 s | 1 |')
  expect(text).toContain(
    '| a kind of data has a gap a minute | 1 | 1 | 1 | 30 s | 30 s | 2 | DataGap 1, GapRateHigh 1 |',
  )
  expect(text).toContain('| `MarketPrismMessageRateDropped` | P2 | 1 | 11/2 |')
  expect(text).not.toMatch(/NaN|undefined/)
})
