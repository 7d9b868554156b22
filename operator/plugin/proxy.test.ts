// What pods say, asked through the proxy of a real API server. The pods are made by hand: behind the address of each
// stands a server of this test, and a node whose kubelet is one, too, has their logs.
import { once } from 'node:events'
import { createServer, type RequestListener, type Server } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { type AddressInfo, connect as connectTo } from 'node:net'
import { networkInterfaces } from 'node:os'
import { jetstream, jetstreamManager } from '@nats-io/jetstream'
import { connect } from '@nats-io/transport-node'
import { expect, test, vi } from 'vitest'
import { type WebSocket, WebSocketServer } from 'ws'
import { ran, type RunOptions } from '../../test/support/command.ts'
import { type ControlPlane, describeWithControlPlane } from '../../test/kubernetes/controlplane.ts'
import { startNats } from '../../test/nats.ts'
import { sampleSummary } from '../../test/support/healing.ts'
import { sampleStatus } from '../../test/support/status.ts'
import { COLLECTOR } from '../collectors/kinds.ts'
import { openClient } from '../kube/client.ts'
import { NODE, pathOf, POD } from '../kube/objects.ts'
import { selfSigned } from '../metrics/certificate.ts'
import { publisherSelector } from '../resources/labels.ts'
import { auditCommand } from './audit.ts'
import type { Io } from './command.ts'
import { logsCommand } from './logs.ts'
import { statusCommand } from './status.ts'
import { topCommand } from './top.ts'

const LOOPBACK = '127.0.0.1'
const WAIT = { timeout: 30_000, interval: 100 }
const FEED = { exchange: 'binance', market: 'spot', symbols: ['BTC-USDT'], types: ['trade'] }

/** The API server's proxy connects to no loopback address. */
const HOST = Object.values(networkInterfaces())
  .flatMap((all) => all ?? [])
  .find(({ family, internal }) => family === 'IPv4' && !internal)?.address

