import fc from 'fast-check'
import { expect, test } from 'vitest'
import { asNumbers, connectDeribit, startDeribit } from './client.ts'
import { dataOf, follow } from './documented-book.ts'

// both linear and inverse, and one that nobody bids for
const INSTRUMENTS = [
  ['perpetual', 'BTC-PERPETUAL'],
  ['perpetual', 'XRP_USDC-PERPETUAL'],
  ['future', 'BTC-25DEC26'],
  ['option', 'XRP_USDC-25DEC26-0d525-C'],
  ['option', 'ETH-2OCT26-2800-P'],
] as const

test.each(INSTRUMENTS)(
  'a %s book of %s that follows the documented rule is the true one after each frame',
  (market, name) =>
    fc.assert(
      fc.asyncProperty(fc.integer(), fc.integer({ min: 0, max: 2_000 }), async (seed, before) => {
        const exchange = await startDeribit({ seed, symbols: [name], rate: 100, levels: 60 })
        const client = connectDeribit(exchange, market)
        exchange.advance(before)
        client.subscribe(`book.${name}.100ms`)
        exchange.advance(2_000)
        let checked = 0
        follow(dataOf(client.texts, `book.${name}.100ms`), (book) => {
          expect(book).toEqual(asNumbers(exchange.truth[market].bookAt(name, book.seq)))
          checked++
        })
        expect(checked).toBeGreaterThan(5)
        await exchange.close()
      }),
      { numRuns: 8 },
    ),
)

const BOOK = 'book.BTC-PERPETUAL.100ms'

test('two connections are cut at different places of the same change ids, and lead to the same book', async () => {
  const exchange = await startDeribit({ seed: 3, rate: 2_000, levels: 60 })
  const clients = [connectDeribit(exchange, 'perpetual'), connectDeribit(exchange, 'perpetual')]
  for (const client of clients) client.subscribe(BOOK)
  exchange.advance(10_000)
  const [one, two] = clients.map((client) => new Set(dataOf(client.texts, BOOK).map((frame) => frame.change_id)))
  const shared = [...one!].filter((id) => two!.has(id)).length
  expect(shared).toBeLessThan(one!.size / 2)
  for (const client of clients) {
    const book = follow(dataOf(client.texts, BOOK))
    expect(book).toEqual(asNumbers(exchange.truth.perpetual.bookAt('BTC-PERPETUAL', book.seq)))
  }
  await exchange.close()
})

test('the first frame is a snapshot without a predecessor, at once, and numbers are written as floats', async () => {
  const exchange = await startDeribit({ seed: 3, rate: 300, levels: 60 })
  const client = connectDeribit(exchange, 'perpetual')
  client.subscribe(BOOK)
  expect(client.texts).toHaveLength(2)
  const [snapshot] = dataOf(client.texts, BOOK)
  expect(snapshot).toMatchObject({ type: 'snapshot', instrument_name: 'BTC-PERPETUAL' })
  expect(snapshot).not.toHaveProperty('prev_change_id')
  exchange.advance(3_000)
  const levels = client.texts.join('').matchAll(/\["(?:new|change|delete)",([^,]+),([^\]]+)\]/gu)
  for (const [, price, size] of levels) expect([price, size].every((n) => /^\d+\.\d+$/u.test(n!))).toBe(true)
  await exchange.close()
})

test.each(['sequence_gap', 'sequence_restart'] as const)(
  '%s breaks the chain of change ids, and the channel anew begins with a snapshot that joins again',
  async (kind) => {
    const exchange = await startDeribit({ seed: 6, rate: 300, levels: 60 })
    const client = connectDeribit(exchange, 'perpetual')
    client.subscribe(BOOK)
    exchange.advance(1_000)
    exchange.faults.add({ kind, of: 'orderbook', symbol: 'BTC-PERPETUAL' })
    exchange.advance(1_000)
    expect(() => follow(dataOf(client.texts, BOOK))).toThrow('does not follow')
    const before = client.texts.length
    client.call('public/unsubscribe', { channels: [BOOK] })
    client.subscribe(BOOK)
    exchange.advance(1_000)
    const book = follow(dataOf(client.texts.slice(before), BOOK))
    expect(book).toEqual(asNumbers(exchange.truth.perpetual.bookAt('BTC-PERPETUAL', book.seq)))
    await exchange.close()
  },
)

