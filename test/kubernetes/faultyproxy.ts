// A proxy in front of a real API server that does to its clients what networks and servers in trouble do.
//
// In: a control plane. Out: an address, and hands that delay, refuse, stall, cut, and answer in the server's place.
// Always: what is not told otherwise passes as it is; each request is noted. Speaks plain HTTP to clients, so that a
// test can look at what travels; TLS is tested against the API server itself.
import { once } from 'node:events'
import {
  createServer,
  request as httpRequest,
  type ClientRequest,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http'
import { Agent, request as httpsRequest } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { KubeConfig } from '@kubernetes/client-node'

/** A request as it came. */
export interface Seen {
  readonly method: string
  readonly path: string
  readonly query: URLSearchParams
  readonly isWatch: boolean
  readonly atMs: number
}

/** An answer in the server's place. */
export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  /** A string as it is; else JSON. */
  readonly body?: unknown
}

/**
 * What happens to a request: an answer of ours, a wait before it passes, no answer at all, a reset; or it passes, the
 * server does what it says and answers, and instead of the answer this happens.
 */
export type Fault = Answer | { readonly delayMs: number } | { readonly afterwards: () => void } | 'stall' | 'reset'
export type Match = (seen: Seen) => boolean

export interface FaultyProxy extends AsyncDisposable {
  readonly url: string
  readonly requests: readonly Seen[]
  /** Connections of clients that are open now, and that were ever made. */
  readonly connections: { readonly open: number; readonly made: number }
  /** A configuration that leads here, with the token as it is. */
  config(token: string): KubeConfig
  /** Has it happen to requests that match, `times` often; the fault that was added last is tried first. */
  fault(match: Match, fault: Fault, times?: number): void
  /** To answers that are under way: an end in order, a reset, nothing more, or these bytes. Out: how many it met. */
  end(match: Match): number
  reset(match: Match): number
  stall(match: Match): number
  inject(match: Match, bytes: string): number
  /** Refuses connections, and resets those that are open; listens again at the same address. */
  down(): Promise<void>
  up(): Promise<void>
  /** No faults from here on. */
  heal(): void
}

interface Exchange {
  readonly seen: Seen
  readonly response: ServerResponse
  isStalled: boolean
}

interface Rule {
  readonly match: Match
  readonly fault: Fault
  left: number
}

export const isWatch: Match = (seen) => seen.isWatch
/** Lists and single objects, but no watches. */
export const isRead: Match = (seen) => seen.method === 'GET' && !seen.isWatch

/** In: the address of an API server and its authority; an address of plain HTTP needs none. */
export async function startFaultyProxy(target: { readonly url: string; readonly ca?: string }): Promise<FaultyProxy> {
  const upstream = new Agent({ keepAlive: true, ...(target.ca === undefined ? {} : { ca: target.ca }) })
  const requests: Seen[] = []
  const exchanges = new Set<Exchange>()
  const sockets = new Set<Socket>()
  let made = 0
  let rules: Rule[] = []

  function pass(incoming: IncomingMessage, exchange: Exchange, afterwards?: () => void): void {
    const { response } = exchange
    const url = new URL(incoming.url ?? '/', target.url)
    const options = { method: incoming.method, headers: { ...incoming.headers, host: url.host } }
    const outgoing: ClientRequest =
      url.protocol === 'https:'
        ? httpsRequest(url, { ...options, agent: upstream })
        : httpRequest(url, { ...options, agent: false })
    outgoing.on('response', (answer) => {
      if (exchange.isStalled) return
      if (afterwards !== undefined) {
        answer.resume()
        return afterwards()
      }
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      response.flushHeaders()
      answer.on('data', (chunk: Buffer) => void (exchange.isStalled || response.write(chunk)))
      answer.on('end', () => void (exchange.isStalled || response.end()))
      answer.on('error', () => response.socket?.resetAndDestroy())
    })
    outgoing.on('error', () => response.socket?.resetAndDestroy())
    response.on('close', () => outgoing.destroy())
    incoming.pipe(outgoing)
  }

  function ruleFor(seen: Seen): Fault | undefined {
    const rule = rules.findLast(({ match, left }) => left > 0 && match(seen))
    if (rule !== undefined) rule.left -= 1
    return rule?.fault
  }

  const server = createServer((incoming, response) => {
    const seen = seenOf(incoming)
    requests.push(seen)
    const fault = ruleFor(seen)
    const exchange: Exchange = { seen, response, isStalled: fault === 'stall' }
    exchanges.add(exchange)
    response.on('close', () => exchanges.delete(exchange))
    if (fault === 'stall') return
    if (fault === 'reset') incoming.socket.resetAndDestroy()
    else if (fault === undefined) pass(incoming, exchange)
    else if ('delayMs' in fault) setTimeout(() => pass(incoming, exchange), fault.delayMs)
    else if ('afterwards' in fault) pass(incoming, exchange, fault.afterwards)
    else send(response, fault)
  })
  server.keepAliveTimeout = 120_000
  server.on('connection', (socket) => {
    made += 1
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => undefined)
  })
  const listen = async (port: number) => void (await once(server.listen(port, '127.0.0.1'), 'listening'))
  await listen(0)
  const { port } = server.address() as AddressInfo
  const url = `http://127.0.0.1:${port}`

  function each(match: Match, run: (exchange: Exchange) => void): number {
    const met = [...exchanges].filter(({ seen, isStalled }) => !isStalled && match(seen))
    met.forEach(run)
    return met.length
  }
  async function down(): Promise<void> {
    const closed = server.listening ? once(server, 'close') : undefined
    server.close()
    for (const socket of sockets) socket.resetAndDestroy()
    await closed
  }
  return {
    url,
    requests,
    get connections() {
      return { open: sockets.size, made }
    },
    config: (token) => configOf(url, token),
    fault: (match, fault, times = Infinity) => void rules.push({ match, fault, left: times }),
    end: (match) => each(match, ({ response }) => void response.end()),
    reset: (match) => each(match, ({ response }) => void response.socket?.resetAndDestroy()),
    stall: (match) => each(match, (exchange) => (exchange.isStalled = true)),
    inject: (match, bytes) => each(match, ({ response }) => void response.write(bytes)),
    down,
    up: () => listen(port),
    heal: () => (rules = []),
    async [Symbol.asyncDispose]() {
      await down()
      upstream.destroy()
    },
  }
}

function seenOf({ method = 'GET', url = '/' }: IncomingMessage): Seen {
  const { pathname, searchParams } = new URL(url, 'http://localhost')
  const watch = searchParams.get('watch') === 'true'
  return { method, path: pathname, query: searchParams, isWatch: watch, atMs: performance.now() }
}

function send(response: ServerResponse, { status, headers, body }: Answer): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(typeof body === 'string' ? body : JSON.stringify(body ?? {}))
}

function configOf(url: string, token: string): KubeConfig {
  const config = new KubeConfig()
  config.loadFromClusterAndUser({ name: 'proxied', server: url, skipTLSVerify: true }, { name: 'test', token })
  return config
}
