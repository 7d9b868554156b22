// Whatever happens: random histories of pods, outages, leaders and people on a virtual clock, and what must never be.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type Healer, openHealer } from './healer.ts'
import { PERIOD_MS, SUMMARY_AGE_MS_MAX } from './observed.ts'
import { type Ailment, HealingWorld, type WorldPod } from '../../test/support/healing.ts'

const AILMENTS: readonly Ailment[] = [
  'crashing',
  'oom',
  'stuck',
  'unready',
  'silent',
  'sinkless',
  { stale: 'okx:spot' },
]

interface Act {
  readonly atMs: number
  readonly collector: string
  readonly shard: string
  readonly pass: number
}

/** What is wrong with an action at the moment at which it is taken, each a sentence. */
function faultsOf(world: HealingWorld, pod: string, others: readonly { outcome?: string | undefined }[]): string[] {
  const found = world.pods.find(({ name }) => name === pod)
  if (found === undefined) return [`${pod} is no pod`]
  const nowMs = world.clock.nowMs()
  const collector = world.collectors.find(({ name }) => name === found.collector)
  const isDown = found.ailment === 'crashing' || found.ailment === 'oom'
  const isKnown = isDown || found.restarts >= 3 || nowMs - found.saidMs <= SUMMARY_AGE_MS_MAX
  return [
    ...(isKnown ? [] : [`${pod} was acted upon although nothing is known of it`]),
    ...(found.ailment === undefined ? [`${pod} is well`] : []),
    ...(collector?.spec.paused ? [`${pod} is of a paused Collector`] : []),
    ...(collector?.change === undefined ? [] : [`${pod} was acted upon during a rollout`]),
    ...(world.isApiUnreachable ? [`${pod} was acted upon while the API server was away`] : []),
    ...(nowMs - world.leaderSinceMs < 60_000 ? [`${pod} was acted upon by a leader that had just begun`] : []),
    ...(others.some(({ outcome }) => outcome === undefined) ? [`${pod} was acted upon beside another action`] : []),
    ...(found.ailment === 'sinkless' ? [`${pod} was acted upon for its sink`] : []),
  ]
}

class Trial {
  readonly world: HealingWorld
  readonly acts: Act[] = []
  readonly faults: string[] = []
  #pass = 0
  #healer: Healer

  constructor() {
    this.world = new HealingWorld({ collectors: ['c0', 'c1', 'c2', 'c3', 'c4', 'c5', 'c6'], shards: 3 })
    this.#healer = this.#open()
  }

  #open(): Healer {
    return openHealer({
      client: {
        evict: async (_namespace, pod, uid) => {
          this.#judge(pod)
          return this.world.evict(pod, uid)
        },
      },
      recorder: {
        say: (_about, { action, message }) => {
          const pod = /^Pod (\S+)/.exec(message)?.[1] ?? ''
          if (action === 'Move') this.#judge(pod)
          if (action === 'Replace' || action === 'Move') this.#acted(pod)
        },
      },
      metrics: { acted: () => {}, held: () => {} },
      log: { info: () => {}, warn: () => {} },
      identity: 'test',
      look: () => this.world.look(),
      persist: async (key) => {
        if (this.world.failsToPersist) throw new Error('away')
        const collector = this.world.collectors.find(({ name }) => key === `market/${name}`)
        if (collector !== undefined) collector.status = { healing: { actions: this.#healer.entries(key) } }
      },
      clock: this.world.clock,
    })
  }

  #judge(pod: string): void {
    const collector = /^c\d/.exec(pod)?.[0] ?? ''
    const others = (this.#healer.entries(`market/${collector}`) ?? []).filter((one) => one.pod !== pod)
    this.faults.push(...faultsOf(this.world, pod, others))
  }

  #acted(pod: string): void {
    const [shard = '', collector = ''] = /^(c\d)-\d/.exec(pod) ?? []
    this.acts.push({ atMs: this.world.clock.nowMs(), collector, shard, pass: this.#pass })
  }

  async wait(periods: number): Promise<void> {
    for (let i = 0; i < periods; i += 1) {
      this.#pass += 1
      this.world.pass(PERIOD_MS)
      await this.#healer.pass()
      this.world.move((key, shard) => this.#healer.avoidedNodes(key, shard))
    }
  }

  newLeader(): void {
    this.world.leaderSinceMs = this.world.clock.nowMs()
    this.#healer = this.#open()
  }
}

const step = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant('wait' as const), periods: fc.integer({ min: 1, max: 40 }) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('afflict' as const),
      pod: fc.nat(40),
      ailment: fc.constantFrom<Ailment | undefined>(undefined, ...AILMENTS),
      restarts: fc.integer({ min: 0, max: 4 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant('curse' as const), node: fc.constantFrom('node-1', 'node-2') }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        'swarm',
        'swarm',
        'plague',
        'plague',
        'exchange',
        'leader',
        'api',
        'pause',
        'rollout',
        'budget',
        'status',
      ),
      collector: fc.nat(6),
    }),
  },
)

