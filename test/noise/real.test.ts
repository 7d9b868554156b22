// The real programs: what is found afterwards is what Prometheus finds as it goes, and no worse than it was.
import { beforeAll, expect, test } from 'vitest'
import { groupsOf } from '../../operator/monitoring/alerts.ts'
import { tool, ToolMissing } from '../../hack/tools.ts'
import { desiredOf } from '../support/desired.ts'
import { type Firing, firingOf } from '../support/promtool.ts'
import { openEngine } from './engine.ts'
import { evaluate, type Fired } from './evaluate.ts'
import { judge } from './judge.ts'
import { START, STEP } from './kinds.ts'
import { daysOf, rulesOf } from './seed.ts'
import type { Series } from './series.ts'
import { notationOf } from './text.ts'

const missing = await Promise.all([tool('prometheus'), tool('promtool')]).then(
  () => undefined,
  (error: unknown) => {
    if (error instanceof ToolMissing) return error.message
    throw error
  },
)

/** A day on which a connection is lost and a market of three falls by 70 %, until an hour after that. */
const SHORT = { seed: 834, seconds: 6.5 * 3600 } as const
/** What an evaluation out of step may differ by, s. */
const SLACK = 2 * STEP

function shortened(all: Iterable<Series>, seconds: number): Series[] {
  return [...all].flatMap(({ name, first, values }) => {
    const left = values.subarray(0, Math.max(0, seconds / STEP - first))
    return left.length === 0 ? [] : [{ name, first, values: left }]
  })
}

/** A test of promtool begins in 1970. */
function sinceStart(one: Series): Series {
  return /^\w*(?:timestamp|start_time)_seconds\{/.test(one.name)
    ? { ...one, values: one.values.map((at) => at - START) }
    : one
}

const key = ({ alert, labels: { exchange, market, type } }: Pick<Fired, 'alert' | 'labels'>): string =>
  [alert, exchange, market, type].join(' ')

let fired: Fired[] = []
let firing: Firing = new Map()

beforeAll(async () => {
  if (missing !== undefined) return
  const series = shortened(daysOf(SHORT.seed, 1).series(), SHORT.seconds)
  await using engine = await openEngine()
  await engine.load(series)
  const times = Array.from({ length: SHORT.seconds / STEP }, (_, i) => i * STEP)
  const written = Object.fromEntries(series.map((one) => [one.name, notationOf(sinceStart(one))]))
  const scenario = { name: 'hours', series: written, times }
  const asked = firingOf(groupsOf(desiredOf().owner), [scenario], `${STEP}s`)
  fired = (await evaluate(engine, rulesOf(), SHORT.seconds)).fired
  firing = await asked
}, 900_000)

test('blocks judged afterwards give the alerts that promtool gives step by step', ({ skip }) => {
  if (missing !== undefined) return skip(missing)
  const theirs = [...(firing.get('hours') ?? [])].flatMap(([time, alerts]) =>
    alerts.map((labels) => ({ time, of: key({ alert: labels['alertname'] ?? '', labels }) })),
  )
  expect([...new Set(fired.map(key))].toSorted()).toEqual([...new Set(theirs.map(({ of }) => of))].toSorted())
  for (const one of fired) {
    const own = theirs.filter(({ of, time }) => of === key(one) && time >= one.from - SLACK && time < one.to + SLACK)
    expect(Math.abs((own[0]?.time ?? Infinity) - one.from), key(one)).toBeLessThanOrEqual(SLACK)
    expect(Math.abs((own.at(-1)?.time ?? Infinity) + STEP - one.to), key(one)).toBeLessThanOrEqual(SLACK)
  }
})

test('the incident of these hours is found by an adaptive rule within five minutes, and no alert is false', ({
  skip,
}) => {
  if (missing !== undefined) return skip(missing)
  const { incidents, wrong } = judge(fired, daysOf(SHORT.seed, 1).plan)
  expect(incidents).toHaveLength(1)
  expect(incidents[0]?.by).toEqual(['MarketPrismMessageRateDropped'])
  expect(incidents[0]?.after).toBeLessThanOrEqual(300)
  expect(wrong).toEqual([])
})
