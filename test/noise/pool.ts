// Seeds beside each other, as many as there are processors: most of the work is Prometheus'.
import { availableParallelism } from 'node:os'
import { type Judged, playSeed } from './seed.ts'

/** Plays seeds; `done` hears of each. Gives them in the order of the seeds. */
export async function playSeeds(
  seeds: readonly number[],
  days: number,
  done: (judged: Judged) => void,
): Promise<Judged[]> {
  const left = [...seeds]
  const all: Judged[] = []
  const work = async (): Promise<void> => {
    for (let seed = left.shift(); seed !== undefined; seed = left.shift()) {
      const judged = await playSeed(seed, days)
      all.push(judged)
      done(judged)
    }
  }
  await Promise.all(Array.from({ length: Math.min(availableParallelism(), seeds.length) }, work))
  return all.toSorted((a, b) => a.seed - b.seed)
}
