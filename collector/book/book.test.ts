import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LEVELS_MAX, Levels } from '../wire/levels.ts'
import { Book, Side } from './book.ts'

type Level = readonly [price: string, size: string]

/** A side of a frame, as the scanner leaves it. */
function scanned(side: readonly Level[]): { readonly bytes: Buffer; readonly levels: Levels } {
  const bytes = Buffer.from(JSON.stringify(side))
  const levels = new Levels()
  expect(levels.scan(bytes, 0)).toBe(bytes.length)
  return { bytes, levels }
}

function apply(side: Side, changes: readonly Level[]): void {
  const { bytes, levels } = scanned(changes)
  side.apply(bytes, levels)
}

function printed(side: Side, depth: number): Level[] {
  const out = Buffer.alloc(side.printedMax(depth))
  return JSON.parse(out.toString('latin1', 0, side.print(out, 0, depth))) as Level[]
}

/** Few prices, so that levels meet; some with zeros behind, some that only long decimals tell apart. */
const price = fc.oneof(
  fc.integer({ min: 1, max: 60 }).map((n) => `${n}.5`),
  fc.integer({ min: 1, max: 60 }).map((n) => `${n}.50`),
  fc.integer({ min: 0, max: 9 }).map((n) => `0.00000000${n}1`),
  fc.integer({ min: 0, max: 9 }).map((n) => `12345678901234${n}`),
)
const size = fc.oneof(fc.constantFrom('0', '0.000', '0.00000000'), fc.integer({ min: 1, max: 1e9 }).map(String))
const frame = fc.array(fc.tuple(price, size), { maxLength: 30 })

describe('a side of a book', () => {
  it('is what a map of prices is, best first, after any deltas', () => {
    const sign = fc.constantFrom<1 | -1>(1, -1)
    fc.assert(
      fc.property(sign, fc.array(frame, { maxLength: 12 }), fc.nat(80), (way, frames, depth) => {
        const side = new Side(way)
        const model = new Map<number, string>()
        for (const changes of frames) {
          apply(side, changes)
          for (const [p, s] of changes) {
            if (Number(s) === 0) model.delete(Number(p))
            else model.set(Number(p), s)
          }
          const wanted = [...model].sort((a, b) => (b[0] - a[0]) * way)
          const got = printed(side, depth).map(([p, s]) => [Number(p), s])
          expect(got).toEqual(wanted.slice(0, depth))
          expect(side.count).toBe(wanted.length)
          if (wanted.length > 0) expect(side.worst).toBe(wanted.at(-1)?.[0])
        }
      }),
    )
  })

  it("keeps the venue's own digits", () => {
    const side = new Side(1)
    apply(side, [['64000.10000000', '0.00120000']])
    expect(printed(side, 1)).toEqual([['64000.10000000', '0.00120000']])
    apply(side, [['64000.10000000', '1000000000.12345678']])
    expect(printed(side, 1)).toEqual([['64000.10000000', '1000000000.12345678']])
  })

  it('counts the levels at a price or better', () => {
    const asks = new Side(-1)
    apply(asks, [
      ['11', '1'],
      ['12', '1'],
      ['14', '1'],
    ])
    expect([10, 11, 12.5, 14, 20].map((p) => asks.countFrom(p))).toEqual([0, 1, 2, 3, 3])
  })

  it(`holds ${LEVELS_MAX} levels at most, the best ones`, () => {
    const bids = new Side(1)
    const add = (from: number, to: number) => {
      for (let p = from; p <= to; p += 100) {
        apply(
          bids,
          Array.from({ length: Math.min(100, to - p + 1) }, (_, i) => [`${p + i}`, `${p + i}`]),
        )
      }
    }
    add(1, LEVELS_MAX)
    expect([bids.count, bids.worst]).toEqual([LEVELS_MAX, 1])
    add(LEVELS_MAX + 1, LEVELS_MAX + 500)
    expect([bids.count, bids.worst, printed(bids, 1)[0]?.[0]]).toEqual([LEVELS_MAX, 501, `${LEVELS_MAX + 500}`])
    apply(bids, [['500', '7']])
    expect([bids.count, bids.worst]).toEqual([LEVELS_MAX, 501])
    const all = printed(bids, LEVELS_MAX)
    expect(all.every(([p, s]) => p === s)).toBe(true)
    expect(all.length).toBe(LEVELS_MAX)
  })

  it('is as new after it was cleared', () => {
    const side = new Side(1)
    for (let round = 0; round < 3; round++) {
      apply(
        side,
        Array.from({ length: 200 }, (_, i) => [`${i + 1}`, `${round + 1}`]),
      )
      expect(printed(side, 2)).toEqual([
        ['200', `${round + 1}`],
        ['199', `${round + 1}`],
      ])
      side.clear()
      expect([side.count, printed(side, 5)]).toEqual([0, []])
    }
  })
})

it('a book takes both sides of a frame', () => {
  const book = new Book()
  const text = '[["10","1"],["9","2"]][["11","3"]]'
  const bytes = Buffer.from(text)
  const [bids, asks] = [new Levels(), new Levels()]
  asks.scan(bytes, bids.scan(bytes, 0))
  book.apply(bytes, bids, asks)
  expect([printed(book.bids, 9), printed(book.asks, 9)]).toEqual([
    [
      ['10', '1'],
      ['9', '2'],
    ],
    [['11', '3']],
  ])
  book.clear()
  expect([book.bids.count, book.asks.count]).toEqual([0, 0])
})
