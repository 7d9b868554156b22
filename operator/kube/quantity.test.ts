// Quantities, against what Kubernetes makes of them.
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { isSameQuantity, nanosOf } from './quantity.ts'

test.for([
  ['1000m', '1', true],
  ['0.5Gi', '512Mi', true],
  ['1e3', '1k', true],
  ['1E', '1000P', true],
  ['.5', '500m', true],
  ['1.', '1', true],
  ['128974848', '123Mi', true],
  ['1Ki', '1k', false],
  ['0.1n', '1n', true],
  ['100m', '101m', false],
  ['abc', 'abc', false],
  ['', '0', false],
] as const)('the quantities %s and %s are the same: %s', ([one, other, isSame]) => {
  expect(isSameQuantity(one, other)).toBe(isSame)
})

test('quantities are exact: twice the text is twice the amount', () => {
  fc.assert(
    fc.property(fc.nat(1e9), fc.constantFrom('n', 'u', 'm', '', 'k', 'M', 'G', 'Ki', 'Mi', 'Gi', 'Ti'), (n, unit) => {
      expect(nanosOf(`${2 * n}${unit}`)).toBe(2n * (nanosOf(`${n}${unit}`) ?? -1n))
    }),
  )
})
