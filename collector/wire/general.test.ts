import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Random, random } from '../../test/history.ts'
import { honest, values } from '../../test/support/frames.ts'
import { Frame, type FrameDeclaration } from './frame.ts'
import { parse, plainForm, print } from './general.ts'

const DECLARATION: FrameDeclaration = {
  type: 'orderbook',
  evidence: 'made for this test',
  keys: { e: 'text', s: 'text', i: 'digits', p: 'decimal', T: 'time', m: 'boolean', b: 'levels', 'k.c': 'decimal' },
  expect: { e: 'event', s: '$symbol' },
  id: [],
  message: {},
}
const SYMBOL = 'BTCUSDT'

/** Another text of the same value: white space, escapes, a key twice. */
function disguised(text: string, rng: Random): string {
  const space = () => [' ', '', '\t', '', '\n', '\r\n', ''][Math.floor(rng() * 7)] as string
  const escaped = (c: string) => (rng() < 0.2 ? `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}` : c)
  const twice = rng() < 0.5 ? text.replace('{', '{"i":[],"p":null,') : text
  return twice.replace(/"[^"]*"|[{}[\],:]/g, (part) =>
    part.startsWith('"') ? `"${Array.from(part.slice(1, -1), escaped).join('')}"` : space() + part + space(),
  )
}

/** What plain form keeps of a value: by JSON.parse and by hand. */
function kept(value: unknown): unknown {
  if (typeof value === 'string') return value.toWellFormed().replaceAll(/["\\\u0000-\u001f]/g, '?')
  if (Array.isArray(value)) return value.map(kept)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [kept(key) as string, kept(inner)]))
}

const json = fc.oneof(
  fc.jsonValue({ maxDepth: 5 }),
  fc.dictionary(
    fc.string({ maxLength: 3 }),
    fc.array(fc.tuple(fc.string(), fc.oneof(fc.string(), fc.nat(), fc.double({ noNaN: true }))), { maxLength: 3 }),
  ),
)

