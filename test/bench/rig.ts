// The processes of the benchmarks that go through sockets: the simulated exchange, nats-server, and the collector, each
// in a process of its own, all on this machine.
import { fork, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { jetstreamManager, type JetStreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import type { Ledger } from '../../collector/status.ts'
import { ToolMissing } from '../../hack/tools.ts'
import type { LoadReport } from '../exchange/load.ts'
import type { LedgerView } from '../exchange/ledger.ts'
import { startNats, type NatsServer } from '../nats.ts'
import { Missing } from './missing.ts'

const ROOT = join(import.meta.dirname, '../..')
const LOOK_MS = 20

/** What collect.ts is to run. */
export interface Job {
  readonly manifest: unknown
  readonly sink: 'ours' | 'plain'
  /** Trades whose delays are kept, after `warmUp` of which they are not; none when left out. */
  readonly samples?: { readonly warmUp: number; readonly max: number }
}

export type Question = 'progress' | 'delays' | 'firsts' | 'status' | 'close'

export interface Progress {
  /** Trades that were settled, and the seconds from the first one's read to the last one's acknowledgement. */
  readonly trades: number
  readonly seconds: number
  readonly rssBytes: number
  /** Objects in use, and buffers beside the heap. */
  readonly heapBytes: number
  readonly bufferBytes: number
  readonly cpuSeconds: number
}

interface Quantiles {
  readonly p50: number
  readonly p99: number
  readonly max: number
}

/** Delays of trades, ms; without `SinceRead` since the trade was due at the venue. */
export interface Delays {
  readonly messages: number
  readonly acked: Quantiles
  readonly ackedSinceRead: Quantiles
  readonly written: Quantiles
  readonly writtenSinceRead: Quantiles
}

export interface CollectorProcess {
  progress(): Promise<Progress>
  delays(): Promise<Delays>
  /** Seconds from the start to the first settled message, by type and symbol. */
  firsts(): Promise<Record<string, number>>
  /** Closes it in order; what it says at the end. */
  close(): Promise<Ledger>
}

export async function startCollector(job: Job): Promise<CollectorProcess> {
  // As `marketprism run` begins.
  const execArgv = ['--import', join(ROOT, 'collector/heap.ts')]
  const child = fork(join(import.meta.dirname, 'collect.ts'), { execArgv })
  endWithUs(child)
  const gone = once(child, 'exit').then(([code]) => {
    throw new Error(`the collector ended with code ${code}; its error stands above`)
  })
  // It may end between two questions; whoever asks next is told.
  gone.catch(() => {})
  const ask = async (question: Question | Job): Promise<unknown> => {
    if (child.connected) child.send(question)
    const [answer] = await Promise.race([once(child, 'message') as Promise<[unknown]>, gone])
    return answer
  }
  await ask(job)
  return {
    progress: () => ask('progress') as Promise<Progress>,
    delays: () => ask('delays') as Promise<Delays>,
    firsts: () => ask('firsts') as Promise<Record<string, number>>,
    close: () => ask('close') as Promise<Ledger>,
  }
}

export interface ExchangeProcess {
  readonly urls: Record<'spot' | 'perpetual', { readonly websocket: string; readonly rest: string }>
  /** Begins to send trades to all that subscribed. */
  load(rate: number, seconds: number): Promise<void>
  report(): Promise<LoadReport>
  ledger(): Promise<LedgerView>
  close(): Promise<void>
}

export async function startExchange(args: readonly string[]): Promise<ExchangeProcess> {
  const child = spawn(process.execPath, [join(ROOT, 'test/exchange/main.ts'), '--json', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  endWithUs(child)
  const line = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next()
  if (line.done === true) throw new Error('the simulated exchange did not start; its error stands above')
  const urls = JSON.parse(line.value) as ExchangeProcess['urls']
  const ask = async (path: string, body?: unknown): Promise<unknown> => {
    const init = body === undefined ? {} : { method: 'POST', body: JSON.stringify(body) }
    const answer = await fetch(`${urls.spot.rest}/_exchange/${path}`, init)
    if (!answer.ok) throw new Error(`the simulated exchange answers ${answer.status}: ${await answer.text()}`)
    return answer.json()
  }
  return {
    urls,
    load: async (rate, seconds) => void (await ask('load', { rate, seconds })),
    report: () => ask('load') as Promise<LoadReport>,
    ledger: () => ask('ledger') as Promise<LedgerView>,
    async close() {
      child.kill('SIGTERM')
      await once(child, 'exit')
    },
  }
}

export interface Store {
  readonly server: NatsServer
  readonly manager: JetStreamManager
  /** Messages stored under these subjects. */
  count(stream: string, subjects: string): Promise<number>
  close(): Promise<void>
}

/** @throws Missing where there is no nats-server. */
export async function startStore(): Promise<Store> {
  const server = await startNats().catch((cause: unknown) => {
    if (cause instanceof ToolMissing) throw new Missing(cause.message, 'put nats-server on the PATH, or install Go')
    throw cause
  })
  const connection = await connect({ servers: server.url })
  const manager = await jetstreamManager(connection)
  return {
    server,
    manager,
    async count(stream, subjects) {
      const { state } = await manager.streams.info(stream, { subjects_filter: subjects })
      return Object.values(state.subjects ?? {}).reduce((sum, count) => sum + count, 0)
    },
    async close() {
      await connection.close()
      await server[Symbol.asyncDispose]()
    },
  }
}

/** Looks until it is so, and says what was waited for when that takes too long. */
export async function until(what: string, isSo: () => Promise<boolean>, secondsMax = 60): Promise<void> {
  const deadline = Date.now() + secondsMax * 1000
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error(`waited for ${secondsMax} s: ${what}`)
    await pause(LOOK_MS)
  }
}

/** Whether every open connection got an answer to each of its requests, and there are so many requests. */
export async function isSubscribed(exchange: ExchangeProcess, requests: number): Promise<boolean> {
  const { connections } = await exchange.ledger()
  const open = connections.filter(({ closed }) => closed === undefined)
  const sent = open.reduce((sum, { received }) => sum + received.messages, 0)
  return sent >= requests && open.every(({ received, replies }) => replies >= received.messages)
}

/** A manifest: these feeds into one stream of the server. */
export function manifest(server: NatsServer, stream: string, feeds: readonly unknown[], more: object = {}): unknown {
  return {
    apiVersion: 'marketprism.io/v1alpha1',
    kind: 'Collector',
    metadata: { name: 'bench' },
    spec: {
      feeds,
      sink: { nats: { servers: [server.url], prefix: stream, stream: { name: stream, manage: 'collector', ...more } } },
      spool: { bytesMax: '1Gi' },
    },
  }
}

function endWithUs(child: ChildProcess): void {
  const kill = () => void child.kill('SIGKILL')
  process.once('exit', kill)
  child.once('exit', () => process.off('exit', kill))
}
