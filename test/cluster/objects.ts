// What the end-to-end tests apply: NATS and simulated exchanges on the first worker, which is never drained, and Collectors.
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parseAllDocuments } from 'yaml'
import { ROOMS } from '../../collector/exchanges/registry.ts'
import {
  collectorOf,
  NAMESPACE,
  restricted,
  simulated,
  simulatedName,
  type Simulation,
  type Urls,
} from '../../hack/demo/objects.ts'
import { apply, forwarded, kubectl, tags, workers } from './world.ts'

/** Every exchange that there is a room for. */
export const EXCHANGES = [...new Set(ROOMS.map(({ exchange }) => exchange))]

/** A market under load: spot of Binance, whose trades and tickers have ids that all connections share. */
export const HEAVY = { name: 'exchange-heavy', exchange: 'binance', market: 'spot' } as const

/** Symbols that all simulations of enough symbols trade, as ours are named. */
export const SYMBOLS = ['BTC', 'ETH', 'SOL', '1INCH', 'XRP', '1000SHIB', 'BNB', 'DOGE'].map((base) => `${base}-USDT`)

/** With {@link SYMBOLS} all of them: between them stands one whose name is not of ASCII. */
export const LISTED = SYMBOLS.length + 1

/** Binance's has the symbols that the Collector of test/cluster/2-collect.e2e.ts changes. */
export function simulationOf(exchange: string): Simulation {
  return { symbols: exchange === HEAVY.exchange ? LISTED : 2 }
}

async function home(): Promise<Record<string, string>> {
  const [first = ''] = await workers()
  return { 'kubernetes.io/hostname': first }
}

interface Deployed {
  readonly kind: string
  readonly spec?: { readonly template?: { readonly spec: PodSpec } }
}
interface PodSpec {
  nodeSelector?: object
  readonly containers: { resources: object }[]
}

/** Under load it remembers the ids of two minutes, and the kernel its files. */
const NATS_RESOURCES = { requests: { cpu: '100m', memory: '256Mi' }, limits: { memory: '2Gi' } }

/** NATS and its namespace, as the demo has them. */
export async function installNats(): Promise<void> {
  const text = readFileSync(join(import.meta.dirname, '../../hack/demo/nats.yaml'), 'utf8')
  const objects = parseAllDocuments(text).map((document) => document.toJS() as Deployed)
  const nodeSelector = await home()
  for (const { kind, spec } of objects) {
    const pod = kind === 'Deployment' ? spec?.template?.spec : undefined
    if (pod === undefined) continue
    pod.nodeSelector = nodeSelector
    for (const container of pod.containers) container.resources = NATS_RESOURCES
  }
  await apply(...objects)
  await kubectl('rollout', 'status', 'deployment/nats', '--timeout=120s')
}

/** A pod that audits a stream once, and writes what it found as JSON. */
export async function auditorOf(stream: string, more: readonly string[]) {
  const container = {
    name: 'audit',
    image: tags.collector,
    args: ['audit', '--stream', stream, '--nats', 'nats://nats:4222', '--json', ...more],
    resources: { requests: { cpu: '50m', memory: '96Mi' }, limits: { memory: '512Mi' } },
  }
  const spec = { ...restricted(container), restartPolicy: 'Never', nodeSelector: await home() }
  // Names of streams may have an underscore, and those of pods not.
  const metadata = { name: `audit-${stream.toLowerCase().replaceAll('_', '-')}`, namespace: NAMESPACE }
  return { apiVersion: 'v1', kind: 'Pod', metadata, spec }
}

/** Runs a simulated exchange. @returns where its markets listen */
export async function installExchange(exchange: string, simulation: Simulation = {}): Promise<Urls> {
  const { name = simulatedName(exchange) } = simulation
  await apply(...simulated(exchange, tags.exchange, { ...simulation, nodeSelector: await home() }))
  await kubectl('rollout', 'status', `deployment/${name}`, '--timeout=120s')
  return urlsOf(exchange, name)
}

/** Where a simulated exchange listens, as the cluster knows it. */
async function urlsOf(exchange: string, name: string): Promise<Urls> {
  const log = await kubectl('logs', `deployment/${name}`)
  const text = (log.split('\n')[0] ?? '').replaceAll(simulatedName(exchange), name)
  return JSON.parse(text.replaceAll('//0.0.0.0:', `//${name}.${NAMESPACE}:`)) as Urls
}

/** The demo's Collector of an exchange, all of its markets, types and symbols, in one pod: the machine is small. */
export async function everythingOf(exchange: string): Promise<object> {
  const collector = collectorOf(exchange, ROOMS, await urlsOf(exchange, simulatedName(exchange))) as { spec: object }
  return { ...collector, spec: { ...collector.spec, shards: 1 } }
}

export interface Wanted {
  readonly name: string
  readonly exchange: string
  readonly market: string
  readonly at: { readonly websocket: string; readonly rest: string }
  readonly symbols: readonly string[]
  readonly types: readonly string[]
  /** `spec` beside feeds and sink. */
  readonly spec?: object
}

/** A Collector that writes to a stream of its own, named after it. */
export function collectorFor({ name, exchange, market, at, symbols, types, spec }: Wanted): object {
  const stream = { name: streamOf(name), manage: 'operator', maxAge: '2h', maxBytes: '1Gi', duplicateWindow: '2m' }
  return {
    apiVersion: 'marketprism.io/v1alpha1',
    kind: 'Collector',
    metadata: { name, namespace: NAMESPACE },
    spec: {
      feeds: [{ exchange, market, symbols, types, endpoints: at }],
      sink: { nats: { servers: [`nats://nats.${NAMESPACE}:4222`], prefix: name, stream } },
      ...spec,
    },
  }
}

/** Name of the stream of {@link collectorFor}. */
export function streamOf(collector: string): string {
  return collector.toUpperCase()
}

/** What an exchange says that it sent, with every id. */
export function ledgerOf<T>(name: string): Promise<T> {
  return forwarded(`deployment/${name}`, 9000, async (address) => {
    const response = await fetch(`http://${address}/_exchange/ledger?ids=1`)
    return (await response.json()) as T
  })
}
