// The client against a real API server: by itself, and through a proxy that is in trouble.
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { KubeConfig } from '@kubernetes/client-node'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { VirtualClock } from '../../collector/connection/clock.ts'
import { describeWithControlPlane } from '../../test/kubernetes/controlplane.ts'
import { startFaultyProxy } from '../../test/kubernetes/faultyproxy.ts'
import { ApiError, type ClientOptions, type KubeClient, openClient } from './client.ts'
import { servedKinds } from './discovery.ts'
import {
  CONFIG_MAP,
  DEPLOYMENT,
  type KubeObject,
  NAMESPACE,
  POD,
  PROMETHEUS_RULE,
  SECRET,
  SERVICE_ACCOUNT,
} from './objects.ts'

const OURS = { userAgent: 'client-test', fieldManager: 'client-test' }

describeWithControlPlane('a client', {}, (plane) => {
  const closers: (() => PromiseLike<unknown>)[] = []
  afterEach(async () => {
    await Promise.all(closers.splice(0).map((close) => close()))
  })

  async function client(options: Partial<ClientOptions> = {}): Promise<KubeClient> {
    const opened = await openClient({ config: plane().config(), ...OURS, ...options })
    closers.push(() => opened.close())
    return opened
  }

  async function proxied(options: Partial<ClientOptions> = {}) {
    const proxy = await startFaultyProxy({ url: plane().url, ca: plane().ca })
    closers.push(() => proxy[Symbol.asyncDispose]())
    return { proxy, kube: await client({ config: proxy.config(plane().token), ...options }) }
  }

  test('creates, gets, lists and removes', async () => {
    const [kube, namespace] = [await client(), await plane().createNamespace()]
    const made = await kube.create(CONFIG_MAP, configMap(namespace, 'one'))
    expect(await kube.get(CONFIG_MAP, namespace, 'one')).toMatchObject({ data: { key: 'value' } })
    const { items, resourceVersion } = await kube.list(CONFIG_MAP, namespace)
    expect(items.map(({ kind, apiVersion, metadata }) => [kind, apiVersion, metadata.name])).toContainEqual([
      'ConfigMap',
      'v1',
      'one',
    ])
    expect(Number(resourceVersion)).toBeGreaterThan(0)
    await kube.remove(CONFIG_MAP, namespace, 'one', { uid: made.metadata.uid ?? '' })
    expect(await kube.get(CONFIG_MAP, namespace, 'one')).toBeUndefined()
  })

  test('removes only the object that was meant, not another of the same name', async () => {
    const [kube, namespace] = [await client(), await plane().createNamespace()]
    await kube.create(CONFIG_MAP, configMap(namespace, 'one'))
    await kube.remove(CONFIG_MAP, namespace, 'one', { uid: 'of-an-earlier-one' })
    expect(await kube.get(CONFIG_MAP, namespace, 'one')).toBeDefined()
    await kube.remove(CONFIG_MAP, namespace, 'none', { uid: 'of-none' })
  })

  test('applies as its field manager, and releases what it no longer names', async () => {
    const [kube, namespace] = [await client(), await plane().createNamespace()]
    await kube.apply(CONFIG_MAP, configMap(namespace, 'one', { key: 'value', other: 'value' }))
    const applied = await kube.apply<KubeObject>(CONFIG_MAP, configMap(namespace, 'one', { key: 'changed' }))
    expect(applied['data']).toEqual({ key: 'changed' })
    expect(applied.metadata).toMatchObject({ managedFields: [{ manager: 'client-test', operation: 'Apply' }] })
  })

  test('applies a status for itself', async () => {
    const [kube, namespace] = [await client(), await plane().createNamespace()]
    const { apiVersion, kind, metadata } = await kube.create(DEPLOYMENT, deployment(namespace))
    const object = { apiVersion, kind, metadata: { name: metadata.name, namespace }, status: { observedGeneration: 7 } }
    expect(await kube.apply(DEPLOYMENT, object, 'status')).toMatchObject({ status: { observedGeneration: 7 } })
  })

  test('sends fields that no generated class knows', async () => {
    const { proxy, kube } = await proxied()
    const warned = vi.fn<(text: string) => void>()
    const strict = await client({ onWarning: warned })
    const namespace = await plane().createNamespace()
    await expect(
      kube.create(CONFIG_MAP, { ...configMap(namespace, 'one'), newerThanThis: true }),
    ).resolves.toBeDefined()
    await strict.create(CONFIG_MAP, { ...configMap(namespace, 'two'), newerThanThis: true })
    // That the server complains of it shows that it arrived.
    expect(warned).toHaveBeenCalledWith('unknown field "newerThanThis"')
    expect(proxy.requests).toHaveLength(1)
  })

  test('gives the words of the API server in its errors', async () => {
    const [kube, namespace] = [await client(), await plane().createNamespace()]
    await kube.create(CONFIG_MAP, configMap(namespace, 'one'))
    const conflict = await kube.create(CONFIG_MAP, configMap(namespace, 'one')).catch((error: unknown) => error)
    expect(conflict).toBeInstanceOf(ApiError)
    expect(conflict).toMatchObject({
      status: 409,
      reason: 'AlreadyExists',
      message: `POST /api/v1/namespaces/${namespace}/configmaps: 409 configmaps "one" already exists`,
    })
  })

  test('reads a long list by pages', async () => {
    const [{ proxy, kube }, namespace] = [await proxied(), await plane().createNamespace()]
    for (let i = 0; i < 7; i += 1) await kube.create(CONFIG_MAP, configMap(namespace, `many-${i}`))
    const before = proxy.requests.length
    const { items } = await kube.list(CONFIG_MAP, namespace, { limit: '3' })
    expect(items.map(({ metadata }) => metadata.name)).toEqual(Array.from({ length: 7 }, (_, i) => `many-${i}`))
    expect(proxy.requests.slice(before)).toHaveLength(3)
  })

  test('begins a list anew where its pages became too old', async () => {
    const [{ proxy, kube }, namespace] = [await proxied(), await plane().createNamespace()]
    for (let i = 0; i < 5; i += 1) await kube.create(CONFIG_MAP, configMap(namespace, `many-${i}`))
    const expired = { status: 410, body: { kind: 'Status', code: 410, reason: 'Expired', message: 'too old' } }
    proxy.fault(({ query }) => query.has('continue'), expired, 1)
    expect((await kube.list(CONFIG_MAP, namespace, { limit: '3' })).items).toHaveLength(5)
  })

  test('evicts a pod, unless a budget forbids it or it is gone', async () => {
    const [kube, namespace] = [await client(), await plane().createNamespace()]
    await kube.create(SERVICE_ACCOUNT, object('v1', 'ServiceAccount', namespace, 'default', {}))
    const { metadata } = await kube.create(POD, pod(namespace, 'one'))
    expect(await kube.evict(namespace, 'one', 'of-an-earlier-one')).toBe('gone')
    expect(await kube.evict(namespace, 'one', metadata.uid ?? '')).toBe('evicted')
    expect(await kube.evict(namespace, 'one', metadata.uid ?? '')).toBe('gone')
    const another = await kube.create(POD, pod(namespace, 'two'))
    const { proxy, kube: faulty } = await proxied()
    const refused = { status: 429, headers: { 'retry-after': '10' }, body: { kind: 'Status', code: 429 } }
    proxy.fault(({ path }) => path.endsWith('/eviction'), refused)
    expect(await faulty.evict(namespace, 'two', another.metadata.uid ?? '')).toBe('refused')
    expect(proxy.requests.map(({ method }) => method)).toEqual(['GET', 'POST'])
  })

  test('keeps its connections: hundreds of requests use few, each to its bound', async () => {
    const { proxy, kube } = await proxied({ concurrency: 4 })
    await Promise.all(Array.from({ length: 200 }, () => kube.get(NAMESPACE, undefined, 'default')))
    expect(proxy.connections.made).toBeLessThanOrEqual(4)
    await Promise.all(Array.from({ length: 200 }, () => kube.get(NAMESPACE, undefined, 'default')))
    expect(proxy.connections.made).toBeLessThanOrEqual(4)
  })

  test('obeys 429 with Retry-After', async () => {
    const { proxy, kube } = await proxied()
    const busy = { status: 429, headers: { 'retry-after': '1' }, body: { kind: 'Status', reason: 'TooManyRequests' } }
    proxy.fault(() => true, busy, 1)
    expect(await kube.get(NAMESPACE, undefined, 'default')).toBeDefined()
    const [first, second] = proxy.requests
    expect((second?.atMs ?? 0) - (first?.atMs ?? 0)).toBeGreaterThanOrEqual(990)
  })

  test('gives a 429 up where its wait goes beyond the time of the request, and says how long it is', async () => {
    const { proxy, kube } = await proxied()
    proxy.fault(() => true, { status: 429, headers: { 'retry-after': '30' } })
    const error = await kube.get(NAMESPACE, undefined, 'default').catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ status: 429, retryAfterMs: 30_000 })
    expect(proxy.requests).toHaveLength(1)
  })

  test('does not repeat what failed otherwise: that is for the queue', async () => {
    const { proxy, kube } = await proxied()
    proxy.fault(() => true, { status: 500, body: 'a balancer says no' })
    const error = await kube.get(NAMESPACE, undefined, 'default').catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ status: 500, message: expect.stringContaining('a balancer says no') })
    proxy.heal()
    proxy.fault(() => true, 'reset')
    await expect(kube.get(NAMESPACE, undefined, 'default')).rejects.toMatchObject({ code: 'ECONNRESET' })
    expect(proxy.requests).toHaveLength(2)
  })

  test('ends a request that gets no answer in its time, and frees its slot', async () => {
    const clock = new VirtualClock()
    const { proxy, kube } = await proxied({ clock, concurrency: 1 })
    proxy.fault(() => true, 'stall', 1)
    const stalled = kube.get(NAMESPACE, undefined, 'default').catch((error: unknown) => error)
    const next = kube.get(NAMESPACE, undefined, 'default')
    await vi.waitFor(() => expect(proxy.requests).toHaveLength(1))
    await clock.advance(9_999)
    expect(proxy.requests).toHaveLength(1)
    await clock.advance(1)
    expect(await stalled).toMatchObject({ name: 'RequestTimeout' })
    expect(await next).toBeDefined()
  })

  test('an urgent request waits for no other', async () => {
    const { proxy, kube } = await proxied({ concurrency: 1 })
    proxy.fault(() => true, 'stall', 1)
    const controller = new AbortController()
    const stalled = kube.request({ method: 'GET', path: '/readyz', signal: controller.signal })
    await vi.waitFor(() => expect(proxy.requests).toHaveLength(1))
    const path = '/api/v1/namespaces/default'
    expect(await kube.request({ method: 'GET', path, isUrgent: true })).toBeDefined()
    controller.abort(new Error('enough'))
    await expect(stalled).rejects.toThrow('enough')
  })

  test('sends no write once it may not write, also where it waited for its turn', async () => {
    let mayWrite = true
    const [namespace, { proxy, kube }] = [
      await plane().createNamespace(),
      await proxied({ mayWrite: () => mayWrite, concurrency: 1 }),
    ]
    proxy.fault(({ method }) => method === 'GET', { delayMs: 200 })
    const reading = kube.get(NAMESPACE, undefined, 'default')
    const writing = kube.apply(CONFIG_MAP, configMap(namespace, 'late'))
    mayWrite = false
    await expect(writing).rejects.toThrow('does not hold the lease')
    expect(await reading).toBeDefined()
    expect(proxy.requests.map(({ method }) => method)).toEqual(['GET'])
  })

  test('tells which kinds are served', async () => {
    const served = await servedKinds(await client(), [CONFIG_MAP, DEPLOYMENT, PROMETHEUS_RULE])
    expect([...served]).toEqual([CONFIG_MAP, DEPLOYMENT])
  })

  test('counts each answer', async () => {
    const observe = vi.fn<NonNullable<ClientOptions['observe']>>()
    const kube = await client({ observe })
    await kube.get(SECRET, 'default', 'none')
    expect(observe).toHaveBeenCalledWith({ method: 'GET', status: 404, tookMs: expect.any(Number) })
  })

  describe('in a pod', () => {
    const folders: string[] = []
    afterEach(() => {
      vi.unstubAllEnvs()
      for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true })
    })

    /** A service account's folder, as the kubelet writes it; replaced as a whole file. */
    function account(files: { token: string; ca: string }) {
      const folder = mkdtempSync(join(tmpdir(), 'marketprism-account-'))
      folders.push(folder)
      const write = (changed: Partial<typeof files>) => {
        for (const [name, text] of Object.entries(changed)) {
          const path = join(folder, name === 'ca' ? 'ca.crt' : name)
          writeFileSync(`${path}.new`, text)
          renameSync(`${path}.new`, path)
        }
      }
      write(files)
      const { hostname, port } = new URL(plane().url)
      vi.stubEnv('KUBECONFIG', '')
      vi.stubEnv('KUBERNETES_SERVICE_HOST', hostname)
      vi.stubEnv('KUBERNETES_SERVICE_PORT', port)
      return { folder, write }
    }

    async function inPod(folder: string, clock?: VirtualClock): Promise<KubeClient> {
      const opened = await openClient({ accountFolder: folder, ...OURS, ...(clock === undefined ? {} : { clock }) })
      closers.push(() => opened.close())
      return opened
    }

    const whoAmI = async (kube: KubeClient) => {
      const path = '/apis/authentication.k8s.io/v1/selfsubjectreviews'
      const body = { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' }
      const review = await kube.request<{ status: { userInfo: { username: string } } }>({ method: 'POST', path, body })
      return review.status.userInfo.username
    }

    test('uses the account, and the rotated token after ten seconds', async () => {
      const [namespace, clock] = [await plane().createNamespace(), new VirtualClock()]
      const token = await plane().createToken({ namespace, name: 'first' })
      const { folder, write } = account({ token, ca: plane().ca })
      const kube = await inPod(folder, clock)
      expect(await whoAmI(kube)).toBe(`system:serviceaccount:${namespace}:first`)
      write({ token: await plane().createToken({ namespace, name: 'second' }) })
      await clock.advance(10_000)
      expect(await whoAmI(kube)).toBe(`system:serviceaccount:${namespace}:second`)
    })

    test('looks for a fresh token at once where the server says 401, and asks once more', async () => {
      const [namespace, clock] = [await plane().createNamespace(), new VirtualClock()]
      const expired = await plane().createToken({ namespace, name: 'operator' }, 0)
      const { folder, write } = account({ token: expired, ca: plane().ca })
      const kube = await inPod(folder, clock)
      await expect(whoAmI(kube)).rejects.toMatchObject({ status: 401 })
      write({ token: await plane().createToken({ namespace, name: 'operator' }) })
      expect(await whoAmI(kube)).toBe(`system:serviceaccount:${namespace}:operator`)
    })

    test('does not trust a server of another authority, and takes the rotated one', async () => {
      const [namespace, clock] = [await plane().createNamespace(), new VirtualClock()]
      const token = await plane().createToken({ namespace, name: 'operator' })
      const { folder, write } = account({ token, ca: OTHER_AUTHORITY })
      const kube = await inPod(folder, clock)
      await expect(whoAmI(kube)).rejects.toMatchObject({
        code: expect.stringMatching(/SELF_SIGNED|UNABLE_TO|DEPTH_ZERO/),
      })
      write({ ca: plane().ca })
      await clock.advance(10_000)
      expect(await whoAmI(kube)).toBe(`system:serviceaccount:${namespace}:operator`)
    })

    test('goes on with what it has while a file is being replaced', async () => {
      const [namespace, clock] = [await plane().createNamespace(), new VirtualClock()]
      const token = await plane().createToken({ namespace, name: 'operator' })
      const { folder } = account({ token, ca: plane().ca })
      const kube = await inPod(folder, clock)
      await whoAmI(kube)
      rmSync(join(folder, 'token'))
      await clock.advance(10_000)
      expect(await whoAmI(kube)).toBe(`system:serviceaccount:${namespace}:operator`)
    })
  })
})

