import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { LEVELS_MAX, Levels } from './levels.ts'
import { mutated } from '../../test/support/mutate.ts'

type Pair = readonly [price: string, size: string]

const RUNS = { numRuns: 1_000 }
const DECIMAL = String.raw`"\d+(?:\.\d+)?"`
const GRAMMAR = new RegExp(String.raw`^\[(?:\[${DECIMAL},${DECIMAL}\](?:,\[${DECIMAL},${DECIMAL}\])*)?\]`)

/** The grammar of levels.ts as an expression; undefined where it does not fit. */
function naive(text: string): { readonly end: number; readonly rows: Pair[] } | undefined {
  const found = GRAMMAR.exec(text)?.[0]
  if (found === undefined) return undefined
  const rows = JSON.parse(found) as Pair[]
  const isShort = rows.every((row) => row.every((decimal) => decimal.length <= 24))
  return isShort && rows.every(([price]) => significant(price) <= 15) ? { end: found.length, rows } : undefined
}

/** Digits of a price without zeros at both ends. */
function significant(price: string): number {
  return price.replace('.', '').replace(/^0+/, '').replace(/0+$/, '').length
}

function read(text: string): { readonly end: number; readonly rows: Pair[] } | undefined {
  const levels = new Levels()
  const bytes = Buffer.from(`x${text}`)
  const end = levels.scan(bytes, 1)
  if (end < 0) return undefined
  const rows = Array.from({ length: levels.count }, (_, i): Pair => {
    const [priceStart, priceEnd, sizeStart, sizeEnd] = levels.at.subarray(i * 4, i * 4 + 4)
    const price = bytes.toString('latin1', priceStart, priceEnd)
    expect(levels.price[i]).toBe(Number(price))
    return [price, bytes.toString('latin1', sizeStart, sizeEnd)]
  })
  return { end: end - 1, rows }
}

function print(rows: readonly Pair[]): string {
  return JSON.stringify(rows)
}

const decimal = fc.oneof(
  fc.stringMatching(/^(0|[1-9]\d{0,6})(\.\d{1,8})?$/),
  fc.stringMatching(/^\d{1,26}$/),
  fc.stringMatching(/^\d{0,14}\.\d{0,14}$/),
  fc.constantFrom(
    '9007199254740993',
    '9999999999999999',
    '0',
    '0.00',
    '1000000000000000000',
    '0.0000000000000000000001',
  ),
)
const rows = fc.array(fc.tuple(decimal, decimal), { maxLength: 6 })

describe('levels', () => {
  test('are read as the grammar says, with their prices as numbers', () => {
    fc.assert(
      fc.property(rows, (r) => {
        expect(read(print(r))).toEqual(naive(print(r)))
      }),
      RUNS,
    )
  })

  test('are read as the grammar says after any change of bytes', () => {
    fc.assert(
      fc.property(mutated(rows.map(print)), (bytes) => {
        const text = bytes.toString('latin1')
        expect(read(text)).toEqual(naive(text))
      }),
      { numRuns: 2_000 },
    )
  })

  test('have the same price exactly when their values are the same', () => {
    const scaled = (price: string): bigint => {
      const [whole = '', fraction = ''] = price.split('.')
      return BigInt(whole + fraction.padEnd(24, '0'))
    }
    const near = fc
      .tuple(fc.bigInt(1n, 10n ** 15n - 1n), fc.integer({ min: -2, max: 2 }), fc.integer({ min: 0, max: 15 }))
      .map(([n, step, decimals]) => [n, n + BigInt(step)].map((m) => place(m < 0n ? 0n : m, decimals)))
      .filter((prices) => prices.every((price) => significant(price) <= 15))
    fc.assert(
      fc.property(near, ([a = '', b = '']) => {
        const levels = new Levels()
        const text = Buffer.from(
          print([
            [a, '1'],
            [b, '1'],
          ]),
        )
        expect(levels.scan(text, 0)).toBe(text.length)
        const [x, y] = levels.price as unknown as [number, number]
        expect(Math.sign(x - y)).toBe(Math.sign(Number(scaled(a) - scaled(b))))
      }),
      RUNS,
    )
  })

  test(`are at most ${LEVELS_MAX} a side`, () => {
    const many = (n: number) => print(Array.from({ length: n }, (_, i): Pair => [String(i), '1']))
    expect(read(many(LEVELS_MAX))?.rows).toHaveLength(LEVELS_MAX)
    expect(read(many(LEVELS_MAX + 1))).toBeUndefined()
  })

  const cut = [
    '',
    '[',
    '[[',
    '[["',
    '[["1"',
    '[["1",',
    '[["1","',
    '[["1","2',
    '[["1","2"',
    '[["1","2"]',
    '[["1","2"],',
    '['.repeat(100_000),
  ]
  test('that are cut are refused', () => {
    expect(cut.map(read)).toEqual(cut.map(() => undefined))
  })
})

/** A whole number with its point moved to the left. */
function place(n: bigint, decimals: number): string {
  const digits = String(n).padStart(decimals + 1, '0')
  return decimals === 0 ? digits : `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`
}
