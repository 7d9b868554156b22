// What a client of 2026 sees: requests and answers, limits, heartbeats, and what the channels bring.
import { afterEach, beforeEach, expect, test } from 'vitest'
import { connectClient } from '../client.ts'
import type { Exchange } from '../exchange.ts'
import { connectDeribit, PATH, startDeribit } from './client.ts'
import { dataOf } from './documented-book.ts'

let exchange: Exchange
beforeEach(async () => {
  exchange = await startDeribit({ seed: 1, symbols: 5, rate: 1_000, levels: 60 })
})
afterEach(() => exchange.close())

type Row = Record<string, unknown> & { trade_seq: number; trade_id: string }
const TRADES = 'trades.BTC-PERPETUAL.100ms'
const BOOK = 'book.BTC-PERPETUAL.100ms'
const trades = (texts: readonly string[], channel = TRADES) => dataOf<Row[]>(texts, channel).flat()

test('subscribe lists what it accepted in an order of its own, leaves out what it does not know, and answers first', () => {
  const client = connectDeribit(exchange, 'perpetual')
  const answer = client.subscribe(BOOK, 'trades.NOPE-PERPETUAL.100ms', TRADES, 'book.BTC-PERPETUAL.fast', BOOK)
  expect(answer).toMatchObject({ jsonrpc: '2.0', result: [TRADES, BOOK], testnet: false, usDiff: expect.any(Number) })
  expect(client.texts[0]).toContain('"result"')
  expect(client.texts).toHaveLength(2)
})

test('a channel that is subscribed twice is accepted twice and brings one copy', () => {
  const client = connectDeribit(exchange, 'perpetual')
  client.subscribe(TRADES)
  expect(client.subscribe(TRADES)).toMatchObject({ result: [TRADES] })
  exchange.advance(2_000)
  const seqs = trades(client.texts).map((row) => row.trade_seq)
  expect(new Set(seqs).size).toBe(seqs.length)
})

test('what is unsubscribed falls silent, by name or altogether', () => {
  const client = connectDeribit(exchange, 'perpetual')
  client.subscribe(TRADES, BOOK, 'ticker.BTC-PERPETUAL.100ms')
  exchange.advance(500)
  expect(client.call('public/unsubscribe', { channels: [TRADES, 'quote.BTC-PERPETUAL'] }).result).toEqual([TRADES])
  const before = client.texts.length
  exchange.advance(1_000)
  expect(client.texts.slice(before).some((text) => text.includes(TRADES))).toBe(false)
  expect(client.texts.slice(before).some((text) => text.includes(BOOK))).toBe(true)
  expect(client.call('public/unsubscribe_all').result).toBe('ok')
  const after = client.texts.length
  exchange.advance(1_000)
  expect(client.texts).toHaveLength(after)
})

test('C023: one raw channel has the whole request refused with 13778, and without it the same socket gets them all', () => {
  const client = connectDeribit(exchange, 'perpetual')
  expect(client.subscribe('trades.BTC-PERPETUAL.raw', BOOK)).toMatchObject({
    error: { code: 13_778, message: 'raw_subscriptions_not_available_for_unauthorized' },
  })
  exchange.advance(1_000)
  expect(client.texts).toHaveLength(1)
  expect(client.subscribe(TRADES, BOOK)).toMatchObject({ result: [TRADES, BOOK] })
})

test.each([
  ['not json', -32_700],
  ['[]', -32_600],
  ['{"jsonrpc":"2.0","id":1}', -32_600],
  ['{"jsonrpc":"2.0","id":1,"method":"public/nothing"}', -32_601],
  ['{"jsonrpc":"2.0","id":1,"method":"private/get_positions"}', 13_009],
  ['{"jsonrpc":"2.0","id":1,"method":"public/subscribe"}', -32_602],
  ['{"jsonrpc":"2.0","id":1,"method":"public/subscribe","params":{"channels":"book"}}', -32_602],
  ['{"jsonrpc":"2.0","id":1,"method":"public/subscribe","params":[1]}', -32_602],
  ['{"jsonrpc":"2.0","id":1,"method":"public/set_heartbeat","params":{"interval":9}}', -32_602],
])('the request %s is refused with code %i', async (request, code) => {
  const client = await connectClient(exchange.urls.perpetual.websocket + PATH)
  client.send(request)
  expect(JSON.parse(await client.next(() => true))).toMatchObject({ error: { code } })
  client.close()
})

