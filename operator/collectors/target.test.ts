// The way from one plan to the next, against a model of a cluster: Deployments that surge, pods that become ready or
// crash, an operator that is killed between two writes and knows nothing but what the cluster holds.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { CollectorSpec } from '../../crds/collector.ts'
import { checkCollector } from '../../crds/faults.ts'
import { finder } from '../../crds/pattern.ts'
import { instrumentKey, rendezvous } from '../../crds/rendezvous.ts'
import { contentsOf, shardDocument } from './config.ts'
import { type CurrentShard, shardPlan, target } from './shards.ts'

const SYMBOLS = Array.from({ length: 16 }, (_, i) => `C${i}-USDT`)

/** What the user wants. */
interface Wish {
  readonly symbols: readonly string[]
  readonly shards: number
}

interface Pod {
  readonly text: string
  /** `crashed`: it was ready, and will be again; what it held is missing for a cause outside. */
  state: 'starting' | 'ready' | 'crashed'
}

interface Deployment {
  text: string
  pods: Pod[]
  rolls: number
}

type Cluster = Map<number, Deployment>

function specOf(symbols: readonly string[]): CollectorSpec {
  const { collector } = checkCollector({
    apiVersion: 'marketprism.io/v1alpha1',
    kind: 'Collector',
    metadata: { name: 'majors' },
    spec: {
      feeds: [{ exchange: 'okx', market: 'spot', symbols: [...symbols], types: ['trade', 'ticker'] }],
      sink: { stdout: {} },
    },
  })
  return collector!.spec
}

const key = (symbol: string) => instrumentKey({ exchange: 'okx', market: 'spot', symbol })

/** The symbols that a pod with this document collects. */
function collects(index: number, text: string): string[] {
  const { keys, counts, patterns } = contentsOf(text)!
  const isOurs = (symbol: string) => counts.some((count) => rendezvous(key(symbol), count) === index)
  const finds = patterns.map(({ symbols, exclude }) => finder(symbols, exclude))
  return SYMBOLS.filter((one) => keys.includes(key(one)) || (isOurs(one) && finds.some((matches) => matches(one))))
}

function wantedBy({ symbols }: Wish): string[] {
  const found = finder(symbols, undefined)
  return SYMBOLS.filter((symbol) => symbols.includes(symbol) || found(symbol))
}

/** What is collected, or was until a crash. */
function held(cluster: Cluster): Set<string> {
  return collected(cluster, ({ state }) => state !== 'starting')
}

/** What is collected and is to go on: not what an old pod still does that the user has taken out. */
function heldForGood(cluster: Cluster): Set<string> {
  return collected(cluster, ({ state, text }, deployment) => state === 'ready' && text === deployment.text)
}

function collected(cluster: Cluster, counts: (pod: Pod, deployment: Deployment) => boolean): Set<string> {
  const all = [...cluster].flatMap(([index, deployment]) =>
    deployment.pods.filter((pod) => counts(pod, deployment)).flatMap(({ text }) => collects(index, text)),
  )
  return new Set(all)
}

function currentOf(cluster: Cluster): CurrentShard[] {
  return [...cluster].map(([index, { text, pods }]) => {
    const isLive = pods.length > 0 && pods.every((pod) => pod.state === 'ready' && pod.text === text)
    return { index, ...contentsOf(text)!, isLive }
  })
}

/** A pass of the operator that dies after so many writes. @returns whether it had nothing to write */
function pass(cluster: Cluster, { symbols, shards }: Wish, writesMax = Infinity): boolean {
  const spec = specOf(symbols)
  const current = currentOf(cluster)
  const targets = target({ plan: shardPlan({ spec, shards, current }), current, redundancy: 1 })
  let writes = 0
  for (const to of targets) {
    const { text } = shardDocument({ name: 'majors', spec }, to)
    const deployment = cluster.get(to.index)
    if (deployment?.text === text) continue
    if (writes === writesMax) return false
    writes += 1
    const kept = (deployment?.pods ?? []).filter(({ state }) => state !== 'starting')
    cluster.set(to.index, { text, pods: [...kept, { text, state: 'starting' }], rolls: (deployment?.rolls ?? -1) + 1 })
  }
  for (const index of cluster.keys()) {
    if (targets.some((to) => to.index === index)) continue
    if (writes === writesMax) return false
    writes += 1
    cluster.delete(index)
  }
  return writes === 0
}

/** The newest pod becomes ready, and the others of its Deployment go. */
function becomeReady(deployment: Deployment): void {
  deployment.pods = deployment.pods.filter(({ text }) => text === deployment.text).slice(-1)
  for (const pod of deployment.pods) pod.state = 'ready'
}

function crash({ pods }: Deployment): void {
  for (const pod of pods) if (pod.state === 'ready') pod.state = 'crashed'
}

