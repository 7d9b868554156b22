// A TCP proxy between a client and a NATS server that breaks things on command.
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface NatsProxy {
  readonly url: string
  /** Connections made so far. */
  readonly connections: number
  /** Whether this message from the server is thrown away on its way to the client; its whole text, header line first. */
  eats: (message: string) => boolean
  /** While true nothing passes in either direction, and no connection is closed. */
  silent: boolean
  /** Breaks all connections. */
  cut(): void
  [Symbol.asyncDispose](): Promise<void>
}

export async function startProxy(port: number): Promise<NatsProxy> {
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    proxy.connections += 1
    const upstream = connect(port, '127.0.0.1')
    const toClient = splitter((text) => {
      if (!proxy.silent && !proxy.eats(text)) client.write(text, 'latin1')
    })
    client.on('data', (bytes) => {
      if (!proxy.silent) upstream.write(bytes)
    })
    upstream.on('data', (bytes) => toClient(bytes.toString('latin1')))
    join(client, upstream, sockets)
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const proxy = {
    url: `nats://127.0.0.1:${(server.address() as AddressInfo).port}`,
    connections: 0,
    eats: (_message: string): boolean => false,
    silent: false,
    cut: () => sockets.forEach((socket) => socket.destroy()),
    async [Symbol.asyncDispose]() {
      server.close()
      proxy.cut()
      await once(server, 'close')
    },
  }
  return proxy
}

/** When one side ends, so does the other. */
function join(a: Socket, b: Socket, sockets: Set<Socket>): void {
  for (const [socket, other] of [
    [a, b],
    [b, a],
  ] as const) {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => {
      sockets.delete(socket)
      other.destroy()
    })
  }
}

/** Cuts what the server sends into protocol messages: a line, and for MSG and HMSG the content behind it. */
function splitter(take: (message: string) => void): (text: string) => void {
  let held = ''
  return (text) => {
    held += text
    for (;;) {
      const lineEnd = held.indexOf('\r\n')
      if (lineEnd === -1) return
      const content = /^H?MSG /.test(held) ? Number(held.slice(held.lastIndexOf(' ', lineEnd) + 1, lineEnd)) + 2 : 0
      const end = lineEnd + 2 + content
      if (held.length < end) return
      take(held.slice(0, end))
      held = held.slice(end)
    }
  }
}
