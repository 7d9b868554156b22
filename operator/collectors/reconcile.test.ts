// Collectors against a real control plane with the controller manager; what a kubelet would do to pods is done by the
// stand-in of test/kubernetes/kubelet.ts.
import { expect, test, vi } from 'vitest'
import { describeWithControlPlane } from '../../test/kubernetes/controlplane.ts'
import { FEED, imageOf, openHouse, SINK, templateOf, WAIT } from '../../test/kubernetes/house.ts'
import { DEPLOYMENT, type KubeObject, POD, SERVICE } from '../kube/objects.ts'
import { COLLECTOR } from './kinds.ts'

describeWithControlPlane('a Collector', { controllerManager: true, audit: true }, (plane) => {
  vi.setConfig({ testTimeout: 120_000 })

  test('becomes Deployments, and is ready when they are', async () => {
    await using house = await openHouse(plane())
    await house.apply('majors', { feeds: [FEED], sink: SINK })
    await house.settled('majors')
    const [deployment] = await house.list(DEPLOYMENT)
    expect(deployment?.metadata.name).toBe('majors-0-a')
    expect(await house.status('majors')).toMatchObject({ replicas: 1, shards: [{ name: 'majors-0', ready: true }] })
  })

  test('that is settled sees no write, nor after the operator started again', async () => {
    await using house = await openHouse(plane())
    await house.apply('majors', { feeds: [FEED], sink: SINK, redundancy: 2 })
    await house.settled('majors')
    await house.quiet()
    const before = await house.versions()
    await house.restart()
    await vi.waitFor(() => expect(house.passes()).toBeGreaterThan(0), WAIT)
    await house.quiet()
    expect(await house.versions()).toEqual(before)
  })

  test('an object that was deleted by hand is back', async () => {
    await using house = await openHouse(plane())
    await house.apply('majors', { feeds: [FEED], sink: SINK })
    await house.settled('majors')
    for (const [kind, name] of [
      [SERVICE, 'majors'],
      [DEPLOYMENT, 'majors-0-a'],
    ] as const) {
      const uid = (await house.client.get(kind, house.namespace, name))?.metadata.uid ?? ''
      await house.client.remove(kind, house.namespace, name, { uid })
      await vi.waitFor(async () => {
        const found = await house.client.get(kind, house.namespace, name)
        expect(found?.metadata.uid).toBeDefined()
        expect(found?.metadata.uid).not.toBe(uid)
      }, WAIT)
    }
  })

  test('rolls one Deployment after another, and stops at a pod that does not come up', async () => {
    await using house = await openHouse(plane())
    const spec = { feeds: [FEED], sink: SINK, shards: 2 }
    await house.apply('majors', spec)
    await house.settled('majors')
    house.kubelet.decide((pod) => (imageOf(pod) === 'marketprism:bad' ? { waiting: 'ImagePullBackOff' } : 'ready'))
    await house.apply('majors', { ...spec, image: 'marketprism:bad' })
    await vi.waitFor(async () => {
      const progressing = await house.condition('majors', 'Progressing')
      expect(progressing).toMatchObject({ status: 'False', reason: 'RolloutStuck' })
      expect(progressing?.message).toContain('ImagePullBackOff marketprism:bad')
    }, WAIT)
    expect(await house.condition('majors', 'Ready')).toMatchObject({ status: 'True', observedGeneration: 1 })
    const images = (await house.list(DEPLOYMENT)).map(imageOfTemplate)
    expect(new Set(images)).toEqual(new Set(['marketprism:bad', 'marketprism:test']))
    await house.apply('majors', { ...spec, image: 'marketprism:good' })
    await house.settled('majors')
    expect((await house.list(DEPLOYMENT)).map(imageOfTemplate)).toEqual(['marketprism:good', 'marketprism:good'])
  })

  test('keeps what others set, and a rollout restart', async () => {
    await using house = await openHouse(plane())
    await house.apply('majors', { feeds: [FEED], sink: SINK })
    await house.settled('majors')
    const path = `/apis/apps/v1/namespaces/${house.namespace}/deployments/majors-0-a`
    await house.client.request({
      method: 'PATCH',
      path,
      contentType: 'application/merge-patch+json',
      body: {
        metadata: { labels: { team: 'quant' } },
        spec: {
          template: { metadata: { annotations: { 'kubectl.kubernetes.io/restartedAt': '2026-01-01T00:00:00Z' } } },
        },
      },
    })
    await house.settled('majors')
    await house.quiet()
    const live = await house.client.get<KubeObject>(DEPLOYMENT, house.namespace, 'majors-0-a')
    expect(live?.metadata.labels).toMatchObject({ team: 'quant' })
    expect(JSON.stringify(live?.['spec'])).toContain('restartedAt')
  })

  test('another shard takes over what moves before the old one gives it up', async () => {
    await using house = await openHouse(plane())
    const symbols = ['BTC-USDT', 'ETH-USDT', 'SOL-USDT', 'XRP-USDT', 'ADA-USDT', 'DOGE-USDT']
    const spec = { feeds: [{ ...FEED, symbols }], sink: SINK }
    await house.apply('majors', { ...spec, shards: 1 })
    await house.settled('majors')
    house.kubelet.decide((pod) => (pod.metadata.labels?.['marketprism.io/shard'] === '1' ? 'unready' : 'ready'))
    await house.apply('majors', { ...spec, shards: 2 })
    await vi.waitFor(async () => expect(await house.list(DEPLOYMENT)).toHaveLength(2), WAIT)
    await house.quiet()
    const whole = (await house.documents())[0] ?? ''
    for (const symbol of symbols) expect(whole).toContain(symbol)
    house.kubelet.decide(() => 'ready')
    await house.settled('majors')
    const [first = '', second = ''] = await house.documents()
    for (const symbol of symbols) expect(first.includes(symbol)).toBe(!second.includes(symbol))
    await house.apply('majors', { ...spec, shards: 1 })
    await vi.waitFor(async () => expect(await house.list(DEPLOYMENT)).toHaveLength(1), WAIT)
    await house.settled('majors')
    const text = (await house.documents())[0] ?? ''
    for (const symbol of symbols) expect(text).toContain(symbol)
  })

  test('that is paused is left as it is', async () => {
    await using house = await openHouse(plane())
    await house.apply('majors', { feeds: [FEED], sink: SINK })
    await house.settled('majors')
    const before = (await house.list(DEPLOYMENT)).map(({ metadata }) => metadata.resourceVersion)
    await house.apply('majors', { feeds: [FEED], sink: SINK, paused: true, image: 'marketprism:other' })
    await vi.waitFor(async () => {
      expect(await house.condition('majors', 'Progressing')).toMatchObject({ reason: 'Paused', observedGeneration: 2 })
    }, WAIT)
    expect((await house.list(DEPLOYMENT)).map(({ metadata }) => metadata.resourceVersion)).toEqual(before)
  })

  test('takes nothing that is not its own', async () => {
    await using house = await openHouse(plane())
    const service = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'majors', namespace: house.namespace } }
    await house.client.create(SERVICE, { ...service, spec: { ports: [{ port: 80 }] } })
    await house.apply('majors', { feeds: [FEED], sink: SINK })
    await vi.waitFor(async () => {
      const degraded = await house.condition('majors', 'Degraded')
      expect(degraded).toMatchObject({ status: 'True', reason: 'NameTaken' })
      expect(degraded?.message).toContain('Service majors')
    }, WAIT)
    const left = await house.client.get<KubeObject>(SERVICE, house.namespace, 'majors')
    expect(left?.metadata.ownerReferences).toBeUndefined()
  })

  test('goes with everything that it owns', async () => {
    await using house = await openHouse(plane())
    await house.apply('majors', { feeds: [FEED], sink: SINK })
    await house.settled('majors')
    const uid = (await house.client.get(COLLECTOR, house.namespace, 'majors'))?.metadata.uid ?? ''
    await house.client.remove(COLLECTOR, house.namespace, 'majors', { uid })
    await vi.waitFor(async () => {
      expect(await house.list(DEPLOYMENT)).toEqual([])
      expect(await house.list(POD)).toEqual([])
      expect(await house.list(SERVICE)).toEqual([])
    }, WAIT)
  })
})

function imageOfTemplate(deployment: KubeObject): string | undefined {
  return imageOf(templateOf(deployment))
}
