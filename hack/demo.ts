// npm run demo [-- --duration 60s] [--use-current] [--name marketprism]
//
// All of MarketPrism from nothing: a kind cluster, the images, the chart, NATS, a simulated exchange for each venue, a
// Collector for each, and a live table of the messages that arrive in JetStream. Ends after --duration, or with Ctrl-C.
// Exit code 0 where messages of every exchange arrived. Always: running it again takes up what is there; the cluster
// stays, and `hack/cluster down` removes it with everything in it.
import { join, resolve } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { ROOMS } from '../collector/exchanges/registry.ts'
import { parseDuration } from '../crds/duration.ts'
import { dockerMissing } from './commands.ts'
import { openCounter } from './demo/counts.ts'
import { collectorOf, NAMESPACE, simulated, simulatedName, type Urls } from './demo/objects.ts'
import { type Row, table } from './demo/table.ts'
import { installChart, loadImages, SYSTEM } from './deploy.ts'
import { type Cluster, currentCluster, openCluster } from './kind/open.ts'
import { tool } from './tools.ts'

const root = resolve(import.meta.dirname, '..')
/** How long the first messages of every exchange may take. */
const FIRST_MS_MAX = 180_000
const SHOW_MS = 1_000
const SHOW_MS_PLAIN = 10_000
const EXCHANGES = [...new Set(ROOMS.map(({ exchange }) => exchange))]

const started = performance.now()
const stop = new AbortController()
process.once('SIGINT', () => stop.abort()).once('SIGTERM', () => stop.abort())
process.exitCode = await main(process.argv.slice(2)).catch((error: Error) => {
  console.error(error.message)
  return 1
})

async function main(argv: readonly string[]): Promise<number> {
  const { values } = parseArgs({
    args: [...argv],
    options: {
      duration: { type: 'string' },
      name: { type: 'string', default: 'marketprism' },
      'use-current': { type: 'boolean', default: false },
    },
  })
  const durationMs = values.duration === undefined ? Infinity : parseDuration(values.duration)
  const missing = await dockerMissing()
  if (missing !== undefined) throw new Error(missing)
  const cluster = await step('cluster', () =>
    values['use-current'] ? currentCluster() : openCluster({ name: values.name, say }),
  )
  const tags = await step('images', () => loadImages(cluster, say))
  await step('chart', () => installChart(cluster, tags))
  await step('NATS and the simulated exchanges', () => installMarket(cluster, tags.exchange))
  await step('a Collector for each exchange', () => applyCollectors(cluster))
  return watch(cluster, durationMs)
}

/** Does one step and says how long it took. */
async function step<T>(name: string, act: () => Promise<T>): Promise<T> {
  stop.signal.throwIfAborted()
  say(`${name} …`)
  const from = performance.now()
  const result = await act()
  say(`${name}: done in ${Math.round((performance.now() - from) / 1_000)} s`)
  return result
}

function say(text: string): void {
  console.error(`[${String(Math.round((performance.now() - started) / 1_000)).padStart(4)} s] ${text}`)
}

async function installMarket(cluster: Cluster, image: string): Promise<void> {
  await cluster.kubectl(['apply', '-f', join(root, 'hack/demo/nats.yaml')])
  const objects = EXCHANGES.flatMap((exchange) => simulated(exchange, image))
  await apply(cluster, objects)
  for (const name of ['nats', ...EXCHANGES.map(simulatedName)]) {
    await cluster.kubectl(['--namespace', NAMESPACE, 'rollout', 'status', `deployment/${name}`, '--timeout=180s'])
  }
}

/** Each exchange says where its markets listen; the Collectors are told. */
async function applyCollectors(cluster: Cluster): Promise<void> {
  const collectors = EXCHANGES.map(async (exchange) => {
    const log = await cluster.kubectl(['--namespace', NAMESPACE, 'logs', `deployment/${simulatedName(exchange)}`])
    const urls = JSON.parse(log.split('\n')[0] ?? '') as Urls
    return collectorOf(exchange, ROOMS, urls)
  })
  await apply(cluster, await Promise.all(collectors))
}

async function apply(cluster: Cluster, items: readonly object[]): Promise<void> {
  await cluster.kubectl(['apply', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }))
}

type Counts = ReadonlyMap<string, number>

