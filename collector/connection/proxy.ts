// The way out: straight, or through a proxy, alike for WebSockets and REST.
import { type ClientRequest, Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import type { Socket as NetSocket } from 'node:net'
import { HttpsProxyAgent } from 'https-proxy-agent'
import { SocksProxyAgent } from 'socks-proxy-agent'
import { type Clock, realClock } from './clock.ts'
import { ConnectionError, printable } from './errors.ts'

export interface Proxy {
  /** http:, https:, socks5: (names are looked up here) or socks5h: (by the proxy); without user and password. */
  readonly url: string
  /** Asked at each connection, so that what was changed meanwhile counts. Throws where it cannot be said. */
  readonly user?: (() => ProxyUser) | undefined
}

export interface ProxyUser {
  readonly username: string
  readonly password: string
}

/** The longest an HTTP proxy may take to connect, ms; the package for SOCKS has its own 30 s. */
export const PROXY_CONNECT_MS = 15_000

/**
 * The agent for everything that goes to one address.
 * @param kind what it carries: 'websocket', or REST over 'http' or 'https', whose connections are kept alive.
 * @returns undefined where none is needed: a WebSocket without proxy.
 * @throws ConnectionError PROXY_URL
 */
export function agentFor(proxy: Proxy | undefined, kind: 'websocket', clock?: Clock): HttpAgent | undefined
export function agentFor(proxy: Proxy | undefined, kind: 'http' | 'https', clock?: Clock): HttpAgent
export function agentFor(
  proxy: Proxy | undefined,
  kind: 'websocket' | 'http' | 'https',
  clock = realClock,
): HttpAgent | undefined {
  const keepAlive = kind !== 'websocket'
  if (proxy !== undefined) return proxyAgent(proxy, keepAlive, clock)
  if (!keepAlive) return undefined
  return kind === 'http' ? new HttpAgent({ keepAlive }) : new HttpsAgent({ keepAlive })
}

function proxyAgent(proxy: Proxy, keepAlive: boolean, clock: Clock): HttpAgent {
  const url = URL.parse(proxy.url)
  if (url === null) {
    throw new ConnectionError('PROXY_URL', `spec.feeds[].proxy.url '${printable(proxy.url)}' is not a URL.`)
  }
  if (url.username !== '' || url.password !== '') {
    throw new ConnectionError('PROXY_URL', 'spec.feeds[].proxy.url holds a user or password; put them in a secret.')
  }
  switch (url.protocol) {
    case 'http:':
    case 'https:':
      return new ConnectAgent(url, proxy, keepAlive, clock)
    case 'socks5:':
    case 'socks5h:':
      return new SocksAgent(url, proxy, keepAlive)
    default: {
      const text = `spec.feeds[].proxy.url begins with '${printable(url.protocol)}'; write http, https, socks5 or socks5h.`
      throw new ConnectionError('PROXY_URL', text)
    }
  }
}

class SocksAgent extends SocksProxyAgent {
  readonly #user: Proxy['user']

  constructor(url: URL, { user }: Proxy, keepAlive: boolean) {
    super(url, { keepAlive })
    this.#user = user
  }

  override async connect(request: ClientRequest, options: Parameters<SocksProxyAgent['connect']>[1]) {
    const user = this.#user?.()
    // Not by the URL, which the package keeps as text and logs when it is debugged.
    if (user !== undefined) {
      const { username: userId, password } = user
      Object.assign(this, { proxy: { ...this.proxy, userId, password } })
    }
    return super.connect(request, options)
  }
}

function authorization(user: ProxyUser | undefined): Record<string, string> {
  if (user === undefined) return {}
  return { 'Proxy-Authorization': `Basic ${Buffer.from(`${user.username}:${user.password}`).toString('base64')}` }
}

/** A proxy that never answers CONNECT would otherwise hold a connection for each attempt, for ever. */
class ConnectAgent extends HttpsProxyAgent<string> {
  readonly #clock: Clock
  readonly #user: Proxy['user']

  constructor(url: URL, { user }: Proxy, keepAlive: boolean, clock: Clock) {
    super(url, { keepAlive })
    this.#clock = clock
    this.#user = user
  }

  override async connect(request: ClientRequest, options: Parameters<HttpsProxyAgent<string>['connect']>[1]) {
    this.proxyHeaders = authorization(this.#user?.())
    const end = new AbortController()
    const timer = this.#clock.setTimeout(() => end.abort(), PROXY_CONNECT_MS)
    // Read by the package before its first await.
    this.connectOpts = { ...this.connectOpts, signal: end.signal }
    try {
      return (await super.connect(request, options)) as NetSocket
    } finally {
      this.#clock.clearTimeout(timer)
    }
  }
}
