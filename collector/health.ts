// The ports of a collector: /livez, /readyz, /summary, /status and /metrics over HTTP.
//
// In: the status of the collector. Out: bodies that are made once a second, so that an answer costs the same at full load.
// Always: /livez asks only whether the process makes progress, never whether a dependency is well.
// `POST /verify`, from this machine or pod only, compares the books with fresh snapshots of the venue's; one at a time.
// Never: nothing else is done for a request, and no request, however slow or large, holds more than its place among
// CONNECTIONS_MAX.
import { createServer } from 'node:http'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { METRICS_CONTENT_TYPE } from './metrics/registry.ts'
import type { SinkStatus } from './sinks/sink.ts'
import type { ChannelStatus, CollectorStatus } from './status.ts'
import { summaryOf } from './summary.ts'
import { asciiJson, printable } from './terminal/escape.ts'

const REFRESH_MS = 1000
/** Without progress for longer the process is taken for dead. */
const PROGRESS_MS_MAX = 15_000
/** The sink may leave messages unacknowledged for this long. */
const SINK_LOST_MS_MAX = 30_000
const CONNECTIONS_MAX = 64
const HEADER_BYTES_MAX = 8192
const REASONS_MAX = 10

export interface Readiness {
  readonly ready: boolean
  /** Why not, each a sentence; of channels at most ten and one that says how many more there are. */
  readonly reasons: readonly string[]
}

export interface Seen {
  readonly channels: readonly Pick<
    ChannelStatus,
    'exchange' | 'market' | 'symbol' | 'type' | 'settled' | 'state' | 'detail'
  >[]
  /** Markets of which it is not known yet which channels there are. */
  readonly unread: readonly string[]
  readonly sink: Pick<SinkStatus, 'problem'>
  /** For how long messages have waited without any acknowledgement, see {@link sinkWatch}. */
  readonly sinkLostMs: number
  /** Whether all channels were settled before. */
  readonly everReady: boolean
  /** Whether it is well to have no channel. */
  readonly mayBeEmpty: boolean
}

/**
 * Whether the collector does what it is for. Once every channel is known, and has been live, or is known to be impossible
 * or quiet, channels are asked no more; a sink that acknowledges nothing counts as long as it lasts.
 */
export function readiness({ channels, unread, sink, sinkLostMs, everReady, mayBeEmpty }: Seen): Readiness {
  const unsettled = everReady ? [] : channels.filter((c) => !c.settled)
  const reasons = everReady
    ? []
    : unread.map((market) => `${market}: instruments, and what the sink holds, are being read`)
  for (const c of unsettled.slice(0, REASONS_MAX)) {
    const why = c.detail === undefined ? 'no message yet' : printable(c.detail)
    reasons.push(`${c.exchange} ${c.market} ${c.symbol} ${c.type} is ${c.state}: ${why}`)
  }
  if (unsettled.length > REASONS_MAX) reasons.push(`${unsettled.length - REASONS_MAX} more channels are not settled`)
  if (channels.length === 0 && unread.length === 0 && !mayBeEmpty) {
    reasons.push('no channel: nothing is listed that the feeds name')
  }
  if (sinkLostMs >= SINK_LOST_MS_MAX) {
    const why = sink.problem === undefined ? '' : `: ${printable(sink.problem)}`
    reasons.push(`the sink has acknowledged nothing for ${Math.round(sinkLostMs / 1000)} s${why}`)
  }
  return { ready: reasons.length === 0, reasons }
}

/** A watch over the sink: told of it from time to time, it says for how long messages have waited in vain, ms. */
export function sinkWatch(): (sink: Pick<SinkStatus, 'lastSettledMs'>, pending: number, nowMs: number) => number {
  let waitingSinceMs: number | undefined
  return ({ lastSettledMs }, pending, nowMs) => {
    waitingSinceMs = pending === 0 ? undefined : (waitingSinceMs ?? nowMs)
    return waitingSinceMs === undefined ? 0 : Math.max(0, nowMs - Math.max(waitingSinceMs, lastSettledMs))
  }
}

export interface HealthOptions {
  /** 8080 by default; 0 takes a free one. */
  readonly port?: number
  /** All addresses by default. */
  readonly host?: string
  readonly status: () => CollectorStatus
  /** When the process last made progress, ms since the epoch. */
  readonly progress: () => number
  readonly metricsText: (status: CollectorStatus) => Promise<string>
  /** Compares the books with fresh snapshots; what it came to is the answer, as JSON. */
  readonly verify: () => Promise<readonly unknown[]>
}

export interface Health {
  readonly port: number
  close(): Promise<void>
}

interface Answer {
  readonly code: number
  readonly type: string
  readonly body: string
}

