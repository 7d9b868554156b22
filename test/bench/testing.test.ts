import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { ALERTS } from '../../crds/alerts.ts'
import { readResults } from './results.ts'
import { TESTING_PAGE, testingPage } from './testing.ts'

test('docs/testing.md is what the tests declare; write it again with `npm run bench -- --pages`', async () => {
  const results = await readResults(new URL('results.json', import.meta.url))
  expect(await readFile(TESTING_PAGE, 'utf8')).toBe(await testingPage(results))
})

test('it has every alert, every fault and every step, and says what did not fire', async () => {
  const fired = Object.fromEntries(ALERTS.slice(1).map((alert) => [alert, 45]))
  const detail = { 'fires after, s': fired }
  const page = await testingPage({ 'proof.rules': { value: 97, target: 100, unit: '%', detail } })
  for (const alert of ALERTS) expect(page).toContain(`](runbooks/${alert}.md)`)
  expect(page).toMatch(/SystemDown.*\*\*does not\*\*/)
  expect(page).toContain('| `sequence_gap` | changes of a book that reach nobody')
  expect(page).toContain('| the chart installs where only restricted pods are admitted')
})
