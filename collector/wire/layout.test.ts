import { isUtf8 } from 'node:buffer'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { disordered, honest, values, type Values } from '../../test/support/frames.ts'
import { mutated } from '../../test/support/mutate.ts'
import { Frame, type FrameDeclaration, MALFORMED, OTHER } from './frame.ts'
import type { Keys } from './kinds.ts'
import type { Source } from './sources.ts'

/** A declaration whose message needs all of its keys but the optional ones. */
function declaration(
  keys: Keys,
  expect: FrameDeclaration['expect'],
  message: Readonly<Record<string, Source>>,
): FrameDeclaration {
  return { type: 'trade', evidence: 'made for this test', keys, expect, id: [], message }
}

/** Every kind of key, one in a nested object, some that may be missing. */
const DECLARATION = declaration(
  {
    e: 'text',
    s: 'text',
    i: 'digits',
    n: 'integer',
    z: 'signed',
    p: 'decimal',
    o: 'decimal',
    T: 'time',
    t: 'token',
    y: 'name',
    d: 'list',
    m: 'boolean',
    w: { words: ['buy', 'sell', 'buys'] },
    b: 'levels',
    a: 'actions',
    'k.t': 'time',
    'k.c': 'decimal',
  },
  { e: 'event', s: '$symbol' },
  { open: { decimal: 'o', optional: true }, word: { choose: 'w', of: {}, optional: true }, ts: { time: 'T' } },
)

/** As OKX, Deribit and candles have their elements. */
const DECLARATIONS = {
  'of every kind': DECLARATION,
  'of trades in strings': declaration(
    { instId: 'text', tradeId: 'digits', px: 'decimal', sz: 'decimal', side: { words: ['buy', 'sell'] }, ts: 'time' },
    { instId: '$symbol' },
    { average: { decimal: 'sz', optional: true } },
  ),
  'of books in strings': declaration(
    { asks: 'levels', bids: 'levels', ts: 'time', prevSeqId: 'signed', seqId: 'signed' },
    {},
    {},
  ),
  'of books in numbers': declaration(
    {
      type: 'text',
      timestamp: 'time',
      instrument_name: 'text',
      change_id: 'integer',
      bids: 'actions',
      asks: 'actions',
    },
    { type: 'change', instrument_name: '$symbol' },
    {},
  ),
  'of tickers in numbers': declaration(
    {
      instrument_name: 'text',
      timestamp: 'time',
      best_bid_price: 'decimal',
      funding_8h: 'decimal',
      'stats.low': 'decimal',
    },
    { instrument_name: '$symbol' },
    {
      bid: { decimal: 'best_bid_price', optional: true, unlessZero: true },
      low: { decimal: 'stats.low', optional: true },
      rate: { decimal: 'funding_8h', optional: true },
    },
  ),
  'that are rows': declaration(
    { 0: 'time', 1: 'decimal', 3: 'decimal', 5: { words: ['0', '1'] } },
    {},
    { low: { decimal: '3', optional: true } },
  ),
}
const SYMBOL = '币BTC'
const symbol = Buffer.from(SYMBOL)
/** What stands around the element in a socket's frame. */
const [BEFORE, BEHIND] = ['{"stream":"x","data":[', ',{"a":1}]}']

/** All that a reader says of an element: a verdict, or its values; and where it ends. */
interface Read {
  readonly behind: number
  readonly values: Values | undefined
}

/** Keys whose values go anywhere; a text is only compared, and where it stands is not kept. */
function valued({ keys }: FrameDeclaration): string[] {
  return Object.entries(keys).flatMap(([path, kind]) => (kind === 'text' ? [] : [path]))
}

function reading(frame: Frame, bytes: Buffer): Read {
  const whole = Buffer.concat([Buffer.from(BEFORE), bytes, Buffer.from(BEHIND)])
  const behind = frame.read(whole, BEFORE.length, whole.length - 1, symbol)
  if (behind < 0) return { behind, values: undefined }
  const read: Record<string, string> = {}
  for (const key of valued(frame.declaration)) {
    const { row, word, words, levels } = frame.fieldOf(key)
    const [start = -1, stop] = [frame.at[row], frame.at[row + 1]]
    if (word >= 0)
      expect(words[frame.at[word] as number]).toBe(start < 0 ? undefined : whole.toString('utf8', start, stop))
    if (start < 0) continue
    read[key] = whole.toString('utf8', start, stop)
    if (levels === undefined) continue
    const { at, count } = levels
    const cells = Array.from({ length: count * 2 }, (_, i) => whole.toString('utf8', at[i * 2], at[i * 2 + 1]))
    const rows = parseDigits(read[key]) as string[][]
    expect(cells).toEqual(rows.flatMap((r) => (/^[ncd]/.test(r[0] ?? '') ? r.slice(1, 3) : r.slice(0, 2))))
  }
  return { behind: behind - BEFORE.length, values: read }
}

