import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { environmentOf } from '../hack/images/pack.ts'

/** Holds some objects, each replaced again and again when it is old, and says how large the old generation became, MB. */
const BUSY = `
  import { getHeapSpaceStatistics } from 'node:v8'
  const old = () => getHeapSpaceStatistics().find(({ space_name: name }) => name === 'old_space').space_size / 2 ** 20
  const held = Array.from({ length: 200_000 }, (_, i) => ({ text: 'x' + i, more: [i, i, i, i] }))
  let largest = 0
  for (let i = 0; i < 1e6; i++) {
    held[(i * 7919) % held.length] = { text: 'x' + i, more: [i, i, i, i] }
    if (i % 10_000 === 0) largest = Math.max(largest, old())
  }
  console.log(largest)`

function oldMegabytes(env: Record<string, string>, ...options: string[]): number {
  const args = [...options, '--input-type=module', '--eval', BUSY]
  return Number(execFileSync(process.execPath, args, { encoding: 'utf8', env: { ...process.env, ...env } }))
}

it('keeps the heap near what lives in it', { timeout: 60_000 }, () => {
  const usual = oldMegabytes({})
  const ours = oldMegabytes(environmentOf('operator'), '--import', join(import.meta.dirname, 'heap.ts'))
  expect(ours).toBeLessThan(usual * 0.75)
})
