import { reached, show, type Detail, type Figure, type Goal } from './results.ts'

/** A line of the table on the terminal: id, figure, goal, and how it came about. */
export function row(goal: Goal, outcome: Figure | string): string {
  const id = goal.id.padEnd(31)
  if (typeof outcome === 'string') return `${id} ${'–'.padStart(10)}  ${outcome}`
  const value = `${show(outcome.value)} ${goal.unit}`.padStart(10)
  const want = `${goal.better === 'higher' ? '≥' : '≤'} ${goal.target}`.padStart(6)
  const mark = reached(goal, outcome.value) ? 'reached' : 'SHORT  '
  return `${id} ${value}  ${want} ${mark}  ${goal.what}${details(outcome.detail)}`
}

function details(detail: Detail): string {
  const parts = told(detail)
  return parts.length === 0 ? '' : `\n${' '.repeat(32)}${parts.join('; ')}`
}

/** A detail as `name: value`, without the machine, which is the same for all. */
export function told(detail: Detail): string[] {
  return Object.entries(detail)
    .filter(([name]) => name !== 'machine')
    .map(([name, value]) => `${name}: ${word(value)}`)
}

/** One value of a detail, as text. */
export function word(value: Detail[string]): string {
  if (typeof value !== 'object') return String(value)
  if (Array.isArray(value)) return value.join(' to ')
  return Object.entries(value)
    .map(([name, count]) => `${name} (${count})`)
    .join(', ')
}
