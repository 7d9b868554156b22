import { createHash } from 'node:crypto'
import { expect, it } from 'vitest'
import type { WebSocket } from 'ws'
import { VirtualClock, realClock, settle } from './clock.ts'
import { connectProxy, relay, tcp, until, venue } from '../../test/support/loopback.ts'
import { openSeen as open } from '../../test/support/socket.ts'

/** A clock whose stamp tells how often it was read. */
function countingClock(): VirtualClock & { reads: number } {
  const clock = new VirtualClock()
  return Object.assign(clock, { reads: 0, nowUs: () => ++(clock as VirtualClock & { reads: number }).reads })
}

/** Upgrades by hand, and sends bytes in the same segment as the answer. */
function upgradeWith(bytes: Buffer): Promise<number> {
  return tcp((socket) => {
    socket.once('data', (request) => {
      const key = /sec-websocket-key: (.+)\r\n/i.exec(request.toString('latin1'))?.[1] ?? ''
      const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
      const answer = `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`
      socket.write(Buffer.concat([Buffer.from(answer), bytes]))
    })
  })
}

/** Frames of a server: not masked, at most 65,535 bytes. */
function frame(payload: Buffer | string, firstByte = 0x81): Buffer {
  const body = Buffer.from(payload)
  const head = body.length < 126 ? [firstByte, body.length] : [firstByte, 126, body.length >> 8, body.length & 255]
  return Buffer.concat([Buffer.from(head), body])
}

it('reads the clock once for each read of the socket, however many frames it brings', async () => {
  const clock = countingClock()
  let server: WebSocket | undefined
  const { url } = await venue((socket) => (server = socket))
  const seen = open(url, clock)
  await until(() => seen.opened === 1)
  const raw = (server as unknown as { _socket: { write(bytes: Buffer): void } })._socket
  raw.write(Buffer.concat(Array.from({ length: 50 }, (_, i) => frame(`frame ${i}`))))
  await until(() => seen.frames.length === 50)
  expect(clock.reads).toBe(1)
  expect(new Set(seen.frames.map((f) => f.receivedUs))).toEqual(new Set([1]))
  raw.write(frame('later'))
  await until(() => seen.frames.length === 51)
  expect(seen.frames[50]).toEqual({ text: 'later', isBinary: false, receivedUs: 2 })
})

it('stamps and counts frames that arrive together with the answer to the upgrade', async () => {
  const clock = countingClock()
  const bytes = Buffer.concat([frame('first'), frame('second')])
  const seen = open(`ws://127.0.0.1:${await upgradeWith(bytes)}/`, clock)
  await until(() => seen.frames.length === 2)
  expect(seen.frames).toEqual([
    { text: 'first', isBinary: false, receivedUs: 1 },
    { text: 'second', isBinary: false, receivedUs: 1 },
  ])
  expect(seen.socket).toMatchObject({ bytes: bytes.length, frames: 2 })
})

it('stamps with the time of the read that completed a frame', async () => {
  const clock = countingClock()
  const whole = frame('cut in two')
  let send = (_bytes: Buffer): void => {}
  const { url } = await venue((socket) => {
    send = (bytes) => (socket as unknown as { _socket: { write(b: Buffer): void } })._socket.write(bytes)
  })
  const seen = open(url, clock)
  await until(() => seen.opened === 1)
  send(whole.subarray(0, 5))
  await until(() => seen.socket.bytes === 5)
  send(whole.subarray(5))
  await until(() => seen.frames.length === 1)
  expect(seen.frames[0]?.receivedUs).toBe(2)
})

it('passes binary frames on with the flag', async () => {
  const { url } = await venue((socket) => socket.send(Buffer.from([1, 2, 3]), { binary: true }))
  const seen = open(url)
  await until(() => seen.frames.length === 1)
  expect(seen.frames[0]).toMatchObject({ text: '\u0001\u0002\u0003', isBinary: true })
})

it('leaves invalid UTF-8 to the decoder', async () => {
  const { url } = await venue((socket) => socket.send(Buffer.from([0xc3, 0x28]), { binary: false }))
  const seen = open(url)
  await until(() => seen.frames.length === 1)
  expect(seen.frames[0]).toMatchObject({ text: '\u00c3(', isBinary: false })
  expect(seen.closed).toEqual([])
})

it('answers pings with a copy of their payload, and counts them', async () => {
  const pongs: string[] = []
  const { url } = await venue((socket) => {
    socket.on('pong', (data) => pongs.push(data.toString('latin1')))
    socket.ping('1790000020000')
  })
  const seen = open(url)
  await until(() => pongs.length === 1)
  expect(pongs).toEqual(['1790000020000'])
  expect(seen).toMatchObject({ keepAlives: 1, socket: { pingsAnswered: 1, pingsSent: 0 } })
})

