import { once } from 'node:events'
import { connect } from 'node:net'
import { expect, onTestFinished, test, vi } from 'vitest'
import { readiness, serveHealth, sinkWatch } from './health.ts'
import type { HealthOptions, Seen } from './health.ts'
import type { CollectorStatus } from './status.ts'
import { summaryOf } from './summary.ts'
import { sampleChannel, sampleStatus } from '../test/support/status.ts'

function seen(change: Partial<Seen>): Seen {
  const sink = { problem: undefined }
  return { channels: [], unread: [], sink, sinkLostMs: 0, everReady: false, mayBeEmpty: false, ...change }
}

async function serve(change: Partial<HealthOptions> = {}) {
  const health = await serveHealth({
    port: 0,
    host: '127.0.0.1',
    status: sampleStatus,
    progress: () => Date.now(),
    metricsText: async () => 'up 1\n',
    verify: async () => [],
    ...change,
  })
  onTestFinished(() => health.close())
  const url = `http://127.0.0.1:${health.port}`
  const get = async (path: string, init?: RequestInit) => {
    const response = await fetch(url + path, init)
    return { code: response.status, type: response.headers.get('content-type'), body: await response.text(), response }
  }
  return { ...health, get }
}

/** What a raw connection gets until the other side closes it. */
async function raw(port: number, bytes: string): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  socket.end(bytes)
  let all = ''
  socket.on('data', (chunk) => (all += chunk))
  await once(socket, 'close')
  return all
}

test('the paths answer what the status says', async () => {
  const { get } = await serve()
  expect(await get('/livez')).toMatchObject({ code: 200, body: 'live\n' })
  expect(await get('/readyz')).toMatchObject({ code: 200, body: 'ready\n' })
  expect(await get('/metrics')).toMatchObject({
    code: 200,
    body: 'up 1\n',
    type: 'text/plain; version=0.0.4; charset=utf-8',
  })
  const status = await get('/status?pretty')
  expect(status).toMatchObject({ code: 200, type: 'application/json' })
  expect(JSON.parse(status.body)).toEqual(JSON.parse(JSON.stringify(sampleStatus())))
  const summary = await get('/summary')
  expect(summary).toMatchObject({ code: 200, type: 'application/json' })
  expect(JSON.parse(summary.body)).toEqual(summaryOf(sampleStatus()))
})

test('readyz says why not, livez does not care', async () => {
  const { get } = await serve({ status: () => sampleStatus({ ready: false, notReady: ['first', 'second'] }) })
  expect(await get('/readyz')).toMatchObject({ code: 503, body: 'first\nsecond\n' })
  expect(await get('/livez')).toMatchObject({ code: 200 })
})

test('metrics that fail are an answer, not the end of the process', async () => {
  const { get } = await serve({ metricsText: () => Promise.reject(new Error('broken')) })
  expect(await get('/metrics')).toMatchObject({ code: 500, body: 'metrics: Error: broken\n' })
  expect(await get('/status')).toMatchObject({ code: 200 })
})

test('livez fails when nothing has moved for too long, and comes back', async () => {
  let progressMs = Date.now() - 20_000
  const { get } = await serve({ progress: () => progressMs })
  expect(await get('/livez')).toMatchObject({ code: 503, body: 'no progress for 20 s\n' })
  progressMs = Date.now()
  expect(await get('/livez')).toMatchObject({ code: 200 })
})

test('bodies are made once a second, not for each request', async () => {
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  onTestFinished(() => void vi.useRealTimers())
  const status = vi.fn<() => CollectorStatus>(() => sampleStatus())
  const { get } = await serve({ status })
  for (let i = 0; i < 20; i++) await get('/status')
  expect(status).toHaveBeenCalledTimes(1)
  status.mockReturnValue(sampleStatus({ name: 'changed' }))
  await vi.advanceTimersByTimeAsync(1000)
  expect(status).toHaveBeenCalledTimes(2)
  expect((await get('/status')).body).toContain('"name":"changed"')
})

test('nothing in a status can reach the terminal of who reads it', async () => {
  const channels = [sampleChannel({ state: 'down', detail: '\x1b[2J\x9b31m\u202etxt', symbol: 'é' })]
  const { get } = await serve({ status: () => sampleStatus({ channels }) })
  const { body } = await get('/status')
  expect(body).toMatch(/^[ -~]*\n$/)
  expect(JSON.parse(body).channels[0].detail).toBe('\x1b[2J\x9b31m\u202etxt')
})

test('HEAD gives the head alone; other methods and paths are refused with what to do', async () => {
  const { get, port } = await serve()
  const head = await get('/metrics', { method: 'HEAD' })
  expect(head).toMatchObject({ code: 200, body: '' })
  expect(head.response.headers.get('content-length')).toBe('5')
  const post = await get('/status', { method: 'POST', body: 'x'.repeat(100_000) })
  expect(post).toMatchObject({ code: 405, body: 'only GET and HEAD\n' })
  expect(post.response.headers.get('allow')).toBe('GET, HEAD')
  for (const path of ['/', '/livez/', '/__proto__', '/constructor', '//status'])
    expect((await get(path)).code).toBe(404)
  expect(
    await raw(port, 'GET http://elsewhere/../../etc/passwd HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n'),
  ).toMatch(/^HTTP\/1.1 404/)
})

