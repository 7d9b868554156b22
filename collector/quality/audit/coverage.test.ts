import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Coverage, cut } from './coverage.ts'

describe('coverage', () => {
  it('knows exactly what is missing after the first number, for any order, overlap and repetition', () => {
    const range = fc.tuple(fc.nat(60), fc.integer({ min: 1, max: 5 })).map(([after, n]) => [after, after + n] as const)
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.boolean(), range), { minLength: 1, maxLength: 40 }), (ranges) => {
        const coverage = new Coverage()
        const seen = new Set<number>()
        let begin: number | undefined
        let end = 0
        for (const [reaches, [after, until]] of ranges) {
          begin ??= reaches ? until : after
          if (reaches) coverage.reach(until, 0, 0)
          else {
            const before = missing(begin, end, seen)
            for (let n = after + 1; n <= until; n++) seen.add(n)
            const news = before.some((n) => seen.has(n)) || until <= begin
            expect(coverage.add(after, until, 0, 0)).toBe(
              until > Math.max(end, begin) ? 'next' : news ? 'late' : 'again',
            )
          }
          end = Math.max(end, until)
          expect(coverage.holes.flatMap((h) => span(h.after, h.until))).toEqual(missing(begin, end, seen))
          expect(coverage.holes.every((h, i, all) => i === 0 || (all[i - 1]?.until ?? 0) <= h.after)).toBe(true)
        }
      }),
    )
  })

  it('says between which times a hole opened', () => {
    const coverage = new Coverage()
    coverage.add(0, 1, 100, 110)
    coverage.add(4, 5, 300, 310)
    expect(coverage.holes).toEqual([{ after: 1, until: 4, from: 100, to: 310 }])
  })

  it('cuts a hole at both ends and in the middle', () => {
    const hole = { after: 0, until: 10, from: 1, to: 2 }
    expect(cut(hole, -5, 5)).toEqual([{ ...hole, after: 5 }])
    expect(cut(hole, 5, 20)).toEqual([{ ...hole, until: 5 }])
    expect(cut(hole, 3, 5)).toEqual([
      { ...hole, until: 3 },
      { ...hole, after: 5 },
    ])
    expect(cut(hole, 0, 10)).toEqual([])
    expect(cut(hole, 10, 12)).toEqual([hole])
  })
})

function span(after: number, until: number): number[] {
  return Array.from({ length: until - after }, (_, i) => after + 1 + i)
}

function missing(begin: number, end: number, seen: ReadonlySet<number>): number[] {
  return span(begin, Math.max(begin, end)).filter((n) => !seen.has(n))
}