/** JSON.parse with numbers as their digits. */
function parseDigits(text: string): unknown {
  return JSON.parse(text, (_key, value: unknown, context?: { source?: string }) =>
    typeof value === 'number' ? context?.source : value,
  )
}

/** The same by JSON.parse: the text of each declared key's value, digits as they stand. */
function parsed(what: FrameDeclaration, text: string): Values {
  const read: Record<string, string> = {}
  for (const path of valued(what)) {
    let value = parseDigits(text)
    for (const key of path.split('.')) value = (value as Record<string, unknown> | null | undefined)?.[key]
    const isNone = value === undefined || value === null || value === ''
    if (!isNone) read[path] = typeof value === 'string' ? value : JSON.stringify(value)
  }
  return read
}

/** The values that were drawn, but the texts; sides of a book as JSON.parse sees them. */
function drawnValues(what: FrameDeclaration, drawn: Values): Values {
  return Object.fromEntries(valued(what).map((path) => [path, drawn[path] as string]))
}

/** A reader that has learned the orders of some elements. */
function learned(what: FrameDeclaration, texts: readonly string[]): Frame {
  const frame = new Frame(what)
  for (const text of texts) reading(frame, Buffer.from(text))
  return frame
}

describe.each(Object.entries(DECLARATIONS))('compiled layouts of elements %s', (_title, what) => {
  const anyValues = values(what, SYMBOL)
  const optional = Object.values(what.message).flatMap((s) => ('optional' in s && 'decimal' in s ? [s.decimal] : []))
  const anyFrame = anyValues.chain((drawn) => disordered(what, drawn, optional))
  const samples = fc.sample(anyFrame, { numRuns: 6, seed: 7 })
  const venue = fc.sample(anyValues, { numRuns: 2, seed: 7 }).map((drawn) => honest(what, drawn))
  const others = fc.sample(values(what, 'other'), { numRuns: 2, seed: 7 }).map((drawn) => honest(what, drawn))
  const fast = learned(what, [...venue, ...samples, ...others])

  test('judge and read as the tokens do, after any change of bytes', () => {
    const changed = mutated(fc.oneof(fc.constantFrom(...samples, ...venue, ...others), anyFrame))
    let accepted = 0
    fc.assert(
      fc.property(changed, (bytes) => {
        const slow = reading(new Frame(what), bytes)
        expect(reading(fast, bytes)).toEqual(slow)
        if (slow.values !== undefined) accepted += 1
      }),
      { numRuns: 1_000 },
    )
    expect(accepted).toBeGreaterThan(100)
  })

  test('judge and read as the tokens do at the borders of every kind', () => {
    const lengths = [1, 12, 13, 14, 15, 16, 17, 23, 24, 25, 40, 64, 65]
    const numbers = lengths.flatMap((n) => ['1'.repeat(n), '9'.repeat(n), '0'.repeat(n), `0${'1'.repeat(n)}`])
    const points = [
      '1.5',
      '0.5',
      '00.5',
      '1.',
      '.5',
      '-',
      '-1',
      '-0',
      '-01',
      '--1',
      '1.5.5',
      '1e5',
      '1E5',
      '+1',
      '1e+',
      '0e-9',
    ]
    const words = ['', ' ', ' 1', '1 ', 'true', 'false', 'null', 'True', 'tru', 'nul', 'buy', 'buys', 'buyss', 'Az_.-']
    const nested = [
      '[]',
      '[[]]',
      '[["1","2"]]',
      '[["1","2","",""]]',
      '[["new",1,2]]',
      '[["new",01,2]]',
      '{}',
      '{"a":[]}',
      '[,]',
      'é',
    ]
    const [drawn] = fc.sample(anyValues, { numRuns: 1, seed: 1 }) as [Values]
    const isRow = '0' in what.keys
    for (const key of [...valued(what), ...(isRow ? [] : ['x'])]) {
      for (const quote of ['"', '']) {
        const put = (text: string) => {
          const mark = `${quote}@${quote}`
          const frame = honest(what, { ...drawn, [key]: '@' }).replace('{', key === 'x' ? `{"x":${mark},` : '{')
          return Buffer.from(frame.replace(/"?@"?/, () => quote + text + quote))
        }
        const known = ['1', '1790000000000', 'true', '[]', '1.5', 'x', 'null', 'buy'].map((text) =>
          put(text).toString(),
        )
        const learner = learned(what, known)
        for (const text of [...numbers, ...points, ...words, ...nested]) {
          const bytes = put(text)
          expect(reading(learner, bytes), bytes.toString()).toEqual(reading(new Frame(what), bytes))
        }
      }
    }
  })

  test('read the values that JSON.parse reads', () => {
    fc.assert(
      fc.property(mutated(fc.oneof(fc.constantFrom(...samples, ...venue), anyFrame)), (bytes) => {
        const read = reading(fast, bytes)
        if (read.values === undefined) return
        const element = Buffer.concat([bytes, Buffer.from(BEHIND)]).subarray(0, read.behind)
        expect(isUtf8(element)).toBe(true)
        const withDigits = Object.fromEntries(
          Object.entries(read.values).map(([path, text]) =>
            ['levels', 'actions', 'list'].includes(what.keys[path] as string)
              ? [path, JSON.stringify(parseDigits(text))]
              : [path, text],
          ),
        )
        expect(withDigits).toEqual(parsed(what, element.toString('utf8')))
      }),
      { numRuns: 1_000 },
    )
  })

  test('take each element of an order that is known, also of another symbol: only the first goes by its tokens', () => {
    const frame = new Frame(what)
    const hasSymbol = Object.values(what.expect).includes('$symbol')
    fc.assert(
      fc.property(anyValues, fc.boolean(), (drawn, isOther) => {
        const texts = Object.entries(what.expect).map(([path, text]) => [path, text === '$symbol' ? 'other' : text])
        const other = isOther && hasSymbol ? { ...drawn, ...Object.fromEntries(texts) } : drawn
        const text = honest(what, other)
        const mine = { behind: Buffer.byteLength(text), values: drawnValues(what, drawn) }
        expect(reading(frame, Buffer.from(text))).toEqual(other === drawn ? mine : { behind: OTHER, values: undefined })
        expect(frame.slow).toBe(1)
      }),
      { numRuns: 300 },
    )
  })
})