/** @returns how many passes had something to write */
function settle(cluster: Cluster, wish: Wish, check: () => void): number {
  for (let passes = 0; passes < 10; passes += 1) {
    const isAtRest = pass(cluster, wish) && currentOf(cluster).every(({ isLive }) => isLive)
    if (isAtRest) return passes
    check()
    for (const deployment of [...cluster.values()].toReversed()) {
      becomeReady(deployment)
      check()
    }
  }
  throw new Error('it does not come to rest')
}

function among(wanted: readonly string[], symbols: readonly string[]): Set<string> {
  return new Set(symbols.filter((symbol) => wanted.includes(symbol)))
}

const wishes = fc.record({
  symbols: fc
    .tuple(fc.subarray(SYMBOLS), fc.constantFrom<readonly string[]>([], [], ['*-USDT'], ['C1*-USDT']))
    .map(([named, patterns]) => [...named, ...patterns])
    .filter((symbols) => symbols.length > 0),
  shards: fc.integer({ min: 1, max: 6 }),
})

const commands = fc.oneof(
  wishes.map((wish) => ({ kind: 'edit' as const, wish })),
  fc.oneof(fc.nat(4), fc.constant(Infinity)).map((writesMax) => ({ kind: 'pass' as const, writesMax })),
  fc.nat(6).map((index) => ({ kind: 'ready' as const, index })),
  fc.nat(6).map((index) => ({ kind: 'ready' as const, index })),
  fc.nat(6).map((index) => ({ kind: 'crash' as const, index })),
)

test('what is live stays live through any changes, crashes and deaths of the operator, and it all comes to rest', () => {
  fc.assert(
    fc.property(wishes, fc.array(commands, { maxLength: 60 }), (first, steps) => {
      const cluster: Cluster = new Map()
      let wish = first
      let live = new Set<string>()
      const check = (): void => {
        const kept = held(cluster)
        expect([...live].filter((symbol) => !kept.has(symbol))).toEqual([])
        live = among(wantedBy(wish), [...live, ...heldForGood(cluster)])
      }
      for (const step of steps) {
        if (step.kind === 'edit') {
          wish = step.wish
          live = among(wantedBy(wish), [...live])
        }
        if (step.kind === 'pass') pass(cluster, wish, step.writesMax)
        const deployment = 'index' in step ? cluster.get(step.index) : undefined
        if (step.kind === 'ready' && deployment !== undefined) becomeReady(deployment)
        if (step.kind === 'crash' && deployment !== undefined) crash(deployment)
        check()
      }
      expect(settle(cluster, wish, check)).toBeLessThanOrEqual(3)
      expectSplit(cluster, wish)
    }),
    { numRuns: 150 },
  )
})

/** Each shard there, and each symbol at exactly one of them. */
function expectSplit(cluster: Cluster, wish: Wish): void {
  expect(new Set(cluster.keys())).toEqual(new Set(Array.from({ length: wish.shards }, (_, i) => i)))
  const all = [...cluster].flatMap(([index, { text }]) => collects(index, text))
  expect(all.toSorted()).toEqual(wantedBy(wish).toSorted())
}

test('a change of the manifest changes each shard at most twice', () => {
  fc.assert(
    fc.property(wishes, wishes, (before, after) => {
      const cluster: Cluster = new Map()
      settle(cluster, before, () => {})
      for (const deployment of cluster.values()) deployment.rolls = 0
      settle(cluster, after, () => {})
      for (const { rolls } of cluster.values()) expect(rolls).toBeLessThanOrEqual(2)
    }),
    { numRuns: 100 },
  )
})

test('an operator that dies after each single write is followed by others that bring it to rest', () => {
  fc.assert(
    fc.property(wishes, wishes, (before, after) => {
      const cluster: Cluster = new Map()
      settle(cluster, before, () => {})
      // Several die before a pod becomes ready.
      for (let births = 0; births < 100; births += 1) {
        if (pass(cluster, after, 1) && currentOf(cluster).every(({ isLive }) => isLive))
          return expectSplit(cluster, after)
        if (births % 5 === 4) for (const deployment of cluster.values()) becomeReady(deployment)
      }
      throw new Error('it does not come to rest')
    }),
    { numRuns: 25 },
  )
})

test('a shard that never becomes live holds up nothing but what is to move to it', () => {
  const cluster: Cluster = new Map()
  settle(cluster, { symbols: SYMBOLS, shards: 2 }, () => {})
  const before = [...cluster.values()].map(({ text }) => text)
  const wish = { symbols: SYMBOLS, shards: 3 }
  pass(cluster, wish)
  for (const index of [0, 1]) becomeReady(cluster.get(index)!)
  expect(pass(cluster, wish)).toBe(true)
  expect(held(cluster)).toEqual(new Set(SYMBOLS))
  expect(cluster.get(2)?.pods.map(({ state }) => state)).toEqual(['starting'])
  // Back again: the new shard goes, and the old ones are as they were.
  settle(cluster, { symbols: SYMBOLS, shards: 2 }, () => {})
  expect([...cluster.values()].map(({ text }) => text)).toEqual(before)
})
