import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { BASE, NO_SIZE, SIZE_BYTES_MAX, type Sizing, converterOf } from './sizes.ts'

type Write = (figure: string, price?: string) => string | undefined

/** How a channel of this sizing writes figures, one after another; undefined for no size. Bytes beside them must stay. */
function writer(sizing: Sizing): Write {
  const convert = converterOf(sizing)
  return (figure, price) => {
    if (convert === undefined) return figure
    const from = Buffer.from(`"${figure}","${price ?? ''}"`)
    const at = price === undefined ? -1 : figure.length + 4
    const to = Buffer.alloc(SIZE_BYTES_MAX + 8, '#')
    const end = convert(to, 4, from, 1, 1 + figure.length, at, at + (price ?? '').length)
    if (end === NO_SIZE) return undefined
    expect(end - 4).toBeLessThanOrEqual(SIZE_BYTES_MAX)
    expect(to.toString('latin1', 0, 4) + to.toString('latin1', end)).toMatch(/^#+$/)
    // Whoever has read the price already gets the same.
    const again = Buffer.alloc(SIZE_BYTES_MAX + 8, '#')
    convert(again, 4, from, 1, 1 + figure.length, at, at + (price ?? '').length, Number(price ?? 0))
    expect(again.toString()).toBe(to.toString())
    return to.toString('latin1', 4, end)
  }
}

function linear(multiplier: string): Write {
  return writer({ kind: 'linear', multiplier })
}

function inverse(value: string): Write {
  return writer({ kind: 'inverse', value })
}

interface Fraction {
  readonly n: bigint
  readonly places: number
}

function fraction(text: string): Fraction {
  const [whole = '', rest = ''] = text.split('.')
  return { n: BigInt(whole + rest), places: rest.length }
}

/** The digits of n with its point so many places from the end. */
function print(n: bigint, places: number): string {
  const digits = String(n).padStart(places + 1, '0')
  return places === 0 ? digits : `${digits.slice(0, -places)}.${digits.slice(-places)}`
}

function withoutZeros(text: string): string {
  return text.includes('.') ? text.replace(/\.?0+$/, '') : text
}

/** The same product by hand, with the places of both factors. */
function product(figure: string, multiplier: string): string {
  const [a, b] = [fraction(figure), fraction(withoutZeros(multiplier))]
  return a.n === 0n ? '0' : print(a.n * b.n, a.places + b.places)
}

/** Places to which quotients are divided: more than 12 digits of the smallest. */
const FAR = 100

/** figure × value ÷ price by hand: many digits, of which the first 12 stay, rounded by what follows them. */
function quotient(figure: string, value: string, price: string): string | undefined {
  const [f, v, p] = [figure, value, price].map(fraction) as [Fraction, Fraction, Fraction]
  if (f.n === 0n) return '0'
  if (p.n === 0n) return undefined
  const above = f.n * v.n * 10n ** BigInt(p.places + FAR)
  const below = p.n * 10n ** BigInt(f.places + v.places)
  const digits = String(above / below)
  const cut = digits.length - 12
  const half = `5${'0'.repeat(cut - 1)}`
  const tail = digits.slice(12) + (above % below === 0n ? '' : '1')
  const head = BigInt(digits.slice(0, 12))
  const isUp = tail > half || (tail === half && head % 2n === 1n)
  return withoutZeros(print((head + (isUp ? 1n : 0n)) * 10n ** BigInt(cut), FAR))
}

/** As a venue writes them: short ones, long ones, at most 24 characters. */
const decimal = fc.oneof(
  fc.stringMatching(/^(0|[1-9]\d{0,5})(\.\d{1,8})?$/),
  fc.stringMatching(/^[1-9]\d{0,23}$/),
  fc.stringMatching(/^0\.\d{1,22}$/),
  fc.stringMatching(/^[1-9]\d{0,10}\.\d{1,12}$/),
  fc.constantFrom('0', '0.000', '1', '0.0005', '999999999999', '9'.repeat(24), `0.${'0'.repeat(21)}1`, '1000000000.0'),
)
const factor = fc.oneof(
  fc.constantFrom('1', '0.01', '0.1', '10', '100', '1000', '0.00000001', '1000000', '0.10', '1.00'),
  decimal.filter((text) => /[1-9]/.test(text)),
)

describe('a linear size', () => {
  test('is the exact product of figure and multiplier', () => {
    fc.assert(
      fc.property(factor, fc.array(decimal, { minLength: 1, maxLength: 8 }), (multiplier, figures) => {
        const write = linear(multiplier)
        for (const figure of figures) expect(write(figure)).toBe(product(figure, multiplier))
      }),
      { numRuns: 1_000 },
    )
  })

  test.each([
    ['1', '0.01', '0.01'],
    ['125', '0.01', '1.25'],
    ['100', '0.01', '1.00'],
    ['0.50', '1', '0.50'],
    ['0.50', '1.00', '0.50'],
    ['7.5', '1000000', '7500000.0'],
    ['123456789', '0.00000001', '1.23456789'],
    ['3', '0.00000001', '0.00000003'],
    ['0.000', '0.01', '0'],
    ['9007199254740993', '3', '27021597764222979'],
  ])('%s contracts of %s are %s', (figure, multiplier, size) => {
    expect(linear(multiplier)(figure)).toBe(size)
  })
})

describe('an inverse size', () => {
  test('is the nearest decimal of twelve digits to figure × value ÷ price, half to even', () => {
    const trade = fc.tuple(decimal, decimal)
    fc.assert(
      fc.property(factor, fc.array(trade, { minLength: 1, maxLength: 8 }), (value, trades) => {
        const write = inverse(value)
        for (const [figure, price] of trades) expect(write(figure, price)).toBe(quotient(figure, value, price))
      }),
      { numRuns: 2_000 },
    )
  })

  test('is rounded right at and beside a half, where a double cannot tell', () => {
    // Thirteen digits over a power of two: the last one is a 5, or next to it.
    const near = fc.tuple(fc.integer({ min: 1e11, max: 1e12 - 1 }), fc.integer({ min: -1, max: 1 }), fc.nat(6))
    fc.assert(
      fc.property(near, ([n, beside, zeros]) => {
        const figure = `${n}5`
        expect(inverse('1')(figure, '1')).toBe(quotient(figure, '1', '1'))
        const far = `${n}4${'9'.repeat(zeros)}${5 + beside}`
        expect(inverse('1')(far, '64000.5')).toBe(quotient(far, '1', '64000.5'))
        // The same tie by a division: n.5 × 8 ÷ 8 and ÷ 0.125.
        const eight = String(BigInt(figure) * 8n)
        expect(inverse('1')(eight, '8')).toBe(quotient(eight, '1', '8'))
        expect(inverse('0.125')(figure, '0.125')).toBe(quotient(figure, '0.125', '0.125'))
      }),
      { numRuns: 1_000 },
    )
  })

  test.each([
    ['20.0', '1', '64000.5', '0.000312497558613'],
    ['1', '100', '50000', '0.002'],
    ['5', '100', '0.0005', '1000000'],
    ['1000000000000000', '1', '1', '1000000000000000'],
    ['1234567890123.5', '1', '1', '1234567890120'],
    ['1000000000005', '1', '10', '100000000000'],
    ['1000000000015', '1', '10', '100000000002'],
    ['9999999999999', '1', '10', '1000000000000'],
    ['0', '100', '50000', '0'],
    ['0.000', '100', '0', '0'],
  ])('%s contracts worth %s at %s are %s', (figure, value, price, size) => {
    expect(inverse(value)(figure, price)).toBe(size)
  })

  test('needs a price above zero', () => {
    expect(['0', '0.00', '-1', undefined].map((price) => inverse('10')('5', price))).toEqual(
      Array.from({ length: 4 }, () => undefined),
    )
  })
})

test('a negative figure is no size', () => {
  expect([linear('0.01')('-5'), inverse('100')('-5', '50000'), linear('1')('-0')]).toEqual([
    undefined,
    undefined,
    undefined,
  ])
})

test('sizes that are base already need no conversion', () => {
  expect(converterOf(BASE)).toBeUndefined()
})

test.each(['0', '0.00', '-1', '1e3', '', '.5', '01', '1'.repeat(25), 'x'])('%j is no factor', (text) => {
  expect(() => linear(text)).toThrow('is no decimal above zero')
  expect(() => inverse(text)).toThrow('is no decimal above zero')
})
