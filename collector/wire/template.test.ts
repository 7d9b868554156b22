import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { honest, values, type Values } from '../../test/support/frames.ts'
import { toMicros } from './bytes.ts'
import { Frame, type FrameDeclaration, payloadHead } from './frame.ts'
import { BASE, SIZE_BYTES_MAX, type Sizing, converterOf } from './sizes.ts'

/** Every kind of source. */
const DECLARATION: FrameDeclaration = {
  type: 'trade',
  evidence: 'made for this test',
  keys: {
    s: 'text',
    i: 'digits',
    n: 'integer',
    p: 'decimal',
    o: 'decimal',
    T: 'time',
    L: 'time',
    m: 'boolean',
    f: 'integer',
    l: 'integer',
    q: 'decimal',
    Q: 'decimal',
    b: 'levels',
    a: 'levels',
  },
  expect: { s: '$symbol' },
  id: [{ id: 'i' }, { time: 'T' }, { own: 0 }, { constant: 'interval' }],
  message: {
    id: { id: 'i' },
    price: { decimal: 'p' },
    open: { decimal: 'o', optional: true },
    seq: { integer: 'n' },
    side: { choose: 'm', of: { true: 'sell', false: 'buy' } },
    count: { count: ['f', 'l'] },
    size: { size: 'q', price: 'p' },
    raw_size: { raw: 'q' },
    best_size: { size: 'Q', price: 'o', optional: true },
    raw_best_size: { raw: 'Q', optional: true },
    interval: { constant: 'interval' },
    prev_seq: { own: 0 },
    prev_ts: { own: 1 },
    filled: { ownFlag: 2 },
    late: { time: 'L', optional: true },
    ts: { time: 'T' },
    bids: { levels: 'b' },
    asks: { levels: 'a' },
  },
}
const SIZINGS: readonly Sizing[] = [
  BASE,
  { kind: 'linear', multiplier: '0.01' },
  { kind: 'linear', multiplier: '12345678.9' },
  { kind: 'inverse', value: '100' },
]
const SYMBOL = Buffer.from('BTCUSDT')
const CHANNEL = { type: 'trade', exchange: 'binance', market: 'spot', symbol: 'BTC-USDT' } as const
const ID_HEAD = 'market:trade:binance:spot:BTC-USDT:'

interface Event {
  readonly values: Values
  /** Keys that the frame leaves out. */
  readonly absent: readonly string[]
  readonly own: readonly [previous: number, time: number, filled: number]
  readonly received: number
}

const own = fc.oneof(fc.nat(), fc.maxSafeNat(), fc.constant(0))
const event: fc.Arbitrary<Event> = fc.record({
  values: values(DECLARATION, 'BTCUSDT').chain((v) =>
    // Ids that lie close together, some of them the wrong way round.
    fc
      .tuple(fc.nat(999_999), fc.integer({ min: -2, max: 1200 }))
      .map(([f, n]) => ({ ...v, f: `${f}`, l: `${Math.max(0, f + n)}` })),
  ),
  absent: fc.subarray(['o', 'L', 'Q']),
  own: fc.tuple(own, fc.oneof(own, fc.constant(Number.NaN)), fc.constantFrom(1, 0, Number.NaN)),
  received: fc.integer({ min: 1_000_000_000_000_000, max: 8_999_999_999_999_999 }),
})

/** A size by the sizing (whose arithmetic sizes.test.ts proves); undefined where it is none. */
function sized(sizing: Sizing, figure: string, price: string | undefined): string | undefined {
  const convert = converterOf(sizing)
  if (convert === undefined) return figure
  const bytes = Buffer.from(figure + (price ?? ''))
  const to = Buffer.alloc(SIZE_BYTES_MAX)
  const end = convert(to, 0, bytes, 0, figure.length, price === undefined ? -1 : figure.length, bytes.length)
  return end < 0 ? undefined : to.toString('latin1', 0, end)
}

/** The record by hand: id and message; undefined where the values make none. */
function naive(
  { values: v, absent, own: [previous, time, filled], received }: Event,
  sizing: Sizing,
): { id: string; message: object } | undefined {
  const value = (key: string) => v[key] as string
  const has = (key: string) => !absent.includes(key)
  const count = Number(value('l')) - Number(value('f')) + 1
  const size = sized(sizing, value('q'), value('p'))
  const best = has('Q') ? sized(sizing, value('Q'), has('o') ? value('o') : undefined) : undefined
  const isConverted = sizing.kind !== 'base'
  const side = (key: string) =>
    (JSON.parse(value(key)) as [string, string][]).map(([p, s]) => [
      p,
      sized(sizing, s, p) ?? '0',
      ...(isConverted ? [s] : []),
    ])
  const sides = { bids: side('b'), asks: side('a') }
  if (count < 1 || size === undefined) return undefined
  const ts = toMicros(Number(value('T')))
  const message = {
    v: 1,
    ...CHANNEL,
    id: value('i'),
    price: value('p'),
    ...(has('o') ? { open: value('o') } : {}),
    seq: Number(value('n')),
    side: value('m') === 'true' ? 'sell' : 'buy',
    count,
    size,
    ...(isConverted ? { raw_size: value('q') } : {}),
    ...(best === undefined ? {} : { best_size: best }),
    ...(isConverted && has('Q') ? { raw_best_size: value('Q') } : {}),
    interval: '1m',
    prev_seq: previous,
    ...(Number.isNaN(time) ? {} : { prev_ts: time }),
    ...(filled === 1 ? { filled: true } : {}),
    ...(has('L') ? { late: toMicros(Number(value('L'))) } : {}),
    ts,
    ...sides,
    received,
    published: 0,
  }
  return { id: `${ID_HEAD}${value('i')}:${ts}:${previous}:1m`, message }
}

