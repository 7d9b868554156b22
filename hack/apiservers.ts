// npm run apiservers [-- --only oldest,newest] [-- PATH…]
//
// Kubernetes of every age that we promise: an API server of the oldest minor that the chart installs on, and one of the
// newest, each built from its Go module where it is not in the cache (six minutes on two cores), take the API, all that the
// chart and the plain manifest hold, the examples and what the operator writes, and refuse each wrong manifest
// (test/apiservers). PATH: other tests that start a control plane, such as crds/apiserver or operator/collectors. Out: a
// table, a column for each server. Exit code 0 where every line holds at each of them.
import { mkdtempSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { parseArgs } from 'node:util'
import type { TestCase } from 'vitest/node'
import { startVitest } from 'vitest/node'
import { stepReporter } from './reporter.ts'
import { ASSETS } from './tools/programs.ts'
import { pinnedRelease, tool, type ToolName } from './tools.ts'

const root = resolve(import.meta.dirname, '..')
const SERVERS = { oldest: 'kube-apiserver-oldest', newest: 'kube-apiserver' } as const satisfies Record<
  string,
  ToolName
>
type Age = keyof typeof SERVERS
type State = 'passed' | 'failed' | 'skipped'
const WORD = { passed: 'yes', failed: 'NO', skipped: 'not tried' } as const satisfies Record<State, string>

process.exitCode = await main(process.argv.slice(2)).catch((error: Error) => {
  console.error(error.message)
  return 1
})
process.exit()

async function main(argv: readonly string[]): Promise<number> {
  const options = { only: { type: 'string', default: Object.keys(SERVERS).join(',') } } as const
  const { values, positionals } = parseArgs({ args: [...argv], allowPositionals: true, options })
  const ages = values.only.split(',').map(ageOf)
  const columns: Column[] = []
  for (const age of ages) columns.push(await tried(age, positionals.length > 0 ? positionals : ['test/apiservers/']))
  console.log(`\n${tableOf(columns)}`)
  return columns.every(({ states }) => states.size > 0 && [...states.values()].every((one) => one === 'passed')) ? 0 : 1
}

function ageOf(name: string): Age {
  if (Object.hasOwn(SERVERS, name)) return name as Age
  throw new Error(`there is no server '${name}'; write one of ${Object.keys(SERVERS).join(', ')}.`)
}

/** What became of every test at one server. */
interface Column {
  readonly release: string
  readonly states: ReadonlyMap<string, State>
}

/** Runs the tests at one server. */
async function tried(age: Age, paths: string[]): Promise<Column> {
  const server = SERVERS[age]
  const release = pinnedRelease(server)
  const folder = mkdtempSync(join(tmpdir(), 'marketprism-apiservers-'))
  try {
    // As envtest keeps them: tests take the programs of this folder, whatever their version.
    for (const name of ASSETS as ToolName[]) {
      symlinkSync(await tool(name === 'kube-apiserver' ? server : name), join(folder, name))
    }
    console.log(`Kubernetes ${release}`)
    process.env['KUBEBUILDER_ASSETS'] = folder
    const states = await statesOf(paths)
    return { release, states }
  } finally {
    delete process.env['KUBEBUILDER_ASSETS']
    rmSync(folder, { recursive: true, force: true })
  }
}

async function statesOf(paths: string[]): Promise<Map<string, State>> {
  const config = 'test/apiservers/vitest.config.ts'
  const reporters = [stepReporter((text) => console.log(`  ${text}`))]
  const vitest = await startVitest(paths, { root, config, watch: false, reporters })
  const tests = vitest.state.getTestModules().flatMap((module) => [...module.children.allTests()])
  const states = new Map(tests.map((test) => [test.fullName, stateOf(test)]))
  // A file that cannot be loaded, or a server that does not start, has no tests to fail.
  for (const module of vitest.state.getTestModules()) {
    if (!module.ok() && module.errors().length > 0) states.set(module.relativeModuleId, 'failed')
  }
  await vitest.close()
  return states
}

function stateOf(test: TestCase): State {
  const { state } = test.result()
  return state === 'pending' ? 'failed' : state
}

/** A line for each test, a column for each server. */
function tableOf(columns: readonly Column[]): string {
  const names = [...new Set(columns.flatMap(({ states }) => [...states.keys()]))]
  const width = Math.max(...names.map((name) => name.length))
  const line = (name: string, cells: readonly string[]): string =>
    [name.padEnd(width), ...cells.map((cell) => cell.padEnd(9))].join('  ').trimEnd()
  const rows = names.map((name) =>
    line(
      name,
      columns.map(({ states }) => WORD[states.get(name) ?? 'failed']),
    ),
  )
  return [
    line(
      'Kubernetes',
      columns.map(({ release }) => release),
    ),
    ...rows,
  ].join('\n')
}
