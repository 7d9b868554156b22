import type { IncomingMessage, ServerResponse } from 'node:http'
import { gzipSync } from 'node:zlib'
import { expect, it, onTestFinished, vi } from 'vitest'
import { VirtualClock } from './clock.ts'
import { AddressLimits, type AddressRules } from './limits.ts'
import { rest, tcp, until } from '../../test/support/loopback.ts'
import { agentFor } from './proxy.ts'
import { ATTEMPTS_MAX, FAILURES_MAX, RestClient } from './rest.ts'

function client(origin: string, rules: Partial<AddressRules> = {}) {
  const clock = new VirtualClock()
  const agent = agentFor(undefined, 'http')
  onTestFinished(() => agent.destroy())
  const limits = new AddressLimits({
    exchange: 'somewhere',
    host: 'api.example',
    rules: {
      connections: { max: 300, windowMs: 300_000 },
      weight: { max: 6_000, windowMs: 60_000 },
      usedHeader: 'x-mbx-used-weight-1m',
      ...rules,
    },
    clock,
    random: () => 0,
  })
  return { clock, limits, client: new RestClient({ origin, limits, agent, clock, random: () => 0.5 }) }
}

/** Moves the clock while the client waits to ask again, until the promise is settled. */
async function played<T>(clock: VirtualClock, c: RestClient, promise: Promise<T>): Promise<T> {
  let done = false
  const end = () => (done = true)
  promise.then(end, end)
  await until(() => {
    if (c.status.requests === c.status.failures) void clock.advance(25)
    return done
  })
  return promise
}

/** Answers each request with the next of these, then with the last. */
function answers(...list: ((request: IncomingMessage, response: ServerResponse) => void)[]) {
  return (request: IncomingMessage, response: ServerResponse) => {
    const next = list.length > 1 ? list.shift() : list[0]
    next?.(request, response)
  }
}

const status = (code: number, headers: Record<string, string> = {}, body = '{}') => {
  return (_request: IncomingMessage, response: ServerResponse) => void response.writeHead(code, headers).end(body)
}
const cut = (request: IncomingMessage) => void request.socket.destroy()

it('keeps the connection, and asks for gzip and inflates it', async () => {
  const body = JSON.stringify({ symbols: Array.from({ length: 500 }, (_, i) => `S${i}`) })
  const asked: (string | undefined)[] = []
  const server = await rest((request, response) => {
    asked.push(request.headers['accept-encoding'])
    response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync(body))
  })
  const { client: c } = client(server.origin)
  for (let i = 0; i < 20; i++) {
    const answer = await c.get(`/api/v3/exchangeInfo?n=${i}`, { weight: 20 })
    expect(answer).toMatchObject({ status: 200, body: Buffer.from(body) })
  }
  expect(server.paths[19]).toBe('/api/v3/exchangeInfo?n=19')
  expect(new Set(asked)).toEqual(new Set(['gzip']))
  expect(c.status).toMatchObject({
    host: new URL(server.origin).host,
    requests: 20,
    connections: 1,
    failures: 0,
    breaker: 'closed',
  })
  expect(c.status).toMatchObject({ weightUsed: 400, weightMax: 6_000, blockedUntilMs: 0 })
})

it('hands over a 400 with its body, which is the venue’s to explain', async () => {
  const server = await rest(status(400, {}, '{"code":-1121,"msg":"Invalid symbol."}'))
  const answer = await client(server.origin).client.get('/', { weight: 1 })
  expect([answer.status, answer.body.toString()]).toEqual([400, '{"code":-1121,"msg":"Invalid symbol."}'])
  expect(server.paths.length).toBe(1)
})

it('does not follow a redirect', async () => {
  const server = await rest(status(302, { location: 'http://127.0.0.1:1/' }))
  expect((await client(server.origin).client.get('/', { weight: 1 })).status).toBe(302)
})

it('takes over the used weight that the venue reports', async () => {
  const server = await rest(status(200, { 'X-MBX-USED-WEIGHT-1M': '4321' }))
  const { client: c } = client(server.origin)
  await c.get('/', { weight: 250 })
  expect(c.status.weightUsed).toBe(4_321)
})

it('asks again after 5xx and broken connections, and succeeds', async () => {
  const server = await rest(answers(status(502), cut, status(200, {}, 'there')))
  const { client: c, clock } = client(server.origin)
  const answer = await played(clock, c, c.get('/', { weight: 1 }))
  expect(answer.body.toString()).toBe('there')
  expect(c.status).toMatchObject({ requests: 3, failures: 2 })
})