test('asks an exec plugin anew where its token is refused', async () => {
  const seen: (string | undefined)[] = []
  const server = createServer((incoming, response) => {
    seen.push(incoming.headers.authorization)
    const isRefused = seen.length === 1
    response.writeHead(isRefused ? 401 : 200).end(isRefused ? '{}' : '{"metadata":{"name":"default"}}')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const folder = mkdtempSync(join(tmpdir(), 'marketprism-exec-'))
  const count = join(folder, 'count')
  const script = `const fs=require('fs');fs.appendFileSync(${JSON.stringify(count)},'x');
    const token=fs.readFileSync(${JSON.stringify(count)},'utf8');
    console.log(JSON.stringify({apiVersion:'client.authentication.k8s.io/v1',kind:'ExecCredential',status:{token}}))`
  const config = new KubeConfig()
  const exec = { apiVersion: 'client.authentication.k8s.io/v1', command: process.execPath, args: ['-e', script] }
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  config.loadFromClusterAndUser({ name: 'test', server: url, skipTLSVerify: true }, { name: 'test', exec })
  const kube = await openClient({ config, ...OURS })
  try {
    expect(await kube.get(NAMESPACE, undefined, 'default')).toBeDefined()
    expect(seen).toEqual(['Bearer x', 'Bearer xx'])
  } finally {
    await kube.close()
    server.close()
    rmSync(folder, { recursive: true })
  }
})

function object(apiVersion: string, kind: string, namespace: string, name: string, fields: object): KubeObject {
  return { apiVersion, kind, metadata: { name, namespace }, ...fields }
}

function configMap(namespace: string, name: string, data: Record<string, string> = { key: 'value' }): KubeObject {
  return object('v1', 'ConfigMap', namespace, name, { data })
}

const containers = [{ name: 'main', image: 'example.org/none' }]

function pod(namespace: string, name: string): KubeObject {
  return object('v1', 'Pod', namespace, name, { spec: { containers } })
}

function deployment(namespace: string): KubeObject {
  const template = { metadata: { labels: { app: 'one' } }, spec: { containers } }
  return object('apps/v1', 'Deployment', namespace, 'one', {
    spec: { selector: { matchLabels: { app: 'one' } }, template },
  })
}

/** A certificate that nothing here is signed with. */
const OTHER_AUTHORITY = `-----BEGIN CERTIFICATE-----
MIIBeDCCAR2gAwIBAgIUHvFZvQvxD1dEVYfhlpmlamPLDkgwCgYIKoZIzj0EAwIw
EDEOMAwGA1UEAwwFb3RoZXIwIBcNMjYxMTI5MTQwMzQ3WhgPMjEyNjExMDUxNDAz
NDdaMBAxDjAMBgNVBAMMBW90aGVyMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE
oN/bwNxT70lCOXvry0BWt2Gt1iqoqkpejy1Ftp7Y9VntVg4LfasRrz0vRqdCo9cK
F8VnXhPilMREoIafWM71Y6NTMFEwHQYDVR0OBBYEFLR7qpFb6nkY5WLLO3HSz7nL
aFiQMB8GA1UdIwQYMBaAFLR7qpFb6nkY5WLLO3HSz7nLaFiQMA8GA1UdEwEB/wQF
MAMBAf8wCgYIKoZIzj0EAwIDSQAwRgIhAOcwnxGSG43rRGcBvzX+j1wVz5gokvu+
exa7GIgEPWnjAiEAs2t7TGFLWgGnEpVecmMO2lFkyfKr3ex2890u5alJWPo=
-----END CERTIFICATE-----
`
