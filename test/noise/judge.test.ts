import { expect, test } from 'vitest'
import type { Fired } from './evaluate.ts'
import { ADAPTIVE, judge, quantile, scoreOf, tallyOf, WITH_LARGER } from './judge.ts'
import { meets } from './kinds.ts'
import type { Incident, Plan } from './plan.ts'

const SPOT = { exchange: 'binance', market: 'spot' }
const incident = (kind: Incident['kind'], from: number, of: Incident['of']): Incident => {
  return { kind, from, to: from + 1200, of, strength: 0.4 }
}
const alert = (from: number, labels: Fired['labels'], name = 'MarketPrismMessageRateDropped'): Fired => {
  return { alert: name, tier: 'P2', labels, from, to: from + 60 }
}
const planned = (...incidents: Incident[]): Plan => ({ incidents, ordinary: [] })
const DROP = incident('drop', 1000, { ...SPOT, type: 'trade' })

test('an incident is found by an alert about its data that begins while it lasts', () => {
  const { incidents, wrong } = judge([alert(1090, { ...SPOT, type: 'trade' })], planned(DROP))
  expect(incidents).toEqual([{ kind: 'drop', after: 90, alerts: 1, by: ['MarketPrismMessageRateDropped'] }])
  expect(wrong).toEqual([])
})

test('an alert about other data finds nothing, and is wrong', () => {
  const { incidents, wrong } = judge([alert(1090, { ...SPOT, type: 'ticker' })], planned(DROP))
  expect(incidents[0]?.after).toBeUndefined()
  expect(wrong).toHaveLength(1)
})

test('an alert that was there before the incident finds nothing, and is wrong', () => {
  const { incidents, wrong } = judge([alert(990, { ...SPOT, type: 'trade' })], planned(DROP))
  expect(incidents[0]?.after).toBeUndefined()
  expect(wrong).toHaveLength(1)
})

test('what an incident leaves behind is explained for a quarter of an hour, and does not find it', () => {
  const after = judge([alert(2300, { ...SPOT, type: 'trade' })], planned(DROP))
  expect(after.incidents[0]).toMatchObject({ after: undefined, alerts: 1 })
  expect(after.wrong).toEqual([])
  expect(judge([alert(3200, { ...SPOT, type: 'trade' })], planned(DROP)).wrong).toHaveLength(1)
})

test('of an ordinary event an alert is right only where it says what is so', () => {
  const maintenance = { kind: 'maintenance', from: 500, to: 900, of: { exchange: 'okx' } } as const
  const judged = (name: string) =>
    judge([alert(560, { exchange: 'okx' }, name)], { incidents: [], ordinary: [maintenance] }).wrong
  expect(judged('MarketPrismExchangeDisconnected')).toEqual([])
  expect(judged('MarketPrismDataStale')).toHaveLength(1)
})

test('verdicts add up to recall, wrong alerts, delays and alerts for an incident', () => {
  const twice = judge([alert(1060, { ...SPOT, type: 'trade' }), alert(1600, { ...SPOT, type: 'trade' })], planned(DROP))
  const none = judge([alert(9000, { ...SPOT, type: 'trade' })], planned(DROP))
  expect(scoreOf([twice, none].map(tallyOf))).toEqual({
    incidents: 2,
    found: 1,
    alerts: 3,
    wrong: 1,
    median: 60,
    p95: 60,
    perIncident: 2,
  })
})

test('incidents that the adaptive rules are not about do not count for them', () => {
  expect(scoreOf([tallyOf(judge([], planned(incident('gaps', 1000, SPOT))))]).incidents).toBe(0)
})

test('what is silenced by a larger alert is found by that', () => {
  expect(WITH_LARGER).toEqual(expect.arrayContaining([...ADAPTIVE, 'MarketPrismDataStale', 'MarketPrismHighErrorRate']))
})

test('a scope without a label means all of it', () => {
  expect(meets({ exchange: 'okx' }, { market: 'spot' })).toBe(true)
  expect(meets({ exchange: 'okx' }, { exchange: 'binance', market: 'spot' })).toBe(false)
})

test('a quantile is one of the values', () => {
  expect(quantile([1, 2, 3, 4], 0.5)).toBe(2)
  expect(quantile([1, 2, 3, 4], 0.95)).toBe(4)
  expect(quantile([], 0.5)).toBeNaN()
})
