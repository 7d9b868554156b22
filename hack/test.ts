// `npm test`: every test once, with coverage; `npm test -- PATH` or `-- -t NAME` only some, without.
// Arguments are vitest's. Reports go to reports/. Exit code 1 when a test failed, too few lines were covered, or, with
// CI=true and ../shared beside the repository, when a test was skipped: there everything is at hand.

import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { parseCLI, startVitest } from 'vitest/node'
import { closingLine, fileReporter, outcome } from './reporter.ts'

const args = process.argv.slice(2)
const { filter, options } = parseCLI(['vitest', 'run', ...args])

const vitest = await startVitest(filter, {
  root: resolve(import.meta.dirname, '..'),
  coverage: { enabled: args.length === 0 },
  ...options,
  watch: false,
  reporters: [fileReporter(), ['junit', { outputFile: 'reports/junit.xml' }]],
})

const result = outcome(vitest)
for (const { name, reason } of result.failed) console.log(`failed ${name}: ${reason}`)
for (const { name, reason } of result.skipped) console.log(`skipped ${name}: ${reason}`)
if (result.skipped.length > 0 && process.env.CI === 'true' && existsSync(resolve(vitest.config.root, '../shared'))) {
  console.log('A skip counts as a failure here: CI=true, and ../shared is there.')
  process.exitCode = 1
}
if (result.failed.length > 0) process.exitCode = 1
console.log(closingLine(result))
process.exit()
