// What a fault has for itself: a Collector in the cluster, its processes, and the simulated exchange behind them; NATS and
// the ways in between only where the fault lies there.
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import type { DataType, Market } from '../../../crds/names.ts'
import { LABEL, PUBLISHERS } from '../../../operator/resources/labels.ts'
import type { Owner } from '../../../operator/resources/facts.ts'
import { feedsOf, manifestOf, type Simulated } from '../../e2e/collect.ts'
import { type Exchange, type ExchangeOptions, startExchange } from '../../exchange/exchange.ts'
import type { Fate } from '../../kubernetes/kubelet.ts'
import { freePorts } from '../../kubernetes/processes.ts'
import { type NatsServer, startNats } from '../../nats.ts'
import { ownerOf } from '../../support/desired.ts'
import { type Cluster, NAMESPACE } from './cluster.ts'
import { type Link, openLink } from './link.ts'
import { type Pod, podOf } from './pod.ts'
import type { StandIns } from './stand-ins.ts'
import type { Target } from './watch.ts'

/** What stands around a Collector before its fault; nothing said: one market of one exchange into a NATS of all. */
export interface World {
  /** Exchanges beside the first, with the same symbols. */
  readonly also?: readonly Simulated[]
  readonly markets?: readonly Market[]
  readonly types?: readonly DataType[]
  readonly exchange?: Pick<ExchangeOptions, 'rate' | 'limits'>
  /** A NATS server of its own, the ways to it and to the exchange through {@link Link}s. */
  readonly isolated?: boolean
  /** Fields of `spec.sink.nats.stream`. */
  readonly stream?: object
  /** Files instead of NATS: `spec.sink.file`, by the folder that is there for it. */
  readonly files?: (folder: string) => object
  /** Makes that folder what it is to be; gives the way back. */
  readonly prepare?: (folder: string, ground: Ground) => Promise<() => Promise<void>>
  /** `spec` besides. */
  readonly spec?: object
  readonly publishers?: 1 | 2
  /** Flags of node, and what comes before it. */
  readonly flags?: readonly string[]
  readonly before?: readonly string[]
}

export interface Place extends AsyncDisposable {
  readonly name: string
  readonly folder: string
  /** The exchange, and those beside it. */
  readonly exchange: Exchange
  readonly others: readonly Exchange[]
  /** Isolated places only. */
  readonly toExchange: Link
  readonly toNats: Link
  readonly nats: NatsServer
  /** Of its stream, whose subjects begin with the prefix. */
  readonly stream: string
  readonly prefix: string
  /** One for each publisher. */
  readonly pods: readonly Pod[]
  readonly pod: Pod
  readonly cluster: Cluster | undefined
  readonly owner: Owner
  /** Since its processes were started. */
  ageMs(): number
  /** What the kubelet says of its pods from now on; undefined: how they are. */
  readonly says: (fate: Fate | undefined) => void
  /** Has the processes collect these feeds besides. */
  readonly collectAlso: (feeds: readonly object[]) => void
  /** Starts a second collector of the same manifest, which nobody scrapes. */
  second(): Promise<Pod>
  /** What Prometheus scrapes of it. */
  targets(): readonly Target[]
}

/** What all places have in common. */
export interface Ground {
  readonly folder: string
  readonly nats: NatsServer
  readonly standIns: StandIns
  readonly cluster: Cluster | undefined
}

export const SYMBOLS = ['BTC-USDT', 'ETH-USDT'] as const
export const TYPES: readonly DataType[] = ['trade', 'orderbook', 'ticker']
/** Orders a second: some 40 messages a second of a Collector, most types above the floor of what is usual. */
const RATE = 40
const EXCHANGE = { symbols: ['BTCUSDT', 'ETHUSDT'], rate: RATE, levels: 40 } as const

