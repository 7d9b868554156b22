// Informers against a real API server, behind a proxy that is in trouble.
import { afterEach, expect, test, vi } from 'vitest'
import { VirtualClock } from '../../collector/connection/clock.ts'
import { type ControlPlane, describeWithControlPlane } from '../../test/kubernetes/controlplane.ts'
import { type FaultyProxy, isRead, isWatch, startFaultyProxy } from '../../test/kubernetes/faultyproxy.ts'
import { type KubeClient, openClient } from './client.ts'
import { type Change, type Informer, type InformerOptions, openInformer, type Reason } from './informer.ts'
import { CONFIG_MAP, type Kind, type KubeObject, POD_MONITOR } from './objects.ts'

const OURS = { userAgent: 'informer-test', fieldManager: 'informer-test' }
const closers: (() => PromiseLike<unknown>)[] = []
afterEach(async () => {
  // In turn: an informer is closed before its client.
  for (const close of closers.splice(0).reverse()) await close()
})

/** Lets virtual time pass, a little for each few real milliseconds, until it is so. Out: the virtual ms. */
async function until(clock: VirtualClock, isSo: () => boolean, what: string): Promise<number> {
  const startMs = clock.nowMs()
  const step = async () => {
    if (isSo()) return
    await clock.advance(250)
    throw new Error(`after ${clock.nowMs() - startMs} ms of virtual time: ${what}`)
  }
  await vi.waitFor(step, { timeout: 12_000, interval: 2 })
  return clock.nowMs() - startMs
}

