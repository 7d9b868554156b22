import fc from 'fast-check'
import { expect, it } from 'vitest'
import { BookSide, compareDecimals, isZero, type Level } from '../../book/consumer.ts'
import { Levels } from './reading.ts'
import { readLevels } from './scan.ts'
import { Side } from './sides.ts'

function levelsOf(levels: readonly Level[]): Levels {
  const out = new Levels()
  const text = JSON.stringify(levels)
  expect(readLevels(Buffer.from(text), 0, out)).toBe(text.length)
  return out
}

const price = fc
  .tuple(fc.integer({ min: 1, max: 150 }), fc.constantFrom('', '.0', '.5', '.50', '.000000000000000001'))
  .map((p) => p.join(''))
const size = fc.constantFrom('0', '0.00', '1', '1.0', '2', '1.00000000000000000001')
const level = fc
  .tuple(price, size, fc.constantFrom(undefined, undefined, '10', '10.0', '20'))
  .map(([p, s, raw]): Level => (raw === undefined ? [p, s] : [p, s, raw]))
const sorted = (levels: readonly Level[], direction: 1 | -1) =>
  levels.toSorted((a, b) => compareDecimals(b[0], a[0]) * direction)

it.each([1, -1] as const)(
  'rebuilds a side as a consumer does, and says where it differs (direction %i)',
  (direction) => {
    fc.assert(
      fc.property(
        fc.array(level, { maxLength: 120 }),
        fc.array(level, { maxLength: 60 }),
        fc.option(level),
        (begin, changes, other) => {
          const side = new Side(direction)
          const model = new BookSide(direction)
          side.replace(levelsOf(sorted(begin, direction)))
          for (const one of sorted(begin, direction).toReversed()) model.set(one)
          side.change(levelsOf(changes))
          for (const one of changes.toReversed()) model.set(one)
          const worst = sorted(begin, direction).at(-1)?.[0]
          const isKnown = ([p]: Level) => worst === undefined || compareDecimals(p, worst) * direction >= 0
          expect(side.count).toBe(model.size)
          const snapshot = model.levels()
          expect(side.differenceTo(levelsOf(snapshot))).toBeUndefined()
          if (other === null) return
          model.set(other)
          const changed = model.levels()
          const isSame = JSON.stringify(plain(changed)) === JSON.stringify(plain(snapshot))
          const isSeen =
            isKnown(other) &&
            (changed.length === 0 || compareDecimals(other[0], (changed.at(-1) as Level)[0]) * direction >= 0)
          if (isSame || !isSeen)
            expect(side.differenceTo(levelsOf(changed)) === undefined).toBe(isSame || changed.length > 0)
          else expect(side.differenceTo(levelsOf(changed))).toMatch(/^it has .* where the snapshot has /)
        },
      ),
      { numRuns: 2000 },
    )
  },
)

/** One spelling for each level. */
function plain(levels: readonly Level[]): string[] {
  const trim = (text = '-') => (text.includes('.') ? text.replace(/\.?0+$/, '') : text)
  return levels.filter(([, s]) => !isZero(s)).map((one) => one.map(trim).join(' '))
}

it('knows a crossed pair of sides, to the last digit', () => {
  const cases: [string, string, boolean][] = [
    ['10', '11', false],
    ['11', '10', true],
    ['10', '10.00', true],
    ['10.000000000000000001', '10', true],
    ['10', '10.000000000000000001', false],
  ]
  for (const [bid, ask, wanted] of cases) {
    const [bids, asks] = [new Side(1), new Side(-1)]
    bids.change(levelsOf([[bid, '1']]))
    expect(bids.isCrossedWith(asks)).toBe(false)
    asks.change(levelsOf([[ask, '1']]))
    expect(bids.isCrossedWith(asks)).toBe(wanted)
  }
})
