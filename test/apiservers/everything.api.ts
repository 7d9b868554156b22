// What an API server of any version that we promise has to take, and to refuse: the API, the chart, the plain manifest,
// Collectors, wrong ones, and what the operator writes.
//
// Always: fields that the server does not know are refused, not dropped. Which server it is, KUBEBUILDER_ASSETS says: see
// hack/apiservers.ts.
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { beforeAll, expect, test, vi } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { checkCollector } from '../../crds/faults.ts'
import { renderManifest } from '../../hack/manifests.ts'
import { COLLECTOR } from '../../operator/collectors/kinds.ts'
import { DEPLOYMENT, type KubeObject, SERVICE } from '../../operator/kube/objects.ts'
import { pathOf, type Rendered, render, run } from '../chart/helm.ts'
import { describeWithControlPlane } from '../kubernetes/controlplane.ts'
import { openHouse, SPEC, WAIT } from '../kubernetes/house.ts'
import { installMonitoring } from '../kubernetes/monitoring.ts'
import { BROKEN, SHORTEST } from '../support/manifests.ts'

const root = resolve(import.meta.dirname, '../..')
const EXAMPLES = readdirSync(join(root, 'examples')).filter((name) => name.endsWith('.yaml'))
const OPS = 'ops'
const EVERYTHING = [
  ...['--api-versions', 'monitoring.coreos.com/v1', '--api-versions', 'monitoring.coreos.com/v1/ServiceMonitor'],
  ...['--api-versions', 'monitoring.coreos.com/v1/PrometheusRule', '--set', 'watchNamespaces={default,kube-system}'],
  ...['--set', 'metrics.readers[0].namespace=monitoring,metrics.readers[0].name=prometheus'],
  ...['--set', 'metrics.certificateSecret=tls', '--set', 'rbac.secretNames={nats,tls}'],
]

const programs = { helm: await pathOf('helm'), kubectl: await pathOf('kubectl') }

describeWithControlPlane('an API server', {}, (plane) => {
  const apply = async (objects: readonly object[], ...args: string[]): Promise<{ code: number; said: string }> => {
    const file = join(plane().folder, 'objects.json')
    writeFileSync(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }))
    const flags = ['apply', '--server-side', '--force-conflicts', '--validate=strict', '-f', file, ...args]
    return run(programs.kubectl, flags, { KUBECONFIG: plane().kubeconfig })
  }
  const taken = async (objects: readonly object[], ...args: string[]): Promise<void> => {
    const { code, said } = await apply(objects, ...args)
    expect(said).not.toMatch(/Warning/)
    expect({ code, lines: said.trim().split('\n').length }, said).toEqual({ code: 0, lines: objects.length })
  }
  const chart = async (...args: string[]): Promise<Rendered[]> => {
    const { body } = await plane().request<{ gitVersion: string }>('GET', '/version')
    return render(programs.helm, '--kube-version', body.gitVersion, ...args)
  }

  beforeAll(async () => {
    await plane().installCrds()
    await installMonitoring(plane(), 'podmonitors', 'prometheusrules', 'servicemonitors')
    await plane().request('POST', '/api/v1/namespaces', { metadata: { name: OPS } })
  })

  test('serves the API, and has nothing to say against its schema', async () => {
    const path = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/collectors.marketprism.io'
    const { body } = await plane().request<{ status: { conditions: { type: string; status: string }[] } }>('GET', path)
    const holds = body.status.conditions.filter(({ status }) => status === 'True').map(({ type }) => type)
    expect(holds.toSorted()).toEqual(['Established', 'NamesAccepted'])
  })

  test('takes every object of the chart, as it stands and with everything on', async () => {
    for (const args of [[], EVERYTHING]) {
      const objects = await chart(...args)
      expect(objects.length).toBeGreaterThan(10)
      // Those of the namespaces that are watched say where they belong.
      const [placed = [], others = []] = [true, false].map((is) =>
        objects.filter(({ metadata }) => (metadata.namespace !== undefined) === is),
      )
      if (placed.length > 0) await taken(placed)
      await taken(others, '--namespace', OPS)
    }
  })

  test('takes the plain manifest', async () => {
    const objects = parseAllDocuments(await renderManifest(root)).map((document) => document.toJS() as object | null)
    await taken(objects.filter((one) => one !== null))
  })

  test.each([...EXAMPLES, 'the shortest manifest'])('accepts %s', async (name) => {
    const text = EXAMPLES.includes(name) ? readFileSync(join(root, 'examples', name), 'utf8') : JSON.stringify(SHORTEST)
    const objects = parseAllDocuments(text).map((document) => document.toJS() as object)
    await taken(objects, '--namespace', 'default')
  })

  test('refuses each wrong Collector with the sentence that says what to write', async () => {
    for (const [what, manifest] of BROKEN) {
      const path = '/apis/marketprism.io/v1alpha1/namespaces/default/collectors?dryRun=All&fieldValidation=Strict'
      const { status, body } = await plane().request<{ message: string }>('POST', path, manifest)
      // Suggestions are beyond the API server's expressions.
      const says = checkCollector(manifest).faults[0]?.says.replace(/ Did you mean .*$/, '') ?? 'no fault'
      expect({ what, status }).toEqual({ what, status: 422 })
      expect(body.message, what).toContain(says)
    }
  })

  test('serves the scale of a Collector', async () => {
    const at = '/apis/marketprism.io/v1alpha1/namespaces/default/collectors'
    await plane().request('POST', at, { ...SHORTEST, metadata: { name: 'scaled' } })
    const scale = `${at}/scaled/scale`
    const body = { apiVersion: 'autoscaling/v1', kind: 'Scale', metadata: { name: 'scaled', namespace: 'default' } }
    const put = await plane().request('PUT', scale, { ...body, spec: { replicas: 3 } })
    expect(put).toMatchObject({ status: 200, body: { spec: { replicas: 3 } } })
    expect(await plane().request('GET', `${at}/scaled`)).toMatchObject({ body: { spec: { shards: 3 } } })
  })

  test("takes what the operator writes, and tells it of a name that is somebody else's", async () => {
    await using house = await openHouse(plane())
    const theirs = { apiVersion: 'v1', kind: 'Service', metadata: { name: 'theirs', namespace: house.namespace } }
    await house.client.create(SERVICE, { ...theirs, spec: { ports: [{ port: 80 }] } })
    await house.apply('majors', { ...SPEC, redundancy: 2 })
    await house.apply('theirs', SPEC)
    await vi.waitFor(async () => expect(await house.list(DEPLOYMENT)).toHaveLength(3), WAIT)
    await house.says('theirs', 'Degraded', { status: 'True', reason: 'NameTaken' })
    const service = await house.get(SERVICE, 'theirs')
    expect(service?.metadata.ownerReferences).toBeUndefined()
    await house.says('majors', 'Degraded', { status: 'False' })
    await house.quiet()
    const before = await house.versions()
    await house.restart()
    await vi.waitFor(() => expect(house.passes()).toBeGreaterThanOrEqual(2), WAIT)
    await house.quiet()
    expect(await house.versions()).toEqual(before)
    const kept = await house.client.get<KubeObject>(COLLECTOR, house.namespace, 'majors')
    expect(kept?.['status']).toMatchObject({ observedGeneration: 1 })
  })
})
