// Informers against a server that plays a script by the second: what a real one does only once in a while.
import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { KubeConfig } from '@kubernetes/client-node'
import { afterEach, expect, test, vi } from 'vitest'
import { VirtualClock } from '../../collector/connection/clock.ts'
import { openClient } from './client.ts'
import { type Change, openInformer } from './informer.ts'
import { CONFIG_MAP, type KubeObject } from './objects.ts'

const OURS = { userAgent: 'script-test', fieldManager: 'script-test' }
const closers: (() => PromiseLike<unknown>)[] = []
afterEach(async () => {
  // In turn: an informer is closed before its client.
  for (const close of closers.splice(0).reverse()) await close()
})

/** Answers lists and watches by what it is told to do at the moment, and counts them. */
async function scriptedServer() {
  const state = {
    list: { resourceVersion: '', items: [] as KubeObject[] },
    watch: 'open' as 'open' | 'close' | 'gone',
    lists: 0,
    /** Version that each watch began with. */
    watches: [] as string[],
    open: undefined as ServerResponse | undefined,
    /** Sent at the beginning of each watch of an older version. */
    missed: [] as { version: number; line: string }[],
  }
  const sockets = new Set<Socket>()
  const server = createServer((incoming, response) => {
    const query = new URL(incoming.url ?? '/', 'http://localhost').searchParams
    if (query.get('watch') !== 'true') {
      state.lists += 1
      const { items, resourceVersion } = state.list
      response.end(JSON.stringify({ kind: 'ConfigMapList', metadata: { resourceVersion }, items }))
      return
    }
    const version = query.get('resourceVersion') ?? ''
    state.watches.push(version)
    if (state.watch === 'gone') {
      response.writeHead(410).end(JSON.stringify({ kind: 'Status', code: 410, reason: 'Gone' }))
      return
    }
    response.writeHead(200)
    response.flushHeaders()
    if (state.watch === 'close') return void response.end()
    for (const one of state.missed) if (one.version > Number(version)) response.write(one.line)
    state.open = response
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const { port } = server.address() as AddressInfo
  const down = () => {
    if (server.listening) server.close()
    for (const socket of sockets) socket.destroy()
  }
  closers.push(() => Promise.resolve(down()))
  return { state, down, up: () => void server.listen(port, '127.0.0.1'), url: `http://127.0.0.1:${port}`, sockets }
}

async function follower(url: string, clock: VirtualClock) {
  const config = new KubeConfig()
  config.loadFromClusterAndUser({ name: 'case', server: url, skipTLSVerify: true }, { name: 'case', token: 'any' })
  const kube = await openClient({ config, ...OURS, clock })
  const told: string[] = []
  const onChange = ({ type, object }: Change<KubeObject>) => void told.push(`${type} ${object.metadata.name}`)
  const informer = openInformer({ client: kube, kind: CONFIG_MAP, namespace: 'case', onChange, clock })
  closers.push(
    () => kube.close(),
    () => informer.close(),
  )
  return { informer, told }
}

const object = (name: string, spec: number, version: number): KubeObject => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, namespace: 'case', uid: `uid-of-${name}`, resourceVersion: String(version) },
  spec,
})
const event = (type: string, one: object) => `${JSON.stringify({ type, object: one })}\n`

/** Virtual seconds, in steps between which sockets are read. */
async function play(clock: VirtualClock, seconds: number): Promise<void> {
  for (let i = 0; i < seconds * 4; i += 1) {
    await clock.advance(250)
    for (let turn = 0; turn < 12; turn += 1) await new Promise((resolve) => setImmediate(resolve))
  }
}

