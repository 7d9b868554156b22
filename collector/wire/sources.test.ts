import { expect, test } from 'vitest'
import { Frame, type FrameDeclaration, OTHER, payloadHead } from './frame.ts'
import type { Sizing } from './sizes.ts'

const DECLARATION: FrameDeclaration = {
  type: 'liquidation',
  evidence: 'made for this test',
  keys: {
    id: 'token',
    p: 'decimal',
    b: 'decimal',
    a: 'decimal',
    n: 'signed',
    s: { words: ['buy', 'sell'] },
    l: { words: ['M', 'T', 'MT'] },
    x: { words: ['0', '1'] },
    from: 'time',
    to: 'time',
  },
  expect: {},
  id: [{ id: 'id' }, { digits: 'p' }, { time: 'to' }, { digits: 'b' }],
  message: {
    id: { id: 'id', optional: true },
    price: { decimal: 'p' },
    bid: { decimal: 'b', optional: true, unlessZero: true },
    ask: { decimal: 'a', unlessZero: true },
    seq: { integer: 'n', optional: true },
    side: {
      choose: ['l', 's'],
      of: { 'M buy': 'sell', 'M sell': 'buy', 'T buy': 'buy', 'T sell': 'sell' },
      optional: true,
    },
    closed: { choose: 'x', of: { 0: false, 1: true }, optional: true },
    interval_hours: { hours: ['from', 'to'], optional: true },
  },
}
const CHANNEL = { type: 'liquidation', exchange: 'x', market: 'spot', symbol: 'BTC-USDT' }
const WHOLE = {
  id: 'ETH-1',
  p: 1.5,
  b: '2.50',
  a: '2.60',
  n: -1,
  s: 'sell',
  l: 'T',
  x: '1',
  from: '1790006400000',
  to: '1790035200000000',
}

/** Fills one template with one element after another: what each gives beside the head. */
function fill(elements: readonly object[]): (object | undefined)[] {
  const frame = new Frame(DECLARATION)
  const template = frame.template('head:', payloadHead(CHANNEL))
  return elements.map((element) => {
    const bytes = Buffer.from(JSON.stringify(element))
    const behind = frame.read(bytes, 0, bytes.length, Buffer.alloc(0))
    if (behind < 0) {
      expect(behind).toBe(OTHER)
      return undefined
    }
    const record = template.chosen(frame.at)
    expect(record.fill(bytes, frame, 1_790_000_000_000_000)).toBe(true)
    const text = record.bytes.toString('latin1', record.payload, record.end).replace(/0{16}/, '0')
    const { v: _v, published: _p, received: _r, ...message } = JSON.parse(text) as Record<string, unknown>
    for (const key of Object.keys(CHANNEL)) delete message[key]
    return { key: record.bytes.toString('latin1', 5, record.payload), ...message }
  })
}

const made = {
  key: 'ETH-1:1.5:1790035200000000:2.50',
  id: 'ETH-1',
  price: '1.5',
  bid: '2.50',
  ask: '2.60',
  seq: -1,
  side: 'sell',
  closed: true,
  interval_hours: 8,
}

