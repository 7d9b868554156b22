// What a client of 2026 sees of OKX, in virtual time; over real sockets at the end.
import { afterEach, expect, test } from 'vitest'
import { connectClient } from '../client.ts'
import { type Exchange, type ExchangeOptions, startExchange } from '../exchange.ts'
import { okxClient } from './client.ts'

const START = 1_790_000_000_000
let exchange: Exchange
afterEach(() => exchange.close())

async function open(options: ExchangeOptions = {}): Promise<void> {
  exchange = await startExchange({ exchange: 'okx', seed: 5, symbols: 3, levels: 60, virtual: true, ...options })
}

const trades = { channel: 'trades', instId: 'BTC-USDT' }
const books = { channel: 'books', instId: 'BTC-USDT' }

test('C033: each argument is acknowledged or refused by itself, and candles live on another address', async () => {
  await open()
  const client = okxClient(exchange, 'spot')
  const candle = { channel: 'candle1m', instId: 'BTC-USDT' }
  client.request('subscribe', books, candle, { channel: 'trades', instId: 'FTM-USDT' }, trades)
  const none = (what: string) =>
    `Wrong URL or ${what} doesn't exist. Please use the correct URL, channel and parameters referring to API document.`
  const connId = expect.stringMatching(/^[0-9a-f]{8}$/u)
  expect(client.events()).toEqual([
    { id: 'a1', event: 'subscribe', arg: books, connId },
    { id: 'a1', event: 'error', code: '60018', msg: none('channel:candle1m,instId:BTC-USDT'), connId },
    { id: 'a1', event: 'error', code: '60018', msg: none('channel:trades,instId:FTM-USDT'), connId },
    { id: 'a1', event: 'subscribe', arg: trades, connId },
    { event: 'channel-conn-count', channel: 'books', connCount: '1', connId },
    { event: 'channel-conn-count', channel: 'trades', connCount: '1', connId },
  ])
  const business = okxClient(exchange, 'spot', 'business')
  business.request('subscribe', candle, { channel: 'trades-all', instId: 'BTC-USDT' }, trades)
  expect(business.events().map(({ event }) => event)).toEqual([
    'subscribe',
    'subscribe',
    'error',
    'channel-conn-count',
    'channel-conn-count',
  ])
  exchange.advance(5_000)
  expect(client.data('trades').length).toBeGreaterThan(3)
  expect(business.data('candle1m').length).toBeGreaterThan(3)
  expect(business.data('trades')).toEqual([])
})

test('a subscription that is repeated is acknowledged again and comes once; unsubscribed, it is silent', async () => {
  await open()
  const client = okxClient(exchange, 'spot')
  client.request('subscribe', trades)
  exchange.advance(2_000)
  client.request('subscribe', trades, trades)
  exchange.advance(2_000)
  expect(client.events().filter(({ event }) => event === 'subscribe')).toHaveLength(3)
  const ids = client.data('trades').map(({ data }) => data[0]!['tradeId'])
  expect(ids.length).toBeGreaterThan(5)
  expect(new Set(ids).size).toBe(ids.length)
  client.request('unsubscribe', trades)
  expect(client.events().at(-1)).toMatchObject({ event: 'unsubscribe', arg: trades })
  const before = client.texts.length
  exchange.advance(2_000)
  expect(client.texts).toHaveLength(before)
})

test.each([
  ['not json', '60012'],
  ['{"op":"subscribe","args":[]}', '60012'],
  ['{"op":"subscribe","args":["books"]}', '60012'],
  ['{"id":"with space","op":"subscribe","args":[{"channel":"books","instId":"BTC-USDT"}]}', '60012'],
  ['{"op":"order","args":[{"channel":"books","instId":"BTC-USDT"}]}', '60019'],
  ['{"op":"subscribe","args":[{"channel":"books"}]}', '60018'],
  ['{"op":"subscribe","args":[{"channel":"books","instId":7}]}', '60018'],
  ['{"op":"subscribe","args":[{"channel":"funding-rate","instId":"BTC-USDT"}]}', '60018'],
  ['{"op":"subscribe","args":[{"channel":"liquidation-orders","instType":"SWAP"}]}', '60018'],
  ['{"op":"subscribe","args":[{"channel":"constructor","instId":"BTC-USDT"}]}', '60018'],
])('the request %s is refused with %s', async (request, code) => {
  await open({ rate: 0 })
  const client = okxClient(exchange, 'spot')
  client.connection.message(request)
  expect(client.events()).toMatchObject([{ event: 'error', code, msg: expect.any(String) }])
})

