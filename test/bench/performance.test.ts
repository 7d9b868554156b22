import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { answersTo, PERFORMANCE_PAGE, performancePage, QUESTIONS } from './performance.ts'
import { readResults } from './results.ts'
import { GOALS } from './suite.ts'

test('docs/performance.md is what results.json says; write it again with `npm run bench`', async () => {
  const results = await readResults(new URL('results.json', import.meta.url))
  expect(await readFile(PERFORMANCE_PAGE, 'utf8')).toBe(performancePage(results))
})

test('each figure answers one question', () => {
  const answers = QUESTIONS.flatMap(answersTo)
  expect(answers.map(({ id }) => id).toSorted()).toEqual(GOALS.map(({ id }) => id).toSorted())
  expect(QUESTIONS.map((question) => answersTo(question).length)).not.toContain(0)
})

test('what was not measured is said to be so, what is short stands in bold', () => {
  const page = performancePage({ 'proof.rules': { value: 99.9, target: 100, unit: '%', detail: { machine: 'here' } } })
  expect(page).toContain('**99.9 %** | ≥ 100 % |')
  expect(page).toMatch(/`proof.panels` .* not measured/)
  expect(page).toContain('Measured on here.')
})
