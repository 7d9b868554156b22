import { expect, onTestFinished, test } from 'vitest'
import type { HealingEvent } from './act.ts'
import { entriesOf } from './entries.ts'
import type { Action } from './history.ts'
import { type Healer, type HealerOptions, openHealer } from './healer.ts'
import { PERIOD_MS } from './observed.ts'
import { HealingWorld } from '../../test/support/healing.ts'

const MINUTE = 60_000

interface Ward {
  readonly world: HealingWorld
  readonly healer: Healer
  readonly lines: Record<string, unknown>[]
  readonly events: (HealingEvent & { readonly about: string })[]
  readonly counts: string[]
  readonly persisted: string[]
  wait(ms: number): Promise<void>
}

function ward(world = new HealingWorld(), change: Partial<HealerOptions> = {}): Ward {
  const lines: Record<string, unknown>[] = []
  const events: Ward['events'] = []
  const counts: string[] = []
  const persisted: string[] = []
  const healer = openHealer({
    client: { evict: async (_namespace, pod, uid) => world.evict(pod, uid) },
    recorder: { say: ({ metadata }, event) => void events.push({ about: metadata.name, ...event }) },
    metrics: {
      acted: (action, reason, result) => void counts.push(`${result} ${action} ${reason}`),
      held: (reason, hold) => void counts.push(`held ${reason} ${hold}`),
    },
    log: {
      info: (fields, message) => void lines.push({ ...fields, message }),
      warn: (fields, message) => void lines.push({ ...fields, message }),
    },
    identity: 'marketprism-operator/op-1',
    look: () => world.look(),
    persist: async (key) => void persisted.push(`${key} ${healer.entries(key)?.length ?? 0}`),
    clock: world.clock,
    ...change,
  })
  onTestFinished(() => healer.close())
  return {
    world,
    healer,
    lines,
    events,
    counts,
    persisted,
    async wait(ms) {
      for (let passed = 0; passed < ms; passed += PERIOD_MS) {
        world.pass(PERIOD_MS)
        await healer.pass()
      }
    },
  }
}

test('says what it did: an Event, a count, a line of the audit log; and that it will be remembered, before', async () => {
  const { world, lines, events, counts, persisted, wait } = ward()
  world.afflict(world.pod('majors-0-a'), 'unready')
  await wait(3 * MINUTE)
  const why = 'Pod majors-0-a-1 is not ready: a channel is not settled; it is replaced.'
  expect(events).toEqual([{ about: 'majors', type: 'Warning', reason: 'NotReady', message: why, action: 'Replace' }])
  expect(counts).toEqual(['done replace NotReady'])
  expect(persisted).toEqual(['market/majors 1'])
  expect(world.evictions).toEqual(['majors-0-a-1'])
  expect(lines).toEqual([
    {
      audit: 'healing',
      who: 'marketprism-operator/op-1',
      namespace: 'market',
      collector: 'majors',
      shard: 'majors-0',
      publisher: 'a',
      action: 'replace',
      reason: 'NotReady',
      held: undefined,
      result: 'done',
      before: { pod: 'majors-0-a-1', uid: 'uid-1', node: 'node-1' },
      after: { evicted: 'uid-1' },
      why,
      message: 'healing acted',
    },
  ])
})

test('says what it did not do, and why, once', async () => {
  const { world, lines, events, counts, wait } = ward()
  world.refusesEvictions = true
  world.afflict(world.pod('majors-0-a'), 'unready')
  await wait(20 * MINUTE)
  expect(counts[0]).toBe('refused replace NotReady')
  expect(counts[1]).toBe('held NotReady BudgetRefused')
  expect(new Set(counts).size).toBe(2)
  expect(events.map(({ reason, type, action }) => [reason, type, action])).toEqual([
    ['HeldBudgetRefused', 'Normal', 'None'],
  ])
  expect(lines).toMatchObject([{ held: 'BudgetRefused', result: 'held', after: undefined }])
})

test('an eviction of which nobody knows counts as done for the budgets, and is told apart everywhere else', async () => {
  const world = new HealingWorld()
  const { healer, lines, counts, events, wait } = ward(world, {
    client: { evict: () => Promise.reject(new Error('the connection was cut')) },
  })
  world.afflict(world.pod('majors-0-a'), 'unready')
  await wait(4 * MINUTE)
  expect(healer.entries('market/majors')).toMatchObject([{ action: 'replace', reason: 'NotReady' }])
  expect(lines.map(({ message, result }) => [message, result])).toEqual([
    ['an eviction failed; whether it was carried out will be seen', undefined],
    ['healing acted, and whether it was carried out is not known', 'unsure'],
    ['healing was held back', 'held'],
  ])
  expect(lines[1]).toMatchObject({ after: undefined })
  expect(counts).toEqual(['unsure replace NotReady', 'held NotReady ActionRunning'])
  expect(events[0]?.message).toMatch(/it is replaced\. The answer of the API server was lost/)
})

