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
function kept(value: unknown, depth = 1): unknown {
  if (typeof value === 'string') return value.toWellFormed().replaceAll(/["\\\u0000-\u001f]/g, '?')
  if (typeof value === 'number') return /e/.test(String(value)) ? undefined : value
  if (Array.isArray(value)) {
    const isRow = (row: unknown) =>
      Array.isArray(row) && [row[0], row[1]].every((cell) => typeof cell === 'string' || typeof cell === 'number')
    return value.every(isRow)
      ? value.map((row: unknown[]) => row.slice(0, 2).map((cell) => kept(String(cell))))
      : undefined
  }
  if (typeof value !== 'object' || value === null) return value
  if (depth > 3) return undefined
  const pairs = Object.entries(value)
    .map(([key, inner]) => [kept(key) as string, kept(inner, depth + 1)] as const)
    .filter(([, inner]) => inner !== undefined)
  return depth > 1 && pairs.length === 0 ? undefined : Object.fromEntries(pairs)
}

const json = fc.oneof(
  fc.jsonValue({ maxDepth: 5 }),
  fc.dictionary(
    fc.string({ maxLength: 3 }),
    fc.array(fc.tuple(fc.string(), fc.oneof(fc.string(), fc.nat())), { maxLength: 3 }),
  ),
)

describe('plain form', () => {
  test('of any object has the values that JSON.parse reads; what no declaration could read is left out', () => {
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
        expect(frame.read(plain, 0, plain.length, symbol)).toBe(true)
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

  test('puts the wrapper in order and leaves out what stands beside it; without it nothing is moved', () => {
    const plain = (text: string) => String(plainForm(Buffer.from(text), ['stream', 'data']))
    expect(plain('{"ts":1,"data":{"a":1},"stream":"x"}')).toBe('{"stream":"x","data":{"a":1}}')
    expect(plain('{"data":[1,{}],"stream":"x"}')).toBe('{"stream":"x","data":null}')
    expect(plain('{"id":1,"result":null,"data":{}}')).toBe('{"id":1,"result":null}')
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
