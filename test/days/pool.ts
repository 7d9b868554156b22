// Many seeds on all cores.
import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { DayOptions } from './day.ts'
import type { Judged } from './seed.ts'

/** Plays all of them; `onJudged` hears of each as it is done. Rejects when a thread dies. */
export async function playAll(
  all: Iterable<DayOptions>,
  onJudged: (judged: Judged) => void,
  threads = availableParallelism(),
): Promise<void> {
  const jobs = all[Symbol.iterator]()
  await Promise.all(Array.from({ length: threads }, () => work(jobs, onJudged)))
}

async function work(jobs: Iterator<DayOptions>, onJudged: (judged: Judged) => void): Promise<void> {
  const worker = new Worker(new URL('worker.ts', import.meta.url), { resourceLimits: { maxYoungGenerationSizeMb: 64 } })
  let answer = Promise.withResolvers<Judged>()
  worker.on('message', (judged: Judged) => answer.resolve(judged))
  worker.on('error', (error) => answer.reject(error))
  try {
    for (let job = jobs.next(); job.done !== true; job = jobs.next()) {
      answer = Promise.withResolvers()
      worker.postMessage(job.value)
      onJudged(await answer.promise)
    }
  } finally {
    await worker.terminate()
  }
}

/** Each seed with each exchange; one exchange after the other, since code that is warm is quicker. */
export function* daysOf(
  seeds: Iterable<number>,
  exchanges: readonly DayOptions['exchange'][],
  minutes?: number,
): Generator<DayOptions> {
  for (const exchange of exchanges) {
    for (const seed of seeds) yield { seed, exchange, ...(minutes === undefined ? {} : { minutes }) }
  }
}
