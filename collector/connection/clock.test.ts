import { expect, it } from 'vitest'
import { VirtualClock, realClock } from './clock.ts'

it('stamps whole microseconds that agree with the system clock to a few milliseconds', () => {
  const beforeMs = Date.now()
  const us = realClock.nowUs()
  expect(Number.isSafeInteger(us)).toBe(true)
  expect(us / 1000).toBeGreaterThanOrEqual(beforeMs - 3)
  expect(us / 1000).toBeLessThanOrEqual(Date.now() + 3)
})

it('keeps pace with stamps that do not step back', () => {
  let last = realClock.nowUs()
  for (let i = 0; i < 10_000; i++) {
    const now = realClock.nowUs()
    // A correction of the system's clock may step by a little; within one burst it does not run backwards by more.
    expect(now).toBeGreaterThanOrEqual(last - 3_000)
    last = now
  }
})

it('runs virtual timers in order of their time, and those set meanwhile', async () => {
  const clock = new VirtualClock(0)
  const ran: string[] = []
  clock.setTimeout(() => ran.push(`b ${clock.nowMs()}`), 20)
  clock.setTimeout(() => {
    ran.push(`a ${clock.nowMs()}`)
    clock.setTimeout(() => ran.push(`c ${clock.nowMs()}`), 15)
  }, 10)
  const cancelled = clock.setTimeout(() => ran.push('never'), 5)
  clock.clearTimeout(cancelled)
  await clock.advance(30)
  expect(ran).toEqual(['a 10', 'b 20', 'c 25'])
  expect(clock.nowMs()).toBe(30)
  expect(clock.waiting).toBe(0)
})

it('lets what a timer started settle before the next one runs', async () => {
  const clock = new VirtualClock(0)
  const ran: string[] = []
  clock.setTimeout(() => void Promise.resolve().then(() => ran.push('promise of the first')), 1)
  clock.setTimeout(() => ran.push('second'), 2)
  await clock.advance(2)
  expect(ran).toEqual(['promise of the first', 'second'])
})
