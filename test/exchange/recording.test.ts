import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { attach, connectClient, received } from './client.ts'
import { follow } from './binance/documented-book.ts'
import { type Exchange, startExchange } from './exchange.ts'
import { readLines, readRecording } from './recording.ts'

const SHARED = join(import.meta.dirname, '../../../shared')
const RECORDINGS = join(SHARED, 'recordings')
const missing = !existsSync(RECORDINGS)

const SPOT = ['nknusdt', 'blzeth', 'lrcbtc', 'runeeur']
const PERPETUAL = ['sushiusdt', 'akrousdt', 'keepusdt', 'ctkusdt']
const streams = (symbols: string[], ...kinds: string[]) =>
  kinds.flatMap((kind) => symbols.map((s) => `${s}@${kind}`)).join('/')

function counts(texts: readonly string[]): Record<string, number> {
  const kinds: Record<string, number> = {}
  for (const { stream } of received(texts)) {
    const kind = stream.split('@')[1]!
    kinds[kind] = (kinds[kind] ?? 0) + 1
  }
  return kinds
}

function recordedFrames(path: string): string[] {
  return readRecording(path).flatMap((item) => (item.kind === 'frame' ? [item.body] : []))
}

test('each kind of line is read', () => {
  const url = 'wss://stream.binance.com:9443/stream'
  const lines = [
    `${url}?streams=btcusdt@aggTrade <-> 1790000000.5 #2`,
    `#2 ${url} <- 1790000000.6: {"method":"SUBSCRIBE"}`,
    '#2 1790000000.7: {"stream":"a","data":{}}',
    '1790000000.75: {"stream":"b","data":{}}',
    '1790000000.8: (ping 77)',
    '1790000000.8: (something that happens)',
    'https://api.binance.com/api/v3/depth?symbol=A -> 1790000001.0: {"lastUpdateId":1}',
    'https://api.binance.com/api/v3/depth?symbol=A -> 1790000001.1 HTTP 429 retry-after=20: {"code":-1003}',
    `#2 ${url} <x> 1790000001.2: 1006`,
    'configuration: {}',
  ]
  const items = readLines(lines.join('\n'), 'lines').map(({ at, url: { host }, ...item }) => ({ at, host, ...item }))
  const ws = { host: 'stream.binance.com:9443', socket: '#2' }
  const rest = { host: 'api.binance.com', kind: 'rest' }
  expect(items).toEqual([
    { kind: 'open', at: 1_790_000_000_500, ...ws },
    { kind: 'asked', at: 1_790_000_000_600, ...ws, body: '{"method":"SUBSCRIBE"}' },
    { kind: 'frame', at: 1_790_000_000_700, ...ws, body: '{"stream":"a","data":{}}' },
    { kind: 'frame', at: 1_790_000_000_750, ...ws, body: '{"stream":"b","data":{}}' },
    { kind: 'ping', at: 1_790_000_000_800, ...ws, body: '77' },
    { ...rest, at: 1_790_000_001_000, status: 200, body: '{"lastUpdateId":1}' },
    { ...rest, at: 1_790_000_001_100, status: 429, body: '{"code":-1003}' },
    { kind: 'close', at: 1_790_000_001_200, ...ws, code: 1006 },
  ])
})

test('a line that is none of these is named with its file and number', () => {
  expect(() => readLines('\nnonsense', 'session.ndjson')).toThrow(
    "session.ndjson:2: not a line of a session: 'nonsense'",
  )
  expect(() => readRecording('/nowhere/NAME')).toThrow('give DIR/NAME')
})

