import { expect, it } from 'vitest'
import { relay, tcp, until, venue } from '../../test/support/loopback.ts'
import { accept, start, subject } from '../../test/support/sessions.ts'

it('opens one socket, asks for its streams, and tells data from control', async () => {
  const server = await venue((socket) => {
    accept(socket)
    socket.send('{"trade":1}')
    socket.send('pong')
    socket.send('what \u0007 is this')
    socket.send('throw')
    socket.send(Buffer.from([1, 2]), { binary: true })
  })
  const it = subject(server.url)
  await start(it, server)
  await until(() => it.log.length === 4)
  expect(server.texts).toEqual(['+1 a,b'])
  expect(it.data).toEqual(['#1 {"trade":1}'])
  expect(it.log).toEqual(['up #1', 'unknown what \\u0007 is this', 'unknown throw', 'unknown \\u0001\\u0002'])
  expect(it.session.status).toMatchObject({
    url: `127.0.0.1:${server.port}/ws`,
    state: 'open',
    streams: 2,
    lost: 0,
    planned: 0,
  })
  expect(it.session.status.bytes).toBeGreaterThan(0)
})

it('does not read a control frame of absurd length', async () => {
  const server = await venue((socket) => socket.send(`leave ${'x'.repeat(300_000)}`))
  const it = subject(server.url)
  await start(it, server)
  await until(() => it.log.length === 2)
  expect(it.log[1]).toMatch(/^unknown leave x{194}…$/)
})

it('reports a refusal that answers nothing it asked', async () => {
  const server = await venue((socket) => socket.send('no 77 who are you'))
  const it = subject(server.url)
  await start(it, server)
  await until(() => it.log.length === 2)
  expect(it.log[1]).toBe('unknown no 77 who are you')
})

it('sends only the difference when what is wanted changes', async () => {
  const server = await venue(accept)
  const it = subject(server.url)
  await start(it, server)
  it.session.want(new Set('bc'))
  await until(() => server.texts.length === 3)
  expect(server.texts).toEqual(['+1 a,b', '-2 a', '+3 c'])
  expect(server.sockets.length).toBe(1)
})

it('reports a stream that the venue refuses', async () => {
  const server = await venue((socket) => socket.on('message', () => socket.send('no 1 not for you')))
  const it = subject(server.url)
  await start(it, server, 'a')
  await until(() => it.log.length === 2)
  expect(it.log).toEqual(['up #1', 'refused a: not for you'])
})

it('opens a new socket with all that is wanted after one was lost', async () => {
  const server = await venue(accept)
  const it = subject(server.url)
  await start(it, server)
  server.sockets[0]?.terminate()
  await until(() => it.log.length === 3)
  it.session.want(new Set('abc'))
  expect(it.session.status).toMatchObject({ state: 'waiting', lost: 1, planned: 0 })
  await it.clock.advance(124)
  expect(server.sockets.length).toBe(1)
  await it.clock.advance(1)
  await until(() => server.texts.length === 2)
  expect(it.log).toEqual(['up #1', 'down #1 lost', 'retry after lost in 125', 'up #2'])
  expect(server.texts).toEqual(['+1 a,b', '+1 a,b,c'])
})

it.each([1000, 1001, 1008, 1012, 4004])('backs off from a venue that closes at once with %i', async (code) => {
  const server = await venue((socket) => socket.close(code))
  const it = subject(server.url)
  it.session.want(new Set('a'))
  const retries = () => it.log.filter((line) => line.startsWith('retry')).map((line) => Number(line.split(' ').at(-1)))
  for (let i = 1; i <= 9; i++) {
    await it.clock.advance(retries().at(-1) ?? 0)
    await until(() => retries().length === i)
  }
  expect(retries()).toEqual([125, 250, 500, 1_000, 2_000, 4_000, 8_000, 15_000, 15_000])
  expect(it.session.status.lost).toBe(9)
})

