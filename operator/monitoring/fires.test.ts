// Each rule fires for what it is about, in time and alone; what only looks like it keeps it silent. Tried by promtool.
import { beforeAll, expect, test } from 'vitest'
import { ALERTS, type AlertName } from '../../crds/alerts.ts'
import {
  appears,
  END_SECONDS,
  ends,
  FAULT_SECONDS,
  FAULTS,
  flat,
  grows,
  growsThen,
  OWNERS,
  type Series,
  seriesOf,
  STEP_SECONDS,
  turns,
  WELL,
} from '../../test/support/alerts.ts'
import { firingOf, type Firing, promtool, type Scenario } from '../../test/support/promtool.ts'
import { groupsOf, type WrittenRule } from './alerts.ts'
import { ruleOf, RULES } from './rules.ts'
import { ToolMissing } from '../../hack/tools.ts'

const C = 'marketprism_collector_'
const TRADE = 'exchange="binance",market="spot",type="trade"'
const BOOK = 'exchange="okx",market="spot",type="orderbook"'

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
    [`${C}messages_total{${TRADE}}`]: `${grows(1500).replace(/x\d+$/, 'x301')} stale`,
    [`${C}messages_total{${TRADE},pod="majors-0-a-2"}`]: '_x300 0+1500x119',
    [`${C}last_message_timestamp_seconds{${TRADE}}`]: `${grows(15).replace(/x\d+$/, 'x301')} stale`,
    [`${C}last_message_timestamp_seconds{${TRADE},pod="majors-0-a-2"}`]: '_x300 4515+15x119',
    [`${C}messages_foreign_total{pod="majors-0-a-2"}`]: '_x300 0+1500x3 6000x115',
    'process_start_time_seconds{pod="majors-0-a-2"}': appears(FAULT_SECONDS),
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
  'a Collector that begins': Object.fromEntries(
    Object.entries(WELL).map(([name, values]) => [
      name,
      name === 'process_start_time_seconds{}' ? appears(FAULT_SECONDS) : `_x300 ${values?.replace(/x\d+$/, 'x119')}`,
    ]),
  ),
  'a storm of messages': { [`${C}messages_total{${TRADE}}`]: '0+1500x300 450000+75000x8 1050000+1500x110' },
}

/** From the fault on, at each judgement. */
const after = (seconds: number) =>
  Array.from({ length: Math.floor(seconds / STEP_SECONDS) }, (_, i) => FAULT_SECONDS + (i + 1) * STEP_SECONDS)
const LONGEST = END_SECONDS - FAULT_SECONDS - STEP_SECONDS

let firing: Firing = new Map()

beforeAll(async () => {
  if (promtool instanceof ToolMissing) return
  const scenarios = ALERTS.flatMap((alert): Scenario[] => {
    const { series, near } = FAULTS[alert]
    const larger = (ruleOf(alert).explainedBy ?? []).map(({ by }): Scenario => {
      const both = seriesOf({ ...series, ...FAULTS[by].series })
      return { name: `${alert} beside ${by}`, series: both, times: after(LONGEST) }
    })
    return [
      { name: alert, series: seriesOf(series), times: [FAULT_SECONDS, ...after(LONGEST)] },
      { name: `${alert} near`, series: seriesOf(near), times: after(LONGEST) },
      ...larger,
    ]
  })
  const quiet = Object.entries(QUIET).map(([name, series]): Scenario => {
    return { name, series: seriesOf(series), times: [300, 2700, FAULT_SECONDS, ...after(LONGEST)] }
  })
  firing = await firingOf(allGroups(), [...scenarios, ...quiet])
}, 300_000)

test.for(ALERTS)('%s fires in time, with what else is right', (alert, { skip }) => {
  if (promtool instanceof ToolMissing) return skip(promtool.message)
  const at = [...(firing.get(alert) ?? [])].filter(([, alerts]) => alerts.some(({ alertname }) => alertname === alert))
  const { detectWithin } = ruleOf(alert)
  // A scrape and a judgement in step; out of step it is up to one more.
  const first = (at[0]?.[0] ?? Infinity) - FAULT_SECONDS
  expect(first + STEP_SECONDS, `after ${first} s`).toBeLessThanOrEqual(detectWithin)
  expect(firing.get(alert)?.get(FAULT_SECONDS)).toEqual([])
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

/** All rules, each once: from the first of the Collectors that has it. */
function allGroups(): object[] {
  const seen = new Set<string>()
  return OWNERS.flatMap((owner, i) =>
    groupsOf(owner).map(({ name, rules, ...group }) => {
      const fresh = (rules as (WrittenRule & { record?: string })[]).filter(({ alert, record }) => {
        const isNew = !seen.has(alert ?? record ?? '')
        seen.add(alert ?? record ?? '')
        return isNew
      })
      return { ...group, name: `${name} ${i}`, rules: fresh }
    }),
  )
}
