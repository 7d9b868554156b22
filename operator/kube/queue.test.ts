// The queue by a clock that stands still until it is moved.
import fc from 'fast-check'
import { expect, test, vi } from 'vitest'
import { settle, VirtualClock } from '../../collector/connection/clock.ts'
import { openQueue, type QueueOptions, type Work } from './queue.ts'

/** A queue, and the passes that its workers began. A pass ends when `end` is called for its key. */
function rig(options: QueueOptions = {}) {
  const clock = new VirtualClock()
  const queue = openQueue({ clock, random: () => 0.999_999, ...options })
  const begun: string[] = []
  const open = new Map<string, (result: number | Error | undefined) => void>()
  const work: Work = (key) => {
    begun.push(key)
    return new Promise((resolve, reject) => {
      open.set(key, (result) => (result instanceof Error ? reject(result) : resolve(result)))
    })
  }
  return {
    clock,
    queue,
    begun,
    open,
    run: (workers: number) => queue.run(workers, work),
    async end(key: string, result?: number | Error) {
      open.get(key)?.(result)
      open.delete(key)
      await settle()
    },
  }
}

test('a key that is added often while it waits is worked on once', async () => {
  const { queue, begun, run } = rig()
  for (let i = 0; i < 1_000; i += 1) queue.add('a')
  void run(4)
  await settle()
  expect(begun).toEqual(['a'])
})

test('a thousand adds while its pass runs cause exactly one more pass, which begins after it', async () => {
  const { queue, begun, run, end } = rig()
  void run(4)
  queue.add('a')
  await settle()
  for (let i = 0; i < 1_000; i += 1) queue.add('a')
  await settle()
  expect(begun).toEqual(['a'])
  await end('a')
  expect(begun).toEqual(['a', 'a'])
  await end('a')
  expect(begun).toHaveLength(2)
})

test('workers take different keys at the same time, in order of arrival', async () => {
  const { queue, begun, run, end } = rig()
  void run(2)
  for (const key of ['a', 'b', 'c', 'd']) queue.add(key)
  await settle()
  expect(begun).toEqual(['a', 'b'])
  await end('b')
  expect(begun).toEqual(['a', 'b', 'c'])
  expect(queue.status).toMatchObject({ running: 2, fresh: 1 })
})

test('a fresh edit goes before resyncs, and an edit of a key that waits for one is fresh', async () => {
  const { queue, begun, run, end } = rig()
  for (const key of ['old-1', 'old-2', 'old-3']) queue.add(key, 'resync')
  queue.add('new')
  queue.add('old-3')
  void run(1)
  await settle()
  for (const key of ['new', 'old-3', 'old-1', 'old-2']) await end(key)
  expect(begun).toEqual(['new', 'old-3', 'old-1', 'old-2'])
})

test('a flood of edits does not starve a resync', async () => {
  const { queue, begun, run, end } = rig()
  queue.add('patient', 'resync')
  for (let i = 0; i < 50; i += 1) queue.add(`edit-${i}`)
  void run(1)
  await settle()
  for (let i = 0; i < 11; i += 1) await end(begun.at(-1) ?? '')
  expect(begun).toContain('patient')
})

test('a pass that throws is tried again after 5 ms, doubled up to a minute', async () => {
  const waits: number[] = []
  const { clock, queue, begun, run, end } = rig({ onError: (_key, _error, waitMs) => waits.push(Math.round(waitMs)) })
  void run(1)
  queue.add('a')
  await settle()
  for (let i = 0; i < 17; i += 1) {
    await end('a', new Error('of the pass'))
    await clock.advance((waits.at(-1) ?? 0) - 1)
    expect(begun).toHaveLength(i + 1)
    await clock.advance(1)
    expect(begun).toHaveLength(i + 2)
  }
  expect(waits.slice(0, 4)).toEqual([5, 10, 20, 40])
  expect(waits.slice(-2)).toEqual([60_000, 60_000])
  expect(queue.failures('a')).toBe(17)
})

test('waits of different keys differ by up to a fifth', () => {
  fc.assert(
    fc.property(fc.nat(20), fc.double({ min: 0, max: 0.999, noNaN: true }), (failures, chance) => {
      const queue = openQueue({ clock: new VirtualClock(), random: () => chance })
      for (let i = 0; i < failures; i += 1) queue.retry('a')
      const full = Math.min(60_000, 5 * 2 ** failures)
      const waitMs = queue.retry('a')
      expect(waitMs).toBeGreaterThanOrEqual(full * 0.8)
      expect(waitMs).toBeLessThanOrEqual(full)
    }),
  )
})

test('an edit of a key that fails is tried at once, and forgetting makes its waits begin anew', async () => {
  const { queue, begun, run, end } = rig()
  void run(1)
  queue.add('a')
  await settle()
  for (let i = 0; i < 12; i += 1) {
    await end('a', new Error('of the pass'))
    queue.add('a')
    await settle()
  }
  expect(begun).toHaveLength(13)
  expect(queue.failures('a')).toBe(12)
  queue.forget('a')
  expect(queue.failures('a')).toBe(0)
  await end('a', new Error('of the pass'))
  expect(queue.failures('a')).toBe(1)
})

test('a resync does not shorten the wait of a key that fails', async () => {
  const { clock, queue, begun, run, end } = rig()
  void run(1)
  queue.add('a')
  await settle()
  for (let i = 0; i < 10; i += 1) {
    await end('a', new Error('of the pass'))
    if (i < 9) await clock.advance(60_000)
  }
  queue.add('a', 'resync')
  await settle()
  expect(begun).toHaveLength(10)
})

