// The field cases that are sessions with Binance: the exchange plays each of them as it is written.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { follow } from './binance/documented-book.ts'
import { attach, received } from './client.ts'
import { type Exchange, startExchange } from './exchange.ts'
import { readRecording } from './recording.ts'

const CASES = join(import.meta.dirname, '../../../shared/cases')
const missing = !existsSync(CASES)

function input(id: string): string {
  return join(CASES, readdirSync(CASES).find((name) => name.startsWith(id)) ?? id, 'input.ndjson')
}

function frames(id: string, socket: string): string[] {
  return readRecording(input(id)).flatMap((item) =>
    item.kind === 'frame' && item.socket === socket ? [item.body] : [],
  )
}

async function play(id: string): Promise<Exchange> {
  return startExchange({ recordings: [input(id)], virtual: true })
}

type Events = Parameters<typeof follow>[2]

async function snapshot(exchange: Exchange, symbol: string): Promise<Parameters<typeof follow>[1]> {
  const answer = await exchange.request('perpetual', `/fapi/v1/depth?symbol=${symbol}&limit=1000`)
  return JSON.parse(answer!.body)
}

test.skipIf(missing)('C021: half an hour of silence in which only pings come, at the recorded times', async () => {
  const exchange = await play('C021')
  const client = attach((wire) =>
    exchange.connect('spot', '/stream?streams=fttusdt@aggTrade/fttusdt@depth@100ms', wire),
  )
  for (let second = 0; second < 1_800; second += 10) {
    exchange.advance(10_000)
    const payload = client.pings.at(-1)
    if (payload !== undefined) client.connection.ponged(payload)
  }
  expect(client.code).toBeUndefined()
  expect(client.texts).toEqual(frames('C021', '#1'))
  expect(client.pings.filter((payload) => payload === '1790000020000')).not.toEqual([])
  await exchange.close()
})

test.skipIf(missing)('C024: REST has the trade that the stream left out', async () => {
  const exchange = await play('C024')
  const client = attach((wire) => exchange.connect('perpetual', '/market/stream?streams=btcusdt@aggTrade', wire))
  exchange.advance(2_000)
  expect(client.texts).toEqual(frames('C024', '#1'))
  const rows = JSON.parse(
    (await exchange.request('perpetual', '/fapi/v1/aggTrades?symbol=BTCUSDT&fromId=503&limit=1'))!.body,
  )
  expect(rows).toEqual([{ a: 503, p: '64100.20', q: '0.700', f: 9010, l: 9011, T: 1_790_000_000_398, m: false }])
  await exchange.close()
})

test.skipIf(missing)(
  'C026: two sockets are waited for, and the second snapshot is another one, not before its time',
  async () => {
    const exchange = await play('C026')
    const open = attach((wire) => exchange.connect('perpetual', '/public/stream?streams=btcusdt@depth@100ms', wire))
    exchange.advance(5_000)
    expect(open.texts).toEqual([])
    const market = attach((wire) => exchange.connect('perpetual', '/market/stream?streams=btcusdt@aggTrade', wire))
    const first = snapshot(exchange, 'BTCUSDT')
    const second = snapshot(exchange, 'BTCUSDT')
    let answered = 0
    void second.then(() => answered++)
    exchange.advance(700)
    await first
    expect(answered).toBe(0)
    exchange.advance(1_000)
    expect(open.texts).toEqual(frames('C026', '#1'))
    expect(market.texts).toEqual(frames('C026', '#2'))
    const events = received(open.texts).map((frame) => frame.data) as unknown as Events
    const { lastUpdateId } = await second
    expect([(await first).lastUpdateId, lastUpdateId]).toEqual([2_000, 2_075])
    expect(() => follow('perpetual', { lastUpdateId: 2_000, bids: [], asks: [] }, events)).toThrow('does not follow')
    const book = follow('perpetual', await second, events)
    expect(book).toEqual(exchange.truth.perpetual.bookAt('BTCUSDT', 2_090))
    await exchange.close()
  },
)

test.skipIf(missing)('C030: after the cut the trades go on, and REST has the ones between', async () => {
  const exchange = await play('C030')
  const connect = () =>
    attach((wire) => exchange.connect('spot', '/stream?streams=ethusdt@aggTrade/btcusdt@aggTrade', wire))
  const before = connect()
  exchange.advance(5_000)
  expect(before.code).toBe(1006)
  const after = connect()
  exchange.advance(5_000)
  expect([...before.texts, ...after.texts]).toEqual(frames('C030', '#1'))
  const answer = await exchange.request('spot', '/api/v3/aggTrades?symbol=ETHUSDT&fromId=1005&limit=4')
  expect(JSON.parse(answer!.body).map(({ a }: { a: number }) => a)).toEqual([1_005, 1_006, 1_007, 1_008])
  await exchange.close()
})

test.skipIf(missing)('C032: the first update names the snapshot as its predecessor', async () => {
  const exchange = await play('C032')
  const client = attach((wire) => exchange.connect('perpetual', '/public/stream?streams=keepusdt@depth@100ms', wire))
  const first = snapshot(exchange, 'KEEPUSDT')
  exchange.advance(1_000)
  expect(await snapshot(exchange, 'KEEPUSDT'), 'asked again before anything changed').toEqual(await first)
  exchange.advance(20_000)
  const events = received(client.texts).map((frame) => frame.data) as unknown as Events
  const book = follow('perpetual', await first, events)
  expect(book).toEqual(exchange.truth.perpetual.bookAt('KEEPUSDT', 1_533))
  await exchange.close()
})

test('C019: forty snapshots of 5000 levels at once are more than a minute of weight', async () => {
  const symbols = Array.from({ length: 40 }, (_, i) => `C${String(i + 1).padStart(3, '0')}USDT`)
  const exchange = await startExchange({ symbols, rate: 0, levels: 20, virtual: true })
  const ask = (symbol: string) => exchange.request('spot', `/api/v3/depth?symbol=${symbol}&limit=5000`)
  const statuses = (await Promise.all(symbols.map(ask))).map((answer) => answer!.status)
  expect(statuses).toEqual([...Array(24).fill(200), ...Array(16).fill(429)])
  exchange.advance(5_000)
  expect(await ask('C001USDT')).toMatchObject({ status: 418, headers: { 'Retry-After': '120' } })
  expect((await exchange.request('perpetual', '/fapi/v1/ping'))!.status).toBe(200)
  await exchange.close()
})
