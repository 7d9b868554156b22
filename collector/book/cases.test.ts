// The cases of ../shared/cases whose books come from a stream, played socket by socket.
import { existsSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import type { ExchangeName, Market } from '../../crds/names.ts'
import { readRecording } from '../../test/exchange/recording.ts'
import { describeBook } from '../../test/support/books.ts'
import { Intake } from '../../test/support/intake.ts'
import { roomOf } from '../exchanges/registry.ts'
import { ConsumerBook } from './consumer.ts'

const FOLDER = fileURLToPath(new URL('../../../shared/cases/', import.meta.url))
const missing = !existsSync(FOLDER)

interface Played {
  /** What was published, in words, and `anew` where the stream was to be subscribed anew. */
  readonly said: readonly string[]
  /** A consumer's book at the end. */
  readonly seq: number | undefined
  readonly bids: readonly (readonly unknown[])[]
  readonly asks: readonly (readonly unknown[])[]
}

async function play(
  id: string,
  exchange: ExchangeName,
  market: Market,
  symbol: string,
  venueSymbol: string,
): Promise<Played> {
  const room = roomOf(exchange, market)
  if (room === undefined) throw new Error(`no room ${exchange} ${market}`)
  const intake = new Intake(room, [{ type: 'orderbook', symbol, venueSymbol }])
  const consumer = new ConsumerBook()
  const said: string[] = []
  const sockets = new Map<string, number>()
  const folder = readdirSync(FOLDER).find((name) => name.startsWith(id)) ?? id
  for (const item of readRecording(`${FOLDER}${folder}/input.ndjson`)) {
    if (item.kind === 'open') sockets.set(item.socket, sockets.size + 1)
    else if (item.kind === 'close') intake.tracks[0]?.interrupt('disconnect', sockets.get(item.socket) ?? 0)
    else if (item.kind === 'frame') intake.frame(Buffer.from(item.body), { socketId: sockets.get(item.socket) ?? 0 })
    for (const { message } of intake.take()) {
      said.push(...describeBook(message).map((line) => line.split(' bid')[0] ?? line))
      if (message.type === 'orderbook') consumer.take(message)
    }
    if (intake.resubscribed.splice(0).length > 0) said.push('anew')
  }
  expect(intake.counts.refused).toMatchObject({ malformed: 0 })
  const { last, bids, asks } = consumer
  const numbers = (level: readonly (string | undefined)[]) => level.slice(0, 2).map(Number)
  return { said, seq: last, bids: bids.levels().map(numbers), asks: asks.levels().map(numbers) }
}

test.skipIf(missing)('C009: changes of a broken chain are not published; the stream is subscribed anew', async () => {
  const played = await play('C009', 'deribit', 'option', 'ETH-USD-20260925-2800-C', 'ETH-25SEP26-2800-C')
  expect(played).toEqual({
    said: [
      'snapshot 100',
      'delta 100->103',
      'delta 103->104',
      'anew',
      'gap sequence 104..120',
      'snapshot 120',
      'delta 120->121',
    ],
    seq: 121,
    bids: [
      [0.0017, 3],
      [0.0015, 4700],
      [0.0005, 1],
    ],
    asks: [
      [0.002, 12],
      [0.003, 150],
    ],
  })
})

test.skipIf(missing)(
  'C018: a book goes from a socket that dies to the one that replaces it without a gap',
  async () => {
    expect(await play('C018', 'okx', 'spot', 'BTC-USDT', 'BTC-USDT')).toEqual({
      said: ['snapshot 500', 'delta 500->505', 'delta 505->509', 'delta 509->515'],
      seq: 515,
      bids: [[64000, 3]],
      asks: [[64000.2, 5]],
    })
  },
)

test.skipIf(missing)('C022: a checksum of 0 is none, and sequences are compared all the same', async () => {
  const played = await play('C022', 'okx', 'perpetual', 'BTC-USDT', 'BTC-USDT-SWAP')
  expect(played.said.map((line) => line.split(' ')[0])).toEqual(['snapshot', 'delta', 'delta', 'delta', 'delta'])
  expect(played).toMatchObject({
    seq: 335226848600,
    bids: [
      [64000.1, 118],
      [63999.9, 33],
    ],
    asks: [
      [64000.3, 7],
      [64000.9, 12],
    ],
  })
})