test.skipIf(missing)('the recorded spot session comes through sockets whole, in order and byte for byte', async () => {
  const path = join(RECORDINGS, 'BINANCE')
  const exchange = await startExchange({ recordings: [path], speed: 'max' })
  const all = streams(SPOT, 'depth@100ms', 'bookTicker', 'aggTrade', 'kline_1m')
  const client = await connectClient(`${exchange.urls.spot.websocket}/stream?streams=${all}`)
  const answers = await Promise.all(
    SPOT.map(async (symbol) => {
      const url = `${exchange.urls.spot.rest}/api/v3/depth?symbol=${symbol.toUpperCase()}&limit=5000`
      return (await fetch(url)).json() as Promise<Parameters<typeof follow>[1]>
    }),
  )
  await exchange.finished
  client.close()
  await client.closed
  expect(client.texts).toEqual(recordedFrames(path))
  expect(counts(client.texts)).toEqual({ depth: 177, bookTicker: 84, aggTrade: 2, kline_1m: 2 })
  SPOT.forEach((symbol, i) => {
    const events = received(client.texts).filter((f) => f.stream === `${symbol}@depth@100ms`)
    const book = follow('spot', answers[i]!, events.map((f) => f.data) as unknown as Parameters<typeof follow>[2])
    expect(book).toEqual(exchange.truth.spot.bookAt(symbol.toUpperCase(), book.seq))
  })
  await exchange.close()
})

test.skipIf(missing)('the recorded perpetual session is split over /public and /market as since 2026', async () => {
  const path = join(RECORDINGS, 'BINANCE_FUTURES')
  const exchange = await startExchange({ recordings: [path], speed: 'max' })
  const all = streams(PERPETUAL, 'depth@100ms', 'bookTicker', 'aggTrade', 'kline_1m')
  const [open, market] = await Promise.all(
    ['public', 'market'].map((group) =>
      connectClient(`${exchange.urls.perpetual.websocket}/${group}/stream?streams=${all}`),
    ),
  )
  await exchange.finished
  for (const client of [open!, market!]) {
    client.close()
    await client.closed
  }
  expect(counts(open!.texts)).toEqual({ depth: 764, bookTicker: 613 })
  expect(counts(market!.texts)).toEqual({ aggTrade: 91, kline_1m: 67 })
  const recorded = recordedFrames(path)
  expect(recorded).toHaveLength(1_535)
  const isPublic = (text: string) => /@(depth|bookTicker)/u.test(text)
  expect(open!.texts).toEqual(recorded.filter(isPublic))
  expect(market!.texts).toEqual(recorded.filter((text) => !isPublic(text)))
  const { connections } = exchange.ledger()
  const sent = connections
    .flatMap(({ streams: sentOn }) => Object.values(sentOn))
    .reduce((sum, { frames }) => sum + frames, 0)
  expect(sent).toBe(1_535)
  await exchange.close()
})

async function virtualSession(speed: number): Promise<{ exchange: Exchange; texts: string[] }> {
  const exchange = await startExchange({ recordings: [join(RECORDINGS, 'BINANCE')], speed, virtual: true })
  const all = streams(SPOT, 'depth@100ms', 'bookTicker', 'aggTrade', 'kline_1m')
  const { texts } = attach((wire) => exchange.connect('spot', `/stream?streams=${all}`, wire))
  return { exchange, texts }
}

test.skipIf(missing)('a recording keeps its own pace, or goes so many times faster', async () => {
  for (const speed of [1, 10]) {
    const { exchange, texts } = await virtualSession(speed)
    exchange.advance(500 / speed)
    expect(texts).toHaveLength(0)
    exchange.advance(15_000 / speed)
    const half = texts.length
    expect(half).toBeGreaterThan(50)
    exchange.advance(20_000 / speed)
    expect(texts).toHaveLength(265)
    expect(half).toBeLessThan(200)
    await exchange.finished
    await exchange.close()
  }
})

