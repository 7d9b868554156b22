import { expect, test } from 'vitest'
import { episodesOf } from './states.ts'

const STEP = 30
const at = (...steps: number[]): number[] => steps.map((step) => step * STEP)

test('a condition must hold for so long before it fires, and is over when it first does not hold', () => {
  const [episode] = episodesOf(at(1, 2, 3, 4), { step: STEP, for: 60, keep: 0 })
  expect(episode).toEqual({ pending: 30, fired: 90, end: 150 })
})

test('one that holds too briefly never fires', () => {
  expect(episodesOf(at(1, 2), { step: STEP, for: 60, keep: 0 })).toEqual([{ pending: 30, fired: undefined, end: 90 }])
})

test('without a time to wait it fires at once', () => {
  expect(episodesOf(at(5), { step: STEP, for: 0, keep: 0 })).toEqual([{ pending: 150, fired: 150, end: 180 }])
})

test('a time to wait that is no multiple of the step ends with the next step', () => {
  expect(episodesOf(at(1, 2), { step: STEP, for: 15, keep: 0 })[0]?.fired).toBe(60)
})

test('what is kept firing bridges a pause, and ends so long after the condition did', () => {
  expect(episodesOf(at(1, 4), { step: STEP, for: 0, keep: 60 })).toEqual([{ pending: 30, fired: 30, end: 210 }])
  expect(episodesOf(at(1, 5), { step: STEP, for: 0, keep: 60 })).toHaveLength(2)
})

test('what only waits is not kept', () => {
  expect(episodesOf(at(1, 3, 4), { step: STEP, for: 30, keep: 600 })).toEqual([
    { pending: 30, fired: undefined, end: 60 },
    { pending: 90, fired: 120, end: 750 },
  ])
})

test('where it never holds nothing happens', () => {
  expect(episodesOf([], { step: STEP, for: 0, keep: 60 })).toEqual([])
})
