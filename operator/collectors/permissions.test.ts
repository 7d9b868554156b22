// What the operator may and may not do, what a Collector may ask of it, and what the cluster lacks.
import { expect, test, vi } from 'vitest'
import { type ControlPlane, describeWithControlPlane } from '../../test/kubernetes/controlplane.ts'
import { FEED, hurriedClock, openHouse, SINK, SPEC, WAIT } from '../../test/kubernetes/house.ts'
import { installMonitoring, uninstallMonitoring } from '../../test/kubernetes/monitoring.ts'
import { DEPLOYMENT, POD, POD_MONITOR, PROMETHEUS_RULE, SECRET, SERVICE_ACCOUNT } from '../kube/objects.ts'

/** Within seconds for a person; on a busy machine twice that is allowed. */
const SOON = { timeout: 10_000, interval: 50 }
const READ = ['get', 'list', 'watch']
const WRITE = ['create', 'delete', 'patch', ...READ]

interface Rule {
  readonly apiGroups: readonly string[]
  readonly resources: readonly string[]
  readonly verbs: readonly string[]
}
const rule = (group: string, resources: string, verbs: readonly string[]): Rule => ({
  apiGroups: [group],
  resources: resources.split(' '),
  verbs,
})
/** As the chart grants them in a namespace; test/chart holds the chart against the operator. */
const RULES = [
  rule('marketprism.io', 'collectors', READ),
  rule('marketprism.io', 'collectors/status', ['get', 'patch']),
  rule('marketprism.io', 'collectors/finalizers', ['update']),
  rule('apps', 'deployments', WRITE),
  rule('', 'configmaps persistentvolumeclaims serviceaccounts services', WRITE),
  rule('networking.k8s.io', 'networkpolicies', WRITE),
  rule('policy', 'poddisruptionbudgets', WRITE),
  rule('', 'pods', READ),
  rule('', 'pods/eviction', ['create']),
  rule('events.k8s.io', 'events', ['create', 'patch']),
]
const SECRETS = rule('', 'secrets', ['get'])
const MONITORING = rule('monitoring.coreos.com', 'alertmanagerconfigs podmonitors prometheusrules', WRITE)
const DASHBOARDS = rule('grafana.integreatly.org', 'grafanadashboards', WRITE)

const WITH_SECRET = { ...SPEC, sink: { nats: { ...SINK.nats, credentialsSecret: { name: 'nats' } } } }

