// What the chart renders as, without a cluster.
import { X509Certificate } from 'node:crypto'
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeEach, describe, expect, test } from 'vitest'
import { parse } from 'yaml'
import packageJson from '../../package.json' with { type: 'json' }
import { crd } from '../../crds/crd.ts'
import { chartReadme, chartValues } from '../../hack/chart.ts'
import { COLLECTOR, MADE, OPTIONAL } from '../../operator/collectors/kinds.ts'
import { type Kind, POD, SECRET } from '../../operator/kube/objects.ts'
import { selfSigned, serviceNames } from '../../operator/metrics/certificate.ts'
import { PRIVATE_RANGES, readOptions } from '../../operator/options.ts'
import { RUNBOOKS } from '../../operator/monitoring/rule.ts'
import { collectorSelector } from '../../operator/resources/labels.ts'
import { CHART, lacking, one, pathOf, render, run } from './helm.ts'
import type { Rendered } from './helm.ts'

const tools = { helm: await pathOf('helm'), unittest: await pathOf('helm-unittest'), score: await pathOf('kube-score') }

function text(file: string): string {
  return readFileSync(join(CHART, file), 'utf8')
}

interface SchemaNode {
  readonly properties?: Readonly<Record<string, SchemaNode>>
}

test('the chart has the version of the package', () => {
  expect(parse(text('Chart.yaml'))).toMatchObject({ version: packageJson.version, appVersion: packageJson.version })
})

test('the schema knows each value and no other, and the README says what each is', () => {
  const leaves = (node: SchemaNode, above: string): string[] =>
    Object.entries(node.properties ?? {}).flatMap(([name, child]) =>
      child.properties === undefined ? [above + name] : leaves(child, `${above}${name}.`),
    )
  const values = chartValues(text('values.yaml')).map(({ path }) => path)
  expect(leaves(JSON.parse(text('values.schema.json')) as SchemaNode, '').toSorted()).toEqual(
    [...values, 'global'].toSorted(),
  )
  for (const path of values) expect(chartReadme()).toContain(`| \`${path}\` |`)
})

test('a value that does not say what it is fails the README', () => {
  expect(() => chartValues('a:\n  b: 1\n')).toThrow('charts/marketprism/values.yaml: a.b says nothing')
  expect(chartValues('a:\n  # -- One\n  # and more.\n  b: {c: 1}\n')).toEqual([
    { path: 'a.b', fallback: { c: 1 }, says: 'One and more.' },
  ])
})

interface Rule {
  readonly apiGroups: readonly string[]
  readonly resources: readonly string[]
  readonly resourceNames?: readonly string[]
  readonly verbs: readonly string[]
}

function rulesOf(objects: readonly Rendered[], kind: string, name: string, namespace?: string): readonly Rule[] {
  const found = objects.find(
    ({ kind: of, metadata }) => of === kind && metadata.name === name && metadata.namespace === namespace,
  )
  if (found === undefined) throw new Error(`no ${kind} ${name}`)
  return found['rules'] as readonly Rule[]
}

/** Verbs that rules give on a resource, sorted. */
function verbsOn(rules: readonly Rule[], { group, plural }: Pick<Kind, 'group' | 'plural'>): string[] {
  const about = rules.filter(({ apiGroups, resources }) => apiGroups.includes(group) && resources.includes(plural))
  return about.flatMap(({ verbs }) => verbs).toSorted()
}

interface PodSpec {
  readonly containers: readonly [
    { readonly args: readonly string[]; readonly image: string; readonly volumeMounts?: [] },
  ]
}

function operatorOf(objects: readonly Rendered[]): PodSpec['containers'][0] {
  const spec = one(objects, 'Deployment')['spec'] as { readonly template: { readonly spec: PodSpec } }
  return spec.template.spec.containers[0]
}