/** Serves until it is closed. Rejects with a sentence that says what to do when the port cannot be had. */
export async function serveHealth(options: HealthOptions): Promise<Health> {
  const { port = 8080, host, progress } = options
  const answers = new Map<string, Answer>()
  await refresh(answers, options)
  const verifying = verifier(options.verify)
  const timer = setInterval(() => void refresh(answers, options), REFRESH_MS)

  const server = createServer(
    {
      maxHeaderSize: HEADER_BYTES_MAX,
      headersTimeout: 5000,
      requestTimeout: 10_000,
      connectionsCheckingInterval: 1000,
    },
    (request, response) => {
      if (pathOf(request) === '/verify') verifying(request, response)
      else answer(request, response, (path) => (path === '/livez' ? livez(progress()) : answers.get(path)))
    },
  )
  server.maxConnections = CONNECTIONS_MAX
  server.keepAliveTimeout = 20_000
  try {
    await listen(server, port, host)
  } catch (cause) {
    clearInterval(timer)
    const why = (cause as Error).message
    throw new Error(`health: port ${port} cannot be had (${why}); end what uses it or give another port`, { cause })
  }
  return {
    port: (server.address() as AddressInfo).port,
    close() {
      clearInterval(timer)
      server.closeAllConnections()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

/** Makes the answers anew. The metrics may take a moment longer; until then the old ones stand. */
async function refresh(answers: Map<string, Answer>, { status, metricsText }: HealthOptions): Promise<void> {
  const now = status()
  answers.set('/readyz', now.ready ? text(200, 'ready\n') : text(503, `${now.notReady.join('\n')}\n`))
  answers.set('/status', json(now))
  answers.set('/summary', json(summaryOf(now)))
  const metrics = metricsText(now).then(
    (body) => ({ code: 200, type: METRICS_CONTENT_TYPE, body }),
    // The data goes on while its metrics fail; whoever scrapes is told.
    (error: unknown) => text(500, `metrics: ${printable(String(error))}\n`),
  )
  answers.set('/metrics', await metrics)
}

function livez(progressMs: number): Answer {
  const stillMs = Date.now() - progressMs
  if (stillMs < PROGRESS_MS_MAX) return text(200, 'live\n')
  return text(503, `no progress for ${Math.round(stillMs / 1000)} s\n`)
}

function answer(request: IncomingMessage, response: ServerResponse, find: (path: string) => Answer | undefined): void {
  const { method } = request
  const found =
    find(pathOf(request)) ?? text(404, 'not found; there are /livez, /readyz, /summary, /status and /metrics\n')
  if (method === 'GET' || method === 'HEAD') return send(request, response, found)
  response.setHeader('allow', 'GET, HEAD')
  send(request, response, text(405, 'only GET and HEAD\n'))
}

/** Answers to /verify: it costs the venue's REST, so nobody else may ask, and not twice at once. */
function verifier(verify: HealthOptions['verify']): (request: IncomingMessage, response: ServerResponse) => void {
  let isRunning = false
  return (request, response) => {
    const say = (code: number, why: string): void => send(request, response, text(code, `${why}\n`))
    if (request.method !== 'POST') {
      response.setHeader('allow', 'POST')
      return say(405, 'only POST')
    }
    if (!isLoopback(request.socket.remoteAddress)) return say(403, 'only from this machine or pod')
    if (isRunning) return say(429, 'it is being verified; wait for that')
    isRunning = true
    void verify()
      .then(
        (books) => send(request, response, json(books)),
        (error: unknown) => say(500, `verify: ${printable(String(error))}`),
      )
      .finally(() => (isRunning = false))
  }
}

function isLoopback(address: string | undefined): boolean {
  return address !== undefined && /^(?:::ffff:)?127\.|^::1$/.test(address)
}

function pathOf({ url = '/' }: IncomingMessage): string {
  return url.split('?', 1)[0] as string
}

function send(request: IncomingMessage, response: ServerResponse, found: Answer): void {
  request.resume()
  // A body that nobody asked for is not read to its end: the connection goes with it.
  if (request.headers['content-length'] !== undefined || request.headers['transfer-encoding'] !== undefined) {
    response.setHeader('connection', 'close')
  }
  response.writeHead(found.code, {
    'content-type': found.type,
    'content-length': Buffer.byteLength(found.body),
    'cache-control': 'no-store',
    'x-content-type-options': 'nosniff',
  })
  response.end(request.method === 'HEAD' ? undefined : found.body)
}

function json(value: unknown): Answer {
  return { code: 200, type: 'application/json', body: `${asciiJson(value)}\n` }
}

function text(code: number, body: string): Answer {
  return { code, type: 'text/plain; charset=utf-8', body }
}

function listen(server: Server, port: number, host: string | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen({ port, ...(host === undefined ? {} : { host }) }, () => {
      server.off('error', reject)
      resolve()
    })
  })
}