test.skipIf(missing)(
  'a recorded snapshot is held back until its moment, and the next answer is the book as of now',
  async () => {
    const { exchange, texts } = await virtualSession(1)
    const depth = async () =>
      JSON.parse((await exchange.request('spot', '/api/v3/depth?symbol=NKNUSDT&limit=5000'))!.body)
    let first: Parameters<typeof follow>[1] | undefined
    const asked = depth().then((body) => (first = body))
    exchange.advance(1_000)
    await Promise.resolve()
    expect(first).toBeUndefined()
    exchange.advance(1_500)
    await asked
    expect(first!.lastUpdateId).toBe(499_869_752)
    exchange.advance(5_000)
    const now = await depth()
    expect(now.lastUpdateId).toBe(exchange.truth.spot.seq('NKNUSDT'))
    expect(now.lastUpdateId).toBeGreaterThan(first!.lastUpdateId)
    exchange.advance(60_000)
    const events = received(texts).filter((f) => f.stream === 'nknusdt@depth@100ms')
    const data = events.map((f) => f.data) as unknown as Parameters<typeof follow>[2]
    expect(follow('spot', now, data)).toEqual(follow('spot', first!, data))
    await exchange.close()
  },
)

test.skipIf(missing)('instruments are the recorded ones, with the limits of today', async () => {
  const { exchange } = await virtualSession(1)
  const info = JSON.parse((await exchange.request('spot', '/api/v3/exchangeInfo'))!.body)
  expect(info.symbols).toHaveLength(1_695)
  expect(info.rateLimits[0]).toMatchObject({ rateLimitType: 'REQUEST_WEIGHT', limit: 6_000 })
  expect(JSON.stringify(info.symbols[0].filters)).toContain('"NOTIONAL"')
  expect(JSON.parse((await exchange.request('perpetual', '/fapi/v1/exchangeInfo'))!.body).symbols).toEqual([])
  await exchange.close()
})

const C030 = [
  'wss://stream.binance.com:9443/stream?streams=ethusdt@aggTrade <-> 1790000000.000',
  ...[1, 2].map((a) => `1790000000.${a}00: {"stream":"ethusdt@aggTrade","data":${tradeOf(a)}}`),
  'wss://stream.binance.com:9443/stream?streams=ethusdt@aggTrade <x> 1790000000.400: 1006',
  'wss://stream.binance.com:9443/stream?streams=ethusdt@aggTrade <-> 1790000002.000',
  `1790000002.100: {"stream":"ethusdt@aggTrade","data":${tradeOf(5)}}`,
  `https://api.binance.com/api/v3/aggTrades?symbol=ETHUSDT&fromId=3 -> 1790000002.500: [${[3, 4, 5].map((a) => rowOf(a)).join(',')}]`,
]

function rowOf(a: number): string {
  return `{"a":${a},"p":"2500.0","q":"1.0","f":${a},"l":${a},"T":${1_790_000_000_000 + a * 100},"m":true,"M":true}`
}

function tradeOf(a: number): string {
  return `{"e":"aggTrade","s":"ETHUSDT",${rowOf(a).slice(1)}`
}

test('a recorded cut closes the connection, the rest waits for the client to come back, and REST has what it missed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'exchange-'))
  const file = join(folder, 'input.ndjson')
  writeFileSync(file, C030.join('\n'))
  const exchange = await startExchange({ recordings: [file], virtual: true })
  rmSync(folder, { recursive: true })
  const connect = () => attach((wire) => exchange.connect('spot', '/stream?streams=ethusdt@aggTrade', wire))
  const first = connect()
  exchange.advance(60_000)
  expect(first.code).toBe(1006)
  expect(received(first.texts).map((f) => f.data['a'])).toEqual([1, 2])
  const second = connect()
  exchange.advance(60_000)
  expect(received(second.texts).map((f) => f.data['a'])).toEqual([5])
  const rows = JSON.parse((await exchange.request('spot', '/api/v3/aggTrades?symbol=ETHUSDT&fromId=3'))!.body)
  expect(rows.map(({ a }: { a: number }) => a)).toEqual([3, 4, 5])
  await exchange.finished
  await exchange.close()
})

