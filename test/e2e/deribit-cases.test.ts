// Cases from the field that are sessions with Deribit, through the front door; what is expected stands in their
// expected.yaml.
import { expect, vi } from 'vitest'
import { WebSocket } from 'ws'
import type { Exchange } from '../exchange/exchange.ts'
import { keep } from '../support/kept.ts'
import { venue } from '../support/loopback.ts'
import { manifest } from './collect.ts'
import { startWorld } from './world.ts'
import { caseFile, followed, itPlays, play } from './played.ts'

vi.setConfig({ testTimeout: 60_000 })

const THREE = {
  exchange: 'deribit',
  symbols: { perpetual: ['BTC-USD'] },
  types: ['trade', 'orderbook', 'ticker'],
} as const
const REFUSAL = { message: 'raw_subscriptions_not_available_for_unauthorized', code: 13_778 }

itPlays('C009: a break in prev_change_id is a gap, and the chain goes on with the new snapshot', async () => {
  const symbol = 'ETH-USD-20260925-2800-C'
  await using played = await play({
    exchange: 'deribit',
    file: caseFile('C009'),
    symbols: { option: [symbol] },
    types: ['orderbook'],
  })
  await played.finish()
  const { keeping, world } = played
  const { order, book } = followed(keeping.sink.messages)
  expect(order).toEqual([
    'snapshot 100',
    'delta 100->103',
    'delta 103->104',
    'gap sequence 104..120',
    'snapshot 120',
    'delta 120->121',
  ])
  // book_after_seq_104: the delta removes 0.0025 and leaves no level of size 0.
  const { book: before } = followed(keeping.sink.messages.filter((m) => m.type === 'orderbook' && m.seq <= 104))
  const levels = (side: typeof book.bids) => side.levels().map(([price, size]) => [Number(price), Number(size)])
  expect([levels(before.bids), levels(before.asks)]).toEqual([
    [[0.0015, 4700]],
    [
      [0.002, 12],
      [0.003, 167],
    ],
  ])
  expect([book.last, levels(book.bids), levels(book.asks)]).toEqual([
    121,
    [
      [0.0017, 3],
      [0.0015, 4700],
      [0.0005, 1],
    ],
    [
      [0.002, 12],
      [0.003, 150],
    ],
  ])
  const texts = [...book.bids.levels(), ...book.asks.levels()].flat().filter((text) => text !== undefined)
  expect(texts.filter((text) => !/^\d+(?:\.\d+)?$/.test(text))).toEqual([])
  // Nothing of the old chain, and the socket, which others use, stayed.
  expect(keeping.of('gap').map(({ of, symbol: whose }) => [of, whose])).toEqual([['orderbook', symbol]])
  expect(world.exchange.ledger().connections).toMatchObject([{ closed: undefined }])
})

itPlays('C011: an amount of Deribit in dollars is a size in coins, and the raw figure beside it', async () => {
  await using played = await play({
    exchange: 'deribit',
    file: caseFile('C011', 'deribit.ndjson'),
    symbols: { perpetual: ['BTC-USD'] },
    types: ['trade'],
  })
  await played.finish()
  expect(played.keeping.of('trade').map(({ price, size, raw_size: raw }) => [price, size, raw])).toEqual([
    ['62500.0', '0.00016', '10.0'],
  ])
  expect([...played.keeping.sink.ids]).toContain('market:trade:deribit:perpetual:BTC-USD:48079')
})

const NAMES = {
  'XRP_USDC-25SEP26-0d525-C': ['option', 'XRP-USDC-20260925-0d525-C'],
  'XRP_USDC-25SEP26-0d55-C': ['option', 'XRP-USDC-20260925-0d55-C'],
  'BTC-6NOV26-90000-P': ['option', 'BTC-USD-20261106-90000-P'],
  'BTC-27NOV26': ['future', 'BTC-USD-20261127'],
  'BTC_USDC-PERPETUAL': ['perpetual', 'BTC-USDC'],
  'ETH-PERPETUAL': ['perpetual', 'ETH-USD'],
} as const

