import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Exchange } from '../exchange.ts'
import { ask, asNumbers, connectDeribit, startDeribit } from './client.ts'

let exchange: Exchange
beforeEach(async () => {
  exchange = await startDeribit({ seed: 2, symbols: 5, rate: 1_000, levels: 60 })
})
afterEach(() => exchange.close())

type Row = { trade_seq: number; trade_id: string; timestamp: number; amount: number; price: number }
const LAST = 'get_last_trades_by_instrument?instrument_name=BTC-PERPETUAL'
const seqs = (rows: Row[]) => rows.map((row) => row.trade_seq)
const truth = () => exchange.truth.perpetual.trades('BTC-PERPETUAL')

test('pages by seq hold every trade that there was, and say when there are no more', async () => {
  exchange.advance(10_000)
  const all = truth()
  const rows: Row[] = []
  for (let from = all[0]!.id, more = true; more; from = rows.at(-1)!.trade_seq + 1) {
    const { result } = await ask(exchange, 'perpetual', `${LAST}&start_seq=${from}&count=100&sorting=asc`)
    rows.push(...result.trades)
    more = result.has_more
  }
  expect(rows.length).toBeGreaterThan(200)
  expect(rows.map((row) => [row.trade_seq, row.price, row.amount, row.timestamp])).toEqual(
    all.map(({ id, price, size, time }) => [id, Number(price), Number(size), time]),
  )
})

test('without a range the newest come first, within one the bounds are included', async () => {
  exchange.advance(3_000)
  const ids = truth().map((trade) => trade.id)
  const newest = await ask(exchange, 'perpetual', `${LAST}&count=3`)
  expect(seqs(newest.result.trades)).toEqual(ids.slice(-3).toReversed())
  expect(newest.result.has_more).toBe(true)
  const range = await ask(exchange, 'perpetual', `${LAST}&start_seq=${ids[5]}&end_seq=${ids[8]}&sorting=desc`)
  expect(seqs(range.result.trades)).toEqual(ids.slice(5, 9).toReversed())
  expect(range.result.has_more).toBe(false)
  const { time } = truth()[10]!
  const at = await ask(
    exchange,
    'perpetual',
    `${LAST.replace('?', '_and_time?')}&start_timestamp=${time}&end_timestamp=${time}`,
  )
  expect(seqs(at.result.trades).includes(ids[10]!)).toBe(true)
})

test('a row of REST is the element of the channel, byte for byte', async () => {
  const client = connectDeribit(exchange, 'option')
  client.subscribe('trades.BTC-25DEC26-100000-C.100ms')
  exchange.advance(3_000)
  const path =
    '/api/v2/public/get_last_trades_by_instrument?instrument_name=BTC-25DEC26-100000-C&count=1000&sorting=asc'
  const { body } = (await exchange.request('option', path))!
  const elements = client.texts.flatMap((text) => /"data":\[(.*)\]\}\}$/u.exec(text)?.[1] ?? [])
  expect(elements.length).toBeGreaterThan(3)
  for (const text of elements) expect(body).toContain(text)
  expect(body).toContain('"iv":')
})

test('a sequence gap leaves trade_seqs out, a restart begins at 1, and ids of trades go on', async () => {
  exchange.advance(1_000)
  exchange.faults.add({ kind: 'sequence_gap', of: 'trade', symbol: 'BTC-PERPETUAL', count: 7 })
  exchange.advance(1_000)
  exchange.faults.add({ kind: 'sequence_restart', of: 'trade', symbol: 'BTC-PERPETUAL' })
  exchange.advance(1_000)
  const { result } = await ask(exchange, 'perpetual', `${LAST}&count=1000`)
  const rows: Row[] = result.trades.toReversed()
  const steps = rows.slice(1).map((row, i) => row.trade_seq - rows[i]!.trade_seq)
  expect(steps.filter((step) => step !== 1)).toEqual([8, expect.any(Number)])
  expect(rows.at(-1)!.trade_seq).toBeLessThan(1_000)
  expect(new Set(rows.map((row) => row.trade_id)).size).toBe(rows.length)
})

