import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { caseOf, judge, readIndex } from './verdict.ts'
import type { FieldCase, Proof, Verdict } from './verdict.ts'

const outage: FieldCase = { id: 'C020', kind: 'sink', title: 'NATS is away', exchanges: [] }
const passed: Proof = { name: 'C020: none is lost', state: 'passed', reason: '' }
const failed: Proof = { name: 'C020: order is kept', state: 'failed', reason: 'expected 3 to be 4' }
const skipped: Proof = { name: 'C020: on disk', state: 'skipped', reason: 'nats-server is missing' }

const verdicts: Record<string, [FieldCase, Proof[], Verdict]> = {
  'passes when all its tests pass': [outage, [passed], { result: 'passed', reason: 'C020: none is lost' }],
  'fails when one of its tests fails': [
    outage,
    [passed, skipped, failed],
    { result: 'failed', reason: 'C020: order is kept: expected 3 to be 4' },
  ],
  'is skipped when a test of it is': [
    outage,
    [passed, skipped],
    { result: 'skipped', reason: 'C020: on disk: nats-server is missing' },
  ],
  'in scope without a test is a fault': [
    outage,
    [],
    { result: 'no test', reason: 'no test\'s name begins with "C020:"' },
  ],
  'of a venue that is not spoken is out of scope': [
    { ...outage, exchanges: ['binance', 'okx'] },
    [],
    { result: 'out of scope', reason: 'this version does not speak okx' },
  ],
}

test.each(Object.entries(verdicts))('a case %s', (_, [one, proofs, expected]) => {
  expect(judge(one, proofs, ['binance'])).toEqual(expected)
})

test("a test's name gives the case that it proves, below any describe", () => {
  expect(caseOf('C020: none is lost')).toBe('C020')
  expect(caseOf('the sink > C020: none is lost')).toBe('C020')
  expect(caseOf('none is lost')).toBeUndefined()
})

test('the index gives each case, with the venues that its title and files name', () => {
  const folder = mkdtempSync(join(tmpdir(), 'cases-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  mkdirSync(join(folder, 'C007-books'))
  writeFileSync(join(folder, 'C007-books', 'deribit.ndjson'), '')
  const row = '| [C007](C007-books/) | book | OKX: books | a report of 2024 |'
  writeFileSync(join(folder, 'README.md'), `# Cases\n\n| id | kind | case | source |\n|---|---|---|---|\n${row}\n`)
  expect(readIndex(folder)).toEqual([{ id: 'C007', kind: 'book', title: 'OKX: books', exchanges: ['okx', 'deribit'] }])
})
