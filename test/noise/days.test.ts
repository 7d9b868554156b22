import { expect, test } from 'vitest'
import { levelsOf } from './evaluate.ts'
import { DAY, KINDS, STEP } from './kinds.ts'
import { marketOf } from './market.ts'
import { INCIDENTS, ORDINARY, planOf } from './plan.ts'
import { daysOf, rulesOf } from './seed.ts'
import { notationOf } from './text.ts'

const SEEDS = Array.from({ length: 20 }, (_, i) => i + 1)

test('a seed gives the same days whenever it is played, and another seed gives others', () => {
  const text = (seed: number) => [...daysOf(seed, 1).series()].map(({ name, values }) => `${name} ${values.join(' ')}`)
  expect(text(3)).toEqual(text(3))
  expect(text(3)).not.toEqual(text(4))
})

test('there is at most one incident a day, it ends on its day, and all kinds of them come', () => {
  const all = SEEDS.flatMap((seed) => {
    const { incidents } = planOf(seed, 30)
    expect(new Set(incidents.map(({ from }) => Math.floor(from / DAY))).size).toBe(incidents.length)
    for (const { from, to } of incidents) expect(Math.floor(to / DAY)).toBe(Math.floor(from / DAY))
    return incidents
  })
  expect([...new Set(all.map(({ kind }) => kind))].toSorted()).toEqual(Object.keys(INCIDENTS).toSorted())
})

test('all ordinary events come, and those that look like an incident keep away from one', () => {
  const plans = SEEDS.map((seed) => planOf(seed, 30))
  expect([...new Set(plans.flatMap((one) => one.ordinary).map(({ kind }) => kind))].toSorted()).toEqual(
    Object.keys(ORDINARY).toSorted(),
  )
  for (const { incidents, ordinary } of plans) {
    for (const event of ordinary.filter(({ kind }) => kind !== 'reconnect')) {
      expect(incidents.filter(({ from, to }) => event.from < to && event.to > from)).toEqual([])
    }
  }
})

test('the market has quiet nights, lively hours and a slow weekend', () => {
  const { rates } = marketOf(1, 14)
  const trades = rates[0] as Float64Array
  const mean = (of: (hour: number, day: number) => boolean): number => {
    const some = trades.filter((_, i) =>
      of((18 + (i * STEP) / 3600) % 24, Math.floor(((i * STEP) / 3600 + 18) / 24) % 7),
    )
    return some.reduce((sum, rate) => sum + rate, 0) / some.length
  }
  expect(mean((hour) => hour > 13 && hour < 17)).toBeGreaterThan(1.7 * mean((hour) => hour > 2 && hour < 6))
  // The first day is a Sunday.
  expect(mean((_, day) => day === 0 || day === 6)).toBeLessThan(0.85 * mean((_, day) => day > 0 && day < 6))
  expect(rates).toHaveLength(KINDS.length)
})

test('counters of a pod never fall, and its series are there from its start to its end', () => {
  for (const { name, values } of daysOf(2, 2).series()) {
    if (!/_total\{|_bucket\{|_count\{/.test(name)) continue
    expect(
      values.findIndex((value, i) => i > 0 && !(value >= (values[i - 1] ?? 0))),
      name,
    ).toBe(-1)
  }
})

test('values are written as promtool reads them, with a marker where a series ends', () => {
  expect(notationOf({ name: 'a', first: 2, values: Float64Array.of(1, Number.NaN, Number.NaN, 2) })).toBe(
    '_ _ 1 stale _ 2 stale',
  )
})

test('what a rule reads is recorded before it', () => {
  const levels = levelsOf(rulesOf().records)
  const before = new Set<string>()
  for (const level of levels) {
    for (const { expr } of level) {
      const later = levels.flat().filter(({ record }) => !before.has(record) && expr.includes(`${record}{`))
      expect(later).toEqual([])
    }
    for (const { record } of level) before.add(record)
  }
  expect(levels.length).toBeGreaterThan(3)
  const loop = [
    { record: 'a', expr: 'b{}' },
    { record: 'b', expr: 'a{}' },
  ]
  expect(() => levelsOf(loop)).toThrow('these read each other: a, b')
})
