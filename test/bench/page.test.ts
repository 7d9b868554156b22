import { readFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { page, PAGE } from './page.ts'
import { readResults, type Results } from './results.ts'

test('docs/peers.md is what results.json says; write it again with `npm run bench`', async () => {
  const results = await readResults(new URL('results.json', import.meta.url))
  expect(await readFile(PAGE, 'utf8')).toBe(await page(results))
})

test('a figure short of its target stands in bold, one that was not measured is said to be so', async () => {
  const results: Results = { 'decode.trade': { value: 1.5, target: 2, unit: 'x', detail: { rounds: 9 } } }
  const text = await page(results)
  expect(text).toContain('| **1.5 x** | ≥ 2 x | rounds: 9 |')
  expect(text).toMatch(/`decode.book` .* not measured/)
})

test('the reasons of an agreement are listed with their counts', async () => {
  const detail = { frames: 3, agree: 1, reasons: { 'they round times': 2 } }
  const text = await page({ 'agree.tardis': { value: 100, target: 100, unit: '%', detail } })
  expect(text).toContain('| no difference | 1 |\n| they round times | 2 |')
})