describe('compiled layouts', () => {
  const anyValues = values(DECLARATION, SYMBOL)
  const [drawn] = fc.sample(anyValues, { numRuns: 1, seed: 1 }) as [Values]
  const text = honest(DECLARATION, drawn)
  const mine = drawnValues(DECLARATION, drawn)

  test('are learned for eight orders and no more: a ninth is read by its tokens each time', () => {
    const frame = new Frame(DECLARATION)
    const orders = Array.from({ length: 12 }, (_, i) => `{"x${i}":1,${text.slice(1)}`)
    for (const order of orders) expect(reading(frame, Buffer.from(order)).values).toEqual(mine)
    expect(frame.slow).toBe(12)
    for (const order of orders) expect(reading(frame, Buffer.from(order)).values).toEqual(mine)
    expect(frame.slow).toBe(12 + 4)
  })

  test('are learned for elements of others, too, and those take nobody else its place', () => {
    const frame = new Frame(DECLARATION)
    const others = Array.from({ length: 12 }, (_, i) => `{"e":"x","x${i}":1}`)
    for (const other of others) expect(reading(frame, Buffer.from(other)).behind).toBe(OTHER)
    for (const other of others) expect(reading(frame, Buffer.from(other)).behind).toBe(OTHER)
    expect(frame.slow).toBe(12 + 4)
    expect(reading(frame, Buffer.from(text)).values).toEqual(mine)
    expect(reading(frame, Buffer.from(text)).values).toEqual(mine)
    expect(frame.slow).toBe(12 + 4 + 1)
  })

  test('of an element without a needed key say at once that it is another, whatever its values are', () => {
    const frame = new Frame(DECLARATION)
    const without = text.replace(/"p":"[^"]*",/, '')
    for (const size of ['1', '2.5', '300']) {
      const other = without.replace(/"o":"[^"]*"/, `"o":"${size}"`)
      expect(reading(frame, Buffer.from(other)).behind).toBe(OTHER)
    }
    expect(frame.slow).toBe(1)
  })

  test('of an element with a value that makes it another say so, unless the value is nothing', () => {
    const what = { ...declaration({ p: 'decimal' }, {}, { p: { decimal: 'p' } }), without: ['s'] }
    const all = ['null', '""', '1', '-2.5', '"a"', '12345678901', 'true', '{"a":1}', '[]', '[[1,2]]', '{}']
    const texts = all.flatMap((s) => [`{"p":1,"s":${s}}`, `{"s":${s},"p":1}`])
    for (const frame of texts.map((first) => learned(what, [first]))) {
      const behind = [...texts, ...texts].map((next) => reading(frame, Buffer.from(next)).behind)
      expect(behind).toEqual([...texts, ...texts].map((next) => (/null|""/.test(next) ? next.length : OTHER)))
    }
  })

  test('do not take an element for one of another event when the event comes where there was none', () => {
    const nested = { ...DECLARATION, keys: { 'k.e': 'text' }, expect: { 'k.e': 'event' }, message: {} } as const
    const frame = learned(nested, ['{"k":1}', '{"k":{"x":1}}', '{"k":{"e":"x"}}', '{"k":{"e":1}}'])
    expect(reading(frame, Buffer.from('{"k":{"e":"event"}}')).behind).toBe(19)
    expect(reading(frame, Buffer.from('{"k":{"e":"events"}}')).behind).toBe(OTHER)
    expect(reading(frame, Buffer.from('{"k":[{"e":"event"}]}')).behind).toBe(OTHER)
  })

  test('are not learned from elements that are broken: none of a hundred keeps another from being learned', () => {
    const frame = new Frame(DECLARATION)
    for (let i = 0; i < 100; i++) {
      const broken = text.replace('{', `{"x${i}":1,`).replace(/"n":\d+/, '"n":1.5')
      expect(reading(frame, Buffer.from(broken)).behind).toBe(MALFORMED)
    }
    expect(frame.slow).toBe(0)
    for (let i = 0; i < 100; i++) reading(frame, Buffer.from(text))
    expect(frame.slow).toBe(1)
  })

  test('step over values under keys of no interest, whatever they are', () => {
    const others = [
      '1',
      '"x"',
      '12345678',
      '"人生"',
      'null',
      'true',
      '-4.7e-7',
      '1'.repeat(40),
      '{"a":[{"b":[]}]}',
      '[[]]',
    ]
    for (const first of others) {
      const frame = new Frame(DECLARATION)
      for (const other of [first, ...others]) {
        const whole = Buffer.from(text.replace('{', `{"x":${other},`))
        expect(reading(frame, whole)).toEqual({ behind: whole.length, values: mine })
      }
      expect(frame.slow, first).toBe(1)
      const broken = Buffer.from(text.replace('{', '{"x":"人生",'))
      broken[broken.indexOf('人')] = 0xc3
      expect(reading(frame, broken).behind).toBe(MALFORMED)
    }
  })

  test('read what is absent as one that is not there', () => {
    const put = (value: string) => Buffer.from(text.replace(/"o":"[^"]*"/, `"o":${value}`))
    const { o: _, ...rest } = mine
    for (const first of ['"1.5"', '""', 'null', '1.5']) {
      const frame = learned(DECLARATION, [put(first).toString()])
      for (const value of ['""', 'null']) expect(reading(frame, put(value)).values, `${first} ${value}`).toEqual(rest)
      for (const value of ['"2.5"', '2.5']) expect(reading(frame, put(value)).values).toEqual({ ...rest, o: '2.5' })
      expect(reading(frame, put('nul')).behind).toBe(MALFORMED)
      expect(reading(frame, put('" "')).behind).toBe(MALFORMED)
    }
  })

  test('refuse what nests without end', () => {
    for (const open of ['[', '{"a":']) {
      const frame = learned(DECLARATION, [text.replace('{', '{"x":[1],')])
      const deep = Buffer.from(text.replace('{', `{"x":${open.repeat(50_000)},`))
      expect(reading(frame, deep).behind).toBe(MALFORMED)
    }
  })
})

test('an element without a key that its message needs is another; one without an optional key is not', () => {
  const [drawn] = fc.sample(values(DECLARATION, SYMBOL), { numRuns: 1, seed: 1 }) as [Values]
  for (const key of Object.keys(DECLARATION.keys)) {
    const kept = Object.entries(DECLARATION.keys).filter(([path]) => path !== key)
    const text = honest({ ...DECLARATION, keys: Object.fromEntries(kept) }, drawn)
    const { behind } = reading(new Frame(DECLARATION), Buffer.from(text))
    expect(behind, key).toBe(['o', 'w'].includes(key) ? Buffer.byteLength(text) : OTHER)
  }
})

test('what does not end before the end of the data is malformed', () => {
  const [drawn] = fc.sample(values(DECLARATION, SYMBOL), { numRuns: 1, seed: 1 }) as [Values]
  const bytes = Buffer.from(honest(DECLARATION, drawn))
  const frame = learned(DECLARATION, [bytes.toString()])
  expect(frame.read(bytes, 0, bytes.length, symbol)).toBe(bytes.length)
  expect(frame.read(bytes, 0, bytes.length - 1, symbol)).toBe(MALFORMED)
  for (let i = 0; i < bytes.length; i++) expect(frame.read(bytes.subarray(0, i), 0, i, symbol)).toBe(MALFORMED)
})
