// Events at a real API server, by a clock that a test moves.
import { afterEach, expect, test, vi } from 'vitest'
import { VirtualClock } from '../../collector/connection/clock.ts'
import { describeWithControlPlane } from '../../test/kubernetes/controlplane.ts'
import { isRead, startFaultyProxy } from '../../test/kubernetes/faultyproxy.ts'
import { openBudgets } from './budgets.ts'
import { type KubeClient, openClient } from './client.ts'
import { openRecorder, type Recorder, type RecorderOptions, type Saying } from './events.ts'
import { CONFIG_MAP, EVENT, type KubeObject, NAMESPACE } from './objects.ts'

const OURS = { userAgent: 'events-test', fieldManager: 'events-test' }
const UNREADY: Saying = {
  type: 'Warning',
  reason: 'ShardUnready',
  message: 'Shard majors-0 is not ready.',
  action: 'Observe',
}
const READY: Saying = { type: 'Normal', reason: 'ShardReady', message: 'Shard majors-0 is ready.', action: 'Observe' }

const closers: (() => PromiseLike<unknown>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

type Event = KubeObject & {
  readonly series?: { readonly count: number }
  readonly reason: string
  readonly note: string
}

describeWithControlPlane('a recorder', {}, (plane) => {
  async function world(options: Partial<RecorderOptions> = {}) {
    const proxy = await startFaultyProxy({ url: plane().url, ca: plane().ca })
    closers.push(() => proxy[Symbol.asyncDispose]())
    const kube = await openClient({ config: proxy.config(plane().token), ...OURS })
    closers.push(() => kube.close())
    const namespace = await plane().createNamespace()
    const about = await kube.create(CONFIG_MAP, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name: 'majors', namespace },
    })
    const clock = new VirtualClock()
    const scope = { client: kube, component: 'marketprism.io/operator', instance: 'operator-0', clock }
    const recorder = openRecorder({ ...scope, ...options })
    closers.push(() => Promise.resolve(recorder.close()))
    const events = async () => (await kube.list<Event>(EVENT, namespace)).items
    const writes = () => proxy.requests.filter((seen) => !isRead(seen) && seen.path.includes('/events'))
    return { proxy, kube, namespace, about, clock, recorder, events, writes }
  }

  /** Time passes, and what is due is written. */
  async function pass(clock: VirtualClock, recorder: Recorder, ms: number): Promise<void> {
    await clock.advance(ms)
    await recorder.flush()
  }

  test('writes what kubectl shows', async () => {
    const { about, clock, recorder, events } = await world()
    recorder.say(about, UNREADY)
    await pass(clock, recorder, 0)
    const [event] = await events()
    expect(event).toMatchObject({
      type: 'Warning',
      reason: 'ShardUnready',
      action: 'Observe',
      note: 'Shard majors-0 is not ready.',
      reportingController: 'marketprism.io/operator',
      reportingInstance: 'operator-0',
      regarding: { apiVersion: 'v1', kind: 'ConfigMap', name: 'majors', uid: about.metadata.uid },
    })
    expect(event?.series).toBeUndefined()
  })

  test('counts the same thing in the Event that is there, also what was said before it was written', async () => {
    const { about, clock, recorder, events } = await world()
    for (let i = 0; i < 3; i += 1) recorder.say(about, UNREADY)
    await pass(clock, recorder, 0)
    for (let i = 0; i < 4; i += 1) recorder.say(about, UNREADY)
    await pass(clock, recorder, 0)
    expect((await events()).map(({ series }) => series?.count)).toEqual([7])
  })

  test('an hour of a shard that flaps each ten seconds makes fewer than twenty writes, and the last count is told', async () => {
    const { about, clock, recorder, events, writes } = await world()
    for (let second = 0; second < 3_600; second += 10) {
      recorder.say(about, UNREADY)
      await pass(clock, recorder, 5_000)
      recorder.say(about, READY)
      await pass(clock, recorder, 5_000)
    }
    expect(writes().length).toBeLessThan(20)
    expect((await events()).map(({ reason }) => reason).toSorted()).toEqual(['ShardReady', 'ShardUnready'])
    await pass(clock, recorder, 600_000)
    expect(recorder.status.waiting).toBe(0)
    expect((await events()).map(({ series }) => series?.count)).toEqual([360, 360])
  })

  test('a warning is told at once, however much of what is normal was told before', async () => {
    const { about, clock, recorder, events } = await world()
    for (let i = 0; i < 20; i += 1) {
      recorder.say(about, { ...READY, reason: `Ready${i}` })
      await pass(clock, recorder, 0)
    }
    // By itself: what waits for minutes does not hold it up.
    await clock.advance(10_000)
    recorder.say(about, UNREADY)
    await clock.advance(1)
    await vi.waitFor(async () => expect((await events()).map(({ reason }) => reason)).toContain('ShardUnready'), {
      timeout: 10_000,
    })
  })

  test('what waits for its turn is told later, with its newest words; another object does not wait for it', async () => {
    const { kube, namespace, about, clock, recorder, events } = await world()
    for (let i = 0; i < 20; i += 1) {
      recorder.say(about, { ...UNREADY, message: `Shard majors-0 is not ready for ${i} s.` })
      await pass(clock, recorder, 0)
    }
    expect(await events()).toHaveLength(9)
    const metadata = { name: 'minors', namespace }
    recorder.say(await kube.create(CONFIG_MAP, { apiVersion: 'v1', kind: 'ConfigMap', metadata }), READY)
    await pass(clock, recorder, 0)
    expect(await events()).toHaveLength(10)
    await pass(clock, recorder, 400_000)
    expect((await events()).map(({ note }) => note)).toContain('Shard majors-0 is not ready for 19 s.')
    expect(recorder.status).toMatchObject({ waiting: 0, dropped: 10 })
  })

  test('a thing that is said again after a long silence is a new Event', async () => {
    const { about, clock, recorder, events } = await world()
    recorder.say(about, UNREADY)
    await pass(clock, recorder, 600_000)
    recorder.say(about, UNREADY)
    await pass(clock, recorder, 0)
    expect(await events()).toHaveLength(2)
  })

  test('an Event that the server dropped meanwhile is made anew', async () => {
    const { kube, namespace, about, clock, recorder, events } = await world()
    recorder.say(about, UNREADY)
    await pass(clock, recorder, 0)
    const { uid = '', name = '' } = (await events())[0]?.metadata ?? {}
    await kube.remove(EVENT, namespace, name, { uid })
    recorder.say(about, UNREADY)
    await pass(clock, recorder, 1_000)
    await pass(clock, recorder, 1_000)
    expect(await events()).toHaveLength(1)
  })

  test('is tried three times, then dropped and counted; nobody is held up', async () => {
    const log = vi.fn<NonNullable<RecorderOptions['log']>>()
    const { proxy, about, clock, recorder, writes } = await world({ log })
    proxy.fault((seen) => seen.path.includes('/events'), { status: 500 })
    recorder.say(about, UNREADY)
    for (let i = 0; i < 5; i += 1) await pass(clock, recorder, 1_000)
    expect(writes()).toHaveLength(3)
    expect(recorder.status).toEqual({ written: 0, waiting: 0, dropped: 1 })
    expect(log).toHaveBeenCalledTimes(1)
  })

  test('a namespace that is gone takes no Events, and that is no error of ours', async () => {
    const { about, clock, recorder } = await world()
    const elsewhere = { ...about, metadata: { ...about.metadata, namespace: 'gone' } }
    recorder.say(elsewhere, UNREADY)
    await pass(clock, recorder, 0)
    expect(recorder.status).toEqual({ written: 0, waiting: 0, dropped: 1 })
  })

  test('long names and words fit, and objects without a namespace have their Events in default', async () => {
    const { kube, clock, recorder, namespace } = await world()
    const long: KubeObject = { apiVersion: 'v1', kind: 'Node', metadata: { name: 'n'.repeat(253), uid: namespace } }
    recorder.say(long, { ...UNREADY, message: 'x'.repeat(2_000) })
    await pass(clock, recorder, 0)
    expect(recorder.status).toMatchObject({ written: 1, dropped: 0 })
    const { items } = await kube.list<Event>(EVENT, 'default')
    expect(items.find(({ note }) => note.startsWith('xxx'))?.note).toHaveLength(1_024)
    expect(await kube.get(NAMESPACE, undefined, 'default')).toBeDefined()
  })
})

