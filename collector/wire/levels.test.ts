import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { LEVELS_MAX, Levels } from './levels.ts'
import { mutated } from '../../test/support/mutate.ts'

type Pair = readonly string[]

const RUNS = { numRuns: 1_000 }
const DECIMAL = /^\d+(?:\.\d+)?$/
const ACTIONS = ['new', 'change', 'delete']

interface Read {
  readonly end: number
  /** Prices and sizes. */
  readonly rows: readonly Pair[]
  readonly isPlain: boolean
}

type Kind = 'levels' | 'actions'

/** A number's digits as they stood. */
class Digits {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/** The array at the beginning of a text, by JSON.parse; undefined where there is none in plain form. */
function arrayOf(text: string): { readonly end: number; readonly rows: readonly unknown[] } | undefined {
  for (let end = text.indexOf(']') + 1; end > 0; end = text.indexOf(']', end) + 1) {
    const found = text.slice(0, end)
    try {
      const rows = JSON.parse(found, (_key, value: unknown, context?: { source?: string }) =>
        typeof value === 'number' ? new Digits(context?.source ?? '') : value,
      ) as unknown
      const isPlain = !found.includes('\\') && !/\s/.test(found.replaceAll(/"[^"]*"/g, ''))
      return Array.isArray(rows) && isPlain ? { end, rows } : undefined
    } catch {
      continue
    }
  }
  return undefined
}

/** The grammar of levels.ts by hand; undefined where it does not fit. */
function naive(text: string, kind: Kind = 'levels'): Read | undefined {
  const found = arrayOf(text)
  const rows: Pair[] = []
  let isPlain = kind === 'levels'
  for (const row of found?.rows ?? []) {
    if (!Array.isArray(row)) return undefined
    const [action, ...others] = row as unknown[]
    const cells = kind === 'levels' ? row : others
    if (kind === 'actions' && (!ACTIONS.includes(action as string) || cells.length !== 2)) return undefined
    const [price = '', size = ''] = cells.slice(0, 2).map((cell) => (cell instanceof Digits ? cell.text : cell))
    const isFit = [price, size].every((d) => typeof d === 'string' && DECIMAL.test(d) && d.length <= 24)
    if (!isFit || significant(price as string) > 15 || (action === 'delete' && Number(size) !== 0)) return undefined
    if (cells.length > 2 || cells.some((cell) => cell instanceof Digits)) isPlain = false
    rows.push([price as string, size as string])
  }
  return found && { end: found.end, rows, isPlain }
}

/** Digits of a price without zeros at both ends. */
function significant(price: string): number {
  return price.replace('.', '').replace(/^0+/, '').replace(/0+$/, '').length
}

function read(text: string, kind: Kind = 'levels'): Read | undefined {
  const levels = new Levels(kind)
  const bytes = Buffer.from(`x${text}`)
  const end = levels.scan(bytes, 1)
  if (end < 0) return undefined
  const rows = Array.from({ length: levels.count }, (_, i): Pair => {
    const [priceStart, priceEnd, sizeStart, sizeEnd] = levels.at.subarray(i * 4, i * 4 + 4)
    const price = bytes.toString('latin1', priceStart, priceEnd)
    expect(levels.price[i]).toBe(Number(price))
    return [price, bytes.toString('latin1', sizeStart, sizeEnd)]
  })
  return { end: end - 1, rows, isPlain: levels.isPlain }
}

function print(rows: readonly (readonly unknown[])[]): string {
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
const more = fc.array(fc.oneof(decimal, fc.constantFrom('', 'x', ' ~!', null, true, [], [{ a: [1] }], 1e-7)), {
  maxLength: 2,
})
const row: fc.Arbitrary<readonly unknown[]> = fc.oneof(
  fc.tuple(decimal, decimal),
  fc.tuple(fc.double({ min: 0, max: 1e6, noNaN: true }), decimal),
  fc.tuple(decimal, decimal, more).map(([price, size, others]) => [price, size, ...others]),
)
const rows = fc.array(row, { maxLength: 6 })
const size = fc.oneof(decimal, fc.constantFrom('0', '0.0', '0.00'))
const actions = fc
  .array(fc.tuple(fc.constantFrom('new', 'change', 'delete', 'deleted', 'news'), decimal, size), { maxLength: 6 })
  .map((all) => `[${all.map(([word, price, amount]) => `["${word}",${price},${amount}]`).join(',')}]`)

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

  test('with actions are read as their grammar says, after any change of bytes', () => {
    let fits = 0
    fc.assert(
      fc.property(mutated(actions), (bytes) => {
        const text = bytes.toString('latin1')
        expect(read(text, 'actions')).toEqual(naive(text, 'actions'))
        if (naive(text, 'actions') !== undefined) fits += 1
      }),
      { numRuns: 3_000 },
    )
    expect(fits).toBeGreaterThan(150)
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
    expect(cut.map((text) => read(text))).toEqual(cut.map(() => undefined))
  })
})

/** A whole number with its point moved to the left. */
function place(n: bigint, decimals: number): string {
  const digits = String(n).padStart(decimals + 1, '0')
  return decimals === 0 ? digits : `${digits.slice(0, -decimals)}.${digits.slice(-decimals)}`
}
