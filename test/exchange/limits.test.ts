// Limits of a connection, in virtual time.
import { afterEach, expect, test } from 'vitest'
import { attach, connectClient } from './client.ts'
import type { Market } from '../../crds/names.ts'
import { type Exchange, startExchange } from './exchange.ts'

let exchange: Exchange
afterEach(() => exchange.close())

async function quiet(market: Market, limits = {}) {
  exchange = await startExchange({ symbols: 1, rate: 0, virtual: true, limits })
  return attach((wire) => exchange.connect(market, '/ws', wire))
}

test.each([
  ['spot', 5],
  ['perpetual', 10],
] as const)(
  'on %s more than %i messages in a second, pings and pongs counted, close the connection',
  async (market, limit) => {
    const client = await quiet(market)
    const send = [
      () => client.connection.message('{"method":"LIST_SUBSCRIPTIONS","id":1}'),
      () => client.connection.pinged(Buffer.from('')),
      () => client.connection.ponged(''),
    ]
    for (let second = 0; second < 3; second++) {
      for (let i = 0; i < limit; i++) send[i % 3]!()
      exchange.advance(1_001)
    }
    expect(client.code).toBeUndefined()
    for (let i = 0; i <= limit; i++) send[i % 3]!()
    expect(client.code).toBe(1008)
    expect(exchange.ledger().connections[0]!.received).toMatchObject({ messages: expect.any(Number) })
  },
)

test.each([
  ['spot', 20_000, 60_000],
  ['perpetual', 180_000, 600_000],
] as const)('%s pings each %i ms and cuts who does not answer in %i ms', async (market, every, within) => {
  const client = await quiet(market)
  exchange.advance(every)
  expect(client.pings).toHaveLength(1)
  client.connection.ponged(client.pings[0]!)
  exchange.advance(every)
  exchange.advance(within - 1)
  expect(client.code).toBeUndefined()
  exchange.advance(1)
  expect(client.code).toBe(1006)
})

test('a pong that nobody asked for does not keep a connection alive; one with the payload of a later ping does', async () => {
  const client = await quiet('spot')
  exchange.advance(40_000)
  client.connection.ponged('unsolicited')
  exchange.advance(40_000)
  expect(client.code).toBe(1006)
  const other = attach((wire) => exchange.connect('spot', '/ws', wire))
  for (let i = 0; i < 10; i++) {
    exchange.advance(40_000)
    other.connection.ponged(other.pings.at(-1)!)
  }
  expect(other.code).toBeUndefined()
})

test('a connection lives a day', async () => {
  const client = await quiet('spot', { pingEveryMs: 1e9 })
  exchange.advance(86_399_000)
  expect(client.code).toBeUndefined()
  exchange.advance(1_000)
  expect(client.code).toBe(1001)
  expect(exchange.ledger().connections[0]).toMatchObject({ closeCode: 1001, closed: exchange.now() })
})

test('too many connections in five minutes are refused with 429, and later ones are let in', async () => {
  exchange = await startExchange({ rate: 0, symbols: 1, virtual: true, limits: { connects: 2 } })
  const url = `${exchange.urls.spot.websocket}/ws`
  const clients = [await connectClient(url), await connectClient(url)]
  await expect(connectClient(url)).rejects.toThrow('429')
  exchange.advance(300_001)
  clients.push(await connectClient(url))
  for (const client of clients) client.close()
})

test('no more connections are open at once than a venue allows, requests under way counted', async () => {
  exchange = await startExchange({ rate: 0, symbols: 1, virtual: true, limits: { openMax: 2 } })
  const url = `${exchange.urls.spot.websocket}/ws`
  exchange.faults.add({ kind: 'rest', path: '/api/v3/ping', delayMs: 1_000, next: 1 })
  const first = await connectClient(url)
  const slow = exchange.request('spot', '/api/v3/ping')
  await expect(connectClient(url)).rejects.toThrow('429')
  expect((await exchange.request('spot', '/api/v3/ping'))!.status).toBe(429)
  exchange.advance(1_000)
  expect((await slow)!.status).toBe(200)
  const second = await connectClient(url)
  for (const client of [first, second]) client.close()
})

test('a market that the exchange has not cannot be asked for, and is not listed', async () => {
  exchange = await startExchange({ rate: 0, symbols: 1, virtual: true, markets: ['spot'] })
  expect(Object.keys(exchange.urls)).toEqual(['spot'])
  expect(() => exchange.urls.option).toThrow("this exchange has no market 'option'")
  expect(() => exchange.truth.perpetual).toThrow('no market')
})

test('it listens where it is told to', async () => {
  exchange = await startExchange({ rate: 0, symbols: 1, host: 'localhost' })
  expect(exchange.urls.spot.rest).toMatch(/^http:\/\/localhost:\d+$/u)
  expect((await fetch(`${exchange.urls.spot.rest}/api/v3/ping`)).status).toBe(200)
})
