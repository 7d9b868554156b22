// Each rule fires for what it is about, in time and alone; what only looks like it keeps it silent. Tried by promtool.
import { beforeAll, expect, test } from 'vitest'
import { ALERTS, type AlertName } from '../../crds/alerts.ts'
import {
  appears,
  BRIEF,
  type Clock,
  clockOf,
  ends,
  FAULTS,
  flat,
  grows,
  growsThen,
  HOUR,
  OWNERS,
  type Series,
  seriesOf,
  STEP_SECONDS,
  time,
  turns,
  type Values,
  WELL,
} from '../../test/support/alerts.ts'
import { firingOf, type Firing, promtool, type Scenario } from '../../test/support/promtool.ts'
import { after, allGroups, slackOf } from '../../test/support/proof.ts'
import { inhibitionsOf } from './routing.ts'
import { ruleOf, RULES } from './rules.ts'
import { ToolMissing } from '../../hack/tools.ts'

const C = 'marketprism_collector_'
const O = 'marketprism_operator_collector_'
const TRADE = 'exchange="binance",market="spot",type="trade"'
const BOOK = 'exchange="okx",market="spot",type="orderbook"'
/** From before the fault until the alert must have fired. */
const clock = (alert: AlertName): Clock =>
  clockOf(FAULTS[alert].before ?? BRIEF, ruleOf(alert).detectWithin / STEP_SECONDS + 4)
const LONG = clockOf(HOUR, 60)

/** What is no fault of the data: nothing is counted twice, nothing is missed, and no alert is right. */
const QUIET: Readonly<Record<string, Series>> = {
  'a Collector that is well': {},
  'an operator that is away': {
    'marketprism_operator_collector_shards_desired{}': undefined,
    'marketprism_operator_collector_pods_desired{}': undefined,
  },
  'a Collector that is scaled to nothing': {
    ...Object.fromEntries(
      Object.keys(WELL).map((name) => [name, name.startsWith('marketprism_operator') ? WELL[name] : undefined]),
    ),
    'marketprism_operator_collector_shards_desired{}': flat(0),
    'marketprism_operator_collector_pods_desired{}': flat(0),
  },
  'a pod that takes over from another': {
    'up{}': ends(1),
    'up{pod="majors-0-a-2"}': appears(1),
    [`${C}messages_total{${TRADE}}`]: (clock) => `${grows(1500)({ ...clock, all: clock.before + 1 })} stale`,
    [`${C}messages_total{${TRADE},pod="majors-0-a-2"}`]: ({ before, all }) => `_x${before} 0+1500x${all - before - 1}`,
    [`${C}last_message_timestamp_seconds{${TRADE}}`]: (clock) =>
      `${grows(15)({ ...clock, all: clock.before + 1 })} stale`,
    [`${C}last_message_timestamp_seconds{${TRADE},pod="majors-0-a-2"}`]: ({ before, seconds, all }) =>
      `_x${before} ${seconds}+15x${all - before}`,
    [`${C}messages_foreign_total{pod="majors-0-a-2"}`]: ({ before, all }) => `_x${before} 0+1500x3 6000x${all}`,
    'process_start_time_seconds{pod="majors-0-a-2"}': time((seconds) => seconds),
  },
  'rollouts, one after another, whose new pods announce what they cannot know': {
    [`${O}rollout_started_timestamp_seconds{}`]: ({ before, seconds, all }) =>
      `_x${before} ${seconds}x8 _x12 ${seconds + 315}x8 _x${all - before - 30}`,
    [`${C}gaps_total{${TRADE},pod="majors-0-a-2"}`]: appears(2),
    [`${C}gaps_total{${TRADE},pod="majors-0-a-3"}`]: ({ before, all }) => `_x${before + 22} 2x${all}`,
  },
  'a second publisher that lags, and then goes': {
    'marketprism_operator_collector_pods_desired{}': flat(2),
    'up{pod="majors-0-b-1",publisher="b"}': flat(1),
    [`${C}messages_total{${TRADE},pod="majors-0-b-1"}`]: ends(1500),
    [`${C}last_message_timestamp_seconds{${TRADE},pod="majors-0-b-1"}`]: growsThen(15, 0),
    [`${C}sink_connected{sink="nats",pod="majors-0-b-1"}`]: turns(1, 0),
  },
  'a flat series, one at 0 and one below the floor, that end': {
    [`${C}messages_total{${TRADE}}`]: growsThen(60, 0),
    [`${C}messages_total{${BOOK}}`]: flat(7),
  },
  'a Collector that begins': {
    ...Object.fromEntries(Object.entries(WELL).map(([name, values]) => [name, begins(name, values)])),
    'process_start_time_seconds{}': time((seconds) => seconds),
  },
  'a storm of messages': {
    [`${C}messages_total{${TRADE}}`]: ({ before, all }) =>
      `0+1500x${before} ${1500 * before}+75000x8 ${1500 * before + 600_000}+1500x${all}`,
  },
}

