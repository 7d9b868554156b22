// Cases from the field that are sessions with OKX, through the front door; what is expected stands in their
// expected.yaml. What a case shows on the channel `trades` comes on `trades-all`, which has a path of its own.
import { expect, vi } from 'vitest'
import type { CollectorStatus } from '../../collector/status.ts'
import { describeWithNats, startNats } from '../nats.ts'
import { startExchange } from '../exchange/exchange.ts'
import { collect, jetstream, manifest } from './collect.ts'
import { caseFile, followed, itPlays, play } from './played.ts'
import { audit, storedIn } from './proof.ts'
import { observe } from '../stored.ts'

vi.setConfig({ testTimeout: 60_000 })

const byName = (a: readonly unknown[], b: readonly unknown[]) => String(a).localeCompare(String(b))
const unknown = (logged: readonly Record<string, unknown>[]) => logged.filter(({ msg }) => msg === 'unknown frame')

itPlays(
  'C011: contracts of OKX that are worth dollars have sizes in coins, and the raw figure beside them',
  async () => {
    const file = caseFile('C011', 'okx.ndjson')
    await using played = await play({ exchange: 'okx', file, symbols: { perpetual: ['BTC-USD'] }, types: ['trade'] })
    await played.finish()
    const trades = played.keeping.of('trade')
    expect(trades.map(({ id, price, size, raw_size: raw }) => [id, price, size, raw])).toEqual([
      ['7849', '25000', '0.012', '3'],
      ['7850', '28000', '0.025', '7'],
      ['7851', '30218.8', '0.00330919824745', '1'],
    ])
    expect([...played.keeping.sink.ids].filter((id) => id.startsWith('market:trade:'))).toEqual([
      'market:trade:okx:perpetual:BTC-USD:7849',
      'market:trade:okx:perpetual:BTC-USD:7850',
      'market:trade:okx:perpetual:BTC-USD:7851',
    ])
  },
)

describeWithNats('five instruments of one pair', () => {
  itPlays('C012: keep apart in JetStream, though all their trades have the id 7849', async () => {
    await using nats = await startNats()
    const exchange = await startExchange({ exchange: 'okx', recordings: [caseFile('C012')], speed: 4 })
    const symbols = {
      spot: ['BTC-USDT'],
      perpetual: ['BTC-USDT', 'BTC-USD'],
      future: ['BTC-USDT-20260925'],
      option: ['BTC-USD-20260925-90000-C'],
    }
    const sink = jetstream(nats.url, 'MARKET')
    await using collecting = await collect(manifest(exchange, { exchange: 'okx', symbols, types: ['trade'], sink }))
    await exchange.finished
    await collecting.until('the trades are stored', ({ channels }) => {
      return channels.length === 5 && channels.every((c) => c.acknowledged === 1)
    })
    const { ledger } = await collecting.close()
    expect([ledger.messagesDuplicate, ledger.messagesForeign, ledger.gaps]).toEqual([0, 0, 0])
    await using observer = await observe(nats.url)
    const stored = (await observer.messages('MARKET')).filter(({ payload }) => payload['type'] === 'trade')
    expect(stored.map(({ subject, id, payload }) => [subject, id, Number(payload['size'])]).toSorted(byName)).toEqual(
      [
        ['future.BTC-USDT-20260925', 0.5],
        ['option.BTC-USD-20260925-90000-C', 0.1],
        ['perpetual.BTC-USD', 0.05],
        ['perpetual.BTC-USDT', 0.5],
        ['spot.BTC-USDT', 0.5],
      ].map(([name, size]) => [
        `market.trade.okx.${name}`,
        `market:trade:okx:${String(name).replaceAll('.', ':')}:7849`,
        size,
      ]),
    )
    expect(await audit('--stream', 'MARKET', '--nats', nats.url)).toMatchObject({ code: 0, report: { findings: [] } })
    expect((await storedIn(nats.url, 'MARKET')).filter(({ type }) => type === 'instrument').length).toBe(5)
    await exchange.close()
  })
})

