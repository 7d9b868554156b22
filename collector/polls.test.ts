// What is asked by REST, and what is published of the answers.
import { describe, expect, it } from 'vitest'
import { UNCHECKED } from '../test/support/intake.ts'
import { BEGIN_MS, MINUTE_MS, Stage, ratios, row } from '../test/support/polls.ts'

describe('what is polled', () => {
  it('is asked soon, then at the times of the venue, later by its delay and a part that stays', async () => {
    const stage = new Stage()
    stage.add('lsr_all_account', { period: '5m' })
    await stage.clock.advance(2_000)
    expect(stage.asked.length).toBe(1)
    await stage.clock.advance(30 * MINUTE_MS)
    const turns = stage.asked.slice(1).map(({ atMs }) => atMs % (5 * MINUTE_MS))
    expect(turns.length).toBe(6)
    expect(new Set(turns).size).toBe(1)
    expect(turns[0]).toBeGreaterThanOrEqual(20_000)
    expect(turns[0]).toBeLessThan(80_000)
  })

  it('is spread over the period, each symbol by its own part', async () => {
    const stage = new Stage()
    for (let n = 0; n < 100; n++) stage.add('lsr_all_account', { symbol: `A${n}-USDT`, period: '1h' })
    await stage.clock.advance(60 * MINUTE_MS)
    const first = stage.asked.length
    await stage.clock.advance(60 * MINUTE_MS)
    const seconds = stage.asked.slice(first).map(({ atMs }) => Math.floor((atMs - 60 * MINUTE_MS) / 10_000))
    expect(seconds.length).toBe(100)
    expect(new Set(seconds).size).toBeGreaterThanOrEqual(6)
  })

  it('is published when its time is new, and only then', async () => {
    const stage = new Stage()
    stage.add('open_interest')
    stage.answer = () => [row(5, 1_000)]
    await stage.clock.advance(30_000)
    expect(stage.asked.length).toBeGreaterThan(2)
    expect(stage.take()).toEqual(['5 at 1000'])
    stage.answer = () => [row(4, 500)]
    await stage.clock.advance(10_000)
    stage.answer = () => [row(5, 2_000)]
    await stage.clock.advance(10_000)
    expect(stage.take()).toEqual(['5 at 2000'])
  })

  it('goes on when the clock of the venue is set back, and takes no row twice for it', async () => {
    const stage = new Stage()
    stage.add('open_interest')
    stage.answer = () => [row(1, -60_000), row(2, 0)]
    await stage.clock.advance(30_000)
    expect(stage.take()).toEqual(['1 at -60000', '2 at 0'])
    stage.answer = () => [row(3, -600_000)]
    await stage.clock.advance(30_000)
    expect(stage.take()).toEqual(['3 at -600000'])
  })

  it('says of rows that fail a check and of those that did not come how many they are, in one gap', async () => {
    const stage = new Stage({ ...UNCHECKED, badNumber: 'drop' })
    stage.add('lsr_all_account', { period: '5m' })
    const at = (n: number) => n * 5 * MINUTE_MS
    stage.answer = () => [row(1, at(-5)), row(-3, at(-3)), row(-4, at(-2)), row(5, at(-1)), row(6, at(0))]
    await stage.clock.advance(2_000)
    expect(stage.take()).toEqual([
      '1 at -1500000',
      'gap sequence -1500000..-300000 missing 3',
      '5 at -300000',
      '6 at 0',
    ])
  })

  it('has each row of a period once, and all that an answer holds beyond the last one', async () => {
    const stage = new Stage()
    stage.add('lsr_all_account', { period: '5m', resumeMs: -20 * MINUTE_MS })
    stage.answer = () => ratios(stage)
    await stage.clock.advance(2_000)
    expect(stage.take()).toEqual(['997 at -900000', '998 at -600000', '999 at -300000', '1000 at 0'])
    await stage.clock.advance(12 * MINUTE_MS)
    expect(stage.take()).toEqual(['1001 at 300000', '1002 at 600000'])
  })

  it('has a gap of exactly the periods that an answer does not reach back to', async () => {
    const stage = new Stage()
    stage.add('lsr_all_account', { period: '5m', resumeMs: -60 * MINUTE_MS })
    stage.answer = () => ratios(stage, 3)
    await stage.clock.advance(2_000)
    expect(stage.take()).toEqual([
      'gap restart -3600000..-600000 missing 9',
      '998 at -600000',
      '999 at -300000',
      '1000 at 0',
    ])
  })

  it('has no gap at the first start ever', async () => {
    const stage = new Stage()
    stage.add('lsr_all_account', { period: '5m' })
    stage.add('open_interest')
    stage.answer = ({ path }) => (path.startsWith('/ratio') ? ratios(stage, 2) : [row(5, 1)])
    await stage.clock.advance(2_000)
    expect(stage.take().toSorted()).toEqual(['1000 at 0', '5 at 1', '999 at -300000'])
  })

  it('that has no periods has a gap where the collector was not running', async () => {
    const stage = new Stage()
    stage.add('open_interest', { resumeMs: -50_000 })
    stage.answer = () => [row(5, 0)]
    await stage.clock.advance(2_000)
    expect(stage.take()).toEqual(['gap restart -50000..0', '5 at 0'])
  })
})

