import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LEVELS_MAX, Levels } from '../wire/levels.ts'
import { BASE, type Sizing, converterOf } from '../wire/sizes.ts'
import { Book, SURPLUS_MAX, Side } from './book.ts'

type Level = readonly string[]
type Change = readonly [price: string, size: string]

/** A side of a frame, as the scanner leaves it. */
function scanned(side: readonly Change[]): { readonly bytes: Buffer; readonly levels: Levels } {
  const bytes = Buffer.from(JSON.stringify(side))
  const levels = new Levels()
  expect(levels.scan(bytes, 0)).toBe(bytes.length)
  return { bytes, levels }
}

function apply(side: Side, changes: readonly Change[]): void {
  const { bytes, levels } = scanned(changes)
  side.apply(bytes, levels)
}

function printed(side: Side, depth: number, sizing: Sizing = BASE): Level[] {
  const convert = converterOf(sizing)
  const out = Buffer.alloc(side.printedMax(depth, convert))
  const end = side.print(out, 0, depth, convert)
  expect(end).toBeLessThanOrEqual(out.length)
  return JSON.parse(out.toString('latin1', 0, end)) as Level[]
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
          expect([side.count, side.best]).toEqual([wanted.length, wanted[0]?.[0] ?? Number.NaN])
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

  it("shows sizes in base, and the venue's figure beside them where that is another", () => {
    const side = new Side(-1)
    apply(side, [
      ['64000.50', '20.0'],
      ['0.0005', '3'],
      ['64001', '100'],
    ])
    apply(side, [['64001', '0.00']])
    expect(printed(side, 9, { kind: 'linear', multiplier: '0.01' })).toEqual([
      ['0.0005', '0.03', '3'],
      ['64000.50', '0.200', '20.0'],
    ])
    expect(printed(side, 9, { kind: 'inverse', value: '1' })).toEqual([
      ['0.0005', '6000', '3'],
      ['64000.50', '0.000312497558613', '20.0'],
    ])
    expect(printed(side, 1, { kind: 'inverse', value: '0.00000001' })).toEqual([['0.0005', '0.00006', '3']])
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

  it(`gives up the worst of more than ${LEVELS_MAX} levels, at most ${SURPLUS_MAX} later`, () => {
    const bids = new Side(1)
    for (let p = 1; p <= LEVELS_MAX + 3 * SURPLUS_MAX; p += 500) {
      apply(
        bids,
        Array.from({ length: 500 }, (_, i) => [`${p + i}`, `${p + i}`]),
      )
      const [last, kept] = [p + 499, Math.min(p + 499, LEVELS_MAX)]
      expect([bids.best, bids.count - kept >= 0, bids.count - kept <= SURPLUS_MAX]).toEqual([last, true, true])
      expect(bids.worst).toBe(last - bids.count + 1)
      const all = printed(bids, LEVELS_MAX)
      expect([all[0], all.at(-1)]).toEqual([
        [`${last}`, `${last}`],
        [`${last - kept + 1}`, `${last - kept + 1}`],
      ])
    }
  })

  it('keeps longer digits than it had room for, beside those that it had', () => {
    const asks = new Side(-1)
    const short = Array.from({ length: 100 }, (_, i): Change => [`${i + 1}.5`, `0.0${i + 1}`])
    apply(asks, short)
    const long: Change[] = [
      ['0.00000000000000012345', '1'],
      ['0.3', '123456789012.12345678901'],
    ]
    apply(asks, long)
    expect(printed(asks, 200)).toEqual([...long, ...short])
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
