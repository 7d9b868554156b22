// Over real sockets: what a client of 2026 sees.
import { once } from 'node:events'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { WebSocket } from 'ws'
import { connectClient, received } from '../client.ts'
import { type Exchange, startExchange } from '../exchange.ts'

let exchange: Exchange

beforeAll(async () => {
  exchange = await startExchange({ seed: 1, symbols: 5, rate: 1_000, levels: 1_200 })
})
afterAll(() => exchange.close())

const spot = (path: string) => connectClient(exchange.urls.spot.websocket + path)
const perpetual = (path: string) => connectClient(exchange.urls.perpetual.websocket + path)
const isAck = (id: number) => (text: string) => text === `{"result":null,"id":${id}}`
const of = (stream: string) => (text: string) => text.startsWith(`{"stream":"${stream}",`)

test('a raw path gives bare payloads, a combined one wraps them in the name of the stream', async () => {
  const raw = await spot('/ws/btcusdt@aggTrade')
  const combined = await spot('/stream?streams=btcusdt@aggTrade/ethusdt@bookTicker')
  expect(JSON.parse(await raw.next(() => true))).toMatchObject({ e: 'aggTrade', s: 'BTCUSDT', M: true })
  expect(JSON.parse(await combined.next(of('btcusdt@aggTrade')))).toMatchObject({
    data: { e: 'aggTrade', s: 'BTCUSDT' },
  })
  const ticker = JSON.parse(await combined.next(of('ethusdt@bookTicker')))
  expect(Object.keys(ticker.data)).toEqual(['u', 's', 'b', 'B', 'a', 'A'])
  raw.close()
  combined.close()
})

test('requests are answered by id: subscribe, list, set property, unsubscribe', async () => {
  const client = await spot('/stream')
  client.send({ method: 'SUBSCRIBE', params: ['btcusdt@aggTrade', 'btcusdt@depth@100ms'], id: 1 })
  await client.next(isAck(1))
  expect(client.texts[0]).toBe('{"result":null,"id":1}')
  await client.next(of('btcusdt@depth@100ms'))
  client.send({ method: 'LIST_SUBSCRIPTIONS', id: 'a7' })
  await client.next((text) => text === '{"result":["btcusdt@aggTrade","btcusdt@depth@100ms"],"id":"a7"}')
  client.send({ method: 'SET_PROPERTY', params: ['combined', false], id: 2 })
  await client.next(isAck(2))
  await client.next((text) => text.startsWith('{"e":"aggTrade"'))
  client.send({ method: 'UNSUBSCRIBE', params: ['btcusdt@aggTrade', 'btcusdt@depth@100ms'], id: 3 })
  await client.next(isAck(3))
  expect(client.texts.at(-1)).toBe('{"result":null,"id":3}')
  client.close()
})

test.each([
  ['not json', 3],
  ['{"params":[],"id":1}', 2],
  ['{"method":"SUBSCRIBED","params":[],"id":1}', 2],
  ['{"method":"SUBSCRIBE","params":["btcusdt@trade"],"id":-1}', 2],
  ['{"method":"SUBSCRIBE","params":"btcusdt@trade","id":1}', 2],
  ['{"method":"SET_PROPERTY","params":["colour",true],"id":1}', 0],
  ['{"method":"SET_PROPERTY","params":["combined","yes"],"id":1}', 1],
])('the request %s is refused with code %i', async (request, code) => {
  const client = await spot('/ws')
  client.send(request)
  expect(JSON.parse(await client.next(() => true))).toMatchObject({ code, msg: expect.any(String) })
  client.close()
})

test('a stream that does not exist is acknowledged and stays silent', async () => {
  const client = await spot('/stream')
  client.send({ method: 'SUBSCRIBE', params: ['nopeusdt@aggTrade', 'BTCUSDT@aggTrade', 'lunausdt@depth@100ms'], id: 1 })
  await client.next(isAck(1))
  client.send({ method: 'SUBSCRIBE', params: ['btcusdt@depth@100ms'], id: 2 })
  await client.next(of('btcusdt@depth@100ms'))
  expect(new Set(received(client.texts).map((frame) => frame.stream))).toEqual(new Set(['btcusdt@depth@100ms']))
  client.close()
})

test('on the perpetual a stream on the wrong path is acknowledged and silent, and without a path only public ones flow', async () => {
  const streams = ['btcusdt@aggTrade', 'btcusdt@depth@100ms', 'btcusdt@bookTicker', 'btcusdt@kline_1m']
  const seen = async (path: string, until: string) => {
    const client = await perpetual(path)
    client.send({ method: 'SUBSCRIBE', params: streams, id: 1 })
    await client.next(isAck(1))
    await client.next(of(until))
    client.close()
    await client.closed
    return new Set(received(client.texts).map((frame) => frame.stream))
  }
  const isPublic = (stream: string) => /depth|bookTicker/u.test(stream)
  expect([...(await seen('/public/stream', streams[1]!))].every(isPublic)).toBe(true)
  expect([...(await seen('/stream', streams[1]!))].every(isPublic)).toBe(true)
  expect([...(await seen('/market/stream', streams[3]!))].some(isPublic)).toBe(false)
})

