// A thread that plays what it is told to, one after the other.
import assert from 'node:assert'
import { parentPort } from 'node:worker_threads'
import type { DayOptions } from './day.ts'
import { judge } from './seed.ts'

assert(parentPort !== null, 'started by pool.ts')
const port = parentPort
port.on('message', (options: DayOptions) => {
  void judge(options).then(({ log: _, ...judged }) => port.postMessage(judged))
})
