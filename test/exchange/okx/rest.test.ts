import { afterEach, expect, test } from 'vitest'
import type { Market } from '../../../crds/names.ts'
import { type Exchange, type ExchangeOptions, startExchange } from '../exchange.ts'
import { rows } from './client.ts'

let exchange: Exchange
afterEach(() => exchange.close())

async function open(options: ExchangeOptions = {}): Promise<void> {
  exchange = await startExchange({
    exchange: 'okx',
    seed: 8,
    symbols: 5,
    rate: 300,
    levels: 60,
    virtual: true,
    ...options,
  })
}

const get = <T = Record<string, string>>(market: Market, path: string) => rows<T>(exchange, market, path)
const answer = async (path: string) => {
  const { status, body } = (await exchange.request('spot', `/api/v5/${path}`))!
  return { status, ...(JSON.parse(body) as { code: string; msg: string; data: unknown[] }) }
}

test('trades are paged by id, newest first, a hundred at a time, and are the true ones', async () => {
  await open()
  exchange.advance(60_000)
  const truth = exchange.truth.spot.trades('BTC-USDT')
  const path = 'market/history-trades?instId=BTC-USDT&type=1'
  const all: Record<string, string>[] = []
  for (let after = ''; ; after = `&after=${all.at(-1)!['tradeId']}`) {
    const page = await get('spot', path + after)
    if (page.length === 0) break
    expect(page.length).toBeLessThanOrEqual(100)
    all.push(...page)
    exchange.advance(100)
  }
  const now = exchange.truth.spot.trades('BTC-USDT').length
  expect(truth.length).toBeGreaterThan(500)
  expect(now).toBeGreaterThan(truth.length)
  const got = all.map(({ tradeId, px, sz, side, ts }) => {
    return { id: Number(tradeId), price: px, size: sz, side, time: Number(ts) }
  })
  expect(got.toReversed()).toEqual(truth)
})

test('a page lies between its bounds, which do not belong to it; with the lower one alone it is the newest', async () => {
  await open()
  exchange.advance(60_000)
  const ids = exchange.truth.spot.trades('BTC-USDT').map(({ id }) => id)
  const page = async (query: string) =>
    (await get('spot', `market/history-trades?instId=BTC-USDT&${query}`)).map(({ tradeId }) => Number(tradeId))
  expect(await page(`after=${ids[20]}&before=${ids[10]}`)).toEqual(ids.slice(11, 20).toReversed())
  expect(await page(`before=${ids[10]}&limit=5`)).toEqual(ids.slice(-5).toReversed())
  expect(await page(`after=${ids[3]}`)).toEqual(ids.slice(0, 3).toReversed())
  const times = exchange.truth.spot.trades('BTC-USDT')
  const byTime = await page(`type=2&after=${times[50]!.time}&limit=100`)
  expect(byTime.toReversed()).toEqual(times.filter(({ time }) => time < times[50]!.time).map(({ id }) => id))
  expect((await get('spot', 'market/trades?instId=BTC-USDT&limit=500')).length).toBe(Math.min(500, ids.length))
})

test('a book has one level by default, and is the true one of its sequence', async () => {
  await open()
  exchange.advance(5_000)
  type Book = { bids: string[][]; asks: string[][]; seqId: number }
  const [small] = await get<Book>('perpetual', 'market/books?instId=BTC-USD-SWAP')
  const [large] = await get<Book>('perpetual', 'market/books?instId=BTC-USD-SWAP&sz=400')
  expect([small!.bids.length, small!.asks.length]).toEqual([1, 1])
  const truth = exchange.truth.perpetual.bookAt('BTC-USD-SWAP', large!.seqId)!
  expect(large!.bids.map(([price, size]) => [price, size])).toEqual(truth.bids)
  expect(large!.asks.map(([price, size]) => [price, size])).toEqual(truth.asks)
})

test('C011, C012: contracts say what one of them is worth', async () => {
  await open({ symbols: 12 })
  const row = async (market: Market, query: string, instId: string) => {
    const list = await get(market, `public/instruments?${query}`)
    return list.find((one) => one['instId'] === instId)
  }
  expect(await row('spot', 'instType=SPOT', 'BTC-USDT')).toMatchObject({
    baseCcy: 'BTC',
    quoteCcy: 'USDT',
    ctVal: '',
    state: 'live',
  })
  expect(await row('spot', 'instType=SPOT', 'LUNA-USDT')).toMatchObject({ state: 'suspend' })
  expect(await row('perpetual', 'instType=SWAP', 'BTC-USDT-SWAP')).toMatchObject({
    ...{
      ctType: 'linear',
      ctVal: '0.01',
      ctMult: '1',
      ctValCcy: 'BTC',
      settleCcy: 'USDT',
      uly: 'BTC-USDT',
      baseCcy: '',
    },
  })
  expect(await row('perpetual', 'instType=SWAP', 'BTC-USD-SWAP')).toMatchObject({
    ...{ ctType: 'inverse', ctVal: '100', ctMult: '1', ctValCcy: 'USD', settleCcy: 'BTC', instFamily: 'BTC-USD' },
  })
  expect(await row('future', 'instType=FUTURES', 'BTC-USD-260925')).toMatchObject({
    ...{ ctType: 'inverse', expTime: String(Date.UTC(2026, 8, 25, 8)), settleCcy: 'BTC' },
  })
  expect(await get('option', 'public/underlying?instType=OPTION')).toEqual([['BTC-USD', 'ETH-USD']])
  const options = await get('option', 'public/instruments?instType=OPTION&uly=ETH-USD')
  expect(options).toHaveLength(6)
  expect(options[0]).toMatchObject({
    ctVal: '1',
    ctMult: '0.1',
    ctValCcy: 'ETH',
    ctType: '',
    stk: '2600',
    optType: 'C',
  })
  exchange.advance(2_000)
  expect(await get('option', 'public/instruments?instType=OPTION&instFamily=BTC-USD')).toHaveLength(6)
})

