import { describe, expect, it } from 'vitest'
import {
  at,
  auditMessages,
  auditStored,
  batches,
  BEGIN,
  channel,
  gap,
  head,
  kline,
  MINUTE,
  NAME,
  payload,
  stored,
  texts,
  trade,
} from '../../../test/support/audit.ts'
import { FLAGS, type Flag, type Gap, type Message } from '../../market/messages.ts'
import { audit } from './audit.ts'

const one = stored(trade(1))
const text = JSON.stringify(trade(1))
const subject = one.subject

it.each([
  ['not JSON', 'oops', 'not a JSON object: oops'],
  ['no object', '[1]', 'not a JSON object: [1]'],
  ['a field too many', JSON.stringify({ ...trade(1), extra: 1 }), 'the message: Unrecognized key: "extra"'],
  ['an own __proto__', text.replace('{', '{"__proto__":1,'), 'the message: Unrecognized key: "__proto__"'],
  ['a wrong type', JSON.stringify({ ...trade(1), price: 1 }), 'price: Invalid input: expected string, received number'],
  [
    'another symbol',
    JSON.stringify({ ...trade(1), symbol: 'X' }),
    'it says of itself ["trade","binance","perpetual","X"], its subject says otherwise',
  ],
  [
    'a name that cannot be printed',
    text.replace('"BTC-USDT"', '{"toString":1}'),
    'it says of itself ["trade","binance","perpetual",{"toString":1}], its subject says otherwise',
  ],
  [
    'an id that does not count',
    JSON.stringify(trade(1, { id: 'abc' })),
    'id: no whole number, as it is here, and there is no seq',
  ],
])('says what is wrong with %s', async (_, bad, wanted) => {
  const report = await auditStored([{ subject, ...payload(bad) }])
  expect(texts(report)).toEqual([`broken: ${wanted}`])
  expect(channel(report, 'trade')).toMatchObject({ broken: 1, messages: 0 })
})

it('says when an id is not the one that the content gives', async () => {
  const report = await auditStored([{ ...one, id: 'other:1' }])
  expect(texts(report)).toEqual([
    `wrong_id: stored as other:1, its content gives market:trade:binance:perpetual:BTC-USDT:1`,
  ])
})

it('does not judge other versions, and does not call them whole', async () => {
  const other = payload(JSON.stringify({ ...trade(1), v: 2 }))
  const report = await auditStored([{ subject, ...other }])
  expect(texts(report).toSorted()).toEqual([
    'unread: 1 messages have another schema version than 1, the one that this version reads',
  ])
})

it('leaves out subjects that are not ours, and torn last lines, and says so', async () => {
  const report = await auditStored([
    one,
    { subject: 'orders.new', ...payload('x') },
    { subject, ...payload('{"type":"tr'), unfinished: 'f.ndjson' },
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

describe('types of which nothing tells what is missing', () => {
  const of: [string, (second: number) => Message][] = [
    ['ticker', (s) => ({ type: 'ticker', ...head, bid: `${s}`, ...at(s) })],
    ['funding_rate', (s) => ({ type: 'funding_rate', ...head, rate: '0.0001', interval_hours: 8, ...at(s) })],
    ['open_interest', (s) => ({ type: 'open_interest', ...head, open_interest: '5', ...at(s) })],
    ['liquidation', (s) => ({ type: 'liquidation', ...head, side: 'sell', price: '1', size: '2', ...at(s) })],
    ['volatility_index', (s) => ({ type: 'volatility_index', ...head, value: '54.3', ...at(s) })],
  ]

  it.each(of)(
    'orders a %s by time, knows one that comes again, and says that it can prove no more',
    async (type, make) => {
      const other = { ...make(9), received: BEGIN }
      const told = gap({ of: type as Gap['of'] })
      const report = await auditMessages([make(1), make(2), make(9), make(5), other, told])
      expect(report.whole).toBe(true)
      expect(channel(report, type)).toMatchObject({
        ...{ continuity: 'none', messages: 5, late: 1, duplicates: 1, gaps: { disconnect: 1 } },
        missing: { announced: 0, unannounced: 0 },
      })
    },
  )

  it('tells two liquidations of one moment apart by what they say', async () => {
    const one: Message = { type: 'liquidation', ...head, side: 'sell', price: '1', size: '2', ...at(1) }
    const report = await auditMessages([one, { ...one, price: '2' }, { ...one, average_price: '2' }])
    expect(texts(report)).toEqual([expect.stringMatching(/^conflict: id .*:sell:1:2 again with other content$/)])
  })
})

it('counts what failed a check of its publisher, in which two publishers may differ', async () => {
  const [flag] = Object.keys(FLAGS) as [Flag]
  const report = await auditMessages([trade(1), trade(1, { flags: [flag] }), trade(2, { flags: [flag] })])
  expect(report.findings).toEqual([])
  expect(channel(report, 'trade')).toMatchObject({ flagged: 2, duplicates: 1 })
})

it('reads messages in any order of fields, with white space and escapes, as the same messages', async () => {
  const { price, ...rest } = trade(1)
  const spellings = [
    JSON.stringify(trade(1)),
    JSON.stringify({ ...rest, price }),
    JSON.stringify(trade(1), undefined, 1),
    JSON.stringify(trade(1)).replace('"id":"1"', String.raw`"id":"\u0031"`),
    JSON.stringify(trade(1)),
  ]
  const report = await auditStored(spellings.map((text) => ({ ...stored(trade(1)), ...payload(text) })))
  expect(report.findings).toEqual([])
  expect(channel(report, 'trade')).toMatchObject({ messages: 5, duplicates: 4 })
})

it('reads more forms of a message than it remembers', async () => {
  const intervals = Array.from({ length: 40 }, (_, i) => `${i + 1}m`)
  const pushes = [0, 1, 2].flatMap((minute) =>
    intervals.map((interval, i) =>
      kline(minute, 60, { interval, close_time: BEGIN + (minute + i + 1) * MINUTE - 1000 }),
    ),
  )
  const report = await auditMessages(pushes)
  expect(report.channels.map(({ messages, broken }) => [messages, broken])).toEqual(intervals.map(() => [3, 0]))
})