function openTemplate(frame: Frame, sizing: Sizing) {
  const templates = frame.template(ID_HEAD, payloadHead(CHANNEL), { interval: '1m' }, sizing)
  return (e: Event): { id: string; message: object } | undefined => {
    const kept = Object.fromEntries(Object.entries(DECLARATION.keys).filter(([key]) => !e.absent.includes(key)))
    const bytes = Buffer.from(honest({ ...DECLARATION, keys: kept }, e.values))
    expect(frame.read(bytes, 0, bytes.length, SYMBOL)).toBe(bytes.length)
    frame.own.set(e.own)
    const record = templates.chosen(frame.at)
    const room = Buffer.alloc(7 + record.bytesMax(frame.at) + 1, '?')
    const end = record.paste(bytes, frame, e.received, room, 7)
    const { payload } = record
    expect(room.toString('latin1', 0, 7) + room.toString('latin1', room.length - 1)).toBe('????????')
    expect(record.fill(bytes, frame, e.received)).toBe(end >= 0)
    if (end < 0) return undefined
    const filled = [record.payload, record.bytes.toString('utf8', 0, record.end)]
    expect(filled).toEqual([payload - 7, room.toString('utf8', 7, end)])
    const text = room.toString('utf8', payload, end)
    const message = JSON.parse(text.replace('"published":0000000000000000', '"published":0')) as object
    return { id: room.toString('utf8', 7, payload), message }
  }
}

describe('a template', () => {
  test('writes the record that one would write by hand, whatever was in it before', () => {
    fc.assert(
      fc.property(fc.array(event, { minLength: 1, maxLength: 12 }), (events) => {
        const frame = new Frame(DECLARATION)
        const channels = SIZINGS.map((sizing) => ({ sizing, write: openTemplate(frame, sizing) }))
        for (const [i, e] of events.entries()) {
          const { sizing, write } = channels[i % channels.length] as (typeof channels)[number]
          const [got, wanted] = [write(e), naive(e, sizing)]
          expect(got).toEqual(wanted)
          expect(Object.keys(got?.message ?? {})).toEqual(Object.keys(wanted?.message ?? {}))
        }
      }),
      { numRuns: 200 },
    )
  })

  test('grows with its values, back and forth', () => {
    const write = openTemplate(new Frame(DECLARATION), BASE)
    const [e] = fc.sample(event, { numRuns: 1, seed: 3 }) as [Event]
    const fit = { ...e.values, f: '1', l: '1' }
    for (const levels of [0, 5_000, 1, 10_000, 0]) {
      const b = JSON.stringify(Array.from({ length: levels }, (_, i) => [`${i}.5`, '1']))
      const grown = { ...e, values: { ...fit, b } }
      expect(write(grown)).toEqual(naive(grown, BASE))
    }
  })

  test('makes no record of a frame without a value that it needs', () => {
    const frame = new Frame(DECLARATION)
    const template = frame.template(ID_HEAD, payloadHead(CHANNEL), { interval: '1m' })
    const [e] = fc.sample(event, { numRuns: 1, seed: 3 }) as [Event]
    const bytes = Buffer.from(honest(DECLARATION, { ...e.values, f: '1', l: '2', m: 'true' }))
    frame.own.set(e.own)
    expect(frame.read(bytes, 0, bytes.length, SYMBOL)).toBe(bytes.length)
    expect(template.fill(bytes, frame, e.received)).toBe(true)
    // Which word a boolean chooses is no value; that it is there the frame saw to.
    for (const key of Object.keys(DECLARATION.keys).filter((k) => !['s', 'm', 'o', 'L', 'Q'].includes(k))) {
      const at = Int32Array.from(frame.at)
      at[frame.field(key) * 2] = -1
      const numbers = Float64Array.from(frame.numbers)
      numbers[frame.field(key)] = Number.NaN
      expect(template.fill(bytes, { view: frame.view, at, numbers, own: frame.own }, e.received), key).toBe(false)
    }
    expect(template.fill(bytes, frame, e.received)).toBe(true)
  })
})

test('a message takes its integers from keys of integers only: other digits may be no JSON number', () => {
  const frame = new Frame({ ...DECLARATION, message: { seq: { integer: 'i' } } })
  expect(() => frame.template(ID_HEAD, payloadHead(CHANNEL), { interval: '1m' })).toThrow('i is no key of an integer')
})
