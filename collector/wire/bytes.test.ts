import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { findByte, integerAt, isZero, provenInteger, writeInteger } from './bytes.ts'

const RUNS = { numRuns: 1_000 }

/** Digits with their neighbours, so that a read beyond either end shows. */
function within(text: string): [bytes: Buffer, start: number, end: number] {
  return [Buffer.from(`9${text}9`), 1, 1 + text.length]
}

/** The rule, plainly: digits with an optional sign that a double holds exactly. */
function naive(text: string): number {
  if (!/^-?\d{1,16}$/.test(text)) return Number.NaN
  const n = BigInt(text)
  return n > Number.MAX_SAFE_INTEGER || n < -Number.MAX_SAFE_INTEGER ? Number.NaN : Number(text)
}

const digits = fc.stringMatching(/^\d{1,20}$/)

describe('integerAt', () => {
  test.each(['', '-', '--1', '1-', '1.0', '1e3', ' 1', '0x1', '９', '00000000000000001', '9007199254740992'])(
    'gives NaN for "%s"',
    (text) => expect(integerAt(...within(text))).toBeNaN(),
  )

  test.each(['0', '-1', '007', '99999999', '100000000', '9007199254740991', '-9007199254740991'])(
    'reads "%s"',
    (text) => expect(integerAt(...within(text))).toBe(Number(text)),
  )

  test('reads any text as the plain rule does', () => {
    const text = fc.oneof(
      digits,
      digits.map((d) => `-${d}`),
      fc.string({ maxLength: 18 }),
      fc.maxSafeInteger().map(String),
    )
    fc.assert(
      fc.property(text, (s) => {
        const read = integerAt(...within(s))
        expect(Object.is(read, -0) ? 0 : read).toBe(Object.is(naive(s), -0) ? 0 : naive(s))
      }),
      RUNS,
    )
  })
})

test('provenInteger reads digits as integerAt does', () => {
  fc.assert(
    fc.property(digits, (s) => {
      expect(provenInteger(...within(s))).toBe(naive(s))
    }),
    RUNS,
  )
})

test('writeInteger writes what String does, and nothing beside it', () => {
  const powers = Array.from({ length: 16 }, (_, i) => 10 ** i)
  const numbers = fc.oneof(
    fc.nat(),
    fc.maxSafeNat(),
    fc.constantFrom(...powers, ...powers.map((p) => p - 1), 2 ** 53 - 1),
  )
  fc.assert(
    fc.property(numbers, (n) => {
      const to = Buffer.alloc(20, 'x')
      expect(writeInteger(to, 2, n)).toBe(2 + String(n).length)
      expect(to.toString()).toBe(`xx${n}`.padEnd(20, 'x'))
    }),
    RUNS,
  )
})

test('isZero holds for zero with any number of zeros behind the point', () => {
  const decimal = fc.stringMatching(/^(0|[1-9]\d{0,8})(\.\d{1,8})?$/)
  fc.assert(
    fc.property(decimal, (s) => {
      expect(isZero(...within(s))).toBe(Number(s) === 0)
    }),
    RUNS,
  )
})

test('findByte finds the first, whatever stands around it, and none beyond the end', () => {
  const near = fc.constantFrom(0x00, 0x21, 0x22, 0x23, 0x5d, 0x7c, 0x7d, 0x7e, 0x80, 0xa2, 0xfd, 0xff)
  fc.assert(
    fc.property(fc.array(near, { maxLength: 40 }), fc.nat(8), near, (all, from, byte) => {
      const bytes = Buffer.from([...all, byte, byte, byte])
      const pos = Math.min(from, all.length)
      const found = all.indexOf(byte, pos)
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
      expect(findByte(view, pos, all.length, byte)).toBe(found < 0 ? all.length : found)
    }),
    RUNS,
  )
})