test.skipIf(missing)('numbering, clock and time unit of a recording can be changed on the way', async () => {
  const { exchange, texts } = await virtualSession(1)
  const depth = () =>
    received(texts)
      .filter((f) => f.stream === 'nknusdt@depth@100ms')
      .map((f) => f.data as { U: number; u: number; E: number })
  const others = streams(SPOT, 'aggTrade')
  const micro = attach((wire) =>
    exchange.connect('spot', `/stream?streams=nknusdt@kline_1m/${others}&timeUnit=microsecond`, wire),
  )
  exchange.advance(5_000)
  const last = depth().at(-1)!
  exchange.faults.add({ kind: 'sequence_gap', symbol: 'NKNUSDT', of: 'orderbook', count: 2 })
  exchange.advance(3_000)
  const afterGap = depth().find(({ U }) => U > last.u)!
  expect(afterGap.U).toBeGreaterThan(last.u + 1)
  exchange.faults.add({ kind: 'sequence_restart', symbol: 'NKNUSDT', of: 'orderbook' })
  exchange.faults.add({ kind: 'clock_skew', ms: 3_600_000 })
  const before = depth()
  exchange.advance(3_000)
  const restarted = depth()[before.length]!
  expect(restarted.U).toBe(1)
  expect(restarted.E - before.at(-1)!.E).toBeGreaterThan(3_600_000)
  const next = JSON.parse((await exchange.request('spot', '/api/v3/depth?symbol=NKNUSDT&limit=10'))!.body)
  expect(next).toMatchObject({ lastUpdateId: depth().at(-1)!.u, bids: { length: 10 } })
  expect(exchange.truth.spot.bookAt('NKNUSDT', next.lastUpdateId)!.bids.slice(0, 10)).toEqual(next.bids)
  exchange.advance(20_000)
  const { E, k } = received(micro.texts).find((f) => f.stream === 'nknusdt@kline_1m')!.data as {
    E: number
    k: { t: number; T: number }
  }
  expect([String(E).length, k.T - k.t]).toEqual([16, 59_999_999])
  await exchange.close()
})

test.skipIf(missing)('REST gives candles and best prices of what was played so far', async () => {
  const { exchange } = await virtualSession(1)
  const get = async (path: string) => JSON.parse((await exchange.request('spot', `/api/v3/${path}`))!.body)
  expect(await get('klines?symbol=NKNUSDT&interval=1m')).toEqual([])
  exchange.advance(60_000)
  const [row] = await get('klines?symbol=NKNUSDT&interval=1m')
  expect(row.slice(0, 6)).toEqual([
    1_633_998_480_000,
    '0.35270000',
    '0.35280000',
    '0.35220000',
    '0.35280000',
    '25877.00000000',
  ])
  expect(await get('ticker/bookTicker?symbol=NKNUSDT')).toMatchObject({
    symbol: 'NKNUSDT',
    bidPrice: expect.any(String),
  })
  expect((await get('aggTrades?symbol=NKNUSDT'))[0]).toMatchObject({ a: 15_683_430, p: '0.35280000', q: '58.00000000' })
  await exchange.close()
})

test.skipIf(missing)('a slow reader holds back a recording that goes as fast as it is read', async () => {
  const exchange = await startExchange({ recordings: [join(RECORDINGS, 'BINANCE')], speed: 'max', start: 'command' })
  let unread = 0
  let drained = () => {}
  const slow = attach((wire) =>
    exchange.connect('spot', '/stream?streams=nknusdt@depth@100ms', {
      ...wire,
      send: (text) => {
        unread += 600_000
        wire.send(text)
      },
      buffered: () => unread,
      whenDrained: (run) => (drained = run),
    }),
  )
  exchange.start()
  for (let turns = 1; slow.texts.length < 20; turns++) {
    while (slow.texts.length < turns * 2) await new Promise(setImmediate)
    for (let i = 0; i < 5; i++) await new Promise(setImmediate)
    expect(slow.texts).toHaveLength(turns * 2)
    unread = 0
    drained()
  }
  await exchange.close()
})
