// The fault table itself, and what is made of its outcomes. The faults are real in `npm run faults`, and one of them here.
import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { ALERTS } from '../../../crds/alerts.ts'
import { tool, ToolMissing } from '../../../hack/tools.ts'
import { type Fault, patienceSeconds, promised } from './fault.ts'
import { firstOf, figuresOf, type Outcome, predecessorOf } from './outcome.ts'
import { page, PAGE, readRun } from './page.ts'
import { lastsSeconds, predecessorGroup } from './predecessor.ts'
import { openRig } from './rig.ts'
import { FAULTS } from './table.ts'
import { trial } from './trial.ts'

/** What has no moment at which it begins, or needs an hour; promtool tests hold these. */
const NOT_HERE = [
  'MarketPrismCertificateExpiring',
  'MarketPrismHealingBudgetSpent',
  'MarketPrismHighCPUUsage',
  'MarketPrismLatencyUnusual',
  'MarketPrismMemoryGrowth',
  'MarketPrismQueueBacklog',
]

test('each alert on a Collector is expected of some fault, but for those that cannot be had here', () => {
  const expected = new Set<string>(FAULTS.flatMap(({ expect: alerts }) => alerts))
  expect(ALERTS.filter((alert) => !expected.has(alert)).toSorted()).toEqual(NOT_HERE)
})

test('faults have names of their own, each a label of DNS, and are thirty and more', () => {
  const ids = FAULTS.map(({ id }) => id)
  expect(new Set(ids).size).toBe(ids.length)
  expect(ids.filter((id) => !/^[a-z][a-z0-9-]{0,30}$/.test(id))).toEqual([])
  expect(FAULTS.filter(({ expect: alerts }) => alerts.length > 0).length).toBeGreaterThanOrEqual(30)
})

test('a fault is given up a minute after the last promise', () => {
  const fault = { expect: ['MarketPrismSystemDown', 'MarketPrismCrashLoop'] } as const
  expect(patienceSeconds(fault)).toBe(promised('MarketPrismCrashLoop').detectWithin + 60)
})

const SEEN = [
  { alert: 'A', since: 5_000, firedAt: 40_000 },
  { alert: 'B', since: 6_000, firedAt: 30_000 },
  { alert: 'C', since: 1_000, firedAt: 20_000 },
  { alert: 'D', since: 9_000 },
]

test('of the alerts that are expected the first that fired counts; one that is pending did not', () => {
  expect(firstOf(SEEN, ['A', 'B', 'D'])?.alert).toBe('B')
  expect(firstOf(SEEN, ['D'])).toBeUndefined()
})

test("the predecessor's alert fires when its condition has held for as long as its rule says", () => {
  const lasts = (alert: string) => ({ A: 60, B: 300, C: 0 })[alert] ?? 600
  // C held before the fault.
  expect(predecessorOf(SEEN, 2_000, lasts)).toEqual({ alert: 'A', seconds: 63 })
  expect(predecessorOf([], 0, lasts)).toBeUndefined()
})

test('the predecessor has 15 rules, and each knows how long it must hold', () => {
  const { rules } = predecessorGroup('desk-a', 'majors') as { rules: { alert: string; expr: string; for: string }[] }
  expect(rules).toHaveLength(15)
  expect(rules.map(({ alert, for: lasts }) => lastsSeconds(alert) - 60 * Number.parseInt(lasts, 10))).toEqual(
    rules.map(() => 0),
  )
  expect(rules.filter(({ expr }) => !expr.includes('namespace="desk-a"'))).toEqual([])
})

const outcome = (more: Partial<Outcome>): Outcome => {
  return { id: 'one', area: 'pod', what: '', expect: ['MarketPrismSystemDown'], also: [], ...more }
}

test('what is not said lowers the share, and what promises more than a minute is not among those that promise one', () => {
  const minute = [10, 20, 30].map((detectedSeconds) => outcome({ fired: 'MarketPrismSystemDown', detectedSeconds }))
  const slow = outcome({ expect: ['MarketPrismGapRateHigh'], fired: 'MarketPrismGapRateHigh', detectedSeconds: 901 })
  const silent = outcome({ expect: [] })
  const figures = figuresOf([...minute, slow, silent, outcome({})])
  expect(figures['faults.detected']?.value).toBe(80)
  expect(figures['faults.p95']?.value).toBe(29)
  expect(figures['faults.p95']?.detail).toMatchObject({ 'promise a minute': 3, 'later than they promise': 1 })
})

test('docs/faults.md is what outcomes.json says; write it again with `npm run faults`', async () => {
  const run = await readRun().catch(() => undefined)
  const text = await readFile(PAGE, 'utf8').catch(() => undefined)
  // Neither is there before the first run.
  expect(text).toBe(run && (await page(run)))
  const done = new Set(run?.outcomes.map(({ id }) => id))
  expect(run?.outcomes.map(({ id }) => id) ?? []).toEqual(FAULTS.map(({ id }) => id).filter((id) => done.has(id)))
})

test('a page shows what was missed, late, or said without a cause', async () => {
  const about = { machine: 'm', minutes: 1, atOnce: 1, holdSeconds: 0, rules: { missed: 0, failed: 0 } }
  const late = outcome({ id: 'late', fired: 'MarketPrismSystemDown', detectedSeconds: 61 })
  const loud = outcome({ id: 'loud', expect: [], also: ['MarketPrismDataGap'] })
  const text = await page({ ...about, outcomes: [outcome({ id: 'missed' }), late, loud] })
  expect(text).toContain('| **not** | 60 s |')
  expect(text).toContain('| **61 s** | 60 s |')
  expect(text).toContain('| **not silent** |')
  expect(text).not.toContain('{{')
})

test('an exchange that goes is said, and the alert is over when it is back', { timeout: 170_000 }, async ({ skip }) => {
  for (const name of ['prometheus', 'nats-server'] as const) {
    await tool(name).catch((error: unknown) => {
      if (error instanceof ToolMissing) return skip(error.message)
      throw error
    })
  }
  // Scraped and judged every second, so that a minute is enough.
  await using rig = await openRig({ cluster: false, past: [], holdSeconds: 0, interval: 1, say: () => {} })
  const fault = FAULTS.find(({ id }) => id === 'gone') as Fault
  const came = await trial(fault, rig)
  expect(came).toMatchObject({ fired: 'MarketPrismAllExchangesDisconnected', also: [] })
  expect(came.detectedSeconds).toBeLessThan(30)
  expect(came.recoveredSeconds).toBeLessThan(60)
})
