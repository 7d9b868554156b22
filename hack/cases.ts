// `npm run cases`: what became of each case from the field in ../shared/cases: its id, the result, the reason.
// A test proves a case by beginning its name with the id ("C020: NATS is away for ten minutes …"); those of the simulated
// exchange prove only that it can play the case, and do not count. Exit code 1 when a case failed, was skipped, or is in
// scope and has no test.

import { existsSync, readdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { stripVTControlCharacters } from 'node:util'
import { startVitest } from 'vitest/node'
import type { TestCase } from 'vitest/node'
import { caseOf, judge, readIndex } from './verdict.ts'
import type { Proof } from './verdict.ts'

const root = resolve(import.meta.dirname, '..')
const folder = resolve(root, '../shared/cases')

if (!existsSync(folder)) {
  console.log('There is no ../shared/cases beside this repository: nothing to try.')
  process.exit(0)
}

const spoken = readdirSync(resolve(root, 'collector/exchanges'))
const proofs = await runTests()
const results = readIndex(folder).map((one) => {
  const { result, reason } = judge(one, proofs.get(one.id) ?? [], spoken)
  console.log(`${one.id}  ${result.padEnd(12)}  ${one.title}\n${' '.repeat(20)}${stripVTControlCharacters(reason)}`)
  return result
})
const counts = Object.entries(Object.groupBy(results, (result) => result))
console.log(counts.map(([result, all]) => `${all.length} ${result}`).join(', '))
process.exit(results.every((result) => result === 'passed' || result === 'out of scope') ? 0 : 1)

/** Runs the tests whose names begin with the id of a case, and gives what became of them by id. */
async function runTests(): Promise<Map<string | undefined, Proof[]>> {
  const vitest = await startVitest([], { root, watch: false, testNamePattern: 'C\\d{3}: ', reporters: [{}] })
  const modules = vitest.state
    .getTestModules()
    .filter((module) => !module.relativeModuleId.startsWith('test/exchange/'))
  const tests = modules.flatMap((module) => [...module.children.allTests()])
  return Map.groupBy(tests.map(proof), ({ name }) => caseOf(name))
}

function proof(test: TestCase): Proof {
  const name = test.fullName
  const result = test.result()
  if (result.state === 'passed') return { name, state: 'passed', reason: '' }
  if (result.state === 'failed') {
    return { name, state: 'failed', reason: result.errors[0]?.message.split('\n')[0] ?? 'no message' }
  }
  const reason = result.state === 'skipped' ? result.note : 'the run ended before it'
  return { name, state: 'skipped', reason: reason ?? 'no reason given' }
}
