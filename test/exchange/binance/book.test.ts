import fc from 'fast-check'
import { expect, test } from 'vitest'
import { attach, received } from '../client.ts'
import { type Exchange, startExchange } from '../exchange.ts'
import { follow } from './documented-book.ts'

const PATHS = { spot: '/stream?streams=', perpetual: '/public/stream?streams=' } as const
const DEPTH = { spot: '/api/v3/depth', perpetual: '/fapi/v1/depth' } as const

type Events = Parameters<typeof follow>[2]

function depthClient(exchange: Exchange, market: 'spot' | 'perpetual') {
  return attach((wire) => exchange.connect(market, `${PATHS[market]}btcusdt@depth@100ms`, wire))
}

function events(texts: readonly string[]): Events {
  return received(texts).map((frame) => frame.data) as unknown as Events
}

async function snapshot(exchange: Exchange, market: 'spot' | 'perpetual') {
  const answer = await exchange.request(market, `${DEPTH[market]}?symbol=BTCUSDT&limit=1000`)
  return JSON.parse(answer?.body ?? '')
}

test.each(['spot', 'perpetual'] as const)(
  'a %s book that follows the documented rule is the true one after each event, whenever the snapshot was taken',
  async (market) => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer(),
        fc.integer({ min: 0, max: 2_000 }),
        fc.integer({ min: 1, max: 2_000 }),
        async (seed, before, more) => {
          const exchange = await startExchange({ seed, symbols: 2, rate: 300, levels: 60, virtual: true })
          try {
            const client = depthClient(exchange, market)
            exchange.advance(before)
            const first = await snapshot(exchange, market)
            exchange.advance(more + 300)
            let checked = 0
            follow(market, first, events(client.texts), (book) => {
              expect(book).toEqual(exchange.truth[market].bookAt('BTCUSDT', book.seq))
              checked++
            })
            expect(checked).toBeGreaterThan(0)
          } finally {
            await exchange.close()
          }
        },
      ),
      { numRuns: 15 },
    )
  },
)

test.each(['spot', 'perpetual'] as const)(
  'two %s connections are cut at different places and lead to the same book',
  async (market) => {
    const exchange = await startExchange({ seed: 3, rate: 2_000, levels: 60, virtual: true })
    const one = depthClient(exchange, market)
    const two = depthClient(exchange, market)
    const first = await snapshot(exchange, market)
    exchange.advance(10_000)
    const cuts = [one, two].map((client) => events(client.texts))
    const ends = cuts.map((cut) => new Set(cut.map((event) => event.u)))
    const shared = [...ends[0]!].filter((end) => ends[1]!.has(end)).length
    expect(shared).toBeLessThan(ends[0]!.size / 2)
    for (const cut of cuts) {
      const book = follow(market, first, cut)
      expect(book).toEqual(exchange.truth[market].bookAt('BTCUSDT', book.seq))
    }
    await exchange.close()
  },
)

test('update ids are contiguous on spot, and on the perpetual full of holes and chained by pu', async () => {
  const exchange = await startExchange({ seed: 4, rate: 500, levels: 60, virtual: true })
  const clients = [depthClient(exchange, 'spot'), depthClient(exchange, 'perpetual')] as const
  exchange.advance(5_000)
  const [spot, perpetual] = clients.map((client) => events(client.texts)) as [Events, Events]
  expect(spot.slice(1).every((event, i) => event.U === spot[i]!.u + 1 && event.pu === undefined)).toBe(true)
  expect(perpetual.slice(1).every((event, i) => event.pu === perpetual[i]!.u && event.U > perpetual[i]!.u + 1)).toBe(
    true,
  )
  await exchange.close()
})

test('some deletions are of prices that the book never had', async () => {
  const exchange = await startExchange({ seed: 5, rate: 500, levels: 60, virtual: true })
  const client = depthClient(exchange, 'spot')
  const first = await snapshot(exchange, 'spot')
  exchange.advance(5_000)
  const known = new Set<string>([...first.bids, ...first.asks].map(([price]) => price))
  let unknown = 0
  for (const event of events(client.texts)) {
    for (const [price, size] of [...event.b, ...event.a]) {
      if (Number(size) > 0) known.add(price)
      else if (!known.has(price)) unknown++
    }
  }
  expect(unknown).toBeGreaterThan(5)
  await exchange.close()
})

test('the same seed gives the same frames, another seed others', async () => {
  const run = async (seed: number) => {
    const exchange = await startExchange({ seed, symbols: 3, rate: 300, levels: 60, virtual: true })
    const streams = 'btcusdt@depth@100ms/ethusdt@aggTrade/solusdt@bookTicker/btcusdt@kline_1m/btcusdt@ticker'
    const client = attach((wire) => exchange.connect('spot', `/stream?streams=${streams}`, wire))
    for (let i = 0; i < 7; i++) exchange.advance(700)
    await exchange.close()
    return client.texts
  }
  const first = await run(11)
  expect(first.length).toBeGreaterThan(100)
  expect(await run(11)).toEqual(first)
  expect(await run(12)).not.toEqual(first)
})

test('a lost update breaks the chain, and a new snapshot joins again', async () => {
  for (const market of ['spot', 'perpetual'] as const) {
    const exchange = await startExchange({ seed: 6, rate: 300, levels: 60, virtual: true })
    const client = depthClient(exchange, market)
    const first = await snapshot(exchange, market)
    exchange.advance(1_000)
    exchange.faults.add({ kind: 'sequence_gap', symbol: 'BTCUSDT', of: 'orderbook', count: 3 })
    exchange.advance(1_000)
    expect(() => follow(market, first, events(client.texts))).toThrow('does not follow')
    const second = await snapshot(exchange, market)
    exchange.advance(1_000)
    const book = follow(market, second, events(client.texts))
    expect(book).toEqual(exchange.truth[market].bookAt('BTCUSDT', book.seq))
    await exchange.close()
  }
})

test('a restarted numbering begins low, does not join the old one, and joins a new snapshot', async () => {
  for (const market of ['spot', 'perpetual'] as const) {
    const exchange = await startExchange({ seed: 7, rate: 300, levels: 60, virtual: true })
    const client = depthClient(exchange, market)
    const first = await snapshot(exchange, market)
    exchange.advance(1_000)
    exchange.faults.add({ kind: 'sequence_restart', symbol: 'BTCUSDT', of: 'orderbook' })
    const before = client.texts.length
    exchange.advance(1_000)
    const after = events(client.texts.slice(before))
    expect(after[0]!.U).toBeLessThan(100)
    expect(after.every((event) => event.u < first.lastUpdateId)).toBe(true)
    const second = await snapshot(exchange, market)
    exchange.advance(1_000)
    const book = follow(market, second, events(client.texts.slice(before)))
    expect(book).toEqual(exchange.truth[market].bookAt('BTCUSDT', book.seq))
    await exchange.close()
  }
})