describeWithControlPlane('pods that answer', {}, (plane) => {
  vi.setConfig({ testTimeout: 60_000 })

  test('status: one says how it is, one never answers, one answers nonsense; each is a row', async ({ skip }) => {
    skip(HOST === undefined, 'this machine has no address but the loopback')
    await using house = await openHouse(plane())
    const channels = { total: 8, live: 7, quiet: 0, stale: 1, down: 0, impossible: 0, found: 0 }
    await house.pod(0, json({ '/summary': sampleSummary(['binance:perpetual'], { channels }) }))
    await house.pod(1, () => {})
    await house.pod(2, json({ '/summary': { name: '\u001b[2J' } }))
    const { out } = await house.run(statusCommand, 'majors')
    expect(out).toContain('channels  8: 7 live, 1 stale')
    expect(out).toContain('7 of 8 live or quiet, nats connected')
    expect(out).toMatch(/does not answer: no answer within 2\.5 s; by port-forward: \S/)
    expect(out).toMatch(/does not answer: its \/summary is not one: startedMs/)
  })

  test('top --once: the channels of all pods in one table, and who does not answer', async ({ skip }) => {
    skip(HOST === undefined, 'this machine has no address but the loopback')
    await using house = await openHouse(plane())
    await house.pod(0, json({ '/status': sampleStatus() }))
    const alone = await house.run(topCommand, '--once')
    expect(alone.code).toBe(0)
    expect(alone.out).toMatch(/^ majors {2}binance {2}perpetual/)
    expect(alone.out).toMatch(/BTC-USDT {2}trade +live +120/)
    await house.pod(1, (_, response) => void response.writeHead(503).end('not yet'))
    const { code, out } = await house.run(topCommand, 'majors', '--once')
    expect(code).toBe(1)
    expect(out).toContain('majors, 1 of 2 pods')
    expect(out).toMatch(/majors-1-a-1: 503 /)
    const machine = await house.run(topCommand, 'majors', '--once', '-o', 'json')
    expect(JSON.parse(machine.out)).toMatchObject({ ledger: { messagesMade: 200 } })
    expect((await house.run(topCommand, 'majors')).err).toContain('write --once')
  })

  test('top: a table in place, each second anew, until Ctrl-C', async ({ skip }) => {
    skip(HOST === undefined, 'this machine has no address but the loopback')
    await using house = await openHouse(plane())
    let asked = 0
    await house.pod(0, (request, response) => {
      asked += 1
      json({ '/status': sampleStatus() })(request, response)
    })
    const stop = new AbortController()
    let drawn = 0
    const onOut = () => (drawn += 1)
    const running = house.runWith({ columns: 100, signal: stop.signal, onOut }, topCommand, 'majors')
    await vi.waitFor(() => expect([asked > 2, drawn > 2]).toEqual([true, true]), WAIT)
    stop.abort()
    const { code, out } = await running
    expect(code).toBe(0)
    expect(out).toContain('\u001b[?25l')
    expect(out.endsWith('\u001b[?25h\n')).toBe(true)
  })

  test('a pod that the proxy does not reach, as behind a NetworkPolicy, is asked by port-forward', async ({ skip }) => {
    skip(HOST === undefined, 'this machine has no address but the loopback')
    await using house = await openHouse(plane())
    await using kubelet = await startKubeletServer()
    await house.node(kubelet.port)
    const answer = json({ '/summary': sampleSummary(['binance:perpetual']), '/status': sampleStatus() })
    await house.pod(0, answer, { nodeName: kubelet.node, host: LOOPBACK })
    const { out } = await house.run(statusCommand, 'majors')
    expect(out).toContain('10 of 10 live or quiet, nats connected')
    expect((await house.run(topCommand, '--once')).code).toBe(0)
    await house.pod(1, (_, response) => void response.writeHead(500).end(), { nodeName: kubelet.node, host: LOOPBACK })
    expect((await house.run(statusCommand, 'majors')).out).toMatch(/by port-forward: 500 from the pod/)
  })

  test('logs: lines of each pod with its name, harmless; followed ones go on', async ({ skip }) => {
    skip(HOST === undefined, 'this machine has no address but the loopback')
    await using house = await openHouse(plane())
    await using kubelet = await startKubeletServer()
    await house.node(kubelet.port)
    await house.pod(0, json({}), { nodeName: kubelet.node })
    await house.pod(1, json({}), { nodeName: kubelet.node })
    kubelet.write('majors-0-a-0', '{"msg":"one \u001b[31m \\"quoted\\""}')
    kubelet.write('majors-1-a-1', 'two')
    const { code, out, err } = await house.run(logsCommand, 'majors')
    expect([code, err]).toEqual([0, ''])
    expect(out.split('\n').toSorted()).toEqual([
      '',
      'majors-0-a-0 | {"msg":"one \\u{1b}[31m \\"quoted\\""}',
      'majors-1-a-1 | two',
    ])
    expect((await house.run(logsCommand, 'majors', '--shard', '1')).out).toBe('majors-1-a-1 | two\n')
    const stop = new AbortController()
    let text = ''
    const onOut = (one: string) => (text += one)
    const running = house.runWith({ signal: stop.signal, onOut }, logsCommand, 'majors', '-f')
    await vi.waitFor(() => expect(text).toContain('two\n'), WAIT)
    kubelet.write('majors-1-a-1', 'three')
    await vi.waitFor(() => expect(text).toContain('majors-1-a-1 | three\n'), WAIT)
    kubelet.cut()
    kubelet.write('majors-1-a-1', 'four')
    await vi.waitFor(() => expect(text).toContain('majors-1-a-1 | four\n'), WAIT)
    stop.abort()
    expect(await running).toMatchObject({ code: 0 })
    expect(text.match(/three/g)).toHaveLength(1)
  })

  test('audit: of the stream, by the server that is named; and the way to it where it cannot be reached', async () => {
    await using house = await openHouse(plane())
    await using server = await startNats()
    const nc = await connect({ servers: server.url })
    await (await jetstreamManager(nc)).streams.add({ name: 'MARKET_DATA', subjects: ['market.>', 'other.>'] })
    for (const id of [1, 2, 4]) await jetstream(nc).publish('market.trade.binance.spot.BTC-USDT', tradeText(id))
    await nc.close()
    const away = await house.run(auditCommand, 'majors')
    expect(away.code).toBe(2)
    expect(away.err).toContain('nats://nats.invalid:4222 cannot be reached from here')
    expect(away.err).toContain('kubectl port-forward -n invalid service/nats 4222:4222')
    const { code, out } = await house.run(auditCommand, 'majors', '--server', server.url)
    expect(out).toContain('BTC-USDT')
    expect(code).toBe(1)
  })
})

type Command = (args: readonly string[], io: Io) => Promise<number>

function tradeText(id: number): string {
  const ts = 1_790_000_000_000_000 + id
  const head = { v: 1, type: 'trade', exchange: 'binance', market: 'spot', symbol: 'BTC-USDT' }
  return JSON.stringify({ ...head, id: `${id}`, price: '1', size: '1', side: 'buy', ts, received: ts, published: ts })
}

/** Answers paths with JSON. */
function json(bodies: Readonly<Record<string, unknown>>): RequestListener {
  return (request, response) => {
    const body = bodies[request.url ?? '']
    response.writeHead(body === undefined ? 404 : 200, { 'content-type': 'application/json' })
    response.end(JSON.stringify(body ?? {}))
  }
}

