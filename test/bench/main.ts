// `npm run bench [-- ids…] [--check] [--quick] [--long]`: runs the suite, prints a table, keeps results.json. The beginning
// of ids stands for all of them: `decode`, `agree`. --pages runs nothing, and writes the pages about the figures anew.
//
// --check compares with the committed results.json and leaves it alone; a fall must show in three runs to fail.
// Exit codes: 0 well; 1 a fall, or a benchmark that failed; 2 a command line that cannot be understood.
import { parseArgs } from 'node:util'
import { runApart, type Answer } from './apart.ts'
import { machine } from './machine.ts'
import { writePage } from './page.ts'
import { writePerformance } from './performance.ts'
import { writeTesting } from './testing.ts'
import { fault, isBetter, merge, readResults, writeResults, type Figure, type Goal, type Results } from './results.ts'
import { GOALS, goalsOf, SUITE, type Benchmark } from './suite.ts'
import { row } from './table.ts'

const RESULTS = new URL('results.json', import.meta.url)
const TRIES_MAX = 3

const { values: flags, positionals: words } = parseArgs({
  allowPositionals: true,
  options: {
    check: { type: 'boolean', default: false },
    quick: { type: 'boolean', default: false },
    long: { type: 'boolean', default: false },
    pages: { type: 'boolean', default: false },
  },
})

const unknown = words.find((word) => goalsOf(word).length === 0)
const wanted = new Set(words.length === 0 ? GOALS : words.flatMap(goalsOf))
if (flags.pages) await writePages(await readResults(RESULTS))
else if (unknown === undefined) process.exitCode = await run()
else {
  console.error(`bench: no benchmark '${unknown}'; write ${GOALS.map((goal) => goal.id).join(', ')}`)
  process.exitCode = 2
}

async function run(): Promise<number> {
  console.log(machine())
  const committed = await readResults(RESULTS)
  const faults: string[] = []
  for (const benchmark of SUITE) {
    const goals = benchmark.goals.filter((goal) => wanted.has(goal))
    if (goals.length === 0) continue
    const answer = flags.check ? await confirm(benchmark, goals, committed) : await runApart(benchmark, flags)
    show(goals, answer)
    if ('failed' in answer) faults.push(answer.failed)
    if (!('figures' in answer)) continue
    if (flags.check) faults.push(...faultsOf(goals, answer.figures, committed))
    else if (!flags.quick) await keep(goals, answer.figures)
  }
  for (const sentence of faults) console.error(`bench: ${sentence}`)
  return faults.length > 0 ? 1 : 0
}

/** Runs a benchmark, and when it would fail the check, again, up to three times; keeps the better figures. */
async function confirm(benchmark: Benchmark, goals: readonly Goal[], committed: Results): Promise<Answer> {
  const best: Record<string, Figure> = {}
  for (let attempt = 1; ; attempt++) {
    const answer = await runApart(benchmark, flags)
    if (!('figures' in answer)) return answer
    for (const goal of goals) {
      const now = answer.figures[goal.id] as Figure
      if (isBetter(goal, now, best[goal.id])) best[goal.id] = now
    }
    if (faultsOf(goals, best, committed).length === 0 || attempt === TRIES_MAX) return { figures: best }
  }
}

function faultsOf(goals: readonly Goal[], figures: Readonly<Record<string, Figure>>, committed: Results): string[] {
  return goals.flatMap((goal) => fault(goal, (figures[goal.id] as Figure).value, committed[goal.id]?.value) ?? [])
}

function show(goals: readonly Goal[], answer: Answer): void {
  for (const goal of goals) {
    if ('figures' in answer) console.log(row(goal, answer.figures[goal.id] as Figure))
    else if ('missing' in answer) console.log(row(goal, `skipped: ${answer.missing}; ${answer.remedy}`))
    else console.log(row(goal, 'failed'))
  }
}

/** What is told of the figures; `--pages` only writes them again. */
async function writePages(results: Results): Promise<void> {
  await Promise.all([writePage(results), writePerformance(results), writeTesting(results)])
}

async function keep(goals: readonly Goal[], figures: Readonly<Record<string, Figure>>): Promise<void> {
  const asked = Object.fromEntries(goals.map((goal) => [goal.id, figures[goal.id] as Figure]))
  const results = merge(GOALS, await readResults(RESULTS), asked)
  await writeResults(RESULTS, results)
  await writePages(results)
}
