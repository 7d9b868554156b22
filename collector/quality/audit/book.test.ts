import fc from 'fast-check'
import { expect, it } from 'vitest'
import { between, history, random } from '../../../test/history.ts'
import { at, auditMessages, channel, gap, head, texts } from '../../../test/support/audit.ts'
import type { Gap, OrderBook } from '../../market/messages.ts'

const isDelta = (m: OrderBook | Gap): m is OrderBook => m.type === 'orderbook' && m.kind === 'delta'

it.each([{ stamps: 'one' }, { stamps: 'sent' }] as const)(
  'finds whatever two publishers make of a venue whole, in sync and right, faults and restarts announced, %o',
  async (options) => {
    await fc.assert(
      fc.asyncProperty(fc.noShrink(fc.nat(2 ** 31)), async (seed) => {
        expect(texts(await auditMessages(history(seed, options).delivered))).toEqual([])
      }),
      { numRuns: 500 },
    )
  },
)

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
    'crossed: best bid 12 is not below best ask 12 at seq 2',
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
  const raw = { ...same, bids: [['10', '1', '100'] as [string, string, string]] }
  expect(texts(await auditMessages([first, change, raw]))).toEqual([
    'wrong_book: the rebuilt book differs from the snapshot at seq 2: it has 10 x 1 where the snapshot has 10 x 1 x 100',
  ])
})

it('says when the numbering begins anew without a gap, and is content with one, or with what says what it continues', async () => {
  const messages = [
    book('snapshot', 100, {}),
    book('delta', 101, {}),
    book('snapshot', 5, at(200)),
    book('delta', 6, at(201)),
  ]
  expect(texts(await auditMessages(messages))).toEqual(['restart: the venue began its numbering anew after seq 101'])
  const told = gap({ of: 'orderbook', reason: 'sequence_restart', from: at(101).ts, to: at(200).ts })
  expect(texts(await auditMessages([...messages, told]))).toEqual([])
  const continued = (prev_seq: number) => messages.map((m) => (m.seq === 5 ? { ...m, prev_seq } : m))
  expect(texts(await auditMessages(continued(101)))).toEqual([])
  expect(texts(await auditMessages(continued(100)))).toEqual([
    'restart: the venue began its numbering anew after seq 101',
  ])
})

it('says once that the numbering began anew, also where another publisher is still in the old one', async () => {
  const anew = (seq: number): Partial<OrderBook> => ({ prev_seq: seq - 1, prev_ts: at(199 + seq).ts, ...at(200 + seq) })
  const messages = [
    ...[book('snapshot', 100, {}), book('delta', 101, {}), book('delta', 2, anew(2)), book('delta', 102, {})],
    ...[book('delta', 3, anew(3)), book('snapshot', 3, at(203)), book('delta', 4, anew(4))],
  ]
  const report = await auditMessages(messages)
  expect(texts(report)).toEqual(['restart: the venue began its numbering anew after seq 101'])
  expect(channel(report, 'orderbook').book).toMatchObject({ breaks: 2 })
})

it('takes two stamps of one state for no restart', async () => {
  // As two shards stored it while one replaced the other: each socket is stamped when its frame is sent.
  const messages = [
    book('snapshot', 457092590, at(0.2)),
    book('delta', 457092680, { ...at(0.301), prev_seq: 457092583, prev_ts: at(0.2).ts }),
    book('delta', 457092680, { ...at(0.303), prev_seq: 457092584, prev_ts: at(0.2).ts }),
    book('delta', 457092700, { ...at(0.403), prev_seq: 457092680, prev_ts: at(0.303).ts }),
  ]
  const report = await auditMessages(messages)
  expect(texts(report)).toEqual([])
  expect(channel(report, 'orderbook').book).toMatchObject({ breaks: 0, inSync: 1 })
})

it('takes the same book at the same number for no restart, however late it is stamped', async () => {
  // As it was stored: the venue's clock was set back by 5 s, to before a snapshot that others had taken.
  const levels = { bids: [['10', '1']], asks: [['12', '1']] } satisfies Partial<OrderBook>
  const delta = (seq: number, ts: number, prev_ts: number) => book('delta', seq, { ...at(ts), prev_ts: at(prev_ts).ts })
  const messages = [
    book('snapshot', 100, { ...levels, ...at(90) }),
    delta(101, 103, 90),
    book('snapshot', 101, { ...levels, ...at(103) }),
    delta(102, 107, 103),
    delta(103, 102, 107),
    book('snapshot', 103, { ...levels, ...at(103) }),
    delta(104, 102.5, 103),
    book('snapshot', 104, { ...levels, ...at(103) }),
    delta(105, 104, 103),
  ]
  expect(texts(await auditMessages(messages))).toEqual([])
  const other = messages.map((m) => (m.seq === 103 && m.kind === 'snapshot' ? { ...m, bids: [] } : m))
  expect(texts(await auditMessages(other))).toContain('restart: the venue began its numbering anew after seq 103')
})

it('follows a new numbering whose clock is set back to before its beginning', async () => {
  const messages = [
    book('snapshot', 100, {}),
    book('delta', 101, {}),
    book('snapshot', 5, { ...at(200), prev_seq: 101 }),
    book('delta', 6, { ...at(196), prev_ts: at(200).ts }),
    book('snapshot', 6, at(200)),
    book('delta', 7, { ...at(197), prev_ts: at(200).ts }),
    book('snapshot', 7, at(200)),
    book('delta', 8, { ...at(201), prev_ts: at(200).ts }),
  ]
  expect(texts(await auditMessages(messages))).toEqual([])
  const lost = messages.filter((m) => m.kind === 'snapshot' || m.seq !== 6)
  expect(texts(await auditMessages(lost))).toEqual(['missing: no delta leads from seq 5 to seq 6'])
})

it('measures the share of time in which a consumer is in sync', async () => {
  const messages = [book('delta', 1, {}), book('snapshot', 2, {}), book('delta', 4, {}), book('snapshot', 6, {})]
  const { book: found } = channel(await auditMessages(messages), 'orderbook')
  expect(found).toEqual({ snapshots: 2, deltas: 2, breaks: 1, inSync: 2 / 5 })
})
