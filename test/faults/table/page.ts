// docs/faults.md: the fault table as it was run last. Written from outcomes.json, never by hand.
import { readFile, writeFile } from 'node:fs/promises'
import { show } from '../../bench/results.ts'
import { type Alert, promised } from './fault.ts'
import { figuresOf, isLate, type Outcome } from './outcome.ts'
import { PREDECESSOR, PREDECESSOR_METRICS } from './predecessor.ts'
import { FAULTS } from './table.ts'

export const PAGE = new URL('../../../docs/faults.md', import.meta.url)
const OUTCOMES = new URL('outcomes.json', import.meta.url)
const TEXT = new URL('page.template.md', import.meta.url)

const WITH_CLUSTER = `The Collector is an object in a real API server, too, where a real operator does its work. There are no nodes: a
  stand-in for the kubelet tells the API server how the processes are: ready is what their /readyz says, waiting in a crash
  loop is what they do.`
const WITHOUT_CLUSTER = `This run had no API server and no operator: rules that ask the operator how many pods there should be fell back to what
  they say while it is away.`

/** What a run came to. */
export interface Run {
  readonly machine: string
  readonly minutes: number
  readonly atOnce: number
  /** For so long a fault stayed at least, s. */
  readonly holdSeconds: number
  /** With an API server and an operator. */
  readonly cluster?: true
  /** Evaluations of rules that the Prometheus of the run missed, and that failed. */
  readonly rules: { readonly missed: number; readonly failed: number }
  readonly outcomes: readonly Outcome[]
}

/** @throws Error where there was no run yet */
export async function readRun(): Promise<Run> {
  return JSON.parse(await readFile(OUTCOMES, 'utf8')) as Run
}

/** Keeps a run, and writes its page. */
export async function keepRun(run: Run): Promise<void> {
  await writeFile(OUTCOMES, `${JSON.stringify(run, null, 2)}\n`)
  await writeFile(PAGE, await page(run))
}

/** The page of a run. */
export async function page(run: Run): Promise<string> {
  const { outcomes, machine, minutes, atOnce, holdSeconds, rules } = run
  const { 'faults.detected': detected, 'faults.p95': p95 } = figuresOf(outcomes)
  const values: Record<string, string> = {
    machine,
    minutes: String(Math.round(minutes)),
    atOnce: String(atOnce),
    hold: String(holdSeconds),
    cluster: run.cluster === true ? WITH_CLUSTER : WITHOUT_CLUSTER,
    missed: String(rules.missed),
    failed: String(rules.failed),
    detected: `${show(detected?.value ?? 0)} %`,
    counts: counts(outcomes),
    p95: Number.isFinite(p95?.value) ? `${show(p95?.value ?? 0)} s` : 'not measured',
    faults: [...Map.groupBy(outcomes, ({ area }) => area)].map(([area, rows]) => table(area, rows)).join('\n\n'),
    left: left(outcomes),
    metrics: PREDECESSOR_METRICS.map(([theirs, ours]) => `| ${theirs} | ${ours} |`).join('\n'),
  }
  const template = await readFile(TEXT, 'utf8')
  return template.replaceAll(/\{\{(\w+)\}\}/g, (whole, name: string) => values[name] ?? whole)
}

/** Faults of the table that the run did not come to. */
function left(outcomes: readonly Outcome[]): string {
  const done = new Set(outcomes.map(({ id }) => id))
  const ids = FAULTS.filter(({ id }) => !done.has(id)).map(({ id, what }) => `- \`${id}\`: ${what}`)
  return ids.length === 0 ? '' : `### Not measured\n\nThe last run did not come to these:\n\n${ids.join('\n')}\n\n`
}

function counts(outcomes: readonly Outcome[]): string {
  const { 'faults.detected': detected, 'faults.p95': p95 } = figuresOf(outcomes)
  const told = (detail: object | undefined) => Object.entries(detail ?? {}).map(([name, value]) => `${name}: ${value}`)
  return [...told(detected?.detail), ...told(p95?.detail)].map((line) => `- ${line}`).join('\n')
}

function table(area: string, rows: readonly Outcome[]): string {
  const head = '| fault | expected | fired after | promised | over after | what else fired | the predecessor |'
  return [`### ${area}`, '', head, '|---|---|---|---|---|---|---|', ...rows.map(row)].join('\n')
}

function row(outcome: Outcome): string {
  const { id, what, expect, fired, detectedSeconds, recoveredSeconds, also, predecessor, error } = outcome
  const alert = fired ?? expect[0]
  const after = detectedSeconds === undefined ? '**not**' : time(detectedSeconds, isLate(outcome))
  const cells = [
    `\`${id}\`: ${what}${error === undefined ? '' : ` (**${error.replaceAll('|', '/')}**)`}`,
    expect.length === 0 ? 'silence' : expect.map(link).join(' or '),
    expect.length === 0 ? (also.length === 0 ? 'silent' : '**not silent**') : after,
    alert === undefined ? '' : `${promised(alert).detectWithin} s`,
    recoveredSeconds === undefined ? kept(fired) : `${recoveredSeconds} s`,
    also.map((one) => link(one as Alert)).join(', '),
    predecessor === undefined ? '' : `${predecessor.alert.slice(PREDECESSOR.length)}, ${predecessor.seconds} s`,
  ]
  return `| ${cells.join(' | ')} |`
}

function time(seconds: number, late: boolean): string {
  return late ? `**${seconds} s**` : `${seconds} s`
}

function kept(fired: Alert | undefined): string {
  const keeps = fired === undefined ? undefined : promised(fired).keepFiringFor
  return keeps === undefined ? '' : `kept ${keeps}`
}

function link(alert: Alert): string {
  return `[${alert.replace('MarketPrism', '')}](runbooks/${alert}.md)`
}
