// Rules judged by promtool over series that are made up: which alerts fire at which time.
//
// In: groups of rules and scenarios. Out: for each scenario and time the alerts that fire, with their labels. Always: one
// run of promtool for all of them; it is asked for an empty answer, and says what it got instead.
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { stringify } from 'yaml'
import { tool, ToolMissing } from '../../hack/tools.ts'

export interface Scenario {
  readonly name: string
  /** Values by series, as promtool writes both. */
  readonly series: Readonly<Record<string, string>>
  /** Seconds from the first sample. */
  readonly times: readonly number[]
}

export type Labels = Readonly<Record<string, string>>
/** What fires, by scenario and time. */
export type Firing = ReadonlyMap<string, ReadonlyMap<number, readonly Labels[]>>

/** Where promtool is, or why there is none. */
export const promtool: string | ToolMissing = await tool('promtool').catch((error: unknown) => {
  if (error instanceof ToolMissing) return error
  throw error
})

const FIRING = 'ALERTS{alertstate="firing"}'

/**
 * What fires when; a sample and a judgement each `interval`.
 * @throws Error with the words of promtool where rules or series cannot be read
 */
export async function firingOf(
  groups: readonly object[],
  scenarios: readonly Scenario[],
  interval = '15s',
): Promise<Firing> {
  const isRead = readBy(groups)
  const tests = scenarios.map(({ series, times }, i) => ({
    interval,
    input_series: Object.entries(series).flatMap(([of, values]) => (isRead(of) ? [{ series: of, values }] : [])),
    // What promtool repeats of a query says which scenario it is of.
    promql_expr_test: times.map((seconds) => ({ expr: `${FIRING} # ${i}`, eval_time: `${seconds}s`, exp_samples: [] })),
  }))
  const said = await testRules({
    'rules.yaml': stringify({ groups }),
    'test.yaml': stringify({ rule_files: ['rules.yaml'], evaluation_interval: interval, tests }),
  })
  return read(said, scenarios)
}

/** Whether an expression may read a series: the others would only be stored. NATS is matched under either prefix. */
function readBy(groups: readonly object[]): (series: string) => boolean {
  const text = JSON.stringify(groups)
  return (series) => text.includes(series.replace(/\{.*/, '').replace(/^(?:jetstream|nats)_/, ''))
}

interface Written {
  readonly expr: string
  readonly record?: string
}

/** Of rules that record series those that others need, directly or by what these need; in their order. */
export function neededBy<T extends Written>(recordings: readonly T[], rules: readonly Written[]): T[] {
  const needed = new Set<string>()
  const look = (all: readonly Written[]) => {
    const found = recordings.filter(({ record = '' }) => {
      return !needed.has(record) && all.some(({ expr }) => expr.includes(`${record}{`))
    })
    for (const { record = '' } of found) needed.add(record)
    if (found.length > 0) look(found)
  }
  look(rules)
  return recordings.filter(({ record = '' }) => needed.has(record))
}

/** Runs `promtool test rules test.yaml` beside these files; gives what it says. */
export async function testRules(files: Readonly<Record<string, string>>): Promise<string> {
  if (promtool instanceof ToolMissing) throw promtool
  const folder = mkdtempSync(join(tmpdir(), 'rules-'))
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
    const args = ['test', 'rules', join(folder, 'test.yaml')]
    const { stdout, stderr } = await promisify(execFile)(promtool, args, { maxBuffer: 1 << 28 }).catch(
      (error: { stdout: string; stderr: string }) => error,
    )
    return `${stdout}\n${stderr}`
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function read(said: string, scenarios: readonly Scenario[]): Firing {
  const fires = scenarios.map(({ times }) => new Map<number, Labels[]>(times.map((seconds) => [seconds, []])))
  const unread = said.replaceAll(
    /expr: "[^\n]*# (\d+)", time: (\S+),\s*exp: nil\s*got: ([^\n]*)/g,
    (_, i: string, time: string, got: string) => {
      const labels = [...got.matchAll(/\{([^}]*)\} 1E\+00/g)].map(([, text = '']) => labelsOf(text))
      fires[Number(i)]?.set(secondsOf(time), labels)
      return ''
    },
  )
  if (!/FAILED|SUCCESS/.test(said) || /err|expr|could not/i.test(unread)) throw new Error(unread.slice(0, 4000))
  return new Map(scenarios.map(({ name }, i) => [name, fires[i] as Map<number, Labels[]>]))
}

function labelsOf(text: string): Labels {
  const pairs = [...text.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(([, key = '', value = '']) => [key, value])
  return Object.fromEntries(pairs.filter(([key]) => key !== '__name__' && key !== 'alertstate')) as Labels
}

/** `1h2m15s` in seconds. */
export function secondsOf(time: string): number {
  const unit = { h: 3600, m: 60, s: 1 }
  return [...time.matchAll(/(\d+)([hms])/g)].reduce(
    (sum, [, count, of]) => sum + Number(count) * unit[of as keyof typeof unit],
    0,
  )
}
