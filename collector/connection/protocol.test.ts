// How a session speaks the protocols that venues have: made-up ones, each with the habits of one kind.
import { expect, it, onTestFinished } from 'vitest'
import type { WebSocket } from 'ws'
import { type Venue, until, venue } from '../../test/support/loopback.ts'
import { VirtualClock } from './clock.ts'
import { AddressLimits, type AddressRules } from './limits.ts'
import type { Control, Protocol } from './protocol.ts'
import { Session } from './session.ts'

interface Message {
  readonly id?: number
  readonly op?: string
  readonly event?: string
  readonly arg?: string
  readonly args?: readonly string[]
  readonly result?: readonly string[] | string
  readonly error?: string
  readonly method?: string
}

const COMMON = {
  streamsPerSocketMax: 1_024,
  streamsPerRequestMax: 100,
  requests: [{ max: 480, windowMs: 3_600_000 }],
  lifeMs: Infinity,
}

/** Answers each argument by itself and without an id; is pinged by a text. */
const BY_ARGUMENT: Protocol = {
  ...COMMON,
  subscribe: (args) => JSON.stringify({ op: 'subscribe', args }),
  unsubscribe: (args) => JSON.stringify({ op: 'unsubscribe', args }),
  control(text): Control {
    if (text === 'pong') return { kind: 'ignored' }
    const { event, arg = '' } = JSON.parse(text) as Message
    switch (event) {
      case 'subscribe':
      case 'unsubscribe':
        return { kind: 'ack', streams: [arg], to: event }
      case 'error':
        return { kind: 'refused', id: undefined, message: `60018 ${arg}`, streams: [arg] }
      case 'notice':
        return { kind: 'leave' }
      default:
        return { kind: 'unknown' }
    }
  },
  textPing: 'ping',
}

/** Answers with a list, refuses whole requests, and asks whether we are there once it was asked to. */
const BY_LIST: Protocol = {
  ...COMMON,
  subscribe: (args, id) => JSON.stringify({ id, op: 'subscribe', args }),
  unsubscribe: (args, id) => JSON.stringify({ id, op: 'unsubscribe', args }),
  control(text): Control {
    const { id = 0, result, error, method } = JSON.parse(text) as Message
    if (method === 'test_request') return { kind: 'answer', text: '{"id":0,"op":"test"}' }
    if (error === 'too_many_requests') return { kind: 'later', id, message: error }
    if (error !== undefined) return { kind: 'refused', id, message: error }
    return typeof result === 'object' ? { kind: 'ack', id, accepted: result } : { kind: 'ignored' }
  },
  greeting: ['{"id":0,"op":"set_heartbeat"}'],
}

const RULES: AddressRules = {
  connections: { max: 300, windowMs: 300_000 },
  weight: { max: 1, windowMs: 1 },
  open: 2,
}

function subject(server: Venue, protocol: Protocol, rules: Partial<AddressRules> = {}, caughtUp = () => true) {
  const clock = new VirtualClock()
  const log: string[] = []
  const ids: number[] = []
  const limits = new AddressLimits({
    exchange: 'x',
    host: 'stream.example',
    rules: { ...RULES, ...rules },
    clock,
    random: () => 0,
  })
  const session = new Session({
    url: server.url,
    protocol,
    clock,
    random: () => 0.5,
    limits,
    onFrame: (bytes) => bytes.includes('"data"'),
    caughtUp,
    events: {
      onUp: (id) => log.push(`up ${ids.push(id)}`),
      onDown: (_id, closed, planned) => log.push(`down ${closed.cause}${planned ? ' planned' : ''}`),
      onReplaced: () => log.push('replaced'),
      onRetry: (closed) => log.push(`retry after ${closed.cause}`),
      onRefused: (stream, message) => log.push(`refused ${stream}: ${message}`),
      onAccepted: (stream) => log.push(`accepted ${stream}`),
      onDivided: (streams, message) => log.push(`divided ${streams.join()}: ${message}`),
      onUnanswered: (streams) => log.push(`unanswered ${streams.join()}`),
      onLater: (message, waitMs) => log.push(`later in ${waitMs}: ${message}`),
      onUnknown: (text) => log.push(`unknown ${text}`),
    },
  })
  onTestFinished(() => session.close())
  return { session, clock, log, ids, limits }
}

/** Wants streams, which words name, and lets the socket open. */
async function start({ session, clock, log }: ReturnType<typeof subject>, streams: string): Promise<void> {
  session.want(new Set(streams.split(' ')))
  await clock.advance(0)
  await until(() => log.includes('up 1'))
}

/** A venue that calls `answer` with each message and sends what it returns. */
function answering(answer: (message: Message, socket: WebSocket) => readonly unknown[]) {
  return (socket: WebSocket): void => {
    socket.on('message', (data: Buffer) => {
      const text = data.toString()
      if (text === 'ping') return socket.send('pong')
      for (const one of answer(JSON.parse(text) as Message, socket)) socket.send(JSON.stringify(one))
    })
  }
}

const byArgument = (bad: string) =>
  answering(({ op, args = [] }) => args.map((arg) => ({ event: arg === bad ? 'error' : op, arg })))