/** Shows the table until the time is over, and gives the exit code. */
async function watch(cluster: Cluster, durationMs: number): Promise<number> {
  const flags = ['--kubeconfig', cluster.kubeconfig, '--context', cluster.context]
  const counter = openCounter([await tool('kubectl'), ...flags])
  const screen = openScreen()
  let before: { counts: Counts; atMs: number } | undefined
  let first: Counts | undefined
  let arrivedMs: number | undefined
  const beginMs = performance.now()
  const arrived = (counts: Counts): string[] =>
    EXCHANGES.filter((exchange) => (counts.get(exchange) ?? 0) > (first?.get(exchange) ?? 0))
  for (;;) {
    const counts = (await counter.counts()) ?? before?.counts ?? new Map<string, number>()
    const atMs = performance.now()
    first ??= counts
    const seconds = before === undefined ? 0 : (atMs - before.atMs) / 1_000
    const status = await statuses(cluster)
    const rows = EXCHANGES.map((exchange): Row => {
      const messages = counts.get(exchange) ?? 0
      const grown = messages - (before?.counts.get(exchange) ?? 0)
      return { exchange, channels: status.get(exchange), messages, perSecond: seconds === 0 ? 0 : grown / seconds }
    })
    before = { counts, atMs }
    if (arrived(counts).length === EXCHANGES.length) arrivedMs ??= atMs
    const isLate = arrivedMs === undefined && atMs - beginMs > FIRST_MS_MAX
    const isOver = stop.signal.aborted || isLate || (arrivedMs !== undefined && atMs - arrivedMs >= durationMs)
    screen(table(rows), isOver)
    if (!isOver) {
      await pause(SHOW_MS, undefined, { signal: stop.signal }).catch(() => {})
      continue
    }
    await counter.close()
    return finish(cluster, arrived(counts))
  }
}

/** On a terminal the table stays where it is; elsewhere it is printed now and then. */
function openScreen(): (text: string, isLast: boolean) => void {
  let lines = 0
  let shownMs = -Infinity
  return (text, isLast) => {
    if (process.stdout.isTTY) {
      process.stdout.write(`${lines === 0 ? '' : `\x1b[${lines}A\x1b[J`}${text}\n`)
      lines = text.split('\n').length
    } else if (isLast || performance.now() - shownMs >= SHOW_MS_PLAIN) {
      shownMs = performance.now()
      process.stdout.write(`${text}\n\n`)
    }
  }
}

interface Listed {
  readonly items: readonly {
    readonly metadata: { readonly name: string }
    readonly status?: { readonly channels?: { readonly live: number; readonly total: number } }
  }[]
}

async function statuses(cluster: Cluster): Promise<Map<string, { live: number; total: number } | undefined>> {
  const text = await cluster.kubectl(['--namespace', NAMESPACE, 'get', 'collectors', '-o', 'json']).catch(() => '')
  const { items } = text === '' ? { items: [] } : (JSON.parse(text) as Listed)
  return new Map(items.map(({ metadata, status }) => [metadata.name, status?.channels]))
}

async function finish(cluster: Cluster, arrived: readonly string[]): Promise<number> {
  const lacking = EXCHANGES.filter((exchange) => !arrived.includes(exchange))
  if (lacking.length > 0) {
    console.error(`No message of ${lacking.join(', ')} arrived in JetStream. What the cluster says:`)
    for (const args of DIAGNOSIS) console.error(await cluster.kubectl(args).catch((error: Error) => error.message))
    return 1
  }
  const flags = cluster.context.startsWith('kind-') ? ` --context ${cluster.context}` : ''
  say(`Messages of every exchange arrived. Look around: kubectl${flags} -n ${NAMESPACE} get collectors,pods`)
  if (cluster.name !== undefined) {
    say(`Remove it: hack/cluster down${cluster.name === 'marketprism' ? '' : ` --name ${cluster.name}`}`)
  }
  return 0
}

const DIAGNOSIS = [
  ['--namespace', NAMESPACE, 'get', 'collectors,pods', '-o', 'wide'],
  ['--namespace', SYSTEM, 'get', 'pods', '-o', 'wide'],
  ['--namespace', NAMESPACE, 'get', 'events', '--sort-by=.lastTimestamp'],
  ['--namespace', SYSTEM, 'logs', '--selector=app.kubernetes.io/name=marketprism-operator', '--tail=40', '--prefix'],
]
