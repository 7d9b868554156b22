import fc from 'fast-check'
import { expect, it } from 'vitest'
import { VirtualClock } from './clock.ts'
import { Gate, type GateOptions, InFlight, type Permit, QUEUE_MAX, WAIT_MAX_MS } from './gate.ts'

function gate(clock: VirtualClock, options: Partial<GateOptions> = {}): Gate {
  return new Gate({
    name: 'api.example',
    clock,
    budget: { max: 100, windowMs: 60_000 },
    share: 1,
    inFlight: new InFlight(4),
    closedUntilMs: () => 0,
    ...options,
  })
}

/** Enters and notes the order in which the permits come. */
function enter(to: Gate, order: string[], name: string, weight: number, priority = 1): Promise<Permit | string> {
  return to.enter(weight, { priority }).then(
    (permit) => {
      order.push(name)
      return permit
    },
    (error: { code: string }) => {
      order.push(`${name} ${error.code}`)
      return error.code
    },
  )
}

it('lets through by priority, then by arrival, and nobody overtakes by asking for less', async () => {
  const clock = new VirtualClock(0)
  const order: string[] = []
  const one = gate(clock, { inFlight: new InFlight(1) })
  const first = await one.enter(60)
  for (const [name, weight, priority] of [
    ['poll', 1, 2],
    ['book a', 90, 1],
    ['book b', 5, 1],
    ['urgent', 5, 0],
  ] as const) {
    void enter(one, order, name, weight, priority).then((permit) => typeof permit === 'object' && permit.done())
  }
  first.done()
  await clock.advance(59_999)
  expect(order).toEqual(['urgent'])
  await clock.advance(1)
  expect(order).toEqual(['urgent', 'book a', 'book b', 'poll'])
})

it('holds requests in flight to their number', async () => {
  const clock = new VirtualClock(0)
  const order: string[] = []
  const two = gate(clock, { inFlight: new InFlight(2) })
  const permits = ['a', 'b', 'c', 'd'].map((name) => enter(two, order, name, 1))
  await clock.advance(1_000)
  expect(order).toEqual(['a', 'b'])
  const [a] = await Promise.all(permits.slice(0, 1))
  if (typeof a === 'object') {
    a.done()
    a.done()
  }
  await clock.advance(0)
  expect(order).toEqual(['a', 'b', 'c'])
})

it('refuses at once what can never go', async () => {
  const half = gate(new VirtualClock(0), { share: 0.5 })
  await expect(half.enter(101)).rejects.toMatchObject({ code: 'LIMIT_WEIGHT_TOO_LARGE' })
  expect(half.max).toBe(50)
})

it('lets what is heavier than our part of a window go alone, and then waits for as many windows', async () => {
  const clock = new VirtualClock(0)
  const order: string[] = []
  const tenth = gate(clock, { share: 0.1 })
  for (const [name, weight] of [
    ['light', 1],
    ['heavy', 50],
    ['next', 10],
  ] as const) {
    void enter(tenth, order, name, weight).then((permit) => typeof permit === 'object' && permit.done())
  }
  await clock.advance(59_999)
  expect(order).toEqual(['light'])
  await clock.advance(1)
  expect(order).toEqual(['light', 'heavy'])
  await clock.advance(5 * 60_000 - 1)
  expect(order).toEqual(['light', 'heavy'])
  await clock.advance(1)
  expect(order).toEqual(['light', 'heavy', 'next'])
})

it('has the least that works over a longer window where our part is smaller, so that all parts together are the whole', async () => {
  const clock = new VirtualClock(0)
  const order: string[] = []
  const small = gate(clock, { share: 0.25, budget: { max: 1, windowMs: 1_000 } })
  expect([small.max, small.windowMs]).toEqual([1, 4_000])
  for (const name of ['a', 'b']) {
    void enter(small, order, name, 1).then((permit) => typeof permit === 'object' && permit.done())
  }
  await clock.advance(3_999)
  expect(order).toEqual(['a'])
  await clock.advance(1)
  expect(order).toEqual(['a', 'b'])
})

it('bounds the queue, and drops the least urgent for one that is more urgent', async () => {
  const clock = new VirtualClock(0)
  const order: string[] = []
  const one = gate(clock, { closedUntilMs: () => Infinity })
  for (let i = 0; i < QUEUE_MAX; i++) void enter(one, order, `poll ${i}`, 1, 2)
  void enter(one, order, 'one more poll', 1, 2)
  void enter(one, order, 'book', 1, 0)
  await clock.advance(0)
  expect(one.waiting).toBe(QUEUE_MAX)
  expect(order).toEqual(['one more poll LIMIT_QUEUE_FULL', `poll ${QUEUE_MAX - 1} LIMIT_QUEUE_FULL`])
})

it('ends a wait that lasts too long, one that is given up, and all of them at the end', async () => {
  const clock = new VirtualClock(0)
  const order: string[] = []
  const shut = gate(clock, { closedUntilMs: () => Infinity })
  void enter(shut, order, 'long', 1)
  await clock.advance(WAIT_MAX_MS - 1)
  expect(order).toEqual([])
  const abort = new AbortController()
  const given = shut.enter(1, { signal: abort.signal })
  const last = shut.enter(1)
  await clock.advance(1)
  expect(order).toEqual(['long LIMIT_WAIT_TOO_LONG'])
  abort.abort()
  await expect(given).rejects.toMatchObject({ code: 'ABORTED' })
  await expect(shut.enter(1, { signal: abort.signal })).rejects.toMatchObject({ code: 'ABORTED' })
  shut.close()
  await expect(last).rejects.toMatchObject({ code: 'LIMIT_CLOSED' })
  expect(shut.waiting).toBe(0)
  expect(clock.waiting).toBe(0)
})

it('leaves to others what the venue says they use, for one window', async () => {
  const clock = new VirtualClock(0)
  const order: string[] = []
  const one = gate(clock)
  const mine = await one.enter(10)
  one.reported(80)
  mine.done()
  expect(one.used).toBe(80)
  void enter(one, order, 'fits', 20)
  void enter(one, order, 'waits', 1)
  await clock.advance(59_999)
  expect(order).toEqual(['fits'])
  await clock.advance(1)
  expect(order).toEqual(['fits', 'waits'])
})

it('never lets more than the budget reach the venue in any window, whenever the venue counts it', async () => {
  const requests = fc.array(fc.record({ weight: fc.integer({ min: 1, max: 60 }), pause: fc.nat(20_000) }), {
    maxLength: 30,
  })
  const delays = fc.infiniteStream(fc.tuple(fc.nat(9_000), fc.nat(9_000)))
  await fc.assert(
    fc.asyncProperty(requests, delays, async (plan, delay) => {
      const clock = new VirtualClock(0)
      const one = gate(clock)
      const arrived: { at: number; weight: number }[] = []
      for (const { weight, pause } of plan) {
        void one.enter(weight).then((permit) => {
          const [there, back] = delay.next().value
          clock.setTimeout(() => {
            arrived.push({ at: clock.nowMs(), weight })
            clock.setTimeout(() => permit.done(), back)
          }, there)
        })
        await clock.advance(pause)
      }
      await clock.advance(WAIT_MAX_MS)
      await clock.advance(WAIT_MAX_MS)
      for (const { at } of arrived) {
        const inWindow = arrived.filter((other) => other.at > at - 60_000 && other.at <= at)
        expect(inWindow.reduce((sum, other) => sum + other.weight, 0)).toBeLessThanOrEqual(100)
      }
    }),
    { numRuns: 25 },
  )
})
