import { existsSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { type ChannelPlan, Intake, type Made } from '../../test/support/intake.ts'
import { type Item, readRecording } from '../../test/exchange/recording.ts'
import { roomOf } from './registry.ts'

const FOLDER = fileURLToPath(new URL('../../../shared/cases/', import.meta.url))
const missing = !existsSync(FOLDER)

/** The session of a case. */
function session(id: string, file = 'input'): Item[] {
  const folder = readdirSync(FOLDER).find((name) => name.startsWith(id)) ?? id
  return readRecording(`${FOLDER}${folder}/${file}.ndjson`)
}

/** Plays a session; `published` is what came out, in order. */
async function play(intake: Intake, items: readonly Item[]): Promise<Made[]> {
  const published: Made[] = []
  for (const item of items) {
    if (item.kind === 'frame') intake.frame(Buffer.from(item.body))
    else if (item.kind === 'rest') await intake.answer(item.url.pathname + item.url.search, Buffer.from(item.body))
    await intake.clock.advance(1)
    published.push(...intake.take())
  }
  return published
}

function open(market: 'spot' | 'perpetual', plan: ChannelPlan): Intake {
  const room = roomOf('binance', market)
  if (room === undefined) throw new Error(`no room for ${market}`)
  return new Intake(room, [plan])
}

test.skipIf(missing)('C014: a contract of Binance without funding has no message, and none is made up', () => {
  const frames = session('C014', 'binance').flatMap((item) => (item.kind === 'frame' ? [item.body] : []))
  const { data } = JSON.parse(frames[0] ?? '') as { data: { s: string }[] }
  const rates = data.map((one) => {
    const plan: ChannelPlan = { type: 'funding_rate', symbol: 'BTC-USDT', venueSymbol: one.s }
    const intake = open('perpetual', plan)
    // The case has all symbols in one frame; the same comes for each on a stream of its own.
    intake.frame(Buffer.from(JSON.stringify({ stream: `${one.s.toLowerCase()}@markPrice@1s`, data: one })))
    expect(intake.counts).toMatchObject({ received: 1, data: 1, refused: { malformed: 0 } })
    return [one.s, intake.take().map(({ message }) => message)]
  })
  expect(rates).toMatchObject([
    ['BTCUSDT', [{ type: 'funding_rate', rate: '0.00010000', funding_time: 1_790_003_600_000_000 }]],
    ['BTCUSDT_261225', []],
  ])
  // A dated contract has no such channel, and whoever asks for it is told so.
  expect(roomOf('binance', 'future')?.types.funding_rate).toBeUndefined()
})

test.skipIf(missing)(
  'C024: a hole in the aggregate ids is filled once by REST and in order, one in the single ids is none',
  async () => {
    const intake = open('perpetual', { type: 'trade', symbol: 'BTC-USDT', venueSymbol: 'BTCUSDT' })
    const published = await play(intake, session('C024'))
    expect(published.map(({ message }) => message.type === 'trade' && message.id)).toEqual([
      '500',
      '501',
      '502',
      '503',
      '504',
    ])
    expect(
      published.flatMap(({ message }) => (message.type === 'trade' && message.filled ? [message.id] : [])),
    ).toEqual(['503'])
    expect(intake.questions).toEqual([])
    expect(intake.channels.find(({ type }) => type === 'trade')?.tally).toMatchObject({ made: 5, dropped: 0, gaps: 0 })
  },
)

test.skipIf(missing)(
  'C025: the best bid and ask of spot have no ts, and ids that another replica makes alike',
  async () => {
    const items = session('C025')
    const plan: ChannelPlan = { type: 'ticker', symbol: 'BCH-USDT', venueSymbol: 'BCHUSDT' }
    const [one, other] = [open('spot', plan), open('spot', plan)]
    await other.clock.advance(5_000)
    const [published, elsewhere] = [await play(one, items), await play(other, items)]
    const ids = published.map(({ id }) => id)
    expect(ids).toEqual(['7269204590', '7269204595'].map((u) => `market:ticker:binance:spot:BCH-USDT:${u}`))
    expect(elsewhere.map(({ id }) => id)).toEqual(ids)
    const sizes = published.map(
      ({ message: { ts, ...m } }) => m.type === 'ticker' && [ts, m.bid, m.bid_size, m.received > 0],
    )
    expect(sizes).toEqual([
      [undefined, '391.10000000', '27.10000000', true],
      [undefined, '391.10000000', '27.00000000', true],
    ])
    expect(one.counts).toMatchObject({ received: 2, data: 2 })
  },
)
