import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Band, IDLE_US, STRANGERS, WARM_UP } from './band.ts'

const FLOOR = 0.03
const STEP_US = 100_000

/** A band that has seen so many trades about a price. */
function warm(price: number, trades = WARM_UP * 2): Band {
  const band = new Band()
  for (let i = 0; i < trades; i++) band.isOutside(price * (1 + ((i % 5) - 2) / 10_000), i * STEP_US, FLOOR)
  return band
}

const AFTER = WARM_UP * 2 * STEP_US

describe('the band', () => {
  it('says nothing before it has seen enough', () => {
    const band = new Band()
    const verdicts = Array.from({ length: WARM_UP }, (_, i) => band.isOutside(i % 2 === 0 ? 100 : 150, i, FLOOR))
    expect(verdicts).not.toContain(true)
  })

  it.each([1.031, 1 / 1.031, 1.1, 0.5, 10, 0.001])(
    'finds a price of %d times the others, and takes the next one as before',
    (by) => {
      const band = warm(64_000)
      expect(band.isOutside(64_000 * by, AFTER, FLOOR)).toBe(true)
      expect(band.isOutside(64_001, AFTER + STEP_US, FLOOR)).toBe(false)
      expect(band.isOutside(64_000 * by, AFTER + 2 * STEP_US, FLOOR)).toBe(true)
    },
  )

  it('follows the market to where it stays', () => {
    const band = warm(100)
    const verdicts = Array.from({ length: STRANGERS + 5 }, (_, i) =>
      band.isOutside(120 + (i % 2) / 10, AFTER + i, FLOOR),
    )
    expect(verdicts.filter(Boolean).length).toBe(STRANGERS - 1)
    expect(verdicts.slice(STRANGERS - 1)).not.toContain(true)
    expect(band.isOutside(100, AFTER + STRANGERS + 5, FLOOR)).toBe(true)
  })

  it('does not follow outliers that do not agree, however many there are', () => {
    const band = warm(100)
    for (let i = 0; i < 10 * STRANGERS; i++) expect(band.isOutside(120 * 1.1 ** (i % 7), AFTER + i, FLOOR)).toBe(true)
    expect(band.isOutside(100, AFTER + 10 * STRANGERS, FLOOR)).toBe(false)
  })

  it('begins anew where the last trade is long ago', () => {
    const band = warm(100)
    expect(band.isOutside(200, AFTER + IDLE_US, FLOOR)).toBe(false)
    expect(band.isWarm).toBe(false)
  })

  it('flags nothing of a market that moves by less than its floor, and always what is planted in it', () => {
    const market = fc.record({
      start: fc.double({ min: 1e-6, max: 1e6, noNaN: true }),
      steps: fc.array(fc.double({ min: -0.001, max: 0.001, noNaN: true }), { minLength: 200, maxLength: 400 }),
      planted: fc.integer({ min: 150, max: 199 }),
      by: fc.oneof(fc.double({ min: 1.2, max: 50, noNaN: true }), fc.double({ min: 0.02, max: 0.8, noNaN: true })),
    })
    fc.assert(
      fc.property(market, ({ start, steps, planted, by }) => {
        const band = new Band()
        let price = start
        const flagged = steps.flatMap((step, i) => {
          price *= 1 + step
          const isFlagged = band.isOutside(i === planted ? price * by : price, i * STEP_US, FLOOR)
          return isFlagged ? [i] : []
        })
        expect(flagged).toEqual([planted])
      }),
    )
  })
})