describe('rendered by Helm', () => {
  beforeEach(({ skip }) => skip(lacking(tools.helm) !== undefined, lacking(tools.helm)))
  const rendered = (...args: readonly string[]) => render(tools.helm, ...args)

  test('it is without fault, warnings included', async () => {
    const { code, said } = await run(tools.helm, ['lint', '--strict', CHART])
    expect(said).toContain('0 chart(s) failed')
    expect(said).not.toMatch(/WARN|ERROR/)
    expect(code).toBe(0)
  })

  test('the operator understands what the chart tells it, by default and with every value set', async () => {
    const environment = { POD_NAME: 'pod', POD_NAMESPACE: 'ops' }
    expect(readOptions(operatorOf(await rendered()).args, environment)).toEqual({
      options: {
        namespaces: undefined,
        collectorImage: `marketprism/collector:${packageJson.version}`,
        allowedImages: ['marketprism/collector:*', 'marketprism/collector@sha256:*'],
        clusterRanges: PRIVATE_RANGES,
        runbooks: RUNBOOKS,
        lease: { namespace: 'ops', name: 'prism-marketprism-operator', identity: 'pod' },
        ownNamespace: 'ops',
        healthPort: 8081,
        metrics: {
          port: 8443,
          service: 'prism-marketprism-operator-metrics',
          certificateDir: undefined,
          open: false,
        },
        logLevel: 'info',
      },
    })
    const args = [
      ...['--set', 'watchNamespaces={a,b}', '--set', 'clusterRanges={10.1.0.0/16,fd00::/8}', '--set', 'logLevel=debug'],
      ...['--set', 'allowedImages={*,team/*}', '--set', 'metrics.port=9443', '--set', 'metrics.certificateSecret=tls'],
      ...['--set', 'collector.image.registry=registry.example.com:5000', '--set', 'collector.image.tag=next'],
      ...['--set', 'runbooks=https://wiki.example.com/prism'],
    ]
    expect(readOptions(operatorOf(await rendered(...args)).args, environment)).toMatchObject({
      options: {
        namespaces: ['a', 'b'],
        collectorImage: 'registry.example.com:5000/marketprism/collector:next',
        allowedImages: ['*', 'team/*'],
        clusterRanges: ['10.1.0.0/16', 'fd00::/8'],
        runbooks: 'https://wiki.example.com/prism',
        metrics: { port: 9443, certificateDir: '/etc/marketprism/certificate', open: false },
        logLevel: 'debug',
      },
    })
    const open = operatorOf(await rendered('--set', 'metrics.authentication=false')).args
    expect(readOptions(open, environment)).toMatchObject({ options: { metrics: { port: 8443, open: true } } })
    const without = operatorOf(await rendered('--set', 'metrics.enabled=false')).args
    expect(readOptions(without, environment)).toMatchObject({ options: { metrics: { port: 0 } } })
  })

  test('the certificate that the operator signs itself is one for the Service of its metrics', async () => {
    const objects = await rendered()
    const { name, namespace } = one(objects, 'Service').metadata
    const reading = readOptions(operatorOf(objects).args, { POD_NAME: 'pod', POD_NAMESPACE: namespace })
    if (!('options' in reading)) throw new Error(JSON.stringify(reading))
    const { metrics, ownNamespace } = reading.options
    const { cert } = selfSigned(serviceNames(metrics.service, ownNamespace), 1, Date.now())
    for (const host of [name, `${name}.ops.svc`, `${name}.ops.svc.cluster.local`])
      expect(new X509Certificate(cert).checkHost(host)).toBe(host)
  })

  test('the roles name what the operator does, and nothing by a star', async () => {
    const objects = await rendered()
    const rules = rulesOf(objects, 'ClusterRole', 'prism-marketprism-operator')
    const all = ['create', 'delete', 'get', 'list', 'patch', 'watch']
    for (const kind of [...MADE, ...Object.values(OPTIONAL)]) expect(verbsOn(rules, kind), kind.kind).toEqual(all)
    expect(verbsOn(rules, COLLECTOR)).toEqual(['get', 'list', 'watch'])
    expect(verbsOn(rules, { ...COLLECTOR, plural: 'collectors/status' })).toEqual(['get', 'patch'])
    expect(verbsOn(rules, { ...COLLECTOR, plural: 'collectors/finalizers' })).toEqual(['update'])
    expect(verbsOn(rules, POD)).toEqual(['delete', 'get', 'list', 'watch'])
    expect(verbsOn(rules, { ...POD, plural: 'pods/eviction' })).toEqual(['create'])
    expect(verbsOn(rules, SECRET)).toEqual(['get'])
    for (const { kind, rules: each = [] } of objects as { kind: string; rules?: object[] }[]) {
      expect(
        each.flatMap((rule) => Object.values(rule).flat() as unknown[]),
        kind,
      ).not.toContain('*')
    }
    const named = await rendered('--set', 'rbac.secretNames={nats,tls}')
    const secrets = rulesOf(named, 'ClusterRole', 'prism-marketprism-operator').find(({ resources }) =>
      resources.includes('secrets'),
    )
    expect(secrets?.resourceNames).toEqual(['nats', 'tls'])
  })

  test('with a list of namespaces there is a Role in each, and no right over others', async () => {
    const name = 'prism-marketprism-operator'
    const objects = await rendered('--set', 'watchNamespaces={desk-a,desk-b}')
    const everywhere = rulesOf(await rendered(), 'ClusterRole', name)
    for (const namespace of ['desk-a', 'desk-b']) {
      const rules = rulesOf(objects, 'Role', name, namespace)
      expect(everywhere).toEqual(expect.arrayContaining([...rules]))
    }
    expect(rulesOf(objects, 'ClusterRole', name).flatMap(({ resources }) => resources)).toEqual([
      'customresourcedefinitions',
      'endpointslices',
      'tokenreviews',
      'subjectaccessreviews',
    ])
  })

  test.each([
    [['--set', 'image.tag=20260921'], '/image/tag', 'put it in quotes'],
    [['--values', 'image: {tag: 20260921}'], '/image/tag', 'put it in quotes'],
    [['--values', 'image: {tag: 1.10}'], '/image/tag', 'put it in quotes'],
    [['--values', 'image: {tag: 7204e011}'], '/image/tag', 'put it in quotes'],
    [['--set', 'collector.image.tag=1'], '/collector/image/tag', 'put it in quotes'],
    [['--values', 'replicaCount: "2"'], '/replicaCount', 'got string, want integer'],
    [['--values', 'logLevel: true'], '/logLevel', "one of 'trace'"],
    [['--values', 'watchNamespaces: team-a'], '/watchNamespaces', 'got string, want array'],
    [['--set', 'replicas=3'], "''", "'replicas' not allowed"],
    [['--set', 'metrics.readers[0].name=p'], '/metrics/readers/0', "missing property 'namespace'"],
  ])('C029: %j is refused by its path with a reason', async ([flag, value = ''], path, reason) => {
    await withValues(flag, value, async (args) => {
      await expect(rendered(...args)).rejects.toThrow(path)
      await expect(rendered(...args)).rejects.toThrow(reason)
    })
  })

  test.each([
    ['--set-string', 'image.tag=20260921', 'marketprism/operator:20260921'],
    ['--values', 'image: {tag: "20260921"}', 'marketprism/operator:20260921'],
    ['--values', 'image: {tag: "1.10"}', 'marketprism/operator:1.10'],
    ['--set', `image.digest=sha256:${'0'.repeat(64)},image.tag=v1`, `marketprism/operator@sha256:${'0'.repeat(64)}`],
    [
      '--set',
      'image.registry=registry.example.com',
      `registry.example.com/marketprism/operator:${packageJson.version}`,
    ],
  ])('C029: %s %s is the image that it says', async (flag, value, image) => {
    await withValues(flag, value, async (args) => {
      expect(operatorOf(await rendered(...args)).image).toBe(image)
    })
  })

  test('the CustomResourceDefinition is that of crds/, and stays when the chart goes', async () => {
    const { spec, metadata } = one(await rendered(), 'CustomResourceDefinition')
    expect(spec).toEqual(JSON.parse(JSON.stringify(crd()['spec'])))
    expect(metadata.annotations).toEqual({ 'helm.sh/resource-policy': 'keep' })
    const without = await rendered('--set', 'crds.enabled=false')
    expect(without.map(({ kind }) => kind)).not.toContain('CustomResourceDefinition')
  })

  test('what selects the operator and what selects a Collector never mean the same pods, whatever their names', async () => {
    const { selector } = one(await rendered(), 'Deployment')['spec'] as { selector: { matchLabels: object } }
    expect(selector.matchLabels).toEqual({
      'app.kubernetes.io/name': 'marketprism-operator',
      'app.kubernetes.io/instance': 'prism',
    })
    const collectors = collectorSelector('prism')
    expect(collectors['app.kubernetes.io/name']).not.toBe('marketprism-operator')
  })

  test('a ServiceMonitor is there where its API is, and knows the certificate where there is one', async () => {
    const api = ['--api-versions', 'monitoring.coreos.com/v1/ServiceMonitor']
    const kinds = async (...args: string[]) => (await rendered(...args)).map(({ kind }) => kind)
    expect(await kinds()).not.toContain('ServiceMonitor')
    expect(await kinds(...api, '--set', 'metrics.serviceMonitor.enabled=false')).not.toContain('ServiceMonitor')
    const labels = ['--set', 'metrics.serviceMonitor.labels.release=kps']
    const monitor = one(await rendered(...api, ...labels), 'ServiceMonitor')
    expect(monitor.metadata.labels).toMatchObject({ release: 'kps' })
    expect(monitor['spec']).toMatchObject({
      endpoints: [{ port: 'metrics', scheme: 'https', honorLabels: true, tlsConfig: { insecureSkipVerify: true } }],
    })
    const known = one(await rendered(...api, '--set', 'metrics.certificateSecret=tls'), 'ServiceMonitor')
    const ca = { secret: { name: 'tls', key: 'ca.crt' } }
    expect(known['spec']).toMatchObject({ endpoints: [{ tlsConfig: { ca } }] })
  })

  test('who scrapes is bound to the role that lets it', async () => {
    const readers = ['--set', 'metrics.readers[0].namespace=monitoring,metrics.readers[0].name=prometheus']
    const binding = one(await rendered(...readers), 'ClusterRoleBinding', 'prism-marketprism-metrics-reader')
    expect(binding['subjects']).toEqual([{ kind: 'ServiceAccount', name: 'prometheus', namespace: 'monitoring' }])
  })

  test('it scores without a complaint', async ({ skip }) => {
    skip(lacking(tools.score) !== undefined, lacking(tools.score))
    await withFile(async (file) => {
      const { stdout } = await run(tools.helm, ['template', 'prism', CHART, '--namespace', 'ops', '--skip-tests'])
      writeFileSync(file, stdout)
      const { code, said } = await run(tools.score, [
        'score',
        '--output-format',
        'ci',
        '--kubernetes-version',
        'v1.32',
        file,
      ])
      expect(said.split('\n').filter((line) => /^\[(?:WARNING|CRITICAL)\]/.test(line))).toEqual([])
      expect(code).toBe(0)
    })
  })

  test("the chart's own tests pass", async ({ skip }) => {
    skip(lacking(tools.unittest) !== undefined, lacking(tools.unittest))
    // A copy, since it leaves a folder behind.
    const copy = mkdtempSync(join(tmpdir(), 'chart-'))
    try {
      cpSync(CHART, join(copy, 'marketprism'), { recursive: true })
      const { code, said } = await run(tools.unittest, ['--strict', join(copy, 'marketprism')])
      expect(said).toMatch(/Tests: +\d+ passed, \d+ total/)
      expect(code).toBe(0)
    } finally {
      rmSync(copy, { recursive: true })
    }
  })
})

/** Arguments for Helm; what follows `--values` is YAML, and is written to a file. */
async function withValues(flag = '', value: string, use: (args: string[]) => Promise<void>): Promise<void> {
  if (flag !== '--values') return use([flag, value])
  await withFile((file) => {
    writeFileSync(file, value)
    return use([flag, file])
  })
}

async function withFile(use: (file: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'chart-'))
  try {
    await use(join(folder, 'file.yaml'))
  } finally {
    rmSync(folder, { recursive: true })
  }
}
