// Cases from the field that are sessions with a venue, through the front door: the exchange plays them over sockets, and
// what the collector published is held against what the case expects (expected.yaml; C026 gives the lines).
import { existsSync, readdirSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { ConsumerBook } from '../../collector/book/consumer.ts'
import { VirtualClock, settle } from '../../collector/connection/clock.ts'
import type { DataType, Market } from '../../crds/names.ts'
import { manifest, until } from '../e2e/collect.ts'
import { startWorld, type World } from '../e2e/world.ts'
import { type Exchange, startExchange } from '../exchange/exchange.ts'
import { keep, type Keeping } from '../support/kept.ts'

const CASES = join(import.meta.dirname, '../../../shared/cases')
const itPlays = existsSync(CASES) ? it : it.skip
/** So many times faster than it happened. */
const PACE = 4
const BEGIN_MS = 1_790_000_000_000
const SINK = { file: { path: 'kept' } }

function input(id: string): string {
  return join(CASES, readdirSync(CASES).find((name) => name.startsWith(id)) ?? id, 'input.ndjson')
}

function play(id: string): Promise<World> {
  return startWorld(PACE, { recordings: [input(id)], startTime: BEGIN_MS })
}

function wanted(exchange: Pick<Exchange, 'urls'>, market: Market, symbols: string[], types: DataType[]): object {
  return manifest(exchange, { symbols: { [market]: symbols }, types, sink: SINK })
}

function ids(keeping: Keeping, symbol: string): number[] {
  return keeping.of('trade', symbol).map(({ id }) => Number(id))
}

/** How often REST was asked for paths that end so. */
function asked(exchange: Exchange, end: string): number {
  const paths = exchange.ledger().rest.filter(({ path }) => path.endsWith(end))
  return paths.reduce((n, { statuses }) => n + Object.values(statuses).reduce((a, b) => a + b, 0), 0)
}

itPlays('C021: a quiet market for half an hour on a healthy socket', { timeout: 30_000 }, async () => {
  const exchange = await startExchange({ recordings: [input('C021')], virtual: true })
  const clock = new VirtualClock(exchange.now())
  const feed = wanted(exchange, 'spot', ['FTT-USDT'], ['trade', 'orderbook'])
  await using keeping = await keep(feed, { clock })
  const connection = () => exchange.ledger().connections[0]
  /** Time passes in steps; in each the pings of both sides are answered over the sockets. */
  const pass = async (seconds: number) => {
    for (let s = 0; s < seconds; s += 5) {
      exchange.advance(5_000)
      await clock.advance(5_000)
      await until('all pings are answered', () => connection()?.received.pongs === connection()?.pings)
      for (let turn = 0; turn < 5; turn++) await settle()
    }
  }
  for (let turn = 0; connection() === undefined || connection()?.received.messages === 0; turn++) {
    await clock.advance(10)
    expect(turn).toBeLessThan(10_000)
  }
  for (const seconds of [60, 540, 1_190]) {
    await pass(seconds)
    const { ready, channels } = keeping.running.status()
    expect([ready, channels.map(({ state }) => state)]).toEqual([true, ['quiet', 'quiet']])
  }
  await pass(30)
  await until('the trade is there', () => ids(keeping, 'FTT-USDT').length > 0)
  expect(ids(keeping, 'FTT-USDT')).toEqual([5])
  expect(keeping.of('gap')).toEqual([])
  // One socket, asked once for both streams; every ping of the venue came back as it was, or it would have cut.
  expect(exchange.ledger().connections).toMatchObject([{ closed: undefined, received: { messages: 1 } }])
  expect(connection()?.pings).toBeGreaterThanOrEqual(89)
  await keeping.close()
  await exchange.close()
})

itPlays('C024: holes in the trade ids are normal, holes in the aggregate ids are loss', async () => {
  await using world = await play('C024')
  // The answer of the case comes when the venue has it; the question is the collector's.
  await using venue = await restThatWaits(world.exchange.urls.perpetual.rest, async () => {
    const rows = await world.exchange.request('perpetual', '/fapi/v1/aggTrades?symbol=BTCUSDT&fromId=503&limit=1')
    return rows?.body.includes('"a":503') === true
  })
  const urls = { ...world.exchange.urls, perpetual: { ...world.exchange.urls.perpetual, rest: venue.url } }
  await using keeping = await keep(wanted({ urls }, 'perpetual', ['BTC-USDT'], ['trade']), world)
  await until('all trades are there', () => ids(keeping, 'BTC-USDT').length >= 5)
  await keeping.close()
  expect(ids(keeping, 'BTC-USDT')).toEqual([500, 501, 502, 503, 504])
  expect(keeping.of('gap')).toEqual([])
  expect(venue.asked.filter((path) => path.includes('aggTrades')).length).toBe(1)
  expect(
    keeping
      .of('trade')
      .filter(({ filled }) => filled)
      .map(({ id }) => id),
  ).toEqual(['503'])
  expect(keeping.sink.doubles).toEqual([])
})

itPlays('C026: a lost update, and the second snapshot must replace the book', async () => {
  await using world = await play('C026')
  const feed = wanted(world.exchange, 'perpetual', ['BTC-USDT'], ['orderbook', 'trade'])
  await using keeping = await keep(feed, world)
  await until('the last update is there', () => keeping.of('orderbook').at(-1)?.seq === 2090)
  await keeping.close()
  // order_on_subject_orderbook: … delta to 2040, gap, snapshot (seq 2075 or 2080), delta … to 2090
  const book = new ConsumerBook()
  const order = keeping.sink.messages.flatMap((m) => {
    if (m.type === 'gap') return [`gap ${m.of} ${m.reason} ${m.after_seq}..${m.before_seq}`]
    if (m.type !== 'orderbook') return []
    expect(book.take(m)).toBe('applied')
    return [`${m.kind} ${m.seq}`]
  })
  expect(order).toEqual([
    'snapshot 2004',
    'delta 2040',
    // The case has before_seq at most 2075, where REST stood; ours says where the published book goes on.
    'gap orderbook sequence 2040..2080',
    'snapshot 2080',
    'delta 2090',
  ])
  // book_at_end; none of the ghost levels 64000.00, 63999.80, 64000.10
  expect([book.inSync, book.bids.levels(), book.asks.levels()]).toEqual([
    true,
    [
      ['63999.60', '2.500'],
      ['63999.50', '1.000'],
    ],
    [
      ['63999.90', '0.100'],
      ['64000.20', '0.900'],
    ],
  ])
  expect(asked(world.exchange, '/depth')).toBe(2)
  expect(ids(keeping, 'BTC-USDT')).toEqual([900, 901, 902])
  expect(keeping.of('trade').some(({ filled }) => filled)).toBe(false)
  expect(world.exchange.ledger().connections.map(({ market, path }) => `${market} ${path}`)).toEqual([
    'perpetual /public/stream',
    'perpetual /market/stream',
  ])
})

itPlays('C030: trades missed while the socket was down come back by REST', async () => {
  await using world = await play('C030')
  // REST of the case answers when all that it has has happened.
  await using venue = await restThatWaits(world.exchange.urls.spot.rest, async () => {
    const rows = await world.exchange.request('spot', '/api/v3/aggTrades?symbol=ETHUSDT&fromId=1005&limit=4')
    return rows?.body.includes('"a":1008') === true
  })
  const urls = { ...world.exchange.urls, spot: { ...world.exchange.urls.spot, rest: venue.url } }
  await using keeping = await keep(wanted({ urls }, 'spot', ['ETH-USDT', 'BTC-USDT'], ['trade']), world)
  await until('all trades are there', () => ids(keeping, 'ETH-USDT').at(-1) === 1011)
  await keeping.close()
  expect(ids(keeping, 'ETH-USDT')).toEqual([1001, 1002, 1003, 1004, 1005, 1006, 1007, 1008, 1009, 1010, 1011])
  expect(ids(keeping, 'BTC-USDT')).toEqual([50, 51])
  expect(keeping.of('gap')).toEqual([])
  expect(keeping.sink.doubles).toEqual([])
  // Asked by id, once, and not for BTC: 51 follows 50.
  const asks = venue.asked.filter((path) => path.includes('aggTrades'))
  expect(asks).toEqual([expect.stringMatching(/^\/api\/v3\/aggTrades\?symbol=ETHUSDT&fromId=1005&/)])
})

itPlays('C030: if they do not, the gap is exact', async () => {
  await using world = await play('C030')
  world.exchange.faults.add({ kind: 'rest', path: '*aggTrades', status: 418 })
  await using keeping = await keep(wanted(world.exchange, 'spot', ['ETH-USDT', 'BTC-USDT'], ['trade']), world)
  await until('all trades are there', () => ids(keeping, 'ETH-USDT').at(-1) === 1011)
  // Nothing waits for the venue to lift its ban.
  await until('the gap is announced', () => keeping.of('gap').length > 0)
  await keeping.close()
  expect(ids(keeping, 'ETH-USDT')).toEqual([1001, 1002, 1003, 1004, 1009, 1010, 1011])
  expect(ids(keeping, 'BTC-USDT')).toEqual([50, 51])
  expect(keeping.of('gap')).toMatchObject([
    { of: 'trade', symbol: 'ETH-USDT', after_id: '1004', before_id: '1009', missing: 4, reason: 'disconnect' },
  ])
  expect(asked(world.exchange, '/aggTrades')).toBe(1)
})

itPlays('C032: the first update starts right behind the snapshot (pu = lastUpdateId)', async () => {
  await using world = await startWorld(20, { recordings: [input('C032')], startTime: BEGIN_MS })
  await using keeping = await keep(wanted(world.exchange, 'perpetual', ['KEEP-USDT'], ['orderbook']), world)
  await until('the last update is there', () => keeping.of('orderbook').at(-1)?.seq === 1533)
  await keeping.close()
  const book = new ConsumerBook()
  const order = keeping.of('orderbook').map((m) => `${m.kind} ${m.prev_seq ?? ''}..${m.seq} ${book.take(m)}`)
  // In sync with the first update: the second one, seven seconds later, is a delta.
  expect(order).toEqual(['snapshot ..1519 applied', 'delta 1519..1533 applied'])
  expect([book.bids.levels(), book.asks.levels()]).toEqual([
    [
      ['0.1201', '50'],
      ['0.1199', '900'],
    ],
    [
      ['0.1203', '250'],
      ['0.1205', '1000'],
    ],
  ])
  expect(keeping.of('gap')).toEqual([])
  expect(asked(world.exchange, '/depth')).toBe(1)
})

/** A venue's REST that keeps questions for trades until it has what they ask for. */
async function restThatWaits(rest: string, has: () => Promise<boolean>) {
  const paths: string[] = []
  const server = createServer((request, response) => {
    const path = request.url ?? ''
    paths.push(path)
    const ready = path.includes('aggTrades') ? until('the venue has it', has) : Promise.resolve(true)
    void ready.then(() => fetch(rest + path)).then(async (answer) => response.end(await answer.text()))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: paths as readonly string[],
    async [Symbol.asyncDispose]() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
