// `npm run days -- [--seeds 1000] [--from 1] [--seed N] [--exchange NAME] [--minutes 10] [--log]`: random days.
//
// One seed alone prints what is wrong with it, and with --log what happened. Exit codes: 0 well; 1 something was wrong;
// 2 a command line that cannot be understood.
import { parseArgs } from 'node:util'
import { nothingSeen } from './check.ts'
import { EXCHANGES } from './day.ts'
import { daysOf, playAll } from './pool.ts'
import { judge, type Judged, replayOf } from './seed.ts'

const EVERY_MS = 5_000
const SHOWN_MAX = 5

interface Asked {
  readonly seeds: readonly number[]
  readonly exchanges: readonly (typeof EXCHANGES)[number][]
  readonly minutes: number
  readonly isOne: boolean
  readonly isLogged: boolean
}

const asked = read()
if (typeof asked === 'string') {
  console.error(`days: ${asked}`)
  process.exitCode = 2
} else process.exitCode = await (asked.isOne ? playOne(asked) : playMany(asked))

function read(): Asked | string {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '50' },
      from: { type: 'string', default: '1' },
      seed: { type: 'string' },
      exchange: { type: 'string' },
      minutes: { type: 'string', default: '10' },
      log: { type: 'boolean', default: false },
    },
  })
  const [count, from, minutes] = [values.seeds, values.from, values.minutes].map(Number) as [number, number, number]
  const exchange = EXCHANGES.find((name) => name === values.exchange)
  if (values.exchange !== undefined && exchange === undefined) {
    return `'${values.exchange}' is no exchange that is simulated; write ${EXCHANGES.join(', ')}`
  }
  const seed = values.seed === undefined ? undefined : Number(values.seed)
  if (![count, from, minutes, seed ?? 0].every((n) => Number.isSafeInteger(n) && n >= 0)) return 'write whole numbers'
  if (minutes < 5) return '--minutes: a day needs five at least, for its calm'
  return {
    seeds: seed === undefined ? Array.from({ length: count }, (_, i) => from + i) : [seed],
    exchanges: exchange === undefined ? EXCHANGES : [exchange],
    minutes,
    isOne: seed !== undefined,
    isLogged: values.log,
  }
}

async function playOne({ seeds, exchanges, minutes, isLogged }: Asked): Promise<number> {
  let wrong = 0
  for (const options of daysOf(seeds, exchanges, minutes)) {
    const judged = await judge(options)
    if (isLogged) for (const line of judged.log) console.log(line)
    for (const sentence of judged.wrong) console.log(`wrong: ${sentence}`)
    console.log(`${judged.exchange}: ${judged.wrong.length} wrong; ${JSON.stringify(judged.seen)}`)
    wrong += judged.wrong.length
  }
  return wrong > 0 ? 1 : 0
}

async function playMany({ seeds, exchanges, minutes }: Asked): Promise<number> {
  const began = performance.now()
  const total = seeds.length * exchanges.length
  const seen = nothingSeen()
  const failed = new Set<number>()
  let [done, toldMs] = [0, began]
  await playAll(daysOf(seeds, exchanges, minutes), (judged) => {
    done += 1
    for (const key of Object.keys(seen) as (keyof typeof seen)[]) seen[key] += judged.seen[key]
    if (judged.wrong.length > 0) {
      failed.add(judged.seed)
      show(judged, minutes)
    }
    if (performance.now() - toldMs < EVERY_MS) return
    toldMs = performance.now()
    console.log(`${done} of ${total} days, ${seconds(began)} s, ${failed.size} seeds failed`)
  })
  console.log(`looked at ${JSON.stringify(seen)}`)
  console.log(`${seeds.length - failed.size} of ${seeds.length} seeds are right, in ${seconds(began)} s`)
  return failed.size > 0 ? 1 : 0
}

function show(judged: Judged, minutes: number): void {
  console.log(`seed ${judged.seed}, ${judged.exchange}: ${judged.wrong.length} wrong`)
  for (const sentence of judged.wrong.slice(0, SHOWN_MAX)) console.log(`  ${sentence}`)
  console.log(`  replay: ${replayOf(judged, minutes)}`)
}

function seconds(since: number): number {
  return Math.round((performance.now() - since) / 1000)
}
