import { existsSync, readdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { describe, expect, test, vi } from 'vitest'
import { type Item, readRecording } from '../../../test/exchange/recording.ts'
import { type ChannelPlan, Intake, type Made } from '../../../test/support/intake.ts'
import { MISSING_RECORDINGS } from '../../../test/support/recorded.ts'
import type { DataType, Market } from '../../../crds/names.ts'
import type { Message } from '../../market/messages.ts'
import { Frame } from '../../wire/frame.ts'
import type { Listing, Query, Room } from '../room.ts'
import { okx } from './room.ts'
import { protocol } from './socket.ts'

type Fields = Record<string, unknown>

const SHARED = fileURLToPath(new URL('../../../../shared/', import.meta.url))
const MISSING_CASES = !existsSync(`${SHARED}cases`)
const MARKETS: Readonly<Record<string, Market>> = {
  SPOT: 'spot',
  SWAP: 'perpetual',
  FUTURES: 'future',
  OPTION: 'option',
}

function roomOf(market: Market): Room {
  const room = okx.find((one) => one.market === market)
  if (room === undefined) throw new Error(`no room ${market}`)
  return room
}

function sessionOf(id: string, file = 'input'): Item[] {
  const folder = readdirSync(`${SHARED}cases`).find((name) => name.startsWith(id)) ?? id
  return readRecording(`${SHARED}cases/${folder}/${file}.ndjson`)
}

/** What a session's answers list of what its frames name, each once, though the answers repeat. */
function listed(items: readonly Item[]): { market: Market; listing: Listing }[] {
  const frames = items.flatMap((item) => (item.kind === 'frame' ? [item.body] : [])).join()
  const seen = new Map(allListed(items).map((one) => [one.listing.venueSymbol, one]))
  return [...seen.values()].filter(({ listing }) => frames.includes(`"${listing.venueSymbol}"`))
}

function allListed(items: readonly Item[]): { market: Market; listing: Listing }[] {
  return items.flatMap((item) => {
    const market = item.kind === 'rest' ? MARKETS[item.url.searchParams.get('instType') ?? ''] : undefined
    if (item.kind !== 'rest' || market === undefined) return []
    const read = roomOf(market).instruments.read(Buffer.from(item.body), queryOf(item.url))
    return (read?.listings ?? []).map((listing) => ({ market, listing }))
  })
}

function queryOf(url: URL): Query {
  return { path: url.pathname + url.search, weight: 1 }
}

/** The venue's channel of trades that is collected is another than that of old sessions, in the same form. */
function frameOf(body: string): Buffer {
  return Buffer.from(body.replace('"channel":"trades"', '"channel":"trades-all"'))
}

/** Everything that is listed in a session, for each market an intake; frames go to all. */
class Venue {
  readonly intakes = new Map<Market, Intake>()
  readonly made: Made[] = []

  constructor(instruments: ReturnType<typeof listed>, types: readonly DataType[]) {
    for (const { market } of instruments) {
      if (this.intakes.has(market)) continue
      const plans = instruments
        .filter((one) => one.market === market)
        .flatMap(({ listing: { symbol, venueSymbol, sizing } }) =>
          types
            .filter((type) => type in roomOf(market).types)
            .map((type): ChannelPlan => ({ type, symbol, venueSymbol, sizing })),
        )
      this.intakes.set(market, new Intake(roomOf(market), plans))
    }
  }

  async frame(body: string, socketId = 1): Promise<readonly Made[]> {
    const made: Made[] = []
    for (const intake of this.intakes.values()) {
      intake.frame(frameOf(body), { socketId })
      await intake.clock.advance(1)
      made.push(...intake.take())
    }
    this.made.push(...made)
    return made
  }

  get refused(): number {
    return [...this.intakes.values()].reduce((sum, { counts }) => sum + counts.refused.malformed, 0)
  }
}

describe('messages', () => {
  const figures = ({ message: m }: Made) =>
    m.type === 'trade' ? [m.market, m.symbol, m.id, m.price, m.size, m.raw_size] : []

  test.skipIf(MISSING_CASES)('C011: coin-margined contracts are worth dollars, and the size is in coins', async () => {
    const items = sessionOf('C011', 'okx')
    const venue = new Venue(listed(items), ['trade'])
    for (const item of items) if (item.kind === 'frame') await venue.frame(item.body)
    expect(venue.made.map(figures)).toEqual([
      ['perpetual', 'BTC-USD', '7849', '25000', '0.012', '3'],
      ['perpetual', 'BTC-USD', '7850', '28000', '0.025', '7'],
      ['perpetual', 'BTC-USD', '7851', '30218.8', '0.00330919824745', '1'],
    ])
    expect(venue.made[0]?.id).toBe('market:trade:okx:perpetual:BTC-USD:7849')
  })

  test.skipIf(MISSING_CASES)(
    'C012: five instruments of one pair keep apart, though their trades have one id',
    async () => {
      const items = sessionOf('C012')
      const venue = new Venue(listed(items), ['trade'])
      for (const item of items) if (item.kind === 'frame') await venue.frame(item.body)
      expect(
        venue.made.map(({ id, channel, message: m }) => [channel.subject, id, m.type === 'trade' && m.size]),
      ).toEqual(
        [
          ['spot.BTC-USDT', '0.5'],
          ['perpetual.BTC-USDT', '0.50'],
          ['perpetual.BTC-USD', '0.05'],
          ['future.BTC-USDT-20260925', '0.50'],
          ['option.BTC-USD-20260925-90000-C', '0.10'],
        ].map(([name = '', size]) => [
          `market.trade.okx.${name}`,
          `market:trade:okx:${name.replaceAll('.', ':')}:7849`,
          size,
        ]),
      )
      expect(venue.refused).toBe(0)
    },
  )

  test.skipIf(MISSING_CASES)(
    'C014: an empty rate is not zero, and the interval is what lies between two times',
    async () => {
      const plan = (base: string): ChannelPlan => {
        return { type: 'funding_rate', symbol: `${base}-USDT`, venueSymbol: `${base}-USDT-SWAP` }
      }
      const intake = new Intake(roomOf('perpetual'), [plan('XRP'), plan('SOL')])
      for (const item of sessionOf('C014', 'okx')) if (item.kind === 'frame') intake.frame(Buffer.from(item.body))
      const made = intake.take().map(({ message }) => message)
      expect(made).toMatchObject([
        { symbol: 'XRP-USDT', rate: '0.0000725960411548', funding_time: 1_790_003_600_000_000, interval_hours: 4 },
        { symbol: 'SOL-USDT', rate: '-0.0001', interval_hours: 8 },
      ])
      expect(made.some((message) => 'next_rate' in message)).toBe(false)
      expect(intake.counts.refused.malformed).toBe(0)
    },
  )

  test.skipIf(MISSING_CASES)(
    'C018: a socket that was asked to go is replaced without a gap or a trade twice',
    async () => {
      const plans: ChannelPlan[] = (['trade', 'orderbook'] as const).map((type) => {
        return { type, symbol: 'BTC-USDT', venueSymbol: 'BTC-USDT' }
      })
      const intake = new Intake(roomOf('spot'), plans)
      const made: Message[] = []
      let leaves = 0
      for (const item of sessionOf('C018')) {
        const socketId = 'socket' in item ? Number(item.socket.slice(1)) : 0
        if (item.kind === 'frame' && !intake.frame(frameOf(item.body), { socketId })) {
          if (protocol.control(item.body).kind === 'leave') leaves += 1
        }
        // Once the new socket has caught up the old one is left.
        if (item.kind === 'close') for (const track of intake.tracks) track.leave(socketId)
        await intake.clock.advance(1)
        made.push(...intake.take().map(({ message }) => message))
      }
      expect(leaves).toBe(1)
      expect(made.flatMap((m) => (m.type === 'trade' ? [m.id] : []))).toEqual(['11', '12'])
      expect(made.filter(({ type }) => type === 'gap')).toEqual([])
      const books = made.flatMap((m) => (m.type === 'orderbook' && m.kind === 'delta' ? [[m.prev_seq, m.seq]] : []))
      expect(books).toEqual([
        [500, 505],
        [505, 509],
        [509, 515],
      ])
    },
  )

  test.skipIf(MISSING_CASES)('C022: a checksum of 0 is none', async () => {
    const sizing = { kind: 'linear', multiplier: '0.01' } as const
    const plan: ChannelPlan = { type: 'orderbook', symbol: 'BTC-USDT', venueSymbol: 'BTC-USDT-SWAP', sizing }
    const intake = new Intake(roomOf('perpetual'), [plan])
    for (const item of sessionOf('C022')) if (item.kind === 'frame') intake.frame(Buffer.from(item.body))
    const made = intake.take().map(({ message }) => message)
    expect(made.map((m) => (m.type === 'orderbook' ? m.kind : m.type))).toEqual([
      'snapshot',
      'delta',
      'delta',
      'delta',
      'delta',
    ])
    expect(made.at(-1)).toMatchObject({ seq: 335_226_848_600, bids: [['63999.9', '0.33', '33']], asks: [] })
  })
})

describe('books in several forms', () => {
  const plan: ChannelPlan = { type: 'orderbook', symbol: 'BTC-USDT', venueSymbol: 'BTC-USDT' }
  const book = (action: 'snapshot' | 'update', price: number, rest: Fields) => {
    const arg = { channel: 'books', instId: 'BTC-USDT' }
    const data = [{ asks: [[`${price + 1}`, '1', '0', '1']], bids: [[`${price}`, '1', '0', '1']], ...rest }]
    return Buffer.from(JSON.stringify({ arg, action, data }))
  }
  const old = (ts: number) => ({ ts: `${ts}`, checksum: 0 })
  const numbered = (ts: number, seqId: number) => ({ ts: `${ts}`, checksum: 0, prevSeqId: seqId - 1, seqId })
  const bare = (ts: number, seqId: number) => ({ ts: `${ts}`, prevSeqId: seqId - 1, seqId })
  const nothing = (ts: number, seqId: number) => ({ ts: `${ts}`, checksum: null, prevSeqId: seqId - 1, seqId })
  const NOW = 1_790_000_000_000
  const SEQ = 335_226_000_000

  test('are each read as what they are, whatever form came before', () => {
    const intake = new Intake(roomOf('spot'), [plan])
    const seqs = (frame: Buffer): unknown[] => {
      intake.frame(frame)
      return intake.take().map(({ message: m }) => (m.type === 'orderbook' ? [m.kind, m.seq] : m.type))
    }
    expect(seqs(book('snapshot', 10, old(NOW)))).toEqual([['snapshot', NOW * 1000]])
    expect(seqs(book('update', 10, old(NOW + 1)))).toEqual([['delta', (NOW + 1) * 1000]])
    expect(seqs(book('snapshot', 20, numbered(NOW + 2, SEQ)))).toEqual(['gap', ['snapshot', SEQ]])
    expect(seqs(book('update', 20, numbered(NOW + 3, SEQ + 1)))).toEqual([['delta', SEQ + 1]])
    expect(seqs(book('update', 20, bare(NOW + 4, SEQ + 2)))).toEqual([['delta', SEQ + 2]])
    expect(seqs(book('update', 20, nothing(NOW + 5, SEQ + 3)))).toEqual([['delta', SEQ + 3]])
    expect(seqs(book('update', 20, numbered(NOW + 6, SEQ + 4)))).toEqual([['delta', SEQ + 4]])
    expect(intake.counts.refused.malformed).toBe(0)
  })

  test('of which one came before are read once each', () => {
    const intake = new Intake(roomOf('spot'), [plan])
    intake.frame(book('snapshot', 10, old(NOW)))
    intake.frame(book('update', 10, old(NOW + 1)))
    const read = vi.spyOn(Frame.prototype, 'read')
    try {
      for (let i = 2; i < 12; i++) intake.frame(book('update', 10, old(NOW + i)))
      expect(read).toHaveBeenCalledTimes(10)
    } finally {
      read.mockRestore()
    }
    expect(intake.take()).toHaveLength(12)
  })
})

describe('liquidations', () => {
  const NOW_MS = 1_790_000_000_000
  const plan: ChannelPlan = { type: 'liquidation', symbol: 'BTC-USDT', venueSymbol: 'BTC-USDT-SWAP' }
  const frame = (...seconds: number[]) => {
    const details = seconds.map((s) => ({ side: 'sell', bkPx: '1', sz: '1', ts: String(NOW_MS + s * 1_000) }))
    return Buffer.from(
      JSON.stringify({
        arg: { channel: 'liquidation-orders', instType: 'SWAP' },
        data: [{ instId: 'BTC-USDT-SWAP', details }],
      }),
    )
  }
  /** Seconds of those that came out. */
  const taken = (intake: Intake) =>
    intake.take().flatMap(({ message: { type, ts = 0 } }) => (type === 'liquidation' ? [ts / 1e6 - NOW_MS / 1e3] : []))

  test('that were sent before are taken once, and those from before the first start not at all', () => {
    const intake = new Intake(roomOf('perpetual'), [plan])
    intake.frame(frame(-10, -3_600, -61, 1))
    expect(taken(intake)).toEqual([-10, 1])
    intake.frame(frame(3))
    expect(taken(intake)).toEqual([3])
    for (const track of intake.tracks) track.interrupt('disconnect', 1)
    intake.frame(frame(-3_600, 5, 3, 2, 1), { socketId: 2 })
    expect(taken(intake)).toEqual([2, 5])
  })

  test.each([
    { side: 'sell', sz: '1', ts: '1790000001000' },
    { side: 'sell', bkPx: '', sz: '1', ts: '1790000001000' },
    { side: 'sell', bkPx: '1', sz: null, ts: '1790000001000' },
    { side: 'sell', bkPx: '1', sz: '1' },
    7,
    undefined,
  ])('of which a value is missing, as %j, are refused, not left out in silence; of others nobody minds', (detail) => {
    const intake = new Intake(roomOf('perpetual'), [plan])
    const strange = (instId: string) => {
      const data = [{ instId, ...(detail === undefined ? {} : { details: [detail] }) }]
      return Buffer.from(JSON.stringify({ arg: { channel: 'liquidation-orders', instType: 'SWAP' }, data }))
    }
    intake.frame(frame(-1))
    intake.frame(strange('ETH-USDT-SWAP'))
    expect(intake.counts.refused.malformed).toBe(0)
    intake.frame(strange('BTC-USDT-SWAP'))
    expect(intake.counts.refused.malformed).toBe(1)
    intake.frame(frame(3))
    expect(intake.take().map(({ message: { type } }) => type)).toEqual(['liquidation', 'gap', 'liquidation'])
  })

  test('that an earlier run knew are not taken again, those since are', () => {
    const intake = new Intake(roomOf('perpetual'), [{ ...plan, resume: { time: (NOW_MS - 600_000) * 1_000 } }])
    intake.frame(frame(-3_600, -600, -300))
    expect(taken(intake)).toEqual([-300])
  })
})

describe.skipIf(MISSING_RECORDINGS !== undefined)('the recording of 2022', () => {
  const us = (ms: unknown) => Number(ms) * 1000

  test('every trade and ticker says what JSON.parse says', async () => {
    const items = readRecording(`${SHARED}recordings/OKX`)
    const venue = new Venue(listed(items), ['trade', 'ticker'])
    const counts = { trades: 0, tickers: 0 }
    for (const item of items) {
      if (item.kind !== 'frame') continue
      const { arg, data } = JSON.parse(item.body) as { arg: Fields; data?: Fields[] }
      const made = await venue.frame(item.body)
      if (data === undefined || !(String(arg['channel']) in counts)) {
        expect(made).toEqual([])
        continue
      }
      counts[arg['channel'] as keyof typeof counts] += 1
      expect(made).toHaveLength(data.length)
      for (const [i, { message: m }] of made.entries()) {
        const d = data[i] ?? {}
        expect(m.ts).toBe(us(d['ts']))
        if (m.type === 'trade') expect([m.id, m.price, m.side]).toEqual([d['tradeId'], d['px'], d['side']])
        if (m.type === 'trade') expect(m.raw_size ?? m.size).toBe(d['sz'])
        if (m.type === 'ticker') expect([m.bid, m.ask]).toEqual([d['bidPx'], d['askPx']])
        if (m.type === 'ticker') expect([m.raw_bid_size ?? m.bid_size]).toEqual([d['bidSz']])
      }
    }
    expect(counts).toEqual({ trades: 74, tickers: 28 })
    expect(venue.refused).toBe(0)
  })

  test('books keep in step by their checksums, and a changed one is found', async () => {
    const items = readRecording(`${SHARED}recordings/OKX`)
    const [good, broken] = [new Venue(listed(items), ['orderbook']), new Venue(listed(items), ['orderbook'])]
    let updates = 0
    for (const item of items) {
      if (item.kind !== 'frame' || !item.body.includes('"books"')) continue
      const isUpdate = item.body.includes('"action":"update"')
      if (isUpdate) updates += 1
      await good.frame(item.body)
      await broken.frame(updates === 100 && isUpdate ? item.body.replace(/"checksum":-?\d/, '"checksum":1') : item.body)
    }
    const kinds = (venue: Venue) =>
      Object.fromEntries(
        [...Map.groupBy(venue.made, ({ message: m }) => (m.type === 'orderbook' ? m.kind : m.type))].map(
          ([kind, all]) => [kind, all.length],
        ),
      )
    expect(kinds(good)).toEqual({ snapshot: 3, delta: 287 })
    expect(kinds(broken)).toMatchObject({ snapshot: 3 })
    expect(kinds(broken)['delta']).toBeLessThan(287)
    expect([good.refused, broken.refused]).toEqual([0, 0])
  })
})
