// `npm run bench [-- ids…] [--check] [--quick] [--long]`: runs the suite, prints a table, keeps results.json.
//
// Each benchmark runs in a process of its own, so that none inherits the other's compiled code or garbage.
// --check compares with the committed results.json and leaves it alone; a fall must show in three runs to fail.
import { fork } from 'node:child_process'
import { parseArgs } from 'node:util'
import { machine } from './machine.ts'
import { QUICK, ROUNDS } from './measure.ts'
import { Missing } from './missing.ts'
import { writePage } from './page.ts'
import { fault, merge, readResults, writeResults, type Figure, type Goal, type Results } from './results.ts'
import { GOALS, SUITE, type Benchmark, type Context } from './suite.ts'
import { row } from './table.ts'

const RESULTS = new URL('results.json', import.meta.url)
const TRIES_MAX = 3

const { values: flags, positionals: ids } = parseArgs({
  allowPositionals: true,
  options: {
    check: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    long: { type: 'boolean', default: false },
    child: { type: 'string' },
  },
})
const context: Context = { rounds: flags.quick ? QUICK : ROUNDS, quick: flags.quick, long: flags.long }

type Answer = { figures: Record<string, Figure> } | { missing: string; remedy: string }

if (flags.child !== undefined) await runHere(SUITE[Number(flags.child)] as Benchmark)
else process.exitCode = await runAll()

async function runAll(): Promise<number> {
  for (const id of ids) {
    if (GOALS.some((goal) => goal.id === id)) continue
    console.error(`bench: no benchmark '${id}'; there are ${GOALS.map((goal) => goal.id).join(', ')}`)
    return 2
  }
  console.log(machine())
  const committed = await readResults(RESULTS)
  const measured: Record<string, Figure> = {}
  const faults: string[] = []
  for (const benchmark of SUITE) {
    const goals = benchmark.goals.filter((goal) => ids.length === 0 || ids.includes(goal.id))
    if (goals.length === 0) continue
    const answer = await measure(benchmark, goals, committed)
    if ('missing' in answer) {
      for (const goal of goals) console.log(row(goal, `skipped: ${answer.missing} (${answer.remedy})`))
      continue
    }
    for (const goal of goals) {
      const figure = answer.figures[goal.id] as Figure
      measured[goal.id] = figure
      console.log(row(goal, figure))
      if (flags.check)
        faults.push(...[fault(goal, figure.value, committed[goal.id]?.value)].filter((f) => f !== undefined))
    }
  }
  if (!flags.check && !flags.quick) {
    const results = merge(GOALS, await readResults(RESULTS), measured)
    await writeResults(RESULTS, results)
    await writePage(results)
  }
  for (const sentence of faults) console.error(`bench: ${sentence}`)
  return faults.length > 0 ? 1 : 0
}

/** Runs a benchmark; when it would fail the check, again, keeping the better figures. */
async function measure(benchmark: Benchmark, goals: readonly Goal[], committed: Results): Promise<Answer> {
  const best: Record<string, Figure> = {}
  for (let attempt = 1; ; attempt++) {
    const answer = await runApart(benchmark)
    if ('missing' in answer) return answer
    for (const goal of goals) {
      const [now, before] = [answer.figures[goal.id] as Figure, best[goal.id]]
      const better =
        goal.better === 'higher' ? now.value > (before?.value ?? -Infinity) : now.value < (before?.value ?? Infinity)
      if (better) best[goal.id] = now
    }
    const stands = goals.every(
      (goal) => fault(goal, (best[goal.id] as Figure).value, committed[goal.id]?.value) === undefined,
    )
    if (stands || !flags.check || attempt === TRIES_MAX) return { figures: best }
  }
}

function runApart(benchmark: Benchmark): Promise<Answer> {
  const args = [
    '--child',
    String(SUITE.indexOf(benchmark)),
    ...(flags.quick ? ['--quick'] : []),
    ...(flags.long ? ['--long'] : []),
  ]
  const child = fork(import.meta.filename, args)
  return new Promise((resolve, reject) => {
    child.once('message', (answer) => resolve(answer as Answer))
    child.once('error', reject)
    child.once('exit', (code) => {
      const names = benchmark.goals.map((goal) => goal.id).join(', ')
      reject(new Error(`${names}: its process ended with code ${code} and no result; its error stands above`))
    })
  })
}

async function runHere(benchmark: Benchmark): Promise<void> {
  let answer: Answer
  try {
    answer = { figures: await benchmark.run(context) }
  } catch (error) {
    if (!(error instanceof Missing)) throw error
    answer = { missing: error.message, remedy: error.remedy }
  }
  process.send?.(answer, () => process.disconnect?.())
}
