// The operator under pressure: many events, failures, an API server that is away.
import { setTimeout as pause } from 'node:timers/promises'
import { expect, test, vi } from 'vitest'
import { describeWithControlPlane } from '../../test/kubernetes/controlplane.ts'
import { FEED, type House, openHouse, SPEC, WAIT } from '../../test/kubernetes/house.ts'
import { startOperatorProcess } from '../../test/kubernetes/operator.ts'
import type { KubeClient } from '../kube/client.ts'
import { DEPLOYMENT, type Kind, NETWORK_POLICY, POD, SERVICE, SERVICE_ACCOUNT } from '../kube/objects.ts'
import { Fights } from './fights.ts'

const MORE = { ...SPEC, feeds: [{ ...FEED, symbols: [...FEED.symbols, 'SOL-USDT'] }] }
const AWAY_MS = 8_000

test('whoever changes another field each time is fought no more than whoever changes the same', () => {
  const fights = new Fights()
  const id = 'n/majors Service/majors'
  const may = (path: string, nowMs: number) => {
    const isAllowed = fights.mayCorrect(id, path, nowMs)
    if (isAllowed) fights.corrected(id, path, nowMs)
    return isAllowed
  }
  // What could not be put right is no fight.
  for (let i = 0; i < 20; i += 1) expect(fights.mayCorrect(id, 'spec.ports', i)).toBe(true)
  // By hand, now and then: always put right.
  for (let minute = 0; minute < 20; minute += 1) expect(may('spec.ports', minute * 60_000)).toBe(true)
  const startMs = 7_200_000
  const tries = Array.from({ length: 10 }, (_, i) =>
    may(i % 2 === 0 ? 'spec.ports' : 'spec.selector', startMs + i * 200),
  )
  expect(tries).toEqual([true, true, true, true, true, false, false, false, false, false])
  expect(fights.left('n/majors ', startMs + 2_000)).toEqual(['Service/majors spec.selector'])
  const againMs = fights.againMs('n/majors ', startMs + 2_000) ?? 0
  expect(againMs).toBeGreaterThan(290_000)
  expect(may('spec.ports', startMs + 2_000 + againMs)).toBe(true)
})

