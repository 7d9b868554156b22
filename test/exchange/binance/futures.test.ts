// Contracts of USDⓈ-M and COIN-M, which one listener serves: streams and REST, and what they say against the truth.
import { afterAll, beforeAll, expect, test } from 'vitest'
import { attach } from '../client.ts'
import { type Exchange, startExchange } from '../exchange.ts'
import { quarters } from './contracts.ts'

type Market = 'perpetual' | 'future'
/** What a frame or a row may have, as far as it is looked at here. */
interface Row extends Readonly<
  Record<'E' | 'T' | 'st' | 'timestamp' | 'fundingTime' | 'fundingIntervalHours', number>
> {
  readonly [text: string]: unknown
  readonly s: string
  readonly symbol: string
  readonly S: string
  readonly o: Row
  readonly k: Row
  readonly symbols: readonly Row[]
}

const SYMBOLS = [
  'BTCUSDT',
  '1000SHIBUSDT',
  'BTCUSD_PERP',
  'ETHUSD_PERP',
  'BTCUSDT_260925',
  'BTCUSD_260925',
  'BTCUSD_261225',
]
let exchange: Exchange

beforeAll(async () => {
  exchange = await startExchange({
    seed: 3,
    symbols: SYMBOLS,
    rate: 500,
    virtual: true,
    markets: ['perpetual', 'future'],
  })
  exchange.advance(100_000)
})
afterAll(() => exchange.close())

/** What comes in some seconds on a connection to this path, by stream. */
function heard(market: Market, path: string, seconds: number): Map<string, Row[]> {
  const client = attach((wire) => exchange.connect(market, path, wire))
  exchange.advance(seconds * 1_000)
  client.connection.ended(1_000)
  const streams = new Map<string, Row[]>()
  for (const text of client.texts) {
    const { stream, data } = JSON.parse(text) as { stream: string; data: Row | Row[] }
    streams.set(stream, [...(streams.get(stream) ?? []), ...[data].flat()])
  }
  return streams
}

async function get(market: Market, path: string): Promise<{ status: number; body: Row & readonly Row[] }> {
  const answer = await exchange.request(market, path)
  return { status: answer!.status, body: JSON.parse(answer!.body) }
}

test('streams of coin-margined contracts come without a group, those of USDⓈ-M only on theirs', () => {
  const streams = ['btcusd_perp@aggTrade', 'btcusdt@aggTrade', 'btcusd_perp@depth@100ms', 'btcusdt@depth@100ms']
  const at = (path: string) => [...heard('perpetual', `${path}?streams=${streams.join('/')}`, 5).keys()].toSorted()
  expect(at('/stream')).toEqual(['btcusd_perp@aggTrade', 'btcusd_perp@depth@100ms', 'btcusdt@depth@100ms'])
  expect(at('/market/stream')).toEqual(['btcusdt@aggTrade'])
  expect(at('/public/stream')).toEqual(['btcusdt@depth@100ms'])
})

test('frames say of which kind they are, and of which pair', () => {
  const streams = ['aggTrade', 'bookTicker', 'depth@100ms', 'miniTicker', 'ticker', 'kline_1m', 'trade']
  const list = streams.map((stream) => `btcusd_260925@${stream}`)
  const said = heard('future', `/stream?streams=${list.join('/')}`, 5)
  expect([...said.keys()].toSorted()).toEqual(list.toSorted())
  for (const stream of list.slice(0, 5)) expect(said.get(stream)![0]).toMatchObject({ s: 'BTCUSD_260925', st: 2 })
  expect(said.get(list[2]!)![0]).toMatchObject({ ps: 'BTCUSD', pu: expect.any(Number) })
  expect(said.get(list[0]!)![0]).not.toHaveProperty('nq')
  expect(said.get(list[6]!)![0]).toMatchObject({ e: 'trade', X: 'MARKET', t: expect.any(Number) })
  const [quoted] = heard('future', '/market/stream?streams=btcusdt_260925@aggTrade', 5).get('btcusdt_260925@aggTrade')!
  expect(quoted).toMatchObject({ s: 'BTCUSDT_260925', st: 1, nq: expect.any(String) })
})

test('candles of coin-margined contracts have their volume in contracts and in base', () => {
  const name = 'btcusd_perp@kline_1m'
  const { k } = heard('perpetual', `/stream?streams=${name}`, 5).get(name)!.at(-1)!
  expect(Number(k['q'])).toBeGreaterThan((Number(k['v']) * 100) / Number(k['h']) - 1e-6)
  expect(Number(k['q'])).toBeLessThan((Number(k['v']) * 100) / Number(k['l']) + 1e-6)
})

