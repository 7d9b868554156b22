// `npm run noise -- [--seeds 11-20] [--days 30] [--lanes N] [--quick]`: false alarms, and what is missed, over simulated days.
//
// Where whole months were played, docs/noise.md follows, and the figures of seeds 11 to 20. --quick plays two days of one seed.
// Exit codes: 0 well; 1 something could not be played; 2 a command line that cannot be understood.
import { parseArgs } from 'node:util'
import { machine } from '../bench/machine.ts'
import { writePage } from '../bench/page.ts'
import { merge, readResults, writeResults } from '../bench/results.ts'
import { GOALS } from '../bench/suite.ts'
import { figuresOf, percent, rounded } from './figures.ts'
import { scoreOf } from './judge.ts'
import { DAY } from './kinds.ts'
import { keep, readPlayed, REPORTED_ON, within } from './page.ts'
import { playSeeds } from './pool.ts'
import { DETECTORS, type Judged } from './seed.ts'

const MONTH = 30
const RESULTS = new URL('../bench/results.json', import.meta.url)

const asked = read()
if (typeof asked === 'string') {
  console.error(`noise: ${asked}`)
  process.exitCode = 2
} else await play(asked)

interface Asked {
  readonly seeds: readonly number[]
  readonly days: number
  readonly lanes?: number
}

function read(): Asked | string {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: `${REPORTED_ON.from}-${REPORTED_ON.to}` },
      days: { type: 'string', default: String(MONTH) },
      lanes: { type: 'string' },
      quick: { type: 'boolean', default: false },
    },
  })
  if (values.quick) return { seeds: [REPORTED_ON.from], days: 2 }
  const [, from, to = from] = /^(\d+)(?:-(\d+))?$/.exec(values.seeds) ?? []
  const days = Number(values.days)
  if (from === undefined || Number(to) < Number(from)) return "--seeds: write one, or the first and the last: '11-20'"
  if (!Number.isSafeInteger(days) || days < 1 || days > 60) return '--days: write a whole number from 1 to 60'
  const lanes = Number(values.lanes ?? 1)
  if (!Number.isSafeInteger(lanes) || lanes < 1) return '--lanes: write how many seeds are played at the same time'
  const seeds = Array.from({ length: Number(to) - Number(from) + 1 }, (_, i) => Number(from) + i)
  return { seeds, days, ...(values.lanes === undefined ? {} : { lanes }) }
}

async function play({ days, ...asked }: Asked): Promise<void> {
  const began = performance.now()
  let kept = Promise.resolve()
  const done = (one: Judged): Promise<void> => {
    tell(one, (performance.now() - began) / 1000)
    // One at a time, each as it ends: a month takes long.
    return (kept = kept.then(() => (days === MONTH ? keep([one]) : undefined)))
  }
  const judged = await playSeeds({ ...asked, days, done })
  for (const [id, { value, detail }] of Object.entries(figuresOf(judged))) {
    console.log(`${id.padEnd(18)} ${rounded(value)}  ${JSON.stringify(detail)}`)
  }
  if (days !== MONTH) return
  const reported = within(await readPlayed(), REPORTED_ON)
  if (reported.length <= REPORTED_ON.to - REPORTED_ON.from) return
  const figures = Object.entries(figuresOf(reported)).map(([id, { value, detail }]) => {
    return [id, { value, detail: { ...detail, machine: machine() } }] as const
  })
  const results = merge(GOALS, await readResults(RESULTS), Object.fromEntries(figures))
  await writeResults(RESULTS, results)
  await writePage(results)
}

function tell({ seed, passes, all, wrong, by }: Judged, seconds: number): void {
  console.log(
    `seed ${seed}: ${all.alerts} alerts, ${wrong.length} false, after ${passes} passes (${Math.round(seconds)} s)`,
  )
  for (const name of DETECTORS) {
    const { incidents, found, alerts, wrong: false_, median, p95 } = scoreOf([by[name]])
    const precision = rounded(percent(alerts - false_, alerts))
    console.log(
      `  ${name.padEnd(10)} ${found} of ${incidents} found, precision ${precision} %, delay ${median} and ${p95} s`,
    )
  }
  for (const { alert, tier, labels, from } of wrong) {
    const { exchange, market, type } = labels
    const at = `day ${Math.floor(from / DAY) + 1}, ${((from % DAY) / 3600).toFixed(2)} h`
    console.log(`  false: ${tier} ${alert} ${[exchange, market, type].join(' ')} ${at}`)
  }
  for (const { kind, by: names, after } of all.incidents) {
    if (after === undefined) console.log(`  missed: ${kind} (${names.join(', ') || 'nothing'})`)
  }
}