test('ping is answered with pong, and who neither pings nor gets anything for 30 s is cut with 4004', async () => {
  await open({ rate: 0 })
  const [pinging, silent] = [okxClient(exchange, 'spot'), okxClient(exchange, 'spot')]
  exchange.advance(20_000)
  pinging.connection.message('ping')
  expect(pinging.texts).toEqual(['pong'])
  exchange.advance(9_999)
  expect(silent.code()).toBeUndefined()
  exchange.advance(1)
  expect(silent.code()).toBe(4004)
  exchange.advance(19_999)
  expect(pinging.code()).toBeUndefined()
  exchange.advance(1)
  expect(pinging.code()).toBe(4004)
  const fed = okxClient(exchange, 'perpetual')
  fed.request('subscribe', { channel: 'open-interest', instId: 'BTC-USDT-SWAP' })
  exchange.advance(120_000)
  expect(fed.code()).toBeUndefined()
})

test('more than 480 operations in an hour are refused with 60014, and an hour later they are not', async () => {
  await open({ rate: 0, limits: { idleMs: 1e9 } })
  const client = okxClient(exchange, 'spot')
  for (let i = 0; i < 240; i++) {
    client.request('subscribe', trades)
    client.request('unsubscribe', trades)
  }
  expect(client.events().some(({ event }) => event === 'error')).toBe(false)
  client.request('subscribe', trades)
  expect(client.events().at(-1)).toMatchObject({ event: 'error', code: '60014' })
  exchange.advance(3_600_001)
  client.request('subscribe', trades)
  expect(client.events().findLast(({ event }) => event !== 'channel-conn-count')).toMatchObject({ event: 'subscribe' })
})

test('a notice says that the connection ends in a minute, and then it is cut; not so on the business path', async () => {
  await open()
  const client = okxClient(exchange, 'spot')
  const business = okxClient(exchange, 'spot', 'business')
  client.request('subscribe', trades)
  business.request('subscribe', { channel: 'trades-all', instId: 'BTC-USDT' })
  exchange.shutdownNotice()
  expect(client.events().at(-1)).toMatchObject({ event: 'notice', code: '64008', connId: expect.any(String) })
  exchange.advance(59_000)
  expect(client.data('trades').length).toBeGreaterThan(100)
  expect(client.code()).toBeUndefined()
  exchange.advance(1_000)
  expect(client.code()).toBe(1006)
  expect([business.code(), business.events().some(({ event }) => event === 'notice')]).toEqual([undefined, false])
})

test('trades have the last id of their fills and their number; trades-all has each fill; both begin with the last one', async () => {
  await open()
  exchange.advance(3_000)
  const client = okxClient(exchange, 'spot')
  const business = okxClient(exchange, 'spot', 'business')
  const known = exchange.truth.spot.trades('BTC-USDT').at(-1)!
  client.request('subscribe', trades)
  business.request('subscribe', { channel: 'trades-all', instId: 'BTC-USDT' })
  expect(client.data('trades')).toMatchObject([{ data: [{ tradeId: String(known.id), source: '0' }] }])
  exchange.advance(20_000)
  const truth = exchange.truth.spot.trades('BTC-USDT').filter(({ id }) => id >= known.id)
  const all = business.data('trades-all').flatMap(({ data }) => data)
  expect(
    all.map(({ tradeId, px, sz, side, ts }) => ({ id: Number(tradeId), price: px, size: sz, side, time: Number(ts) })),
  ).toEqual(truth)
  expect(business.data('trades-all').some(({ data }) => data.length > 1)).toBe(true)
  const orders = client
    .data('trades')
    .flatMap(({ data }) => data)
    .slice(1)
  let next = known.id + 1
  for (const { tradeId, count, sz } of orders as unknown as Record<string, string>[]) {
    const fills = truth.filter(({ id }) => id >= next && id <= Number(tradeId))
    expect([Number(tradeId) - next + 1, fills.length]).toEqual([Number(count), Number(count)])
    expect(fills.reduce((sum, { size }) => sum + Number(size), 0)).toBeCloseTo(Number(sz), 8)
    next = Number(tradeId) + 1
  }
  expect(orders.some(({ count }) => Number(count) > 1)).toBe(true)
  const { ids, frames } = exchange.ledger({ ids: true }).connections[1]!.streams[
    '{"channel":"trades-all","instId":"BTC-USDT"}'
  ]!
  expect(ids).toEqual(truth.map(({ id }) => id))
  expect(frames).toBeLessThan(ids!.length)
})

