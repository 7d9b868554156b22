import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Exchange, startExchange } from '../exchange.ts'

let exchange: Exchange

beforeAll(async () => {
  exchange = await startExchange({ seed: 2, symbols: 5, rate: 1_000, levels: 1_500, virtual: true })
  exchange.advance(150_000)
})
afterAll(() => exchange.close())

type Market = 'spot' | 'perpetual'

async function get(market: Market, path: string) {
  const prefix = market === 'spot' ? '/api/v3/' : '/fapi/v1/'
  const response = await fetch(exchange.urls[market].rest + prefix + path)
  return { status: response.status, headers: response.headers, body: JSON.parse(await response.text()) }
}

async function weight(market: Market, path: string) {
  const used = async (asked: string) => Number((await get(market, asked)).headers.get('x-mbx-used-weight-1m'))
  const before = await used('ping')
  return (await used(path)) - before
}

test.each<[Market, string, number]>([
  ['spot', 'ping', 1],
  ['spot', 'exchangeInfo', 20],
  ['spot', 'depth?symbol=BTCUSDT', 5],
  ['spot', 'depth?symbol=BTCUSDT&limit=500', 25],
  ['spot', 'depth?symbol=BTCUSDT&limit=1000', 50],
  ['spot', 'depth?symbol=BTCUSDT&limit=5000', 250],
  ['spot', 'aggTrades?symbol=BTCUSDT', 4],
  ['spot', 'klines?symbol=BTCUSDT&interval=1m', 2],
  ['spot', 'ticker/bookTicker?symbol=BTCUSDT', 2],
  ['spot', 'ticker/bookTicker', 4],
  ['perpetual', 'exchangeInfo', 1],
  ['perpetual', 'depth?symbol=BTCUSDT', 10],
  ['perpetual', 'depth?symbol=BTCUSDT&limit=50', 2],
  ['perpetual', 'depth?symbol=BTCUSDT&limit=1000', 20],
  ['perpetual', 'aggTrades?symbol=BTCUSDT', 20],
  ['perpetual', 'klines?symbol=BTCUSDT&interval=1m&limit=50', 1],
  ['perpetual', 'klines?symbol=BTCUSDT&interval=1m&limit=1500', 10],
])('%s %s weighs %i', async (market, path, expected) => {
  expect(await weight(market, path)).toBe(expected)
})

test.each<[Market, string, number]>([
  ['spot', 'depth?symbol=NOPEUSDT', -1121],
  ['spot', 'depth', -1102],
  ['spot', 'depth?symbol=BTCUSDT&limit=0', -1130],
  ['spot', 'depth?symbol=BTCUSDT&limit=x', -1100],
  ['spot', 'klines?symbol=BTCUSDT&interval=7m', -1120],
  ['spot', 'klines?symbol=BTCUSDT&interval=__proto__', -1120],
  ['spot', 'exchangeInfo?symbol=NOPEUSDT', -1121],
  ['spot', 'exchangeInfo?symbols=[1', -1100],
  ['perpetual', 'depth?symbol=BTCUSDT&limit=7', -4021],
  ['perpetual', 'aggTrades?symbol=BTCUSDT&fromId=1&startTime=1', -1128],
  ['perpetual', 'aggTrades?symbol=BTCUSDT&startTime=0&endTime=3600000', -1127],
])('%s %s is refused with %i', async (market, path, code) => {
  const answer = await get(market, path)
  expect(answer.status).toBe(400)
  expect(answer.body).toEqual({ code, msg: expect.any(String) })
})

test('a path of the other market, or of neither, is not found', async () => {
  for (const path of ['/fapi/v1/ping', '/api/v1/ping', '/api/v3/__proto__', '/']) {
    expect((await fetch(exchange.urls.spot.rest + path)).status).toBe(404)
  }
})

test('trades are paged by id, inclusive, and are the true ones', async () => {
  for (const market of ['spot', 'perpetual'] as const) {
    const truth = exchange.truth[market].trades('BTCUSDT')
    const collected: { a: number; p: string; q: string; T: number; m: boolean }[] = []
    for (let from = truth[0]!.id; ; from = collected.at(-1)!.a + 1) {
      const page = (await get(market, `aggTrades?symbol=BTCUSDT&fromId=${from}&limit=1000`)).body
      collected.push(...page)
      if (page.length < 1_000) break
    }
    expect(truth.length).toBeGreaterThan(1_000)
    expect(
      collected.map(({ a, p, q, T, m }) => ({ id: a, price: p, size: q, side: m ? 'sell' : 'buy', time: T })),
    ).toEqual(truth)
  }
})

