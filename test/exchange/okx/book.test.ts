import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Market } from '../../../crds/names.ts'
import { type Exchange, type ExchangeOptions, startExchange } from '../exchange.ts'
import { type OkxClient, okxClient } from './client.ts'
import { DEPTH } from './cut.ts'
import { type DocumentedBook, follow } from './documented-book.ts'

type Frames = Parameters<typeof follow>[0]

const NAMES = {
  spot: 'BTC-USDT',
  perpetual: 'BTC-USD-SWAP',
  future: 'BTC-USD-260925',
  option: 'BTC-USD-260925-65000-C',
}
const START = { exchange: 'okx', symbols: 3, levels: 60, virtual: true } as const

async function withBook(
  options: ExchangeOptions,
  market: Market,
  run: (exchange: Exchange, client: OkxClient) => void | Promise<void>,
): Promise<void> {
  const exchange = await startExchange({ ...START, ...options })
  try {
    await run(exchange, bookClient(exchange, market))
  } finally {
    await exchange.close()
  }
}

function bookClient(exchange: Exchange, market: Market, instId: string = NAMES[market]): OkxClient {
  const client = okxClient(exchange, market)
  client.request('subscribe', { channel: 'books', instId })
  return client
}

const framesOf = (client: OkxClient) => client.data('books') as unknown as Frames

/** The 400 best levels of the true book. */
function truthOf(exchange: Exchange, market: Market, seq: number): DocumentedBook {
  const { bids, asks } = exchange.truth[market].bookAt(NAMES[market], seq)!
  return { seq, bids: bids.slice(0, DEPTH), asks: asks.slice(0, DEPTH) }
}

test.each(['spot', 'perpetual', 'future', 'option'] as const)(
  'a %s book that follows the documented rule is the true one after each frame',
  async (market) => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), fc.integer({ min: 0, max: 2_000 }), async (seed, before) => {
        const exchange = await startExchange({ ...START, seed, rate: 300 })
        exchange.advance(before)
        const client = bookClient(exchange, market)
        exchange.advance(2_000)
        let checked = 0
        follow(framesOf(client), (book) => {
          expect(book).toEqual(truthOf(exchange, market, book.seq))
          checked++
        })
        expect(checked).toBeGreaterThan(10)
        await exchange.close()
      }),
      { numRuns: 5 },
    )
  },
)

test('a deep book shows 400 levels: those that leave are deleted, those that move up appear', async () => {
  await withBook({ levels: 600, rate: 2_000 }, 'spot', (exchange, client) => {
    exchange.advance(10_000)
    follow(framesOf(client), (book) => {
      expect(book.bids).toHaveLength(DEPTH)
      expect(book).toEqual(truthOf(exchange, 'spot', book.seq))
    })
  })
})

test('two connections are cut at different places, share the sequences, and lead to the same book', async () => {
  await withBook({ rate: 2_000 }, 'spot', (exchange, one) => {
    const two = bookClient(exchange, 'spot')
    exchange.advance(10_000)
    const ends = [one, two].map((client) => new Set(framesOf(client).map(({ data }) => data[0].seqId)))
    const shared = [...ends[0]!].filter((end) => ends[1]!.has(end)).length
    expect(shared).toBeLessThan(ends[0]!.size / 2)
    for (const client of [one, two]) {
      const book = follow(framesOf(client))
      expect(book).toEqual(truthOf(exchange, 'spot', book.seq))
    }
  })
})

test('C022: the checksum of each frame is 0, and sequences are full of holes', async () => {
  await withBook({ rate: 300 }, 'perpetual', (exchange, client) => {
    exchange.advance(3_000)
    const data = client.data('books').map((frame) => frame.data[0]! as Record<string, unknown>)
    expect(data.length).toBeGreaterThan(20)
    expect(new Set(data.map(({ checksum }) => checksum))).toEqual(new Set([0]))
    expect(data[0]).toMatchObject({ prevSeqId: -1, ts: expect.stringMatching(/^\d{13}$/u) })
    expect(data.slice(1).some(({ seqId, prevSeqId }) => Number(seqId) > Number(prevSeqId) + 1)).toBe(true)
  })
})

test('some deletions are of prices that the book never had', async () => {
  await withBook({ rate: 500 }, 'spot', (exchange, client) => {
    exchange.advance(5_000)
    const held = new Set<string>()
    let unknown = 0
    for (const { data } of framesOf(client)) {
      for (const [price, size] of [...data[0].bids, ...data[0].asks]) {
        if (Number(size) > 0) held.add(price)
        else if (!held.has(price)) unknown++
      }
    }
    expect(unknown).toBeGreaterThan(5)
  })
})

test('after a minute without change comes an empty frame with the same sequence twice', async () => {
  await withBook({ rate: 0 }, 'spot', (exchange, client) => {
    exchange.advance(29_000)
    for (let i = 0; i < 10; i++) {
      client.connection.message('ping')
      exchange.advance(20_000)
    }
    const [snapshot, ...others] = framesOf(client).map(({ data }) => data[0])
    expect(others).toHaveLength(3)
    for (const beat of others) {
      expect(beat).toMatchObject({ asks: [], bids: [], prevSeqId: snapshot!.seqId, seqId: snapshot!.seqId })
    }
  })
})

test('a lost update breaks the chain, and a new subscription joins again', async () => {
  await withBook({ rate: 300 }, 'spot', (exchange, client) => {
    exchange.advance(1_000)
    exchange.faults.add({ kind: 'sequence_gap', symbol: 'BTC-USDT', of: 'orderbook', count: 3 })
    exchange.advance(1_000)
    expect(() => follow(framesOf(client))).toThrow('does not follow')
    const before = framesOf(client).length
    client.request('unsubscribe', { channel: 'books', instId: 'BTC-USDT' })
    client.request('subscribe', { channel: 'books', instId: 'BTC-USDT' })
    exchange.advance(1_000)
    const book = follow(framesOf(client).slice(before))
    expect(book).toEqual(truthOf(exchange, 'spot', book.seq))
  })
})

test('maintenance: the numbering falls while the chain holds, and the book is still the true one', async () => {
  await withBook({ rate: 300 }, 'spot', (exchange, client) => {
    exchange.advance(1_000)
    exchange.faults.add({ kind: 'sequence_restart', symbol: 'BTC-USDT', of: 'orderbook' })
    exchange.advance(1_000)
    const fallen = framesOf(client).findIndex(({ data }) => data[0].seqId < data[0].prevSeqId)
    expect(fallen).toBeGreaterThan(3)
    expect(framesOf(client)[fallen]!.data[0].seqId).toBeLessThan(1_000)
    const book = follow(framesOf(client))
    expect(book).toEqual(truthOf(exchange, 'spot', book.seq))
  })
})

test('the same seed gives the same frames, another seed others', async () => {
  const run = async (seed: number) => {
    const exchange = await startExchange({ ...START, seed, rate: 300 })
    const client = bookClient(exchange, 'perpetual')
    client.request('subscribe', { channel: 'tickers', instId: NAMES.perpetual })
    client.request('subscribe', { channel: 'liquidation-orders', instType: 'SWAP' })
    for (let i = 0; i < 7; i++) exchange.advance(700)
    await exchange.close()
    return client.texts
  }
  const first = await run(11)
  expect(first.length).toBeGreaterThan(40)
  expect(await run(11)).toEqual(first)
  expect(await run(12)).not.toEqual(first)
})
