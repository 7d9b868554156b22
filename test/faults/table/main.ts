// `npm run faults [-- ids…] [--lanes N] [--hold SECONDS] [--minutes N] [--without-cluster]`: puts every fault of the table into running parts and measures
// what is said of it. A whole run writes outcomes.json, docs/faults.md and the figures of test/bench/results.json; a run
// of some faults lays them over the last one.
//
// Exit codes: 0 well; 1 a fault was not detected in time, or something fired that should not; 2 a command line that cannot
// be understood.
import { parseArgs } from 'node:util'
import { machine } from '../../bench/machine.ts'
import { writePage } from '../../bench/page.ts'
import { merge, readResults, writeResults } from '../../bench/results.ts'
import { GOALS } from '../../bench/suite.ts'
import { type Fault, patienceSeconds } from './fault.ts'
import { figuresOf, isLate, type Outcome } from './outcome.ts'
import { keepRun, readRun, type Run } from './page.ts'
import { openRig } from './rig.ts'
import { FAULTS } from './table.ts'
import { trial } from './trial.ts'

const LANES = 14
const HOLD_SECONDS = 75
const RESULTS = new URL('../../bench/results.json', import.meta.url)

const { values: flags, positionals: ids } = parseArgs({
  allowPositionals: true,
  options: {
    lanes: { type: 'string' },
    hold: { type: 'string' },
    minutes: { type: 'string' },
    'without-cluster': { type: 'boolean', default: false },
  },
})
const lanes = Number(flags.lanes ?? LANES)
const holdSeconds = Number(flags.hold ?? HOLD_SECONDS)
/** What is not done by then is left out. */
const minutesMax = Number(flags.minutes ?? Infinity)
// Processes are ended with us, whatever ends us.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
const unknown = ids.find((id) => FAULTS.every((fault) => fault.id !== id))
if (unknown !== undefined || !(lanes >= 1) || !(holdSeconds >= 0)) {
  console.error(`faults: no fault '${unknown}'; write ${FAULTS.map(({ id }) => id).join(', ')}`)
  process.exitCode = 2
} else {
  process.exitCode = await run(FAULTS.filter(({ id }) => ids.length === 0 || ids.includes(id)))
  // Trials that were left out are ended with it.
  process.exit()
}

async function run(faults: readonly Fault[]): Promise<number> {
  const began = Date.now()
  const minutes = () => (Date.now() - began) / 60_000
  const say = (what: string) => console.log(`${minutes().toFixed(1).padStart(5)} min  ${what}`)
  const past = faults.filter(({ subject }) => subject === 'collector').map(({ id }) => id)
  await using rig = await openRig({ cluster: !flags['without-cluster'], past, holdSeconds, say })
  // What takes longest comes first, so that it does not go on alone in the end.
  const left = faults.toSorted((a, b) => patienceSeconds(b) - patienceSeconds(a))
  const done = new Map<string, Outcome>()
  const lane = async () => {
    for (let fault = left.shift(); fault !== undefined; fault = left.shift()) {
      const outcome = await trial(fault, rig)
      done.set(fault.id, outcome)
      console.log(JSON.stringify(outcome))
      if (outcome.error !== undefined) say(`${fault.id}: ${outcome.error}`)
      say(`${done.size} of ${faults.length} done`)
    }
  }
  const isOver = Promise.withResolvers<void>()
  const timer = setTimeout(isOver.resolve, Math.min(minutesMax * 60_000, 2 ** 31 - 1))
  await Promise.race([Promise.all(Array.from({ length: lanes }, lane)), isOver.promise])
  clearTimeout(timer)
  const rules = await rig.watch.health()
  const about = { machine: machine(), minutes: minutes(), atOnce: lanes, holdSeconds, rules }
  await keep(done, { ...about, ...(!flags['without-cluster'] && { cluster: true }) })
  const wrong = [...done.values()].filter((one) => one.error !== undefined || isWrong(one))
  for (const { id, error, fired, detectedSeconds, also } of wrong) {
    console.error(
      `faults: ${id}: ${error ?? `${fired ?? 'nothing expected'} after ${detectedSeconds} s; also ${also.join()}`}`,
    )
  }
  return wrong.length === 0 ? 0 : 1
}

/** Keeps what was done now, laid over what was done before where it is not all. */
async function keep(done: ReadonlyMap<string, Outcome>, about: Omit<Run, 'outcomes'>): Promise<void> {
  const before = ids.length === 0 ? undefined : await readRun().catch(() => undefined)
  const kept = new Map(before?.outcomes.map((outcome) => [outcome.id, outcome]))
  const outcomes = FAULTS.flatMap(({ id }) => done.get(id) ?? kept.get(id) ?? [])
  await keepRun({ ...about, ...before, outcomes })
  const figures = Object.entries(figuresOf(outcomes)).map(([id, { value, detail }]) => {
    return [id, { value, detail: { ...detail, machine: machine() } }] as const
  })
  const results = merge(GOALS, await readResults(RESULTS), Object.fromEntries(figures))
  await writeResults(RESULTS, results)
  await writePage(results)
}

function isWrong(outcome: Outcome): boolean {
  if (outcome.expect.length === 0) return outcome.also.length > 0
  return outcome.fired === undefined || isLate(outcome)
}
