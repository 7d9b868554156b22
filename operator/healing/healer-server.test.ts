// The eviction of a pod at a real API server: of the pod that was meant, and not against its disruption budget.
import { expect, onTestFinished, test } from 'vitest'
import { openClient } from '../kube/client.ts'
import { DISRUPTION_BUDGET, type KubeObject, pathOf, POD } from '../kube/objects.ts'
import { act, type Effects } from './act.ts'
import type { Decision } from './decide.ts'
import { describeWithControlPlane } from '../../test/kubernetes/controlplane.ts'

describeWithControlPlane('an eviction', {}, (plane) => {
  async function effects() {
    const client = await openClient({
      config: plane().config(),
      userAgent: 'healing-test',
      fieldManager: 'healing-test',
    })
    onTestFinished(() => client.close())
    const said: string[] = []
    const all: Effects = {
      client,
      recorder: { say: (_about, { action }) => void said.push(action) },
      metrics: { acted: () => {}, held: () => {} },
      log: { info: () => {}, warn: () => {} },
      identity: 'test',
    }
    return { client, all, said }
  }

  async function podIn(namespace: string): Promise<KubeObject> {
    const account = { metadata: { name: 'default' } }
    await plane().request('POST', `/api/v1/namespaces/${namespace}/serviceaccounts`, account)
    const { status, body } = await plane().request<KubeObject>('POST', pathOf(POD, namespace), {
      metadata: { name: 'majors-0-a-x', labels: { app: 'x' } },
      spec: { containers: [{ name: 'collector', image: 'x' }], automountServiceAccountToken: false },
    })
    expect(status).toBe(201)
    const path = `${pathOf(POD, namespace, 'majors-0-a-x')}/status`
    await plane().request('PUT', path, { ...body, status: { phase: 'Running' } })
    return body
  }

  const decisionOn = ({ metadata }: KubeObject, uid = metadata.uid ?? ''): Decision => ({
    shard: 'majors-0',
    publisher: 'a',
    pod: metadata.name,
    uid,
    node: undefined,
    action: 'replace',
    reason: 'CrashLoop',
    message: 'Pod majors-0-a-x crashes; it is replaced.',
    standing: 'majors-0: CrashLoop.',
    held: undefined,
  })
  const collectorIn = (namespace: string): KubeObject => ({
    apiVersion: 'marketprism.io/v1alpha1',
    kind: 'Collector',
    metadata: { name: 'majors', namespace },
  })

  test('takes the pod that was meant', async () => {
    const [{ client, all, said }, namespace] = [await effects(), await plane().createNamespace()]
    const pod = await podIn(namespace)
    expect(await act(collectorIn(namespace), decisionOn(pod), all)).toBe('done')
    expect(await client.get(POD, namespace, pod.metadata.name)).toBeUndefined()
    expect(said).toEqual(['Replace'])
  })

  test('leaves its successor of the same name alone', async () => {
    const [{ client, all, said }, namespace] = [await effects(), await plane().createNamespace()]
    const pod = await podIn(namespace)
    expect(await act(collectorIn(namespace), decisionOn(pod, 'e7a1f0aa-0000-4000-8000-000000000000'), all)).toBe('gone')
    expect((await client.get(POD, namespace, pod.metadata.name))?.metadata.uid).toBe(pod.metadata.uid)
    expect(said).toEqual([])
  })

  test('leaves it to the disruption budget', async () => {
    const [{ client, all, said }, namespace] = [await effects(), await plane().createNamespace()]
    const pod = await podIn(namespace)
    const budget = {
      metadata: { name: 'majors' },
      spec: { maxUnavailable: 0, selector: { matchLabels: { app: 'x' } } },
    }
    await plane().request('POST', pathOf(DISRUPTION_BUDGET, namespace), budget)
    expect(await act(collectorIn(namespace), decisionOn(pod), all)).toBe('refused')
    expect((await client.get(POD, namespace, pod.metadata.name))?.metadata.deletionTimestamp).toBeUndefined()
    expect(said).toEqual([])
  })
})
