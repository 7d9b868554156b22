// operator.create, .settled, .change, .memory: the operator's process against a real control plane, with 1,000 Collectors.
//
// create: without the controller manager, so that only what is compared costs the API server anything: 1,000 Collectors
// made at once until each has its objects and its status, between two halves of a bare loop that applies the very same
// objects over as many kept-alive connections. settled, change, memory: with the controller manager, pods made ready, and summaries of
// pods whose counts of channels change. Writes are counted in the API server's audit log.
import { rmSync } from 'node:fs'
import { createServer } from 'node:http'
import { readFile } from 'node:fs/promises'
import { setTimeout as pause } from 'node:timers/promises'
import { Agent, request } from 'undici'
import { COLLECTOR, KIND_OF } from '../../operator/collectors/kinds.ts'
import { shardDocument } from '../../operator/collectors/config.ts'
import { shardPlan, target } from '../../operator/collectors/shards.ts'
import { stamped } from '../../operator/kube/apply.ts'
import type { Summary } from '../../operator/healing/summary.ts'
import { openClient, type KubeClient } from '../../operator/kube/client.ts'
import { openInformer } from '../../operator/kube/informer.ts'
import { DEPLOYMENT, type KubeObject, NAMESPACE, pathOf } from '../../operator/kube/objects.ts'
import { monitoringOf } from '../../operator/monitoring/index.ts'
import type { Desired } from '../../operator/resources/facts.ts'
import { objectsOf } from '../../operator/resources/index.ts'
import { checkCollector } from '../../crds/faults.ts'
import { type ControlPlane, startControlPlane } from '../kubernetes/controlplane.ts'
import { startKubelet } from '../kubernetes/kubelet.ts'
import { type OperatorProcess, packOperator, startOperatorProcess } from '../kubernetes/operator.ts'
import { quantile } from './measure.ts'
import { type Figure, round } from './results.ts'
import type { Context } from './suite.ts'

const COUNT = { quick: 100, whole: 1_000 }
const CONCURRENCY = 8
const CHANGES = { quick: 20, whole: 200 }
const SILENCE_MS = { quick: 20_000, normal: 60_000, long: 600_000 }
const SETTLED_MS_MAX = 900_000
const CREATED_MS_MAX = 300_000
const IMAGE = 'marketprism:test'

export async function operator(context: Context): Promise<Record<string, Figure>> {
  const packed = packOperator()
  try {
    const create = await measureCreate(context, packed)
    const rest = await measureSettled(context, packed)
    return { 'operator.create': create, ...rest }
  } finally {
    rmSync(packed, { recursive: true, force: true })
  }
}

function manifest(namespace: string, index: number, symbols = ['BTC-USDT', 'ETH-USDT']): KubeObject {
  const feed = { exchange: 'binance', market: 'spot', symbols, types: ['trade', 'orderbook', 'ticker'] }
  return {
    apiVersion: 'marketprism.io/v1alpha1',
    kind: 'Collector',
    metadata: { name: `collector-${index}`, namespace },
    spec: { feeds: [feed], sink: { nats: { servers: ['nats://nats:4222'], stream: { manage: 'collector' } } } },
  }
}

