// Random days in CI: the first fifty seeds, on all cores. `npm run days` plays more of them, and one alone.
import { expect, it } from 'vitest'
import { nothingSeen } from './check.ts'
import { EXCHANGES } from './day.ts'
import { daysOf, playAll } from './pool.ts'
import { replayOf } from './seed.ts'

const SEEDS = Array.from({ length: 50 }, (_, i) => i + 1)

it('whatever goes wrong on a day, nothing is missing that is not announced', { timeout: 600_000 }, async () => {
  const seen = nothingSeen()
  const wrong: string[] = []
  await playAll(daysOf(SEEDS, EXCHANGES), (judged) => {
    for (const key of Object.keys(seen) as (keyof typeof seen)[]) seen[key] += judged.seen[key]
    wrong.push(...judged.wrong.slice(0, 3).map((sentence) => `${sentence}\n  replay: ${replayOf(judged)}`))
  })
  expect(wrong).toEqual([])
  // What never happened was not proven.
  expect(Object.entries(seen).filter(([, n]) => n === 0)).toEqual([])
})