it('C033: one refused argument closes nothing, and a pong is no unknown frame', async () => {
  const server = await venue(byArgument('candle'))
  const it = subject(server, BY_ARGUMENT)
  await start(it, 'books candle trades')
  await until(() => it.log.length === 4)
  await it.clock.advance(5_000)
  await until(() => server.texts.includes('ping'))
  expect(it.log).toEqual(['up 1', 'accepted books', 'refused candle: 60018 candle', 'accepted trades'])
  expect(server.sockets.length).toBe(1)
})

it('lets a stream begin anew on the socket that is meant, and says when there is none', async () => {
  const server = await venue(byArgument(''))
  const it = subject(server, BY_ARGUMENT)
  await start(it, 'books trades')
  await until(() => it.log.length === 3)
  expect(it.session.resubscribe('books', it.ids[0])).toBe(true)
  await until(() => server.texts.length === 3)
  expect(server.texts.slice(1)).toEqual([
    '{"op":"unsubscribe","args":["books"]}',
    '{"op":"subscribe","args":["books"]}',
  ])
  expect(it.session.resubscribe('books', 0)).toBe(false)
  expect(it.session.resubscribe('trades')).toBe(true)
  await until(() => server.texts.length === 5)
  it.session.close()
  await until(() => it.log.at(-1) === 'down ended planned')
  expect(it.session.resubscribe('books')).toBe(false)
})

it('lets a stream begin anew on the younger of two sockets where none is said', async () => {
  const server = await venue(byArgument(''))
  const it = subject(server, BY_ARGUMENT, { open: 4 }, () => false)
  await start(it, 'books')
  it.session.replace()
  await it.clock.advance(0)
  await until(() => it.log.filter((line) => line === 'accepted books').length === 2)
  const got: string[] = []
  server.sockets[1]?.on('message', (data: Buffer) => got.push(data.toString()))
  it.session.resubscribe('books')
  await until(() => got.length === 2)
  expect(server.texts.length).toBe(4)
})

it('takes no place when it was closed while it waited for one', async () => {
  const server = await venue()
  const it = subject(server, BY_ARGUMENT)
  const turn = Promise.withResolvers<{ done(): void }>()
  it.limits.connection = () => turn.promise
  it.session.want(new Set(['books']))
  await it.clock.advance(0)
  it.session.close()
  let given = 0
  turn.resolve({ done: () => given++ })
  await it.clock.advance(60_000)
  expect([given, server.sockets.length]).toEqual([1, 0])
})

it('C023: greets each socket before it asks, answers what the venue waits for, and halves what is refused', async () => {
  const server = await venue(
    answering(({ id, op, args = [] }) => {
      if (op === 'set_heartbeat') return [{ id, result: 'ok' }]
      if (op !== 'subscribe') return []
      return [args.includes('raw') ? { id, error: '13778 no raw' } : { id, result: args }, { method: 'test_request' }]
    }),
  )
  const it = subject(server, BY_LIST)
  await start(it, 'book raw')
  await until(() => it.log.length === 4)
  await until(() => server.texts.filter((text) => text.includes('"test"')).length === 3)
  expect(server.texts.filter((text) => !text.includes('"test"'))).toEqual([
    '{"id":0,"op":"set_heartbeat"}',
    '{"id":1,"op":"subscribe","args":["book","raw"]}',
    '{"id":2,"op":"subscribe","args":["book"]}',
    '{"id":3,"op":"subscribe","args":["raw"]}',
  ])
  expect(it.log).toEqual(['up 1', 'divided book,raw: 13778 no raw', 'accepted book', 'refused raw: 13778 no raw'])
  const before = server.texts.length
  server.sockets[0]?.terminate()
  await until(() => it.log.includes('retry after lost'))
  await it.clock.advance(125)
  await until(() => server.texts.length > before + 1)
  expect(server.texts[before]).toBe('{"id":0,"op":"set_heartbeat"}')
})

it('tells that the venue puts a request off, and of one that nobody made', async () => {
  const server = await venue(
    answering(({ id, op }) => (op === 'subscribe' ? [{ id, error: 'too_many_requests' }] : [])),
  )
  const it = subject(server, BY_LIST)
  await start(it, 'book')
  await until(() => it.log.length === 2)
  server.sockets[0]?.send('{"id":77,"error":"too_many_requests"}')
  await until(() => it.log.length === 3)
  expect(it.log.slice(1)).toEqual(['later in 1000: too_many_requests', 'unknown {"id":77,"error":"too_many_requests"}'])
})

it('gives its place back when the socket is gone, and waits for one where the venue counts open sockets', async () => {
  const server = await venue(byArgument(''))
  const it = subject(server, BY_ARGUMENT)
  await start(it, 'books')
  const other = it.limits.connection()
  let has = false
  void other.then(() => (has = true))
  await it.clock.advance(60_000)
  expect(has).toBe(false)
  it.session.close()
  await until(() => it.log.at(-1) === 'down ended planned')
  await it.clock.advance(1)
  expect(has).toBe(true)
})
