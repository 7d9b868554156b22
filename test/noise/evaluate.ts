// What the rules of a Collector say of the days of a seed.
//
// In: the rules as they are written for a Collector, and a Prometheus that has its series. Out: alerts, from when to when.
// Always: rules that look at ALERTS (an incident is not learnt) are asked again with the alerts that came out, until what
// goes in comes out: since a rule sees only what is past, there is one such answer, and it is what Prometheus would have had.
import { parseDuration } from '../../crds/duration.ts'
import type { WrittenRule } from '../../operator/monitoring/alerts.ts'
import type { Engine, Labels, Record } from './engine.ts'
import { START, STEP } from './kinds.ts'
import type { Series } from './series.ts'
import { type Episode, episodesOf } from './states.ts'

export interface Rules {
  readonly records: readonly Record[]
  readonly alerts: readonly WrittenRule[]
}

/** An alert that fired; times in seconds from the first sample. */
export interface Fired {
  readonly alert: string
  readonly tier: string
  readonly labels: Labels
  readonly from: number
  readonly to: number
}

const PASSES_MAX = 5

/** Rules in the order in which one needs another: what a level reads is recorded by those before it. */
export function levelsOf(records: readonly Record[]): Record[][] {
  const levels: Record[][] = []
  let left = [...records]
  while (left.length > 0) {
    const ready = left.filter(({ expr }) => !left.some(({ record }) => reads(expr, record)))
    if (ready.length === 0) throw new Error(`these read each other: ${left.map(({ record }) => record).join(', ')}`)
    levels.push(ready)
    left = left.filter((one) => !ready.includes(one))
  }
  return levels
}

/** Whether an expression reads a series of this name, and not one whose name begins so. */
function reads(expr: string, name: string): boolean {
  return expr.includes(`${name}{`)
}

/** Whether what it records depends on alerts. */
function followsAlerts(record: Record, records: readonly Record[]): boolean {
  return (
    record.expr.includes('ALERTS{') ||
    records.some((one) => reads(record.expr, one.record) && followsAlerts(one, records))
  )
}

/** All that fired within so many seconds, and after how many passes that stood. */
export async function evaluate(
  engine: Engine,
  rules: Rules,
  seconds: number,
): Promise<{ fired: Fired[]; passes: number }> {
  const [from, to] = [START, START + seconds]
  const following = rules.records.filter((one) => followsAlerts(one, rules.records))
  const recordAll = async (records: readonly Record[]): Promise<string[]> => {
    const blocks: string[] = []
    for (const level of levelsOf(records)) blocks.push(...(await engine.record(level, from, to)))
    return blocks
  }
  await recordAll(rules.records.filter((one) => !following.includes(one)))
  const isFollowing = ({ expr }: WrittenRule): boolean =>
    expr.includes('ALERTS{') || following.some(({ record }) => reads(expr, record))
  const settled = await episodesOfAll(
    engine,
    rules.alerts.filter((one) => !isFollowing(one)),
    from,
    to,
  )
  const followers = rules.alerts.filter(isFollowing)
  let known = settled
  for (let passes = 1; ; passes++) {
    const blocks = [...(await engine.load(alertSeries(known, to))), ...(await recordAll(following))]
    const found = [...settled, ...(await episodesOfAll(engine, followers, from, to))]
    if (sameAs(found, known) || passes === PASSES_MAX)
      return { fired: found.flatMap((one) => firedOf(one) ?? []), passes }
    await engine.remove(blocks)
    known = found
  }
}

function secondsOf(duration: string | undefined): number {
  return duration === undefined ? 0 : parseDuration(duration) / 1000
}

interface Judged extends Episode {
  readonly rule: WrittenRule
  readonly labels: Labels
}

async function episodesOfAll(
  engine: Engine,
  alerts: readonly WrittenRule[],
  from: number,
  to: number,
): Promise<Judged[]> {
  const all: Judged[] = []
  for (const rule of alerts) {
    const waiting = { step: STEP, for: secondsOf(rule.for), keep: secondsOf(rule.keep_firing_for) }
    for (const {
      labels: { __name__: _, ...labels },
      times,
    } of await engine.held(rule.expr, from, to)) {
      for (const episode of episodesOf(times, waiting))
        all.push({ ...episode, rule, labels: { ...labels, ...rule.labels } })
    }
  }
  return all
}

function sameAs(some: readonly Judged[], others: readonly Judged[]): boolean {
  const text = (all: readonly Judged[]): string =>
    all
      .map(({ rule, labels, pending, fired, end }) => JSON.stringify([rule.alert, labels, pending, fired, end]))
      .toSorted()
      .join('\n')
  return text(some) === text(others)
}

function firedOf({ rule, labels, fired, end }: Judged): Fired | undefined {
  if (fired === undefined) return undefined
  return { alert: rule.alert, tier: rule.labels['priority'] ?? '', labels, from: fired - START, to: end - START }
}

/** ALERTS as Prometheus writes it beside what it judges. */
function alertSeries(all: readonly Judged[], end: number): Series[] {
  const steps = Math.floor((end - START) / STEP) + 1
  const series = new Map<string, Float64Array>()
  for (const { rule, labels, pending, fired, end: over } of all) {
    for (const [state, begin, until] of [
      ['pending', pending, fired ?? over],
      ['firing', fired ?? over, over],
    ] as const) {
      const text = Object.entries({ alertname: rule.alert, alertstate: state, ...labels })
      const name = `ALERTS{${text.map(([label, value]) => `${label}="${value}"`).join(',')}}`
      const values = series.get(name) ?? new Float64Array(steps).fill(Number.NaN)
      series.set(name, values)
      for (let time = begin; time < until && time <= end; time += STEP) values[Math.floor((time - START) / STEP)] = 1
    }
  }
  return [...series].map(([name, values]) => ({ name, first: 0, values }))
}