test('headers without end and rubbish are refused, and the next request is answered', async () => {
  const { get, port } = await serve()
  expect(await raw(port, `GET /livez HTTP/1.1\r\nHost: x\r\nX: ${'x'.repeat(10_000)}\r\n\r\n`)).toMatch(
    /^HTTP\/1.1 431/,
  )
  expect(await raw(port, '\x16\x03\x01 this is not HTTP\r\n\r\n')).toMatch(/^HTTP\/1.1 400/)
  expect(await get('/livez')).toMatchObject({ code: 200 })
})

test('no more than 64 connections are kept, and one that goes makes room', async () => {
  const { get, port } = await serve()
  const open = async () => {
    const socket = connect(port, '127.0.0.1')
    socket.on('error', () => {})
    await once(socket, 'connect')
    return socket
  }
  const sockets = await Promise.all(Array.from({ length: 64 }, open))
  onTestFinished(() => sockets.forEach((socket) => socket.destroy()))
  const beyond = await open()
  await once(beyond, 'close')
  sockets.pop()?.destroy()
  await vi.waitFor(async () => expect(await get('/livez')).toMatchObject({ code: 200 }))
})

test('a port that is taken is said so, with what to do', async () => {
  const { port } = await serve()
  await expect(serve({ port })).rejects.toThrow(
    /^health: port \d+ cannot be had \(.*EADDRINUSE.*\); end what uses it or give/,
  )
})

const live = sampleChannel()
const starting = sampleChannel({ settled: false, state: 'down', detail: undefined, symbol: 'ETH-USDT' })
const refused = sampleChannel({ settled: true, state: 'down', detail: 'refused by the venue' })

test.each([
  ['every channel has been live', [live, live], 0, false, []],
  ['a channel that is known to be impossible does not hold it up', [live, refused], 0, false, []],
  [
    'a channel that has not come yet does',
    [live, starting],
    0,
    false,
    ['binance perpetual ETH-USDT trade is down: no message yet'],
  ],
  ['a later resync does not clear it', [live, starting], 0, true, []],
  ['a sink that is away for less than 30 s does not clear it', [live], 29_999, true, []],
  ['a sink that is away for 30 s does', [live], 30_000, true, ['the sink has acknowledged nothing for 30 s']],
] as const)('ready: %s', (_, channels, sinkLostMs, everReady, reasons) => {
  expect(readiness(seen({ channels, sinkLostMs, everReady }))).toEqual({ ready: reasons.length === 0, reasons })
})

test('a market of which the channels are not known keeps from being ready, until all was ready once', () => {
  const unread = ['okx spot']
  expect(readiness(seen({ channels: [live], unread })).reasons).toEqual([
    'okx spot: instruments, and what the sink holds, are being read',
  ])
  expect(readiness(seen({ channels: [live], unread, everReady: true })).ready).toBe(true)
  expect(readiness(seen({})).reasons).toEqual(['no channel: nothing is listed that the feeds name'])
})

test('a shard without channels is ready once it is known that it has none', () => {
  expect(readiness(seen({ mayBeEmpty: true })).ready).toBe(true)
  expect(readiness(seen({ mayBeEmpty: true, unread: ['okx spot'] })).ready).toBe(false)
})

test('what is not ready is said in at most twelve sentences, without control bytes', () => {
  const many = Array.from({ length: 500 }, () => ({ ...starting, detail: 'because\x1b[31m' }))
  const { reasons } = readiness(seen({ channels: many, sink: { problem: 'NATS says \x07no' }, sinkLostMs: 45_000 }))
  expect(reasons.length).toBe(12)
  expect(reasons[0]).toBe('binance perpetual ETH-USDT trade is down: because\\x1b[31m')
  expect(reasons[10]).toBe('490 more channels are not settled')
  expect(reasons[11]).toBe('the sink has acknowledged nothing for 45 s: NATS says \\x07no')
})

test('the sink is lost only while something waits, and found again by one acknowledgement', () => {
  const lostMs = sinkWatch()
  expect(lostMs({ lastSettledMs: 0 }, 0, 1_000_000)).toBe(0)
  expect(lostMs({ lastSettledMs: 0 }, 5, 1_010_000)).toBe(0)
  expect(lostMs({ lastSettledMs: 0 }, 9, 1_050_000)).toBe(40_000)
  expect(lostMs({ lastSettledMs: 1_049_000 }, 9, 1_051_000)).toBe(2000)
  expect(lostMs({ lastSettledMs: 1_052_000 }, 0, 1_060_000)).toBe(0)
  expect(lostMs({ lastSettledMs: 1_052_000 }, 1, 1_100_000)).toBe(0)
})

test('verify answers what comparing the books came to, once at a time and only to POST', async () => {
  const asked = Promise.withResolvers<readonly unknown[]>()
  const verify = vi.fn<HealthOptions['verify']>(() => asked.promise)
  const { get } = await serve({ verify })
  expect(await get('/verify')).toMatchObject({ code: 405, body: 'only POST\n' })
  const first = get('/verify', { method: 'POST' })
  await expect.poll(() => verify.mock.calls.length).toBe(1)
  expect(await get('/verify', { method: 'POST' })).toMatchObject({ code: 429 })
  asked.resolve([{ symbol: 'BTC-USDT', agreement: 'equal' }])
  expect(await first).toMatchObject({ code: 200, body: '[{"symbol":"BTC-USDT","agreement":"equal"}]\n' })
  verify.mockRejectedValueOnce(new Error('no\u001b'))
  expect(await get('/verify', { method: 'POST' })).toMatchObject({ code: 500 })
  expect(await get('/verify', { method: 'POST' })).toMatchObject({ code: 200 })
})
