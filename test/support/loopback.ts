// For this room's tests: servers and proxies on the loopback that behave, or misbehave, as told.
// Each ends with the test that started it.
import { type IncomingMessage, type RequestListener, createServer as httpServer } from 'node:http'
import { type AddressInfo, type Server, type Socket, connect, createServer as tcpServer } from 'node:net'
import { onTestFinished } from 'vitest'
import { type ServerOptions, type WebSocket, WebSocketServer } from 'ws'
import { settle } from '../../collector/connection/clock.ts'

const UNTIL_MAX_MS = 8_000

/** Resolves once the condition holds; looks at every turn of the event loop. */
export async function until(condition: () => boolean): Promise<void> {
  const endMs = performance.now() + UNTIL_MAX_MS
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`not so after ${UNTIL_MAX_MS} ms: ${String(condition)}`)
    await settle()
  }
}

/** Starts a server on a free port; its connections are cut when the test ends. */
async function listen(server: Server): Promise<number> {
  const sockets = new Set<Socket>()
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => socket.destroy())
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy()
    server.close()
  })
  return (server.address() as AddressInfo).port
}

export interface Venue {
  readonly url: string
  readonly port: number
  /** Every socket that was opened, in order. */
  readonly sockets: WebSocket[]
  readonly requests: IncomingMessage[]
  /** Every text that came, of all sockets, in order. */
  readonly texts: string[]
}

/** A WebSocket server. `behave` is called with each socket and its number, from 0. */
export async function venue(
  behave: (socket: WebSocket, index: number) => void = () => {},
  options: ServerOptions = {},
): Promise<Venue> {
  const server = httpServer()
  const out = { sockets: [] as WebSocket[], requests: [] as IncomingMessage[], texts: [] as string[] }
  new WebSocketServer({ server, ...options }).on('connection', (socket, request) => {
    socket.on('error', () => socket.terminate())
    socket.on('message', (data: Buffer) => out.texts.push(data.toString('utf8')))
    out.requests.push(request)
    behave(socket, out.sockets.push(socket) - 1)
  })
  const port = await listen(server)
  return { ...out, port, url: `ws://127.0.0.1:${port}/ws` }
}

/** A plain TCP server. */
export function tcp(onConnection: (socket: Socket) => void): Promise<number> {
  return listen(tcpServer(onConnection))
}

/** A REST server; `paths` grows with each request. */
export async function rest(answer: RequestListener): Promise<{ readonly origin: string; readonly paths: string[] }> {
  const paths: string[] = []
  const server = httpServer((request, response) => {
    paths.push(request.url ?? '')
    answer(request, response)
  })
  return { origin: `http://127.0.0.1:${await listen(server)}`, paths }
}

/** A relay that can stop forwarding while both of its connections stay open. */
export async function relay(targetPort: number): Promise<{ readonly port: number; freeze(): void }> {
  let frozen = false
  const port = await tcp((near) => {
    const far = connect(targetPort, '127.0.0.1')
    forward(near, far, () => frozen)
    forward(far, near, () => frozen)
  })
  return { port, freeze: () => (frozen = true) }
}

function forward(from: Socket, to: Socket, frozen: () => boolean): void {
  from.on('data', (bytes) => frozen() || to.write(bytes))
  from.on('close', () => to.destroy())
  from.on('error', () => from.destroy())
}

export interface ProxySeen {
  readonly port: number
  /** host:port of each tunnel that was asked for. */
  readonly targets: string[]
  /** What each client presented. */
  readonly credentials: string[]
}

/** An HTTP proxy that knows CONNECT only, and refuses with `status` when that is not 200. */
export async function connectProxy(status = 200): Promise<ProxySeen> {
  const seen = { targets: [] as string[], credentials: [] as string[] }
  const server = httpServer().on('connect', (request: IncomingMessage, near: Socket) => {
    const target = request.url ?? ''
    seen.targets.push(target)
    seen.credentials.push(request.headers['proxy-authorization'] ?? '')
    if (status !== 200) {
      near.end(`HTTP/1.1 ${status} No\r\ncontent-length: 0\r\n\r\n`)
      return
    }
    const far = connect(Number(target.split(':')[1]), '127.0.0.1', () => {
      near.write('HTTP/1.1 200 OK\r\n\r\n')
      forward(near, far, () => false)
      forward(far, near, () => false)
    })
  })
  return { port: await listen(server), ...seen }
}

/** A SOCKS5 proxy (RFC 1928, and 1929 when the client offers a password) for IPv4 addresses and names. */
export async function socksProxy(): Promise<ProxySeen> {
  const seen = { targets: [] as string[], credentials: [] as string[] }
  const port = await tcp((near) => {
    near.once('data', (hello: Buffer) => {
      const withPassword = hello.subarray(2).includes(2)
      near.write(Buffer.from([5, withPassword ? 2 : 0]))
      if (!withPassword) return near.once('data', (request: Buffer) => tunnel(near, request, seen.targets))
      return near.once('data', (login: Buffer) => {
        const userEnd = 2 + (login[1] ?? 0)
        const user = login.toString('latin1', 2, userEnd)
        seen.credentials.push(`${user}:${login.toString('latin1', userEnd + 1)}`)
        near.write(Buffer.from([1, 0]))
        near.once('data', (request: Buffer) => tunnel(near, request, seen.targets))
      })
    })
  })
  return { port, ...seen }
}

function tunnel(near: Socket, request: Buffer, targets: string[]): void {
  const named = request[3] === 3
  const host = named ? request.toString('latin1', 5, 5 + (request[4] ?? 0)) : [...request.subarray(4, 8)].join('.')
  const targetPort = request.readUInt16BE(request.length - 2)
  targets.push(`${host}:${targetPort}`)
  const far = connect(targetPort, '127.0.0.1', () => {
    near.write(Buffer.from([5, 0, 0, 1, 127, 0, 0, 1, 0, 0]))
    forward(near, far, () => false)
    forward(far, near, () => false)
  })
}
