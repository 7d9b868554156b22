// How a change comes into the cluster: in which order, how many at once, and what stays until it is there.
import { expect, test, vi } from 'vitest'
import { describeWithControlPlane } from '../../test/kubernetes/controlplane.ts'
import { FEED, type House, imageOf, openHouse, SPEC, templateOf, WAIT } from '../../test/kubernetes/house.ts'
import type { KubeClient } from '../kube/client.ts'
import { CONFIG_MAP, DEPLOYMENT, DISRUPTION_BUDGET, type KubeObject, POD } from '../kube/objects.ts'
import { Queue } from './rollout.ts'

const MORE = { ...SPEC, feeds: [{ ...FEED, symbols: [...FEED.symbols, 'SOL-USDT'] }] }

test('a place that becomes free goes to who waits for longest', () => {
  const told: string[] = []
  const queue = new Queue(2, (key) => told.push(key))
  expect(['a', 'b', 'c', 'd'].map((key) => queue.enter(key, false))).toEqual([true, true, false, false])
  // What a user changed does not wait, and takes nobody's place.
  expect(queue.enter('e', true)).toBe(true)
  queue.leave('e')
  expect(told).toEqual([])
  queue.leave('a')
  expect(told).toEqual(['c'])
  // It wants no more: the next one may.
  queue.leave('c')
  expect(told).toEqual(['c', 'd'])
  expect([queue.enter('d', false), queue.enter('f', false)]).toEqual([true, false])
})

