// What the rules of a Collector say of the days of a seed.
//
// In: the rules as they are written for a Collector, and a Prometheus that has its series. Out: alerts, from when to when.
// Always: rules that look at ALERTS (an incident is not learnt) are asked again where those alerts came out otherwise, until
// what goes in comes out: since a rule sees only what is past, there is one such answer, and it is what Prometheus would have had.
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

const PASSES_MAX = 40

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

/** Names of the alerts that an expression follows, by itself or by what it reads. */
function followed(expr: string, records: readonly Record[]): Set<string> {
  const own = [...expr.matchAll(/ALERTS\{[^}]*alertname=~?"([^"]*)"/g)].flatMap(([, names = '']) => names.split('|'))
  const read = records.filter(({ record }) => reads(expr, record))
  return new Set([...own, ...read.flatMap((one) => [...followed(one.expr, records)])])
}

/** Rules, and the alerts that they follow: what they find changes with those alone. */
interface Followers {
  readonly names: ReadonlySet<string>
  readonly records: readonly Record[]
  readonly alerts: readonly WrittenRule[]
}

function followersOf({ records, alerts }: Rules): Followers[] {
  const keyOf = ({ expr }: { expr: string }): string => [...followed(expr, records)].toSorted().join('|')
  const all = [...new Set([...records, ...alerts].map(keyOf))].map((key) => ({
    names: new Set(key.split('|').filter((name) => name !== '')),
    records: records.filter((one) => keyOf(one) === key),
    alerts: alerts.filter((one) => keyOf(one) === key),
  }))
  // What reads another's follows all that it follows, and comes after it.
  return all.toSorted((a, b) => a.names.size - b.names.size)
}

/**
 * All that fired within so many seconds, and after how many passes that stood.
 * @throws Error where it does not, which would be a fault of this file
 */
export async function evaluate(
  engine: Engine,
  rules: Rules,
  seconds: number,
): Promise<{ fired: Fired[]; passes: number }> {
  const [from, to] = [START, START + seconds]
  const ask = async ({ records, alerts }: Rules): Promise<{ blocks: string[]; found: Judged[] }> => {
    const blocks: string[] = []
    for (const level of levelsOf(records)) blocks.push(...(await engine.record(level, from, to)))
    return { blocks, found: await episodesOfAll(engine, alerts, from, to) }
  }
  const followers = followersOf(rules)
  const answers = new Map<Followers, Awaited<ReturnType<typeof ask>>>()
  for (const one of followers) if (one.names.size === 0) answers.set(one, await ask(one))
  let known: readonly Judged[] = []
  let alerts: readonly string[] = []
  for (let passes = 1; ; passes++) {
    const now = [...answers.values()].flatMap(({ found }) => found)
    const changed = changedIn(known, now)
    const due = followers.filter((one) => !answers.has(one) || changed.some((name) => one.names.has(name)))
    if (due.length === 0) return { fired: now.flatMap((one) => firedOf(one) ?? []), passes }
    if (passes > PASSES_MAX) throw new Error(`what fires does not settle: ${changed.join(', ')}`)
    await engine.remove([...alerts, ...due.flatMap((one) => answers.get(one)?.blocks ?? [])])
    alerts = await engine.load(alertSeries(now, to))
    for (const one of due) answers.set(one, await ask(one))
    known = now
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

/** Names of the alerts that were not the same. */
function changedIn(some: readonly Judged[], others: readonly Judged[]): string[] {
  const text = ({ rule, labels, pending, fired, end }: Judged): string =>
    JSON.stringify([rule.alert, labels, pending, fired, end])
  const [one, other] = [some, others].map((all) => new Map(all.map((each) => [text(each), each.rule.alert])))
  const only = (of = new Map<string, string>(), but = new Map<string, string>()) =>
    [...of].flatMap(([key, name]) => (but.has(key) ? [] : [name]))
  return [...new Set([...only(one, other), ...only(other, one)])]
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
