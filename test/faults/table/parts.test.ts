// The parts that faults are made with: ways that break, a past, and processes that are spoilt from within.
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { expect, test, vi } from 'vitest'
import { flowRecordings } from '../../../operator/monitoring/rules/flow.ts'
import { HISTORY_MIN } from '../../../operator/monitoring/rules/baseline.ts'
import { pastOf } from './history.ts'
import { openLink } from './link.ts'
import { track } from './tracker.ts'
import type { Active } from './watch.ts'

/** A server that answers each byte with itself, behind a link. */
async function echo() {
  const server = createServer((socket) => void socket.on('error', () => {}).pipe(socket)).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const link = await openLink((server.address() as AddressInfo).port)
  return { link, close: async () => (await link[Symbol.asyncDispose](), server.close()) }
}

function dial(port: number) {
  const socket = connect(port, '127.0.0.1').on('error', () => {})
  let heard = ''
  socket.on('data', (bytes: Buffer) => (heard += bytes.toString()))
  return { socket, heard: () => heard }
}

/** However it came about. */
const closed = (socket: Socket) => new Promise((done) => socket.once('close', done))

test('a way passes, breaks when it is cut, and passes again', async () => {
  const { link, close } = await echo()
  const first = dial(link.port)
  first.socket.write('a')
  await vi.waitFor(() => expect(first.heard()).toBe('a'))
  link.cut()
  await closed(first.socket)
  const second = dial(link.port)
  await closed(second.socket)
  link.pass()
  const third = dial(link.port)
  third.socket.write('b')
  await vi.waitFor(() => expect(third.heard()).toBe('b'))
  await close()
})

test('in a hole nothing passes and nothing breaks; afterwards the connection is gone', async () => {
  const { link, close } = await echo()
  const before = dial(link.port)
  before.socket.write('a')
  await vi.waitFor(() => expect(before.heard()).toBe('a'))
  link.hole()
  const within = dial(link.port)
  await once(within.socket, 'connect')
  before.socket.write('b')
  within.socket.write('c')
  const third = dial(link.port)
  await once(third.socket, 'connect')
  expect([before.heard(), within.heard(), before.socket.destroyed]).toEqual(['a', '', false])
  link.pass()
  await Promise.all([closed(before.socket), closed(within.socket)])
  await close()
})

const NOW = 1_790_000_000
const USUAL = [{ exchange: 'binance', market: 'spot', type: 'ticker', messages: 20, p95Seconds: 0.01 }]
const past = () => [...pastOf({ namespace: 'faults', collector: 'one' }, USUAL, NOW)]

test('a past has what the rules would have recorded: enough samples, none of them later than now but for days before', () => {
  const recorded = new Set(flowRecordings.map(({ record }) => record))
  const bySeries = Map.groupBy(past(), ({ series }) => series)
  const names = [...bySeries.keys()].map((series) => series.slice(0, series.indexOf('{')))
  expect(names.filter((name) => !recorded.has(name))).toEqual([])
  for (const [series, lines] of bySeries) {
    const recent = lines.filter(({ at }) => at > NOW - 6 * 3600)
    expect(recent.length, series).toBeGreaterThan(HISTORY_MIN)
    expect(Math.max(...recent.map(({ at }) => at)), series).toBeLessThan(NOW)
    expect(lines.map(({ at }) => at)).toEqual(lines.map(({ at }) => at).toSorted((a, b) => a - b))
  }
})

test('the same past comes twice', () => {
  expect(past()).toEqual(past())
})

test('an alert is remembered by when it began and when it was first seen to fire, and only while it is of that time', async () => {
  const labels = { alertname: 'A', collector: 'one' }
  let alerts: Active[] = [{ labels, state: 'pending', since: 1 }]
  using tracker = track({ alerts: async () => alerts })
  expect(await tracker.until(() => tracker.now({ collector: 'one' }).length === 1, 5_000)).toBe(true)
  const before = Date.now()
  alerts = [{ labels, state: 'firing', since: 1 }]
  const fired = () => tracker.since({ collector: 'one' }, before)[0]?.firedAt
  expect(await tracker.until(() => fired() !== undefined, 5_000)).toBe(true)
  expect(fired()).toBeGreaterThanOrEqual(before)
  expect(tracker.since({ collector: 'two' }, before)).toEqual([])
  alerts = []
  expect(await tracker.until(() => tracker.now({}).length === 0, 5_000)).toBe(true)
  expect(tracker.since({ collector: 'one' }, Date.now() + 1)).toEqual([])
})
