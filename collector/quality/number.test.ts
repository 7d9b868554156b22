import fc from 'fast-check'
import { expect, it } from 'vitest'
import { isPositive, numberAt } from './number.ts'

const digits = (max: number) =>
  fc.integer({ min: 1, max }).chain((n) => fc.bigInt({ min: 0n, max: 10n ** BigInt(n) - 1n }))
const decimals = fc
  .tuple(fc.boolean(), digits(12), fc.option(fc.stringMatching(/^\d{1,11}$/)))
  .map(([isNegative, whole, fraction]) => `${isNegative ? '-' : ''}${whole}${fraction === null ? '' : `.${fraction}`}`)

it('a decimal is worth what JavaScript says, wherever it stands and however long it is', () => {
  fc.assert(
    fc.property(decimals, fc.nat(9), (text, before) => {
      const bytes = Buffer.from(`${'7'.repeat(before)}${text}123`)
      const worth = numberAt(bytes, before, before + text.length)
      const exact = Number(text)
      // To the last bit: a book and a ticker are compared, and are read by different code.
      expect(worth).toBe(exact)
      expect(isPositive(bytes, before, before + text.length)).toBe(exact > 0)
    }),
  )
})

it('decimals that are one price are one number, whatever zeros end them', () => {
  const pairs = [
    ['64000.1', '64000.10'],
    ['0.00001234', '0.0000123400'],
    ['7', '7.000'],
    ['0', '0.00'],
  ] as const
  for (const [a, b] of pairs) expect(numberAt(Buffer.from(a), 0, a.length)).toBe(numberAt(Buffer.from(b), 0, b.length))
})