it('C021: a socket that is quiet for half an hour is kept, and each ping of the venue is answered at once', async () => {
  const clock = new VirtualClock()
  const pongs: string[] = []
  const { url, sockets } = await venue((socket) => socket.on('pong', (data) => pongs.push(data.toString('latin1'))))
  const seen = open(url, clock)
  await until(() => seen.opened === 1)
  const sent: string[] = []
  for (let second = 5; second < 1_795; second += 5) {
    const { bytes } = seen.socket
    await clock.advance(5_000)
    // Our own ping of each idle five seconds is answered by the server, as by any venue.
    await until(() => seen.socket.bytes > bytes)
    if (second % 20 !== 0) continue
    const payload = String(1_790_000_000_000 + second * 1_000)
    sent.push(payload)
    sockets[0]?.ping(payload)
    await until(() => pongs.length === sent.length)
  }
  sockets[0]?.send('{"stream":"fttusdt@aggTrade","data":{"a":5}}')
  await until(() => seen.frames.length === 1)
  expect(pongs).toEqual(sent)
  expect(pongs.length).toBe(89)
  expect(sockets.length).toBe(1)
  expect(seen.closed).toEqual([])
})

it('cuts a half-open socket 15 s after the last byte', async () => {
  const clock = new VirtualClock()
  const server = await venue((socket) => socket.send('last'))
  const between = await relay(server.port)
  const seen = open(`ws://127.0.0.1:${between.port}/`, clock)
  await until(() => seen.frames.length === 1)
  between.freeze()
  await clock.advance(14_999)
  expect(seen.closed).toEqual([])
  expect(seen.socket.pingsSent).toBe(2)
  await clock.advance(1)
  await until(() => seen.closed.length === 1)
  expect(seen.closed[0]).toMatchObject({ cause: 'half_open', code: 1006 })
  expect(clock.waiting).toBe(0)
})

it('does not take the time in which the process itself stood still for silence', async () => {
  const clock = new VirtualClock()
  const { url } = await venue()
  const seen = open(url, clock)
  await until(() => seen.opened === 1)
  clock.skip(3_600_000)
  const { bytes } = seen.socket
  await clock.advance(0)
  await until(() => seen.socket.bytes > bytes)
  expect(seen.closed).toEqual([])
  expect(seen.socket.pingsSent).toBe(1)
})

it('sends pings as text where the venue wants it so', async () => {
  const clock = new VirtualClock()
  const { url, texts } = await venue((socket) => socket.on('message', () => socket.send('pong')))
  const seen = open(url, clock, { textPing: 'ping' })
  await until(() => seen.opened === 1)
  await clock.advance(5_000)
  await until(() => seen.frames.length === 1)
  expect(texts).toEqual(['ping'])
  expect(seen.frames[0]?.text).toBe('pong')
})

it('cuts a socket on which pings as text are not answered, before the venue does after 30 s', async () => {
  const clock = new VirtualClock()
  const { url, texts } = await venue()
  const seen = open(url, clock, { textPing: 'ping' })
  await until(() => seen.opened === 1)
  await clock.advance(15_000)
  await until(() => seen.closed.length === 1)
  expect([seen.closed[0]?.cause, texts]).toEqual(['half_open', ['ping', 'ping']])
})

it('cuts a socket whose venue does not take what is sent, instead of keeping it all', async () => {
  const { url } = await venue((socket) => socket.pause())
  const seen = open(url)
  await until(() => seen.opened === 1)
  for (let i = 0; i < 100; i++) seen.socket.send('x'.repeat(256 * 1024))
  await until(() => seen.closed.length === 1)
  expect(seen.closed[0]).toMatchObject({ cause: 'half_open', reason: 'what we send is not taken' })
})

it('gives up a handshake that is never answered', async () => {
  const clock = new VirtualClock()
  let asked = 0
  const port = await tcp((socket) => socket.once('data', () => asked++))
  const seen = open(`ws://127.0.0.1:${port}/`, clock)
  await until(() => asked === 1)
  await clock.advance(10_000)
  await until(() => seen.closed.length === 1)
  expect(seen.closed[0]).toMatchObject({ cause: 'handshake_timeout', reason: 'no open socket after 10000 ms' })
})

it('gives up a handshake that drips a byte at a time', async () => {
  const clock = new VirtualClock()
  let drip = (): void => {}
  const port = await tcp((socket) => {
    socket.once('data', () => {
      socket.write('HTTP/1.1 101 Switching Protocols\r\nX: ')
      drip = () => void socket.write('x')
    })
  })
  const seen = open(`ws://127.0.0.1:${port}/`, clock)
  for (let i = 0; i < 10; i++) {
    drip()
    await clock.advance(1_000)
  }
  await until(() => seen.closed.length === 1)
  expect(seen.closed[0]?.cause).toBe('handshake_timeout')
})

