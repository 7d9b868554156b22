// days.seeds: how long 1,000 random days take, each with every exchange and every fault and each of them right, on all
// cores. Quick plays a few of them and reckons.
import { availableParallelism } from 'node:os'
import { nothingSeen } from '../days/check.ts'
import { EXCHANGES } from '../days/day.ts'
import { daysOf, playAll } from '../days/pool.ts'
import { replayOf } from '../days/seed.ts'
import { round, type Figure } from './results.ts'
import type { Context } from './suite.ts'

const SEEDS = 1_000
const QUICK = 20

/** Seconds for 1,000 seeds. @throws Error naming the first that is wrong, and how to play it again */
export async function days({ quick }: Context): Promise<Record<string, Figure>> {
  const count = quick ? QUICK : SEEDS
  const seeds = Array.from({ length: count }, (_, i) => i + 1)
  const seen = nothingSeen()
  const began = performance.now()
  await playAll(daysOf(seeds, EXCHANGES), (judged) => {
    const [first] = judged.wrong
    if (first !== undefined) throw new Error(`seed ${judged.seed}: ${first}; ${replayOf(judged)}`)
    for (const key of Object.keys(seen) as (keyof typeof seen)[]) seen[key] += judged.seen[key]
  })
  const seconds = ((performance.now() - began) / 1000) * (SEEDS / count)
  const detail = { seeds: count, threads: availableParallelism(), seen: { ...seen } }
  return { 'days.seeds': { value: round(seconds), detail } }
}
