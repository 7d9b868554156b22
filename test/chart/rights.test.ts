// The operator as the chart starts it, with the rights that the chart gives it and no others.
import { spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { get } from 'node:https'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { describeWithControlPlane } from '../kubernetes/controlplane.ts'
import type { ControlPlane } from '../kubernetes/controlplane.ts'
import { kubeconfigText } from '../kubernetes/flags.ts'
import { freePorts } from '../kubernetes/processes.ts'
import { CHART, lacking, one, pathOf, render, run } from './helm.ts'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 60_000 })

const helm = await pathOf('helm')
const MONITORING = '/apis/monitoring.coreos.com/v1'
const root = resolve(CHART, '../..')

interface Collector {
  readonly status?: { readonly conditions?: readonly { readonly type: string; readonly reason: string }[] }
}

describeWithControlPlane('the chart gives the operator what it needs', { audit: true }, (plane) => {
  beforeEach(({ skip }) => skip(lacking(helm) !== undefined, lacking(helm)))

  test.for(['all namespaces', 'a list of namespaces'])('in %s', async (scope) => {
    const [watched, other] = [await plane().createNamespace('watched'), await plane().createNamespace('other')]
    const values = scope === 'all namespaces' ? [] : ['--set', `watchNamespaces={${watched}}`]
    await installMonitoringApi(plane())
    const operator = await install(plane(), values)
    await expect.poll(() => operator.ready(), { timeout: 30_000 }).toBe(200)
    await apply(plane(), watched)
    await apply(plane(), other)
    for (const [path, count] of MADE) {
      await expect.poll(() => made(plane(), path, watched), { timeout: 30_000, message: path }).toBe(count)
      if (scope === 'all namespaces') await expect.poll(() => made(plane(), path, other)).toBe(count)
      else expect(await made(plane(), path, other)).toBe(0)
    }
    const conditions = async () => (await collector(plane(), watched)).status?.conditions?.map(({ type }) => type) ?? []
    await expect.poll(conditions, { timeout: 10_000 }).toEqual(expect.arrayContaining(['Ready', 'MonitoringInstalled']))
    expect(refused(plane(), operator.user)).toEqual([])

    const [forbidden] = await operator.metrics(await plane().createToken({ namespace: other, name: 'nobody' }))
    expect(forbidden).toBe(403)
    const [code, text] = await operator.metrics(await plane().createToken({ namespace: watched, name: 'prometheus' }))
    expect(code).toBe(200)
    expect(text).toContain(`marketprism_operator_collector_ready{namespace="${watched}",collector="majors"} 0`)
    expect(text).toContain('marketprism_operator_leader 1')
  })
})

/** Objects that the two Collectors of {@link apply} lead to. */
const MADE: readonly (readonly [path: string, count: number])[] = [
  ['/apis/apps/v1/{}/deployments', 3],
  // A shard of each, and an overview; the other dashboards once.
  ['/api/v1/{}/configmaps', 8],
  ['/api/v1/{}/persistentvolumeclaims', 1],
  ['/api/v1/{}/services', 2],
  ['/apis/networking.k8s.io/v1/{}/networkpolicies', 2],
  ['/apis/policy/v1/{}/poddisruptionbudgets', 1],
  [`${MONITORING}/{}/podmonitors`, 2],
  [`${MONITORING}/{}/prometheusrules`, 2],
]

async function made(plane: ControlPlane, path: string, namespace: string): Promise<number> {
  const query = '?labelSelector=app.kubernetes.io/managed-by%3Dmarketprism-operator'
  const { body } = await plane.request<{ items: unknown[] }>(
    'GET',
    path.replace('{}', `namespaces/${namespace}`) + query,
  )
  return body.items.length
}

/** The kinds of the Prometheus Operator that we use, with whatever fields: it is rights that are looked at here. */
async function installMonitoringApi(plane: ControlPlane): Promise<void> {
  for (const [plural, kind] of [
    ['podmonitors', 'PodMonitor'],
    ['prometheusrules', 'PrometheusRule'],
  ] as const) {
    const name = `${plural}.monitoring.coreos.com`
    const schema = { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } }
    const crd = {
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name },
      spec: {
        group: 'monitoring.coreos.com',
        scope: 'Namespaced',
        names: { plural, kind, singular: kind.toLowerCase(), listKind: `${kind}List` },
        versions: [{ name: 'v1', served: true, storage: true, schema }],
      },
    }
    const path = `/apis/apiextensions.k8s.io/v1/customresourcedefinitions/${name}?fieldManager=test`
    await plane.request('PATCH', path, JSON.stringify(crd))
    const served = async () => (await plane.request('GET', `${MONITORING}/${plural}`)).status
    await expect.poll(served, { timeout: 30_000 }).toBe(200)
  }
}

interface Operator {
  /** As the API server knows it. */
  readonly user: string
  /** Status of /readyz; 0 while nobody answers. */
  ready(): Promise<number>
  metrics(token: string): Promise<[code: number | undefined, text: string]>
}

