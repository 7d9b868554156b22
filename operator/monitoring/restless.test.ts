// Messages that never flow evenly: their own restlessness hides the loss of half of them, and the other kinds reveal it.
import { beforeAll, expect, test } from 'vitest'
import { ToolMissing } from '../../hack/tools.ts'
import { clockOf, HOUR, OWNERS, type Series, seriesOf, type Values } from '../../test/support/alerts.ts'
import { type Firing, firingOf, promtool } from '../../test/support/promtool.ts'
import { groupsOf } from './alerts.ts'

const KINDS = [
  'exchange="binance",market="spot",type="trade"',
  'exchange="okx",market="spot",type="orderbook"',
  'exchange="okx",market="spot",type="trade"',
  'exchange="okx",market="spot",type="ticker"',
] as const
const CLOCK = clockOf(HOUR, 60)
/** From two minutes after the fault on, a time for each half minute. */
const TIMES = Array.from({ length: 26 }, (_, i) => CLOCK.seconds + 120 + 30 * i)

/** A counter whose rate is a third more or less within minutes, and that keeps this share of it from the fault on. */
const restless =
  (kind: number, share: number): Values =>
  ({ before, all }) => {
    let total = 0
    return Array.from({ length: all }, (_, i) => {
      const rate = 100 * (1 + 0.3 * Math.sin((2 * Math.PI * i) / 40 + kind) + 0.1 * Math.sin((2 * Math.PI * i) / 13))
      total += Math.round(15 * rate * (i < before ? 1 : share))
      return total
    }).join(' ')
  }
const messages = (kinds: readonly string[], share: (kind: number) => number): Series =>
  Object.fromEntries(kinds.map((kind, i) => [`marketprism_collector_messages_total{${kind}}`, restless(i, share(i))]))

const SCENARIOS: Readonly<Record<string, Series>> = {
  'one kind falls by 60 %': messages(KINDS, (kind) => (kind === 2 ? 0.4 : 1)),
  'one kind falls by 30 %': messages(KINDS, (kind) => (kind === 2 ? 0.7 : 1)),
  'all kinds fall by 60 %': messages(KINDS, () => 0.4),
  'one of two kinds falls by 60 %': messages(KINDS.slice(0, 2), (kind) => (kind === 1 ? 0.4 : 1)),
}

let firing: Firing = new Map()

beforeAll(async () => {
  if (promtool instanceof ToolMissing) return
  const scenarios = Object.entries(SCENARIOS).map(([name, series]) => {
    return { name, series: seriesOf(series, CLOCK), times: [CLOCK.seconds, ...TIMES] }
  })
  const data = groupsOf(OWNERS[0] as never).filter(({ name }) => name.endsWith('/data'))
  firing = await firingOf(data, scenarios)
}, 600_000)

/** What fires when, by the seconds since the fault. */
function firedIn(scenario: string): { after: number; labels: string }[] {
  return [...(firing.get(scenario) ?? [])].flatMap(([seconds, alerts]) =>
    alerts.map(({ alertname, exchange, market, type }) => {
      return { after: seconds - CLOCK.seconds, labels: `${alertname} ${exchange} ${market} ${type}` }
    }),
  )
}

test('a restless kind that falls by 60 % beside others is said within eight minutes, and nothing else is', ({
  skip,
}) => {
  if (promtool instanceof ToolMissing) return skip(promtool.message)
  const fired = firedIn('one kind falls by 60 %')
  expect(new Set(fired.map(({ labels }) => labels))).toEqual(new Set(['MarketPrismMessageRateDropped okx spot trade']))
  expect(fired[0]?.after).toBeGreaterThan(0)
  expect(fired[0]?.after).toBeLessThanOrEqual(480)
})

test.for(['one kind falls by 30 %', 'all kinds fall by 60 %', 'one of two kinds falls by 60 %'])(
  'restless as they are, nothing is said where %s',
  (scenario, { skip }) => {
    if (promtool instanceof ToolMissing) return skip(promtool.message)
    expect(firing.get(scenario)?.size).toBe(TIMES.length + 1)
    expect(firedIn(scenario)).toEqual([])
  },
)