describeWithControlPlane('the operator under pressure', { controllerManager: true, audit: true }, (plane) => {
  vi.setConfig({ testTimeout: 150_000 })

  test('a thousand events while a pass runs lead to one more pass', async () => {
    const gate = new Gate()
    await using house = await openHouse(plane(), { through: (client) => gate.before(client) })
    await house.apply('majors', SPEC)
    await house.settled('majors')
    await house.quiet()
    gate.close()
    await house.apply('majors', { ...SPEC, paused: true })
    await vi.waitFor(() => expect(gate.waiting).toBe(1), WAIT)
    const passes = house.passes()
    const [pod] = await house.list(POD)
    const targets: [Kind, string][] = [
      [SERVICE, 'majors'],
      [NETWORK_POLICY, 'majors'],
      [SERVICE_ACCOUNT, 'majors'],
      [DEPLOYMENT, 'majors-0-a'],
      [POD, pod?.metadata.name ?? ''],
    ]
    await Promise.all(targets.map(([kind, name]) => changeOften(house, kind, name, 200)))
    const seen = () =>
      house.operator.controller.watches.reduce((sum, { informer }) => sum + (informer.status.events['changed'] ?? 0), 0)
    await vi.waitFor(() => expect(seen()).toBeGreaterThanOrEqual(1_000), WAIT)
    await vi.waitFor(() => expect(seenLast(house, targets)).toBe(targets.length), WAIT)
    gate.open()
    await house.says('majors', 'Progressing', { reason: 'Paused' })
    await house.quiet()
    // That which ran, one more, and one for the status that was written.
    expect(house.passes() - passes).toBeLessThanOrEqual(3)
  })

  test('two Collectors that fail, slowly, do not delay a third', async () => {
    const through = (client: KubeClient): KubeClient => ({
      ...client,
      async apply(kind, object, subresource) {
        if (object.metadata.name.startsWith('bad')) {
          await pause(500)
          throw new Error('refused by the test')
        }
        return client.apply(kind, object, subresource)
      },
    })
    await using house = await openHouse(plane(), { through })
    await house.apply('good', SPEC)
    await house.settled('good')
    await Promise.all([house.apply('bad-1', SPEC), house.apply('bad-2', SPEC)])
    await vi.waitFor(() => expect(house.operator.controller.queue.status.running).toBe(2), WAIT)
    const beganMs = performance.now()
    await house.apply('good', MORE)
    await vi.waitFor(async () => expect((await house.documents())[0]).toContain('SOL-USDT'), WAIT)
    // One second where nothing else runs.
    expect(performance.now() - beganMs).toBeLessThan(5_000)
  })

  test('what fails is tried at growing intervals, and an edit at once', async () => {
    const trouble: { error: Error | undefined } = { error: undefined }
    await using house = await openHouse(plane(), { through: (client) => failing(client, trouble) })
    trouble.error = new Error('refused by the test')
    await house.apply('majors', SPEC)
    const waits = () => house.lines.flatMap(({ waitMs }) => (typeof waitMs === 'number' ? [waitMs] : []))
    await vi.waitFor(() => expect(Math.max(...waits())).toBeGreaterThan(1_000), WAIT)
    for (const [i, ms] of waits().entries()) {
      expect(ms).toBeGreaterThanOrEqual(5 * 2 ** i * 0.8)
      expect(ms).toBeLessThanOrEqual(5 * 2 ** i)
    }
    expect(await house.condition('majors', 'Degraded')).toMatchObject({ status: 'True', reason: 'ApplyFailed' })
    // The API server asks for a long wait; who edits does not wait for it.
    trouble.error = Object.assign(new Error('busy'), { retryAfterMs: 60_000 })
    await house.apply('majors', MORE)
    await vi.waitFor(() => expect(waits().at(-1)).toBe(60_000), WAIT)
    trouble.error = undefined
    await house.apply('majors', SPEC)
    await vi.waitFor(async () => expect(await house.list(DEPLOYMENT)).toHaveLength(1), { ...WAIT, timeout: 20_000 })
  })

  test('an exception in a pass, and one in what listens to a watch, are counted, and the work goes on', async () => {
    const trouble = { throwsLeft: 3 }
    const through = (client: KubeClient): KubeClient => ({
      ...client,
      apply(kind, object, subresource) {
        if (kind === DEPLOYMENT && trouble.throwsLeft-- > 0) throw new TypeError('nobody foresaw this')
        return client.apply(kind, object, subresource)
      },
    })
    const addressOf = () => {
      throw new TypeError('nor this')
    }
    await using house = await openHouse(plane(), { through, more: { addressOf } })
    await house.apply('majors', SPEC)
    await house.settled('majors')
    expect(house.operator.controller.queue.status.failedPasses).toBeGreaterThan(0)
    const failed = house.operator.controller.watches.map(({ informer }) => informer.status.failedHandlers)
    expect(Math.max(...failed)).toBeGreaterThan(0)
    expect(house.lines.map(({ msg }) => msg)).toContain('a pass failed; it is tried again')
  })

  test('a shard that flaps leads to few Events', async () => {
    await using house = await openHouse(plane())
    await house.apply('majors', SPEC)
    await house.settled('majors')
    for (let i = 0; i < 16; i += 1) {
      const [fate, status] = i % 2 === 0 ? (['unready', 'False'] as const) : (['ready', 'True'] as const)
      house.kubelet.decide(() => fate)
      await house.says('majors', 'Ready', { status })
    }
    await house.operator.recorder.flush()
    const writes = house.requests().filter(({ uri }) => uri.includes('/events'))
    expect(writes.length).toBeGreaterThan(2)
    // Nine at once, and one more each seven minutes.
    expect(writes.length).toBeLessThanOrEqual(11)
  })

  test('an API server that is away is not stormed, no process ends, and work goes on when it is back', async () => {
    await using house = await openHouse(plane())
    await using other = await openHouse(plane())
    await other.stop()
    const namespaces = [other.namespace]
    await using operator = await startOperatorProcess({ plane: plane(), image: 'marketprism:test', namespaces })
    const both = [house, other]
    for (const one of both) await one.apply('majors', SPEC)
    for (const one of both) await one.settled('majors')
    const pods = async () =>
      (await Promise.all(both.map((one) => one.list(POD)))).flat().map(({ metadata }) => metadata.uid)
    const running = await pods()
    const tries = () =>
      house.operator.controller.watches.map(({ informer: { status } }) => status.lists + status.watches)
    await plane().kill()
    const [before, awayMs] = [tries(), performance.now()]
    await pause(AWAY_MS)
    const seconds = (performance.now() - awayMs) / 1_000
    for (const [i, count] of tries().entries()) expect(count - (before[i] ?? 0)).toBeLessThan(seconds)
    await plane().start()
    const backMs = performance.now()
    expect(await pods()).toEqual(running)
    for (const one of both) await one.apply('majors', MORE)
    for (const one of both) {
      await vi.waitFor(async () => expect((await one.documents())[0]).toContain('SOL-USDT'), WAIT)
    }
    expect(performance.now() - backMs).toBeLessThan(30_000)
    expect(operator.child.exitCode).toBeNull()
  })
})

/** Holds back writes of a Collector's status. */
class Gate {
  #opened = Promise.resolve()
  #open = (): void => {}
  waiting = 0

  close(): void {
    this.#opened = new Promise((resolve) => (this.#open = resolve))
  }

  open(): void {
    this.#open()
  }

  before(client: KubeClient): KubeClient {
    const apply: KubeClient['apply'] = async (kind, object, subresource) => {
      if (subresource === 'status') {
        this.waiting += 1
        await this.#opened
        this.waiting -= 1
      }
      return client.apply(kind, object, subresource)
    }
    return { ...client, apply }
  }
}

/** A client that cannot apply configs while there is an error. */
function failing(client: KubeClient, trouble: { readonly error: Error | undefined }): KubeClient {
  return {
    ...client,
    apply(kind, object, subresource) {
      if (trouble.error !== undefined && kind.kind === 'ConfigMap') return Promise.reject(trouble.error)
      return client.apply(kind, object, subresource)
    },
  }
}

async function changeOften(house: House, kind: Kind, name: string, times: number): Promise<void> {
  for (let i = 1; i <= times; i += 1) await house.patch(kind, name, { metadata: { annotations: { n: String(i) } } })
}

/** How many of the objects the operator's caches hold as {@link changeOften} left them. */
function seenLast({ operator, namespace }: House, targets: readonly [Kind, string][]): number {
  return targets.filter(([{ kind }, name]) => {
    const watch = operator.controller.watches.find((one) => one.kind === kind)
    return watch?.informer.get(namespace, name)?.metadata.annotations?.['n'] === '200'
  }).length
}