test.each([
  [
    'perpetual',
    'currency=any',
    [
      'BTC-PERPETUAL',
      'ETH-PERPETUAL',
      'BTC_USDC-PERPETUAL',
      'XRP_USDC-PERPETUAL',
      'SOL_USDC-PERPETUAL',
      'LUNA_USDC-PERPETUAL',
    ],
  ],
  ['perpetual', 'currency=BTC&kind=future&expired=false', ['BTC-PERPETUAL']],
  ['perpetual', 'currency=any&kind=option', []],
  ['future', 'currency=USDC', ['BTC_USDC-25DEC26', 'LUNA_USDC-25DEC26']],
  ['option', 'currency=any&kind=option&expired=true', []],
  ['option', 'currency=ETH&kind=option', ['ETH-2OCT26-2800-P']],
] as const)('%s: get_instruments with %s lists %j', async (market, query, names) => {
  const { result } = await ask(exchange, market, `get_instruments?${query}`)
  expect(result.map((info: { instrument_name: string }) => info.instrument_name)).toEqual(names)
})

test('C016: an option on XRP has a strike with a point, a perpetual the last of all dates', async () => {
  const options = await ask(exchange, 'option', 'get_instruments?currency=any')
  expect(options.result[1]).toMatchObject({
    instrument_name: 'XRP_USDC-25DEC26-0d525-C',
    strike: 0.525,
    option_type: 'call',
    instrument_type: 'linear',
    expiration_timestamp: Date.UTC(2026, 11, 25, 8),
    settlement_currency: 'USDC',
  })
  expect(options.result[0]).toMatchObject({
    quote_currency: 'BTC',
    counter_currency: 'USD',
    instrument_type: 'reversed',
  })
  const [info] = (await ask(exchange, 'perpetual', 'get_instruments?currency=any')).result
  expect(info).toMatchObject({
    settlement_period: 'perpetual',
    contract_size: 10,
    expiration_timestamp: 32_503_708_800_000,
  })
})

test('an order book is the true one, with its change id', async () => {
  exchange.advance(2_000)
  const { result } = await ask(exchange, 'perpetual', 'get_order_book?instrument_name=ETH-PERPETUAL&depth=10000')
  const { change_id: seq, bids, asks } = result
  expect({ seq, bids, asks }).toEqual(asNumbers(exchange.truth.perpetual.bookAt('ETH-PERPETUAL', seq)))
  expect(result).toMatchObject({ instrument_name: 'ETH-PERPETUAL', state: 'open', best_bid_price: bids[0][0] })
})

test('figures agree with the truth: funding, open interest, index and mark price, volatility', async () => {
  const { figures } = exchange.truth.perpetual
  const now = exchange.now()
  const { result: ticker } = await ask(exchange, 'perpetual', 'ticker?instrument_name=BTC-PERPETUAL')
  expect(ticker).toMatchObject({
    current_funding: Number(figures.funding('BTC-PERPETUAL', now)!.rate),
    open_interest: Number(figures.openInterest('BTC-PERPETUAL', now)),
    index_price: Number(figures.indexPrice('BTC-PERPETUAL', now)),
    mark_price: Number(figures.markPrice('BTC-PERPETUAL', now)),
  })
  const { result: rows } = await ask(exchange, 'perpetual', 'get_book_summary_by_currency?currency=BTC&kind=future')
  expect(rows).toMatchObject([{ instrument_name: 'BTC-PERPETUAL', open_interest: ticker.open_interest }])
  const volatility = `get_volatility_index_data?currency=ETH&resolution=1&start_timestamp=${now}&end_timestamp=${now}`
  expect((await ask(exchange, 'option', volatility)).result.data).toEqual([
    [now, ...Array(4).fill(Number(figures.volatility('eth_usd', now)))],
  ])
})

test('funding history has a row for each full hour, some of them with an exponent', async () => {
  const day = 86_400_000
  const span = `start_timestamp=${exchange.now() - day}&end_timestamp=${exchange.now()}`
  const path = `/api/v2/public/get_funding_rate_history?instrument_name=BTC-PERPETUAL&${span}`
  const { body } = (await exchange.request('perpetual', path))!
  const rows: { timestamp: number }[] = JSON.parse(body).result
  expect(rows).toHaveLength(24)
  expect(rows.every((row) => row.timestamp % 3_600_000 === 0)).toBe(true)
  expect(body).toMatch(/"interest_8h":-?\d\.\d+e-\d/u)
})

