// The recorded session of 2022 and the field cases that are sessions with OKX.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { Market } from '../../../crds/names.ts'
import { connectClient } from '../client.ts'
import { type Exchange, startExchange } from '../exchange.ts'
import { readRecording } from '../recording.ts'
import { type OkxClient, okxClient, rows } from './client.ts'

const SHARED = join(import.meta.dirname, '../../../../shared')
const RECORDING = join(SHARED, 'recordings/OKX')
const CASES = join(SHARED, 'cases')
const noRecordings = !existsSync(join(SHARED, 'recordings'))
const noCases = !existsSync(CASES)

const RECORDED = [
  ['spot', 'BTC-USDT'],
  ['perpetual', 'UNI-USD-SWAP'],
  ['future', 'BTC-USD-220527'],
] as const
const CHANNELS = ['tickers', 'trades', 'books'] as const

const isData = (text: string) => text.includes('"data":')
const argsOf = (instId: string, ...channels: readonly string[]) => channels.map((channel) => ({ channel, instId }))

function recordedFrames(path: string, socket?: string): string[] {
  return readRecording(path).flatMap((item) =>
    item.kind === 'frame' && isData(item.body) && (socket === undefined || item.socket === socket) ? [item.body] : [],
  )
}

function caseFile(id: string, file: string = 'input.ndjson'): string {
  return join(CASES, readdirSync(CASES).find((name) => name.startsWith(id)) ?? id, file)
}

test.skipIf(noRecordings)(
  'the recorded session comes through sockets whole, each market its own part of it',
  async () => {
    const exchange = await startExchange({ exchange: 'okx', recordings: [RECORDING], speed: 'max' })
    const clients = await Promise.all(
      RECORDED.map(async ([market, instId]) => {
        const client = await connectClient(`${exchange.urls[market].websocket}/ws/v5/public`)
        client.send({ op: 'subscribe', args: argsOf(instId, ...CHANNELS) })
        return client
      }),
    )
    await exchange.finished
    for (const client of clients) {
      client.close()
      await client.closed
    }
    const all = recordedFrames(RECORDING)
    expect(all).toHaveLength(392)
    RECORDED.forEach(([, instId], i) => {
      const got = clients[i]!.texts.filter(isData)
      expect(got).toEqual(all.filter((text) => text.includes(`"instId":"${instId}"}`)))
      expect(clients[i]!.texts.filter((text) => text.includes('"event":"subscribe"'))).toHaveLength(3)
    })
    for (const [market, instId] of RECORDED) {
      const { truth } = exchange
      const book = truth[market].bookAt(instId, truth[market].seq(instId)!)!
      expect(Number(book.bids[0]![0])).toBeLessThan(Number(book.asks[0]![0]))
      expect(truth[market].trades(instId).length).toBeGreaterThan(0)
    }
    await exchange.close()
  },
)

test.skipIf(noRecordings)('recorded trades are served under trades-all where the client asks for that', async () => {
  const exchange = await startExchange({ exchange: 'okx', recordings: [RECORDING], virtual: true, markets: ['spot'] })
  const [open, business] = [okxClient(exchange, 'spot'), okxClient(exchange, 'spot', 'business')]
  open.request('subscribe', ...argsOf('BTC-USDT', 'tickers', 'books'))
  exchange.advance(5_000)
  expect(open.texts.filter(isData)).toEqual([])
  business.request('subscribe', ...argsOf('BTC-USDT', 'trades-all'))
  exchange.advance(60_000)
  await exchange.finished
  const recorded = recordedFrames(RECORDING).filter((text) =>
    text.startsWith('{"arg":{"channel":"trades","instId":"BTC-USDT"}'),
  )
  expect(recorded.length).toBeGreaterThan(20)
  expect(business.texts.filter(isData)).toEqual(recorded.map((text) => text.replace('"trades"', '"trades-all"')))
  const trades = exchange.truth.spot.trades('BTC-USDT')
  const page = await rows<{ tradeId: string }>(exchange, 'spot', 'market/history-trades?instId=BTC-USDT&limit=5')
  expect(page.map(({ tradeId }) => Number(tradeId))).toEqual(
    trades
      .slice(-5)
      .map(({ id }) => id)
      .toReversed(),
  )
  await exchange.close()
})

test.skipIf(noRecordings)('instruments are the recorded ones of each market, with the fields of today', async () => {
  const exchange = await startExchange({ exchange: 'okx', recordings: [RECORDING], virtual: true })
  const count = async (market: Market, query: string) =>
    (await rows(exchange, market, `public/instruments?${query}`)).length
  expect([
    await count('spot', 'instType=SPOT'),
    await count('perpetual', 'instType=SWAP'),
    await count('future', 'instType=FUTURES'),
    await count('option', 'instType=OPTION&uly=BTC-USD'),
    await count('option', 'instType=OPTION&instFamily=ETH-USD'),
  ]).toEqual([513, 166, 104, 346, 350])
  expect(await rows(exchange, 'option', 'public/underlying?instType=OPTION')).toEqual([['BTC-USD', 'ETH-USD']])
  await exchange.close()
})

