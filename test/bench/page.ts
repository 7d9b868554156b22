// docs/peers.md: what the peers are, what they do not do, and how we compare. Written from results.json, never by hand.
import { readFile, writeFile } from 'node:fs/promises'
import { reached, show, type Goal, type Result, type Results } from './results.ts'
import { GOALS } from './suite.ts'
import { told, word } from './table.ts'

export const PAGE = new URL('../../docs/peers.md', import.meta.url)

const TEXT = new URL('peers.template.md', import.meta.url)

/** The page for these results: the template with figures and tables filled in. */
export async function page(results: Results): Promise<string> {
  const template = await readFile(TEXT, 'utf8')
  return template
    .replace('{{speed}}', figures(results))
    .replace('{{machines}}', machines(results))
    .replace('{{tardis}}', reasons(results['agree.tardis']))
    .replace('{{cryptofeed}}', reasons(results['agree.cryptofeed']))
}

export async function writePage(results: Results): Promise<void> {
  await writeFile(PAGE, await page(results))
}

function figures(results: Results): string {
  const rows = GOALS.flatMap((goal) => {
    const result = results[goal.id]
    return result === undefined
      ? [`| \`${goal.id}\` | ${goal.what} | not measured | ${aim(goal)} | |`]
      : [figure(goal, result)]
  })
  return ['| id | what | measured | reach | how it came about |', '|---|---|---|---|---|', ...rows].join('\n')
}

function machines(results: Results): string {
  return [...new Set(Object.values(results).map(({ detail }) => word(detail['machine'] ?? 'not known')))].join('; ')
}

function figure(goal: Goal, result: Result): string {
  const { reasons: _, ...detail } = result.detail
  return `| \`${goal.id}\` | ${goal.what} | ${measured(goal, result)} | ${aim(goal)} | ${told(detail).join('; ')} |`
}

/** A figure in its unit, bold where it is short of its goal. */
export function measured(goal: Goal, { value }: Pick<Result, 'value'>): string {
  const text = `${show(value)} ${goal.unit}`
  return reached(goal, value) ? text : `**${text}**`
}

/** What is to be reached. */
export function aim(goal: Goal): string {
  return `${goal.better === 'higher' ? '≥' : '≤'} ${goal.target} ${goal.unit}`
}

function reasons(result: Result | undefined): string {
  const counts = result?.detail['reasons']
  if (result === undefined || typeof counts !== 'object') return 'Not measured.'
  const rows = Object.entries(counts).map(([reason, count]) => `| ${reason} | ${count} |`)
  const total = `| no difference | ${word(result.detail['agree'] ?? '')} |`
  return ['| how the reading of a frame differs | frames |', '|---|---|', total, ...rows].join('\n')
}