it('C027: backs off from a venue that sends frames that are too large, and counts the sockets as lost', async () => {
  const server = await venue((socket) => socket.send(Buffer.alloc(5 * 1024 * 1024, '1'), { binary: false }))
  const it = subject(server.url)
  it.session.want(new Set('a'))
  await it.clock.advance(0)
  await until(() => it.log.length === 3)
  expect(it.log).toEqual(['up #1', 'down #1 too_large', 'retry after too_large in 125'])
  await it.clock.advance(125)
  await until(() => it.log.length === 6)
  expect(it.log.at(-1)).toBe('retry after too_large in 250')
})

it('goes on trying where nobody listens, and says why', async () => {
  const it = subject('ws://127.0.0.1:1/')
  it.session.want(new Set('a'))
  await it.clock.advance(0)
  await until(() => it.log.length === 1)
  expect(it.log).toEqual(['retry after unreachable in 125'])
  expect(it.session.status).toMatchObject({ state: 'waiting', lost: 0, openedMs: 0 })
})

it('makes no attempt before Retry-After when an upgrade is answered with 429', async () => {
  let asked = 0
  const port = await tcp((socket) =>
    socket.once('data', () => {
      asked++
      socket.end('HTTP/1.1 429 No\r\nRetry-After: 60\r\nContent-Length: 0\r\n\r\n')
    }),
  )
  const it = subject(`ws://127.0.0.1:${port}/`)
  it.session.want(new Set('a'))
  await it.clock.advance(0)
  await until(() => it.log.length === 1)
  await it.clock.advance(59_999)
  expect(asked).toBe(1)
  await it.clock.advance(1)
  await until(() => asked === 2)
})

it('says that it waits when the address stays blocked for long, and goes on', async () => {
  const server = await venue(accept)
  const it = subject(server.url)
  it.limits.answered(418, { 'retry-after': '900' })
  it.session.want(new Set('a'))
  await it.clock.advance(600_000)
  expect(it.log).toEqual(['retry after unreachable in 125'])
  await it.clock.advance(300_000)
  await until(() => it.log.length === 2)
  expect(it.log[1]).toBe('up #1')
})

it('notices a half-open socket and replaces it', async () => {
  const server = await venue(accept)
  const between = await relay(server.port)
  const it = subject(`ws://127.0.0.1:${between.port}/`)
  await start(it, server)
  between.freeze()
  await it.clock.advance(15_000)
  await until(() => it.log.length === 3)
  expect(it.log.slice(1)).toEqual(['down #1 half_open', 'retry after half_open in 125'])
})

it('closes for good, in whatever state it is, and leaves no timer', async () => {
  const server = await venue(accept)
  const waiting = subject(server.url)
  waiting.session.want(new Set('a'))
  waiting.session.close()
  const open = subject(server.url)
  await start(open, server)
  open.session.replace()
  await open.clock.advance(0)
  await until(() => open.log.includes('up #2'))
  open.session.close()
  await until(() => open.log.length === 4)
  await waiting.clock.advance(60_000)
  await open.clock.advance(60_000)
  expect(open.log.slice(2).sort()).toEqual(['down #1 ended planned', 'down #2 ended planned'])
  expect(server.sockets.length).toBe(2)
  expect([open.clock.waiting, waiting.clock.waiting]).toEqual([0, 0])
})

it('opens nothing while nothing is wanted', async () => {
  const server = await venue(accept)
  const it = subject(server.url)
  it.session.want(new Set())
  await it.clock.advance(60_000)
  expect(server.sockets.length).toBe(0)
  expect(it.clock.waiting).toBe(0)
})

it.each([
  ['http://stream.example/', "'http://stream.example/' is not the URL of a WebSocket; write ws:// or wss://"],
  ['ws://stream.example/#part', "no '#'"],
  ['not a url', 'Invalid URL'],
])('refuses %s as an address', (url, message) => {
  expect(() => subject(url)).toThrow(message)
})
