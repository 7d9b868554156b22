// Each benchmark runs in a process of its own, so that none inherits the other's compiled code or garbage, and one that
// fails does not take the rest with it. This file is both ends: imported it forks, forked it runs.
import { fork } from 'node:child_process'
import { machine } from './machine.ts'
import { QUICK, ROUNDS } from './measure.ts'
import { Missing } from './missing.ts'
import type { Figure } from './results.ts'
import { SUITE, type Benchmark } from './suite.ts'

export type Answer =
  | { readonly figures: Readonly<Record<string, Figure>> }
  | { readonly missing: string; readonly remedy: string }
  | { readonly failed: string }

export interface Flags {
  readonly quick: boolean
  readonly long: boolean
}

interface Order extends Flags {
  /** Index into the suite. */
  readonly benchmark: number
}

/** Runs a benchmark in a new process; resolves when that has ended. */
export function runApart(benchmark: Benchmark, { quick, long }: Flags): Promise<Answer> {
  const child = fork(import.meta.filename)
  const order: Order = { benchmark: SUITE.indexOf(benchmark), quick, long }
  child.send(order)
  let answer: Answer | undefined
  child.once('message', (message) => (answer = message as Answer))
  return new Promise((resolve) => {
    child.once('exit', (code) => {
      const names = benchmark.goals.map((goal) => goal.id).join(', ')
      resolve(answer ?? { failed: `${names}: no result (exit code ${code}); the error stands above` })
    })
  })
}

if (import.meta.main && process.send !== undefined) {
  process.once('message', (order) => void runHere(order as Order))
  // Whoever started us is gone: what we started goes with us.
  process.once('disconnect', () => process.exit())
}

async function runHere({ benchmark, quick, long }: Order): Promise<void> {
  const context = { rounds: quick ? QUICK : ROUNDS, quick, long }
  let answer: Answer
  try {
    const figures = Object.entries(await (SUITE[benchmark] as Benchmark).run(context)).map(
      ([id, { value, detail }]) => {
        return [id, { value, detail: { ...detail, machine: machine() } }] as const
      },
    )
    answer = { figures: Object.fromEntries(figures) }
  } catch (error) {
    if (!(error instanceof Missing)) throw error
    answer = { missing: error.message, remedy: error.remedy }
  }
  process.send?.(answer, () => process.disconnect?.())
}