it.each([
  [451, 'rejected', 'HTTP 451 instead of an upgrade; set spec.feeds[].proxy to a proxy in a served region'],
  [429, 'rejected', 'HTTP 429 instead of an upgrade'],
  [502, 'rejected', 'HTTP 502 instead of an upgrade'],
])('tells of an upgrade answered with %i', async (status, cause, reason) => {
  const port = await tcp((socket) => {
    socket.once('data', () => socket.write(`HTTP/1.1 ${status} No\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n`))
  })
  const seen = open(`ws://127.0.0.1:${port}/`)
  await until(() => seen.closed.length === 1)
  expect(seen.closed[0]).toMatchObject({ cause, response: { status, headers: { 'retry-after': '7' } } })
  expect(seen.closed[0]?.reason).toContain(reason)
  expect(seen.opened).toBe(0)
})

it('tells of an address where nobody listens', async () => {
  const seen = open('ws://127.0.0.1:1/')
  await until(() => seen.closed.length === 1)
  expect(seen.closed[0]).toMatchObject({ cause: 'unreachable' })
  expect(seen.closed[0]?.reason).toContain('ECONNREFUSED')
})

it('refuses a handshake with a wrong key or an extension that was not asked for', async () => {
  const port = await tcp((socket) => {
    socket.once('data', () => {
      socket.write('HTTP/1.1 101 S\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: no\r\n\r\n')
    })
  })
  const seen = open(`ws://127.0.0.1:${port}/`)
  await until(() => seen.closed.length === 1)
  expect(seen.closed[0]?.cause).toBe('unreachable')
})

it.each([1000, 1001, 1002, 1003, 1007, 1008, 1009, 1011, 1012, 1013, 3000, 4004])(
  'passes on close code %i and its reason, made printable',
  async (code) => {
    const { url } = await venue((socket) => socket.close(code, 'gone \u001b[31m\r\n'))
    const seen = open(url)
    await until(() => seen.closed.length === 1)
    expect(seen.closed).toEqual([{ code, cause: 'closed', reason: 'gone \\u001b[31m\\u000d\\u000a' }])
  },
)

it.each([
  ['a close frame with a code nobody may send', frame(Buffer.from([0x03, 0xed]), 0x88), 'malformed'],
  ['a close frame with one byte', frame(Buffer.from([1]), 0x88), 'malformed'],
  ['a reserved opcode', frame('x', 0x83), 'malformed'],
  ['a reserved bit', frame('x', 0xa1), 'malformed'],
  ['a continuation of nothing', frame('x', 0x80), 'malformed'],
  ['a compressed frame that was not agreed on', frame('x', 0xc1), 'malformed'],
  ['a length beyond all bounds', Buffer.from([0x81, 127, 255, 255, 255, 255, 255, 255, 255, 255]), 'too_large'],
])('closes on %s without an unhandled error', async (_what, bytes, cause) => {
  const seen = open(`ws://127.0.0.1:${await upgradeWith(bytes)}/`, realClock)
  await until(() => seen.closed.length === 1)
  expect(seen.closed[0]?.cause).toBe(cause)
  expect(seen.frames).toEqual([])
})

it('tells of a socket that is cut without a close frame', async () => {
  const { url } = await venue((socket) => socket.terminate())
  const seen = open(url)
  await until(() => seen.closed.length === 1)
  expect(seen.closed[0]).toMatchObject({ cause: 'lost', code: 1006 })
})

it('says once that it ended when it is closed by us, before and after it was open', async () => {
  const { url } = await venue()
  const early = open(url)
  early.socket.close()
  early.socket.close()
  const late = open(url)
  await until(() => late.opened === 1)
  late.socket.close()
  late.socket.send('too late')
  await until(() => early.closed.length === 1 && late.closed.length === 1)
  await settle()
  expect(early.closed.map((c) => c.cause)).toEqual(['ended'])
  expect(late.closed).toEqual([{ cause: 'ended', code: 1000, reason: 'closed by us' }])
})

it('passes no frame on after it was closed by us', async () => {
  let server: WebSocket | undefined
  const { url } = await venue((socket) => (server = socket))
  const seen = open(url)
  await until(() => seen.opened === 1)
  const { bytes } = seen.socket
  server?.send('crosses the goodbye')
  seen.socket.close()
  await until(() => seen.closed.length === 1)
  expect(seen.socket.bytes).toBeGreaterThan(bytes)
  expect(seen.frames).toEqual([])
})

it('says that it was the proxy that refused', async () => {
  const { agentFor } = await import('./proxy.ts')
  const proxy = await connectProxy(403)
  const agent = agentFor({ url: `http://127.0.0.1:${proxy.port}` }, 'websocket')
  const seen = open('ws://127.0.0.1:9/', new VirtualClock(), { agent })
  await until(() => seen.closed.length === 1)
  expect(seen.closed[0]).toMatchObject({
    cause: 'unreachable',
    reason: 'the proxy answered 403; check spec.feeds[].proxy',
  })
})