itPlays('C014: funding rates of OKX that are empty are absent, and the interval is not always 8 hours', async () => {
  const file = caseFile('C014', 'okx.ndjson')
  const symbols = { perpetual: ['XRP-USDT', 'SOL-USDT'] }
  await using played = await play({ exchange: 'okx', file, symbols, types: ['funding_rate'] })
  await played.finish()
  const rates = played.keeping.of('funding_rate')
  expect(rates).toMatchObject([
    { symbol: 'XRP-USDT', rate: '0.0000725960411548', funding_time: 1_790_003_600_000_000, interval_hours: 4 },
    { symbol: 'SOL-USDT', rate: '-0.0001', funding_time: 1_790_003_600_000_000, interval_hours: 8 },
  ])
  expect(rates.some((rate) => 'next_rate' in rate)).toBe(false)
  const { ledger } = played.keeping.running.status()
  expect([played.keeping.of('gap'), ledger.framesRefused]).toEqual([[], { binary: 0, malformed: 0 }])
})

itPlays('C018: a socket that OKX asks to leave is replaced at once, without a gap or a trade twice', async () => {
  await using played = await play({
    exchange: 'okx',
    file: caseFile('C018'),
    symbols: { spot: ['BTC-USDT'] },
    types: ['trade', 'orderbook'],
  })
  await played.finish()
  const { keeping, world } = played
  expect(keeping.of('trade').map(({ id }) => id)).toEqual(['11', '12'])
  expect([keeping.sink.doubles, keeping.of('gap'), unknown(keeping.logged)]).toEqual([[], [], []])
  const { order, book } = followed(keeping.sink.messages)
  expect(order.filter((one) => one !== 'snapshot 505')).toEqual([
    'snapshot 500',
    'delta 500->505',
    'delta 505->509',
    'delta 509->515',
  ])
  expect([book.last, book.bids.levels(), book.asks.levels()]).toEqual([515, [['64000', '3']], [['64000.2', '5']]])
  // Two sockets on each path, and the second before the first one died: no cool-down.
  const left = await keeping.until('both were replaced', ({ sessions }) =>
    sessions.every(({ planned }) => planned === 1),
  )
  expect(left.sessions.map(({ lost }) => lost)).toEqual([0, 0])
  expect(world.exchange.ledger().connections.length).toBe(4)
})

const BOOK = { exchange: 'okx', symbols: { perpetual: ['BTC-USDT'] }, types: ['orderbook'] } as const

itPlays('C022: a checksum of 0 in every frame is none, and the book goes on by its sequence', async () => {
  await using played = await play({ ...BOOK, file: caseFile('C022') })
  await played.finish()
  const { keeping, world } = played
  const { order, book } = followed(keeping.sink.messages)
  expect(order).toEqual([
    'snapshot 335226848531',
    'delta 335226848531->335226848538',
    'delta 335226848538->335226848560',
    'delta 335226848560->335226848561',
    'delta 335226848561->335226848600',
  ])
  const raw = (levels: ReturnType<typeof book.bids.levels>) => levels.map(([price, , figure]) => [price, figure])
  expect([book.last, raw(book.bids.levels()), raw(book.asks.levels())]).toEqual([
    335_226_848_600,
    [
      ['64000.1', '118'],
      ['63999.9', '33'],
    ],
    [
      ['64000.3', '7'],
      ['64000.9', '12'],
    ],
  ])
  expect(keeping.of('gap')).toEqual([])
  // One socket, asked once.
  expect(world.exchange.ledger().connections).toMatchObject([{ closed: undefined, received: { messages: 1 } }])
})

itPlays.each([
  ['a sequence that breaks', 'sequence', ['"prevSeqId":335226848538', '"prevSeqId":335226848539']],
  [
    'a checksum that is not 0 and wrong',
    'checksum',
    ['"checksum":0,"prevSeqId":335226848538', '"checksum":7,"prevSeqId":335226848538'],
  ],
] as const)('C022: %s is found all the same', async (_, reason, [from, to]) => {
  await using played = await play({ ...BOOK, file: caseFile('C022'), change: (text) => text.replace(from, to) })
  await played.finish()
  const { keeping, world } = played
  await keeping.close()
  const order = keeping.sink.messages.flatMap<number | string>((m) =>
    m.type === 'orderbook' ? [m.seq] : m.type === 'gap' ? [m.reason] : [],
  )
  expect(order).toEqual([335_226_848_531, 335_226_848_538, reason])
  // Asked for anew on the same socket: unsubscribed, subscribed.
  expect(world.exchange.ledger().connections).toMatchObject([{ closed: undefined }])
})

