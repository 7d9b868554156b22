// Plain clients for the tests of the exchange: one on a real WebSocket, one in memory for virtual time.
import { once } from 'node:events'
import { WebSocket } from 'ws'
import type { Connection, Wire } from './host.ts'

/** A frame of a combined connection, read. */
export interface Received {
  readonly stream: string
  readonly data: Record<string, unknown>
}

export interface Client {
  readonly texts: string[]
  readonly pings: string[]
  /** Waits for the first text that fits, the ones that came before included. */
  next(fits: (text: string) => boolean): Promise<string>
  send(request: unknown): void
  readonly socket: WebSocket
  /** The code, when the connection is over. */
  readonly closed: Promise<number>
  close(): void
}

/** @throws when the connection is refused */
export async function connectClient(url: string, options: { autoPong?: boolean } = {}): Promise<Client> {
  const socket = new WebSocket(url, options)
  const texts: string[] = []
  const pings: string[] = []
  const waiting = new Set<() => void>()
  socket.on('message', (message: Buffer) => {
    texts.push(message.toString())
    for (const wake of waiting) wake()
  })
  socket.on('ping', (payload: Buffer) => pings.push(payload.toString()))
  const closed = new Promise<number>((resolve) => socket.on('close', resolve))
  await once(socket, 'open')
  socket.on('error', () => {})
  const next = (fits: (text: string) => boolean) =>
    new Promise<string>((resolve, reject) => {
      const look = () => {
        const text = texts.find(fits)
        if (text === undefined) return
        waiting.delete(look)
        resolve(text)
      }
      waiting.add(look)
      look()
      void closed.then((code) => reject(new Error(`closed with ${code} before the text came`)))
    })
  const send = (request: unknown) => socket.send(typeof request === 'string' ? request : JSON.stringify(request))
  return { texts, pings, next, send, socket, closed, close: () => socket.close() }
}

export interface MemoryClient {
  readonly wire: Wire
  readonly texts: string[]
  readonly pings: string[]
  readonly pongs: string[]
  /** Code of the close; undefined while it is open. */
  code: number | undefined
}

/** The client's end of {@link Exchange.connect}. */
export function memoryClient(): MemoryClient {
  const texts: string[] = []
  const pings: string[] = []
  const pongs: string[] = []
  const wire: Wire = {
    send: (data) => texts.push(data.toString()),
    raw: (bytes) => texts.push(bytes.toString()),
    ping: (payload) => pings.push(payload),
    pong: (payload) => pongs.push(payload.toString()),
    close: (code) => (client.code = code),
    cut: () => (client.code = 1006),
    freeze: () => {},
    buffered: () => 0,
    whenDrained: (run) => setImmediate(run),
  }
  const client: MemoryClient = { wire, texts, pings, pongs, code: undefined }
  return client
}

/** A memory client on an open connection. */
export function attach(connect: (wire: Wire) => Connection): MemoryClient & { readonly connection: Connection } {
  const client = memoryClient()
  const connection = connect(client.wire)
  return Object.assign(client, { connection })
}

/** The data frames among texts of a combined connection. */
export function received(texts: readonly string[]): Received[] {
  return texts.map((text) => JSON.parse(text) as Received).filter((frame) => frame.stream !== undefined)
}