async function measureCreate({ quick }: Context, packed: string): Promise<Figure> {
  const count = quick ? COUNT.quick : COUNT.whole
  await using plane = await startControlPlane()
  await plane.installCrds()
  const client = await openBenchClient(plane)
  try {
    const [ours, bare] = [await namespace(client, 'ours'), await namespace(client, 'bare')]
    const first = await namespace(client, 'first')
    const manifests = Array.from({ length: count }, (_, index) => manifest(ours, index))
    await using _operator = await startOperatorProcess({ plane, image: IMAGE, packed, namespaces: [ours, first] })
    // Half before and half after, since other users of the machine come and go.
    const status = await statusOf(client, first)
    const bodies = Array.from({ length: count }, (_, index) => bodiesOf(manifest(bare, index), status))
    const beforeSeconds = await bareLoop(plane, bodies.slice(count / 2))
    const watch = await watchCollectors(client, ours, ({ status: one }) => one !== undefined)
    const ourSeconds = await timed(async () => {
      await each(manifests, (one) => client.apply(COLLECTOR, one))
      await watch.all(count, 'every Collector has its status', CREATED_MS_MAX)
    })
    await watch.close()
    await _operator.stop()
    const bareSeconds = beforeSeconds + (await bareLoop(plane, bodies.slice(0, count / 2)))
    const perCollector = bodies[0]?.length ?? 0
    const objects = count * perCollector
    const detail = {
      'ours, objects/s': Math.round(objects / ourSeconds),
      'bare loop, objects/s': Math.round(objects / bareSeconds),
      Collectors: count,
      'objects of each, itself and its status included': perCollector,
      concurrency: CONCURRENCY,
    }
    return { value: bareSeconds / ourSeconds, detail }
  } finally {
    await client.close()
  }
}

/** The status that the operator writes for a Collector of its own, which is alike for all of them. */
async function statusOf(client: KubeClient, where: string): Promise<unknown> {
  const watch = await watchCollectors(client, where, ({ status }) => status !== undefined)
  const { metadata } = await client.apply(COLLECTOR, manifest(where, 0))
  await watch.all(1, 'a first Collector has its status', CREATED_MS_MAX)
  await watch.close()
  return (await client.get(COLLECTOR, where, metadata.name))?.status
}

interface Body {
  readonly path: string
  readonly text: string
}

/** What the operator sends for a Collector, the Collector first and its status last. */
function bodiesOf(collector: KubeObject, status: unknown): Body[] {
  const { name, namespace = '' } = collector.metadata
  const spec = checkCollector(collector).collector?.spec
  if (spec === undefined) throw new Error('the manifest of the bench has faults')
  const plan = shardPlan({ spec, shards: 1 })
  const owner = { name, namespace, uid: '', generation: 1, spec }
  const shards = target({ plan, current: [], redundancy: 1 }).map((to) => shardDocument(owner, to))
  const apis = { podMonitor: false, prometheusRule: false, alertmanagerConfig: false, grafanaDashboard: false }
  const facts = { image: IMAGE, allowedImages: [IMAGE], clusterRanges: [], operatorNamespace: 'x', apis }
  const desired: Desired = { owner, facts, shards }
  const objects = [...objectsOf(desired), ...monitoringOf(desired).objects].map((object) => {
    const { ownerReferences: _, ...metadata } = object.metadata
    return stamped({ ...object, metadata } as KubeObject)
  })
  return [
    { path: pathOf(COLLECTOR, namespace, name), text: JSON.stringify(collector) },
    ...objects.map((object) => {
      const kind = KIND_OF[object.kind]
      if (kind === undefined) throw new Error(`no kind ${object.kind}`)
      return { path: pathOf(kind, namespace, object.metadata.name), text: JSON.stringify(object) }
    }),
    {
      path: `${pathOf(COLLECTOR, namespace, name)}/status`,
      text: JSON.stringify({ ...collector, spec: undefined, status }),
    },
  ]
}

/** Applies the same over as many kept-alive connections, and nothing else. @returns seconds */
async function bareLoop(plane: ControlPlane, collectors: readonly (readonly Body[])[]): Promise<number> {
  const agent = new Agent({ connect: { ca: plane.ca }, connections: CONCURRENCY })
  const headers = { authorization: `Bearer ${plane.token}`, 'content-type': 'application/apply-patch+yaml' }
  const send = async ({ path, text }: Body): Promise<void> => {
    const url = `${plane.url}${path}?fieldManager=bare&force=true`
    const { statusCode, body } = await request(url, { method: 'PATCH', headers, body: text, dispatcher: agent })
    const answer = await body.text()
    if (statusCode >= 300) throw new Error(`bare loop: ${path}: ${statusCode} ${answer}`)
    JSON.parse(answer)
  }
  try {
    return await timed(() =>
      each(collectors, async (bodies) => {
        for (const body of bodies) await send(body)
      }),
    )
  } finally {
    await agent.close()
  }
}