async function take(trial: Trial, one: typeof step extends fc.Arbitrary<infer T> ? T : never): Promise<void> {
  const { world } = trial
  if (one.kind === 'wait') return trial.wait('periods' in one ? one.periods : 1)
  if (one.kind === 'afflict' && 'pod' in one) {
    const pod = world.pods[one.pod % world.pods.length]
    return pod === undefined ? undefined : world.afflict(pod, one.ailment, one.restarts)
  }
  if (one.kind === 'curse' && 'node' in one) {
    if (!world.curses.delete(one.node)) world.curses.set(one.node, 'crashing')
    return
  }
  const collector = world.collectors['collector' in one ? one.collector : 0]
  if (collector === undefined) return
  // One pod of each Collector, for the budget of all; all pods of one, for its own.
  if (one.kind === 'swarm')
    swarm(
      world,
      world.pods.filter(({ shard }) => shard === 0),
    )
  if (one.kind === 'plague')
    swarm(
      world,
      world.pods.filter((pod) => pod.collector === collector.name),
    )
  if (one.kind === 'exchange' && !world.down.delete('okx:spot')) world.down.add('okx:spot')
  if (one.kind === 'leader') trial.newLeader()
  if (one.kind === 'api') world.isApiUnreachable = !world.isApiUnreachable
  if (one.kind === 'pause') collector.spec.paused = !collector.spec.paused
  if (one.kind === 'rollout') collector.change = collector.change === undefined ? 'shards move' : undefined
  if (one.kind === 'budget') world.refusesEvictions = !world.refusesEvictions
  if (one.kind === 'status') world.failsToPersist = !world.failsToPersist
}

/** Crash loops. */
function swarm(world: HealingWorld, pods: readonly WorldPod[]): void {
  for (const pod of pods) world.afflict(pod, 'crashing', 4)
}

/** The most that happened within any window that begins with one of them. */
function mostWithin(acts: readonly Act[], windowMs: number): number {
  return Math.max(
    0,
    ...acts.map(({ atMs }) => acts.filter((one) => one.atMs >= atMs && one.atMs < atMs + windowMs).length),
  )
}

const MINUTE = 60_000
let actsInAll = 0

test('in no history are there two actions at once, one on what is unknown, or one beyond a budget', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 20, maxLength: 60 }), async (steps) => {
      const trial = new Trial()
      for (const one of steps) await take(trial, one)
      await trial.wait(40)
      const { acts, faults } = trial
      actsInAll += acts.length
      expect(faults).toEqual([])
      expect(mostWithin(acts, 5 * MINUTE)).toBeLessThanOrEqual(5)
      for (const { name } of trial.world.collectors) {
        const own = acts.filter(({ collector }) => collector === name)
        expect(new Set(own.map(({ pass }) => pass)).size).toBe(own.length)
        expect(mostWithin(own, 60 * MINUTE)).toBeLessThanOrEqual(6)
        // The bucket: three, and one more for each ten minutes.
        for (let minutes = 10; minutes <= 50; minutes += 10) {
          expect(mostWithin(own, minutes * MINUTE)).toBeLessThanOrEqual(3 + minutes / 10)
        }
      }
      for (const shard of new Set(acts.map((one) => one.shard))) {
        expect(
          mostWithin(
            acts.filter((one) => one.shard === shard),
            5 * MINUTE,
          ),
        ).toBeLessThanOrEqual(1)
      }
    }),
    { numRuns: 25 },
  )
  // Histories in which nothing is ever done would show nothing.
  expect(actsInAll).toBeGreaterThan(20)
}, 60_000)
