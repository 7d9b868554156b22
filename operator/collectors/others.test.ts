// What others do to Collectors and to what belongs to them: people, bots, meshes, the garbage collector.
import { expect, test, vi } from 'vitest'
import { describeWithControlPlane } from '../../test/kubernetes/controlplane.ts'
import { FEED, type House, openHouse, SINK, SPEC, templateOf, WAIT } from '../../test/kubernetes/house.ts'
import { CONFIG_MAP, DEPLOYMENT, type KubeObject, NETWORK_POLICY, pathOf, POD, SERVICE } from '../kube/objects.ts'
import { COLLECTOR, MADE } from './kinds.ts'

/** Nothing a person waits for may take longer; on a busy machine twice that is allowed. */
const SOON = { timeout: 10_000, interval: 50 }

describeWithControlPlane('others', { controllerManager: true, audit: true }, (plane) => {
  vi.setConfig({ testTimeout: 120_000 })

  test('C007: a rollout restart, a label and the annotation of a mesh stay, over a restart of ours and a new config', async () => {
    await using house = await openHouse(plane())
    await house.apply('majors', SPEC)
    await house.settled('majors')
    const before = new Set((await house.list(POD)).map(({ metadata }) => metadata.uid))
    await house.kubectl('rollout', 'restart', 'deployment', 'majors-0-a')
    await house.kubectl('label', 'deployment', 'majors-0-a', 'cost-center=42')
    await inject(house, { annotations: { 'mesh.example/inject': 'false' } })
    await vi.waitFor(async () => {
      const pods = await house.list(POD)
      expect(pods).toHaveLength(1)
      expect(before).not.toContain(pods[0]?.metadata.uid)
    }, WAIT)
    await house.settled('majors')
    await house.restart()
    await vi.waitFor(() => expect(house.passes()).toBeGreaterThan(0), WAIT)
    await house.quiet()
    const writes = house.writes().filter(({ uri }) => uri.includes('/deployments/'))
    // That which made it.
    expect(writes).toHaveLength(1)
    await house.apply('majors', { ...SPEC, feeds: [{ ...FEED, symbols: [...FEED.symbols, 'SOL-USDT'] }] })
    await house.settled('majors')
    expect((await house.documents())[0]).toContain('SOL-USDT')
    const live = await house.get(DEPLOYMENT, 'majors-0-a')
    expect(live?.metadata.labels).toMatchObject({ 'cost-center': '42' })
    expect(templateOf(live as KubeObject).metadata.annotations).toMatchObject({
      'kubectl.kubernetes.io/restartedAt': expect.any(String),
      'mesh.example/inject': 'false',
    })
  })

  test('a sidecar, and what an autoscaler notes on a pod, stay and lead to no write', async () => {
    await using house = await openHouse(plane())
    await house.apply('majors', SPEC)
    await house.settled('majors')
    await inject(
      house,
      {},
      { containers: [{ name: 'proxy', image: 'mesh:1', resources: { requests: { cpu: '100m' } } }] },
    )
    const pod = await vi.waitFor(async () => {
      const found = (await house.list(POD)).find((one) => JSON.stringify(one['spec']).includes('mesh:1'))
      expect(found).toBeDefined()
      return found
    }, WAIT)
    await house.settled('majors')
    const passes = house.passes()
    await house.patch(POD, pod?.metadata.name ?? '', { metadata: { annotations: { vpaUpdates: 'cpu' } } })
    await vi.waitFor(() => expect(house.passes()).toBeGreaterThan(passes), WAIT)
    await house.quiet()
    expect(house.writes().filter(({ uri }) => uri.includes('/deployments/'))).toHaveLength(1)
    expect(JSON.stringify((await house.get(DEPLOYMENT, 'majors-0-a'))?.['spec'])).toContain('mesh:1')
  })

  test('what somebody changes by hand is put right within seconds', async () => {
    await using house = await openHouse(plane())
    await house.apply('majors', SPEC)
    await house.settled('majors')
    const { containers } = templateOf((await house.get(DEPLOYMENT, 'majors-0-a')) as KubeObject)['spec'] as Pods
    const changed = containers.map((one) => ({ ...one, image: 'somebody/else:1' }))
    await house.patch(DEPLOYMENT, 'majors-0-a', { spec: { template: { spec: { containers: changed } } } })
    await house.patch(NETWORK_POLICY, 'majors', { spec: { egress: [] } })
    await house.patch(SERVICE, 'majors', { metadata: { ownerReferences: null } })
    await vi.waitFor(async () => {
      expect(JSON.stringify(await house.get(DEPLOYMENT, 'majors-0-a'))).not.toContain('somebody/else')
      const policy = (await house.get(NETWORK_POLICY, 'majors'))?.['spec'] as { egress?: unknown[] }
      expect(policy.egress?.length).toBeGreaterThan(0)
      expect((await house.get(SERVICE, 'majors'))?.metadata.ownerReferences).toHaveLength(1)
    }, SOON)
  })

  test('a bot that changes a field again and again is named, and not fought', async () => {
    await using house = await openHouse(plane())
    await house.apply('majors', SPEC)
    await house.settled('majors')
    const bot = setInterval(() => {
      void house.patch(DEPLOYMENT, 'majors-0-a', { spec: { replicas: 3 } }).catch(() => undefined)
    }, 200)
    try {
      await house.says('majors', 'Degraded', { status: 'True', reason: 'FieldConflict' })
      const writes = () => house.writes().filter(({ uri }) => uri.includes('/deployments/')).length
      const before = writes()
      const passes = house.passes()
      // The bot goes on; other news about the object is looked at, and nothing is written.
      await house.kubectl('label', 'deployment', 'majors-0-a', 'more=news')
      await vi.waitFor(() => expect(house.passes()).toBeGreaterThan(passes), WAIT)
      expect(writes()).toBe(before)
      expect(before).toBeLessThan(10)
    } finally {
      clearInterval(bot)
    }
    expect((await house.condition('majors', 'Degraded'))?.message).toContain('Deployment/majors-0-a spec.replicas')
    await vi.waitFor(async () => {
      expect((await house.events('majors')).map(({ reason }) => reason)).toContain('FieldConflict')
    }, WAIT)
  })

  test('is deleted while the operator is away: everything goes all the same', async () => {
    await using house = await openHouse(plane())
    await house.apply('majors', { ...SPEC, redundancy: 2 })
    await house.settled('majors')
    await house.stop()
    await house.remove(COLLECTOR, 'majors')
    await vi.waitFor(async () => {
      for (const kind of [...MADE, POD]) expect(await ours(house, kind), kind.kind).toEqual([])
    }, WAIT)
    await house.start()
    await vi.waitFor(() => expect(house.operator.controller.queue.status.running).toBe(0), WAIT)
    expect(await house.list(DEPLOYMENT)).toEqual([])
  })

  test('the namespace is deleted while the operator is away, and ends', async () => {
    await using house = await openHouse(plane())
    await house.apply('majors', SPEC)
    await house.settled('majors')
    await house.stop()
    const path = `/api/v1/namespaces/${house.namespace}`
    await plane().request('DELETE', path)
    await vi.waitFor(async () => expect((await plane().request('GET', path)).status).toBe(404), WAIT)
  })

  test('is deleted without its objects and made again: it takes them up, and no pod is new', async () => {
    await using house = await openHouse(plane())
    await house.apply('majors', SPEC)
    await house.settled('majors')
    const uids = async () => (await ours(house, POD)).map(({ metadata }) => metadata.uid)
    const [pods, deployment] = [await uids(), await house.get(DEPLOYMENT, 'majors-0-a')]
    await house.remove(COLLECTOR, 'majors', 'Orphan')
    await vi.waitFor(async () => {
      expect(await house.get(COLLECTOR, 'majors')).toBeUndefined()
      for (const kind of MADE) {
        expect((await ours(house, kind)).flatMap(({ metadata }) => metadata.ownerReferences ?? [])).toEqual([])
      }
    }, WAIT)
    await house.apply('majors', SPEC)
    await house.settled('majors')
    const adopted = await house.get(DEPLOYMENT, 'majors-0-a')
    expect(adopted?.metadata.uid).toBe(deployment?.metadata.uid)
    expect(adopted?.metadata.ownerReferences?.[0]?.uid).not.toBe(deployment?.metadata.ownerReferences?.[0]?.uid)
    expect(await uids()).toEqual(pods)
  })

  test("leaves an object of another's alone, though it has our name and labels, and says whose it is", async () => {
    await using house = await openHouse(plane())
    const config = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'owner', namespace: house.namespace } }
    const { metadata } = await house.client.create(CONFIG_MAP, config)
    const owner = { apiVersion: 'v1', kind: 'ConfigMap', name: 'owner', uid: metadata.uid, controller: true }
    const labels = { 'app.kubernetes.io/managed-by': 'marketprism-operator', 'app.kubernetes.io/instance': 'majors' }
    await house.client.create(SERVICE, {
      ...{ apiVersion: 'v1', kind: 'Service', spec: { ports: [{ port: 80 }] } },
      metadata: { name: 'majors', namespace: house.namespace, labels, ownerReferences: [owner] as never },
    })
    await house.apply('majors', { ...SPEC, sink: SINK })
    await house.says('majors', 'Degraded', { status: 'True', reason: 'NameTaken' })
    expect((await house.condition('majors', 'Degraded'))?.message).toContain('belongs to ConfigMap owner')
    expect((await house.get(SERVICE, 'majors'))?.metadata.ownerReferences).toHaveLength(1)
  })

  test('is scaled by kubectl, also where shards was unset, and an apply from Git that omits shards leaves it', async () => {
    await using house = await openHouse(plane())
    const symbols = ['BTC-USDT', 'ETH-USDT', 'SOL-USDT', 'XRP-USDT']
    const spec = { feeds: [{ ...FEED, symbols }], sink: SINK }
    await house.apply('majors', spec)
    await house.settled('majors')
    expect(await house.condition('majors', 'Scalable')).toMatchObject({ status: 'False', reason: 'ShardsDerived' })
    await house.kubectl('scale', 'collector/majors', '--replicas=3')
    await house.says('majors', 'Scalable', { status: 'True', reason: 'ShardsSet' })
    await house.settled('majors')
    expect(await house.list(DEPLOYMENT)).toHaveLength(3)
    const path = `${pathOf(COLLECTOR, house.namespace, 'majors')}/scale`
    const scale = await house.client.request<KubeObject>({ method: 'GET', path })
    expect(scale).toMatchObject({ spec: { replicas: 3 }, status: { replicas: 3 } })
    const { selector = '' } = scale['status'] as { selector?: string }
    expect((await house.client.list(POD, house.namespace, { labelSelector: selector })).items).toHaveLength(3)
    await house.apply('majors', { ...spec, redundancy: 1 })
    expect((await house.get(COLLECTOR, 'majors'))?.['spec']).toMatchObject({ shards: 3 })
  })
})

interface Pods {
  readonly containers: readonly object[]
}

/** What another manager of fields adds to the template of a Deployment, by server-side apply. */
function inject(house: House, metadata: object, spec: object = {}): Promise<unknown> {
  const body = {
    ...{ apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'majors-0-a' } },
    spec: { template: { metadata, spec } },
  }
  return house.client.request({
    method: 'PATCH',
    path: pathOf(DEPLOYMENT, house.namespace, 'majors-0-a'),
    query: { fieldManager: 'mesh' },
    contentType: 'application/apply-patch+yaml',
    body,
  })
}

/** Objects of Collectors, and nothing that the cluster puts into each namespace. */
async function ours(house: House, kind: typeof POD): Promise<KubeObject[]> {
  const labelSelector = 'app.kubernetes.io/managed-by=marketprism-operator'
  return (await house.client.list<KubeObject>(kind, house.namespace, { labelSelector })).items
}
