// Leases at a real API server, by a clock that moves only while no request is under way; and by real processes that are
// killed, stopped and asked to end.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { afterEach, expect, test, vi } from 'vitest'
import { VirtualClock } from '../../collector/connection/clock.ts'
import { describeWithControlPlane } from '../../test/kubernetes/controlplane.ts'
import { type KubeClient, openClient, RequestTimeout } from './client.ts'
import { wait } from './clock.ts'
import { type Lease, openLease } from './lease.ts'
import { type KubeObject, LEASE } from './objects.ts'

const closers: (() => PromiseLike<unknown>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

/** How the network is for one candidate. */
interface Network {
  latencyMs: number
  /** Whether a request whose answer comes too late arrives all the same. */
  arrives: boolean
  isDown: boolean
}

describeWithControlPlane('a lease', {}, (plane) => {
  async function world() {
    const real = await openClient({ config: plane().config(), userAgent: 'lease-test', fieldManager: 'lease-test' })
    closers.push(() => real.close())
    const namespace = await plane().createNamespace()
    const clocks: VirtualClock[] = []
    const requests: { who: string; method: string; atMs: number }[] = []
    let underWay = 0
    let passedMs = 0

    function clientOf(who: string, clock: VirtualClock, network: Network): Pick<KubeClient, 'request'> {
      const arrive: KubeClient['request'] = (asked) => {
        requests.push({ who, method: asked.method, atMs: passedMs })
        underWay += 1
        return real.request<never>(asked).finally(() => (underWay -= 1))
      }
      return {
        async request(asked) {
          const { latencyMs, arrives, isDown } = network
          if (isDown) throw new Error('nobody is there')
          const { timeoutMs = 10_000 } = asked
          await wait(clock, Math.min(latencyMs / 2, timeoutMs))
          const isLate = latencyMs > timeoutMs
          if (isLate && arrives) await arrive(asked).catch(() => undefined)
          if (isLate) {
            await wait(clock, timeoutMs - latencyMs / 2)
            throw new RequestTimeout(asked.method, timeoutMs)
          }
          const answer = arrive(asked)
          await Promise.allSettled([answer])
          await wait(clock, latencyMs / 2)
          return answer as never
        },
      }
    }

    function candidate(identity: string, startMs?: number) {
      const clock = new VirtualClock(startMs)
      clocks.push(clock)
      const network: Network = { latencyMs: 0, arrives: true, isDown: false }
      const onLost = vi.fn<(why: string) => void>()
      const client = clientOf(identity, clock, network)
      const lease: Lease = openLease({ client, namespace, name: 'leader', identity, onLost, clock })
      closers.push(async () => {
        network.isDown = true
        let isOver = false
        void lease.release().finally(() => (isOver = true))
        while (!isOver) await clock.advance(1_000)
      })
      return { clock, network, onLost, lease }
    }

    return {
      namespace,
      real,
      requests,
      candidate,
      record: () => real.get<KubeObject & { spec: Record<string, unknown> }>(LEASE, namespace, 'leader'),
      /** Time passes for all. */
      async pass(ms: number): Promise<void> {
        for (const endMs = passedMs + ms; passedMs < endMs; passedMs += 100) {
          for (const clock of clocks) await clock.advance(100)
          await vi.waitFor(() => expect(underWay).toBe(0), { timeout: 10_000, interval: 1 })
        }
      },
      /** Time passes until it is so. Out: how much. */
      async until(isSo: () => boolean, msMax: number): Promise<number> {
        const startMs = passedMs
        while (!isSo() && passedMs - startMs < msMax) await this.pass(100)
        expect(isSo(), `not so after ${msMax} ms`).toBe(true)
        return passedMs - startMs
      },
    }
  }

  test('is held by one of two, and its record says who, since when and for how long', async () => {
    const here = await world()
    const [one, two] = [here.candidate('one'), here.candidate('two')]
    await here.until(() => one.lease.isLeading || two.lease.isLeading, 1_000)
    await here.pass(60_000)
    expect([one.lease.isLeading, two.lease.isLeading].filter(Boolean)).toHaveLength(1)
    const [leader, other] = one.lease.isLeading ? [one, two] : [two, one]
    await leader.lease.whenLeading()
    expect(leader.clock.nowMs() - (leader.lease.renewedMs ?? 0)).toBeLessThanOrEqual(5_500)
    expect(other.lease.renewedMs).toBeUndefined()
    const time = expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/)
    expect((await here.record())?.spec).toEqual({
      holderIdentity: one.lease.isLeading ? 'one' : 'two',
      leaseDurationSeconds: 30,
      acquireTime: time,
      renewTime: time,
      leaseTransitions: 0,
    })
    expect([one.lease.holder, two.lease.holder]).toEqual(Array(2).fill(leader.lease.holder))
  })

  test('renews with one write each five seconds, and reads nothing meanwhile', async () => {
    const here = await world()
    const { lease } = here.candidate('one')
    await here.until(() => lease.isLeading, 1_000)
    const before = here.requests.length
    await here.pass(60_000)
    const later = here.requests.slice(before)
    expect(new Set(later.map(({ method }) => method))).toEqual(new Set(['PUT']))
    expect(later.length).toBeGreaterThanOrEqual(11)
    expect(later.length).toBeLessThanOrEqual(15)
  })

  test('is free at once when it is released', async () => {
    const here = await world()
    const one = here.candidate('one')
    await here.until(() => one.lease.isLeading, 1_000)
    const next = here.candidate('two')
    await here.pass(10_000)
    const released = one.lease.release()
    await here.until(() => !one.lease.isLeading, 1_000)
    expect(await here.until(() => next.lease.isLeading, 30_000)).toBeLessThanOrEqual(5_100)
    await released
    expect((await here.record())?.spec).toMatchObject({ holderIdentity: 'two', leaseTransitions: 1 })
    expect(one.onLost).not.toHaveBeenCalled()
  })

  test('goes over within lease and retry where its holder is cut off; the holder knows ten seconds before', async () => {
    const here = await world()
    const one = here.candidate('one')
    await here.until(() => one.lease.isLeading, 1_000)
    const two = here.candidate('two')
    await here.pass(10_000)
    one.network.isDown = true
    const lostMs = await here.until(() => !one.lease.isLeading, 20_100)
    expect(one.onLost.mock.calls).toEqual([['no renewal within 20000 ms']])
    const takenMs = await here.until(() => two.lease.isLeading, 40_000)
    expect(lostMs + takenMs).toBeLessThanOrEqual(35_500)
    expect(takenMs).toBeGreaterThanOrEqual(9_000)
    // It is back, and does not come to life again.
    one.network.isDown = false
    const before = here.requests.length
    await here.pass(60_000)
    expect(one.lease.isLeading).toBe(false)
    expect(here.requests.slice(before).filter(({ who }) => who === 'one')).toEqual([])
    expect(one.onLost).toHaveBeenCalledTimes(1)
  })

  test('is kept over fifteen seconds without an API server', async () => {
    const here = await world()
    const one = here.candidate('one')
    await here.until(() => one.lease.isLeading, 1_000)
    await here.pass(5_100)
    one.network.isDown = true
    await here.pass(13_000)
    one.network.isDown = false
    await here.pass(30_000)
    expect(one.onLost).not.toHaveBeenCalled()
    expect(one.lease.isLeading).toBe(true)
  })

  test.for([true, false])(
    'is kept with 4 s of latency on every call, whether late requests arrive (%s) or not',
    async (arrives) => {
      const here = await world()
      const one = here.candidate('one')
      await here.until(() => one.lease.isLeading, 1_000)
      Object.assign(one.network, { latencyMs: 4_000, arrives })
      await here.pass(180_000)
      expect(one.onLost.mock.calls).toEqual([])
      expect(one.lease.isLeading).toBe(true)
    },
  )

  test('is not led any more by a process that was stopped for longer, from the first moment on', async () => {
    const here = await world()
    const one = here.candidate('one')
    await here.until(() => one.lease.isLeading, 1_000)
    await here.pass(2_000)
    one.clock.skip(40_000)
    expect(one.lease.isLeading).toBe(false)
    const before = here.requests.length
    await here.pass(10_000)
    expect(here.requests.slice(before)).toEqual([])
    expect(one.onLost).toHaveBeenCalledTimes(1)
  })

  test('is lost at once to whoever took it', async () => {
    const here = await world()
    const one = here.candidate('one')
    await here.until(() => one.lease.isLeading, 1_000)
    const record = await here.record()
    const stolen = { ...record, spec: { ...record?.spec, holderIdentity: 'thief' } }
    const path = `/apis/coordination.k8s.io/v1/namespaces/${here.namespace}/leases/leader`
    await here.real.request({ method: 'PUT', path, body: stolen })
    expect(await here.until(() => !one.lease.isLeading, 30_000)).toBeLessThanOrEqual(6_500)
    expect(one.onLost.mock.calls).toEqual([['thief took the lease']])
  })

  test('is kept where somebody labels it, and the label stays', async () => {
    const here = await world()
    const one = here.candidate('one')
    await here.until(() => one.lease.isLeading, 1_000)
    const path = `/apis/coordination.k8s.io/v1/namespaces/${here.namespace}/leases/leader`
    const body = { metadata: { labels: { theirs: 'yes' } } }
    await here.real.request({ method: 'PATCH', path, body, contentType: 'application/merge-patch+json' })
    await here.pass(60_000)
    expect(one.lease.isLeading).toBe(true)
    expect((await here.record())?.metadata.labels).toEqual({ theirs: 'yes' })
  })

  test('is made again where somebody deletes it', async () => {
    const here = await world()
    const one = here.candidate('one')
    await here.until(() => one.lease.isLeading, 1_000)
    await here.real.remove(LEASE, here.namespace, 'leader', { uid: (await here.record())?.metadata.uid ?? '' })
    await here.pass(30_000)
    expect(one.lease.isLeading).toBe(true)
    expect((await here.record())?.spec).toMatchObject({ holderIdentity: 'one' })
  })

  test('does not care that clocks are ten minutes apart', async () => {
    const here = await world()
    const startMs = 1_790_000_000_000
    const one = here.candidate('one', startMs)
    await here.until(() => one.lease.isLeading, 1_000)
    const [early, late] = [here.candidate('early', startMs - 600_000), here.candidate('late', startMs + 600_000)]
    await here.pass(120_000)
    expect([one, early, late].map(({ lease }) => lease.isLeading)).toEqual([true, false, false])
  })

  test('whoever waits to lead is told when it is released before', async () => {
    const here = await world()
    const one = here.candidate('one')
    await here.until(() => one.lease.isLeading, 1_000)
    const two = here.candidate('two')
    const [waiting] = [two.lease.whenLeading().catch((error: unknown) => error), two.lease.release()]
    await here.pass(1_000)
    expect(await waiting).toMatchObject({ message: 'the lease was released' })
  })

  test('real processes: SIGTERM hands over, SIGSTOP ends who was stopped, SIGKILL is survived', async () => {
    const namespace = await plane().createNamespace()
    const program = resolve(import.meta.dirname, '../../test/kubernetes/candidate.ts')
    const start = (identity: string) => {
      const child = spawn(process.execPath, [program, plane().kubeconfig, namespace, identity], {
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      const lines: string[] = []
      createInterface({ input: child.stdout }).on('line', (line) => lines.push(line))
      closers.push(async () => {
        if (child.exitCode !== null || child.signalCode !== null) return
        child.kill('SIGKILL')
        await once(child, 'exit')
      })
      return { child, lines, leads: () => says(lines, 'leads') }
    }
    const first = start('first')
    await first.leads()
    const second = start('second')
    await says(second.lines, 'competes')
    first.child.kill('SIGTERM')
    expect(await exitCode(first.child)).toBe(0)
    await second.leads()
    const third = start('third')
    await says(third.lines, 'competes')
    second.child.kill('SIGSTOP')
    await third.leads()
    const writes = () => plane().request<KubeObject>('GET', `/api/v1/namespaces/${namespace}/configmaps/second`)
    const before = (await writes()).body.metadata.resourceVersion
    second.child.kill('SIGCONT')
    expect(await exitCode(second.child)).toBe(1)
    expect(second.lines.at(-1)).toBe('lost')
    expect((await writes()).body.metadata.resourceVersion).toBe(before)
    third.child.kill('SIGKILL')
    await start('fourth').leads()
  }, 60_000)
})

async function says(lines: readonly string[], line: string): Promise<void> {
  await vi.waitFor(() => expect(lines).toContain(line), { timeout: 15_000, interval: 20 })
}

async function exitCode(child: ChildProcess): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  return child.exitCode
}

test('refuses times that cannot work', () => {
  const client = { request: () => Promise.reject(new Error('not asked')) }
  const options = { client, namespace: 'here', name: 'leader', identity: 'one', onLost: () => undefined }
  expect(() => openLease({ ...options, durationMs: 10_000, deadlineMs: 10_000 })).toThrow(
    'a lease needs duration > deadline > retry, not 10000, 10000, 5000 ms',
  )
})
