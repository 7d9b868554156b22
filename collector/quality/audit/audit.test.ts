import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { between, history, random, type Random } from '../../../test/history.ts'
import {
  messageKey,
  VERSION,
  type Gap,
  type Kline,
  type Message,
  type OrderBook,
  type Trade,
} from '../../market/messages.ts'
import { audit, type Stored } from './audit.ts'
import type { ChannelReport, Report } from './report.ts'

const NAME = 'binance.perpetual.BTC-USDT'
const head = { v: VERSION, exchange: 'binance', market: 'perpetual', symbol: 'BTC-USDT' } as const
const BEGIN = 1_790_000_000_000_000
const SECOND = 1_000_000
const MINUTE = 60 * SECOND

function at(seconds: number): { ts: number; received: number; published: number } {
  const ts = BEGIN + seconds * SECOND
  return { ts, received: ts + 2000, published: ts + 3000 }
}

function trade(id: number, more: Partial<Trade> = {}): Trade {
  return { type: 'trade', ...head, id: `${id}`, price: '64010.10', size: '0.5', side: 'buy', ...at(id), ...more }
}

function kline(minute: number, second: number, more: Partial<Kline> = {}): Kline {
  const open = BEGIN + minute * MINUTE
  const times = { interval: '1m', open_time: open, close_time: open + MINUTE - 1000, ...at(minute * 60 + second) }
  const prices = { open: '1', high: '2', low: '1', close: '2', volume: '10' }
  return { type: 'kline', ...head, ...times, ...prices, closed: second === 60, ...more }
}

function gap(more: Partial<Gap> & Pick<Gap, 'of'>): Gap {
  return {
    type: 'gap',
    ...head,
    reason: 'disconnect',
    from: BEGIN,
    to: BEGIN,
    received: BEGIN,
    published: BEGIN,
    ...more,
  }
}

function stored(m: Message): Stored {
  const name = `${m.type}.${m.exchange}.${m.market}.${m.symbol}`
  return {
    subject: `market.${name}`,
    id: `market:${name.replaceAll('.', ':')}:${messageKey(m)}`,
    text: JSON.stringify(m),
  }
}

async function* batches(all: readonly Stored[]): AsyncGenerator<readonly Stored[]> {
  for (let i = 0; i < all.length; i += 7) yield all.slice(i, i + 7)
}

function auditStored(all: readonly Stored[], continuity: 'contiguous' | 'none' = 'contiguous'): Promise<Report> {
  return audit(batches(all), { continuity: () => continuity })
}

function auditMessages(all: readonly Message[], continuity?: 'contiguous' | 'none'): Promise<Report> {
  return auditStored(all.map(stored), continuity)
}

function channel(report: Report, type: string): ChannelReport {
  return report.channels.find(({ subject }) => subject === `market.${type}.${NAME}`) as ChannelReport
}

function texts(report: Report): string[] {
  return report.findings.map(({ kind, text }) => `${kind}: ${text}`)
}

function trades(first: number, last: number): Trade[] {
  return Array.from({ length: last - first + 1 }, (_, i) => trade(first + i))
}