test('mark prices come each second or each three, with the funding of perpetuals and none of dated contracts', () => {
  const { figures } = exchange.truth.perpetual
  const one = heard('perpetual', '/market/stream?streams=btcusdt@markPrice@1s/btcusdt@markPrice', 6)
  expect([one.get('btcusdt@markPrice@1s')!.length, one.get('btcusdt@markPrice')!.length]).toEqual([6, 2])
  for (const { E, r, T, p, i, st } of one.get('btcusdt@markPrice@1s')!) {
    const funding = figures.funding('BTCUSDT', E)!
    expect([E % 1_000, r, T, st]).toEqual([0, funding.rate, funding.time, 1])
    expect([p, i]).toEqual([figures.markPrice('BTCUSDT', E), figures.indexPrice('BTCUSDT', E)])
  }
  const all = heard('future', '/stream?streams=!markPrice@arr@1s', 1).get('!markPrice@arr@1s')!
  expect(all.map(({ s, r, T, st }) => [s, r, T, st])).toEqual([
    ['BTCUSDT_260925', '', 0, 1],
    ['BTCUSD_260925', '', 0, 2],
    ['BTCUSD_261225', '', 0, 2],
  ])
})

test('of liquidations only the newest of a second is told, one symbol or all', () => {
  const { figures } = exchange.truth.perpetual
  const from = exchange.now()
  const said = heard('perpetual', '/market/stream?streams=btcusdt@forceOrder/!forceOrder@arr', 120)
  const orders = said.get('btcusdt@forceOrder')!.map(({ o }) => o)
  const all = figures.liquidations('BTCUSDT', from, exchange.now())
  const newest = [...new Map(all.map((one) => [Math.floor(one.time / 1_000), one])).values()]
  expect(orders.map(({ T, S, p, z }) => [T, S.toLowerCase(), p, z])).toEqual(
    newest.map(({ time, side, price, size }) => [time, side, price, size]),
  )
  expect(all.length).toBeGreaterThan(newest.length)
  const symbols = new Set(said.get('!forceOrder@arr')!.map(({ o }) => o.s))
  expect(symbols).toEqual(new Set(SYMBOLS.slice(0, 4)))
})

test('each API lists and knows its own contracts', async () => {
  const { body: quoted } = await get('future', '/fapi/v1/exchangeInfo')
  const { body: coin } = await get('future', '/dapi/v1/exchangeInfo')
  const rows = (body: Row) => body.symbols.map(({ symbol, contractType }) => [symbol, contractType])
  expect(rows(quoted)).toEqual([
    ['BTCUSDT_260925', 'CURRENT_QUARTER'],
    ['LUNAUSDT_261225', 'NEXT_QUARTER'],
  ])
  expect(rows(coin)).toEqual([
    ['BTCUSD_260925', 'CURRENT_QUARTER'],
    ['BTCUSD_261225', 'NEXT_QUARTER'],
  ])
  expect(coin.symbols[0]).toMatchObject({
    contractSize: 100,
    contractStatus: 'TRADING',
    deliveryDate: quarters(exchange.now())[0],
    pair: 'BTCUSD',
  })
  expect((await get('perpetual', '/fapi/v1/depth?symbol=BTCUSD_PERP')).body).toMatchObject({ code: -1121 })
  expect((await get('perpetual', '/dapi/v1/depth?symbol=BTCUSD_PERP')).body).toMatchObject({ pair: 'BTCUSD' })
})

test('open interest, premium and funding are the true ones', async () => {
  const { figures } = exchange.truth.perpetual
  const now = Math.floor(exchange.now())
  expect((await get('perpetual', '/fapi/v1/openInterest?symbol=BTCUSDT')).body).toEqual({
    symbol: 'BTCUSDT',
    openInterest: figures.openInterest('BTCUSDT', now),
    time: now,
  })
  expect((await get('perpetual', '/dapi/v1/openInterest?symbol=BTCUSD_PERP')).body).toEqual({
    symbol: 'BTCUSD_PERP',
    pair: 'BTCUSD',
    contractType: 'PERPETUAL',
    openInterest: figures.openInterest('BTCUSD_PERP', now),
    time: now,
  })
  const funding = figures.funding('BTCUSDT', now)!
  expect((await get('perpetual', '/fapi/v1/premiumIndex?symbol=BTCUSDT')).body).toMatchObject({
    lastFundingRate: funding.rate,
    nextFundingTime: funding.time,
  })
  expect((await get('perpetual', '/dapi/v1/premiumIndex')).body.map(({ symbol }) => symbol)).toEqual(
    SYMBOLS.slice(2, 4),
  )
  const paid = (await get('perpetual', '/fapi/v1/fundingRate?symbol=BTCUSDT&limit=3')).body
  const interval = funding.nextTime - funding.time
  expect(paid.map(({ fundingTime }) => fundingTime)).toEqual([3, 2, 1].map((n) => funding.time - n * interval))
  for (const { symbol, fundingIntervalHours } of (await get('perpetual', '/fapi/v1/fundingInfo')).body) {
    const { time, nextTime } = figures.funding(symbol, now)!
    expect(fundingIntervalHours).toBe((nextTime - time) / 3_600_000)
  }
})