/** The same, from the fault on only; but there is an operator, and the times of messages are those that they come at. */
function begins(name: string, values: Values | undefined): Values | undefined {
  if (name.startsWith('marketprism_operator')) return values
  const isTime = /(?:last_message|last_acknowledged|clock)_/.test(name)
  return ({ before, seconds, all }) => {
    const left = all - before - 2
    const from = isTime
      ? `${seconds + STEP_SECONDS}+${STEP_SECONDS}x${left}`
      : values?.({ before: 0, seconds: 0, all: left })
    return `_x${before + 1} ${from}`
  }
}

let firing: Firing = new Map()

beforeAll(async () => {
  if (promtool instanceof ToolMissing) return
  const scenarios = ALERTS.flatMap((alert): Scenario[] => {
    const { series, near, sudden = series } = FAULTS[alert]
    const at = clock(alert)
    const larger = (ruleOf(alert).explainedBy ?? []).map(({ by }): Scenario => {
      const both = seriesOf({ ...sudden, ...(FAULTS[by].sudden ?? FAULTS[by].series) }, at)
      return { name: `${alert} beside ${by}`, series: both, times: after(at) }
    })
    return [
      { name: alert, series: seriesOf(series, at), times: [at.seconds, ...after(at)] },
      { name: `${alert} near`, series: seriesOf(near, at), times: after(at) },
      ...larger,
    ]
  })
  const quiet = Object.entries(QUIET).map(([name, series]): Scenario => {
    // Before it begins, what it should have is missing.
    const before = name.endsWith('begins') ? [] : [300, 2700, LONG.seconds]
    return { name, series: seriesOf(series, LONG), times: [...before, ...after(LONG)] }
  })
  firing = await firingOf(allGroups(), [...scenarios, ...quiet])
}, 600_000)

test.for(ALERTS)('%s fires in time, with what else is right', (alert, { skip }) => {
  if (promtool instanceof ToolMissing) return skip(promtool.message)
  const at = [...(firing.get(alert) ?? [])].filter(([, alerts]) => alerts.some(({ alertname }) => alertname === alert))
  const { detectWithin } = ruleOf(alert)
  const slack = slackOf(ruleOf(alert).judges)
  const { seconds } = clock(alert)
  const first = (at[0]?.[0] ?? Infinity) - seconds
  expect(first + slack, `after ${first} s`).toBeLessThanOrEqual(detectWithin)
  expect(firing.get(alert)?.get(seconds)).toEqual([])
  const others = new Set([...(firing.get(alert)?.values() ?? [])].flat().map(({ alertname }) => alertname))
  const allowed = [alert, ...(FAULTS[alert].also ?? [])]
  expect([...others].filter((other) => !allowed.includes(other as AlertName))).toEqual([])
})

test.for(ALERTS)('%s keeps silent for what only looks like it', (alert, { skip }) => {
  if (promtool instanceof ToolMissing) return skip(promtool.message)
  const fired = [...(firing.get(`${alert} near`)?.values() ?? [])].flat().filter(({ alertname }) => alertname === alert)
  expect(fired).toEqual([])
})

test.for(RULES.flatMap(({ alert, explainedBy = [] }) => explainedBy.map(({ by }) => [alert, by] as const)))(
  '%s keeps silent while %s says it',
  ([alert, by], { skip }) => {
    if (promtool instanceof ToolMissing) return skip(promtool.message)
    const fired = [...(firing.get(`${alert} beside ${by}`)?.values() ?? [])].flat().map(({ alertname }) => alertname)
    expect(fired).not.toContain(alert)
    expect(fired).toContain(by)
  },
)

test.for(Object.keys(QUIET))('nothing fires for %s', (name, { skip }) => {
  if (promtool instanceof ToolMissing) return skip(promtool.message)
  const fired = [...(firing.get(name) ?? [])].flatMap(([at, alerts]) =>
    alerts.map(({ alertname }) => `${alertname} ${at}`),
  )
  expect(fired).toEqual([])
})

test('alerts carry the labels that people route on, and no value', ({ skip }) => {
  if (promtool instanceof ToolMissing) return skip(promtool.message)
  const may = [
    'alertname',
    'severity',
    'priority',
    'namespace',
    'collector',
    'exchange',
    'market',
    'type',
    'consumer_name',
  ]
  const all = [...firing.values()].flatMap((times) => [...times.values()].flat())
  expect(all.length).toBeGreaterThan(ALERTS.length)
  for (const labels of all) {
    expect(may).toEqual(expect.arrayContaining(Object.keys(labels)))
    expect(labels).toMatchObject({ namespace: 'desk-a', collector: 'majors' })
    expect(Object.keys(labels)).toEqual(expect.arrayContaining(['severity', 'priority']))
  }
})

test('what silences and what is silenced both have the labels that must be alike: two missing ones would be', ({
  skip,
}) => {
  if (promtool instanceof ToolMissing) return skip(promtool.message)
  const fired = [...firing.values()].flatMap((times) => [...times.values()].flat())
  const pairs = OWNERS.flatMap(inhibitionsOf)
  expect(pairs.length).toBeGreaterThan(20)
  for (const { by, silenced, equal } of pairs) {
    for (const name of [by, ...silenced]) {
      const seen = fired.filter(({ alertname }) => alertname === name)
      expect(seen.length, name).toBeGreaterThan(0)
      for (const labels of seen)
        expect(Object.keys(labels), `${name}, for ${by}`).toEqual(expect.arrayContaining([...equal]))
    }
  }
})
