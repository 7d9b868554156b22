import { expect, it, onTestFinished } from 'vitest'
import { VirtualClock, realClock } from './clock.ts'
import { AddressLimits } from './limits.ts'
import { type ProxySeen, connectProxy, rest, socksProxy, tcp, until, venue } from '../../test/support/loopback.ts'
import { PROXY_CONNECT_MS, type Proxy, type ProxyUser, agentFor } from './proxy.ts'
import { RestClient } from './rest.ts'
import { openSocket } from './socket.ts'

function restThrough(proxy: Proxy, origin: string, clock = realClock) {
  const agent = agentFor(proxy, 'http')
  onTestFinished(() => agent.destroy())
  const rules = { connections: { max: 1, windowMs: 1 }, weight: { max: 100, windowMs: 1_000 } }
  const limits = new AddressLimits({ exchange: 'somewhere', host: 'api.example', rules, clock, random: () => 0 })
  return new RestClient({ origin, limits, agent, clock, random: () => 0 })
}

const user = () => ({ username: 'user', password: 'p:s' })

const KINDS: [string, () => Promise<ProxySeen>, string][] = [
  ['http', connectProxy, 'Basic dXNlcjpwOnM='],
  ['socks5', socksProxy, 'user:p:s'],
  ['socks5h', socksProxy, 'user:p:s'],
]

it.each(KINDS)('carries a WebSocket through a proxy (%s), with its credentials', async (scheme, start, credentials) => {
  const proxy = await start()
  const server = await venue((socket) => socket.send('through'))
  const agent = agentFor({ url: `${scheme}://127.0.0.1:${proxy.port}`, user }, 'websocket')
  const frames: string[] = []
  const socket = openSocket({
    url: server.url,
    agent,
    clock: new VirtualClock(),
    onOpen: () => {},
    onFrame: (bytes) => frames.push(bytes.toString()),
    onClose: () => {},
  })
  onTestFinished(() => socket.close())
  await until(() => frames.length === 1)
  expect(proxy.targets).toEqual([`127.0.0.1:${server.port}`])
  expect(proxy.credentials).toEqual([credentials])
})

it.each(KINDS)(
  'carries REST through a proxy (%s) over one connection that is kept',
  async (scheme, start, credentials) => {
    const proxy = await start()
    const server = await rest((_request, response) => response.end('{}'))
    const url = `${scheme}://127.0.0.1:${proxy.port}`
    const client = restThrough({ url, user }, server.origin)
    for (let i = 0; i < 5; i++) await client.get('/', { weight: 1 })
    expect(client.status).toMatchObject({ requests: 5, connections: 1, failures: 0 })
    expect(proxy.targets.length).toBe(1)
    expect(proxy.credentials).toEqual([credentials])
  },
)

it.each(KINDS)(
  'asks who we are at each connection through a proxy (%s), and says when that cannot be said',
  async (scheme, start) => {
    const proxy = await start()
    const server = await venue(() => {})
    const users: (() => ProxyUser)[] = [
      () => ({ username: 'user', password: 'old' }),
      () => ({ username: 'user', password: 'new' }),
      () => {
        throw new Error('Secret out has no username')
      },
    ]
    const agent = agentFor({ url: `${scheme}://127.0.0.1:${proxy.port}`, user: () => users.shift()!() }, 'websocket')
    const ends: string[] = []
    const connectThrough = () =>
      openSocket({
        url: server.url,
        agent,
        clock: realClock,
        onOpen: () => ends.push('open'),
        onFrame: () => {},
        onClose: ({ cause, reason }) => ends.push(`${cause} ${reason}`),
      })
    for (let i = 1; i <= 3; i++) {
      const socket = connectThrough()
      onTestFinished(() => socket.close())
      await until(() => ends.length === i)
    }
    expect(ends).toEqual(['open', 'open', 'unreachable Secret out has no username'])
    const seen = proxy.credentials.map((one) => one.replace(/^Basic (.*)/, (_, text: string) => atob(text)))
    expect(seen).toEqual(['user:old', 'user:new'])
  },
)

it('leaves the name of the host to the proxy with socks5h', async () => {
  const proxy = await socksProxy()
  const server = await rest((_request, response) => response.end('{}'))
  const port = new URL(server.origin).port
  const client = restThrough({ url: `socks5h://127.0.0.1:${proxy.port}` }, `http://api.example:${port}`)
  await client.get('/', { weight: 1 })
  expect(proxy.targets).toEqual([`api.example:${port}`])
})

it('says that the proxy refused, not the venue', async () => {
  const proxy = await connectProxy(407)
  const clock = new VirtualClock()
  const client = restThrough({ url: `http://127.0.0.1:${proxy.port}` }, 'http://127.0.0.1:9', clock)
  const asked = client.get('/', { weight: 1 })
  asked.catch(() => {})
  for (let i = 1; i <= 4; i++) {
    await until(() => client.status.failures === i)
    await clock.advance(0)
  }
  await expect(asked).rejects.toThrow('REST_PROXY 127.0.0.1:9: the proxy answered 407; check spec.feeds[].proxy.')
})

it('leaves no connection behind at a proxy that never answers', async () => {
  let open = 0
  const port = await tcp((socket) => {
    socket.resume()
    open++
    socket.on('close', () => open--)
  })
  const clock = new VirtualClock()
  const causes: string[] = []
  openSocket({
    url: 'ws://127.0.0.1:9/',
    agent: agentFor({ url: `http://127.0.0.1:${port}` }, 'websocket', clock),
    clock,
    onOpen: () => {},
    onFrame: () => {},
    onClose: ({ cause }) => causes.push(cause),
  })
  await until(() => open === 1)
  await clock.advance(10_000)
  await until(() => causes.length === 1)
  await clock.advance(PROXY_CONNECT_MS - 10_000)
  await until(() => open === 0)
  expect(causes).toEqual(['handshake_timeout'])
  expect(clock.waiting).toBe(0)
})

it.each([
  ['http://user:secret@proxy.example:3128', 'PROXY_URL spec.feeds[].proxy.url holds a user or password'],
  ['ftp://proxy.example', "PROXY_URL spec.feeds[].proxy.url begins with 'ftp:'; write http, https, socks5 or socks5h."],
  ['proxy', "PROXY_URL spec.feeds[].proxy.url 'proxy' is not a URL."],
])('refuses %s as a proxy and does not repeat its secrets', (url, message) => {
  expect(() => agentFor({ url }, 'websocket')).toThrow(message)
  expect(() => agentFor({ url }, 'websocket')).not.toThrow('secret@')
})

it('needs no agent for a WebSocket without a proxy, and keeps REST connections alive', () => {
  expect(agentFor(undefined, 'websocket')).toBeUndefined()
  for (const kind of ['http', 'https'] as const) {
    expect(agentFor(undefined, kind)).toMatchObject({ protocol: `${kind}:`, options: { keepAlive: true } })
  }
})
