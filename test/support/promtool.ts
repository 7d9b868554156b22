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

/** What fires when. @throws Error with the words of promtool where rules or series cannot be read */
export async function firingOf(groups: readonly object[], scenarios: readonly Scenario[]): Promise<Firing> {
  const tests = scenarios.map(({ name, series, times }) => ({
    name,
    interval: '15s',
    input_series: Object.entries(series).map(([of, values]) => ({ series: of, values })),
    promql_expr_test: times.map((seconds) => ({ expr: FIRING, eval_time: `${seconds}s`, exp_samples: [] })),
  }))
  const said = await testRules({
    'rules.yaml': stringify({ groups }),
    'test.yaml': stringify({ rule_files: ['rules.yaml'], evaluation_interval: '15s', tests }),
  })
  return read(said, scenarios)
}

/** Runs `promtool test rules test.yaml` beside these files; gives what it says. */
export async function testRules(files: Readonly<Record<string, string>>): Promise<string> {
  if (promtool instanceof ToolMissing) throw promtool
  const folder = mkdtempSync(join(tmpdir(), 'rules-'))
  try {
    for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text)
    const options = { maxBuffer: 1 << 28 }
    const { stdout, stderr } = await promisify(execFile)(
      promtool,
      ['test', 'rules', join(folder, 'test.yaml')],
      options,
    ).catch((error: { stdout: string; stderr: string }) => error)
    return stdout + stderr
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function read(said: string, scenarios: readonly Scenario[]): Firing {
  const fires = new Map(
    scenarios.map(({ name, times }) => [name, new Map<number, Labels[]>(times.map((t) => [t, []]))]),
  )
  let name = ''
  let seconds = 0
  for (const line of said.split('\n')) {
    name = /^\s*name: (.*),$/.exec(line)?.[1] ?? name
    const time = /^\s*expr: .*, time: (\S+),/.exec(line)?.[1]
    if (time !== undefined) seconds = secondsOf(time)
    const got = /^\s*got: (.*)$/.exec(line)?.[1]
    if (got === undefined) {
      // A rule or a query that cannot be evaluated, or series that cannot be read.
      if (/\berr(?:or)?:|could not|many-to-many|parse error|panic/i.test(line)) throw new Error(said.slice(0, 4000))
      continue
    }
    const at = fires.get(name)
    if (at === undefined) throw new Error(`promtool speaks of a scenario ${name} that there is not`)
    at.set(
      seconds,
      [...got.matchAll(/\{([^}]*)\} 1E\+00/g)].map(([, labels = '']) => labelsOf(labels)),
    )
  }
  if (!/FAILED|SUCCESS/.test(said)) throw new Error(said.slice(0, 4000))
  return fires
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