test('a pod that was gone already costs nothing', async () => {
  const world = new HealingWorld()
  const { healer, counts, persisted, wait } = ward(world, { client: { evict: async () => 'gone' } })
  world.afflict(world.pod('majors-0-a'), 'unready')
  await wait(2.25 * MINUTE)
  expect(healer.entries('market/majors')).toEqual([])
  expect(persisted).toEqual(['market/majors 1', 'market/majors 0'])
  expect(counts).toEqual(['gone replace NotReady'])
})

test('what its predecessor did on all Collectors counts for the budget of all', async () => {
  const names = ['c0', 'c1', 'c2', 'c3', 'c4', 'c5']
  const world = new HealingWorld({ collectors: names })
  const done = (name: string): Action => ({
    atMs: world.clock.nowMs() + 2 * MINUTE,
    shard: `${name}-2`,
    publisher: 'a',
    pod: 'gone',
    uid: 'gone',
    node: undefined,
    action: 'replace',
    reason: 'CrashLoop',
    end: { atMs: world.clock.nowMs() + 2 * MINUTE, outcome: 'ready' },
  })
  for (const one of world.collectors.slice(0, 5))
    one.status = { healing: { actions: entriesOf({ actions: [done(one.name)] }) } }
  world.afflict(world.pod('c5-0-a'), 'unready')
  const { counts, wait } = ward(world)
  await wait(3 * MINUTE)
  expect(counts).toEqual(['held NotReady FleetBudget'])
})

test('a Collector that is gone is forgotten; another of its name begins anew', async () => {
  const { world, healer, wait } = ward()
  world.afflict(world.pod('majors-0-a'), 'unready')
  await wait(3 * MINUTE)
  expect(healer.decisions('market/majors')).toEqual([])
  expect(healer.entries('market/majors')).toHaveLength(1)
  world.collectors.length = 0
  await wait(PERIOD_MS)
  expect(healer.entries('market/majors')).toBeUndefined()
  expect(healer.avoidedNodes('market/majors', 'majors-0')).toEqual([])
})

test('looks every period until it is closed, and goes on after a look that failed', async () => {
  const world = new HealingWorld()
  let looks = 0
  const { healer, lines } = ward(world, {
    look: () => {
      looks += 1
      if (looks === 2) throw new Error('a cache was closed')
      return world.look()
    },
  })
  healer.start()
  await world.clock.advance(4 * PERIOD_MS)
  expect(looks).toBe(4)
  expect(lines.map(({ message }) => message)).toEqual(['a look of healing failed; the next one is in a moment'])
  await healer.close()
  await world.clock.advance(4 * PERIOD_MS)
  expect(looks).toBe(4)
  expect(world.clock.waiting).toBe(0)
})

test('does nothing more once it is closed, also in the middle of a look', async () => {
  const world = new HealingWorld({ collectors: ['c0', 'c1'], shards: 5 })
  let evictions = 0
  const { healer, wait } = ward(world, {
    client: {
      evict: async () => {
        evictions += 1
        void healer.close()
        return 'evicted'
      },
    },
  })
  world.afflict(world.pod('c0-0-a'), 'unready')
  world.afflict(world.pod('c1-0-a'), 'unready')
  await wait(2.25 * MINUTE)
  expect(evictions).toBe(1)
})

test('a Collector on which healing fails holds up no other', async () => {
  const world = new HealingWorld({ collectors: ['c0', 'c1'], shards: 5 })
  const { counts, lines, wait } = ward(world, {
    look: () => {
      const { collectors, own } = world.look()
      const broken = collectors.map((one, i) => (i > 0 ? one : { ...one, owner: { ...one.owner, spec: {} as never } }))
      return { collectors: broken, own }
    },
  })
  world.afflict(world.pod('c1-0-a'), 'unready')
  await wait(2.25 * MINUTE)
  expect(counts).toEqual(['done replace NotReady'])
  expect(lines[0]).toMatchObject({ collector: 'market/c0', message: 'healing failed on a Collector; others go on' })
})