describeWithControlPlane('a Collector', { controllerManager: true, audit: true }, (plane) => {
  vi.setConfig({ testTimeout: 150_000 })

  test('whose Secret is missing says so, runs all the same, and is well once it is there', async () => {
    await using house = await openHouse(plane())
    await house.apply('majors', WITH_SECRET)
    await house.says('majors', 'Degraded', { status: 'True', reason: 'SecretMissing' }, SOON)
    const message = (await house.condition('majors', 'Degraded'))?.message
    expect(message).toBe(
      `Secret nats, named by spec.sink.nats.credentialsSecret, is not there; create it in namespace ${house.namespace}.`,
    )
    await house.settled('majors')
    const before = await facts()
    const metadata = { name: 'nats', namespace: house.namespace }
    await house.client.create(SECRET, { apiVersion: 'v1', kind: 'Secret', metadata, stringData: { token: 'one' } })
    await house.says('majors', 'Degraded', { status: 'False', reason: 'AsExpected' }, SOON)
    await house.patch(SECRET, 'nats', { stringData: { token: 'another' } })
    await house.kubectl('label', 'collector', 'majors', 'look=again')
    await house.quiet()
    expect(await facts()).toEqual(before)

    async function facts() {
      const [deployments, pods] = [await house.deployments(), await house.list(POD)]
      return [...deployments.map((one) => one.metadata.generation), ...pods.map((one) => one.metadata.uid)]
    }
  })

  test('whose Secret may not be read is neither well nor ill for that', async () => {
    const namespace = await plane().createNamespace()
    const config = await operatorIn(plane(), [namespace], [...RULES, SECRETS])
    await using house = await openHouse(plane(), { namespace, config })
    await house.apply('majors', WITH_SECRET)
    await house.says('majors', 'Degraded', { status: 'True', reason: 'SecretMissing' }, SOON)
    await grant(plane(), namespace, RULES)
    // It may be there by now, and nobody can tell: what was known stands, and no more is made of it.
    const metadata = { name: 'nats', namespace }
    await house.client.create(SECRET, { apiVersion: 'v1', kind: 'Secret', metadata })
    await vi.waitFor(() => {
      const refused = house.requests().filter(({ uri, code }) => uri.includes('/secrets/') && code === 403)
      expect(refused.length).toBeGreaterThan(1)
    }, WAIT)
    await house.quiet()
    expect(await house.condition('majors', 'Degraded')).toMatchObject({ status: 'True', reason: 'SecretMissing' })
    await house.settled('majors')
    await house.restart()
    await house.says('majors', 'Degraded', { status: 'False', reason: 'AsExpected' })
    expect((await house.deployments()).map(({ metadata: { generation } }) => generation)).toEqual([1])
  })

  test('is run in two namespaces by an operator that has Roles there only, and others are not asked for', async () => {
    const [one, two, other] = [
      await plane().createNamespace(),
      await plane().createNamespace(),
      await plane().createNamespace(),
    ]
    const config = await operatorIn(plane(), [one, two], [...RULES, SECRETS, MONITORING, DASHBOARDS])
    await using house = await openHouse(plane(), { namespace: one, config, namespaces: [one, two] })
    const manifest = { apiVersion: 'marketprism.io/v1alpha1', kind: 'Collector', spec: SPEC }
    for (const namespace of [two, other]) {
      const path = `/apis/marketprism.io/v1alpha1/namespaces/${namespace}/collectors`
      await plane().request('POST', path, { ...manifest, metadata: { name: 'majors' } })
    }
    await house.apply('majors', SPEC)
    await house.settled('majors')
    await vi.waitFor(async () => expect(await house.client.get(DEPLOYMENT, two, 'majors-0-a')).toBeDefined(), WAIT)
    expect(await house.client.get(DEPLOYMENT, other, 'majors-0-a')).toBeUndefined()
    expect(house.requests().filter(({ code, uri }) => code === 403 || uri.includes(other))).toEqual([])
  })

  test('may not be sent to where credentials are had, nor run any image', async () => {
    await using house = await openHouse(plane())
    const websocket = 'wss://[::ffff:169.254.169.254]/ws'
    await house.apply('pry', { ...SPEC, feeds: [{ ...FEED, endpoints: { websocket } }] })
    await house.apply('mine', { ...SPEC, image: 'somebody/miner:1' })
    for (const name of ['pry', 'mine']) {
      await house.says(name, 'Degraded', { status: 'True', reason: 'Refused' })
      expect(await house.condition(name, 'Ready')).toMatchObject({ status: 'False' })
    }
    expect((await house.condition('pry', 'Degraded'))?.message).toContain("a cloud's metadata service")
    expect((await house.condition('mine', 'Degraded'))?.message).toContain('spec.image')
    await house.quiet()
    expect(await house.list(DEPLOYMENT)).toEqual([])
    await house.apply('mine', { ...SPEC, image: 'marketprism:2' })
    await house.settled('mine')
  })

  test('may use a ServiceAccount whose owner lets it, and no other', async () => {
    await using house = await openHouse(plane())
    await house.apply('majors', { ...SPEC, serviceAccount: 'cloud' })
    await house.says('majors', 'Degraded', { status: 'True', reason: 'Refused' })
    const metadata = { name: 'cloud', namespace: house.namespace }
    await house.client.create(SERVICE_ACCOUNT, { apiVersion: 'v1', kind: 'ServiceAccount', metadata })
    await vi.waitFor(async () => {
      expect((await house.condition('majors', 'Degraded'))?.message).toContain('is not open to Collectors; label it')
    }, WAIT)
    expect(await house.list(DEPLOYMENT)).toEqual([])
    await house.kubectl('label', 'serviceaccount', 'cloud', 'marketprism.io/collectors=allowed')
    await house.settled('majors')
    expect(JSON.stringify((await house.deployments())[0]?.['spec'])).toContain('"serviceAccountName":"cloud"')
  })

  test('C004: is watched as soon as the Prometheus Operator comes, and survives that it goes', async () => {
    await uninstallMonitoring(plane(), 'podmonitors', 'prometheusrules')
    // Ten times as fast: a kind that is missing is asked for each half minute.
    await using house = await openHouse(plane(), { more: { clocks: { caches: hurriedClock(10) } } })
    const beganMs = performance.now()
    await house.apply('majors', SPEC)
    await house.settled('majors')
    const missing = { status: 'False', reason: 'ApiMissing' }
    expect(await house.condition('majors', 'MonitoringInstalled')).toMatchObject(missing)
    const rules = house.operator.controller.watches.filter(({ kind }) => kind === 'PrometheusRule')
    const asked = rules.reduce((sum, { informer }) => sum + informer.status.lists, 0)
    expect(asked).toBeLessThanOrEqual(2 + (performance.now() - beganMs) / 2_000)

    await installMonitoring(plane(), 'podmonitors', 'prometheusrules')
    await house.says('majors', 'MonitoringInstalled', { status: 'True', reason: 'Created' })
    expect(await house.get(PROMETHEUS_RULE, 'majors')).toBeDefined()
    expect(await house.get(POD_MONITOR, 'majors')).toBeDefined()

    await uninstallMonitoring(plane(), 'prometheusrules')
    await house.says('majors', 'MonitoringInstalled', missing)
    expect(await house.condition('majors', 'Ready')).toMatchObject({ status: 'True' })
    expect(await house.get(POD_MONITOR, 'majors')).toBeDefined()

    await installMonitoring(plane(), 'prometheusrules')
    await house.says('majors', 'MonitoringInstalled', { status: 'True', reason: 'Created' })
    await vi.waitFor(async () => expect(await house.get(PROMETHEUS_RULE, 'majors')).toBeDefined(), WAIT)
    const bad = house.lines.filter(({ level }) => Number(level) >= 40)
    expect(bad).toEqual([])
    // At most one for each change of the condition, however many passes there were; what is no news may wait its turn.
    const said = (await house.events('majors')).filter(({ reason }) => reason === 'ApiMissing' || reason === 'Created')
    expect(said.map(({ reason }) => reason)).toContain('ApiMissing')
    for (const { series } of said) expect(series?.count ?? 1).toBeLessThanOrEqual(2)
    expect((await house.deployments()).map(({ metadata }) => metadata.generation)).toEqual([1])
    await uninstallMonitoring(plane(), 'podmonitors', 'prometheusrules')
  })

  test('keeps what watches it when the right to that is taken away, and says so', async () => {
    await installMonitoring(plane(), 'podmonitors', 'prometheusrules')
    const namespace = await plane().createNamespace()
    const config = await operatorIn(plane(), [namespace], [...RULES, SECRETS, MONITORING])
    // Twenty times as fast: a watch outlives the right to it until it ends, and what is forbidden is asked for each minute.
    const more = { clocks: { caches: hurriedClock(20) } }
    await using house = await openHouse(plane(), { namespace, config, more })
    await house.apply('majors', SPEC)
    await house.settled('majors')
    expect(await house.condition('majors', 'MonitoringInstalled')).toMatchObject({ status: 'True' })
    const { uid } = (await house.get(PROMETHEUS_RULE, 'majors'))?.metadata ?? {}
    expect(uid).toBeDefined()

    // May look, and not write.
    await grant(plane(), namespace, [...RULES, SECRETS, { ...MONITORING, verbs: READ }])
    await house.patch(PROMETHEUS_RULE, 'majors', { spec: { groups: [] } })
    await house.says('majors', 'MonitoringInstalled', { status: 'False', reason: 'ApplyFailed' })
    expect(await house.condition('majors', 'Ready')).toMatchObject({ status: 'True' })

    // May not even look.
    await grant(plane(), namespace, [...RULES, SECRETS])
    await house.says('majors', 'MonitoringInstalled', { status: 'False', reason: 'ApiMissing' })
    await house.settled('majors')
    await house.quiet()
    const { failedPasses, passes } = house.operator.controller.queue.status
    await house.kubectl('label', 'collector', 'majors', 'look=again')
    await vi.waitFor(() => expect(house.passes()).toBeGreaterThan(passes), WAIT)
    await house.quiet()
    expect((await house.get(PROMETHEUS_RULE, 'majors'))?.metadata.uid).toBe(uid)
    expect(house.operator.controller.queue.status.failedPasses).toBe(failedPasses)
    expect(await house.condition('majors', 'Degraded')).toMatchObject({ status: 'False' })

    await grant(plane(), namespace, [...RULES, SECRETS, MONITORING])
    await house.says('majors', 'MonitoringInstalled', { status: 'True', reason: 'Created' })
    const written = (await house.get(PROMETHEUS_RULE, 'majors'))?.['spec'] as { groups: unknown[] } | undefined
    expect(written?.groups.length).toBeGreaterThan(0)
    await uninstallMonitoring(plane(), 'podmonitors', 'prometheusrules')
  })
})

const ACCOUNT = { name: 'operator', namespace: 'default' } as const

/** A configuration of an operator that may do this in these namespaces, and nothing elsewhere. */
async function operatorIn(plane: ControlPlane, namespaces: readonly string[], rules: readonly Rule[]) {
  const account = { ...ACCOUNT, name: `operator-of-${namespaces[0]}` }
  for (const namespace of namespaces) {
    await grant(plane, namespace, rules)
    await plane.request('POST', `${RBAC}/namespaces/${namespace}/rolebindings`, {
      metadata: { name: ACCOUNT.name },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: ACCOUNT.name },
      subjects: [{ kind: 'ServiceAccount', ...account }],
    })
  }
  return plane.config(await plane.createToken(account))
}

/** What the operator may do in a namespace from now on. */
async function grant(plane: ControlPlane, namespace: string, rules: readonly Rule[]): Promise<void> {
  const role = { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata: { name: ACCOUNT.name }, rules }
  const path = `${RBAC}/namespaces/${namespace}/roles/${ACCOUNT.name}?fieldManager=test&force=true`
  const { status } = await plane.request('PATCH', path, JSON.stringify(role))
  expect(status).toBeLessThan(300)
}
const RBAC = '/apis/rbac.authorization.k8s.io/v1'