it('gives up after four attempts, with the last fault', async () => {
  const server = await rest(status(503))
  const { client: c, clock } = client(server.origin)
  await expect(played(clock, c, c.get('/', { weight: 1 }))).rejects.toMatchObject({
    code: 'REST_SERVER_ERROR',
    message: `REST_SERVER_ERROR ${new URL(server.origin).host}: HTTP 503.`,
    status: 503,
  })
  expect(server.paths.length).toBe(ATTEMPTS_MAX)
})

it('gives up after four answers that say too much was asked', async () => {
  const server = await rest(status(429, { 'retry-after': '2' }))
  const { client: c, clock } = client(server.origin)
  await expect(played(clock, c, c.get('/', { weight: 1 }))).rejects.toMatchObject({
    code: 'REST_RATE_LIMITED',
    status: 429,
  })
  expect(server.paths.length).toBe(ATTEMPTS_MAX)
})

it('says what to do where the venue does not serve the region, and does not insist', async () => {
  const server = await rest(status(451))
  await expect(client(server.origin).client.get('/', { weight: 1 })).rejects.toThrow(
    `REST_REGION_BLOCKED ${new URL(server.origin).host}: HTTP 451: not served from here; set spec.feeds[].proxy to a`,
  )
  expect(server.paths.length).toBe(1)
})

it('C019: after 429, then 418, the address is left alone until Retry-After has passed, and the breaker shows open', async () => {
  const server = await rest(
    answers(status(429, { 'retry-after': '20' }), status(418, { 'retry-after': '120' }), status(200)),
  )
  const { client: c, clock } = client(server.origin)
  const startMs = clock.nowMs()
  const book = c.get('/depth', { weight: 250 })
  await until(() => c.status.blockedUntilMs > 0)
  const poll = c.get('/openInterest', { weight: 1, priority: 2 })
  await clock.advance(19_999)
  expect(server.paths).toEqual(['/depth'])
  expect(c.status).toMatchObject({ breaker: 'closed', blockedUntilMs: startMs + 20_000 })
  await clock.advance(1)
  await until(() => c.status.breaker === 'open')
  const bannedMs = clock.nowMs()
  expect(c.status.blockedUntilMs).toBe(bannedMs + 120_000)
  const asked = server.paths.length
  await clock.advance(119_999)
  // One of the two was refused; the other had been sent at the same moment, before anybody knew of the ban.
  expect(server.paths.length).toBe(asked)
  await clock.advance(1)
  expect((await Promise.all([book, poll])).map((answer) => answer.status)).toEqual([200, 200])
  expect(c.status.breaker).toBe('closed')
})

it('asks again after an answer of 200 that says too much was asked, once the wait of the venue has passed', async () => {
  const server = await rest(answers(status(200, {}, '{"code":"50011"}'), status(200, {}, '{"code":"0"}')))
  const { client: c, clock } = client(server.origin, {
    limited: (_status, body) => body.includes('50011'),
    slowDownMs: 2_000,
    pools: { trades: { max: 20, windowMs: 2_000 } },
  })
  const trades = c.get('/trades', { weight: 1, pool: 'trades' })
  await until(() => c.status.blockedUntilMs > 0)
  await clock.advance(1_999)
  expect(server.paths.length).toBe(1)
  await clock.advance(1)
  expect((await trades).body.toString()).toBe('{"code":"0"}')
  expect(c.status).toMatchObject({ requests: 2, failures: 1, weightUsed: 0, breaker: 'closed' })
})

it.each([
  ['does not come', () => {}],
  ['stops in the middle', (_: IncomingMessage, response: ServerResponse) => void response.writeHead(200).write('half')],
])('gives up an answer that %s, and asks again', async (_what, answer) => {
  const server = await rest(answer)
  const { client: c, clock } = client(server.origin)
  const asked = c.get('/', { weight: 1, timeoutMs: 3_000 })
  asked.catch(() => {})
  for (let attempt = 1; attempt <= ATTEMPTS_MAX; attempt++) {
    await until(() => server.paths.length === attempt)
    await clock.advance(2_999)
    expect(c.status.failures).toBe(attempt - 1)
    await clock.advance(1)
    await until(() => c.status.failures === attempt)
    // The wait before the next attempt: half of 250, 500, 1,000 ms.
    await clock.advance(125 * 2 ** (attempt - 1))
  }
  await expect(asked).rejects.toMatchObject({ code: 'REST_TIMEOUT' })
  expect(clock.waiting).toBe(0)
})

it('gives up a request that its caller gives up', async () => {
  const server = await rest(() => {})
  const { client: c } = client(server.origin)
  const abort = new AbortController()
  const given = c.get('/', { weight: 1, signal: abort.signal })
  await until(() => server.paths.length === 1)
  abort.abort()
  await expect(given).rejects.toMatchObject({ code: 'ABORTED' })
  await expect(c.get('/', { weight: 1, signal: abort.signal })).rejects.toMatchObject({ code: 'ABORTED' })
  expect(server.paths.length).toBe(1)
})