test('tickers come at once, then after trades and changes of the best prices, ten a second at most', async () => {
  await open({ rate: 1_000 })
  const client = okxClient(exchange, 'spot')
  client.request('subscribe', { channel: 'tickers', instId: 'BTC-USDT' }, { channel: 'tickers', instId: 'LUNA-USDT' })
  expect(client.data('tickers')).toMatchObject([
    { data: [{ last: '', bidPx: '64010.1' }] },
    { data: [{ instId: 'LUNA-USDT' }] },
  ])
  exchange.advance(5_000)
  const times = client
    .data('tickers')
    .filter(({ arg }) => arg.instId === 'BTC-USDT')
    .map(({ data }) => Number(data[0]!['ts']))
  expect(times.length).toBeGreaterThan(30)
  expect(times.every((time, i) => i === 0 || time - times[i - 1]! >= 99)).toBe(true)
  expect(client.data('tickers').filter(({ arg }) => arg.instId === 'LUNA-USDT')).toHaveLength(1)
})

test('candles are pushed once a second at most, and the last word on each says that it is closed', async () => {
  await open()
  const client = okxClient(exchange, 'perpetual', 'business')
  const candles = ['candle1m', 'candle1s', 'candle6H', 'candle6Hutc'] as const
  client.request('subscribe', ...candles.map((channel) => ({ channel, instId: 'BTC-USDT-SWAP' })))
  exchange.advance(130_000)
  const rowsOf = (channel: string) => client.data(channel).map(({ data }) => data[0] as unknown as string[])
  const minutes = rowsOf('candle1m')
  const closed = minutes.filter((row) => row[8] === '1').map(([ts]) => Number(ts))
  expect(closed).toEqual([START - 20_000, START + 40_000])
  expect(minutes.length).toBeLessThan(135)
  const seconds = rowsOf('candle1s')
    .filter((row) => row[8] === '1')
    .map(([ts]) => Number(ts))
  expect(new Set(seconds).size).toBe(seconds.length)
  expect(seconds.length).toBeGreaterThan(110)
  // in the venue's own days, 14:13 UTC is 22:13
  expect(rowsOf('candle6H')[0]![0]).toBe(String(Date.UTC(2026, 8, 21, 10)))
  expect(rowsOf('candle6Hutc')[0]![0]).toBe(String(Date.UTC(2026, 8, 21, 12)))
})

test('funding and open interest are what truly was at their time', async () => {
  await open()
  const client = okxClient(exchange, 'perpetual')
  const instId = 'BTC-USD-SWAP'
  client.request('subscribe', { channel: 'funding-rate', instId }, { channel: 'open-interest', instId })
  exchange.advance(300_000)
  const { figures } = exchange.truth.perpetual
  const funding = client.data('funding-rate').map(({ data }) => data[0]! as unknown as Record<string, string>)
  expect(funding.length).toBeGreaterThan(3)
  for (const row of funding) {
    expect(row).toMatchObject({ instId, nextFundingRate: '', method: 'current_period' })
    expect({
      rate: row['fundingRate'],
      time: Number(row['fundingTime']),
      nextTime: Number(row['nextFundingTime']),
    }).toEqual(figures.funding(instId, Number(row['ts'])))
  }
  const interest = client.data('open-interest').map(({ data }) => data[0]! as unknown as Record<string, string>)
  expect(interest.length).toBeGreaterThan(90)
  for (const { oi, oiUsd, ts } of interest) {
    expect(oi).toBe(figures.openInterest(instId, Number(ts)))
    expect(Number(oiUsd)).toBeCloseTo(Number(oi) * 100, 5)
  }
})

