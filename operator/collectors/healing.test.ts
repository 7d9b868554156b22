// Healing from end to end, as far as there is an API server and no node: what pods say is said by a server of the test.
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test, vi } from 'vitest'
import { describeWithControlPlane } from '../../test/kubernetes/controlplane.ts'
import { FEED, type House, hurriedClock, openHouse, SINK, SPEC, WAIT } from '../../test/kubernetes/house.ts'
import { sampleSummary } from '../../test/support/healing.ts'
import type { Summary } from '../healing/summary.ts'
import { DISRUPTION_BUDGET, type KubeObject, POD } from '../kube/objects.ts'

const HOUR_MS = 3_600_000
const CRASHING = { waiting: 'CrashLoopBackOff', restarts: 4 } as const
const THREE = {
  feeds: [
    { ...FEED, symbols: ['BTC-USDT'] },
    { ...FEED, exchange: 'okx', symbols: ['BTC-USDT'] },
    { exchange: 'deribit', market: 'perpetual', symbols: ['BTC-USD'], types: ['trade'] },
  ],
  sink: SINK,
  shards: 3,
}

describeWithControlPlane('healing', { controllerManager: true, audit: true }, (plane) => {
  vi.setConfig({ testTimeout: 150_000 })

  test('replaces a pod that crashes again and again, once, and writes down what it did', async () => {
    await using house = await openHouse(plane(), { more: { clocks: { healing: hurriedClock(20) } } })
    await house.apply('majors', { ...SPEC, shards: 3 })
    await house.settled('majors')
    const pods = await house.list(POD)
    const [sick] = pods
    const others = pods.slice(1).map(({ metadata }) => metadata.uid)
    house.kubelet.decide(({ metadata }) => (metadata.uid === sick?.metadata.uid ? CRASHING : 'ready'))
    await vi.waitFor(async () => {
      const uids = (await house.list(POD)).map(({ metadata }) => metadata.uid)
      expect(uids).not.toContain(sick?.metadata.uid)
      expect(uids).toEqual(expect.arrayContaining(others))
      expect(uids).toHaveLength(3)
    }, WAIT)
    await house.settled('majors')
    const about = { shard: sick?.metadata.name.replace(/-a-.*/, ''), action: 'replace', reason: 'CrashLoop' }
    await vi.waitFor(async () => {
      const actions = (await house.status('majors'))?.healing?.actions
      expect(actions).toHaveLength(1)
      expect(actions?.[0]).toMatchObject({
        ...about,
        uid: sick?.metadata.uid,
        outcome: expect.stringMatching(/ready|helped/),
      })
    }, WAIT)
    await vi.waitFor(async () => {
      const said = (await house.events('majors')).map(({ type, reason, action }) => `${type} ${reason} ${action}`)
      expect(said).toContain('Warning CrashLoop Replace')
    }, WAIT)
    expect(audits(house)).toContainEqual(
      expect.objectContaining({
        ...about,
        who: 'test',
        result: 'done',
        collector: 'majors',
        namespace: house.namespace,
      }),
    )
    const evictions = house.writes().filter(({ uri }) => uri.includes('/eviction'))
    expect(evictions.map(({ code }) => code)).toEqual([201])
  })

  test('lets a crashing pod be while its Collector is paused, and where healing is only to observe', async () => {
    await using house = await openHouse(plane(), { more: { clocks: { healing: hurriedClock(20) } } })
    await house.apply('paused', { ...SPEC, paused: false })
    await house.apply('watched', { ...SPEC, selfHealing: { mode: 'observe' } })
    for (const name of ['paused', 'watched']) await house.settled(name)
    await house.apply('paused', { ...SPEC, paused: true })
    await house.says('paused', 'Progressing', { reason: 'Paused' })
    // A third that is well, so that it is no storm.
    for (const name of ['well-1', 'well-2', 'well-3', 'well-4']) await house.apply(name, SPEC)
    for (const name of ['well-1', 'well-2', 'well-3', 'well-4']) await house.settled(name)
    const uids = async () => (await house.list(POD)).map(({ metadata }) => metadata.uid)
    const before = await uids()
    house.kubelet.decide(({ metadata }) => (metadata.name.startsWith('well') ? 'ready' : CRASHING))
    await vi.waitFor(() => {
      const holds = audits(house).map(({ collector, held }) => `${String(collector)} ${String(held)}`)
      expect(holds).toEqual(expect.arrayContaining(['paused Paused', 'watched Observing']))
    }, WAIT)
    expect(await uids()).toEqual(before)
    expect(house.writes().filter(({ uri }) => uri.includes('/eviction'))).toEqual([])
  })

  test('touches no pod when the exchange is down for all, and replaces one that alone receives nothing', async () => {
    const down = new Set<string>()
    await using said = await startSummaries((pod) => summaryOf(down.has(pod) || down.has('all')))
    const clocks = { healing: hurriedClock(30, HOUR_MS) }
    await using house = await openHouse(plane(), { more: { clocks, addressOf: said.addressOf } })
    await house.apply('three', THREE)
    await house.settled('three')
    const pods = (await house.list(POD)).map(({ metadata }) => metadata.uid)
    await vi.waitFor(() => expect(said.asked()).toEqual(expect.arrayContaining(pods)), WAIT)

    down.add('all')
    await house.says('three', 'Degraded', { status: 'True', reason: 'ChannelsStale' })
    const message = async () => (await house.condition('three', 'Degraded'))?.message
    await vi.waitFor(async () => {
      expect(await message()).toContain('Down at the exchange, for all pods that collect it: okx:perpetual')
    }, WAIT)
    // Five minutes of it, as healing counts them.
    const [endMs, seen] = [performance.now() + 10_000, new Set<string | undefined>()]
    await vi.waitFor(async () => {
      for (const { metadata } of await house.list(POD)) seen.add(metadata.uid)
      expect(performance.now()).toBeGreaterThan(endMs)
    }, WAIT)
    expect(seen).toEqual(new Set(pods))
    expect(house.writes().filter(({ uri }) => uri.includes('/eviction'))).toEqual([])
    expect((await house.status('three'))?.healing).toBeUndefined()
    expect(audits(house).filter(({ result }) => result !== 'held')).toEqual([])

    // The exchange is back, but for one pod: now it is the pod.
    const [first = ''] = pods
    down.clear()
    down.add(first)
    await vi.waitFor(
      async () => {
        const now = (await house.list(POD)).map(({ metadata }) => metadata.uid)
        expect(now).toHaveLength(3)
        expect(now).not.toContain(first)
        expect(now).toEqual(expect.arrayContaining(pods.slice(1)))
      },
      { ...WAIT, timeout: 60_000 },
    )
    await vi.waitFor(async () => {
      expect((await house.status('three'))?.healing?.actions).toMatchObject([{ reason: 'ChannelsStale', uid: first }])
    }, WAIT)
  })

  test('a drain is not blocked by a single publisher, and leaves one of two', async () => {
    await using house = await openHouse(plane())
    await house.apply('single', SPEC)
    await house.apply('pair', { ...SPEC, redundancy: 2 })
    for (const name of ['single', 'pair']) await house.settled(name)
    const podsOf = async (name: string) => (await house.list(POD)).filter((pod) => pod.metadata.name.startsWith(name))
    const evict = ({ metadata: { name, uid = '' } }: KubeObject) => house.client.evict(house.namespace, name, uid)
    const [single] = await podsOf('single')
    expect(await evict(single as KubeObject)).toBe('evicted')

    const [budget, ...more] = await house.list(DISRUPTION_BUDGET)
    expect(more).toEqual([])
    expect(budget?.['spec']).toMatchObject({ maxUnavailable: 1, unhealthyPodEvictionPolicy: 'AlwaysAllow' })
    await vi.waitFor(async () => {
      const status = (await house.list(DISRUPTION_BUDGET))[0]?.['status']
      expect(status).toMatchObject({ disruptionsAllowed: 1, currentHealthy: 2 })
    }, WAIT)
    house.kubelet.decide((pod) => (pod.metadata.name.startsWith('pair') ? 'unready' : 'ready'))
    const pair = await podsOf('pair')
    const [one, other] = pair as [KubeObject, KubeObject]
    // A pod that is not ready never blocks a drain.
    await vi.waitFor(async () => {
      expect((await house.list(DISRUPTION_BUDGET))[0]?.['status']).toMatchObject({ currentHealthy: 0 })
    }, WAIT)
    expect(await evict(one)).toBe('evicted')
    house.kubelet.decide(({ metadata }) => (metadata.uid === other.metadata.uid ? 'ready' : 'unready'))
    await vi.waitFor(async () => {
      expect((await house.list(DISRUPTION_BUDGET))[0]?.['status']).toMatchObject({ currentHealthy: 1 })
    }, WAIT)
    // The other is all that is left.
    expect(await evict(other)).toBe('refused')
    house.kubelet.decide(() => 'ready')
    for (const name of ['single', 'pair']) await house.settled(name)
    await vi.waitFor(async () => expect(await evict(other)).toBe('evicted'), WAIT)
  })
})

