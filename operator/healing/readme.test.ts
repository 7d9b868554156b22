// README.md of this room says what the code does.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { RESULTS } from './act.ts'
import * as guards from './guards.ts'
import * as history from './history.ts'
import { PERIOD_MS, START_UP_MS } from './observed.ts'
import * as symptoms from './symptoms.ts'

const text = readFileSync(join(import.meta.dirname, 'README.md'), 'utf8')
const sections = text.split(/^## /m)

/** Rows of the table of a section, by what stands in their first cell. */
function tableOf(section: string): Map<string, string> {
  const found = sections.find((one) => one.startsWith(section)) ?? ''
  const rows = [...found.matchAll(/^\| `(\w+)` \| (.+) \|$/gm)]
  return new Map(rows.map(([, first = '', rest = '']) => [first, rest]))
}

test('every symptom is there, in order, with how long it must last', () => {
  const table = tableOf('Symptoms')
  expect([...table.keys()]).toEqual([...symptoms.REASONS])
  const { SEEN_TWICE_MS, NOT_READY_MS, STALE_MS } = symptoms
  const lasts = { OutOfMemory: SEEN_TWICE_MS, CrashLoop: SEEN_TWICE_MS, RestartsDidNotHelp: SEEN_TWICE_MS }
  const more = { Unresponsive: SEEN_TWICE_MS, NotReady: NOT_READY_MS, ChannelsStale: STALE_MS }
  for (const [reason, ms] of Object.entries({ ...lasts, ...more }))
    expect(table.get(reason), reason).toContain(`| ${ms / 1000} s |`)
  expect(table.get('RestartsDidNotHelp')).toContain(`${minutes(START_UP_MS)}, and ${symptoms.RESTARTS_OF_KUBELET}`)
  expect(text).toContain(`Every look, each ${PERIOD_MS / 1000} s`)
})

test('everything that holds an action back is there, in order, with its figures', () => {
  const table = tableOf('What holds an action back')
  expect([...table.keys()]).toEqual([...guards.HOLDS])
  const waits = [1, 2, 3, 4, 9].map((count) => guards.backoffMs(count) / 60_000)
  const [first, ...others] = waits
  const figures: Partial<Record<guards.Hold, string>> = {
    KubeletFirst: `${symptoms.RESTARTS_OF_KUBELET} times`,
    SinkDown: `within ${symptoms.SINK_LOST_MS / 1000} s`,
    NewLeader: `${guards.LEASE_AGE_MS_MIN / 1000} s`,
    StartingUp: minutes(START_UP_MS),
    ActionRunning: minutes(history.ACTION_MS_MAX),
    Backoff: `${first} minutes after an action on the shard, then ${others.slice(0, 3).join(', ')}, at most ${others[3]}`,
    BudgetRefused: `${guards.REFUSED_MS / 1000} s`,
    Exhausted: `fewer than ${guards.ATTEMPTS_MAX} actions`,
    CollectorBudget: `${guards.TOKENS_MAX} actions, of which one comes back each ${minutes(guards.TOKEN_MS)}`,
    FleetBudget: `fewer than ${guards.FLEET_ACTIONS_MAX} actions on all Collectors within ${minutes(history.FLEET_WINDOW_MS)}`,
  }
  for (const [hold, figure] of Object.entries(figures)) expect(table.get(hold), hold).toContain(figure)
  expect(text).toContain(`well for ${minutes(history.HEALTHY_MS)} begins at the foot`)
})

test('every outcome of an action is there', () => {
  expect([...tableOf('What came of it').keys()]).toEqual([...RESULTS])
})

function minutes(ms: number): string {
  return `${ms / 60_000} minutes`
}