test('what follows lost changes is right from the book that they left', async () => {
  const exchange = await startDeribit({ seed: 6, rate: 300, levels: 60 })
  const client = connectDeribit(exchange, 'perpetual')
  client.subscribe(BOOK)
  exchange.advance(1_000)
  exchange.faults.add({ kind: 'sequence_gap', of: 'orderbook', symbol: 'BTC-PERPETUAL', count: 50 })
  exchange.advance(2_000)
  const frames = dataOf(client.texts, BOOK)
  const broken = frames.findIndex((frame, i) => i > 0 && frame.prev_change_id !== frames[i - 1]!.change_id)
  const left = asNumbers(exchange.truth.perpetual.bookAt('BTC-PERPETUAL', frames[broken]!.prev_change_id!))!
  const asNew = (side: typeof left.bids) => side.map(([price, size]) => ['new', price!, size!] as const)
  const snapshot = { type: 'snapshot', change_id: left.seq, bids: asNew(left.bids), asks: asNew(left.asks) } as const
  const book = follow([snapshot, ...frames.slice(broken)])
  expect(book).toEqual(asNumbers(exchange.truth.perpetual.bookAt('BTC-PERPETUAL', book.seq)))
  await exchange.close()
})

test.each(['drop', 'reorder', 'duplicate'] as const)('the fault %s on one frame breaks the chain', async (kind) => {
  const exchange = await startDeribit({ seed: 8, rate: 300, levels: 60 })
  const client = connectDeribit(exchange, 'perpetual')
  client.subscribe(BOOK)
  exchange.advance(500)
  exchange.faults.add({ kind, stream: 'book.*', next: 1 })
  exchange.advance(1_500)
  expect(() => follow(dataOf(client.texts, BOOK))).toThrow('does not follow')
  expect(exchange.ledger().connections[0]!.streams[BOOK]!.faults[kind]).toEqual({ frames: 1 })
  await exchange.close()
})

test('groups gather the sizes of the true book, and one depth is one level', async () => {
  const exchange = await startDeribit({ seed: 9, rate: 300, levels: 60 })
  const client = connectDeribit(exchange, 'perpetual')
  const [one, grouped] = ['book.BTC-PERPETUAL.none.1.100ms', 'book.BTC-PERPETUAL.10.20.100ms']
  client.subscribe(one, grouped)
  exchange.advance(1_000)
  type Grouped = { change_id: number; bids: [number, number][]; asks: [number, number][] }
  const best = dataOf<Grouped>(client.texts, one).at(-1)!
  const truth = asNumbers(exchange.truth.perpetual.bookAt('BTC-PERPETUAL', best.change_id))!
  expect([best.bids, best.asks]).toEqual([truth.bids.slice(0, 1), truth.asks.slice(0, 1)])
  const wide = dataOf<Grouped>(client.texts, grouped).at(-1)!
  const [price, size] = wide.bids[0]!
  const whole = asNumbers(exchange.truth.perpetual.bookAt('BTC-PERPETUAL', wide.change_id))!
  const inside = whole.bids.filter(([p]) => p! >= price && p! < price + 10)
  expect(size).toBe(inside.reduce((sum, [, s]) => sum + s!, 0))
  await exchange.close()
})

test('the same seed gives the same frames, another seed others', async () => {
  const run = async (seed: number) => {
    const exchange = await startDeribit({ seed, symbols: 3, rate: 300, levels: 60 })
    const client = connectDeribit(exchange, 'perpetual')
    client.subscribe(BOOK, 'trades.ETH-PERPETUAL.100ms', 'ticker.BTC-PERPETUAL.100ms', 'chart.trades.BTC-PERPETUAL.1')
    for (let i = 0; i < 7; i++) exchange.advance(700)
    await exchange.close()
    return client.texts
  }
  const first = await run(11)
  expect(first.length).toBeGreaterThan(100)
  expect(await run(11)).toEqual(first)
  expect(await run(12)).not.toEqual(first)
})
