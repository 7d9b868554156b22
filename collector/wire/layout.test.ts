import { isUtf8 } from 'node:buffer'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { disordered, honest, values, type Values } from '../../test/support/frames.ts'
import { mutated } from '../../test/support/mutate.ts'
import { Frame, type FrameDeclaration } from './frame.ts'

/** Every kind of key, one in a nested object, one that may be missing. */
const DECLARATION: FrameDeclaration = {
  type: 'trade',
  evidence: 'made for this test',
  keys: {
    e: 'text',
    s: 'text',
    i: 'digits',
    n: 'integer',
    p: 'decimal',
    o: 'decimal',
    T: 'time',
    m: 'boolean',
    b: 'levels',
    a: 'levels',
    'k.t': 'time',
    'k.c': 'decimal',
  },
  expect: { e: 'event', s: '$symbol' },
  id: [{ id: 'i' }],
  message: { open: { decimal: 'o', optional: true }, ts: { time: 'T' } },
}
const SYMBOL = '币BTC'
const symbol = Buffer.from(SYMBOL)
/** What stands around the object in a socket's frame. */
const [BEFORE, BEHIND] = ['{"stream":"x","data":', '}']

const anyValues = values(DECLARATION, SYMBOL)
const anyFrame = anyValues.chain((drawn) => disordered(DECLARATION, drawn))

/** Keys whose values go anywhere; a text is only compared, and where it stands is not kept. */
const VALUED = Object.entries(DECLARATION.keys).flatMap(([path, kind]) => (kind === 'text' ? [] : [path]))

/** All that a reader says of a frame; undefined when it does not accept it. */
function reading(frame: Frame, bytes: Buffer): Values | undefined {
  const whole = Buffer.concat([Buffer.from(BEFORE), bytes, Buffer.from(BEHIND)])
  const end = whole.length - BEHIND.length
  if (!frame.read(whole, BEFORE.length, end, symbol)) return undefined
  const read: Record<string, string> = {}
  for (const key of VALUED) {
    const row = frame.field(key) * 2
    const [start = -1, stop] = [frame.at[row], frame.at[row + 1]]
    if (start < 0) continue
    read[key] = whole.toString('utf8', start, stop)
    if (DECLARATION.keys[key] !== 'levels') continue
    const { at, count } = frame.levels(key)
    const cells = Array.from({ length: count * 2 }, (_, i) => whole.toString('utf8', at[i * 2], at[i * 2 + 1]))
    expect(cells).toEqual((JSON.parse(read[key]) as string[][]).flat())
  }
  return read
}

/** The same by JSON.parse: the text of each declared key's value, digits as they stand. */
function parsed(text: string): Values {
  const root = JSON.parse(text, (_key, value: unknown, context?: { source?: string }) =>
    typeof value === 'number' ? context?.source : value,
  ) as Record<string, unknown>
  const read: Record<string, string> = {}
  for (const path of VALUED) {
    const [head = '', key] = path.split('.')
    const value = key === undefined ? root[head] : (root[head] as Record<string, unknown> | undefined)?.[key]
    if (value !== undefined) read[path] = typeof value === 'string' ? value : JSON.stringify(value)
  }
  return read
}

function valued(drawn: Values): Values {
  return Object.fromEntries(VALUED.map((path) => [path, drawn[path] as string]))
}

/** A reader that has learned the orders of some frames. */
function learned(texts: readonly string[]): Frame {
  const frame = new Frame(DECLARATION)
  for (const text of texts) reading(frame, Buffer.from(text))
  return frame
}

