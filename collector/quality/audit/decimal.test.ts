import fc from 'fast-check'
import { expect, it } from 'vitest'
import { compareDecimals } from '../../book/consumer.ts'
import { readDecimal } from './decimal.ts'

function pair(text: string): [number, number] | undefined {
  const bytes = Buffer.from(`${text}"`)
  const cells = new Float64Array(3)
  return readDecimal(bytes, 0, cells, 1) === text.length ? [cells[1] as number, cells[2] as number] : undefined
}

const digits = (max: number) =>
  fc.array(fc.constantFrom('0', '0', '1', '5', '9'), { minLength: 1, maxLength: max }).map((d) => d.join(''))
/** Up to 30 digits, and many that are near each other. */
const decimals = fc
  .record({ sign: fc.constantFrom('', '', '-'), whole: digits(18), fraction: fc.option(digits(12)), zeros: fc.nat(4) })
  .map(
    ({ sign, whole, fraction, zeros }) =>
      `${sign}${whole}${fraction === null ? '' : `.${fraction}`}${fraction === null || zeros + fraction.length > 12 ? '' : '0'.repeat(zeros)}`,
  )

it('orders and equals as decimals do', () => {
  const near = fc
    .tuple(decimals, fc.constantFrom('', '.0', '.00', '0', '1', '.1'))
    .map(([text, more]) => (text.includes('.') && more.startsWith('.') ? [text, `${text}0`] : [text, `${text}${more}`]))
  fc.assert(
    fc.property(fc.oneof(fc.tuple(decimals, decimals), near), ([a = '', b = '']) => {
      const [x, y] = [pair(a) as [number, number], pair(b) as [number, number]]
      const order = x[0] === y[0] ? x[1] - y[1] : x[0] - y[0]
      expect(Math.sign(order) + 0).toBe(Math.sign(compareDecimals(a, b)) + 0)
    }),
    { numRuns: 20_000 },
  )
})

it.each(['', '-', '.', '.5', '-.5', '5.', '-5.', '1.2.3', '--1', '1-1', 'x', '1e5', ' 1'])(
  'does not take %j for a decimal',
  (text) => {
    expect(pair(text)).toBeUndefined()
  },
)

it.each([
  ['0', 0, 0],
  ['0.000', 0, 0],
  ['64010.10', 64010.1, 0],
  ['0.00000001', 1e-8, 0],
  ['999999999.999999', 999999999.999999, 0],
  ['000123', 123, 0],
  ['-1.50', -1.5, -0],
  ['1234567890123456.5', 1234567890123450, 0.65],
  [`0.${'0'.repeat(30)}5`, 5e-31, 0],
])('reads %s', (text, first, rest) => {
  expect(pair(text)).toEqual([first, rest])
})