test('remembers no more than four thousand things, however many are said', async () => {
  const clock = new VirtualClock()
  const refuse = () => Promise.reject(new Error('nobody is there'))
  const client: Pick<KubeClient, 'create' | 'request'> = { create: refuse, request: refuse }
  const recorder = openRecorder({ client, component: 'c', instance: 'i', clock })
  for (let i = 0; i < 6_000; i += 1) {
    recorder.say({ apiVersion: 'v1', kind: 'Pod', metadata: { name: `p-${i}`, uid: `uid-${i}` } }, READY)
  }
  expect(recorder.status).toEqual({ written: 0, waiting: 4_000, dropped: 2_000 })
  recorder.close()
  expect(clock.waiting).toBe(0)
})

test('while there is work fifty are written at once and ten each second, a warning first; then all', async () => {
  let isBusy = true
  const clock = new VirtualClock()
  const told: string[] = []
  const create = async (_kind: unknown, event: KubeObject) => {
    told.push((event as Event).reason)
    return event
  }
  const client = { create, request: create } as unknown as Pick<KubeClient, 'create' | 'request'>
  const recorder = openRecorder({ client, component: 'c', instance: 'i', clock, isBusy: () => isBusy })
  const about = (i: number): KubeObject => ({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `p-${i}`, uid: `uid-${i}` },
  })
  for (let i = 0; i < 1_000; i += 1) recorder.say(about(i), READY)
  await recorder.flush()
  expect(told).toHaveLength(50)
  recorder.say(about(1_000), UNREADY)
  await clock.advance(1_000)
  await recorder.flush()
  expect(told[50]).toBe('ShardUnready')
  expect(told).toHaveLength(60)
  isBusy = false
  await clock.advance(1_000)
  await recorder.flush()
  expect(recorder.status).toEqual({ written: 1_001, waiting: 0, dropped: 0 })
  recorder.close()
})

test('a budget comes back bit by bit, and never holds more than its burst', async () => {
  const clock = new VirtualClock()
  const budgets = openBudgets(clock, 2, 1_000)
  expect([budgets.take('a'), budgets.take('a'), budgets.take('a'), budgets.take('b')]).toEqual([
    true,
    true,
    false,
    true,
  ])
  expect(budgets.waitMs('a')).toBe(1_000)
  await clock.advance(500)
  expect([budgets.take('a'), budgets.waitMs('a')]).toEqual([false, 500])
  await clock.advance(500)
  expect([budgets.take('a'), budgets.take('a')]).toEqual([true, false])
  await clock.advance(100_000)
  expect([budgets.take('a'), budgets.take('a'), budgets.take('a')]).toEqual([true, true, false])
})