async function measureSettled(context: Context, packed: string): Promise<Record<string, Figure>> {
  const { quick, long } = context
  const count = quick ? COUNT.quick : COUNT.whole
  await using plane = await startControlPlane({ controllerManager: true, audit: true })
  await plane.installCrds()
  const client = await openBenchClient(plane)
  const where = await namespace(client, 'settled')
  const weather = await startSummaries()
  try {
    await using _kubelet = startKubelet(client, where, { address: weather.addressOf })
    await using operatorProcess = await startOperatorProcess({ plane, image: IMAGE, packed })
    const watch = await watchCollectors(client, where, isReady)
    await each(
      Array.from({ length: count }, (_, index) => manifest(where, index)),
      (one) => client.apply(COLLECTOR, one),
    )
    await watch.all(count, 'every Collector is ready', SETTLED_MS_MAX)
    await watch.close()
    const silenceMs = SILENCE_MS[quick ? 'quick' : long ? 'long' : 'normal']
    // Whatever the last writes led to comes first.
    await pause(quick ? 5_000 : 30_000)
    const before = await writesOf(plane)
    weather.change()
    await pause(silenceMs)
    const writes = (await writesOf(plane)) - before
    const answered = weather.answers()
    const changes = await measureChanges(client, where, quick ? CHANGES.quick : CHANGES.whole)
    const memoryMb = await residentMb(operatorProcess)
    const common = { Collectors: count }
    return {
      'operator.settled': {
        value: writes,
        detail: { ...common, seconds: silenceMs / 1000, 'summaries asked for': answered },
      },
      'operator.change': {
        value: round(quantile(changes, 0.99)),
        detail: { ...common, changes: changes.length, 'median, ms': round(quantile(changes, 0.5)) },
      },
      'operator.memory': { value: round(memoryMb), detail: common },
    }
  } finally {
    await weather.close()
    await client.close()
  }
}

/** Follows Collectors by a watch: to list a thousand of them again and again would cost more than what is measured. */
async function watchCollectors(client: KubeClient, where: string, is: (collector: KubeObject) => boolean) {
  let wake = (): void => {}
  const there = new Set<string>()
  const informer = openInformer<KubeObject>({
    client,
    kind: COLLECTOR,
    namespace: where,
    onChange: ({ object }) => {
      if (is(object)) there.add(object.metadata.name)
      else there.delete(object.metadata.name)
      wake()
    },
  })
  await informer.whenSynced()
  return {
    /** Resolves when there are so many of which it holds. */
    all: (count: number, what: string, msMax: number) =>
      new Promise<void>((resolve, reject) => {
        const late = new Error(`${what}: not within ${msMax / 1000} s`)
        const timer = setTimeout(() => reject(late), msMax)
        wake = () => {
          if (there.size < count) return
          clearTimeout(timer)
          resolve()
        }
        wake()
      }),
    close: () => informer.close(),
  }
}

/** Changes one Collector after another. @returns for each the time until its Deployment has the new document, ms */
async function measureChanges(client: KubeClient, where: string, count: number): Promise<number[]> {
  const times: number[] = []
  for (let index = 0; index < count; index += 1) {
    const name = `collector-${index}-0-a`
    const before = (await client.get(DEPLOYMENT, where, name))?.metadata.generation ?? 0
    const startMs = performance.now()
    await client.apply(COLLECTOR, manifest(where, index, ['BTC-USDT', 'ETH-USDT', 'SOL-USDT']))
    await until('the Deployment has changed', 30_000, async () => {
      return ((await client.get(DEPLOYMENT, where, name))?.metadata.generation ?? 0) > before
    })
    times.push(performance.now() - startMs)
  }
  return times
}

