import { afterEach, beforeEach, expect, test } from 'vitest'
import { connectClient, received } from './client.ts'
import { type Exchange, startExchange } from './exchange.ts'
import type { LoadReport } from './load.ts'

let exchange: Exchange

beforeEach(async () => {
  exchange = await startExchange({ symbols: 3, rate: 0, levels: 10 })
})
afterEach(() => exchange.close())

async function settled(wanted: () => boolean): Promise<void> {
  while (!wanted()) await new Promise(setImmediate)
}

test('load sends its rate, with consecutive ids and rising times, as frames that any client reads', async () => {
  const micro = await connectClient(
    `${exchange.urls.spot.websocket}/stream?streams=btcusdt@aggTrade/ethusdt@aggTrade&timeUnit=MICROSECOND`,
  )
  const market = await connectClient(`${exchange.urls.perpetual.websocket}/market/ws/btcusdt@aggTrade`)
  const before = Date.now()
  const report = await exchange.load({ rate: 30_000, seconds: 0.2 }).done
  expect(report).toMatchObject({ frames: 6_000, running: false, overrun: false })
  expect(report.seconds).toBeGreaterThan(0.15)
  await settled(() => micro.texts.length === 4_000 && market.texts.length === 2_000)
  const trades = received(micro.texts)
  for (const stream of ['btcusdt@aggTrade', 'ethusdt@aggTrade']) {
    const data = trades
      .filter((frame) => frame.stream === stream)
      .map((frame) => frame.data as { a: number; T: number; f: number })
    expect(data.map(({ a }) => a)).toEqual(Array.from({ length: 2_000 }, (_, i) => 1_000_000_000 + i))
    expect(data.every(({ a, f }) => a === f)).toBe(true)
    expect(data.every(({ T }, i) => i === 0 || T >= data[i - 1]!.T)).toBe(true)
    expect(Math.abs(data[0]!.T / 1_000 - before)).toBeLessThan(2_000)
  }
  expect(JSON.parse(market.texts[0]!)).toMatchObject({ e: 'aggTrade', s: 'BTCUSDT', st: 1 })
  expect(new Set(micro.texts).size).toBe(4_000)
  const { streams } = exchange.ledger().connections[0]!
  expect(streams['btcusdt@aggTrade']).toMatchObject({ frames: 2_000, first: 1_000_000_000, last: 1_000_001_999 })
  micro.close()
  market.close()
})

test('load is started, watched and stopped over HTTP, and refused without anybody to send to', async () => {
  const url = `${exchange.urls.spot.rest}/_exchange/load`
  const start = () => fetch(url, { method: 'POST', body: JSON.stringify({ rate: 100, seconds: 60 }) })
  expect((await fetch(url)).status).toBe(404)
  const refused = await start()
  expect([refused.status, ((await refused.json()) as { error: string }).error]).toEqual([
    400,
    expect.stringContaining('subscribe first'),
  ])
  const client = await connectClient(`${exchange.urls.spot.websocket}/ws/btcusdt@aggTrade`)
  expect((await start()).status).toBe(200)
  await client.next(() => true)
  await fetch(url, { method: 'DELETE' })
  const report = (await (await fetch(url)).json()) as LoadReport
  expect(report.running).toBe(false)
  expect(report.frames).toBeGreaterThan(0)
  client.close()
})