test('trades between two times are all that happened then, without times the newest', async () => {
  const truth = exchange.truth.spot.trades('ETHUSDT')
  const [start, end] = [truth[10]!.time, truth[20]!.time]
  const within = truth.filter(({ time }) => time >= start && time <= end).map(({ id }) => id)
  const ids = (rows: { a: number }[]) => rows.map(({ a }) => a)
  expect(ids((await get('spot', `aggTrades?symbol=ETHUSDT&startTime=${start}&endTime=${end}`)).body)).toEqual(within)
  expect(ids((await get('spot', 'aggTrades?symbol=ETHUSDT&limit=3')).body)).toEqual(truth.slice(-3).map(({ id }) => id))
})

test('the perpetual gives no trade older than a day, spot gives all', async () => {
  const old = await startExchange({ seed: 2, symbols: 1, rate: 0.1, virtual: true })
  old.advance(30 * 3_600_000)
  for (const [market, prefix] of [
    ['spot', '/api/v3'],
    ['perpetual', '/fapi/v1'],
  ] as const) {
    const answer = await old.request(market, `${prefix}/aggTrades?symbol=BTCUSDT&fromId=1&limit=1`)
    const first = old.truth[market].trades('BTCUSDT')[0]!
    const [given] = JSON.parse(answer!.body)
    if (market === 'spot') expect(given.a).toBe(first.id)
    else expect(given.T).toBeGreaterThanOrEqual(old.now() - 24 * 3_600_000)
  }
  await old.close()
})

test('the book of REST is the true one now, cut at the limit', async () => {
  const { body } = await get('spot', 'depth?symbol=BTCUSDT&limit=100')
  const truth = exchange.truth.spot.bookAt('BTCUSDT', body.lastUpdateId)!
  expect(body).toEqual({ lastUpdateId: truth.seq, bids: truth.bids.slice(0, 100), asks: truth.asks.slice(0, 100) })
  expect(Object.keys((await get('perpetual', 'depth?symbol=BTCUSDT')).body)).toEqual([
    'lastUpdateId',
    'E',
    'T',
    'bids',
    'asks',
  ])
})

test('candles of REST add up to the trades', async () => {
  const rows = (await get('spot', 'klines?symbol=BTCUSDT&interval=1m')).body as [number, ...string[]][]
  const trades = exchange.truth.spot.trades('BTCUSDT')
  for (const [open, , high, , close, volume] of rows) {
    const inside = trades.filter(({ time }) => time >= open && time < open + 60_000)
    expect(close).toBe(inside.at(-1)!.price)
    expect(Number(high)).toBe(Math.max(...inside.map(({ price }) => Number(price))))
    expect(Number(volume)).toBeCloseTo(
      inside.reduce((sum, { size }) => sum + Number(size), 0),
      6,
    )
  }
  expect(rows.length).toBeGreaterThanOrEqual(3)
})

test('exchangeInfo lists the odd symbols: a leading digit, letters outside ASCII, a halted one', async () => {
  const spot = (await get('spot', 'exchangeInfo')).body.symbols as {
    symbol: string
    status: string
    baseAsset: string
  }[]
  expect(spot.map(({ symbol }) => symbol)).toEqual(expect.arrayContaining(['1INCHUSDT', '币安人生USDT', 'LUNAUSDT']))
  expect(spot.find(({ symbol }) => symbol === 'LUNAUSDT')!.status).toBe('BREAK')
  const perpetual = (await get('perpetual', 'exchangeInfo')).body.symbols
  expect(perpetual[0]).toMatchObject({ contractType: 'PERPETUAL', deliveryDate: 4_133_404_800_000, status: 'TRADING' })
  const one = (await get('spot', 'exchangeInfo?symbols=["BTCUSDT"]')).body.symbols
  expect(one.map(({ symbol }: { symbol: string }) => symbol)).toEqual(['BTCUSDT'])
  expect((await get('spot', 'exchangeInfo?symbolStatus=BREAK')).body.symbols).toHaveLength(1)
})

test('over its weight an address gets 429 until the minute ends, and 418 when it asks on', async () => {
  const small = await startExchange({
    symbols: 1,
    rate: 0,
    virtual: true,
    limits: { weightPerMinute: 500, banMs: 120_000 },
  })
  const ask = () => small.request('spot', '/api/v3/depth?symbol=BTCUSDT&limit=5000')
  expect((await ask())!.status).toBe(200)
  expect((await ask())!.headers).toMatchObject({ 'X-MBX-USED-WEIGHT-1M': '500' })
  const refused = await ask()
  expect(refused).toMatchObject({ status: 429, headers: { 'Retry-After': '40' } })
  expect(JSON.parse(refused!.body)).toMatchObject({ code: -1003 })
  expect((await ask())!.status, 'what was under way is not punished').toBe(429)
  small.advance(5_000)
  expect(await ask()).toMatchObject({ status: 418, headers: { 'Retry-After': '120' } })
  small.advance(119_000)
  expect((await ask())!.status).toBe(418)
  small.advance(2_000)
  expect((await ask())!.status).toBe(200)
  await small.close()
})

test('HTTP connections are kept alive', async () => {
  expect((await get('spot', 'ping')).headers.get('connection')).toBe('keep-alive')
})