itPlays('C016: names with a decimal d, one-digit days and dates are subjects of five tokens', async () => {
  const of = (market: string) => Object.values(NAMES).flatMap(([own, symbol]) => (own === market ? [symbol] : []))
  await using played = await play({
    exchange: 'deribit',
    file: caseFile('C016'),
    symbols: { option: of('option'), future: of('future'), perpetual: of('perpetual') },
    types: ['trade'],
  })
  await played.finish()
  const { keeping, world } = played
  const listed = keeping.of('instrument').map((m) => [m.venue_symbol, [m.market, m.symbol]])
  expect(Object.fromEntries(listed)).toEqual(NAMES)
  const xrp = keeping.of('instrument', 'XRP-USDC-20260925-0d525-C')
  expect(xrp).toMatchObject([{ base: 'XRP', quote: 'USDC', expiry: Date.UTC(2026, 8, 25, 8) * 1000 }])
  const subjects = keeping.of('trade').map((m) => ['market', m.type, m.exchange, m.market, m.symbol].join('.'))
  expect(subjects.toSorted()).toEqual(
    Object.values(NAMES)
      .map(([market, symbol]) => `market.trade.deribit.${market}.${symbol}`)
      .toSorted(),
  )
  expect(subjects.filter((subject) => subject.split('.').length !== 5)).toEqual([])
  const asked = world.exchange.ledger().connections.flatMap(({ streams }) => Object.keys(streams))
  expect(asked).toContain('trades.XRP_USDC-25SEP26-0d525-C.100ms')
  expect(keeping.of('gap')).toEqual([])
})

itPlays('C023: no raw channel is asked for, and the heartbeat is answered within five seconds', async () => {
  await using played = await play({ ...THREE, file: caseFile('C023'), pace: 8 })
  const { keeping, world } = played
  await played.finish()
  // The exchange cuts who leaves a test_request unanswered for five seconds.
  const begin = keeping.running.status().atMs
  await keeping.until('fifteen seconds have passed', ({ atMs }) => atMs > begin + 15_000)
  const { connections } = world.exchange.ledger()
  expect(connections.map(({ closed }) => closed)).toEqual([undefined])
  expect(connections.flatMap(({ streams }) => Object.keys(streams)).filter((name) => name.endsWith('.raw'))).toEqual([])
  expect(keeping.logged.filter(({ msg }) => msg === 'unknown frame')).toEqual([])
})

itPlays('C023: what is refused as a whole is asked for again at once, on the same socket, and said', async () => {
  await using world = await startWorld(1, {
    exchange: 'deribit',
    markets: ['perpetual'],
    symbols: 1,
    rate: 100,
    levels: 40,
  })
  const { websocket, rest } = world.exchange.urls.perpetual
  const requests: { channels: string[]; atMs: number }[] = []
  // Refuses the first request, whatever is in it; the rest goes to the exchange.
  const between = await venue((near, index) => {
    const far = new WebSocket(`${websocket}/ws/api/v2`)
    const waiting: string[] = []
    far.on('open', () => waiting.splice(0).forEach((text) => far.send(text)))
    far.on('message', (data: Buffer) => near.send(data.toString()))
    near.on('close', () => far.close())
    near.on('message', (data: Buffer) => {
      const text = data.toString()
      const { id, method, params } = JSON.parse(text) as { id: number; method: string; params: { channels: string[] } }
      if (method === 'public/subscribe') {
        requests.push({ channels: params.channels, atMs: performance.now() })
        if (requests.length === 1) return near.send(JSON.stringify({ jsonrpc: '2.0', id, error: REFUSAL }))
      }
      if (far.readyState === WebSocket.OPEN) far.send(text)
      else waiting.push(text)
    })
    expect(index).toBe(0)
  })
  const endpoints = { perpetual: { websocket: between.url.replace('/ws', ''), rest } } as Exchange['urls']
  await using keeping = await keep(manifest({ urls: endpoints }, { ...THREE, sink: { file: { path: 'kept' } } }))
  await keeping.until('all are live', ({ channels }) => {
    return channels.length === 3 && channels.every(({ state, inSync }) => state === 'live' && inSync !== false)
  })
  expect(keeping.of('gap')).toEqual([])
  expect(between.sockets.length).toBe(1)
  const [first, ...again] = requests
  expect(again.flatMap(({ channels }) => channels).toSorted()).toEqual(first?.channels.toSorted())
  expect(again.every(({ atMs }) => atMs - (first?.atMs ?? 0) < 1_000)).toBe(true)
  // Never the same request once more.
  expect(again.every(({ channels }) => channels.length < 3)).toBe(true)
  const said = keeping.logged.filter(({ msg }) => String(msg).includes('refuses'))
  expect(said).toMatchObject([{ message: expect.stringContaining('13778'), streams: first?.channels }])
})