function isReady({ metadata, status }: KubeObject): boolean {
  const { conditions = [] } = (status ?? {}) as {
    conditions?: readonly { type: string; status: string; observedGeneration?: number }[]
  }
  return conditions.some(
    (one) => one.type === 'Ready' && one.status === 'True' && one.observedGeneration === metadata.generation,
  )
}

/** Writes of the operator in the audit log, renewals of the Lease apart. */
async function writesOf({ auditLog = '' }: ControlPlane): Promise<number> {
  const lines = (await readFile(auditLog, 'utf8')).split('\n').filter((line) => line !== '')
  return lines.filter((line) => {
    const {
      verb,
      userAgent = '',
      objectRef,
      stage,
    } = JSON.parse(line) as {
      verb: string
      userAgent?: string
      objectRef?: { resource?: string }
      stage?: string
    }
    const isWrite = ['create', 'update', 'patch', 'delete'].includes(verb)
    const isReview = objectRef?.resource === 'leases' || objectRef?.resource === 'subjectaccessreviews'
    return isWrite && !isReview && stage !== 'RequestReceived' && userAgent.startsWith('marketprism-operator')
  }).length
}

/** Answers for all pods on the loopback, each by its own address, with counts that change at every question. */
async function startSummaries() {
  let answers = 0
  let isChanging = false
  const server = createServer((asked, response) => {
    if (asked.url !== '/summary') return void response.writeHead(404).end()
    answers += 1
    const quiet = isChanging ? answers % 4 : 0
    const channels = { total: 6, live: 6 - quiet, quiet, stale: 0, down: 0, impossible: 0, found: 0 }
    const binance = { channels: 6, live: 6 - quiet, stale: 0, sessionsOpen: 1, sessions: 1 }
    const summary: Summary = {
      name: 'pod',
      startedMs: 0,
      atMs: Date.now(),
      ready: true,
      notReady: [],
      channels,
      markets: { 'binance:spot': binance },
      sink: { kind: 'nats', connected: true, lostMs: 0 },
      spool: { bytesUsed: 0, bytesMax: 67_108_864 },
      gaps: answers,
      stale: [],
      impossible: [],
    }
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(summary))
  })
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(8080, resolve))
  let next = 1
  return {
    /** An address of the loopback for each pod. */
    addressOf: () => {
      next += 1
      return `127.1.${(next >> 8) & 255}.${next & 255}`
    },
    change: () => void (isChanging = true),
    answers: () => answers,
    close() {
      server.closeAllConnections()
      return new Promise((resolve) => server.close(resolve))
    },
  }
}

async function residentMb({ pid }: OperatorProcess): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? Number.NaN) / 1000
}

function openBenchClient(plane: ControlPlane): Promise<KubeClient> {
  return openClient({ config: plane.config(), userAgent: 'bench', fieldManager: 'bench', concurrency: CONCURRENCY })
}

async function namespace(client: KubeClient, name: string): Promise<string> {
  await client.create(NAMESPACE, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } })
  return name
}

/** Does it to all, so many at the same time. */
async function each<T>(all: readonly T[], act: (one: T) => Promise<unknown>): Promise<void> {
  const waiting = [...all]
  const worker = async () => {
    for (let one = waiting.shift(); one !== undefined; one = waiting.shift()) await act(one)
  }
  await Promise.all(Array.from({ length: CONCURRENCY }, worker))
}

async function timed(act: () => Promise<void>): Promise<number> {
  const startMs = performance.now()
  await act()
  return (performance.now() - startMs) / 1000
}

async function until(what: string, msMax: number, holds: () => Promise<boolean>): Promise<void> {
  for (const end = performance.now() + msMax; !(await holds()); await pause(20)) {
    if (performance.now() > end) throw new Error(`${what}: not within ${msMax / 1000} s`)
  }
}