async function play(id: string): Promise<Exchange> {
  return startExchange({ exchange: 'okx', recordings: [caseFile(id)], virtual: true })
}

const data = (client: OkxClient) => client.texts.filter(isData)

test.skipIf(noCases)('C012: five instruments of one socket, each on the market of its type', async () => {
  const exchange = await play('C012')
  const wanted: [Market, string][] = [
    ['spot', 'BTC-USDT'],
    ['perpetual', 'BTC-USDT-SWAP'],
    ['perpetual', 'BTC-USD-SWAP'],
    ['future', 'BTC-USDT-260925'],
    ['option', 'BTC-USD-260925-90000-C'],
  ]
  const clients = wanted.map(([market, instId]) => {
    const client = okxClient(exchange, market)
    client.request('subscribe', ...argsOf(instId, 'trades'))
    return client
  })
  exchange.advance(5_000)
  expect(clients.flatMap((client) => data(client))).toEqual(recordedFrames(caseFile('C012')))
  await exchange.close()
})

test.skipIf(noCases)(
  'C018: after the notice the session waits for a second connection, and each gets its own frames',
  async () => {
    const exchange = await play('C018')
    const connect = () => {
      const client = okxClient(exchange, 'spot')
      client.request('subscribe', ...argsOf('BTC-USDT', 'trades', 'books'))
      return client
    }
    const old = connect()
    exchange.advance(20_000)
    expect(old.events().at(-1)).toMatchObject({ event: 'notice', code: '64008' })
    expect(old.code()).toBeUndefined()
    const young = connect()
    exchange.advance(10_000)
    expect(data(old)).toEqual(recordedFrames(caseFile('C018'), '#1'))
    expect(data(young)).toEqual(recordedFrames(caseFile('C018'), '#2'))
    expect([old.code(), young.code()]).toEqual([1006, undefined])
    await exchange.close()
  },
)

test.skipIf(noCases)('C022: a book whose checksum is 0 plays as it is', async () => {
  const exchange = await play('C022')
  const client = okxClient(exchange, 'perpetual')
  client.request('subscribe', ...argsOf('BTC-USDT-SWAP', 'books'))
  exchange.advance(5_000)
  expect(data(client)).toEqual(recordedFrames(caseFile('C022')))
  expect(exchange.truth.perpetual.bookAt('BTC-USDT-SWAP', 335_226_848_600)).toEqual({
    seq: 335_226_848_600,
    ...{
      bids: [
        ['64000.1', '118'],
        ['63999.9', '33'],
      ],
      asks: [
        ['64000.3', '7'],
        ['64000.9', '12'],
      ],
    },
  })
  await exchange.close()
})

test.skipIf(noCases)('C033: what was refused in the session is refused here, and the rest flows', async () => {
  const exchange = await play('C033')
  const client = okxClient(exchange, 'spot')
  client.request('subscribe', ...argsOf('BTC-USDT', 'books', 'candle1m', 'trades'), ...argsOf('FTM-USDT', 'trades'))
  exchange.advance(5_000)
  expect(
    client
      .events()
      .map(({ event }) => event)
      .slice(0, 4),
  ).toEqual(['subscribe', 'error', 'subscribe', 'error'])
  expect(data(client)).toEqual(recordedFrames(caseFile('C033')))
  await exchange.close()
})

test.skipIf(noCases)('C014: funding as it was said, and REST repeats it', async () => {
  const exchange = await startExchange({ exchange: 'okx', recordings: [caseFile('C014', 'okx.ndjson')], virtual: true })
  const client = okxClient(exchange, 'perpetual')
  client.request('subscribe', ...argsOf('XRP-USDT-SWAP', 'funding-rate'), ...argsOf('SOL-USDT-SWAP', 'funding-rate'))
  exchange.advance(5_000)
  expect(data(client)).toEqual(recordedFrames(caseFile('C014', 'okx.ndjson')))
  const [row] = await rows<Record<string, string>>(exchange, 'perpetual', 'public/funding-rate?instId=SOL-USDT-SWAP')
  expect(row).toMatchObject({ fundingRate: '-0.0001', nextFundingRate: '' })
  await exchange.close()
})

test.skipIf(noRecordings)('a recording of another exchange is refused with its host', async () => {
  const options = { exchange: 'okx', recordings: [join(SHARED, 'recordings/BINANCE')] } as const
  await expect(startExchange(options)).rejects.toThrow('which is no host of this exchange')
})