test('the methods of REST are there on the socket too', () => {
  const client = connectDeribit(exchange, 'option')
  expect(client.call('public/test').result).toEqual({ version: expect.any(String) })
  expect(client.call('public/status').result).toEqual({ locked: 'false' })
  expect(client.call('public/get_time').result).toBe(exchange.now())
  const listed = client.call('public/get_instruments', { currency: 'any', kind: 'option', expired: false }).result
  expect(listed).toHaveLength(6)
})

test('heartbeats come at the interval while each test_request is answered, and end the connection when one is not', () => {
  const client = connectDeribit(exchange, 'perpetual')
  expect(client.call('public/set_heartbeat', { interval: 10 }).result).toBe('ok')
  for (let beat = 1; beat <= 5; beat++) {
    exchange.advance(10_000)
    expect(client.texts.at(-1)).toBe('{"jsonrpc":"2.0","method":"heartbeat","params":{"type":"test_request"}}')
    client.call('public/test')
  }
  exchange.advance(10_000)
  expect(client.code).toBeUndefined()
  exchange.advance(5_000)
  expect(client.code).toBe(1008)
})

test('without set_heartbeat nothing is asked for, and disable_heartbeat ends it', () => {
  const client = connectDeribit(exchange, 'perpetual')
  exchange.advance(60_000)
  expect(client.texts).toEqual([])
  client.call('public/set_heartbeat', { interval: 10 })
  client.call('public/disable_heartbeat')
  exchange.advance(60_000)
  expect(client.code).toBeUndefined()
  expect(client.texts).toHaveLength(2)
})

test('ten subscriptions at once are granted, the eleventh ends the session with 10028, and credits grow back', () => {
  const client = connectDeribit(exchange, 'perpetual')
  for (let i = 0; i < 10; i++) expect(client.subscribe(TRADES)).toHaveProperty('result')
  expect(client.subscribe(TRADES)).toMatchObject({ error: { code: 10_028, message: 'too_many_requests' } })
  expect(client.code).toBe(1008)
  exchange.advance(1_000)
  const next = connectDeribit(exchange, 'perpetual')
  for (let i = 0; i < 3; i++) expect(next.subscribe(TRADES)).toHaveProperty('result')
  expect(next.subscribe(TRADES)).toHaveProperty('error')
})

test('the 33rd connection of an address is refused with 429, and another path is closed', async () => {
  const url = exchange.urls.perpetual.websocket + PATH
  const clients = await Promise.all(Array.from({ length: 32 }, () => connectClient(url)))
  await expect(connectClient(url)).rejects.toThrow('429')
  expect((await fetch(`${exchange.urls.perpetual.rest}/api/v2/public/get_time`)).status).toBe(429)
  clients[0]!.close()
  await clients[0]!.closed
  const nowhere = await connectClient(`${exchange.urls.perpetual.websocket}/ws/v5/public`)
  expect(await nowhere.closed).toBe(1008)
  for (const client of clients) client.close()
})

