import { once } from 'node:events'
import { createServer } from 'node:http'
import type { RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, onTestFinished, test, vi } from 'vitest'
import { VirtualClock } from '../../collector/connection/clock.ts'
import { ANSWER_BYTES_MAX, CONCURRENCY_MAX, gistOf, openObserver, type Observer } from './observer.ts'
import type { KubeObject } from '../kube/objects.ts'
import { sampleSummary } from '../../test/support/healing.ts'

const WAIT = { timeout: 10_000, interval: 5 }
const PERIOD_MS = 15_000

/** A pod whose port is the server's. */
function podOf(name: string, port: number, change: { phase?: string; deletionTimestamp?: string } = {}): KubeObject {
  const { phase = 'Running', deletionTimestamp } = change
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name,
      namespace: 'market',
      uid: `uid-${name}`,
      ...(deletionTimestamp === undefined ? {} : { deletionTimestamp }),
    },
    status: { phase, podIP: '127.0.0.1', port },
  }
}

async function serve(listener: RequestListener): Promise<number> {
  const server = createServer(listener)
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.closeAllConnections()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

interface Watched {
  readonly observer: Observer
  readonly clock: VirtualClock
  readonly changed: string[]
  readonly results: string[]
  /** Time passes until so many questions have been answered or have failed. */
  asked(count: number): Promise<void>
}

function watch({ timeoutMs = 5000 } = {}): Watched {
  const clock = new VirtualClock()
  const changed: string[] = []
  const results: string[] = []
  const observer = openObserver({
    onChange: ({ metadata }) => void changed.push(metadata.name),
    onAsked: (result, reason) => void results.push(reason ?? result),
    log: { debug: () => {} },
    addressOf: ({ status }) => ({ host: '127.0.0.1', port: (status as { port: number }).port }),
    clock,
    random: () => 0.5,
    timeoutMs,
  })
  onTestFinished(() => observer.close())
  return {
    observer,
    clock,
    changed,
    results,
    async asked(count) {
      await clock.advance(PERIOD_MS)
      await vi.waitFor(() => expect(results.length).toBeGreaterThanOrEqual(count), WAIT)
    },
  }
}

const well = sampleSummary(['binance:perpetual', 'okx:spot'])
const answerWith = (body: unknown): RequestListener => {
  return (_request, response) => void response.end(typeof body === 'string' ? body : JSON.stringify(body))
}

test('keeps what a pod last said, with its age', async () => {
  const paths: string[] = []
  const port = await serve((request, response) => {
    paths.push(`${request.method} ${request.url}`)
    answerWith(well)(request, response)
  })
  const { observer, clock, asked } = watch()
  observer.take({ type: 'added', object: podOf('a', port) })
  expect(observer.of('uid-a')).toBeUndefined()
  await asked(1)
  expect(observer.of('uid-a')?.summary).toEqual(well)
  const before = observer.of('uid-a')?.ageMs ?? NaN
  clock.skip(4000)
  expect(observer.of('uid-a')?.ageMs).toBe(before + 4000)
  await asked(2)
  expect(paths).toEqual(['GET /summary', 'GET /summary'])
  expect(observer.of('uid-a')?.ageMs).toBeLessThan(PERIOD_MS)
})

test('tells of a change that matters, and of no other', async () => {
  let said: unknown = well
  const port = await serve((request, response) => answerWith(said)(request, response))
  const { observer, changed, asked } = watch()
  observer.take({ type: 'added', object: podOf('a', port) })
  await asked(1)
  said = { ...well, atMs: 7, gaps: 3, channels: { ...well.channels, live: 19, quiet: 1 } }
  await asked(2)
  expect(changed).toEqual(['a'])
  said = { ...well, ready: false }
  await asked(3)
  expect(changed).toEqual(['a', 'a'])
})

test('what matters: readiness, whether some or all are stale, how each market does, how many channels there are', () => {
  const { channels, markets } = well
  expect(gistOf(well)).toBe('ready=true stale=none total=20 impossible=0 binance:perpetual=well okx:spot=well')
  expect(gistOf({ ...well, channels: { ...channels, stale: 3 } })).toContain('stale=some')
  expect(gistOf({ ...well, channels: { ...channels, stale: 20 } })).toContain('stale=all')
  const okx = { channels: 10, live: 0, stale: 10, sessionsOpen: 0, sessions: 1 }
  expect(gistOf({ ...well, markets: { ...markets, 'okx:spot': okx } })).toContain('okx:spot=unwell')
})

test('forgets a pod that is gone, also while it is being asked', async () => {
  let let_go = (): void => {}
  const held = new Promise<void>((resolve) => (let_go = resolve))
  const port = await serve((request, response) => void held.then(() => answerWith(well)(request, response)))
  const { observer, changed, clock, results } = watch()
  const pod = podOf('a', port)
  observer.take({ type: 'added', object: pod })
  await clock.advance(1000)
  await vi.waitFor(() => expect(observer.size).toEqual({ pods: 1, asking: 1 }), WAIT)
  observer.take({ type: 'deleted', object: pod })
  let_go()
  await vi.waitFor(() => expect(results).toEqual(['answered']), WAIT)
  await vi.waitFor(() => expect(observer.size).toEqual({ pods: 0, asking: 0 }), WAIT)
  expect(observer.of('uid-a')).toBeUndefined()
  expect(changed).toEqual([])
  expect(clock.waiting).toBe(0)
})

test('asks a pod once it runs, and no more when it goes; its last word stands until it is gone', async () => {
  const port = await serve(answerWith(well))
  const { observer, clock, asked } = watch()
  observer.take({ type: 'added', object: podOf('a', port, { phase: 'Pending' }) })
  expect(clock.waiting).toBe(0)
  observer.take({ type: 'changed', object: podOf('a', port) })
  expect(clock.waiting).toBe(1)
  observer.take({ type: 'changed', object: podOf('a', port) })
  expect(clock.waiting).toBe(1)
  await asked(1)
  await vi.waitFor(() => expect(clock.waiting).toBe(1), WAIT)
  observer.take({ type: 'changed', object: podOf('a', port, { deletionTimestamp: '2026-11-29T00:00:00Z' }) })
  await clock.advance(10 * PERIOD_MS)
  await vi.waitFor(() => expect(clock.waiting).toBe(0), WAIT)
  expect(observer.of('uid-a')?.summary).toEqual(well)
})

test('asks a bounded number at the same time, and all of them in the end', async () => {
  const waiting: (() => void)[] = []
  let isOpen = false
  const port = await serve((request, response) => {
    const answer = () => answerWith(well)(request, response)
    if (isOpen) answer()
    else waiting.push(answer)
  })
  const { observer, clock, results } = watch({ timeoutMs: 15_000 })
  const pods = 3 * CONCURRENCY_MAX
  for (let i = 0; i < pods; i += 1) observer.take({ type: 'added', object: podOf(`p${i}`, port) })
  await clock.advance(1000)
  await vi.waitFor(() => expect(waiting.length).toBe(CONCURRENCY_MAX), WAIT)
  expect(observer.size).toEqual({ pods, asking: CONCURRENCY_MAX })
  isOpen = true
  for (const answer of waiting) answer()
  await vi.waitFor(() => expect(results.length).toBe(pods), WAIT)
  expect(new Set(results)).toEqual(new Set(['answered']))
})

const hostile: Record<string, [RequestListener, RegExp]> = {
  'no JSON': [answerWith('<html>'), /JSON/],
  'JSON that is no summary': [answerWith({ ...well, channels: undefined }), /^its summary is not one: channels/],
  'another status': [
    (_request, response) => void response.writeHead(503).end(JSON.stringify(well)),
    /^it answered 503/,
  ],
  'a redirect': [
    (_request, response) => void response.writeHead(302, { location: 'http://127.0.0.1:1/summary' }).end(),
    /^it answered 302/,
  ],
  'more than is read': [
    (_request, response) => {
      response.on('error', () => {})
      response.end(JSON.stringify({ ...well, name: 'x'.repeat(ANSWER_BYTES_MAX) }))
    },
    /^its summary is longer than 262144 bytes/,
  ],
  'a great many brackets': [answerWith('['.repeat(200_000)), /JSON/],
  'a connection that is cut': [(request) => void request.socket.destroy(), /hang up|ECONNRESET/],
}
for (const [what, [listener, reason]] of Object.entries(hostile)) {
  test(`takes nothing from ${what}, and keeps what was said before`, async () => {
    let isHostile = false
    const port = await serve((request, response) => (isHostile ? listener : answerWith(well))(request, response))
    const { observer, changed, results, asked } = watch()
    observer.take({ type: 'added', object: podOf('a', port) })
    await asked(1)
    isHostile = true
    await asked(2)
    expect(results[1]).toMatch(reason)
    expect(observer.of('uid-a')?.summary).toEqual(well)
    expect(observer.of('uid-a')?.ageMs).toBeGreaterThanOrEqual(PERIOD_MS - 1000)
    expect(changed).toEqual(['a'])
  })
}

const slow: Record<string, RequestListener> = {
  'says nothing': () => {},
  'never ends': (_request, response) => {
    response.write('{"name":')
    const drip = setInterval(() => response.write(' '), 5)
    response.on('close', () => clearInterval(drip))
  },
}
for (const [what, listener] of Object.entries(slow)) {
  test(`gives up on a pod that ${what}`, async () => {
    const port = await serve(listener)
    const { observer, results, asked } = watch({ timeoutMs: 50 })
    observer.take({ type: 'added', object: podOf('a', port) })
    await asked(1)
    expect(results[0]).toBe('it did not answer within 50 ms')
    expect(observer.of('uid-a')).toBeUndefined()
    expect(observer.size.asking).toBe(0)
  })
}

test('closes while it asks', async () => {
  const port = await serve(() => {})
  const { observer, clock, results } = watch()
  observer.take({ type: 'added', object: podOf('a', port) })
  await clock.advance(1000)
  await vi.waitFor(() => expect(observer.size.asking).toBe(1), WAIT)
  await observer.close()
  expect(observer.size).toEqual({ pods: 0, asking: 0 })
  expect(clock.waiting).toBe(0)
  expect(results).toEqual([])
})
