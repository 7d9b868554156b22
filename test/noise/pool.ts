// Seeds beside each other, as many as there are processors: most of the work is Prometheus'.
import { availableParallelism } from 'node:os'
import { type Judged, playSeed } from './seed.ts'

export interface Play {
  readonly seeds: readonly number[]
  readonly days: number
  /** How many are played at the same time. */
  readonly lanes?: number
  /** Hears of each as it ends. */
  readonly done?: (judged: Judged) => void | Promise<void>
}

/** Plays seeds. Gives them in their order. */
export async function playSeeds({
  seeds,
  days,
  lanes = availableParallelism(),
  done = () => {},
}: Play): Promise<Judged[]> {
  const left = [...seeds]
  const all: Judged[] = []
  const work = async (): Promise<void> => {
    for (let seed = left.shift(); seed !== undefined; seed = left.shift()) {
      const judged = await playSeed(seed, days)
      all.push(judged)
      await done(judged)
    }
  }
  await Promise.all(Array.from({ length: Math.min(lanes, seeds.length) }, work))
  return all.toSorted((a, b) => a.seed - b.seed)
}
