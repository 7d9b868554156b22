// Polls by the hundred: rows of periods under any failures, and how many questions an address bears.
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { madeUp } from '../test/support/madeup.ts'
import { MINUTE_MS, Stage, ratios, row } from '../test/support/polls.ts'

describe('rows of periods', () => {
  it('are published or missing by a gap that counts them, whatever fails and however short answers are', async () => {
    const step = fc.record({
      minutes: fc.integer({ min: 0, max: 30 }),
      answers: fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 5 })),
      restarts: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
    })
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
        const stage = new Stage()
        let poll = stage.add('lsr_all_account', { period: '5m' })
        const rows: number[] = []
        let missing = 0
        const count = (): void => {
          for (const text of stage.take()) {
            const gap = / missing (\d+)$/.exec(text)
            if (gap === null) rows.push(Number.parseInt(text, 10))
            else missing += Number(gap[1])
          }
        }
        for (const { minutes, answers, restarts } of [...steps, { minutes: 20, answers: 2, restarts: false }]) {
          stage.answer = () => (answers === 0 ? 'refused' : ratios(stage, answers))
          await stage.clock.advance(minutes * MINUTE_MS)
          count()
          if (!restarts) continue
          stage.polls.remove(poll)
          const resumeMs = ((rows.at(-1) ?? Number.NaN) - 1000) * 5 * MINUTE_MS
          poll = stage.add('lsr_all_account', { period: '5m', resumeMs })
        }
        expect(rows).toEqual([...new Set(rows)].toSorted((a, b) => a - b))
        expect(rows.length + missing).toBe((rows.at(-1) as number) - (rows[0] as number) + 1)
      }),
      { numRuns: 60 },
    )
  })
})

describe('many polls', () => {
  it('take half of the weight of an address at most, and are asked less often where that is too little', async () => {
    const stage = new Stage()
    for (let n = 0; n < 30; n++) stage.add('open_interest', { symbol: `A${n}-USDT` })
    await stage.clock.advance(10 * MINUTE_MS)
    const { max } = madeUp.rules.weight
    for (let from = 0; from < 9; from++) {
      const inWindow = stage.asked.filter(({ atMs }) => atMs > from * MINUTE_MS && atMs <= (from + 1) * MINUTE_MS)
      expect(inWindow.length).toBeLessThanOrEqual(max / 2)
    }
    const times = new Map<string, number>()
    for (const { path } of stage.asked) times.set(path, (times.get(path) ?? 0) + 1)
    // Nobody is left out.
    expect(times.size).toBe(30)
    expect(Math.max(...times.values()) - Math.min(...times.values())).toBeLessThanOrEqual(2)
    expect(stage.late).toBeGreaterThan(0)
  })

  it('have two questions under way at most', async () => {
    const stage = new Stage()
    stage.slowMs = 3_000
    for (let n = 0; n < 10; n++) stage.add('open_interest', { symbol: `A${n}-USDT` })
    await stage.clock.advance(2_900)
    expect(stage.asked.length).toBe(2)
  })

  it("that are taken out are asked no more, and their answers are nobody's", async () => {
    const stage = new Stage()
    stage.slowMs = 5_000
    stage.answer = () => [row(1, 0)]
    const poll = stage.add('open_interest')
    await stage.clock.advance(4_000)
    expect(stage.asked.length).toBe(1)
    stage.polls.remove(poll)
    await stage.clock.advance(MINUTE_MS)
    expect([stage.asked.length, stage.take()]).toEqual([1, []])
    expect(stage.clock.waiting).toBe(0)
  })

  it('of what is not open yet wait until it is', async () => {
    const stage = new Stage()
    const poll = stage.add('open_interest')
    poll.rests = 'not open for trading yet'
    await stage.clock.advance(MINUTE_MS)
    expect(stage.asked).toEqual([])
    expect(poll.judge(stage.clock.nowMs(), undefined)).toMatchObject({ state: 'quiet', settled: true })
    poll.rests = undefined
    await stage.clock.advance(11_000)
    expect(stage.asked.length).toBe(1)
  })
})