test.each([
  ['perpetual', 'BTC-PERPETUAL', /^\d+$/u],
  ['perpetual', 'ETH-PERPETUAL', /^ETH-\d+$/u],
  ['future', 'BTC_USDC-25DEC26', /^BTC_USDC-\d+$/u],
  ['option', 'XRP_USDC-25DEC26-0d525-C', /^XRP_USDC-\d+$/u],
] as const)(
  '%s: every trade of %s comes, in batches, numbered without holes, with an id like %s',
  (market, name, id) => {
    const client = connectDeribit(exchange, market)
    const channel = `trades.${name}.100ms`
    client.subscribe(channel)
    exchange.advance(20_000)
    const rows = trades(client.texts, channel)
    const batches = dataOf<Row[]>(client.texts, channel)
    expect(Math.max(...batches.map((batch) => batch.length))).toBeGreaterThan(1)
    const truth = exchange.truth[market].trades(name).slice(0, rows.length)
    expect(rows.length).toBeGreaterThan(20)
    expect(rows.map((row) => [row.trade_seq, row['price'], row['amount'], row['direction'], row['timestamp']])).toEqual(
      truth.map((trade) => [trade.id, Number(trade.price), Number(trade.size), trade.side, trade.time]),
    )
    expect(rows.slice(1).every((row, i) => row.trade_seq === rows[i]!.trade_seq + 1)).toBe(true)
    expect(rows.every((row) => id.test(row.trade_id))).toBe(true)
    expect(rows.every((row) => 'iv' in row === (market === 'option'))).toBe(true)
    const sent = exchange.ledger({ ids: true }).connections[0]!.streams[channel]!
    expect(sent.ids).toEqual(rows.map((row) => row.trade_seq))
  },
)

test('some trades are liquidations of the taker, the maker or both, and the truth knows whose position ended', () => {
  const client = connectDeribit(exchange, 'perpetual')
  client.subscribe(TRADES)
  exchange.advance(30_000)
  const marked = trades(client.texts).filter((row) => 'liquidation' in row)
  expect(new Set(marked.map((row) => row['liquidation']))).toEqual(new Set(['T', 'M', 'MT']))
  const truth = exchange.truth.perpetual.figures.liquidations('BTC-PERPETUAL', 0, Infinity)
  const opposite = { buy: 'sell', sell: 'buy' } as const
  expect(truth.slice(0, marked.length).map(({ side, time }) => [side, time])).toEqual(
    marked.map((row) => {
      const taker = row['direction'] as 'buy' | 'sell'
      return [row['liquidation'] === 'M' ? opposite[taker] : taker, row['timestamp']]
    }),
  )
})

test('trades of a kind and currency come on one channel', () => {
  const client = connectDeribit(exchange, 'option')
  client.subscribe('trades.option.BTC.100ms')
  exchange.advance(5_000)
  const names = new Set(trades(client.texts, 'trades.option.BTC.100ms').map((row) => row['instrument_name']))
  expect(names).toEqual(new Set(['BTC-25DEC26-100000-C', 'BTC-2OCT26-60000-P']))
})

test('the ticker comes at once, then as the market moves, with funding on the perpetual only', () => {
  const client = connectDeribit(exchange, 'perpetual')
  const channel = 'ticker.BTC-PERPETUAL.100ms'
  client.subscribe(channel)
  expect(dataOf(client.texts, channel)).toMatchObject([{ instrument_name: 'BTC-PERPETUAL', state: 'open' }])
  exchange.advance(60_000)
  const data = dataOf<Record<string, unknown>>(client.texts, channel)
  expect(data.length).toBeGreaterThan(300)
  expect(data.every((ticker) => 'funding_8h' in ticker && 'current_funding' in ticker)).toBe(true)
  expect(client.texts.some((text) => /"(?:current_funding|funding_8h)":-?\d\.\d+e-\d+/u.test(text))).toBe(true)
  const future = connectDeribit(exchange, 'future')
  future.subscribe('ticker.BTC-25DEC26.100ms')
  expect(dataOf(future.texts, 'ticker.BTC-25DEC26.100ms')[0]).not.toHaveProperty('funding_8h')
})

test('an empty side stands as null or as zero, and statistics of nothing are null', async () => {
  const quiet = await startDeribit({ rate: 0, levels: 60 })
  const client = connectDeribit(quiet, 'option')
  const channels = ['ticker.ETH-2OCT26-2800-P.100ms', 'ticker.XRP_USDC-25DEC26-0d55-P.100ms']
  client.subscribe(...channels)
  const [inverse, linear] = channels.map((channel) => dataOf<Record<string, unknown>>(client.texts, channel)[0])
  expect(inverse).toMatchObject({ best_bid_price: null, best_bid_amount: 0, best_ask_price: expect.any(Number) })
  expect(linear).toMatchObject({ best_bid_price: 0, last_price: null, stats: { volume: null, high: null, low: null } })
  expect(linear).toMatchObject({ mark_iv: expect.any(Number), greeks: { delta: expect.any(Number) } })
  await quiet.close()
})

