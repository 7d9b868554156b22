// Who reads what is installed, looked at in a real control plane.
import { expect, test, vi } from 'vitest'
import { describeWithControlPlane } from '../../test/kubernetes/controlplane.ts'
import { openHouse, SPEC, WAIT } from '../../test/kubernetes/house.ts'
import { serveKind } from '../../test/kubernetes/kinds.ts'
import { POD_MONITOR, PROMETHEUS, PROMETHEUS_RULE } from '../kube/objects.ts'
import { readersIn, watchReaders } from './readers.ts'

describeWithControlPlane('readers', { controllerManager: true, audit: true }, (plane) => {
  vi.setConfig({ testTimeout: 120_000 })

  test('C002: a Collector says that no Prometheus selects its rules, and another that carries the label is well', async () => {
    for (const kind of [POD_MONITOR, PROMETHEUS_RULE, PROMETHEUS]) await serveKind(plane(), kind)
    const monitoring = await plane().createNamespace('monitoring')
    const selector = { matchLabels: { release: 'kps' } }
    const { status } = await plane().request(
      'POST',
      `/apis/monitoring.coreos.com/v1/namespaces/${monitoring}/prometheuses`,
      {
        apiVersion: 'monitoring.coreos.com/v1',
        kind: 'Prometheus',
        metadata: { name: 'k8s' },
        spec: {
          ...{ ruleSelector: selector, ruleNamespaceSelector: {} },
          ...{ podMonitorSelector: selector, podMonitorNamespaceSelector: {} },
        },
      },
    )
    expect(status).toBe(201)
    await plane().request('POST', `/api/v1/namespaces/${monitoring}/pods`, grafana())
    await using house = await openHouse(plane(), { more: { looksAround: true } })
    await house.apply('majors', SPEC)
    await house.apply('majors-b', { ...SPEC, monitoring: { alerts: { labels: { release: 'kps' } } } })
    await house.says('majors', 'MonitoringInstalled', { status: 'False', reason: 'NotSelected' })
    const message = (await house.condition('majors', 'MonitoringInstalled'))?.message
    expect(message).toContain(
      `${monitoring}/k8s wants the label release=kps; write it into spec.monitoring.alerts.labels`,
    )
    await house.says('majors-b', 'MonitoringInstalled', {
      status: 'True',
      message: expect.stringMatching(/^The objects are created\. Not verified: /),
    })
    for (const kind of [POD_MONITOR, PROMETHEUS_RULE]) {
      expect((await house.get(kind, 'majors-b'))?.metadata.labels).toMatchObject({ release: 'kps' })
    }
  })

  test('a sidecar is known by what its container is told; data sources are no dashboards', async () => {
    const namespace = await plane().createNamespace('grafana')
    await plane().request('POST', `/api/v1/namespaces/${namespace}/pods`, grafana())
    await using house = await openHouse(plane())
    const { sidecars = [] } = await readersIn(house.client, false)
    expect(sidecars.filter((one) => one.namespace === namespace)).toEqual([
      { namespace, pod: 'grafana-0', label: 'grafana_dashboard', value: '1', namespaces: undefined },
    ])
  })
})

test('who may not look beyond its namespaces asks nobody; who is refused knows nothing', async () => {
  const list = vi.fn<() => Promise<never>>(() => Promise.reject(new Error('403')))
  const options = { client: { list }, hasPrometheusOperator: () => true, onChange: () => {} }
  const nobody = { prometheuses: undefined, namespaces: new Map(), sidecars: undefined }
  const narrow = watchReaders({ ...options, isClusterWide: false })
  await narrow.start()
  expect(list).not.toHaveBeenCalled()
  const wide = watchReaders({ ...options, isClusterWide: true })
  await wide.start()
  expect([narrow.current, wide.current]).toEqual([nobody, nobody])
  wide.close()
})

test('a change is told, and no look that finds the same', async () => {
  let items: object[] = []
  const onChange = vi.fn<() => void>()
  const client = { list: () => Promise.resolve({ items, resourceVersion: '1' }) } as never
  const watch = watchReaders({ client, isClusterWide: true, hasPrometheusOperator: () => false, onChange, everyMs: 5 })
  await watch.start()
  expect(watch.current.sidecars).toEqual([])
  items = [{ ...grafana(), metadata: { namespace: 'monitoring', name: 'grafana-0' } }]
  await vi.waitFor(() => expect(onChange).toHaveBeenCalledTimes(1), WAIT)
  expect(watch.current.sidecars).toHaveLength(1)
  watch.close()
})

/** A pod of Grafana's chart, in short. */
function grafana(): object {
  const sidecar = (name: string, label: string) => ({
    name,
    image: 'kiwigrid/k8s-sidecar:1',
    env: Object.entries({ LABEL: label, LABEL_VALUE: '1', FOLDER: `provisioned-${name}`, NAMESPACE: 'ALL' }).map(
      ([key, value]) => ({ name: key, value }),
    ),
  })
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'grafana-0', labels: { 'app.kubernetes.io/name': 'grafana' } },
    spec: {
      containers: [
        { name: 'grafana', image: 'grafana/grafana:13' },
        sidecar('dashboards', 'grafana_dashboard'),
        sidecar('datasources', 'grafana_datasource'),
      ],
    },
  }
}
