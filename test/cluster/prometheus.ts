// The Prometheus Operator in the cluster, a Prometheus and an Alertmanager that it makes, and what they say.
//
// Always: the operator's own release, as its Go module has it; asked through the API server, so that nothing is forwarded.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { parse, parseAllDocuments } from 'yaml'
import { output, run } from '../../hack/commands.ts'
import { cluster, type KubeItem, until } from './world.ts'

const RELEASE = 'v0.85.0'
const MODULE = 'github.com/prometheus-operator/prometheus-operator'
const IMAGES = {
  prometheus: 'quay.io/prometheus/prometheus:v3.16.0',
  operator: `quay.io/prometheus-operator/prometheus-operator:${RELEASE}`,
  reloader: `quay.io/prometheus-operator/prometheus-config-reloader:${RELEASE}`,
} as const

export const MONITORING = 'monitoring'
/** The Prometheus reads what has this label, as the one of the usual Helm chart does. */
export const SELECTED = { release: 'kps' } as const
const NAME = 'k8s'
const ACCOUNT = { name: 'prometheus', namespace: MONITORING } as const

/** What is applied here belongs to the test alone. */
async function applyAll(items: readonly object[]): Promise<void> {
  const list = { apiVersion: 'v1', kind: 'List', items }
  await cluster.kubectl(['apply', '--server-side', '--force-conflicts', '-f', '-'], JSON.stringify(list))
}

/** Brings the images to the nodes, from the local engine or the registry. */
export async function loadPrometheus(): Promise<void> {
  for (const image of Object.values(IMAGES)) {
    if ((await output('docker', ['image', 'inspect', image])) !== undefined) continue
    await run('docker', ['pull', '--quiet', image], { name: `the image ${image}` })
  }
  await cluster.load(Object.values(IMAGES))
}

/** The kinds, and the operator that acts on them. */
export async function installPrometheusOperator(): Promise<void> {
  const namespace = { apiVersion: 'v1', kind: 'Namespace', metadata: { name: MONITORING } }
  const objects = (await bundle()).map((item) => JSON.parse(inMonitoring(JSON.stringify(item))) as object)
  await applyAll([namespace])
  // One by one: together they are more than a request may hold.
  for (const object of objects) await applyAll([object])
  await cluster.kubectl([
    ...['--namespace', MONITORING, 'rollout', 'status', 'deployment/prometheus-operator', '--timeout=120s'],
  ])
}

/** The objects of the release, from the module that it is published as. */
async function bundle(): Promise<KubeItem[]> {
  const told = await run('go', ['mod', 'download', '-json', `${MODULE}@${RELEASE}`], { name: `${MODULE} ${RELEASE}` })
  const { Dir: folder } = JSON.parse(told) as { readonly Dir: string }
  const text = readFileSync(join(folder, 'bundle.yaml'), 'utf8')
  return parseAllDocuments(text).flatMap((document) => (document.toJS() as KubeItem | null) ?? [])
}

function inMonitoring(text: string): string {
  return text.replaceAll('"namespace":"default"', `"namespace":"${MONITORING}"`)
}

/** A Prometheus that looks into every namespace, at its own pace where an object says no other. */
export async function installPrometheus(): Promise<void> {
  const rules = [
    { apiGroups: [''], resources: ['pods', 'services', 'endpoints', 'nodes'], verbs: ['get', 'list', 'watch'] },
    { apiGroups: ['discovery.k8s.io'], resources: ['endpointslices'], verbs: ['get', 'list', 'watch'] },
  ]
  const selected = { matchLabels: SELECTED }
  await applyAll([
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: ACCOUNT },
    { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'ClusterRole', metadata: { name: ACCOUNT.name }, rules },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: ACCOUNT.name },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: ACCOUNT.name },
      subjects: [{ kind: 'ServiceAccount', ...ACCOUNT }],
    },
    {
      apiVersion: 'monitoring.coreos.com/v1',
      kind: 'Prometheus',
      metadata: { name: NAME, namespace: MONITORING },
      spec: {
        image: IMAGES.prometheus,
        version: 'v3.16.0',
        replicas: 1,
        serviceAccountName: ACCOUNT.name,
        ...{ ruleSelector: selected, ruleNamespaceSelector: {} },
        ...{ podMonitorSelector: selected, podMonitorNamespaceSelector: {} },
        ...{ serviceMonitorSelector: selected, serviceMonitorNamespaceSelector: {} },
        resources: { requests: { cpu: '50m', memory: '128Mi' } },
      },
    },
  ])
}

/** Resolves when the Prometheus answers. */
export async function prometheusAnswers(): Promise<void> {
  await until('Prometheus answers', 150, async () => (await query('vector(1)')).length === 1)
}

export interface Series {
  readonly metric: Readonly<Record<string, string>>
  readonly value: readonly [number, string]
}

/** An instant query. */
export async function query(expr: string): Promise<readonly Series[]> {
  return (await asked<{ result: Series[] }>(`query?query=${encodeURIComponent(expr)}`)).result
}

export interface LoadedRule {
  readonly name: string
  readonly type: 'alerting' | 'recording'
  readonly health: string
  readonly lastError?: string
}

export interface LoadedGroup {
  readonly name: string
  readonly interval: number
  readonly evaluationTime: number
  readonly rules: readonly LoadedRule[]
}

/** Groups of rules that it has loaded, by the beginning of their names. */
export async function loadedGroups(prefix: string): Promise<readonly LoadedGroup[]> {
  const { groups } = await asked<{ groups: LoadedGroup[] }>('rules')
  return groups.filter(({ name }) => name.startsWith(prefix))
}

/** What it says of itself, by the beginning of the lines. */
export async function own(metric: string): Promise<readonly string[]> {
  const text = await cluster.kubectl(['get', '--raw', `${proxied()}/metrics`])
  return text.split('\n').filter((line) => line.startsWith(metric))
}

async function asked<T>(path: string): Promise<T> {
  const answer = JSON.parse(await cluster.kubectl(['get', '--raw', `${proxied()}/api/v1/${path}`])) as {
    readonly status: string
    readonly data: T
  }
  if (answer.status !== 'success') throw new Error(JSON.stringify(answer))
  return answer.data
}

function proxied(): string {
  return `/api/v1/namespaces/${MONITORING}/services/prometheus-operated:9090/proxy`
}

/** An Alertmanager that takes every AlertmanagerConfig; its pods need not run. */
export async function wantAlertmanager(): Promise<void> {
  await applyAll([
    {
      apiVersion: 'monitoring.coreos.com/v1',
      kind: 'Alertmanager',
      metadata: { name: NAME, namespace: MONITORING },
      spec: {
        replicas: 0,
        version: 'v0.25.0',
        alertmanagerConfigSelector: { matchLabels: SELECTED },
        alertmanagerConfigNamespaceSelector: {},
      },
    },
  ])
}

/** What the Prometheus Operator has made of it: the whole configuration of Alertmanager; undefined before. */
export async function generatedRouting(): Promise<object | undefined> {
  const name = `alertmanager-${NAME}-generated`
  const text = await cluster.kubectl([
    ...['--namespace', MONITORING, 'get', 'secret', name, '--ignore-not-found', '-o', 'json'],
  ])
  if (text.trim() === '') return undefined
  const { data } = JSON.parse(text) as { readonly data: Readonly<Record<string, string>> }
  const packed = data['alertmanager.yaml.gz']
  return packed === undefined ? undefined : (parse(gunzipSync(Buffer.from(packed, 'base64')).toString()) as object)
}
