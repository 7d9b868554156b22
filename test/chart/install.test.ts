// The chart against a real API server: both orders with crds/, upgrade, uninstall, rights, Pod Security, schemas.
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { beforeEach, expect, onTestFinished, test, vi } from 'vitest'
import { describeWithControlPlane } from '../kubernetes/controlplane.ts'
import type { ControlPlane } from '../kubernetes/controlplane.ts'
import { CHART, type Ending, lacking, one, pathOf, type Rendered, render, run } from './helm.ts'
import { schemasOf } from './schemas.ts'

const tools = { helm: await pathOf('helm'), kubectl: await pathOf('kubectl'), conform: await pathOf('kubeconform') }
const CRDS = resolve(CHART, '../../crds')
const CRD = '/apis/apiextensions.k8s.io/v1/customresourcedefinitions/collectors.marketprism.io'
// Each runs Helm and kubectl several times, one to two seconds each on a busy machine.
vi.setConfig({ testTimeout: 90_000, hookTimeout: 60_000 })

/** A Secret holds a release; the API server takes no larger one. */
const SECRET_BYTES_MAX = 1_048_576

interface Crd {
  readonly metadata: {
    readonly uid: string
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
  }
  readonly spec: {
    readonly versions: readonly [{ readonly schema: { readonly openAPIV3Schema: { description?: string } } }]
  }
}