it('can be given up while it waits to ask again', async () => {
  const server = await rest(status(500))
  const { client: c, clock } = client(server.origin)
  const abort = new AbortController()
  const given = c.get('/', { weight: 1, signal: abort.signal })
  await until(() => c.status.failures === 1 && clock.waiting === 1)
  abort.abort()
  await expect(given).rejects.toMatchObject({ code: 'ABORTED' })
  expect(clock.waiting).toBe(0)
})

it.each([
  ['plain', (response: ServerResponse) => endless(response)],
  ['gzip', (response: ServerResponse) => void response.writeHead(200, { 'content-encoding': 'gzip' }).end(BOMB)],
])('stops reading a body (%s) that is too large', async (_kind, answer) => {
  const server = await rest((_request, response) => answer(response))
  const { client: c } = client(server.origin)
  const before = process.memoryUsage().external
  await expect(c.get('/', { weight: 1, bytesMax: 100_000 })).rejects.toMatchObject({ code: 'REST_BODY_TOO_LARGE' })
  expect(process.memoryUsage().external - before).toBeLessThan(32 * 2 ** 20)
})

/** 64 MiB in 64 KiB. */
const BOMB = gzipSync(Buffer.alloc(64 * 2 ** 20))

function endless(response: ServerResponse): void {
  const more = () => {
    while (!response.destroyed && response.write('x'.repeat(10_000)));
  }
  response.on('drain', more)
  more()
}

it.each([
  ['br', 'anything'],
  ['gzip', 'not gzip at all'],
  ['gzip', gzipSync('x'.repeat(1_000)).subarray(0, 20)],
])('refuses a body that is not what %s says', async (encoding, body) => {
  const server = await rest(
    (_request, response) => void response.writeHead(200, { 'content-encoding': encoding }).end(body),
  )
  await expect(client(server.origin).client.get('/', { weight: 1 })).rejects.toMatchObject({ code: 'REST_ENCODING' })
})

it.each(['HTTP/9 nonsense\r\n\r\n', 'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nshort', ''])(
  'takes an answer of %j for a broken connection',
  async (bytes) => {
    const port = await tcp((socket) => socket.once('data', () => socket.end(bytes)))
    const { client: c, clock } = client(`http://127.0.0.1:${port}`)
    await expect(played(clock, c, c.get('/', { weight: 1 }))).rejects.toMatchObject({ code: 'REST_UNREACHABLE' })
    expect(c.status.failures).toBe(ATTEMPTS_MAX)
  },
)

it('opens the circuit after faults in a row, lets one request try later, and closes it when that succeeds', async () => {
  vi.useFakeTimers({ toFake: ['Date'] })
  onTestFinished(() => void vi.useRealTimers())
  let release = (): void => {}
  let broken = true
  const server = await rest((_request, response) => {
    if (broken) return void response.writeHead(500).end()
    release = () => void response.writeHead(200).end('{}')
  })
  const { client: c, clock } = client(server.origin)
  await expect(played(clock, c, c.get('/', { weight: 1 }))).rejects.toMatchObject({ code: 'REST_SERVER_ERROR' })
  await expect(played(clock, c, c.get('/', { weight: 1 }))).rejects.toMatchObject({ code: 'REST_CIRCUIT_OPEN' })
  expect(c.status.breaker).toBe('open')
  expect(server.paths.length).toBe(FAILURES_MAX)
  await expect(c.get('/', { weight: 1 })).rejects.toMatchObject({ code: 'REST_CIRCUIT_OPEN' })
  expect(server.paths.length).toBe(FAILURES_MAX)

  broken = false
  vi.setSystemTime(Date.now() + 60_000)
  const probe = c.get('/', { weight: 1 })
  await until(() => server.paths.length === FAILURES_MAX + 1)
  expect(c.status.breaker).toBe('half_open')
  await expect(c.get('/', { weight: 1 })).rejects.toMatchObject({ code: 'REST_CIRCUIT_OPEN' })
  release()
  await probe
  expect(c.status.breaker).toBe('closed')
})

it('asks never more than a few at once', async () => {
  let open = 0
  let most = 0
  const server = await rest((_request, response) => {
    most = Math.max(most, ++open)
    setImmediate(() => {
      open--
      response.end('{}')
    })
  })
  const { client: c } = client(server.origin)
  await Promise.all(Array.from({ length: 40 }, () => c.get('/', { weight: 1 })))
  expect(most).toBeLessThanOrEqual(4)
  expect(c.status.connections).toBeLessThanOrEqual(4)
})
