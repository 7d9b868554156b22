import { expect, it } from 'vitest'
import { matches, patternFault, withGaps } from './pattern.ts'

it.each([
  ['market.trade.>', 'market.trade.x.spot.A', true],
  ['market.trade.>', 'market.trade', false],
  ['>', 'a', true],
  ['*.trade.*.*.A', 'market.trade.x.spot.A', true],
  ['*.trade.*.*.A', 'market.trade.x.spot.B', false],
  ['market.trade', 'market.trade.x', false],
])('%s matches %s: %s', (pattern, subject, wanted) => {
  expect(matches(pattern, subject)).toBe(wanted)
})

it('reads the gaps about what is asked for, and no subject twice', () => {
  expect(withGaps('market.trade.>')).toEqual(['market.trade.>', 'market.gap.>'])
  expect(withGaps('market.gap.>')).toEqual(['market.gap.>'])
  expect(withGaps('market.*.x.spot.A')).toEqual(['market.*.x.spot.A'])
})

it.each(['', '.', 'a..b', 'a.', '>.a', 'a b', 'a.*b', 'a>'])('does not take %j for a pattern', (pattern) => {
  expect(patternFault(pattern)).toContain('is not a subject')
})

it.each(['>', '*', 'a.*.>', 'a.b'])('takes %j for a pattern', (pattern) => {
  expect(patternFault(pattern)).toBeUndefined()
})