describe('audit of trades', () => {
  it('finds a whole stream whole', async () => {
    const report = await auditMessages(trades(10, 20))
    expect(report.findings).toEqual([])
    expect(channel(report, 'trade')).toMatchObject({
      messages: 11,
      first: at(10).ts,
      last: at(20).ts,
      duplicates: 0,
      late: 0,
    })
  })

  it('says which are missing, between which times, when no gap does', async () => {
    const report = await auditMessages(trades(10, 20).filter(({ id }) => id !== '14' && id !== '15'))
    expect(report.whole).toBe(false)
    expect(texts(report)).toEqual(['missing: 2 trades are missing between id 13 and id 16'])
    expect(report.findings[0]).toMatchObject({ from: at(13).ts, to: at(16).received })
    expect(channel(report, 'trade').missing).toEqual({ announced: 0, unannounced: 2 })
  })

  it('is content when a gap announces them, by id or else by time, before or after they are missed', async () => {
    const rest = trades(10, 20).filter(({ id }) => id !== '14' && id !== '15')
    const byId = gap({ of: 'trade', after_id: '13', before_id: '16', from: at(13).ts, to: at(16).ts })
    const byTime = gap({ of: 'trade', from: at(13).ts, to: at(16).ts })
    for (const messages of [
      [byId, ...rest],
      [...rest, byId],
      [...rest, byTime],
    ]) {
      const report = await auditMessages(messages)
      expect(texts(report)).toEqual([])
      expect(channel(report, 'trade')).toMatchObject({
        missing: { announced: 2, unannounced: 0 },
        gaps: { disconnect: 1 },
      })
    }
  })

  it('is not content with a gap that announces a part, another time or another type', async () => {
    const rest = trades(10, 20).filter(({ id }) => id !== '14' && id !== '15')
    const wrong: [Gap, number][] = [
      [gap({ of: 'trade', after_id: '13', before_id: '15' }), 1],
      [gap({ of: 'trade', from: at(17).ts, to: at(18).ts }), 2],
      [gap({ of: 'kline', after_id: '13', before_id: '16', from: at(13).ts, to: at(16).ts }), 2],
    ]
    for (const [one, unannounced] of wrong) {
      const report = await auditMessages([...rest, one])
      expect(channel(report, 'trade').missing.unannounced).toBe(unannounced)
    }
  })

  it('counts fills and latecomers, which are not missing', async () => {
    const report = await auditMessages([
      trade(10),
      trade(11),
      trade(14),
      trade(12, { filled: true }),
      trade(13),
      trade(15),
    ])
    expect(report.findings).toEqual([])
    expect(channel(report, 'trade')).toMatchObject({ messages: 6, late: 2, filled: 1, duplicates: 0 })
  })

  it('counts the same id again, and says when its content is another', async () => {
    const again = trade(11, { received: BEGIN, published: BEGIN, filled: true })
    const report = await auditMessages([...trades(10, 12), again, trade(12, { price: '1' })])
    expect(texts(report)).toEqual(['conflict: id 12 again with other content'])
    expect(channel(report, 'trade').duplicates).toBe(2)
  })

  it('knows an id again however long ago it was', async () => {
    const report = await auditMessages([...trades(1, 10_000), trade(3)])
    expect(channel(report, 'trade').duplicates).toBe(1)
  })

  it('expects no contiguous ids where the venue gives none', async () => {
    const messages = [trade(10), trade(500), trade(20, at(5)), trade(30, { id: 'ETH-1', ...at(600) })]
    const report = await auditMessages(messages, 'none')
    expect(report.findings).toEqual([])
    expect(channel(report, 'trade')).toMatchObject({ messages: 4, late: 1 })
  })

  it('finds every trade that is dropped from two publishers’ merged output, unless a gap announces it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.noShrink(fc.nat(2 ** 31)), async (seed) => {
        const rng = random(seed)
        const merged = mergeTrades(rng)
        expect(texts(await auditMessages(merged))).toEqual([])
        const lowest = Math.min(...merged.map(({ id }) => Number(id)))
        const inner = [...new Set(merged.map(({ id }) => Number(id)))].filter((id) => id > lowest && id < lowest + 40)
        const lost = inner[between(rng, 0, inner.length - 1)] as number
        const rest = merged.filter(({ id }) => id !== `${lost}`)
        expect(channel(await auditMessages(rest), 'trade').missing.unannounced).toBe(1)
        const told = gap({ of: 'trade', after_id: `${lost - 1}`, before_id: `${lost + 1}` })
        expect((await auditMessages([...rest, told])).whole).toBe(true)
      }),
      { numRuns: 150 },
    )
  })
})

