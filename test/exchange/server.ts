// Puts a host on a port: HTTP (kept alive) and WebSocket on one listener.
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { WebSocketServer, type WebSocket } from 'ws'
import type { Control } from './control.ts'
import { type Host, NoSuchPath, type Wire } from './host.ts'
import type { RestAnswer } from './venue.ts'

const KEEP_ALIVE_MS = 120_000
const CLIENT_MESSAGE_BYTES_MAX = 64 * 1024
const BODY_BYTES_MAX = 2 * 1024 * 1024

export interface Listening {
  readonly port: number
  close(): Promise<void>
}

export interface ListenOptions {
  readonly address: string
  /** 0 takes a free one. */
  readonly port: number
  /** Permessage-deflate for clients that offer it. */
  readonly compression: boolean
}

export async function listen(host: Host, control: Control, options: ListenOptions): Promise<Listening> {
  const sockets = new Set<Socket>()
  const webSockets = new WebSocketServer({
    noServer: true,
    autoPong: false,
    maxPayload: CLIENT_MESSAGE_BYTES_MAX,
    perMessageDeflate: options.compression,
  })
  const server = createServer({ keepAliveTimeout: KEEP_ALIVE_MS }, (request, response) => {
    answer(host, control, request, response).catch((error: unknown) => response.destroy(error as Error))
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => {}) // a client that breaks off is its own affair
  })
  server.on('upgrade', (request: IncomingMessage, socket: Socket, head: Buffer) => {
    const status = host.refusal()
    if (status !== undefined) return refuse(socket, status)
    const url = urlOf(request)
    if (url === undefined) return refuse(socket, 400)
    webSockets.handleUpgrade(request, socket, head, (webSocket) => serve(host, url, webSocket, socket))
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(options.port, options.address, resolve)
  })
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}

function serve(host: Host, url: URL, webSocket: WebSocket, socket: Socket): void {
  const wire: Wire = {
    send: (data) => webSocket.send(data),
    raw: (bytes) => socket.write(bytes),
    ping: (payload) => webSocket.ping(payload),
    pong: (payload) => webSocket.pong(payload),
    close: (code, reason) => webSocket.close(code, reason),
    cut: () => webSocket.terminate(),
    freeze: (frozen) => (frozen ? webSocket.pause() : webSocket.resume()),
    buffered: () => webSocket.bufferedAmount,
    whenDrained: (run) => whenDrained(socket, run),
  }
  webSocket.on('error', () => {})
  try {
    const connection = host.open(url, wire)
    webSocket.on('message', (message: Buffer) => connection.message(message.toString()))
    webSocket.on('ping', (payload: Buffer) => connection.pinged(payload))
    webSocket.on('pong', (payload: Buffer) => connection.ponged(payload.toString()))
    webSocket.on('close', (code) => connection.ended(code))
  } catch (error) {
    if (!(error instanceof NoSuchPath)) throw error
    webSocket.close(1008, 'Invalid request')
  }
}

function whenDrained(socket: Socket, run: () => void): void {
  const done = () => {
    socket.off('drain', done)
    socket.off('close', done)
    run()
  }
  if (socket.destroyed || !socket.writableNeedDrain) return void setImmediate(run)
  socket.on('drain', done)
  socket.on('close', done)
}

function refuse(socket: Socket, status: number): void {
  if (status === 0) socket.resetAndDestroy()
  else socket.end(`HTTP/1.1 ${status} Refused\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`)
}

function urlOf(request: IncomingMessage): URL | undefined {
  try {
    return new URL(request.url ?? '/', 'http://localhost')
  } catch {
    return undefined
  }
}

async function answer(host: Host, control: Control, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const url = urlOf(request)
  if (url === undefined) return send(response, { status: 400, body: '{"msg":"Illegal characters."}' })
  const method = request.method ?? 'GET'
  if (url.pathname.startsWith('/_exchange/')) return send(response, control(method, url, await body(request)))
  const reply = await host.answer({ method, url })
  if (reply !== undefined) send(response, reply)
}

async function body(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > BODY_BYTES_MAX) throw new Error('body too large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks).toString()
}

function send(response: ServerResponse, reply: RestAnswer): void {
  response.writeHead(reply.status, { 'Content-Type': 'application/json;charset=UTF-8', ...reply.headers })
  response.end(reply.body)
}
