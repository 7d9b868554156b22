// A HorizontalPodAutoscaler on a Collector, as the cluster's own controller runs it: through the scale subresource.
import { expect, test, vi } from 'vitest'
import { describeWithControlPlane } from '../../test/kubernetes/controlplane.ts'
import { FEED, type House, openHouse, SINK } from '../../test/kubernetes/house.ts'
import { startMetricsApi } from '../../test/kubernetes/metricsapi.ts'
import { DEPLOYMENT, type Kind } from '../kube/objects.ts'
import { COLLECTOR } from './kinds.ts'
import type { Condition } from './status.ts'

const SYMBOLS = ['BTC-USDT', 'ETH-USDT', 'SOL-USDT', 'XRP-USDT', 'ADA-USDT', 'DOGE-USDT']
const SPEC = { feeds: [{ ...FEED, symbols: SYMBOLS }], sink: SINK }
const HPA: Kind = {
  group: 'autoscaling',
  version: 'v2',
  plural: 'horizontalpodautoscalers',
  kind: 'HorizontalPodAutoscaler',
  namespaced: true,
}
/** The autoscaler looks every half minute which kinds there are. */
const WAIT = { timeout: 90_000, interval: 200 }

describeWithControlPlane('an autoscaler', { controllerManager: true }, (plane) => {
  vi.setConfig({ testTimeout: 240_000 })

  test('leaves a Collector whose shards are derived, and both say why; once they are set it works', async () => {
    await using house = await openHouse(plane())
    await house.apply('majors', SPEC)
    await house.settled('majors')
    await house.kubectl('autoscale', 'collector/majors', '--min=2', '--max=4', '--cpu=80%')
    await says(house, 'AbleToScale', { status: 'False', reason: 'FailedGetScale' })
    await house.says('majors', 'Scalable', { status: 'False', reason: 'ShardsDerived' })
    expect((await house.condition('majors', 'Scalable'))?.message).toContain('kubectl scale sets it')
    expect(await shardsOf(house)).toBeUndefined()

    await house.kubectl('scale', 'collector/majors', '--replicas=1')
    await house.says('majors', 'Scalable', { status: 'True', reason: 'ShardsSet' })
    // To its least, for which it needs to know nothing of any pod.
    await vi.waitFor(async () => expect(await shardsOf(house)).toBe(2), WAIT)
    await says(house, 'AbleToScale', { status: 'True' })
    await house.settled('majors')
    expect(await house.list(DEPLOYMENT)).toHaveLength(2)
    expect((await house.get(HPA, 'majors'))?.['status']).toMatchObject({ desiredReplicas: 2 })
  })

  test('follows a metric up and down', async () => {
    await using house = await openHouse(plane())
    await using metrics = await startMetricsApi(plane(), house.namespace)
    metrics.value = 20
    await house.apply('majors', { ...SPEC, shards: 2 })
    await house.settled('majors')
    await house.client.create(HPA, {
      apiVersion: 'autoscaling/v2',
      kind: HPA.kind,
      metadata: { name: 'majors', namespace: house.namespace },
      spec: {
        scaleTargetRef: { apiVersion: 'marketprism.io/v1alpha1', kind: 'Collector', name: 'majors' },
        ...{ minReplicas: 1, maxReplicas: 5 },
        behavior: { scaleDown: { stabilizationWindowSeconds: 0 } },
        metrics: [
          {
            type: 'External',
            external: { metric: { name: 'messages' }, target: { type: 'AverageValue', averageValue: '10' } },
          },
        ],
      },
    })
    await says(house, 'ScalingActive', { status: 'True', reason: 'ValidMetricFound' })
    expect(await shardsOf(house)).toBe(2)
    for (const [value, shards] of [
      [40, 4],
      [10, 1],
    ] as const) {
      metrics.value = value
      await vi.waitFor(async () => expect(await shardsOf(house)).toBe(shards), WAIT)
      await vi.waitFor(async () => expect(await house.list(DEPLOYMENT)).toHaveLength(shards), WAIT)
      await house.settled('majors')
    }
  })
})

async function shardsOf(house: House): Promise<unknown> {
  return ((await house.get(COLLECTOR, 'majors'))?.['spec'] as { shards?: number } | undefined)?.shards
}

/** Resolves when a condition of the autoscaler is like this. */
async function says(house: House, type: string, like: object): Promise<void> {
  await vi.waitFor(async () => {
    const { conditions = [] } = ((await house.get(HPA, 'majors'))?.['status'] ?? {}) as {
      conditions?: readonly Condition[]
    }
    expect(conditions.find((one) => one.type === type)).toMatchObject(like)
  }, WAIT)
}