test('liquidations of all contracts are one stream, which begins with old ones and is not in the order of time', async () => {
  await open()
  exchange.advance(200_000)
  const client = okxClient(exchange, 'perpetual')
  client.request('subscribe', { channel: 'liquidation-orders', instType: 'SWAP' })
  const began = exchange.now()
  exchange.advance(60_500)
  interface Row {
    readonly instId: string
    readonly details: readonly { bkPx: string; sz: string; side: string; posSide: string; ts: string }[]
  }
  const got = client.data('liquidation-orders').flatMap(({ data }) => data as unknown as Row[])
  const times = got.flatMap(({ details }) => details.map(({ ts }) => Number(ts)))
  expect(times.some((time) => time < began)).toBe(true)
  expect(times.some((time, i) => i > 0 && time < times[i - 1]!)).toBe(true)
  for (const instId of exchange.truth.perpetual.symbols()) {
    const details = got.filter((row) => row.instId === instId).flatMap((row) => row.details)
    const sent = details.map(({ bkPx, sz, side, ts }) => ({ side, price: bkPx, size: sz, time: Number(ts) }))
    const truth = exchange.truth.perpetual.figures.liquidations(instId, began - 120_000, began + 60_000)
    expect(sent.toSorted((a, b) => a.time - b.time)).toEqual(truth)
    expect(details.every(({ side, posSide }) => (side === 'sell') === (posSide === 'long'))).toBe(true)
  }
})

test('the list of instruments is pushed on subscribing', async () => {
  await open({ rate: 0 })
  const client = okxClient(exchange, 'option')
  client.request('subscribe', { channel: 'instruments', instType: 'OPTION' })
  expect(client.data('instruments')[0]!.data.map(({ instId }) => instId)).toEqual(exchange.truth.option.symbols())
})

test('over sockets: four markets, a fourth connection in a second is refused, an unknown path closes', async () => {
  await open()
  for (const market of ['spot', 'perpetual', 'future', 'option'] as const) {
    const client = await connectClient(`${exchange.urls[market].websocket}/ws/v5/public`)
    const [instId] = exchange.truth[market].symbols()
    client.send({ op: 'subscribe', args: [{ channel: 'books', instId }] })
    expect(JSON.parse(await client.next((text) => text.includes('snapshot')))).toMatchObject({ arg: { instId } })
    client.close()
  }
  const { websocket } = exchange.urls.option
  const lost = await connectClient(`${websocket}/ws/v5/nowhere`)
  expect(await lost.closed).toBe(1008)
  await connectClient(`${websocket}/ws/v5/public`)
  await expect(connectClient(`${websocket}/ws/v5/public`)).rejects.toThrow('429')
})

test('load has quoted ids and times', async () => {
  await open({ virtual: false, rate: 0, limits: { connects: 10 } })
  const client = await connectClient(`${exchange.urls.spot.websocket}/ws/v5/business`)
  client.send({ op: 'subscribe', args: [{ channel: 'trades-all', instId: 'BTC-USDT' }] })
  await client.next((text) => text.includes('subscribe'))
  await exchange.load({ rate: 10_000, seconds: 0.1 }).done
  await client.next((text) => text.includes('"1000000999"'))
  const got = client.texts.filter((text) => text.includes('"data"')).map((text) => JSON.parse(text).data[0])
  expect(got.map(({ tradeId }) => tradeId)).toEqual(Array.from({ length: 1_000 }, (_, i) => String(1_000_000_000 + i)))
  expect(got.every(({ ts }) => Math.abs(Number(ts) - Date.now()) < 5_000)).toBe(true)
  client.close()
})
