// One pool of kept-alive connections to the API server, and what is sent over it.
//
// In: a request. Out: status, headers and body; errors of the network as they are. Always: HTTP/1.1, each connection
// used by one request at a time and kept for half a minute; new TLS material makes a new pool, and the old one ends
// when its last request does. A 401 asks for fresh credentials and tries once more. Never: a connection for each
// request, which is what client-node does.
import type { Readable } from 'node:stream'
import { Agent, type Dispatcher, ProxyAgent, request, Socks5ProxyAgent } from 'undici'
import type { Clock } from './clock.ts'
import type { Access, Credentials } from './credentials.ts'
import { RequestTimeout } from './errors.ts'

export interface Outgoing {
  readonly method: string
  /** With its query. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string
  /** Time until the whole answer is there; of a stream, until its headers are. */
  readonly timeoutMs: number
  readonly signal?: AbortSignal | undefined
}

export interface Incoming {
  readonly status: number
  readonly header: (name: string) => string | undefined
  readonly body: Readable & { text(): Promise<string> }
}

export interface Transport {
  /** The whole answer. */
  send(outgoing: Outgoing): Promise<{ status: number; header: Incoming['header']; text: string }>
  /** The answer as it comes. Whoever takes it reads it to its end, or aborts by the signal. */
  stream(outgoing: Outgoing): Promise<Incoming>
  /** Ends all connections, also those in use. */
  close(): Promise<void>
}

/** Below the idle time of every balancer that we know (60 s), and of the API server (90 s). */
const KEEP_ALIVE_MS = 30_000
const CONNECT_MS_MAX = 5_000

export function openTransport(credentials: Credentials, clock: Clock): Transport {
  const pool = openPool(credentials)

  /** Runs one exchange; the timer runs until `until` has settled. */
  async function exchange<T>(outgoing: Outgoing, until: (incoming: Incoming) => Promise<T>): Promise<T> {
    const { method, path, headers, body, timeoutMs, signal } = outgoing
    const { access, dispatcher } = await pool.current()
    signal?.throwIfAborted()
    const controller = new AbortController()
    const abort = () => controller.abort(signal?.reason)
    signal?.addEventListener('abort', abort)
    const late = () => controller.abort(new RequestTimeout(`${method} ${path}`, timeoutMs))
    const timer = clock.setTimeout(late, timeoutMs)
    try {
      const response = await request(`${access.server.replace(/\/$/, '')}${path}`, {
        dispatcher,
        method: method as Dispatcher.HttpMethod,
        headers: { ...access.headers, ...headers },
        body: body ?? null,
        signal: controller.signal,
      })
      // A stream outlives this function: it ends with the signal that its reader holds.
      // Whoever reads it is told; an error after that, or before, is no reason to end the process.
      response.body.on('error', () => undefined)
      response.body.once('close', () => signal?.removeEventListener('abort', abort))
      return await until({
        status: response.statusCode,
        header: (name) => first(response.headers[name]),
        body: response.body,
      })
    } catch (error) {
      signal?.removeEventListener('abort', abort)
      throw controller.signal.aborted ? controller.signal.reason : error
    } finally {
      clock.clearTimeout(timer)
    }
  }

  /** The exchange, and once more with fresh credentials where the server did not take these. */
  async function authenticated<T extends { status: number }>(run: () => Promise<T>, drop: (one: T) => void) {
    const answer = await run()
    if (answer.status !== 401) return answer
    drop(answer)
    credentials.forget()
    return run()
  }

  return {
    send: (outgoing) =>
      authenticated(
        () => exchange(outgoing, async ({ status, header, body }) => ({ status, header, text: await body.text() })),
        () => undefined,
      ),
    stream: (outgoing) =>
      authenticated(
        () => exchange(outgoing, (incoming) => Promise.resolve(incoming)),
        ({ body }) => body.resume(),
      ),
    close: () => pool.close(),
  }
}

function first(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value[0] : value
}

interface Pool {
  current(): Promise<{ access: Access; dispatcher: Dispatcher }>
  close(): Promise<void>
}

function openPool(credentials: Credentials): Pool {
  let seen: Access | undefined
  let material = ''
  let dispatcher: Dispatcher | undefined
  return {
    async current() {
      const access = await credentials.read()
      if (dispatcher === undefined || access !== seen) {
        seen = access
        const now = materialOf(access)
        if (dispatcher === undefined || now !== material) {
          // Whoever waits for an answer, or reads a watch, still gets it.
          void dispatcher?.close().catch(() => undefined)
          dispatcher = dispatcherOf(access)
          material = now
        }
      }
      return { access, dispatcher }
    },
    async close() {
      await dispatcher?.destroy()
    },
  }
}

/** What a connection was made with; another makes it useless. */
function materialOf({ server, tls, proxy }: Access): string {
  const texts = Object.entries(tls).map(([name, value]) => [name, Buffer.isBuffer(value) ? value.toString() : value])
  return JSON.stringify([server, proxy, texts])
}

function dispatcherOf({ tls, proxy }: Access): Dispatcher {
  const common = {
    allowH2: false,
    pipelining: 1,
    keepAliveTimeout: KEEP_ALIVE_MS,
    keepAliveMaxTimeout: KEEP_ALIVE_MS,
    // Our own timers end a request: each kind of request has its time, and a watch has none.
    headersTimeout: 0,
    bodyTimeout: 0,
  }
  const connect = { ...tls, allowH2: false, timeout: CONNECT_MS_MAX, keepAlive: true, keepAliveInitialDelay: 30_000 }
  if (proxy === undefined) return new Agent({ ...common, connect })
  if (proxy.startsWith('socks')) return new Socks5ProxyAgent(proxy, { ...common, requestTls: connect })
  return new ProxyAgent({ ...common, uri: proxy, requestTls: connect })
}