test('perpetual frames carry what 2026 added', async () => {
  const market = await perpetual('/market/stream?streams=btcusdt@aggTrade/btcusdt@kline_1m/btcusdt@ticker')
  const open = await perpetual('/public/stream?streams=btcusdt@bookTicker/btcusdt@depth')
  expect(JSON.parse(await market.next(of('btcusdt@aggTrade'))).data).toMatchObject({ st: 1, nq: expect.any(String) })
  expect(JSON.parse(await market.next(of('btcusdt@kline_1m'))).data.k).toMatchObject({
    i: '1m',
    x: expect.any(Boolean),
  })
  expect(JSON.parse(await market.next(of('btcusdt@ticker'))).data).not.toHaveProperty('b')
  expect(JSON.parse(await open.next(of('btcusdt@bookTicker'))).data).toMatchObject({ e: 'bookTicker', st: 1 })
  expect(JSON.parse(await open.next(of('btcusdt@depth'))).data).toMatchObject({ ps: 'BTCUSDT', pu: expect.any(Number) })
  market.close()
  open.close()
})

test('with timeUnit=MICROSECOND every time of the connection is in microseconds', async () => {
  const client = await spot(
    '/stream?streams=btcusdt@aggTrade/btcusdt@kline_1m/btcusdt@depth@100ms&timeUnit=MICROSECOND',
  )
  const trade = JSON.parse(await client.next(of('btcusdt@aggTrade'))).data
  const { k } = JSON.parse(await client.next(of('btcusdt@kline_1m'))).data
  const depth = JSON.parse(await client.next(of('btcusdt@depth@100ms'))).data
  for (const time of [trade.E, trade.T, depth.E, k.t])
    expect(Math.abs(time / 1_000 - exchange.now())).toBeLessThan(120_000)
  expect(k.T).toBe(k.t + 59_999_999)
  client.close()
})

test('symbols outside ASCII are subscribed as they are, in a request or percent-encoded in a path', async () => {
  const path = await spot(`/ws/${encodeURIComponent('币安人生usdt@depth@100ms')}`)
  const request = await spot('/ws')
  request.send({ method: 'SUBSCRIBE', params: ['币安人生usdt@depth@100ms'], id: 1 })
  for (const client of [path, request]) {
    expect(JSON.parse(await client.next((text) => text.includes('depthUpdate')))).toMatchObject({ s: '币安人生USDT' })
    client.close()
  }
})

test('the notice of a shutdown goes to spot connections, wrapped where they are combined', async () => {
  const raw = await spot('/ws/btcusdt@kline_1m')
  const combined = await spot('/stream?streams=btcusdt@kline_1m')
  const futures = await perpetual('/market/ws/btcusdt@kline_1m')
  await futures.next(() => true)
  exchange.shutdownNotice()
  expect(JSON.parse(await raw.next((text) => text.includes('serverShutdown')))).toEqual({
    e: 'serverShutdown',
    E: expect.any(Number),
  })
  expect(JSON.parse(await combined.next(of('!serverShutdown')))).toMatchObject({ data: { e: 'serverShutdown' } })
  expect(futures.texts.some((text) => text.includes('serverShutdown'))).toBe(false)
  for (const client of [raw, combined, futures]) client.close()
})

test('pings of a client are answered with their payload', async () => {
  const client = await spot('/ws')
  const pong = once(client.socket, 'pong')
  client.socket.ping('are you there')
  expect(String((await pong)[0])).toBe('are you there')
  client.close()
})

test('a path that the venue does not have is closed, and 1,025 streams are too many', async () => {
  const nowhere = await spot('/nowhere')
  expect(await nowhere.closed).toBe(1008)
  const client = await spot('/ws')
  client.send({ method: 'SUBSCRIBE', params: Array.from({ length: 1_025 }, (_, i) => `s${i}usdt@aggTrade`), id: 1 })
  expect(JSON.parse(await client.next(() => true))).toMatchObject({ code: 2 })
  client.close()
})

test('the ledger says what was really sent, frame by frame, and is served over HTTP', async () => {
  const path = '/stream?streams=btcusdt@aggTrade/ethusdt@depth@100ms'
  const client = await spot(path)
  await client.next(of('btcusdt@aggTrade'))
  await client.next(of('ethusdt@depth@100ms'))
  client.close()
  await client.closed
  const answer = await fetch(`${exchange.urls.perpetual.rest}/_exchange/ledger?ids=1`)
  const ledger = (await answer.json()) as ReturnType<Exchange['ledger']>
  const { streams, closeCode } = ledger.connections.findLast((connection) => connection.path === path)!
  const ids = (stream: string, id: string) =>
    received(client.texts)
      .filter((f) => f.stream === stream)
      .map((f) => f.data[id])
  expect(streams['btcusdt@aggTrade']!.ids).toEqual(ids('btcusdt@aggTrade', 'a'))
  expect(streams['ethusdt@depth@100ms']!.ids).toEqual(ids('ethusdt@depth@100ms', 'u'))
  expect(closeCode).toBe(1005)
})

test('a client that only listens gets the pings of the server', async () => {
  const quick = await startExchange({ rate: 0, limits: { pingEveryMs: 250 } })
  const client = await connectClient(`${quick.urls.spot.websocket}/ws/btcusdt@aggTrade`)
  await once(client.socket, 'ping')
  await once(client.socket, 'ping')
  expect(client.pings[0]).toMatch(/^\d{13}$/u)
  expect(client.socket.readyState).toBe(WebSocket.OPEN)
  await quick.close()
})

test('clients that offer compression get it when it is switched on', async () => {
  const compressing = await startExchange({ symbols: 1, rate: 100, compression: true })
  const client = await connectClient(`${compressing.urls.spot.websocket}/ws/btcusdt@depth@100ms`)
  expect(client.socket.extensions).toContain('permessage-deflate')
  expect(JSON.parse(await client.next(() => true))).toMatchObject({ e: 'depthUpdate' })
  await compressing.close()
})