test('names are taken as they are, each market its own', async () => {
  const names = ['ETH-USDT', 'ETH-USD-SWAP', 'ETH-USD-261225', 'ETH-USD-261225-1234.5-P']
  await open({ symbols: names })
  expect(Object.keys(exchange.urls).map((market) => exchange.truth[market as Market].symbols()[0])).toEqual(names)
  expect(await get('option', 'public/instruments?instType=OPTION&uly=ETH-USD')).toMatchObject([{ stk: '1234.5' }])
})

test('candles go back from the newest, and only the running one is open', async () => {
  await open()
  exchange.advance(300_000)
  const list = await get<string[]>('spot', 'market/candles?instId=BTC-USDT&bar=1m')
  expect(list.map(([ts]) => Number(ts)).every((ts, i, all) => i === 0 || ts === all[i - 1]! - 60_000)).toBe(true)
  expect(list.map((row) => row[8])).toEqual(['0', '1', '1', '1', '1', '1'])
  const older = await get<string[]>('spot', `market/candles?instId=BTC-USDT&bar=1m&after=${list[1]![0]}&limit=2`)
  expect(older).toEqual(list.slice(2, 4))
})

test('a ratio is there some seconds after its period, and stands on it', async () => {
  await open({ rate: 0 })
  const path = 'rubik/stat/contracts/long-short-position-ratio-contract-top-trader?instId=BTC-USDT-SWAP&period=5m'
  const now = exchange.now()
  const boundary = (Math.floor(now / 300_000) + 1) * 300_000
  exchange.advance(boundary - now + 9_000)
  const [before] = await get<string[]>('perpetual', path)
  exchange.advance(2_000)
  const after = await get<string[]>('perpetual', `${path}&limit=2`)
  expect([before, after[0]].map((row) => Number(row![0]))).toEqual([boundary - 600_000, boundary - 300_000])
  expect(after[1]).toEqual(before)
  for (const [ts, ratio] of after) {
    expect(ratio).toBe(exchange.truth.perpetual.figures.ratio('BTC-USDT-SWAP', 'lsr_top_position', 300_000, Number(ts)))
  }
  expect(
    await get('perpetual', path.replace('position-ratio-contract-top-trader', 'account-ratio-contract')),
  ).toHaveLength(100)
})

test('funding of all swaps comes with ANY, open interest of an option by its family', async () => {
  await open({ rate: 0 })
  expect((await get('perpetual', 'public/funding-rate?instId=ANY')).map(({ instId }) => instId)).toHaveLength(5)
  const [row] = await get('option', 'public/open-interest?instType=OPTION&instFamily=BTC-USD')
  expect(row).toMatchObject({ oi: exchange.truth.option.figures.openInterest(row!['instId']!, exchange.now()) })
  expect(await get('spot', 'system/status')).toEqual([])
})

test.each([
  ['market/books?instId=NOPE-USDT', 200, '51001'],
  ['market/books', 400, '50014'],
  ['public/instruments', 400, '50014'],
  ['public/instruments?instType=COINS', 400, '51000'],
  ['public/instruments?instType=OPTION', 400, '50015'],
  ['market/candles?instId=BTC-USDT&bar=7m', 400, '51000'],
  ['market/history-trades?instId=BTC-USDT&after=abc', 400, '51000'],
  ['constructor', 404, '404'],
])('the request %s is refused with status %i, code %s and no data', async (path, status, code) => {
  await open({ rate: 0 })
  expect(await answer(path)).toEqual({ status, code, msg: expect.any(String), data: [] })
})

test('each endpoint has its own budget, over it comes 50011 with status 200 or 429, and 2 s later it is granted', async () => {
  await open({ rate: 0 })
  const ask = () => answer('market/history-trades?instId=BTC-USDT')
  for (let i = 0; i < 20; i++) expect(await ask()).toMatchObject({ code: '0' })
  expect([await ask(), await ask()].map(({ status, code }) => [status, code])).toEqual([
    [200, '50011'],
    [429, '50011'],
  ])
  expect(await answer('market/trades?instId=BTC-USDT')).toMatchObject({ code: '0' })
  exchange.advance(2_000)
  expect(await ask()).toMatchObject({ code: '0' })
  for (let i = 0; i < 20; i++) await answer('public/instruments?instType=SPOT')
  expect(await answer('public/instruments?instType=SPOT')).toMatchObject({ code: '50011' })
  expect(await answer('public/instruments?instType=SWAP')).toMatchObject({ code: '0' })
  expect(exchange.ledger().rest.find(({ path }) => path.endsWith('/history-trades'))!.statuses).toEqual({
    200: 22,
    429: 1,
  })
})
