import { expect, test } from 'vitest'
import { Clock, followRealTime, realTime } from './clock.ts'

test('timers run in order of time, then of asking, each at its own time', () => {
  const clock = new Clock(1_000)
  const ran: [string, number][] = []
  const note = (name: string) => () => ran.push([name, clock.now()])
  clock.after(30, note('late'))
  clock.after(10, note('first'))
  clock.after(10, note('second'))
  clock.after(20, note('cancelled'))()
  clock.after(5, () => clock.after(1, note('made on the way')))
  clock.advance(20)
  expect(ran).toEqual([
    ['made on the way', 1_006],
    ['first', 1_010],
    ['second', 1_010],
  ])
  clock.advance(100)
  expect(ran.at(-1)).toEqual(['late', 1_030])
  expect(clock.now()).toBe(1_120)
})

test('a repeated timer keeps its phase and ends when it is told, also from within', () => {
  const clock = new Clock(0)
  const at: number[] = []
  const stop = clock.every(10, 3, () => {
    at.push(clock.now())
    if (at.length === 3) stop()
  })
  clock.advance(1_000)
  expect(at).toEqual([3, 13, 23])
})

test('real time drives the clock, and a timer set meanwhile wakes it', async () => {
  const clock = new Clock(realTime())
  const stop = followRealTime(clock)
  await new Promise<void>((resolve) => clock.after(5, resolve))
  expect(Math.abs(clock.now() - realTime())).toBeLessThan(1_000)
  stop()
})

test('time may run faster than real time', async () => {
  const began = realTime()
  const clock = new Clock(began)
  const stop = followRealTime(clock, 1_000)
  await new Promise<void>((resolve) => clock.after(60_000, resolve))
  const passed = realTime() - began
  expect(passed).toBeLessThan(10_000)
  expect(clock.now() - began).toBeLessThanOrEqual(passed * 1_000)
  stop()
})