describeWithControlPlane('in a cluster', {}, (plane) => {
  beforeEach(async ({ skip }) => {
    for (const one_ of [tools.helm, tools.kubectl]) skip(lacking(one_) !== undefined, lacking(one_))
    await plane().request('DELETE', CRD)
    await expect.poll(async () => (await plane().request('GET', CRD)).status, { timeout: 10_000 }).toBe(404)
  })

  const kubectl = async (...args: string[]) => well(await run(tools.kubectl, args, { KUBECONFIG: plane().kubeconfig }))
  const helm = (...args: string[]) => run(tools.helm, args, { KUBECONFIG: plane().kubeconfig })
  const liveCrd = async () => (await plane().request<Crd>('GET', CRD)).body

  /** A release of its own, which goes with the test. */
  const release = async () => {
    const namespace = await plane().createNamespace('chart')
    const at = ['--namespace', namespace, '--set', `fullnameOverride=${namespace}`]
    onTestFinished(async () => void (await helm('uninstall', namespace, '--namespace', namespace)))
    return {
      namespace,
      install: (...args: string[]) => helm('install', namespace, CHART, ...at, ...args),
      upgrade: (...args: string[]) => helm('upgrade', namespace, CHART, ...at, ...args),
      uninstall: () => helm('uninstall', namespace, '--namespace', namespace),
    }
  }

  test('C034: kubectl apply -f crds/ is created, then unchanged, and no conflict for a server-side apply', async () => {
    expect(await kubectl('apply', '-f', CRDS)).toMatch(/collectors\.marketprism\.io created\n$/)
    expect(await kubectl('apply', '-f', CRDS)).toMatch(/collectors\.marketprism\.io unchanged\n$/)
    expect(await kubectl('apply', '--server-side', '-f', CRDS)).toMatch(/serverside-applied\n$/)
    expect(Buffer.byteLength(JSON.stringify(await liveCrd()))).toBeLessThan(SECRET_BYTES_MAX)
  })

  test('after kubectl apply -f crds/ the chart installs, leaves the CRD as it is, and says so', async () => {
    await kubectl('apply', '-f', CRDS)
    const written = async () => {
      const { metadata, spec } = await liveCrd()
      return { uid: metadata.uid, labels: metadata.labels, annotations: metadata.annotations, spec }
    }
    const before = await written()
    const { install, upgrade, uninstall } = await release()
    expect(well(await install())).toMatch(/was applied by somebody else and is left as it is/)
    expect(well(await upgrade())).toMatch(/was applied by somebody else/)
    expect(await written()).toEqual(before)
    well(await uninstall())
    expect(await written()).toEqual(before)
  })

  test('the CRD that the chart brought takes kubectl apply -f crds/, upgrades, and outlives the release with its Collectors', async () => {
    const { namespace, install, upgrade, uninstall } = await release()
    expect(well(await install())).not.toMatch(/applied by somebody else/)
    const { metadata } = await liveCrd()
    expect(metadata.labels).toMatchObject({ 'app.kubernetes.io/managed-by': 'Helm' })
    await kubectl('wait', '--for=condition=Established', 'crd/collectors.marketprism.io', '--timeout=30s')
    await kubectl('apply', '-f', CRDS)
    well(await upgrade())
    await kubectl('apply', '--namespace', namespace, '-f', resolve(CRDS, '../examples/collector.yaml'))
    well(await uninstall())
    expect((await liveCrd()).metadata.uid).toBe(metadata.uid)
    expect(await kubectl('get', 'collectors', '--namespace', namespace, '-o', 'name')).not.toBe('')
    well(await install())
    expect((await liveCrd()).metadata.uid).toBe(metadata.uid)
  })

  test('a chart with a newer CRD brings it; where kubectl applied one in between, it is left as it is', async () => {
    const newer = copyOfChart((crd) => crd.replace('description: ', 'description: NEWER '))
    const newest = copyOfChart((crd) => crd.replace('description: ', 'description: NEWEST '))
    const { namespace, install } = await release()
    const to = (chart: string, ...args: string[]) =>
      helm('upgrade', namespace, chart, '--namespace', namespace, '--reuse-values', ...args)
    const edition = async () => /NEW\w+/.exec(JSON.stringify((await liveCrd()).spec))?.[0]
    well(await install())
    well(await to(newer))
    expect(await edition()).toBe('NEWER')
    await kubectl('apply', '-f', CRDS)
    expect(well(await to(newest))).toMatch(/was applied by somebody else and is left as it is/)
    expect(await edition()).toBeUndefined()
    well(await to(newest, '--set', 'crds.adopt=true', '--take-ownership', '--force-conflicts'))
    expect(await edition()).toBe('NEWEST')
  })

  test('kubectl replace, which drops what Helm wrote on the CRD, costs no Collector at the next upgrade', async () => {
    const { install, upgrade } = await release()
    well(await install())
    const { uid } = (await liveCrd()).metadata
    await kubectl('replace', '-f', CRDS)
    expect(well(await upgrade())).toMatch(/was applied by somebody else/)
    expect((await liveCrd()).metadata).toMatchObject({ uid })
    expect((await liveCrd()).metadata).not.toHaveProperty('deletionTimestamp')
  })

  test('an upgrade that would delete the CRD is refused, and says what to do', async () => {
    const { install, upgrade } = await release()
    well(await install())
    const { uid } = (await liveCrd()).metadata
    await kubectl('replace', '-f', CRDS)
    await kubectl('annotate', 'crd', 'collectors.marketprism.io', 'helm.sh/resource-policy-')
    expect((await upgrade()).said).toMatch(
      /run kubectl annotate crd .* helm\.sh\/resource-policy=keep, and upgrade again/,
    )
    await kubectl('annotate', 'crd', 'collectors.marketprism.io', 'helm.sh/resource-policy=keep')
    well(await upgrade())
    expect((await liveCrd()).metadata).toMatchObject({ uid })
  })

  test('a CRD is handed over when that is asked for, and upgraded from then on', async () => {
    await kubectl('apply', '-f', CRDS)
    const { namespace, install, upgrade } = await release()
    well(await install())
    well(await upgrade('--set', 'crds.adopt=true', '--take-ownership', '--force-conflicts'))
    expect((await liveCrd()).metadata.annotations).toMatchObject({ 'meta.helm.sh/release-name': namespace })
    expect(well(await upgrade())).not.toMatch(/applied by somebody else/)
  })

  test('C034: the release fits into its Secret with room to spare', async () => {
    const { namespace, install } = await release()
    well(await install())
    const path = `/api/v1/namespaces/${namespace}/secrets/sh.helm.release.v1.${namespace}.v1`
    const { body } = await plane().request<{ data: { release: string } }>('GET', path)
    expect(body.data.release.length).toBeLessThan(SECRET_BYTES_MAX / 4)
  })

  test('the operator may do what its roles say in the namespaces that it watches, and nothing elsewhere', async () => {
    const [mine, other] = [await plane().createNamespace('mine'), await plane().createNamespace('other')]
    const { namespace, install } = await release()
    well(await install('--set', `watchNamespaces={${mine}}`))
    const may = (verb: string, resource: string, where: string, group = '') =>
      allowed(plane(), `system:serviceaccount:${namespace}:${namespace}-operator`, {
        verb,
        resource,
        group,
        namespace: where,
      })
    // The API server learns of new roles a moment after they were written.
    await expect.poll(() => may('list', 'collectors', mine, 'marketprism.io'), { timeout: 10_000 }).toBe(true)
    expect(await may('create', 'deployments', mine, 'apps')).toBe(true)
    expect(await may('get', 'secrets', mine)).toBe(true)
    expect(await may('list', 'secrets', mine)).toBe(false)
    expect(await may('update', 'collectors', mine, 'marketprism.io')).toBe(false)
    expect(await may('list', 'collectors', other, 'marketprism.io')).toBe(false)
    expect(await may('get', 'secrets', other)).toBe(false)
    expect(await may('update', 'leases', namespace, 'coordination.k8s.io')).toBe(false)
    expect(await may('create', 'leases', namespace, 'coordination.k8s.io')).toBe(true)
    expect(await may('create', 'tokenreviews', '', 'authentication.k8s.io')).toBe(true)
  })

  test('a namespace that enforces restricted Pod Security takes the operator without a warning', async () => {
    const { namespace, install } = await release()
    well(await install())
    const labels = {
      'pod-security.kubernetes.io/enforce': 'restricted',
      'pod-security.kubernetes.io/warn': 'restricted',
    }
    await kubectl('label', 'namespace', namespace, ...Object.entries(labels).map(([key, value]) => `${key}=${value}`))
    const operator = one(await render(tools.helm, '--set', `fullnameOverride=${namespace}`), 'Deployment')
    const { template } = operator['spec'] as { template: { spec: object } }
    const made = await plane().request<{ message?: string }>(
      'POST',
      `/api/v1/namespaces/${namespace}/pods?dryRun=All`,
      {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name: 'operator' },
        spec: template.spec,
      },
    )
    expect(made.body.message).toBeUndefined()
    expect(made.status).toBe(201)
  })

  test("each object has the shape that this API server's own description gives it", async ({ skip }) => {
    skip(lacking(tools.conform) !== undefined, lacking(tools.conform))
    const folder = mkdtempSync(join(tmpdir(), 'schemas-'))
    onTestFinished(() => rmSync(folder, { recursive: true }))
    const objects = await render(tools.helm, '--set', 'watchNamespaces={a}', '--set', 'metrics.certificateSecret=tls')
    const { body } = await plane().request<object>('GET', '/openapi/v2')
    for (const [file, schema] of schemasOf(body, objects)) writeFileSync(join(folder, file), JSON.stringify(schema))
    const file = join(folder, 'objects.json')
    const check = async (all: readonly object[]) => {
      writeFileSync(file, JSON.stringify({ apiVersion: 'v1', kind: 'List', items: all }))
      const location = join(folder, '{{.ResourceKind}}{{.KindSuffix}}.json')
      return run(tools.conform, ['-strict', '-summary', '-schema-location', location, file])
    }
    const ending = await check(objects)
    expect(ending.said).toContain(`Valid: ${objects.length}, Invalid: 0, Errors: 0, Skipped: 0`)
    // What would be wrong is seen to be: else the line above would say nothing.
    const [first, ...rest] = objects as [Rendered, ...Rendered[]]
    expect((await check([{ ...first, spec: { podSelektor: {} } }, ...rest])).code).not.toBe(0)
  })
})

/** What a program said. @throws Error where it failed */
function well({ code, said }: Ending): string {
  if (code !== 0) throw new Error(said)
  return said
}

/** A copy of the chart with another CRD, which goes with the test. */
function copyOfChart(change: (crd: string) => string): string {
  const folder = mkdtempSync(join(tmpdir(), 'chart-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  mkdirSync(join(folder, 'marketprism'))
  cpSync(CHART, join(folder, 'marketprism'), { recursive: true })
  const [file = ''] = readdirSync(join(CHART, 'files'))
  const path = join(folder, 'marketprism/files', file)
  writeFileSync(path, change(readFileSync(path, 'utf8')))
  return join(folder, 'marketprism')
}

async function allowed(plane: ControlPlane, user: string, attributes: object): Promise<boolean> {
  const group = 'authorization.k8s.io'
  const { body } = await plane.request<{ status: { allowed: boolean } }>(
    'POST',
    `/apis/${group}/v1/subjectaccessreviews`,
    { apiVersion: `${group}/v1`, kind: 'SubjectAccessReview', spec: { user, resourceAttributes: attributes } },
  )
  return body.status.allowed
}