/** The session ends before the book's snapshot came. */
const withSnapshot = (text: string) =>
  `${text.trimEnd()}\n#1 1790000000.300: {"arg":{"channel":"books","instId":"BTC-USDT"},"action":"snapshot","data":[{"asks":[["64000.2","1","0","1"]],"bids":[["64000.1","1","0","1"]],"ts":"1790000000290","checksum":0,"prevSeqId":-1,"seqId":7}]}\n`
const FOUR = {
  symbols: { spot: ['BTC-USDT', 'FTM-USDT'] },
  types: ['trade', 'orderbook', 'kline'],
  change: withSnapshot,
} as const
const states = ({ channels }: CollectorStatus) =>
  channels.map(({ symbol, type, state, detail = '' }) => `${symbol} ${type}: ${state} ${detail}`.trim()).toSorted()

itPlays('C033: candles are asked for on their own address, and a symbol that is not listed is named', async () => {
  await using played = await play({ exchange: 'okx', file: caseFile('C033'), ...FOUR })
  await played.finish()
  const { keeping, world } = played
  const status = await keeping.until('the book is live', ({ channels }) =>
    channels.some(({ inSync }) => inSync === true),
  )
  const notListed = (type: string) => expect.stringMatching(`^FTM-USDT ${type}: down not listed by the venue`)
  expect(states(status)).toEqual([
    expect.stringMatching(/^BTC-USDT kline: quiet/),
    'BTC-USDT orderbook: live',
    'BTC-USDT trade: live',
    notListed('kline'),
    notListed('orderbook'),
    notListed('trade'),
  ])
  expect(keeping.logged.filter(({ symbol }) => symbol === 'FTM-USDT').map(({ msg }) => msg)).toEqual(
    Array.from({ length: 3 }, () => expect.stringMatching(/^cannot be collected: not listed by the venue/)),
  )
  expect(keeping.of('trade').map(({ id }) => id)).toEqual(['1'])
  expect(unknown(keeping.logged)).toEqual([])
  const { connections } = world.exchange.ledger()
  expect(connections.map(({ path, closed, streams }) => [path, closed, Object.keys(streams)]).toSorted(byName)).toEqual(
    [
      ['/ws/v5/business', undefined, ['{"channel":"trades-all","instId":"BTC-USDT"}']],
      ['/ws/v5/public', undefined, ['{"channel":"books","instId":"BTC-USDT"}']],
    ],
  )
})

itPlays('C033: what the venue lists and refuses all the same is asked for less and less often', async () => {
  // Delisted a moment ago: in the list, and refused with 60018.
  const list = (body: string) => {
    const answer = JSON.parse(body) as { data: { instId: string; baseCcy: string }[] }
    const [first] = answer.data
    const data = [...answer.data, { ...first, instId: 'FTM-USDT', baseCcy: 'FTM' }]
    return JSON.stringify({ ...answer, data })
  }
  await using played = await play({ exchange: 'okx', file: caseFile('C033'), ...FOUR, rest: list, pace: 30 })
  await played.finish()
  const { keeping, world } = played
  const refused = await keeping.until(
    'three are refused',
    (status) => states(status).filter((s) => s.includes('60018')).length === 3,
  )
  expect(states(refused)).toEqual([
    expect.stringMatching(/^BTC-USDT kline: quiet/),
    'BTC-USDT orderbook: live',
    'BTC-USDT trade: live',
    ...['kline', 'orderbook', 'trade'].map((type) =>
      expect.stringMatching(`^FTM-USDT ${type}: down refused by the venue: 60018`),
    ),
  ])
  const begin = keeping.running.status().atMs
  await keeping.until('two minutes have passed', ({ atMs }) => atMs > begin + 120_000)
  const { connections } = world.exchange.ledger()
  expect(connections.map(({ closed }) => closed)).toEqual([undefined, undefined])
  // A ping each five seconds is among them; 480 requests an hour would be allowed.
  const requests = Math.max(...connections.map(({ received }) => received.messages))
  expect([requests > 2, requests < 24 + 6]).toEqual([true, true])
  expect(keeping.logged.filter(({ msg }) => msg === 'the venue refuses a stream').length).toBe(3)
})