describeWithControlPlane('a rollout', { controllerManager: true, audit: true }, (plane) => {
  vi.setConfig({ testTimeout: 120_000 })

  test('of a new generation makes it ready only when its pods are', async () => {
    await using house = await openHouse(plane())
    await house.apply('majors', SPEC)
    await house.settled('majors')
    house.kubelet.decide((pod) => (imageOf(pod) === 'marketprism:new' ? 'unready' : 'ready'))
    await house.apply('majors', { ...SPEC, image: 'marketprism:new' })
    await vi.waitFor(async () => expect(await house.list(POD)).toHaveLength(2), WAIT)
    await house.says('majors', 'Progressing', { status: 'True', reason: 'RollingOut', observedGeneration: 2 })
    await house.quiet()
    // The old pod is ready, and so is what it stands for.
    expect(await house.condition('majors', 'Ready')).toMatchObject({ status: 'True', observedGeneration: 1 })
    house.kubelet.decide(() => 'ready')
    await house.settled('majors')
    expect(await house.condition('majors', 'Ready')).toMatchObject({ status: 'True', observedGeneration: 2 })
  })

  test('keeps the config of a pod for as long as there is the pod', async () => {
    await using house = await openHouse(plane())
    await house.apply('majors', SPEC)
    await house.settled('majors')
    const [old = ''] = await configs(house)
    house.kubelet.decide((pod) => (JSON.stringify(pod['spec']).includes(old) ? 'ready' : 'unready'))
    await house.apply('majors', MORE)
    await vi.waitFor(async () => expect(await house.list(POD)).toHaveLength(2), WAIT)
    await house.quiet()
    expect(await configs(house)).toHaveLength(2)
    expect(await configs(house)).toContain(old)
    house.kubelet.decide(() => 'ready')
    await house.settled('majors')
    await vi.waitFor(async () => {
      expect(await configs(house)).toHaveLength(1)
      expect(await configs(house)).not.toContain(old)
    }, WAIT)
  })

  test('removes what is wanted no more only when all that is wanted could be applied', async () => {
    const refusal = { isOn: false }
    await using house = await openHouse(plane(), { through: (client) => refusing(client, 'ConfigMap', refusal) })
    await house.apply('majors', { ...SPEC, redundancy: 2 })
    await house.settled('majors')
    refusal.isOn = true
    await house.apply('majors', { ...MORE, redundancy: 1 })
    await house.says('majors', 'Degraded', { status: 'True', reason: 'ApplyFailed' })
    const { failedPasses } = house.operator.controller.queue.status
    await vi.waitFor(() => {
      expect(house.operator.controller.queue.status.failedPasses).toBeGreaterThan(failedPasses + 2)
    }, WAIT)
    // Neither may a Deployment name a config that is not there, nor the status say that all is well.
    expect(await house.condition('majors', 'Ready')).toMatchObject({ status: 'True', observedGeneration: 1 })
    expect(await house.condition('majors', 'Progressing')).toMatchObject({ status: 'True', reason: 'RollingOut' })
    expect((await house.deployments()).map(({ metadata }) => metadata.generation)).toEqual([1, 1])
    expect(await house.list(DISRUPTION_BUDGET)).toHaveLength(1)
    expect(await house.list(DEPLOYMENT)).toHaveLength(2)
    expect(house.writes().filter(({ verb }) => verb === 'delete')).toEqual([])
    refusal.isOn = false
    // The wait for the next try may be long by now; news makes it short.
    await house.kubectl('label', 'collector', 'majors', 'some=news')
    await house.settled('majors')
    await vi.waitFor(async () => {
      expect(await house.list(DISRUPTION_BUDGET)).toEqual([])
      expect(await house.list(DEPLOYMENT)).toHaveLength(1)
    }, WAIT)
  })

  test('takes a field away that the manifest no longer has', async () => {
    await using house = await openHouse(plane())
    await house.apply('majors', { ...SPEC, nodeSelector: { disk: 'ssd' } })
    await house.settled('majors')
    const selector = async () => {
      const deployment = (await house.get(DEPLOYMENT, 'majors-0-a')) as KubeObject
      return (templateOf(deployment)['spec'] as { nodeSelector?: object }).nodeSelector
    }
    expect(await selector()).toEqual({ disk: 'ssd' })
    await house.apply('majors', SPEC)
    await house.settled('majors')
    expect(await selector()).toBeUndefined()
  })

  test('of one more symbol changes one Deployment, another order none, and one more shard takes its part only', async () => {
    await using house = await openHouse(plane())
    const symbols = Array.from({ length: 16 }, (_, i) => `C${i}-USDT`)
    const spec = (names: readonly string[], shards: number) => ({
      ...SPEC,
      shards,
      feeds: [
        { ...FEED, symbols: names.slice(0, 8) },
        { ...FEED, symbols: names.slice(8) },
      ],
    })
    const generations = async () => (await house.deployments()).map(({ metadata }) => metadata.generation ?? 0)
    await house.apply('majors', spec(symbols, 2))
    await house.settled('majors')
    expect(await generations()).toEqual([1, 1])
    await house.apply('majors', spec([...symbols, 'NEW-USDT'], 2))
    await house.settled('majors')
    expect((await generations()).toSorted((a, b) => a - b)).toEqual([1, 2])
    const before = await homes(house)
    await house.apply('majors', spec(['NEW-USDT', ...symbols.toReversed()], 2))
    await house.settled('majors')
    expect((await generations()).toSorted((a, b) => a - b)).toEqual([1, 2])
    await house.apply('majors', spec([...symbols, 'NEW-USDT'], 3))
    await house.settled('majors')
    const after = await homes(house)
    const moved = [...after].filter(([symbol, home]) => before.get(symbol) !== home)
    expect(after.size).toBe(17)
    // Nothing moves between those that were there.
    expect(new Set(moved.map(([, home]) => home))).toEqual(new Set([2]))
    expect(moved.length).toBeLessThanOrEqual(8)
  })

  test('of a Collector that was paused goes on when it is paused no more', async () => {
    await using house = await openHouse(plane())
    await house.apply('majors', SPEC)
    await house.settled('majors')
    await house.apply('majors', { ...SPEC, paused: true })
    await house.says('majors', 'Progressing', { reason: 'Paused', observedGeneration: 2 })
    // Nobody puts it right meanwhile.
    await house.patch(DEPLOYMENT, 'majors-0-a', { spec: { replicas: 0 } })
    await house.apply('majors', { ...MORE, paused: true })
    await house.says('majors', 'Progressing', { reason: 'Paused', observedGeneration: 3 })
    await house.quiet()
    expect(house.writes().filter(({ uri }) => uri.includes('/deployments/'))).toHaveLength(1)
    await house.apply('majors', { ...MORE, paused: false })
    await house.settled('majors')
    expect((await house.documents())[0]).toContain('SOL-USDT')
    expect((await house.get(DEPLOYMENT, 'majors-0-a'))?.['spec']).toMatchObject({ replicas: 1 })
  })

  test('of a new default image takes three Collectors at once, and the others wait their turn', async () => {
    await using house = await openHouse(plane())
    const names = ['one', 'two', 'three', 'four', 'five']
    await Promise.all(names.map((name) => house.apply(name, SPEC)))
    for (const name of names) await house.settled(name)
    const generations = async () => (await house.deployments()).map(({ metadata }) => metadata.generation ?? 0)
    await house.restart()
    await vi.waitFor(() => expect(house.passes()).toBeGreaterThanOrEqual(names.length), WAIT)
    await house.quiet()
    expect(await generations()).toEqual([1, 1, 1, 1, 1])

    house.kubelet.decide((pod) => (imageOf(pod) === 'marketprism:next' ? 'unready' : 'ready'))
    await house.restart({ image: 'marketprism:next' })
    const reasons = () => Promise.all(names.map(async (name) => (await house.condition(name, 'Progressing'))?.reason))
    await vi.waitFor(async () => {
      expect((await reasons()).toSorted(byText)).toEqual([
        ...['RollingOut', 'RollingOut', 'RollingOut'],
        ...['RolloutQueued', 'RolloutQueued'],
      ])
    }, WAIT)
    await house.quiet()
    expect((await generations()).toSorted(byText)).toEqual([1, 1, 2, 2, 2])
    // A user does not wait for ours.
    const queued = names[(await reasons()).indexOf('RolloutQueued')] ?? ''
    await house.apply(queued, { ...SPEC, image: 'marketprism:mine' })
    await house.settled(queued)
    house.kubelet.decide(() => 'ready')
    for (const name of names) await house.settled(name)
    const images = (await house.deployments()).map((one) => imageOf(templateOf(one)))
    expect(images.filter((image) => image === 'marketprism:next')).toHaveLength(4)
  })
})

function byText(one: unknown, other: unknown): number {
  return String(one) < String(other) ? -1 : 1
}

/** The shard of each symbol. */
async function homes(house: House): Promise<Map<string, number>> {
  const documents = await house.documents()
  return new Map(
    documents.flatMap((text, shard) =>
      [...(text ?? '').matchAll(/[A-Z0-9]+-USDT/g)].map(([symbol]) => [symbol, shard]),
    ),
  )
}

/** Names of the configs of shards. */
async function configs(house: House): Promise<string[]> {
  return (await house.list(CONFIG_MAP)).map(({ metadata }) => metadata.name).filter((name) => /^majors-\d-/.test(name))
}

/** A client whose applies of one kind are refused while the test says so. */
function refusing(client: KubeClient, kind: string, refusal: { readonly isOn: boolean }): KubeClient {
  return {
    ...client,
    apply(of, object, subresource) {
      if (refusal.isOn && of.kind === kind) return Promise.reject(new Error('refused by the test'))
      return client.apply(of, object, subresource)
    },
  }
}