describe('an answer that holds the row that was taken last', () => {
  it('after a restart says that nothing is missing', async () => {
    const stage = new Stage()
    stage.add('open_interest', { resumeMs: -50_000 })
    stage.answer = () => [row(4, -50_000)]
    await stage.clock.advance(2_000)
    stage.answer = () => [row(4, -50_000), row(5, 0)]
    await stage.clock.advance(10_000)
    expect(stage.take()).toEqual(['5 at 0'])
  })

  it('makes up for questions that failed', async () => {
    const stage = new Stage()
    stage.add('open_interest')
    stage.answer = () => [row(1, 0)]
    await stage.clock.advance(2_000)
    stage.answer = () => 'refused'
    await stage.clock.advance(20_000)
    stage.answer = () => [row(1, 0), row(2, 5_000)]
    await stage.clock.advance(10_000)
    expect(stage.take()).toEqual(['1 at 0', '2 at 5000'])
  })
})

describe('a question that fails', () => {
  it('is asked again within the period, with growing waits, and nothing is missing', async () => {
    const stage = new Stage()
    const poll = stage.add('lsr_all_account', { period: '5m' })
    stage.answer = () => (stage.asked.length < 5 ? 'refused' : ratios(stage, 1))
    await stage.clock.advance(MINUTE_MS)
    const waits = stage.asked.map(({ atMs }, i) => atMs - (stage.asked[i - 1]?.atMs ?? 0)).slice(1)
    expect(waits.slice(0, 4)).toEqual([1_000, 1_500, 2_500, 4_500])
    expect(stage.take()).toEqual(['1000 at 0'])
    expect(poll.judge(stage.clock.nowMs(), undefined)).toEqual({ state: 'live', detail: undefined, settled: true })
  })

  it('for a whole turn is a gap in what has no periods', async () => {
    const stage = new Stage()
    stage.add('open_interest')
    stage.answer = () => [row(1, 0)]
    await stage.clock.advance(12_000)
    expect(stage.take()).toEqual(['1 at 0'])
    stage.answer = () => 'refused'
    await stage.clock.advance(20_000)
    stage.answer = () => [row(2, 31_000)]
    await stage.clock.advance(10_000)
    expect(stage.take()).toEqual(['gap unanswered 0..31000', '2 at 31000'])
  })

  it('and is answered after the next turn of the venue is one, too', async () => {
    const stage = new Stage()
    stage.add('open_interest')
    stage.answer = () => [row(1, 0)]
    await stage.clock.advance(12_000)
    expect(stage.take()).toEqual(['1 at 0'])
    stage.slowMs = 25_000
    stage.answer = () => [row(2, 40_000)]
    await stage.clock.advance(40_000)
    expect(stage.take()).toEqual(['gap unanswered 0..40000', '2 at 40000'])
  })

  it('for some turns is made up for by an answer that reaches back', async () => {
    const stage = new Stage()
    stage.add('lsr_all_account', { period: '5m' })
    stage.answer = () => ratios(stage)
    await stage.clock.advance(MINUTE_MS)
    stage.take()
    stage.answer = () => 'refused'
    await stage.clock.advance(20 * MINUTE_MS)
    stage.answer = () => ratios(stage)
    await stage.clock.advance(5 * MINUTE_MS)
    expect(stage.take().slice(0, 4)).toEqual(['1001 at 300000', '1002 at 600000', '1003 at 900000', '1004 at 1200000'])
  })

  it('and is not made up for is a gap that says why', async () => {
    const stage = new Stage()
    stage.add('lsr_all_account', { period: '5m' })
    stage.answer = () => ratios(stage, 1)
    await stage.clock.advance(MINUTE_MS)
    stage.take()
    stage.answer = () => 'refused'
    await stage.clock.advance(12 * MINUTE_MS)
    stage.answer = () => ratios(stage, 1)
    await stage.clock.advance(5 * MINUTE_MS)
    expect(stage.take()[0]).toMatch(/^gap unanswered 0\.\.\d+ missing [12]$/)
  })

  it('leaves the channel quiet at first, then stale, and live with the next answer', async () => {
    const stage = new Stage()
    const poll = stage.add('open_interest')
    const judge = () => poll.judge(stage.clock.nowMs(), undefined)
    expect(judge()).toEqual({ state: 'quiet', detail: 'waiting for the first answer', settled: false })
    stage.answer = () => 'nonsense'
    await stage.clock.advance(5_000)
    expect(judge()).toEqual({
      state: 'quiet',
      detail: 'not answered: answered with what is no open_interest',
      settled: false,
    })
    await stage.clock.advance(10_000)
    expect(judge()).toMatchObject({ state: 'quiet', settled: true })
    await stage.clock.advance(20_000)
    expect(judge()).toMatchObject({ state: 'stale', settled: true })
    stage.answer = () => [row(1, 36_000)]
    await stage.clock.advance(MINUTE_MS)
    expect(judge()).toEqual({ state: 'live', detail: undefined, settled: true })
  })

  it('by one row that cannot be read loses no other row', async () => {
    const stage = new Stage()
    const poll = stage.add('lsr_all_account', { period: '5m' })
    stage.answer = () => [row(1, -600_000), { s: 'BTCUSDT', x: 'NaN', t: BEGIN_MS - 300_000 }, row(3, 0)]
    await stage.clock.advance(2_000)
    expect(stage.take()).toEqual(['1 at -600000', 'gap sequence -600000..0 missing 1', '3 at 0'])
    expect(poll.fault).toBe('answered with 1 rows that cannot be read')
  })

  it('never answers for another symbol', async () => {
    const stage = new Stage()
    stage.add('open_interest')
    stage.answer = () => [{ ...row(1, 0), s: 'ETHUSDT' }]
    await stage.clock.advance(12_000)
    expect([stage.take(), stage.faults]).toEqual([[], []])
  })
})