test('volatility pages walk back in time by their continuation until it is null', async () => {
  const end = exchange.now()
  const start = end - 2_500_000
  const times: number[] = []
  for (let upTo: number | null = end; upTo !== null;) {
    const query = `currency=BTC&resolution=1&start_timestamp=${start}&end_timestamp=${upTo}`
    const { result } = await ask(exchange, 'perpetual', `get_volatility_index_data?${query}`)
    times.unshift(...result.data.map((row: number[]) => row[0]))
    upTo = result.continuation
  }
  expect(times).toEqual(Array.from({ length: 2_501 }, (_, i) => start + i * 1_000))
})

test('candles of the channel end as REST has them, and hold the trades of their minute', async () => {
  const client = connectDeribit(exchange, 'perpetual')
  client.subscribe('chart.trades.BTC-PERPETUAL.1')
  exchange.advance(130_000)
  const query = `instrument_name=BTC-PERPETUAL&resolution=1&start_timestamp=0&end_timestamp=${exchange.now()}`
  const { result } = await ask(exchange, 'perpetual', `get_tradingview_chart_data?${query}`)
  const tick = result.ticks[1]
  const pushed = client.texts
    .filter((text) => text.includes(`"tick":${tick}`))
    .map((text) => JSON.parse(text).params.data)
  const columns = Object.fromEntries(
    ['open', 'high', 'low', 'close', 'volume', 'cost'].map((key) => [key, result[key][1]]),
  )
  expect(pushed.at(-1)).toEqual({ tick, ...columns })
  const within = truth().filter(({ time }) => time >= tick && time < tick + 60_000)
  expect(columns['cost']).toBe(within.reduce((sum, { size }) => sum + Number(size), 0))
  expect(columns['volume']).toBeCloseTo(
    within.reduce((sum, { size, price }) => sum + Number(size) / Number(price), 0),
    8,
  )
})

test.each([
  ['get_order_book', -32_602],
  ['get_order_book?instrument_name=BTC-PERPETUAL&depth=7', -32_602],
  ['ticker?instrument_name=NOPE-PERPETUAL', 10_020],
  [`${LAST}&count=1001`, -32_602],
  [`${LAST}&start_seq=x`, -32_602],
  ['get_instruments', -32_602],
  ['get_instruments?currency=any&kind=nothing', -32_602],
  ['get_volatility_index_data?currency=SOL&resolution=60&start_timestamp=0&end_timestamp=1', -32_602],
  ['get_nothing', -32_601],
])('%s is refused in the shape of JSON-RPC with code %i and HTTP 400', async (path, code) => {
  expect(await ask(exchange, 'perpetual', path)).toMatchObject({ jsonrpc: '2.0', status: 400, error: { code } })
})

test('get_instruments five times at once is one too many with 10028 and HTTP 429, and one a second goes on', async () => {
  const statuses = []
  for (let i = 0; i < 6; i++) statuses.push((await ask(exchange, 'perpetual', 'get_instruments?currency=any')).status)
  expect(statuses).toEqual([200, 200, 200, 200, 200, 429])
  for (let i = 0; i < 3; i++) {
    exchange.advance(1_000)
    expect((await ask(exchange, 'perpetual', 'get_instruments?currency=any')).status).toBe(200)
  }
  expect(await ask(exchange, 'perpetual', 'get_instruments?currency=any')).toMatchObject({ error: { code: 10_028 } })
})

test('a fault has REST fail in the shape of the venue', async () => {
  exchange.faults.add({ kind: 'rest', status: 503 })
  expect(await ask(exchange, 'perpetual', 'get_time')).toMatchObject({ status: 503, error: { code: 13_028 } })
})

test("the venue's clock that is ahead shows in every time", async () => {
  exchange.advance(1_000)
  exchange.faults.add({ kind: 'clock_skew', ms: 60_000 })
  expect((await ask(exchange, 'perpetual', 'get_time')).result).toBe(exchange.now() + 60_000)
  const { result } = await ask(exchange, 'perpetual', `${LAST}&count=1`)
  expect(result.trades[0].timestamp).toBe(truth().at(-1)!.time + 60_000)
})
