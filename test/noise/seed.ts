// The days of one seed: made, told to a Prometheus, judged.
import { groupsOf } from '../../operator/monitoring/alerts.ts'
import type { WrittenRule } from '../../operator/monitoring/alerts.ts'
import { desiredOf } from '../support/desired.ts'
import { always, guesses, twoSigma } from './detectors.ts'
import { type Engine, openEngine, type Record } from './engine.ts'
import { evaluate, type Fired, type Rules } from './evaluate.ts'
import { flowsOf } from './flow.ts'
import { ADAPTIVE, judge, type Tally, tallyOf, WITH_LARGER } from './judge.ts'
import { DAY } from './kinds.ts'
import { marketOf } from './market.ts'
import { type Plan, planOf } from './plan.ts'
import { podsOf } from './pods.ts'
import { type Series, seriesOf } from './series.ts'

export const DETECTORS = ['adaptive', 'two-sigma', 'random', 'always'] as const
export type Detector = (typeof DETECTORS)[number]

export interface Judged {
  readonly seed: number
  readonly days: number
  /** How often the rules were asked until nothing changed any more. */
  readonly passes: number
  /** All rules of the Collector, and which of their alerts nothing explains. */
  readonly all: Tally
  readonly wrong: readonly Fired[]
  readonly by: Readonly<{ [name in Detector]: Tally }>
}

export interface Days {
  readonly plan: Plan
  readonly series: () => Iterable<Series>
}

/** What happened in the days of a seed, and the series that a Prometheus has of it. */
export function daysOf(seed: number, days: number): Days {
  const plan = planOf(seed, days)
  const flows = flowsOf(seed, marketOf(seed, days), plan)
  const { pods, rollouts } = podsOf(plan, days * DAY)
  return { plan, series: () => seriesOf(flows, pods, rollouts) }
}

/** All rules of a Collector that publishes into NATS. */
export function rulesOf(): Rules {
  const rules = groupsOf(desiredOf().owner).flatMap((group) => group.rules) as (Record | WrittenRule)[]
  return {
    records: rules.filter((rule) => 'record' in rule),
    alerts: rules.filter((rule) => 'alert' in rule),
  }
}

/** @throws ToolMissing where Prometheus or promtool cannot be had */
export async function playSeed(seed: number, days: number): Promise<Judged> {
  await using engine = await openEngine()
  // Awaited here: the engine is closed when this returns.
  return await judgeDays(engine, seed, days)
}

async function judgeDays(engine: Engine, seed: number, days: number): Promise<Judged> {
  const { plan, series } = daysOf(seed, days)
  const seconds = days * DAY
  await engine.load(series())
  const { fired: theirs } = await evaluate(engine, { records: [], alerts: twoSigma() }, seconds)
  const { fired, passes } = await evaluate(engine, rulesOf(), seconds)
  const named = (names: readonly string[]): Fired[] => fired.filter(({ alert }) => names.includes(alert))
  const adaptive = named(ADAPTIVE)
  const all = judge(fired, plan)
  const tally = (alerts: readonly Fired[]): Tally => tallyOf(judge(alerts, plan))
  return {
    seed,
    days,
    passes,
    all: tallyOf(all),
    wrong: all.wrong,
    by: {
      // Found is what the larger alerts say, too; but they are no adaptive alerts that could be wrong.
      adaptive: { ...tally(adaptive), incidents: tally(named(WITH_LARGER)).incidents },
      'two-sigma': tally(theirs),
      random: tally(guesses(seed, adaptive.length, seconds)),
      always: tally(always(seconds)),
    },
  }
}