test('ratios come by symbol or by pair, by size of position or by account, for thirty days', async () => {
  const { figures } = exchange.truth.perpetual
  const data = (endpoint: string, more: string) =>
    get('perpetual', `/futures/data/${endpoint}?period=5m&limit=2&${more}`)
  const { body: position } = await data('topLongShortPositionRatio', 'symbol=BTCUSDT')
  expect(position.map(({ timestamp }) => Number(timestamp) % 300_000)).toEqual([0, 0])
  for (const { longShortRatio, longAccount, shortAccount, timestamp } of position) {
    expect(longShortRatio).toBe(figures.ratio('BTCUSDT', 'lsr_top_position', 300_000, timestamp))
    expect(Number(longAccount) + Number(shortAccount)).toBeCloseTo(1, 4)
  }
  const { body: accounts } = await data('globalLongShortAccountRatio', 'pair=BTCUSD')
  const { timestamp } = accounts[1]!
  expect(accounts[1]).toMatchObject({
    pair: 'BTCUSD',
    longShortRatio: figures.ratio('BTCUSD_PERP', 'lsr_all_account', 300_000, timestamp),
  })
  const { body: coin } = await data('topLongShortPositionRatio', 'pair=BTCUSD')
  expect(Object.keys(coin[0]!)).toEqual(['pair', 'longShortRatio', 'longPosition', 'shortPosition', 'timestamp'])
  const { body: other } = await data('topLongShortAccountRatio', 'symbol=BTCUSDT')
  expect(other[0]!['longShortRatio']).not.toBe(position[0]!['longShortRatio'])
  const old = exchange.now() - 31 * 86_400_000
  expect((await data('topLongShortPositionRatio', `symbol=BTCUSDT&startTime=${Math.floor(old)}`)).body).toMatchObject({
    code: -1130,
  })
})

test('statistics of open interest have base and quote, or contracts and base', async () => {
  const { figures } = exchange.truth.future
  const path = '/futures/data/openInterestHist?pair=BTCUSD&contractType=NEXT_QUARTER&period=5m&limit=1'
  const { pair, contractType, sumOpenInterest, sumOpenInterestValue, timestamp } = (await get('future', path)).body[0]!
  expect([pair, contractType]).toEqual(['BTCUSD', 'NEXT_QUARTER'])
  expect(sumOpenInterest).toBe(figures.openInterest('BTCUSD_261225', timestamp))
  const mark = Number(figures.markPrice('BTCUSD_261225', timestamp))
  expect(Number(sumOpenInterestValue)).toBeCloseTo((Number(sumOpenInterest) * 100) / mark, 6)
  expect((await get('future', '/futures/data/openInterestHist?pair=BTCUSD&period=5m')).body).toMatchObject({
    code: -1102,
  })
  expect((await get('future', '/futures/data/openInterestHist?symbol=BTCUSDT_260925&period=7m')).status).toBe(400)
})

test('both APIs spend one weight, statistics and funding a number of their own', async () => {
  const fresh = await startExchange({ symbols: SYMBOLS.slice(0, 4), rate: 0, virtual: true, markets: ['perpetual'] })
  const ask = async (path: string) => (await fresh.request('perpetual', path))!
  const used = async (path: string) => Number((await ask(path)).headers!['X-MBX-USED-WEIGHT-1M'])
  expect(await used('/fapi/v1/openInterest?symbol=BTCUSDT')).toBe(1)
  expect(await used('/dapi/v1/depth?symbol=BTCUSD_PERP&limit=1000')).toBe(21)
  expect(await used('/dapi/v1/premiumIndex?symbol=BTCUSD_PERP')).toBe(31)
  const ratio = '/futures/data/globalLongShortAccountRatio?symbol=BTCUSDT&period=5m'
  for (let i = 0; i < 1_000; i++) expect((await ask(ratio)).status).toBe(200)
  expect((await ask(ratio)).status).toBe(429)
  for (let i = 0; i < 500; i++) await ask('/fapi/v1/fundingInfo')
  expect((await ask('/fapi/v1/fundingRate?symbol=BTCUSDT')).status).toBe(429)
  expect(await used('/fapi/v1/ping')).toBe(32)
  fresh.advance(301_000)
  expect((await ask(ratio)).status).toBe(200)
  await fresh.close()
})

test('a number of symbols lists coin-margined ones, too, and dates that lie ahead', async () => {
  const some = await startExchange({ symbols: 5, rate: 0, virtual: true })
  expect(some.truth.perpetual.symbols()).toEqual(expect.arrayContaining(['BTCUSDT', 'BTCUSD_PERP', 'ETHUSD_PERP']))
  expect(some.truth.spot.symbols()).not.toContain('BTCUSD_PERP')
  expect(some.truth.future.symbols()).toEqual([
    'BTCUSDT_260925',
    'BTCUSD_260925',
    'ETHUSDT_260925',
    'ETHUSD_260925',
    'BTCUSDT_261225',
    'LUNAUSDT_261225',
  ])
  await some.close()
  expect(quarters(Date.UTC(2026, 11, 25, 8))).toEqual([Date.UTC(2027, 2, 26, 8), Date.UTC(2027, 5, 25, 8)])
  await expect(startExchange({ symbols: ['BTC_260925'], virtual: true })).rejects.toThrow(
    'write it like BTCUSDT_261225',
  )
})
