// The recorded session of 2021, and the field cases that are sessions with Deribit.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { connectClient } from '../client.ts'
import { readRecording } from '../recording.ts'
import { asNumbers, ask, connectDeribit, PATH, startDeribit } from './client.ts'
import { dataOf, follow } from './documented-book.ts'

const SHARED = join(import.meta.dirname, '../../../../shared')
const RECORDING = join(SHARED, 'recordings/DERIBIT')
const CASES = join(SHARED, 'cases')
const missing = !existsSync(`${RECORDING}.0`)
const missingCases = !existsSync(CASES)

function caseFile(id: string, file = 'input.ndjson'): string {
  return join(CASES, readdirSync(CASES).find((name) => name.startsWith(id)) ?? id, file)
}

/** Data frames as they were recorded, and the channels that were asked for. */
function recordedFrames(path: string): string[] {
  return readRecording(path).flatMap((item) =>
    item.kind === 'frame' && item.body.includes('"subscription"') ? [item.body] : [],
  )
}

function asked(path: string): string[] {
  const request = readRecording(path).find((item) => item.kind === 'asked')
  return JSON.parse(request!.kind === 'asked' ? request!.body : '').params.channels
}

const served = (text: string) => text.replace(/\.raw"/u, '.100ms"')

test.skipIf(missing)(
  'the recorded session comes through a socket whole and in order, its raw channels as 100ms',
  async () => {
    const exchange = await startDeribit({ recordings: [RECORDING], speed: 'max', virtual: false })
    const client = await connectClient(exchange.urls.option.websocket + PATH)
    const channels = asked(RECORDING).map((channel) => channel.replace('.raw', '.100ms'))
    client.send({ jsonrpc: '2.0', id: 1, method: 'public/subscribe', params: { channels } })
    await exchange.finished
    client.close()
    await client.closed
    const frames = client.texts.filter((text) => text.includes('"subscription"'))
    expect(frames).toEqual(recordedFrames(RECORDING).map(served))
    expect(JSON.parse(client.texts[0]!).result).toEqual(channels.toSorted().toReversed())
    const books = channels.filter((channel) => channel.startsWith('book.'))
    for (const channel of books) {
      const book = follow(dataOf(client.texts, channel))
      expect(book).toEqual(asNumbers(exchange.truth.option.bookAt(channel.split('.')[1]!, book.seq)))
    }
    expect(books).toHaveLength(10)
    await exchange.close()
  },
)

test.skipIf(missing)('raw channels of the recording are refused as they are today', async () => {
  const exchange = await startDeribit({ recordings: [RECORDING] })
  expect(connectDeribit(exchange, 'option').subscribe(...asked(RECORDING))).toMatchObject({ error: { code: 13_778 } })
  await exchange.close()
})

test.skipIf(missing)(
  'the recorded lists answer for any currency, one, and each kind, with the fields of today',
  async () => {
    const exchange = await startDeribit({ recordings: [RECORDING], limits: { restTimes: 10 } })
    const count = async (market: 'perpetual' | 'future' | 'option', query: string) =>
      (await ask(exchange, market, `get_instruments?${query}`)).result.length
    expect(await count('option', 'currency=any&kind=option')).toBe(390 + 418 + 172)
    expect(await count('option', 'currency=any&expired=false')).toBe(980)
    expect(await count('option', 'currency=ETH&kind=option')).toBe(418)
    expect(await count('option', 'currency=any&kind=future')).toBe(0)
    expect((await count('perpetual', 'currency=any')) + (await count('future', 'currency=any'))).toBe(8 + 8 + 5 + 16)
    const { result } = await ask(exchange, 'option', 'get_instruments?currency=BTC')
    expect(result[0]).toMatchObject({
      instrument_type: 'reversed',
      counter_currency: 'USD',
      settlement_currency: 'BTC',
    })
    await exchange.close()
  },
)

test.skipIf(missing)(
  'who subscribes late gets the book and the ticker of that moment, and REST has the same',
  async () => {
    const exchange = await startDeribit({ recordings: [RECORDING] })
    const channels = asked(RECORDING).map((channel) => channel.replace('.raw', '.100ms'))
    const first = connectDeribit(exchange, 'option')
    first.subscribe(...channels)
    exchange.advance(10_000)
    const late = connectDeribit(exchange, 'option')
    const name = 'ETH-30JUL21-2800-C'
    late.subscribe(`book.${name}.100ms`, `ticker.${name}.100ms`)
    expect(dataOf(late.texts, `ticker.${name}.100ms`)).toEqual(dataOf(first.texts, `ticker.${name}.100ms`).slice(-1))
    const { result } = await ask(exchange, 'option', `get_order_book?instrument_name=${name}&depth=10000`)
    const now = follow(dataOf(late.texts, `book.${name}.100ms`))
    expect({ seq: result.change_id, bids: result.bids, asks: result.asks }).toEqual(now)
    const summary = await ask(exchange, 'option', 'get_book_summary_by_currency?currency=ETH&kind=option')
    expect(summary.result).toContainEqual(expect.objectContaining({ instrument_name: name, open_interest: 12_685 }))
    exchange.advance(30_000)
    expect(follow(dataOf(late.texts, `book.${name}.100ms`))).toEqual(follow(dataOf(first.texts, `book.${name}.100ms`)))
    await exchange.close()
  },
)

test.skipIf(missing)('a lost frame breaks the recorded chain, and a subscription anew mends it', async () => {
  const exchange = await startDeribit({ recordings: [RECORDING] })
  const client = connectDeribit(exchange, 'option')
  const channels = asked(RECORDING).map((channel) => channel.replace('.raw', '.100ms'))
  client.subscribe(...channels)
  exchange.advance(500)
  exchange.faults.add({ kind: 'sequence_gap', of: 'orderbook' })
  exchange.advance(20_000)
  const broken = channels
    .filter((channel) => channel.startsWith('book.'))
    .find((channel) => {
      try {
        follow(dataOf(client.texts, channel))
        return false
      } catch {
        return true
      }
    })!
  const before = client.texts.length
  client.call('public/unsubscribe', { channels: [broken] })
  client.subscribe(broken)
  exchange.advance(20_000)
  const book = follow(dataOf(client.texts.slice(before), broken))
  expect(book).toEqual(asNumbers(exchange.truth.option.bookAt(broken.split('.')[1]!, book.seq)))
  await exchange.close()
})

test.skipIf(missingCases)(
  'C009: changes of the old chain come before the new snapshot, which is the recorded one',
  async () => {
    const exchange = await startDeribit({ recordings: [caseFile('C009')] })
    const client = connectDeribit(exchange, 'option')
    const channel = 'book.ETH-25SEP26-2800-C.100ms'
    client.subscribe(channel)
    exchange.advance(560)
    client.call('public/unsubscribe', { channels: [channel] })
    client.subscribe(channel)
    exchange.advance(1_000)
    const frames = dataOf(client.texts, channel)
    expect(frames.map((frame) => [frame.prev_change_id, frame.change_id])).toEqual([
      [undefined, 100],
      [100, 103],
      [103, 104],
      [110, 112],
      [112, 115],
      [undefined, 120],
      [120, 121],
    ])
    expect(follow(frames.slice(-2))).toEqual(asNumbers(exchange.truth.option.bookAt('ETH-25SEP26-2800-C', 121)))
    await exchange.close()
  },
)

test.skipIf(missingCases)('C011: a session without requests waits for the channels that came in it', async () => {
  const exchange = await startDeribit({ recordings: [caseFile('C011', 'deribit.ndjson')] })
  exchange.advance(1_000)
  const client = connectDeribit(exchange, 'perpetual')
  client.subscribe('trades.BTC-PERPETUAL.100ms')
  exchange.advance(1_000)
  expect(dataOf(client.texts, 'trades.BTC-PERPETUAL.100ms')).toMatchObject([[{ trade_id: '48079', amount: 10 }]])
  const { result } = await ask(exchange, 'perpetual', 'get_last_trades_by_instrument?instrument_name=BTC-PERPETUAL')
  expect(result.trades).toMatchObject([{ trade_seq: 30_289, price: 62_500 }])
  await exchange.close()
})

test.skipIf(missingCases)('C016: one socket with all markets is played to each market for itself', async () => {
  const exchange = await startDeribit({ recordings: [caseFile('C016')] })
  const names = {
    perpetual: ['BTC_USDC-PERPETUAL', 'ETH-PERPETUAL'],
    future: ['BTC-27NOV26'],
    option: ['XRP_USDC-25SEP26-0d525-C', 'XRP_USDC-25SEP26-0d55-C', 'BTC-6NOV26-90000-P'],
  } as const
  for (const market of ['perpetual', 'future', 'option'] as const) {
    const client = connectDeribit(exchange, market)
    const channels = names[market].map((name) => `trades.${name}.100ms`)
    expect(client.subscribe(...channels)).toMatchObject({ result: channels.toSorted().toReversed() })
    exchange.advance(1_000)
    expect(channels.map((channel) => dataOf(client.texts, channel).length)).toEqual(channels.map(() => 1))
  }
  await exchange.close()
})

test.skipIf(missingCases)('C023: the session plays to who asks without raw, with its test_request', async () => {
  const exchange = await startDeribit({ recordings: [caseFile('C023')] })
  const client = connectDeribit(exchange, 'perpetual')
  client.subscribe('trades.BTC-PERPETUAL.100ms', 'book.BTC-PERPETUAL.100ms', 'ticker.BTC-PERPETUAL.100ms')
  exchange.advance(10_000)
  expect(client.texts.at(-1)).toContain('"type":"test_request"')
  await exchange.close()
})