/** Starts all of it; the processes are started, and not yet ready. */
export async function openPlace(name: string, ground: Ground, world: World = {}): Promise<Place> {
  await using open = new AsyncDisposableStack()
  const markets = world.markets ?? ['spot']
  const simulate = async (exchange: Simulated) => {
    const symbols = exchange === 'okx' ? SYMBOLS : EXCHANGE.symbols
    const running = await startExchange({ ...EXCHANGE, exchange, symbols, markets, ...world.exchange })
    open.defer(() => running.close())
    return { exchange, running }
  }
  const all = await Promise.all((['binance', ...(world.also ?? [])] as const).map(simulate))
  const [first] = all as [(typeof all)[number]]
  const nats = world.isolated === true ? open.use(await startNats({ jetstream: 'sync_interval: 10s' })) : ground.nats
  if (world.isolated === true) ground.standIns.server(nats.url)
  const ways = world.isolated === true ? await waysOf(open, first.running, nats) : undefined
  const folder = join(ground.folder, name)
  mkdirSync(join(folder, 'files'), { recursive: true })
  if (world.prepare !== undefined) open.defer(await world.prepare(join(folder, 'files'), ground))
  const [stream, prefix] = [name.toUpperCase(), name]
  const symbols = Object.fromEntries(markets.map((market) => [market, SYMBOLS]))
  const feeds = all.flatMap(({ exchange, running }) => {
    const urls = ways !== undefined && running === first.running ? { ...running.urls, ...ways.urls } : running.urls
    return feedsOf({ urls }, { exchange, symbols, types: world.types ?? TYPES, orderbook: { depth: 20 } })
  })
  const sink = sinkOf(world, { folder, stream, prefix, url: ways?.nats ?? nats.url })
  const written = (more: readonly object[] = []) =>
    manifestOf([...feeds, ...more], { name, sink, spec: { redundancy: world.publishers ?? 1, ...world.spec } })
  const manifest = join(folder, 'collector.json')
  const write = (more: readonly object[] = []) => writeFileSync(manifest, JSON.stringify(written(more)))
  write()
  const owner = { ...ownerOf(written()), namespace: NAMESPACE }
  const ports = await freePorts(world.publishers ?? 1)
  const pods = ports.map((port) => {
    const { flags = [], before = [] } = world
    return open.use(podOf({ manifest, port, flags, before }))
  })
  pods.forEach((pod) => pod.start())
  const begun = Date.now()
  const publishers = PUBLISHERS.slice(0, pods.length)
  const { says, names } = await inCluster(open, { name, ground, publishers, pods, spec: written() })
  const moved = open.move()
  return {
    name,
    folder,
    exchange: first.running,
    others: all.slice(1).map(({ running }) => running),
    get toExchange() {
      return ways?.toExchange ?? missing(name)
    },
    get toNats() {
      return ways?.toNats ?? missing(name)
    },
    nats,
    stream,
    prefix,
    pods,
    pod: pods[0] as Pod,
    cluster: ground.cluster,
    owner,
    says,
    ageMs: () => Date.now() - begun,
    collectAlso(more) {
      write(more)
      pods.forEach((pod) => pod.signal('SIGHUP'))
    },
    async second() {
      const [port = 0] = await freePorts(1)
      const second = moved.use(podOf({ manifest, port }))
      second.start()
      return second
    },
    targets: () =>
      pods.map(({ port }, i) => {
        const own = { pod: names[i] ?? `${name}-0`, shard: '0', publisher: publishers[i] ?? 'a' }
        const labels = { job: `${NAMESPACE}/${name}`, namespace: NAMESPACE, collector: name, container: 'collector' }
        return { address: `127.0.0.1:${port}`, labels: { ...labels, ...own } }
      }),
    [Symbol.asyncDispose]: () => moved.disposeAsync(),
  }
}

function missing(name: string): never {
  throw new Error(`${name} is not isolated: say so in its world`)
}

function sinkOf(world: World, at: { folder: string; stream: string; prefix: string; url: string }): object {
  if (world.files !== undefined) return { file: world.files(join(at.folder, 'files')) }
  const stream = { name: at.stream, manage: 'collector', ...world.stream }
  return { nats: { servers: [at.url], prefix: at.prefix, stream } }
}

/** Links to the first market of an exchange and to a NATS server. */
async function waysOf(open: AsyncDisposableStack, { urls }: Exchange, nats: NatsServer) {
  const toExchange = open.use(await openLink(Number(new URL(urls.spot.rest).port)))
  const toNats = open.use(await openLink(nats.port))
  const at = `127.0.0.1:${toExchange.port}`
  const spot = { websocket: `ws://${at}`, rest: `http://${at}` }
  return { toExchange, toNats, urls: { spot }, nats: `nats://127.0.0.1:${toNats.port}` }
}

interface InCluster {
  readonly name: string
  readonly ground: Ground
  readonly publishers: readonly string[]
  readonly pods: readonly Pod[]
  readonly spec: object
}

const PROBE_MS = 2_000

/** The same Collector as an object; its pods are as ready as the processes are. */
async function inCluster(open: AsyncDisposableStack, { name, ground: { cluster }, publishers, pods, spec }: InCluster) {
  let said: Fate | undefined
  const says = (fate: Fate | undefined) => void (said = fate)
  if (cluster === undefined) return { says, names: [] }
  const ready = new Map<string, boolean>()
  const probe = setInterval(() => {
    pods.forEach((pod, i) => void pod.isReady().then((is) => ready.set(publishers[i] ?? '', is)))
  }, PROBE_MS)
  open.defer(() => clearInterval(probe))
  cluster.fates.set(
    name,
    (pod) => said ?? (ready.get(pod.metadata.labels?.[LABEL.publisher] ?? '') ? 'ready' : 'unready'),
  )
  await cluster.apply(name, inTheCluster(spec))
  open.defer(async () => {
    cluster.fates.delete(name)
    await cluster.remove(name)
  })
  return { says, names: await Promise.all(publishers.map((publisher) => cluster.podName(name, publisher))) }
}

/** Without addresses and folders of this machine, which the operator refuses. Nothing is healed: alerts are measured. */
function inTheCluster(manifest: object): object {
  const { spec } = manifest as { spec: { feeds: object[]; sink: { nats?: object; file?: object } } }
  const feeds = spec.feeds.map((feed) => ({ ...feed, endpoints: undefined }))
  const { nats, file } = spec.sink
  const sink = nats ? { nats: { ...nats, servers: ['nats://nats:4222'] } } : { file: { ...file, path: 'data' } }
  return { selfHealing: { mode: 'none' }, ...spec, feeds, sink }
}