/** Two publishers' trades from one beginning to ids past it, each in order, interleaved at random; with repeats. */
function mergeTrades(rng: Random): Trade[] {
  const queues = [trades(1, between(rng, 41, 50)), trades(1, between(rng, 41, 50))]
  const out: Trade[] = [trade(1)]
  while (queues.some((queue) => queue.length > 0)) {
    const next = queues[between(rng, 0, 1)]?.shift()
    if (next !== undefined) out.push(next)
  }
  return out
}

describe('audit of books', () => {
  const isDelta = (m: OrderBook | Gap): m is OrderBook => m.type === 'orderbook' && m.kind === 'delta'

  it('finds whatever two publishers make of a venue whole, in sync and right, faults and restarts announced', async () => {
    await fc.assert(
      fc.asyncProperty(fc.noShrink(fc.nat(2 ** 31)), async (seed) => {
        expect(texts(await auditMessages(history(seed).delivered))).toEqual([])
      }),
      { numRuns: 500 },
    )
  })

  it('finds every delta that is dropped and that no other covers, unless a gap announces it', async () => {
    await fc.assert(
      fc.asyncProperty(fc.noShrink(fc.nat(2 ** 31)), async (seed) => {
        const rng = random(seed)
        const { delivered } = history(seed, { publishers: between(rng, 1, 2), faults: false })
        const deltas = delivered.filter(isDelta)
        const lost = deltas[between(rng, 0, deltas.length - 1)] as OrderBook
        const rest = delivered.filter((m) => m !== lost)
        const others = deltas.filter((m) => m !== lost)
        const report = await auditMessages(rest)
        expect(channel(report, 'orderbook').missing.unannounced > 0).toBe(isUncovered(rest, others))
        const seqs = { after_seq: lost.prev_seq as number, before_seq: lost.seq }
        expect(texts(await auditMessages([...rest, gap({ of: 'orderbook', ...seqs })]))).toEqual([])
      }),
      { numRuns: 300 },
    )
  })

  /** Whether some sequence between the first and the last one delivered is led over by none of these deltas. */
  function isUncovered(all: readonly (OrderBook | Gap)[], deltas: readonly OrderBook[]): boolean {
    const books = all.filter((m) => m.type === 'orderbook')
    const [begin] = books.map((m) => (m.kind === 'delta' ? (m.prev_seq as number) : m.seq))
    const end = Math.max(...books.map(({ seq }) => seq))
    for (let n = (begin as number) + 1; n <= end; n++) {
      if (!deltas.some((d) => (d.prev_seq as number) < n && n <= d.seq)) return true
    }
    return false
  }

  const book = (kind: 'snapshot' | 'delta', seq: number, more: Partial<OrderBook>): OrderBook => ({
    ...{ type: 'orderbook', ...head, kind, seq, bids: [], asks: [], ...at(seq) },
    ...(kind === 'delta' && { prev_seq: seq - 1, prev_ts: at(seq - 1).ts }),
    ...more,
  })

  it('says when a book is crossed, once for each time', async () => {
    const report = await auditMessages([
      book('snapshot', 1, { bids: [['10', '1']], asks: [['12', '1']] }),
      book('delta', 2, { bids: [['12.0', '1']] }),
      book('delta', 3, { bids: [['11', '1']] }),
      book('delta', 4, { bids: [['12.0', '0']] }),
      book('delta', 5, { asks: [['11', '2']] }),
    ])
    expect(texts(report)).toEqual([
      'crossed: best bid 12.0 is not below best ask 12 at seq 2',
      'crossed: best bid 11 is not below best ask 11 at seq 5',
    ])
  })

  it('compares the rebuilt book with each snapshot of the same sequence, as deep as both know it', async () => {
    const first = book('snapshot', 1, {
      bids: [
        ['10', '1'],
        ['9', '1'],
      ],
      asks: [['12', '1']],
    })
    const change = book('delta', 2, {
      bids: [
        ['9', '0'],
        ['7', '3'],
      ],
    })
    const same = book('snapshot', 2, {
      bids: [
        ['10.0', '1.0'],
        ['8', '5'],
      ],
      asks: [
        ['12', '1'],
        ['13', '1'],
      ],
    })
    expect(texts(await auditMessages([first, change, same]))).toEqual([])
    const other = {
      ...same,
      bids: [
        ['10', '1'],
        ['9', '1'],
      ] as [string, string][],
    }
    expect(texts(await auditMessages([first, change, other]))).toEqual([
      'wrong_book: the rebuilt book differs from the snapshot at seq 2: it has no level where the snapshot has 9 x 1',
    ])
  })

  it('says when the numbering begins anew without a gap, and is content with one', async () => {
    const messages = [
      book('snapshot', 100, {}),
      book('delta', 101, {}),
      book('snapshot', 5, at(200)),
      book('delta', 6, at(201)),
    ]
    expect(texts(await auditMessages(messages))).toEqual(['restart: the venue began its numbering anew after seq 101'])
    const told = gap({ of: 'orderbook', reason: 'sequence_restart', from: at(101).ts, to: at(200).ts })
    expect(texts(await auditMessages([...messages, told]))).toEqual([])
  })

  it('measures the share of time in which a consumer is in sync', async () => {
    const messages = [book('delta', 1, {}), book('snapshot', 2, {}), book('delta', 4, {}), book('snapshot', 6, {})]
    const { book: found } = channel(await auditMessages(messages), 'orderbook')
    expect(found).toEqual({ snapshots: 2, deltas: 2, breaks: 1, inSync: 2 / 5 })
  })
})