test('two keys in error do not hold up a third', async () => {
  const { clock, queue, begun, run, end } = rig()
  void run(1)
  for (let i = 0; i < 20; i += 1) {
    queue.add('bad-1')
    queue.add('bad-2')
    await settle()
    await end('bad-1', new Error('of the pass'))
    await end('bad-2', new Error('of the pass'))
  }
  queue.add('good')
  await clock.advance(1)
  expect(begun.at(-1)).toBe('good')
})

test('waits at least as long as the API server asks', async () => {
  const onError = vi.fn<NonNullable<QueueOptions['onError']>>()
  const { queue, run, end } = rig({ onError })
  void run(1)
  queue.add('a')
  await settle()
  const error = Object.assign(new Error('429'), { retryAfterMs: 7_000 })
  await end('a', error)
  expect(onError).toHaveBeenCalledWith('a', error, 7_000)
})

test('a pass may say when to look again; a pass that comes before decides anew', async () => {
  const { clock, queue, begun, run, end } = rig()
  void run(1)
  queue.add('a')
  await settle()
  await end('a', 10_000)
  await clock.advance(9_000)
  queue.add('a')
  await settle()
  await end('a', 10_000)
  await clock.advance(9_999)
  expect(begun).toHaveLength(2)
  await clock.advance(1)
  expect(begun).toHaveLength(3)
})

test('of several later times the earliest counts, and a pass before does not cancel it', async () => {
  const { clock, queue, begun, run, end } = rig()
  void run(1)
  queue.addAfter('a', 5_000)
  queue.addAfter('a', 3_000)
  queue.addAfter('a', 9_000)
  await clock.advance(1_000)
  queue.add('a')
  await settle()
  await end('a')
  expect(begun).toHaveLength(1)
  await clock.advance(2_000)
  expect(begun).toHaveLength(2)
  await end('a')
  await clock.advance(10_000)
  expect(begun).toHaveLength(2)
})

test('what comes in a burst is looked at once and soon, and a pass that begins before will do', async () => {
  const { clock, queue, begun, run, end } = rig()
  void run(1)
  for (let change = 0; change < 5; change += 1) {
    queue.addSoon('a')
    await clock.advance(9)
  }
  expect(begun).toHaveLength(0)
  await clock.advance(5)
  expect(begun).toHaveLength(1)
  // While the pass runs: it may have looked already.
  queue.addSoon('a')
  await end('a')
  await clock.advance(50)
  expect(begun).toHaveLength(2)
  await end('a')
  queue.addSoon('a')
  queue.add('a')
  await settle()
  await end('a')
  await clock.advance(1_000)
  expect(begun).toHaveLength(3)
  expect(clock.waiting).toBe(0)
})

test('a pass that throws before its first await is an error like any other', async () => {
  const clock = new VirtualClock()
  const onError = vi.fn<NonNullable<QueueOptions['onError']>>()
  const queue = openQueue({ clock, onError })
  void queue.run(1, () => {
    throw new Error('at once')
  })
  queue.add('a')
  queue.add('b')
  await settle()
  expect(onError.mock.calls.map(([key]) => key)).toEqual(['a', 'b'])
})

test('after close the passes that run end, nothing begins, and no timer is left', async () => {
  const { clock, queue, begun, run, end } = rig()
  const running = run(2)
  for (const key of ['a', 'b', 'c']) queue.add(key)
  queue.addAfter('d', 1_000)
  await settle()
  queue.close()
  queue.add('e')
  await end('a')
  await end('b', new Error('of the pass'))
  await running
  expect(begun).toEqual(['a', 'b'])
  expect(clock.waiting).toBe(0)
})

test('whatever happens, no key is worked on twice at the same time, and none that was added is left out', async () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('add' as const), key: fc.nat(5) }),
    fc.record({ do: fc.constant('resync' as const), key: fc.nat(5) }),
    fc.record({ do: fc.constant('later' as const), key: fc.nat(5) }),
    fc.record({ do: fc.constant('end' as const), key: fc.nat(5) }),
    fc.record({ do: fc.constant('fail' as const), key: fc.nat(5) }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 40 }), fc.integer({ min: 1, max: 4 }), async (steps, workers) => {
      const { clock, queue, begun, open, run, end } = rig()
      const running = run(workers)
      /** Passes that began since the key was last added. */
      const owed = new Map<string, number>()
      for (const { do: what, key: number } of steps) {
        const key = String(number)
        if (what === 'add') {
          queue.add(key)
          owed.set(key, begun.length)
        } else if (what === 'resync') queue.add(key, 'resync')
        else if (what === 'later') queue.addAfter(key, 100)
        else await end(key, what === 'fail' ? new Error('of the pass') : undefined)
        await settle()
        expect(queue.status.running).toBe(open.size)
        expect(open.size).toBeLessThanOrEqual(workers)
      }
      for (let i = 0; i < 60; i += 1) {
        for (const key of open.keys()) await end(key)
        await clock.advance(2_000)
      }
      for (const [key, since] of owed) expect(begun.slice(since)).toContain(key)
      expect(queue.status).toMatchObject({ running: 0, fresh: 0, resync: 0, delayed: 0 })
      queue.close()
      await running
    }),
    { numRuns: 60 },
  )
})