describeWithControlPlane('an informer', {}, (plane) => {
  interface World {
    proxy: FaultyProxy
    clock: VirtualClock
    kube: KubeClient
    namespace: string
    informer: Informer<KubeObject>
    /** `added one`, `deleted two` … */
    told: string[]
  }

  async function world(options: Partial<InformerOptions<KubeObject>> = {}, token = plane().token): Promise<World> {
    const clock = new VirtualClock()
    const proxy = await startFaultyProxy({ url: plane().url, ca: plane().ca })
    closers.push(() => proxy[Symbol.asyncDispose]())
    const kube = await openClient({ config: proxy.config(token), ...OURS, clock })
    closers.push(() => kube.close())
    const namespace = options.namespace ?? (await plane().createNamespace())
    const told: string[] = []
    const onChange = ({ type, object }: Change<KubeObject>) => void told.push(`${type} ${object.metadata.name}`)
    const scope = { client: kube, kind: CONFIG_MAP, namespace, onChange, clock }
    const informer = openInformer({ ...scope, ...options })
    closers.push(() => informer.close())
    return { proxy, clock, kube, namespace, informer, told }
  }

  async function synced(options: Partial<InformerOptions<KubeObject>> = {}): Promise<World> {
    const made = await world(options)
    await made.informer.whenSynced()
    await vi.waitFor(() => expect(made.informer.status.isWatching).toBe(true))
    return made
  }

  const put = (namespace: string, name: string, value: string) => {
    const object = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, namespace }, data: { value } }
    const path = `/api/v1/namespaces/${namespace}/configmaps/${name}?fieldManager=test&force=true`
    return plane().request('PATCH', path, JSON.stringify(object))
  }
  const remove = (namespace: string, name: string) =>
    plane().request('DELETE', `/api/v1/namespaces/${namespace}/configmaps/${name}`)
  const valueOf = ({ informer, namespace }: World, name: string) =>
    (informer.get(namespace, name)?.['data'] as { value: string } | undefined)?.value

  test('holds what is there, and tells what changes', async () => {
    const namespace = await plane().createNamespace()
    await put(namespace, 'one', '1')
    const made = await synced({ namespace })
    expect(made.informer.list().map(({ kind, metadata }) => `${kind} ${metadata.name}`)).toEqual(['ConfigMap one'])
    await put(namespace, 'one', '2')
    await put(namespace, 'two', '1')
    await remove(namespace, 'one')
    await vi.waitFor(() => expect(made.told).toEqual(['added one', 'changed one', 'added two', 'deleted one']))
    expect(made.informer.list(namespace)).toHaveLength(1)
    expect(made.informer.list('elsewhere')).toEqual([])
  })

  test('holds no managedFields, and only what is to be kept', async () => {
    const namespace = await plane().createNamespace()
    await put(namespace, 'one', '1')
    const { informer } = await synced({ namespace, keep: ({ data: _data, ...rest }) => rest })
    const [one] = informer.list()
    expect(Object.keys(one ?? {})).not.toContain('data')
    expect(Object.keys(one?.metadata ?? {})).not.toContain('managedFields')
  })

  test('can be asked to freeze what it holds', async () => {
    const namespace = await plane().createNamespace()
    await put(namespace, 'one', '1')
    const { informer } = await synced({ namespace, freeze: true })
    const data = informer.list()[0]?.['data'] as Record<string, string>
    expect(() => (data['value'] = 'changed')).toThrow('read only')
  })

  test('an object that no longer has the label is deleted for it', async () => {
    const made = await synced({ labelSelector: 'part=yes' })
    const { namespace, told } = made
    const labelled = (part: string) => ({
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'one', namespace, labels: { part } },
    })
    await made.kube.apply(CONFIG_MAP, labelled('yes'))
    await made.kube.apply(CONFIG_MAP, labelled('no'))
    await vi.waitFor(() => expect(told).toEqual(['added one', 'deleted one']))
  })

  test('goes on where a handler throws, and counts it', async () => {
    const told: string[] = []
    const onChange = ({ object }: Change<KubeObject>) => {
      told.push(object.metadata.name)
      throw new Error('of the handler')
    }
    const { informer, namespace } = await synced({ onChange })
    await put(namespace, 'one', '1')
    await put(namespace, 'two', '1')
    await vi.waitFor(() => expect(told).toEqual(['one', 'two']))
    expect(informer.status).toMatchObject({ failedHandlers: 2, problem: undefined })
  })

  /** What a proxy does to the watch, the reason it is counted by, and whether only a list helps. */
  const EXPIRED = { kind: 'Status', apiVersion: 'v1', status: 'Failure', code: 410, reason: 'Expired' }
  const errorEvent = (status: object) => `${JSON.stringify({ type: 'ERROR', object: status })}\n`
  const BREAKS: Record<string, { reason: Reason; relists?: boolean; hit: (proxy: FaultyProxy) => number }> = {
    'ends in order': { reason: 'closed', hit: (proxy) => proxy.end(isWatch) },
    'is reset': { reason: 'cut', hit: (proxy) => proxy.reset(isWatch) },
    'falls silent': { reason: 'silent', hit: (proxy) => proxy.stall(isWatch) },
    'says 410 in an event': {
      reason: 'expired',
      relists: true,
      hit: (proxy) => {
        proxy.inject(isWatch, errorEvent(EXPIRED))
        return proxy.stall(isWatch)
      },
    },
    'says 410 as an answer': {
      reason: 'expired',
      relists: true,
      hit: (proxy) => {
        proxy.fault(isWatch, { status: 410, body: EXPIRED }, 1)
        return proxy.reset(isWatch)
      },
    },
    'says 500 in an event': {
      reason: 'failed',
      hit: (proxy) => {
        proxy.inject(isWatch, errorEvent({ kind: 'Status', code: 500, reason: 'InternalError' }))
        return proxy.stall(isWatch)
      },
    },
    'breaks off within a line': {
      reason: 'closed',
      hit: (proxy) => {
        proxy.inject(isWatch, '{"type":"MODIFIED","object":{"metadata":{"name":"on')
        return proxy.end(isWatch)
      },
    },
    'sends what is no event': {
      reason: 'malformed',
      hit: (proxy) => {
        proxy.inject(isWatch, '<html>\n')
        return proxy.stall(isWatch)
      },
    },
    'sends a line without end': {
      reason: 'malformed',
      hit: (proxy) => {
        proxy.inject(isWatch, 'x'.repeat(4 * 1024 * 1024 + 1))
        return proxy.stall(isWatch)
      },
    },
    'is answered with 429 for a while': {
      reason: 'throttled',
      hit: (proxy) => {
        proxy.fault(isWatch, { status: 429, headers: { 'retry-after': '7' } }, 2)
        return proxy.reset(isWatch)
      },
    },
    'finds nobody for a while': {
      reason: 'refused',
      hit: (proxy) => {
        proxy.fault(isWatch, 'reset', 5)
        return proxy.reset(isWatch)
      },
    },
  }
  for (const [what, { reason, relists = false, hit }] of Object.entries(BREAKS)) {
    test(`a watch that ${what}: what happened meanwhile is told once, within 160 s`, async () => {
      const namespace = await plane().createNamespace()
      for (const name of ['edited', 'gone', 'replaced', 'same']) await put(namespace, name, '1')
      const made = await synced({ namespace })
      const { proxy, clock, informer, told } = made
      told.length = 0
      expect(hit(proxy)).toBe(1)
      await put(namespace, 'edited', '2')
      await remove(namespace, 'gone')
      await remove(namespace, 'replaced')
      await put(namespace, 'replaced', '2')
      await put(namespace, 'fresh', '1')
      const passedMs = await until(clock, () => valueOf(made, 'fresh') === '1', 'the new object is not seen')
      expect(passedMs).toBeLessThanOrEqual(160_000)
      const expected = ['added fresh', 'added replaced', 'changed edited', 'deleted gone', 'deleted replaced']
      expect(told.toSorted()).toEqual(expected)
      expect(valueOf(made, 'edited')).toBe('2')
      expect(informer.status.restarts[reason]).toBeGreaterThan(0)
      expect(informer.status.lists).toBe(relists ? 2 : 1)
    })
  }

  test('waits for a server that restarts, without a storm, and is in step soon after', async () => {
    const made = await synced()
    const { proxy, clock, namespace, told } = made
    await put(namespace, 'before', '1')
    await vi.waitFor(() => expect(told).toEqual(['added before']))
    const before = proxy.requests.length
    await proxy.down()
    await plane().stop()
    await clock.advance(300_000)
    expect(made.informer.status.problem?.reason).toBe('refused')
    expect(made.informer.synced).toBe(true)
    await plane().start()
    await proxy.up()
    await put(namespace, 'after', '1')
    const passedMs = await until(clock, () => told.includes('added after'), 'not in step')
    expect(passedMs).toBeLessThanOrEqual(30_000)
    expect(proxy.requests.length - before).toBeLessThan(10)
    expect(made.informer.status.problem).toBeUndefined()
    expect(told).toEqual(['added before', 'added after'])
  })

  test('a first list that fails is tried again', async () => {
    const namespace = await plane().createNamespace()
    await put(namespace, 'one', '1')
    const proxy = await startFaultyProxy({ url: plane().url, ca: plane().ca })
    closers.push(() => proxy[Symbol.asyncDispose]())
    proxy.fault(isRead, { status: 500 }, 3)
    const clock = new VirtualClock()
    const kube = await openClient({ config: proxy.config(plane().token), ...OURS, clock })
    const informer = openInformer({ client: kube, kind: CONFIG_MAP, namespace, clock, onChange: () => undefined })
    closers.push(
      () => kube.close(),
      () => informer.close(),
    )
    await until(clock, () => informer.synced, 'not synced')
    expect(informer.list()).toHaveLength(1)
    expect(proxy.requests.filter(isRead)).toHaveLength(4)
  })

  test('a kind that is missing is a state: it says so, asks seldom, and follows once the kind is there', async () => {
    const made = await world({ kind: WIDGET, namespace: await plane().createNamespace() })
    const { clock, informer, proxy } = made
    await vi.waitFor(() => expect(informer.status.problem?.reason).toBe('missing'))
    expect(informer.synced).toBe(false)
    await clock.advance(60_000)
    expect(proxy.requests.length).toBeLessThanOrEqual(4)
    await installWidget(plane())
    expect(await until(clock, () => informer.synced, 'not synced')).toBeLessThanOrEqual(60_000)
    expect(informer.status.problem).toBeUndefined()
  })

  test('a kind that is forbidden is a state, too, and so is a grant', async () => {
    const namespace = await plane().createNamespace()
    const token = await plane().createToken({ namespace, name: 'stranger' })
    const { clock, informer, proxy } = await world({ namespace }, token)
    await vi.waitFor(() => expect(informer.status.problem?.reason).toBe('forbidden'))
    await clock.advance(59_000)
    expect(proxy.requests).toHaveLength(1)
    const rbac = `/apis/rbac.authorization.k8s.io/v1/namespaces/${namespace}`
    const rules = [{ apiGroups: [''], resources: ['configmaps'], verbs: ['list', 'watch'] }]
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'reader' }
    const subjects = [{ kind: 'ServiceAccount', name: 'stranger', namespace }]
    await plane().request('POST', `${rbac}/roles`, { metadata: { name: 'reader' }, rules })
    await plane().request('POST', `${rbac}/rolebindings`, { metadata: { name: 'reader' }, roleRef, subjects })
    expect(await until(clock, () => informer.synced, 'not synced')).toBeLessThanOrEqual(80_000)
  })

  test('who waits for it is told when it is closed before', async () => {
    const { informer } = await world({ kind: POD_MONITOR })
    const [waiting] = [informer.whenSynced().catch((error: unknown) => error), informer.close()]
    expect(await waiting).toMatchObject({ message: 'the informer of podmonitors was closed' })
  })
})

const WIDGET: Kind = {
  group: 'informer.test',
  version: 'v1',
  plural: 'widgets',
  kind: 'Widget',
  namespaced: true,
}

async function installWidget(plane: ControlPlane): Promise<void> {
  const { group, version, plural, kind } = WIDGET
  const schema = { openAPIV3Schema: { type: 'object' } }
  const body = {
    metadata: { name: `${plural}.${group}` },
    spec: {
      group,
      scope: 'Namespaced',
      names: { plural, kind },
      versions: [{ name: version, served: true, storage: true, schema }],
    },
  }
  await plane.request('POST', '/apis/apiextensions.k8s.io/v1/customresourcedefinitions', body)
  const path = `/apis/${group}/${version}/${plural}`
  await vi.waitFor(async () => expect((await plane.request('GET', path)).status).toBe(200), { timeout: 10_000 })
}
