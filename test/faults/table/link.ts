// A way between two parts that can be cut, go silent or get slow: a TCP proxy on the loopback.
//
// Always: what passes keeps its order. Cut: connections break and new ones are refused. Hole: nothing passes, nothing
// breaks, and a new connection is never answered, as behind a firewall that drops.
import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface Link extends AsyncDisposable {
  readonly port: number
  pass(): void
  cut(): void
  hole(): void
  /** What is sent arrives so much later, in each direction. */
  slow(ms: number): void
}

type Mode = { readonly kind: 'pass' | 'cut' | 'hole' } | { readonly kind: 'slow'; readonly ms: number }

/** A way to this port of the loopback. */
export async function openLink(to: number): Promise<Link> {
  const sockets = new Set<Socket>()
  let mode: Mode = { kind: 'pass' }
  const server = createServer((client) => {
    hold(client)
    if (mode.kind === 'cut') return client.resetAndDestroy()
    if (mode.kind === 'hole') return
    const upstream = connect(to, '127.0.0.1')
    hold(upstream)
    carry(client, upstream)
    carry(upstream, client)
  })
  function hold(socket: Socket): void {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.on('close', () => sockets.delete(socket))
  }
  function carry(from: Socket, into: Socket): void {
    from.on('data', (bytes: Buffer) => {
      if (mode.kind === 'hole') return
      if (mode.kind === 'slow') setTimeout(() => into.destroyed || into.write(bytes), mode.ms)
      else into.write(bytes)
    })
    from.on('close', () => mode.kind !== 'hole' && into.destroy())
  }
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const breakAll = () => sockets.forEach((socket) => socket.resetAndDestroy())
  return {
    port: (server.address() as AddressInfo).port,
    pass() {
      // Bytes are missing in the middle of what a hole has swallowed: such a connection cannot go on.
      if (mode.kind === 'hole') breakAll()
      mode = { kind: 'pass' }
    },
    cut() {
      mode = { kind: 'cut' }
      breakAll()
    },
    hole: () => (mode = { kind: 'hole' }),
    slow: (ms) => (mode = { kind: 'slow', ms }),
    async [Symbol.asyncDispose]() {
      breakAll()
      server.close()
      await once(server, 'close')
    },
  }
}
