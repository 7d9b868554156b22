// results.json: what was measured last, one figure for each id, and the rule that says when a figure has fallen.
import { readFile, writeFile } from 'node:fs/promises'

export type Unit = 'x' | 'ms' | 's' | 'MB' | '%' | 'writes' | 'messages' | 'alerts'

/** What a benchmark promises of one figure. */
export interface Goal {
  readonly id: string
  readonly target: number
  readonly unit: Unit
  /** `higher`: a ratio or share, held to the committed one. `lower`: a limit, held to its target. */
  readonly better: 'higher' | 'lower'
  readonly what: string
}

/** How the figure came about: numbers and words, or counts by name. */
export type Detail = Readonly<Record<string, string | number | readonly number[] | Readonly<Record<string, number>>>>

export interface Figure {
  readonly value: number
  readonly detail: Detail
}

export interface Result extends Figure {
  readonly target: number
  readonly unit: Unit
}

export type Results = Readonly<Record<string, Result>>

/** A fall by more than this share of the committed value fails the check; shares of agreement must not fall at all. */
export const FALL_MAX = 0.15

/** What `--check` has against this figure: a sentence, or undefined when it stands. */
export function fault(goal: Goal, value: number, committed: number | undefined): string | undefined {
  if (goal.better === 'lower') {
    return value > goal.target
      ? `${goal.id}: ${show(value)} ${goal.unit} is over its limit of ${goal.target}`
      : undefined
  }
  const fallMax = goal.unit === '%' ? 0 : FALL_MAX
  if (committed === undefined || value >= committed * (1 - fallMax)) return undefined
  const fall = show((1 - value / committed) * 100)
  return `${goal.id}: ${show(value)} ${goal.unit} is ${fall} % below the committed ${show(committed)}`
}

/** Whether the figure is where the project wants it. */
export function reached(goal: Goal, value: number): boolean {
  return goal.better === 'higher' ? value >= goal.target : value <= goal.target
}

/** Whether a figure is better than another one of the same goal, or there is no other. */
export function isBetter({ better }: Goal, { value }: Figure, than: Figure | undefined): boolean {
  return than === undefined || (better === 'higher' ? value > than.value : value < than.value)
}

/** The figures measured now laid over those of before, in the order of the goals; what has no goal any more is left out. */
export function merge(goals: readonly Goal[], before: Results, now: Readonly<Record<string, Figure>>): Results {
  const merged: Record<string, Result> = {}
  for (const goal of goals) {
    const figure = now[goal.id] ?? before[goal.id]
    if (figure === undefined) continue
    merged[goal.id] = { value: round(figure.value), target: goal.target, unit: goal.unit, detail: figure.detail }
  }
  return merged
}

/** Reads results.json; nothing was ever measured when it is not there. */
export async function readResults(file: string | URL): Promise<Results> {
  try {
    return JSON.parse(await readFile(file, 'utf8')) as Results
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return {}
    throw new Error(`${String(file)}: not readable as JSON; restore it from git`, { cause })
  }
}

export async function writeResults(file: string | URL, results: Results): Promise<void> {
  await writeFile(file, `${JSON.stringify(results, null, 2)}\n`)
}

/** Three significant digits, which is more than the spread allows; shares below 100 % are never rounded up to it. */
export function round(value: number): number {
  const rounded = Number(value.toPrecision(3))
  return rounded === 100 && value < 100 ? 99.9 : rounded
}

export function show(value: number): string {
  return String(round(value))
}