test('C008: the watch breaks in four ways: 410 in the stream, 410 at start, silence, a server that closes at once', async () => {
  const clock = new VirtualClock()
  const { state, url, down, up } = await scriptedServer()
  state.list = { resourceVersion: '1000', items: [object('a', 1, 990), object('b', 1, 991)] }
  const { informer, told } = await follower(url, clock)
  await informer.whenSynced()
  const spec = (name: string) => informer.get('case', name)?.['spec']
  await play(clock, 10)
  state.open?.write(event('BOOKMARK', { metadata: { resourceVersion: '1200' } }))
  await play(clock, 10)
  // t=20: the version is too old. Meanwhile a was changed, b deleted, and c made.
  state.list = { resourceVersion: '1500', items: [object('a', 2, 1400), object('c', 1, 1450)] }
  state.open?.end(event('ERROR', { kind: 'Status', code: 410, reason: 'Expired' }))
  await play(clock, 5)
  expect([spec('a'), spec('b'), spec('c')]).toEqual([2, undefined, 1])
  expect(told).toEqual(['added a', 'added b', 'deleted b', 'changed a', 'added c'])
  expect(state.lists).toBe(2)
  // t=60: silence; at t=70 a gets spec 3, which only a new watch brings.
  state.missed = [{ version: 1600, line: event('MODIFIED', object('a', 3, 1600)) }]
  await play(clock, 115)
  expect(spec('a')).toBe(2)
  await play(clock, 60)
  expect(spec('a')).toBe(3)
  // t=200: each watch is closed at once, for 30 s.
  const before = state.watches.length
  state.watch = 'close'
  state.open?.end()
  await play(clock, 30)
  expect(state.watches.length - before).toBeLessThanOrEqual(10)
  expect(informer.status.problem?.reason).toBe('closed')
  // t=230: healthy again, and a gets spec 4.
  state.watch = 'open'
  state.missed = [{ version: 1900, line: event('MODIFIED', object('a', 4, 1900)) }]
  await play(clock, 5)
  expect(spec('a')).toBe(4)
  await play(clock, 25)
  // t=260: down for 20 s; then the watch is refused with 410, and a list says what is.
  const watchesBefore = informer.status.watches
  down()
  await play(clock, 20)
  state.watch = 'gone'
  state.list = { resourceVersion: '2000', items: [object('a', 5, 1950)] }
  up()
  expect(informer.status.watches - watchesBefore).toBeLessThanOrEqual(8)
  await play(clock, 7)
  state.watch = 'open'
  await play(clock, 13)
  expect([spec('a'), spec('c')]).toEqual([5, undefined])
  expect(informer.status).toMatchObject({ size: 1, problem: undefined })
  expect(told.filter((one) => one === 'deleted b')).toHaveLength(1)
  expect(state.lists).toBeLessThanOrEqual(6)
  expect(Object.keys(informer.status.restarts)).toEqual(
    expect.arrayContaining(['expired', 'silent', 'closed', 'refused']),
  )
})

test('resumes from a bookmark where the watch is cut without an error, and does not list', async () => {
  const clock = new VirtualClock()
  const { state, url } = await scriptedServer()
  state.list = { resourceVersion: '1000', items: [object('a', 1, 990)] }
  const { informer } = await follower(url, clock)
  await informer.whenSynced()
  await play(clock, 10)
  state.open?.write(event('BOOKMARK', { metadata: { resourceVersion: '1200' } }))
  await play(clock, 1)
  state.open?.destroy()
  await play(clock, 1)
  expect(state.watches).toEqual(['1000', '1200'])
  expect(state.lists).toBe(1)
})

test('a quiet watch with a bookmark each minute lives for its time, and ends half a minute after it', async () => {
  const clock = new VirtualClock()
  const { state, url } = await scriptedServer()
  state.list = { resourceVersion: '1000', items: [] }
  const { informer } = await follower(url, clock)
  await informer.whenSynced()
  for (let minute = 1; minute <= 4; minute += 1) {
    await play(clock, 60)
    state.open?.write(event('BOOKMARK', { metadata: { resourceVersion: String(1000 + minute) } }))
  }
  await play(clock, 1)
  expect(state.watches).toEqual(['1000'])
  for (let minute = 5; minute <= 11; minute += 1) {
    await play(clock, 60)
    state.open?.write(event('BOOKMARK', { metadata: { resourceVersion: String(1000 + minute) } }))
  }
  expect(informer.status.restarts).toEqual({ overdue: 1 })
})

test('an event that cannot be read leads to a list, not to an endless resume', async () => {
  const clock = new VirtualClock()
  const { state, url } = await scriptedServer()
  state.list = { resourceVersion: '1000', items: [object('a', 1, 990)] }
  state.missed = [{ version: 1100, line: '{"type":"MODIFIED","object":\n' }]
  const { informer } = await follower(url, clock)
  await informer.whenSynced()
  state.list = { resourceVersion: '1100', items: [object('a', 2, 1100)] }
  await play(clock, 20)
  expect(informer.get('case', 'a')?.['spec']).toBe(2)
  expect(state.lists).toBe(2)
})

test('hundreds of reconnects leave no connections and no timers behind', async () => {
  const clock = new VirtualClock()
  const { state, url, sockets } = await scriptedServer()
  state.list = { resourceVersion: '1000', items: [] }
  state.watch = 'close'
  const { informer } = await follower(url, clock)
  await informer.whenSynced()
  const timers = clock.waiting
  while (state.watches.length < 300) {
    const before = state.watches.length
    await clock.advance(5_000)
    await vi.waitFor(() => expect(state.watches.length).toBeGreaterThan(before), { interval: 1 })
  }
  expect(sockets.size).toBeLessThan(3)
  expect(clock.waiting).toBeLessThanOrEqual(timers + 3)
})