/** Installs the chart, and starts what its Deployment would, as its ServiceAccount. */
async function install(plane: ControlPlane, values: readonly string[]): Promise<Operator> {
  const namespace = await plane.createNamespace('operator')
  const watched = values.length === 0 ? await newest(plane, 'watched') : (values[1]?.replace(/.*\{|\}/g, '') ?? '')
  const reader = ['--set', `metrics.readers[0].namespace=${watched},metrics.readers[0].name=prometheus`]
  const args = [...values, ...reader, '--namespace', namespace, '--set', `fullnameOverride=${namespace}`]
  const kubectl = { KUBECONFIG: plane.kubeconfig }
  const installed = await run(helm, ['install', namespace, CHART, ...args], kubectl)
  if (installed.code !== 0) throw new Error(installed.said)
  onTestFinished(async () => void (await run(helm, ['uninstall', namespace, '--namespace', namespace], kubectl)))

  const account = { namespace, name: `${namespace}-operator` }
  const folder = mkdtempSync(join(tmpdir(), 'operator-'))
  const kubeconfig = join(folder, 'kubeconfig')
  writeFileSync(kubeconfig, kubeconfigText({ url: plane.url, ca: plane.ca, token: await plane.createToken(account) }))
  const [health = 0, metrics = 0] = await freePorts(2)
  const { template } = one(await render(helm, ...args), 'Deployment')['spec'] as {
    template: { spec: { containers: [{ args: string[] }] } }
  }
  const told = template.spec.containers[0].args
    .filter((arg) => !/^--(?:health|metrics)-port/.test(arg))
    .concat(`--health-port=${health}`, `--metrics-port=${metrics}`)
  const env = { ...process.env, KUBECONFIG: kubeconfig, POD_NAME: 'operator-0', POD_NAMESPACE: namespace }
  const child = spawn(process.execPath, [join(root, 'operator/main.ts'), ...told], { env, stdio: 'pipe' })
  let log = ''
  child.stderr.on('data', (text: Buffer) => (log += text.toString()))
  onTestFinished(async ({ task }) => {
    if (child.exitCode === null) {
      child.kill('SIGKILL')
      await new Promise((done) => child.once('exit', done))
    }
    if (task.result?.state === 'fail') console.error(log.slice(-8_000))
    rmSync(folder, { recursive: true })
  })
  return {
    user: `system:serviceaccount:${account.namespace}:${account.name}`,
    ready: () =>
      fetch(`http://127.0.0.1:${health}/readyz`).then(
        ({ status }) => status,
        () => 0,
      ),
    metrics: (token) => ask(metrics, token),
  }
}

/** The namespace that was made last with this prefix. */
async function newest(plane: ControlPlane, prefix: string): Promise<string> {
  const { body } = await plane.request<{ items: { metadata: { name: string } }[] }>('GET', '/api/v1/namespaces')
  const names = body.items.map(({ metadata }) => metadata.name).filter((name) => name.startsWith(`${prefix}-`))
  return names.toSorted((a, b) => Number(a.split('-').at(-1)) - Number(b.split('-').at(-1))).at(-1) ?? ''
}

/** Two Collectors that together bring up each kind of object. */
async function apply(plane: ControlPlane, namespace: string): Promise<void> {
  const feeds = [{ exchange: 'binance', market: 'spot', symbols: ['BTC-USDT'], types: ['trade'] }]
  const stream = { name: 'MARKET_DATA', manage: 'collector' }
  const specs = {
    majors: { feeds, redundancy: 2, sink: { nats: { servers: ['nats://nats:4222'], stream } } },
    files: { feeds, sink: { file: { path: 'data', volume: { size: '1Gi' } } } },
  }
  for (const [name, spec] of Object.entries(specs)) {
    const path = `/apis/marketprism.io/v1alpha1/namespaces/${namespace}/collectors/${name}?fieldManager=test`
    const body = { apiVersion: 'marketprism.io/v1alpha1', kind: 'Collector', metadata: { name }, spec }
    const answer = await plane.request('PATCH', path, JSON.stringify(body))
    if (answer.status > 201) throw new Error(JSON.stringify(answer.body))
  }
}

async function collector(plane: ControlPlane, namespace: string): Promise<Collector> {
  const path = `/apis/marketprism.io/v1alpha1/namespaces/${namespace}/collectors/majors`
  return (await plane.request<Collector>('GET', path)).body
}

/** What the API server forbade to a user: verb and path of each request. */
function refused(plane: ControlPlane, user: string): string[] {
  interface Line {
    readonly user: { readonly username: string }
    readonly verb: string
    readonly requestURI: string
    readonly responseStatus?: { readonly code: number }
  }
  const lines = readFileSync(plane.auditLog ?? '', 'utf8')
    .split('\n')
    .filter((line) => line !== '')
  return lines
    .map((line) => JSON.parse(line) as Line)
    .filter(({ user: { username }, responseStatus }) => username === user && responseStatus?.code === 403)
    .map(({ verb, requestURI }) => `${verb} ${requestURI}`)
}

function ask(port: number, token: string): Promise<[code: number | undefined, text: string]> {
  const headers = { authorization: `Bearer ${token}` }
  return new Promise((done, fail) => {
    get({ host: '127.0.0.1', port, path: '/metrics', headers, rejectUnauthorized: false, agent: false }, (response) => {
      let text = ''
      response.setEncoding('utf8').on('data', (part: string) => (text += part))
      response.on('end', () => done([response.statusCode, text]))
    }).on('error', fail)
  })
}
