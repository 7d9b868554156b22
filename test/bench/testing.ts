// docs/testing.md: what is tried, how, and what it needs; its tables from the declarations of the tests and from
// results.json, never by hand.
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { OPERATOR_RULES } from '../../operator/monitoring/operator-rules.ts'
import { RULES } from '../../operator/monitoring/rules.ts'
import { faultSpec } from '../exchange/faults.ts'
import { aim, measured } from './page.ts'
import type { Results } from './results.ts'
import { GOALS } from './suite.ts'

export const TESTING_PAGE = new URL('../../docs/testing.md', import.meta.url)
const CLUSTER = new URL('../cluster/', import.meta.url)

interface Run {
  readonly command: string
  readonly tries: string
  readonly needs: string
}

/** Ways to run tests; `npm test` is the one that every change has to pass. */
const RUNS: readonly Run[] = [
  {
    command: 'npm test',
    tries: 'pure functions, golden files, properties, and parts against real servers',
    needs: 'Node; a program that it lacks it builds with Go, or skips the tests with the reason',
  },
  { command: 'npm run check', tries: 'the same, format, lint, types, generated files', needs: 'as above' },
  {
    command: 'npm run days',
    tries: 'random days: whole collectors, all exchanges, every fault, one clock',
    needs: 'Node',
  },
  {
    command: 'npm run faults',
    tries: 'faults injected into running parts, seen by a real Prometheus',
    needs: 'NATS, Prometheus, Kubernetes programs',
  },
  { command: 'npm run noise', tries: 'false alarms over simulated months', needs: 'Prometheus' },
  { command: 'npm run e2e', tries: 'a cluster: installed, changed, hurt, upgraded, taken away', needs: 'Docker' },
  {
    command: 'E2E=monitoring npm run e2e',
    tries: 'a Prometheus in the cluster: loaded, scraped, fired',
    needs: 'Docker, Go',
  },
  { command: 'npm run apiservers', tries: 'the oldest and the newest API server', needs: 'Go' },
  {
    command: 'npm run cases',
    tries: 'cases from the field, each by the tests that name it',
    needs: 'the cases beside the repository',
  },
  { command: 'npm run bench', tries: 'every figure of docs/performance.md', needs: 'a quiet machine' },
  {
    command: 'MUTATIONS=1 npx vitest run operator/monitoring/mutations.test.ts',
    tries: 'that the tests of the rules see every change of a rule',
    needs: 'promtool',
  },
]

/** The page for these results, and the steps in a cluster by the file that they stand in. */
export async function testingPage(results: Results): Promise<string> {
  return `# Testing

Written by \`npm run bench -- --pages\` from the declarations of the tests and from \`test/bench/results.json\`; do not edit.

Tests find faults: real servers rather than doubles, no sleeping but waiting for what is to come, each alone and in any
order. What cannot be had on a machine is skipped by name, with the reason, never in silence.

${table(
  ['run', 'tries', 'needs'],
  RUNS.map(({ command, tries, needs }) => [`\`${command}\``, tries, needs]),
)}

## Monitoring, proven

${table(
  ['figure', 'what', 'measured', 'reach'],
  GOALS.filter(({ id }) => /^(?:proof|faults|noise)\./.test(id)).map((goal) => {
    const result = results[goal.id]
    return [`\`${goal.id}\``, goal.what, result === undefined ? 'not measured' : measured(goal, result), aim(goal)]
  }),
)}

Each alert is judged by promtool, the way Prometheus judges: over series of its fault, in which it must fire within what it
promises and with nothing beside it that is not right; over series that look like it and are none, in which it must keep
silent; beside each larger alert that explains it. *Fires after* counts what a scrape out of step adds. Each change of a
rule (twice the threshold, no \`for\`, without a matcher, without what silences it) must be seen by one of these.

${table(
  ['alert', 'tier', 'promises', 'fires after'],
  [...RULES, ...OPERATOR_RULES].map(({ alert, tier, detectWithin }) => [
    `[${alert.replace(/^MarketPrism/, '')}](runbooks/${alert}.md)`,
    tier,
    `${detectWithin} s`,
    firedAfter(results, alert),
  ]),
)}

Routes and inhibitions are tried in a real Alertmanager: what a larger alert explains is silent there, what is of another
exchange, Collector or namespace is not, and each alert reaches who is to act on its tier.

## Faults of the simulated exchange

It is a second reading of each protocol, and imports nothing of the collector. Any test, and \`POST /_exchange/faults\`, may
ask for these:

${table(
  ['fault', 'what it does'],
  faultSpec.options.map(({ shape, description }) => [
    `\`${shape.kind.value}\``,
    description ?? 'as its name says, for frames of a stream',
  ]),
)}

## In a cluster

${(await stepsByFile()).map(({ file, says, steps }) => `### ${file}\n\n${says}\n\n${table(['step', 'at most'], steps)}`).join('\n\n')}
`
}

export async function writeTesting(results: Results): Promise<void> {
  await writeFile(TESTING_PAGE, await testingPage(results))
}

function firedAfter(results: Results, alert: string): string {
  const seconds = results['proof.rules']?.detail['fires after, s']
  if (typeof seconds !== 'object' || Array.isArray(seconds)) return 'not measured'
  const value = (seconds as Readonly<Record<string, number>>)[alert]
  return value === undefined ? '**does not**' : `${value} s`
}

/** Steps as the files declare them: their names and budgets. */
async function stepsByFile(): Promise<{ file: string; says: string; steps: string[][] }[]> {
  const files = (await readdir(CLUSTER)).filter((name) => name.endsWith('.e2e.ts')).toSorted()
  return Promise.all(
    files.map(async (file) => {
      const text = await readFile(new URL(file, CLUSTER), 'utf8')
      const comment = /^(?:\/\/ .*\n)+/.exec(text)?.[0] ?? ''
      const steps = [...text.matchAll(/^(?:step|wholeStep)\(\s*'((?:[^'\\]|\\.)*)',\s*([\d_]+)/gm)]
      return {
        file: file.replace('.e2e.ts', ''),
        says: comment.replaceAll(/^\/\/ /gm, '').trim(),
        steps: steps.map(([, name = '', seconds = '']) => [name, `${seconds.replaceAll('_', '')} s`]),
      }
    }),
  )
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`
  return [line(head), `|${'---|'.repeat(head.length)}`, ...rows.map(line)].join('\n')
}
