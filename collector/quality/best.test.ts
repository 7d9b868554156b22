import { describe, expect, it } from 'vitest'
import { type Agreement, BestCheck, BestHistory, OUTSIDE_MAX } from './best.ts'

const NONE = Number.NaN
const MS = 1000

/** A book that stood so at these times, ms; numbered by them. */
function bookOf(...states: readonly (readonly [ms: number, bid: number, ask: number])[]) {
  const history = new BestHistory()
  for (const [ms, bid, ask] of states) history.add(bid, ask, ms, ms * MS)
  return { recent: history.states }
}

/** What a ticker comes to that is judged by this book. */
function judged(
  book: ReturnType<typeof bookOf>,
  bid: number,
  ask: number,
  { seq = NONE, ms = 1000 },
): Agreement | undefined {
  const check = new BestCheck()
  expect(check.tick(book, { bid, ask, seq, time: ms * MS }, true)).toBeUndefined()
  return check.tick(book, { bid: 0, ask: 0, seq: NONE, time: 0 }, true)
}

describe('a book and the ticker of its symbol', () => {
  const book = bookOf([100, 9, 10], [900, 10, 11], [1100, 12, 13], [2000, 20, 21])

  it.each([
    ['the same at the same sequence', 12, 13, { seq: 1100 }, 'equal'],
    ['another bid at the same sequence', 11, 13, { seq: 1100 }, 'differs'],
    ['no bid at the same sequence', NONE, 13, { seq: 1100 }, 'differs'],
    ['between the states at both sides of its sequence', 11, 12, { seq: 1000 }, 'equal'],
    ['outside these, once', 13, 14, { seq: 1000 }, 'unknown'],
    ['older than what is remembered', 9, 10, { seq: 50 }, 'unknown'],
    ['what the book had within half a second', 9, 12, { ms: 1000 }, 'equal'],
    ['the best of before, where nothing changed since', 20, 21, { ms: 9000 }, 'equal'],
    ['what the book had seconds before', 9, 10, { ms: 9000 }, 'unknown'],
    ['a side that the book never lacked', NONE, 21, { ms: 9000 }, 'unknown'],
  ] as const)('%s', (_, bid, ask, at, agreement) => {
    expect(judged(book, bid, ask, at)).toBe(agreement)
  })

  it('without a bid are equal where the book had none', () => {
    expect(judged(bookOf([100, NONE, 10]), NONE, 10, { ms: 9000 })).toBe('equal')
    expect(judged(bookOf([100, NONE, 10]), 9, 10, { ms: 9000 })).toBe('unknown')
  })

  it(`differ once ${OUTSIDE_MAX} tickers in a row lie outside, and are counted`, () => {
    const check = new BestCheck()
    const said = Array.from({ length: OUTSIDE_MAX + 2 }, (_, i) => {
      const bid = i < OUTSIDE_MAX ? 30 : 20
      return check.tick(book, { bid, ask: bid + 1, seq: NONE, time: (9000 + i) * MS }, true)
    })
    expect(said).toEqual([undefined, 'unknown', 'unknown', 'differs', 'equal'])
    expect(check.counts).toEqual({ equal: 1, differs: 1, unknown: 2 })
  })

  it('say nothing while the book is not in sync', () => {
    const check = new BestCheck()
    check.tick(book, { bid: 1, ask: 2, seq: 1100, time: NONE }, true)
    expect(check.tick(book, { bid: 1, ask: 2, seq: 1101, time: NONE }, false)).toBeUndefined()
    expect(check.tick(book, { bid: 1, ask: 2, seq: 1102, time: NONE }, true)).toBeUndefined()
    expect(check.counts).toEqual({ equal: 0, differs: 0, unknown: 0 })
  })

  it('are remembered for the last states only', () => {
    const history = new BestHistory()
    for (let i = 0; i < 1000; i++) history.add(i, i + 1, i, i)
    expect(history.states.map(({ seq }) => seq)).toEqual(Array.from({ length: 64 }, (_, i) => 936 + i))
  })
})
