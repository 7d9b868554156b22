// All that the trials share: NATS, the cluster, what stands in for the rest of it, and the Prometheus that watches.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { startNats } from '../../nats.ts'
import { type Cluster, NAMESPACE, openCluster } from './cluster.ts'
import { layDown, pastOf, type Usual } from './history.ts'
import { type Ground, openPlace } from './place.ts'
import { openStandIns } from './stand-ins.ts'
import { track } from './tracker.ts'
import type { Rig } from './trial.ts'
import { openWatch } from './watch.ts'

export interface RigOptions {
  /** An API server with an operator; without, Prometheus knows less. */
  readonly cluster: boolean
  /** Collectors that are to have a past. */
  readonly past: readonly string[]
  readonly holdSeconds: number
  /** Between two scrapes, and two evaluations, s; 15 as the operator has it. */
  readonly interval?: number
  readonly say: (what: string) => void
}

const MEASURE_MS = 40_000
const READY_MS_MAX = 120_000

/** @throws ToolMissing where a program cannot be had */
export async function openRig(options: RigOptions): Promise<Rig & AsyncDisposable> {
  const { say, past, holdSeconds, interval = 15 } = options
  await using open = new AsyncDisposableStack()
  const folder = mkdtempSync(join(tmpdir(), 'marketprism-faults-'))
  open.defer(() => rmSync(folder, { recursive: true, force: true }))
  const nats = open.use(await startNats({ jetstream: 'sync_interval: 10s' }))
  const standIns = open.use(await openStandIns())
  standIns.server(nats.url)
  const cluster: Cluster | undefined = options.cluster ? open.use(await openCluster()) : undefined
  const ground: Ground = { folder, nats, standIns, cluster }
  if (past.length > 0) {
    const usual = await measured({ ...ground, cluster: undefined })
    mkdirSync(join(folder, 'data'))
    const now = Math.floor(Date.now() / 1000)
    const lines = await layDown(folder, everyPast(past, usual, now))
    say(
      `a past of ${lines} samples, around ${usual.map(({ type, messages }) => `${messages.toFixed(1)} ${type}/s`).join(', ')}`,
    )
  }
  const watch = open.use(await openWatch(folder, interval))
  const standInsLabels = { job: 'stand-ins' }
  watch.targets('shared', [
    { address: standIns.address, labels: standInsLabels, honorLabels: true },
    ...(cluster === undefined ? [] : [cluster.operator]),
  ])
  const tracker = open.use(track(watch))
  const all = open.move()
  return { ground, watch, tracker, interval, holdSeconds, say, [Symbol.asyncDispose]: () => all.disposeAsync() }
}

function* everyPast(names: readonly string[], usual: readonly Usual[], now: number) {
  for (const collector of names) yield* pastOf({ namespace: NAMESPACE, collector }, usual, now)
}

/** What a Collector of the table makes: read from one, twice. */
async function measured(ground: Ground): Promise<Usual[]> {
  await using place = await openPlace('measured', ground)
  for (const end = Date.now() + READY_MS_MAX; !(await place.pod.isReady()); await pause(500)) {
    if (Date.now() > end) throw new Error(`the first collector does not get ready: ${place.pod.said()}`)
  }
  const before = await samplesOf(place.pod.port)
  const began = performance.now()
  await pause(MEASURE_MS)
  const after = await samplesOf(place.pod.port)
  const seconds = (performance.now() - began) / 1000
  const grown = (series: string) => (after.get(series) ?? 0) - (before.get(series) ?? 0)
  const made = 'marketprism_collector_messages_total'
  const latency = 'marketprism_collector_publish_latency_seconds_bucket'
  return [...after.keys()]
    .filter((series) => series.startsWith(`${made}{`))
    .map((series): Usual => {
      const labels = series.slice(made.length + 1, -1)
      const [, exchange = '', market = '', type = ''] =
        /exchange="(\w+)",market="(\w+)",type="(\w+)"/.exec(labels) ?? []
      const buckets = [...after.keys()].filter((one) => one.startsWith(latency) && one.includes(labels))
      const all = Math.max(...buckets.map(grown))
      const bound = buckets
        .filter((one) => grown(one) >= 0.95 * all)
        .map((one) => Number(/le="([^"]+)"/.exec(one)?.[1]))
        .reduce((least, le) => Math.min(least, le), 1)
      return { exchange, market, type, messages: grown(series) / seconds, p95Seconds: bound }
    })
}

async function samplesOf(port: number): Promise<Map<string, number>> {
  const text = await fetch(`http://127.0.0.1:${port}/metrics`).then((response) => response.text())
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'))
  return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ')))]))
}