describe('audit of klines', () => {
  const candles = [0, 1, 2, 3].flatMap((minute) => [5, 30, 60].map((second) => kline(minute, second)))

  it('finds candles that follow each other whole, and counts them', async () => {
    const report = await auditMessages(candles)
    expect(texts(report)).toEqual([])
    expect(report.channels[0]).toMatchObject({ interval: '1m', messages: 12, candles: { begun: 4, closed: 4 } })
  })

  it('says which candle has no final push, unless a gap announces it or the venue pushes none', async () => {
    const rest = candles.filter(({ open_time, closed }) => !(closed && open_time === BEGIN + MINUTE))
    const report = await auditMessages(rest)
    expect(texts(report)).toEqual(['missing: 1 candle has no final push'])
    const told = gap({ of: 'kline', interval: '1m', from: at(115).ts, to: at(125).ts })
    expect((await auditMessages([...rest, told])).whole).toBe(true)
    expect((await auditMessages([...rest, { ...told, interval: '5m' }])).whole).toBe(false)
    expect((await auditMessages(rest, 'none')).whole).toBe(true)
  })

  it('counts whole candles that are missing, and pushes that come late', async () => {
    const rest = candles.filter(({ open_time }) => open_time !== BEGIN + MINUTE && open_time !== BEGIN + 2 * MINUTE)
    expect(texts(await auditMessages(rest))).toEqual(['missing: 2 candles have no final push'])
    const late = [...rest, ...candles.filter((m) => !rest.includes(m))]
    const report = await auditMessages(late)
    expect(report.whole).toBe(true)
    expect(report.channels[0]?.late).toBe(6)
  })

  it('keeps intervals apart', async () => {
    const report = await auditMessages([
      kline(0, 60),
      kline(0, 60, { interval: '3m', close_time: BEGIN + 3 * MINUTE - 1000 }),
    ])
    expect(report.channels.map(({ interval }) => interval)).toEqual(['1m', '3m'])
  })
})