/** A namespace with a Collector and pods made by hand. */
async function openHouse(plane: ControlPlane) {
  await plane.installCrds()
  const namespace = await plane.createNamespace()
  const client = await openClient({ config: plane.config(), userAgent: 'test', fieldManager: 'test' })
  const servers: Server[] = []
  await client.apply(COLLECTOR, {
    apiVersion: 'marketprism.io/v1alpha1',
    kind: 'Collector',
    metadata: { name: 'majors', namespace },
    spec: { feeds: [FEED], sink: { nats: { servers: ['nats://nats.invalid:4222'] } } },
  })
  const patchStatus = (path: string, status: object) =>
    client.request({
      method: 'PATCH',
      path: `${path}/status`,
      body: { status },
      contentType: 'application/merge-patch+json',
    })
  const runWith = (options: RunOptions, command: Command, ...args: string[]) =>
    ran(command, [...args, '--kubeconfig', plane.kubeconfig, '-n', namespace], options)
  return {
    runWith,
    run: (command: Command, ...args: string[]) => runWith({}, command, ...args),
    /** A pod of a shard that runs, behind whose address the listener stands. */
    async pod(
      shard: number,
      listener: RequestListener,
      { nodeName, host = HOST }: { nodeName?: string; host?: string } = {},
    ) {
      const server = createServer(listener).listen(0, host)
      await once(server, 'listening')
      servers.push(server)
      const { port } = server.address() as AddressInfo
      const name = `majors-${shard}-a-${shard}`
      const ports = [{ name: 'http', containerPort: port }]
      await client.create(POD, {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name, namespace, labels: publisherSelector('majors', shard, 'a') },
        spec: {
          containers: [{ name: 'collector', image: 'collector:test', ports }],
          ...(nodeName === undefined ? {} : { nodeName }),
        },
      })
      await patchStatus(pathOf(POD, namespace, name), {
        phase: 'Running',
        podIP: HOST,
        podIPs: [{ ip: HOST }],
        conditions: [{ type: 'Ready', status: 'True' }],
      })
    },
    /** A node whose kubelet answers at a port of this machine. */
    async node(port: number) {
      await client.create(NODE, { apiVersion: 'v1', kind: 'Node', metadata: { name: nodeOf(port) } })
      await patchStatus(pathOf(NODE, undefined, nodeOf(port)), {
        addresses: [{ type: 'InternalIP', address: HOST }],
        daemonEndpoints: { kubeletEndpoint: { Port: port } },
      })
    },
    async [Symbol.asyncDispose]() {
      for (const server of servers) {
        server.closeAllConnections()
        server.close()
      }
      await client.close()
    },
  }
}

function nodeOf(port: number): string {
  return `node-${port}`
}

/** Carries a connection to a port of this machine: frames of channel 0; the first of each channel is the port. */
function bridge(socket: WebSocket, port: number): void {
  const connection = connectTo({ host: LOOPBACK, port })
  for (const channel of [0, 1]) socket.send(Buffer.of(channel, port & 255, port >> 8))
  socket.on('message', (frame: Buffer) => connection.write(frame.subarray(1)))
  socket.once('close', () => connection.destroy())
  connection.on('data', (bytes: Buffer) => socket.send(Buffer.concat([Buffer.of(0), bytes])))
  connection.on('error', (error) => socket.send(Buffer.concat([Buffer.of(1), Buffer.from(error.message)])))
  connection.once('close', () => socket.close())
}

interface Written {
  readonly time: string
  readonly text: string
}

/** The part of a kubelet that hands out logs, by `follow` and `sinceTime`, and forwards ports. */
async function startKubeletServer() {
  const lines = new Map<string, Written[]>()
  const following = new Set<{ pod: string; write(line: Written): void; end(): void }>()
  let second = 0
  const server = createTlsServer(selfSigned(['kubelet'], 1, Date.now()), (request, response) => {
    const { pathname, searchParams } = new URL(request.url ?? '', 'https://kubelet')
    const [, , , pod = ''] = pathname.split('/')
    const since = searchParams.get('sinceTime') ?? ''
    const write = ({ time, text }: Written) => void response.write(`${time} ${text}\n`)
    response.writeHead(200, { 'content-type': 'text/plain' })
    for (const line of (lines.get(pod) ?? []).filter(({ time }) => time >= since)) write(line)
    if (searchParams.get('follow') !== 'true') return void response.end()
    const one = { pod, write, end: () => void response.end() }
    following.add(one)
    response.once('close', () => following.delete(one))
  })
  const sockets = new WebSocketServer({ server, handleProtocols: () => 'v4.channel.k8s.io' })
  sockets.on('connection', (socket, { url = '' }) => {
    bridge(socket, Number(new URL(url, 'https://kubelet').searchParams.get('port')))
  })
  server.listen(0, HOST)
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    port,
    node: nodeOf(port),
    write(pod: string, text: string) {
      const time = new Date(1_790_000_000_000 + (second += 1_000)).toISOString().replace('Z', '000000Z')
      const line = { time, text }
      lines.set(pod, [...(lines.get(pod) ?? []), line])
      for (const one of following) if (one.pod === pod) one.write(line)
    },
    /** Ends all streams, as a restart of the kubelet does. */
    cut() {
      for (const one of following) one.end()
      following.clear()
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets.clients) socket.terminate()
      server.closeAllConnections()
      server.close()
      await Promise.resolve()
    },
  }
}
