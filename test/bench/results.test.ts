import { expect, test } from 'vitest'
import { fault, isBetter, merge, reached, round, type Goal, type Results } from './results.ts'

const goal = (id: string, better: Goal['better'], target: number, unit: Goal['unit'] = 'x'): Goal => {
  return { id, better, target, unit, what: '' }
}

test('a ratio may fall by 15 % of the committed one, and no further', () => {
  const ratio = goal('decode.trade', 'higher', 2)
  expect(fault(ratio, 1.7, 2)).toBeUndefined()
  expect(fault(ratio, 1.69, 2)).toBe('decode.trade: 1.69 x is 15.5 % below the committed 2')
})

test('a ratio that is short of its target passes as long as it did not fall', () => {
  expect(fault(goal('decode.trade', 'higher', 2), 1.5, 1.5)).toBeUndefined()
})

test('a ratio that was never committed passes', () => {
  expect(fault(goal('decode.trade', 'higher', 2), 0.1, undefined)).toBeUndefined()
})

test('a limit is held to its target, whatever was committed', () => {
  const limit = goal('latency.p99', 'lower', 20, 'ms')
  expect(fault(limit, 19, 3)).toBeUndefined()
  expect(fault(limit, 20.5, 30)).toBe('latency.p99: 20.5 ms is over its limit of 20')
})

test('a share of agreement must not fall at all', () => {
  expect(fault(goal('agree.tardis', 'higher', 100, '%'), 99.9, 100)).toMatch(/below the committed 100/)
})

test('what is not all is never rounded up to all', () => {
  expect(round(99.99)).toBe(99.9)
  expect(round(100)).toBe(100)
})

test('reached means at or better than the target', () => {
  expect(reached(goal('a', 'higher', 2), 2)).toBe(true)
  expect(reached(goal('a', 'higher', 2), 1.99)).toBe(false)
  expect(reached(goal('a', 'lower', 5), 5)).toBe(true)
  expect(reached(goal('a', 'lower', 5), 5.01)).toBe(false)
})

test('results are merged by id, in the order of the goals, and what has no goal is left out', () => {
  const goals = [goal('a', 'higher', 1), goal('b', 'higher', 1), goal('c', 'higher', 1)]
  const before: Results = {
    gone: { value: 1, target: 1, unit: 'x', detail: {} },
    c: { value: 3, target: 9, unit: 'x', detail: { rounds: 9 } },
    a: { value: 1, target: 1, unit: 'x', detail: {} },
  }
  const merged = merge(goals, before, { a: { value: 1.23456, detail: { rounds: 11 } } })
  expect(Object.keys(merged)).toEqual(['a', 'c'])
  expect(merged).toEqual({
    a: { value: 1.23, target: 1, unit: 'x', detail: { rounds: 11 } },
    c: { value: 3, target: 1, unit: 'x', detail: { rounds: 9 } },
  })
})

test('of two figures the higher ratio or the lower limit is the better one', () => {
  const figure = (value: number) => ({ value, detail: {} })
  expect(isBetter(goal('a', 'higher', 2), figure(2), figure(1))).toBe(true)
  expect(isBetter(goal('a', 'lower', 2), figure(2), figure(1))).toBe(false)
  expect(isBetter(goal('a', 'lower', 2), figure(2), undefined)).toBe(true)
})