describe('plain form', () => {
  test('of any object has the values that JSON.parse reads, and no exponent that a decimal could have written out', () => {
    fc.assert(
      fc.property(json, (value) => {
        const text = JSON.stringify(value)
        const plain = plainForm(Buffer.from(text))
        const parsed: unknown = JSON.parse(text)
        if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed)) expect(plain).toBeUndefined()
        else expect(JSON.parse(String(plain))).toEqual(kept(parsed))
      }),
      { numRuns: 1_000 },
    )
  })

  test('of a plain form is itself', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), json), (value) => {
        const plain = plainForm(Buffer.from(JSON.stringify(value))) as Buffer
        // Keys that differ by forbidden characters only are the same key now, and only its last value is kept.
        const once = plainForm(plain) as Buffer
        expect(String(plainForm(once))).toBe(String(once))
        expect(JSON.parse(String(once))).toEqual(JSON.parse(String(plain)))
      }),
      { numRuns: 400 },
    )
  })

  test('lets a frame be read that says the same in other letters', () => {
    const symbol = Buffer.from(SYMBOL)
    const frame = new Frame(DECLARATION)
    const drawn = values(DECLARATION, SYMBOL)
    fc.assert(
      fc.property(drawn, fc.noShrink(fc.nat()), (v, seed) => {
        const text = honest(DECLARATION, v)
        const plain = plainForm(Buffer.from(disguised(text, random(seed)))) as Buffer
        expect(frame.read(plain, 0, plain.length, symbol)).toBe(plain.length)
        for (const [path, kind] of Object.entries(DECLARATION.keys)) {
          const row = frame.field(path) * 2
          if (kind !== 'text') expect(plain.toString('utf8', frame.at[row], frame.at[row + 1]), path).toBe(v[path])
        }
      }),
      { numRuns: 1_000 },
    )
  })

  test('keeps the digits of numbers that no double holds', () => {
    const text = '{"a":12345678901234567890,"b":0.1000000000000000000,"c":-0,"d":1.50}'
    expect(String(plainForm(Buffer.from(text)))).toBe(text)
  })

  test('writes exponents out, as far as a decimal goes', () => {
    const plain = (number: string) => String(plainForm(Buffer.from(`{"x":${number}}`))).slice(5, -1)
    const table = {
      '-4.7e-7': '-0.00000047',
      '1E5': '100000',
      '1.5e1': '15',
      '1.50e1': '15.0',
      '12.5e-1': '1.25',
      '12e-2': '0.12',
      '0e0': '0',
      '0.0e3': '000'.slice(2),
      '5e+0': '5',
      '1e-64': `0.${'0'.repeat(63)}1`,
      '1e-65': '1e-65',
      '1e64': '1e64',
      '1e999999999999': '1e999999999999',
      '1.25': '1.25',
    }
    for (const [number, wanted] of Object.entries(table)) expect(plain(number), number).toBe(wanted)
    fc.assert(
      fc.property(fc.double({ noNaN: true, noDefaultInfinity: true }), fc.nat(20), (n, digits) => {
        const written = plain(n.toExponential(digits))
        expect(Number(written)).toBe(Number(n.toExponential(digits)))
        expect(written).toMatch(/^-?(0|[1-9]\d*)(\.\d+)?(e.*)?$/)
      }),
    )
  })

  test('puts the wrapper in order and leaves out what stands beside it; without it nothing is moved', () => {
    const plain = (text: string) => String(plainForm(Buffer.from(text), { stream: 'value', data: 'value' }))
    expect(plain('{"ts":1,"data":{"a":1},"stream":"x"}')).toBe('{"stream":"x","data":{"a":1}}')
    expect(plain('{"data":[1,{}],"stream":"x"}')).toBe('{"stream":"x","data":[1,{}]}')
    expect(plain('{"id":1,"result":null,"data":{}}')).toBe('{"id":1,"result":null,"data":{}}')
    const deep = `${'['.repeat(40)}${']'.repeat(40)}`
    expect(plain(`{"data":{"a":1,"b":${deep}},"stream":"x"}`)).toBe(
      `{"stream":"x","data":{"a":1,"b":${'['.repeat(30)}null${']'.repeat(30)}}}`,
    )
  })

  test('puts wrappers inside wrappers in order, and what is optional only where it is', () => {
    const shape = { arg: { channel: 'value', instId: 'optional' }, action: 'optional', data: 'value' } as const
    const plain = (text: string) => String(plainForm(Buffer.from(text), shape))
    const data = '"data":[{"b":1,"a":2}]'
    expect(plain(`{${data},"x":1,"arg":{"instId":"Y","z":{},"channel":"t"},"action":"update"}`)).toBe(
      `{"arg":{"channel":"t","instId":"Y"},"action":"update",${data}}`,
    )
    expect(plain(`{${data},"arg":{"channel":"t"}}`)).toBe(`{"arg":{"channel":"t"},${data}}`)
    for (const text of [`{${data},"arg":{"instId":"Y"}}`, `{${data},"arg":"t"}`, '{"arg":{"channel":"t"}}']) {
      expect(plain(text)).toBe(text)
    }
  })

  test.each([
    '',
    ' ',
    '{',
    '{}}',
    '[]',
    '7',
    '"x"',
    'null',
    '{"a":NaN}',
    '{"a":01}',
    "{'a':1}",
    '{"a":1,}',
    '{"a":"\n"}',
  ])('is not made of %j', (text) => {
    expect(plainForm(Buffer.from(text))).toBeUndefined()
  })

  test('is not made of bytes that are no UTF-8, of arrays without end', () => {
    expect(plainForm(Buffer.from([0x7b, 0x22, 0xc3, 0x28, 0x22, 0x3a, 0x31, 0x7d]))).toBeUndefined()
    expect(plainForm(Buffer.from('['.repeat(100_000)))).toBeUndefined()
    expect(plainForm(Buffer.from(`{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}`))).toBeUndefined()
  })

  test('treats the names of JavaScript as names', () => {
    const text = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":2}},"toString":"x"}'
    expect(String(plainForm(Buffer.from(text)))).toBe(text)
    expect(print({ ...(parse(Buffer.from(text)) as object), e: 'x' })).toBe(`${text.slice(0, -1)},"e":"x"}`)
    expect('polluted' in {}).toBe(false)
  })
})