describe('audit of whatever else lies in a stream', () => {
  const one = stored(trade(1))
  const subject = one.subject

  it.each([
    ['not JSON', 'oops', 'not a JSON object: oops'],
    ['no object', '[1]', 'not a JSON object: [1]'],
    ['a field too many', JSON.stringify({ ...trade(1), extra: 1 }), 'the message: Unrecognized key: "extra"'],
    ['an own __proto__', one.text.replace('{', '{"__proto__":1,'), 'the message: Unrecognized key: "__proto__"'],
    [
      'a wrong type',
      JSON.stringify({ ...trade(1), price: 1 }),
      'price: Invalid input: expected string, received number',
    ],
    [
      'another symbol',
      JSON.stringify({ ...trade(1), symbol: 'X' }),
      'it says of itself ["trade","binance","perpetual","X"], its subject says otherwise',
    ],
    [
      'a name that cannot be printed',
      one.text.replace('"BTC-USDT"', '{"toString":1}'),
      'it says of itself ["trade","binance","perpetual",{"toString":1}], its subject says otherwise',
    ],
    ['an id that does not count', JSON.stringify(trade(1, { id: 'abc' })), 'id: abc is no whole number, as it is here'],
  ])('says what is wrong with %s', async (_, text, wanted) => {
    const report = await auditStored([{ subject, text }])
    expect(texts(report)).toEqual([`broken: ${wanted}`])
    expect(channel(report, 'trade')).toMatchObject({ broken: 1, messages: 0 })
  })

  it('says when an id is not the one that the content gives', async () => {
    const report = await auditStored([{ ...one, id: 'other:1' }])
    expect(texts(report)).toEqual([
      `wrong_id: stored as other:1, its content gives market:trade:binance:perpetual:BTC-USDT:1`,
    ])
  })

  it('does not judge other versions and types, and does not call them whole', async () => {
    const text = JSON.stringify({ ...trade(1), v: 2 })
    const report = await auditStored([
      { subject, text },
      { subject: `market.funding_rate.${NAME}`, text },
    ])
    expect(texts(report).toSorted()).toEqual([
      'unread: 1 messages are of the type funding_rate, which this version does not read',
      'unread: 1 messages have another schema version than 1, the one that this version reads',
    ])
  })

  it('leaves out subjects that are not ours, and torn last lines, and says so', async () => {
    const report = await auditStored([
      one,
      { subject: 'orders.new', text: 'x' },
      { subject, text: '{"type":"tr', unfinished: 'f.ndjson' },
    ])
    expect(report.whole).toBe(true)
    expect(report.notes).toEqual([
      'f.ndjson: the last line is torn, as a writer that was killed leaves it; left out.',
      '1 messages stand under subjects that are not ours; left out.',
    ])
  })

  it('takes a last line without a line break that is whole', async () => {
    const report = await auditStored([{ ...one, unfinished: 'f.ndjson' }])
    expect(report).toMatchObject({ whole: true, notes: [], channels: [{ messages: 1 }] })
  })

  it('lists the first findings of a kind and counts the others', async () => {
    const report = await auditMessages(Array.from({ length: 100 }, (_, i) => trade(2 * i)))
    expect(report.findings).toHaveLength(20)
    expect(report.findingsMore).toBe(79)
    expect(channel(report, 'trade').missing.unannounced).toBe(99)
  })

  it('keeps at most so many holes and gaps, and still counts all of them', async () => {
    const odd = Array.from({ length: 25_000 }, (_, i) => trade(2 * i + 1))
    const gaps = odd.map(({ id }) =>
      gap({ of: 'trade', after_id: id, before_id: `${Number(id) + 2}`, from: BEGIN + Number(id) }),
    )
    const report = await auditMessages(odd.flatMap((m, i) => [m, gaps[i] as Gap]))
    expect(channel(report, 'trade').missing).toEqual({ announced: 24_999, unannounced: 0 })
  })

  it('reports on wanted subjects alone, with the gaps about them', async () => {
    const messages = [trade(1), trade(3), kline(0, 60), gap({ of: 'trade', after_id: '1', before_id: '3' })]
    const isWanted = (name: string) => name.startsWith('market.trade.')
    const report = await audit(batches(messages.map(stored)), { continuity: () => 'contiguous', isWanted })
    expect(report).toMatchObject({ whole: true, channels: [{ subject: `market.trade.${NAME}`, messages: 2 }] })
    expect(report.channels).toHaveLength(1)
  })
})