test.each([
  ['a whole element', {}, {}],
  ['no id', { id: '' }, { id: undefined, key: ':1.5:1790035200000000:2.50' }],
  ['a bid of zero, which is none', { b: 0.0 }, { bid: undefined, key: 'ETH-1:1.5:1790035200000000:0' }],
  ['no bid', { b: null }, { bid: undefined, key: 'ETH-1:1.5:1790035200000000:' }],
  ['an ask of zero, which is none', { a: '0.00' }, { ask: undefined }],
  ['no sequence', { n: null }, { seq: undefined }],
  ['other words', { l: 'M', x: '0' }, { side: 'buy', closed: false }],
  ['words that say nothing', { l: 'MT' }, { side: undefined }],
  ['one word of two', { l: undefined }, { side: undefined }],
  ['no word', { x: '' }, { closed: undefined }],
  ['half an hour', { from: '1790033400000' }, { interval_hours: 0.5 }],
  ['no full millionth of an hour', { from: '1790035199999999' }, { interval_hours: undefined }],
  ['times the wrong way round', { from: '1790035200001' }, { interval_hours: undefined }],
  ['no later time', { to: '' }, { interval_hours: undefined, key: 'ETH-1:1.5::2.50' }],
  ['a time of zero, which is none', { to: 0 }, { interval_hours: undefined, key: 'ETH-1:1.5::2.50' }],
  ['a time of zero as text', { to: '0' }, { interval_hours: undefined, key: 'ETH-1:1.5::2.50' }],
])('a message of %s has what it can have, before and after whole ones', (_title, element, changed) => {
  const changedElement = { ...WHOLE, ...element }
  const wanted = Object.fromEntries(Object.entries({ ...made, ...changed }).filter(([, value]) => value !== undefined))
  for (let times = 0; times < 2; times++) {
    expect(fill([changedElement, WHOLE, changedElement, WHOLE])).toEqual([wanted, made, wanted, made])
  }
})

test('an element without what its message needs is another', () => {
  expect(fill([{ ...WHOLE, p: null }, WHOLE, { ...WHOLE, p: '' }])).toEqual([undefined, made, undefined])
  // Zero says that there is none; no word says nothing.
  expect(fill([{ ...WHOLE, a: null }, WHOLE, { ...WHOLE, a: undefined }])).toEqual([undefined, made, undefined])
})

test('an id may have a word as the message has it, and a figure may stand elsewhere where sizes are converted', () => {
  const side = { choose: 's', of: { buy: 'sell', sell: 'buy' } } as const
  const frame = new Frame({
    ...DECLARATION,
    id: [{ choose: 's', of: side.of }, { digits: 'p' }],
    message: { volume: { decimal: 'p', converted: 'b' }, quote_volume: { decimal: 'b', converted: null }, side },
  })
  const made = (element: object, sizing?: Sizing): unknown[] => {
    const bytes = Buffer.from(JSON.stringify(element))
    expect(frame.read(bytes, 0, bytes.length, Buffer.alloc(0))).toBe(bytes.length)
    const record = frame.template('', payloadHead(CHANNEL), {}, sizing).chosen(frame.at)
    expect(record.fill(bytes, frame, 1_790_000_000_000_000)).toBe(true)
    const text = record.bytes.toString('latin1', record.payload, record.end).replace(/0{16}/, '0')
    const { volume, quote_volume, side: word } = JSON.parse(text) as Record<string, unknown>
    return [record.bytes.toString('latin1', 0, record.payload), volume, quote_volume, word]
  }
  expect(made(WHOLE)).toEqual(['buy:1.5', '1.5', '2.50', 'buy'])
  expect(made({ ...WHOLE, s: 'buy' })).toEqual(['sell:1.5', '1.5', '2.50', 'sell'])
  expect(made(WHOLE, { kind: 'inverse', value: '100' })).toEqual(['buy:1.5', '2.50', undefined, 'buy'])
})

test('a declaration whose words need something that is not there is refused', () => {
  const side = { choose: 's', of: { buy: 'buy' } } as const
  const frame = new Frame({ ...DECLARATION, message: { ...DECLARATION.message, side } })
  expect(() => frame.template('', payloadHead(CHANNEL))).toThrow('side has nothing for sell')
  const words = { words: Array.from({ length: 65 }, (_, i) => `w${i}`) }
  const many = new Frame({ ...DECLARATION, keys: { ...DECLARATION.keys, s: words } })
  expect(() => many.template('', payloadHead(CHANNEL))).toThrow('records that differ by words')
  expect(() => new Frame({ ...DECLARATION, keys: { s: { words: ['a"b'] } } })).toThrow('letters, digits')
  expect(() => new Frame({ ...DECLARATION, expect: { id: 'x' } })).toThrow('expected')
})
