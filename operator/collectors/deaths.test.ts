// The operator dies after each single write, and the one that follows ends what it began.
//
// Always: the API server has done the write, its answer is not told, and nothing else of the dead one arrives; the next
// one knows nothing but what the cluster holds. An operator that nobody hurts shows before where each step ends, down to
// the generation of every object, so that a write too many would be seen. Once with real processes and SIGKILL; for the
// rest of the story an operator of this process, cut off and forgotten, is as dead and is born ten times as fast.
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { type ControlPlane, describeWithControlPlane } from '../../test/kubernetes/controlplane.ts'
import { type FaultyProxy, type Seen, startFaultyProxy } from '../../test/kubernetes/faultyproxy.ts'
import { FEED, type House, openHouse, SINK, WAIT } from '../../test/kubernetes/house.ts'
import { installMonitoring, uninstallMonitoring } from '../../test/kubernetes/monitoring.ts'
import { startOperatorProcess } from '../../test/kubernetes/operator.ts'
import { APPLIED } from '../kube/apply.ts'
import { ApiError } from '../kube/errors.ts'
import { type Kind, type KubeObject, LEASE, pathOf, POD_MONITOR, PROMETHEUS_RULE } from '../kube/objects.ts'
import { COLLECTOR, MADE, TEMPLATE } from './kinds.ts'
import type { Status } from './status.ts'

const NAME = 'majors'
const SYMBOLS = ['BTC-USDT', 'ETH-USDT', 'SOL-USDT', 'XRP-USDT']

type Step = readonly [name: string, spec: object]
/** What a user does, one after another. */
const STEPS: readonly Step[] = [
  ['create', specOf(SYMBOLS.slice(0, 3), 1, true)],
  ['change', specOf(SYMBOLS, 1, true)],
  ['scale up', specOf(SYMBOLS, 2, true)],
  ['take the alerts away', specOf(SYMBOLS, 2, false)],
  ['scale down', specOf(SYMBOLS, 1, false)],
]

function specOf(symbols: readonly string[], shards: number, hasAlerts: boolean): object {
  const monitoring = { alerts: { enabled: hasAlerts }, dashboards: { enabled: false } }
  return { feeds: [{ ...FEED, symbols }], sink: SINK, shards, monitoring }
}

const isWrite = ({ method, path }: Seen): boolean => method !== 'GET' && !/\/(?:leases|events)(?:\/|$)/.test(path)
const isStatus = ({ path }: Seen): boolean => path.endsWith('/status')
const textOf = ({ method, path }: Seen): string => `${method} ${path}`

describeWithControlPlane('an operator that dies after each write', { controllerManager: true }, (plane) => {
  vi.setConfig({ testTimeout: 240_000 })

  test('is followed by one that ends every step where one that lives does', async () => {
    await installMonitoring(plane(), 'podmonitors', 'prometheusrules')
    await using stage = await openStage(plane(), inProcess)
    expect(await deathsOf(stage, STEPS)).toBeGreaterThan(20)
    await uninstallMonitoring(plane(), 'podmonitors', 'prometheusrules')
  })

  test('by SIGKILL is followed by a process that ends what it began', async () => {
    await using stage = await openStage(plane(), asProcess)
    expect(await deathsOf(stage, STEPS.slice(0, 1))).toBeGreaterThan(5)
  })
})

/** An operator at work. */
interface Operator {
  /** From now on nothing of it arrives; resolves when all that it had is gone. */
  kill(): Promise<void>
}

interface Stage extends AsyncDisposable {
  readonly house: House
  readonly proxy: FaultyProxy
  /** Begins an operator, which reaches the API server through the proxy. */
  readonly start: () => Promise<Operator>
}

type Birth = (plane: ControlPlane, house: House, proxy: FaultyProxy) => Promise<Operator>

async function openStage(plane: ControlPlane, birth: Birth): Promise<Stage> {
  const house = await openHouse(plane)
  await house.stop()
  const proxy = await startFaultyProxy(plane)
  return {
    house,
    proxy,
    start: () => birth(plane, house, proxy),
    async [Symbol.asyncDispose]() {
      await house[Symbol.asyncDispose]()
      await proxy[Symbol.asyncDispose]()
    },
  }
}

const inProcess: Birth = async (plane, house, proxy) => {
  await house.start({ config: proxy.config(plane.token) })
  return {
    async kill() {
      await proxy.down()
      await house.stop()
      proxy.heal()
      await proxy.up()
    },
  }
}

const asProcess: Birth = async (plane, house, proxy) => {
  // How long the Lease of a dead one is waited for is tried in operator/main.test.ts.
  await plane.request('DELETE', pathOf(LEASE, 'default', LEASE_NAME))
  const kubeconfig = join(plane.folder, 'proxied.yaml')
  writeFileSync(kubeconfig, proxy.config(plane.token).exportConfig())
  const operator = await startOperatorProcess({
    plane: { ...plane, kubeconfig },
    image: 'marketprism:test',
    namespaces: [house.namespace],
    args: ['--lease-name', LEASE_NAME],
    isImpatient: true,
  })
  return {
    async kill() {
      operator.child.kill('SIGKILL')
      await proxy.down()
      await operator.ended()
      proxy.heal()
      await proxy.up()
    },
  }
}
const LEASE_NAME = 'mortal'