describe('compiled layouts', () => {
  const samples = fc.sample(anyFrame, { numRuns: 6, seed: 7 })
  const venue = fc.sample(anyValues, { numRuns: 2, seed: 7 }).map((drawn) => honest(DECLARATION, drawn))
  const fast = learned([...venue, ...samples])

  test('accept and read what the tokens accept and read, after any change of bytes', () => {
    const changed = mutated(fc.oneof(fc.constantFrom(...samples, ...venue), anyFrame))
    let accepted = 0
    fc.assert(
      fc.property(changed, (bytes) => {
        const slow = reading(new Frame(DECLARATION), bytes)
        expect(reading(fast, bytes)).toEqual(slow)
        if (slow !== undefined) accepted += 1
      }),
      { numRuns: 2_000 },
    )
    expect(accepted).toBeGreaterThan(200)
  })

  test('accept and read what the tokens do at the borders of every kind', () => {
    const lengths = [1, 12, 13, 14, 15, 16, 17, 23, 24, 25, 40]
    const numbers = lengths.flatMap((n) => ['1'.repeat(n), '9'.repeat(n), '0'.repeat(n), `0${'1'.repeat(n)}`])
    const points = ['1.5', '0.5', '00.5', '1.', '.5', '-', '-1', '-0', '-01', '--1', '1.5.5', '1e5', '1E5', '+1']
    const others = ['', ' ', ' 1', '1 ', 'true', 'false', 'null', 'True', 'tru', '[]', '[[]]', '[["1","2"]]', '{}', 'é']
    const [drawn] = fc.sample(anyValues, { numRuns: 1, seed: 1 }) as [Values]
    for (const key of [...VALUED, 'x']) {
      for (const quote of ['"', '']) {
        const put = (text: string) => {
          const mark = `${quote}@${quote}`
          const frame = honest(DECLARATION, { ...drawn, [key]: '@' }).replace('{', key === 'x' ? `{"x":${mark},` : '{')
          return Buffer.from(frame.replace(/"?@"?/, () => quote + text + quote))
        }
        const learner = learned(['1', '1790000000000', 'true', '[]', '1.5', 'x'].map((text) => put(text).toString()))
        for (const text of [...numbers, ...points, ...others]) {
          const bytes = put(text)
          expect(reading(learner, bytes), bytes.toString()).toEqual(reading(new Frame(DECLARATION), bytes))
        }
      }
    }
  })

  test('read the values that JSON.parse reads', () => {
    fc.assert(
      fc.property(mutated(fc.oneof(fc.constantFrom(...samples, ...venue), anyFrame)), (bytes) => {
        const read = reading(fast, bytes)
        if (read === undefined) return
        expect(isUtf8(bytes)).toBe(true)
        expect(read).toEqual(parsed(bytes.toString('utf8')))
      }),
      { numRuns: 1_500 },
    )
  })

  test('take each frame of an order that is known: only the first goes by its tokens', () => {
    const frame = new Frame(DECLARATION)
    fc.assert(
      fc.property(anyValues, (drawn) => {
        expect(reading(frame, Buffer.from(honest(DECLARATION, drawn)))).toEqual(valued(drawn))
        expect(frame.slow).toBe(1)
      }),
      { numRuns: 500 },
    )
  })

  test('are learned for eight orders and no more: a ninth is read by its tokens each time', () => {
    const frame = new Frame(DECLARATION)
    const [drawn] = fc.sample(anyValues, { numRuns: 1, seed: 1 }) as [Values]
    const text = honest(DECLARATION, drawn).slice(1, -1)
    const orders = Array.from({ length: 12 }, (_, i) => `{"x${i}":1,${text}}`)
    for (const order of orders) expect(reading(frame, Buffer.from(order))).toEqual(valued(drawn))
    expect(frame.slow).toBe(12)
    for (const order of orders) expect(reading(frame, Buffer.from(order))).toEqual(valued(drawn))
    expect(frame.slow).toBe(12 + 4)
  })

  test('are not learned from frames that would not fit them: none of a hundred keeps another from being learned', () => {
    const frame = new Frame(DECLARATION)
    const [drawn] = fc.sample(anyValues, { numRuns: 1, seed: 1 }) as [Values]
    const text = honest(DECLARATION, drawn)
    for (let i = 0; i < 100; i++) reading(frame, Buffer.from(text.replace('{', `{"x":${'1'.repeat(30)},`)))
    expect(frame.slow).toBe(100)
    for (let i = 0; i < 100; i++) reading(frame, Buffer.from(text))
    expect(frame.slow).toBe(101)
  })

  test('read words beyond ASCII under keys of no interest, and refuse bytes that are no UTF-8 there', () => {
    const frame = new Frame(DECLARATION)
    const [drawn] = fc.sample(anyValues, { numRuns: 1, seed: 1 }) as [Values]
    const whole = Buffer.from(honest(DECLARATION, drawn).replace('{', '{"x":"人生",'))
    for (let i = 0; i < 3; i++) expect(reading(frame, whole)).toEqual(valued(drawn))
    expect(frame.slow).toBe(1)
    const broken = Buffer.from(whole)
    broken[broken.indexOf('人')] = 0xc3
    expect(reading(frame, broken)).toBeUndefined()
  })
})

test('a frame without a key that its message needs is not this frame; one without an optional key is', () => {
  const [drawn] = fc.sample(anyValues, { numRuns: 1, seed: 1 }) as [Values]
  const without = (key: string) =>
    honest(DECLARATION, { ...drawn, [key]: 'gone' })
      .replace(/"\w":"?gone"?,?/, '')
      .replace(',}', '}')
  for (const key of Object.keys(DECLARATION.keys)) {
    const read = reading(new Frame(DECLARATION), Buffer.from(without(key.split('.').at(-1) === 'c' ? 'k.c' : key)))
    expect(read === undefined, key).toBe(key !== 'o')
  }
})
