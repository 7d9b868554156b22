import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, it } from 'vitest'

/** Makes what survives for a while, and says how large the young generation has become, MB. */
const BUSY = `
  import { getHeapSpaceStatistics } from 'node:v8'
  const kept = []
  for (let i = 0; i < 1e6; i++) {
    kept.push({ i })
    if (kept.length > 200_000) kept.length = 0
  }
  console.log(getHeapSpaceStatistics().find(({ space_name: name }) => name === 'new_space').space_size / 2 ** 20)`

function youngMegabytes(...options: string[]): number {
  const args = [...options, '--input-type=module', '--eval', BUSY]
  return Number(execFileSync(process.execPath, args, { encoding: 'utf8' }))
}

it('keeps the young generation at its first size, whatever survives', () => {
  expect(youngMegabytes()).toBeGreaterThan(8)
  expect(youngMegabytes('--import', join(import.meta.dirname, 'heap.ts'))).toBeLessThan(8)
})