test('the other channels bring what they are for, and those of states stay silent', () => {
  const client = connectDeribit(exchange, 'perpetual')
  const channels = ['quote.BTC-PERPETUAL', 'perpetual.BTC-PERPETUAL.100ms', 'deribit_volatility_index.btc_usd']
  const silent = ['instrument.state.any.any', 'platform_state', 'deribit_volatility_index.sol_usd']
  expect(client.subscribe(...channels, ...silent)).toMatchObject({ result: expect.not.arrayContaining([silent[2]]) })
  exchange.advance(3_000)
  const [quote, perpetual, volatility] = channels.map((channel) => dataOf(client.texts, channel).at(-1))
  expect(quote).toMatchObject({ instrument_name: 'BTC-PERPETUAL', best_bid_price: expect.any(Number) })
  expect(perpetual).toEqual({
    timestamp: expect.any(Number),
    interest: expect.any(Number),
    index_price: expect.any(Number),
  })
  expect(volatility).toEqual({ volatility: expect.any(Number), timestamp: expect.any(Number), index_name: 'btc_usd' })
  expect(silent.flatMap((channel) => dataOf(client.texts, channel))).toEqual([])
})

test('maintenance is announced to who follows the state of the platform', () => {
  const [told, other] = [connectDeribit(exchange, 'perpetual'), connectDeribit(exchange, 'perpetual')]
  told.subscribe('platform_state')
  exchange.shutdownNotice()
  expect(dataOf(told.texts, 'platform_state')).toEqual([{ maintenance: true }])
  expect(other.texts).toEqual([])
})

test('a halted contract has a book, a ticker, and no trades', () => {
  const client = connectDeribit(exchange, 'perpetual')
  const channels = ['trades', 'book', 'ticker'].map((kind) => `${kind}.LUNA_USDC-PERPETUAL.100ms`)
  client.subscribe(...channels)
  exchange.advance(5_000)
  expect(channels.map((channel) => dataOf(client.texts, channel).length)).toEqual([0, 1, 1])
  expect(client.texts.at(-1)).toContain('"state":"halted"')
})

test('a stall is silent and still asks for tests; a close ends the connections that carry the channel', () => {
  const [one, two] = [connectDeribit(exchange, 'perpetual'), connectDeribit(exchange, 'perpetual')]
  one.subscribe(TRADES)
  two.subscribe('trades.ETH-PERPETUAL.100ms')
  one.call('public/set_heartbeat', { interval: 10 })
  const stall = exchange.faults.add({ kind: 'stall', stream: TRADES })
  const before = trades(one.texts).length
  exchange.advance(10_000)
  expect(trades(one.texts)).toHaveLength(before)
  expect(one.texts.at(-1)).toContain('test_request')
  exchange.faults.clear(stall)
  exchange.faults.add({ kind: 'close', stream: 'trades.ETH*', code: 1011 })
  expect([one.code, two.code]).toEqual([undefined, 1011])
})

test('load sends frames of one trade at its rate, numbered on', async () => {
  const real = await startDeribit({ symbols: 2, rate: 0, levels: 10, virtual: false })
  const client = await connectClient(real.urls.perpetual.websocket + PATH)
  const channels = [TRADES, 'trades.ETH-PERPETUAL.100ms', BOOK]
  client.send({ jsonrpc: '2.0', id: 1, method: 'public/subscribe', params: { channels } })
  await client.next((text) => text.includes('"result"'))
  const report = await real.load({ rate: 10_000, seconds: 0.1 }).done
  expect(report).toMatchObject({ frames: 1_000, overrun: false })
  while (client.texts.length < 1_002) await new Promise(setImmediate)
  const rows = trades(client.texts, channels[1])
  expect(rows.map((row) => row.trade_seq)).toEqual(Array.from({ length: 500 }, (_, i) => 1_000_000_000 + i))
  expect(rows.every((row) => row.trade_id === `ETH-${row.trade_seq}`)).toBe(true)
  client.close()
  await real.close()
})