/** Lines of healing's audit log. */
function audits({ lines }: House): House['lines'] {
  return lines.filter(({ audit }) => audit === 'healing')
}

const MARKETS = ['binance:perpetual', 'okx:perpetual', 'deribit:perpetual']

/** A pod that is well, or receives nothing from one market. */
function summaryOf(isDown: boolean): Summary {
  const well = sampleSummary(MARKETS)
  if (!isDown) return well
  const okx = { channels: 10, live: 0, stale: 10, sessionsOpen: 0, sessions: 1 }
  const channels = { ...well.channels, live: 20, stale: 10 }
  return { ...well, channels, markets: { ...well.markets, 'okx:perpetual': okx } }
}

const PORTS = 8

/** Answers for pods, each at a port of its own. */
async function startSummaries(of: (uid: string) => Summary) {
  const uids: string[] = []
  const asked = new Set<string>()
  const servers = Array.from({ length: PORTS }, (_, i) =>
    createServer((_request, response) => {
      const uid = uids[i] ?? ''
      asked.add(uid)
      response.setHeader('content-type', 'application/json').end(JSON.stringify(of(uid)))
    }).listen(0, '127.0.0.1'),
  )
  await Promise.all(servers.map((server) => once(server, 'listening')))
  return {
    asked: () => [...asked],
    addressOf({ metadata: { uid = '' } }: KubeObject) {
      if (!uids.includes(uid)) uids.push(uid)
      const server = servers[uids.indexOf(uid)]
      return server === undefined ? undefined : { host: '127.0.0.1', port: (server.address() as AddressInfo).port }
    },
    async [Symbol.asyncDispose]() {
      for (const server of servers) {
        server.closeAllConnections()
        await once(server.close(), 'close')
      }
    },
  }
}