/** Tells the story twice: with an operator that lives, and with operators that die. @returns how many died */
async function deathsOf(stage: Stage, steps: readonly Step[]): Promise<number> {
  const { house } = stage
  const ends: End[] = []
  const operator = await stage.start()
  for (const [, spec] of steps) ends.push(await lived(stage, spec))
  await remove(house)
  await operator.kill()
  let deaths = 0
  for (const [i, [step, spec]] of steps.entries()) {
    await house.apply(NAME, spec)
    const writes = await died(stage, ends[i]?.state)
    const how = `${step}, dead after ${writes.map(textOf).join(', ')}`
    expect(await stateOf(house), how).toEqual(ends[i]?.state)
    expect(madeOf(writes), how).toEqual(ends[i]?.writes)
    deaths += writes.length
  }
  // Also what it may have made again before it knew that its owner is gone.
  const last = await stage.start()
  await remove(house)
  await last.kill()
  return deaths
}

/** Where a step ended, and what was written on the way, but for the status, which tells of the way, too. */
interface End {
  readonly state: unknown
  readonly writes: ReadonlySet<string>
}

/** A step with an operator that lives. */
async function lived({ house, proxy }: Stage, spec: object): Promise<End> {
  const before = proxy.requests.length
  await house.apply(NAME, spec)
  await house.settled(NAME)
  let state: unknown
  // What is pruned goes after the last pod, and the status is written after that; between two parts of a plan it may
  // have looked settled for a moment.
  await vi.waitFor(async () => {
    const [known, now] = [state, await stateOf(house)]
    state = now
    expect(now).toEqual(known)
    await house.settled(NAME)
  }, STILL)
  return { state, writes: madeOf(proxy.requests.slice(before).filter(isWrite)) }
}
/** Two looks so far apart that see the same. */
const STILL = { timeout: WAIT.timeout, interval: 1_500 }

/** A step with operators that die after each write, until it has ended as it should. @returns what each wrote */
async function died({ house, proxy, start }: Stage, end: unknown): Promise<Seen[]> {
  const writes: Seen[] = []
  for (let lives = 0; lives < LIVES_MAX; lives += 1) {
    const born = proxy.requests.length
    const death = Promise.withResolvers<Seen>()
    const afterwards = () => death.resolve(proxy.requests.slice(born).find(isWrite) as Seen)
    // Of those that are on their way at the same time one arrives.
    proxy.fault(isWrite, 'stall')
    proxy.fault(isWrite, { afterwards }, 1)
    const operator = await start()
    const life = new AbortController()
    const write = await Promise.race([death.promise, ended(house, end, life.signal)])
    life.abort()
    await operator.kill()
    if (write === undefined) break
    writes.push(write)
  }
  return writes
}
const LIVES_MAX = 40

function madeOf(writes: readonly Seen[]): Set<string> {
  return new Set(writes.filter((one) => !isStatus(one)).map(textOf))
}

/** Resolves when the step has ended, or long after it should have. */
async function ended(house: House, end: unknown, signal: AbortSignal): Promise<undefined> {
  const look = async () => signal.aborted || expect(await stateOf(house)).toEqual(end)
  await vi.waitFor(look, { ...WAIT, timeout: 2 * WAIT.timeout }).catch(() => undefined)
}

async function remove(house: House): Promise<void> {
  await house.remove(COLLECTOR, NAME)
  await vi.waitFor(async () => expect(await stateOf(house)).toEqual([]), WAIT)
}

/** All that there is of the Collector, but for what differs from one life of it to the next: uids, versions, times. */
async function stateOf(house: House): Promise<unknown[]> {
  const labelSelector = 'app.kubernetes.io/managed-by=marketprism-operator'
  const of = (kind: Kind, query = {}) =>
    house.client.list<KubeObject>(kind, house.namespace, query).then(
      ({ items }) => items,
      (error: unknown) => (error instanceof ApiError && error.status === 404 ? [] : Promise.reject(error as Error)),
    )
  const [collectors, ...made] = await Promise.all([
    of(COLLECTOR),
    ...[...MADE, POD_MONITOR, PROMETHEUS_RULE].map((kind) => of(kind, { labelSelector })),
  ])
  return [
    ...collectors.map(({ status, metadata }) => ({ generation: metadata.generation, status: timeless(status) })),
    ...made.flat().map(({ kind, metadata, spec, data }) => {
      const { name, generation, labels } = metadata
      // The hashes know the uid of the Collector.
      const { [APPLIED]: _applied, [TEMPLATE]: _template, ...annotations } = metadata.annotations ?? {}
      // An address is given by the API server.
      const { clusterIP: _one, clusterIPs: _all, ...rest } = (spec ?? {}) as Record<string, unknown>
      return { kind, name, generation, labels, annotations, spec: rest, data }
    }),
  ]
}

function timeless(status: unknown): unknown {
  const { conditions = [], ...rest } = (status ?? {}) as Status
  return { ...rest, conditions: conditions.map(({ lastTransitionTime: _, ...one }) => one) }
}
