import { describe, expect, it } from 'vitest'
import { at, auditMessages, BEGIN, gap, head, kline, MINUTE, texts } from '../../../test/support/audit.ts'
import type { Kline, Message } from '../../market/messages.ts'

type Ratio = Extract<Message, { type: 'lsr_top_position' }>

const candles = [0, 1, 2, 3].flatMap((minute) => [5, 30, 60].map((second) => kline(minute, second)))

it('finds candles that follow each other whole, and counts them', async () => {
  const report = await auditMessages(candles)
  expect(texts(report)).toEqual([])
  expect(report.channels[0]).toMatchObject({ interval: '1m', messages: 12, candles: { begun: 4, closed: 4 } })
})

it('says which candle has no final push, unless a gap announces it or the venue pushes none', async () => {
  const rest = candles.filter(({ open_time, closed }) => !(closed && open_time === BEGIN + MINUTE))
  const report = await auditMessages(rest)
  expect(texts(report)).toEqual(['missing: 1 candle has no final push'])
  const told = gap({ of: 'kline', interval: '1m', from: at(115).ts, to: at(125).ts })
  expect((await auditMessages([...rest, told])).whole).toBe(true)
  expect((await auditMessages([...rest, { ...told, interval: '5m' }])).whole).toBe(false)
})

describe('candles of a venue that may send none where nobody trades', () => {
  const without = (minute: number, isLost: (m: Kline) => boolean) =>
    candles.filter((m) => m.open_time !== BEGIN + minute * MINUTE || !isLost(m))

  it('need their final push if they had one at all, unless a gap announces it', async () => {
    const rest = without(1, ({ closed }) => closed === true)
    const report = await auditMessages(rest, 'none')
    expect(texts(report)).toEqual(['missing: 1 candle has no final push'])
    expect(report.channels[0]).toMatchObject({ continuity: 'pushes', missing: { announced: 0, unannounced: 1 } })
    const told = gap({ of: 'kline', interval: '1m', from: at(115).ts, to: at(125).ts })
    const announced = await auditMessages([...rest, told], 'none')
    expect(announced.whole).toBe(true)
    expect(announced.channels.at(-1)).toMatchObject({ missing: { announced: 1, unannounced: 0 } })
  })

  it('without an event time are announced by when they came, whatever the clocks say', async () => {
    const behind = ({ ts: _, ...m }: Kline): Kline => ({ ...m, received: m.received + 60 * MINUTE })
    const rest = without(1, ({ closed }) => closed === true).map(behind)
    const times = { from: at(90).ts + 60 * MINUTE, to: at(125).ts + 60 * MINUTE }
    const told = gap({ of: 'kline', interval: '1m', ...times })
    expect(texts(await auditMessages(rest, 'none'))).toEqual(['missing: 1 candle has no final push'])
    expect(texts(await auditMessages([...rest, told], 'none'))).toEqual([])
  })

  it('are only counted where they had none, before and behind such that lack their final one', async () => {
    const [isAny, isFinal] = [() => true, ({ closed }: Kline) => closed === true]
    const report = await auditMessages(without(1, isAny), 'none')
    expect(report).toMatchObject({ whole: true, channels: [{ candles: { begun: 3, closed: 3, unseen: 1 } }] })
    const both = without(1, isAny).filter((m) => m.open_time !== BEGIN + 2 * MINUTE || !isFinal(m))
    expect(texts(await auditMessages(both, 'none'))).toEqual(['missing: 1 candle has no final push'])
  })

  it('have it late, too, and the last one need not have it yet', async () => {
    const final = candles.find(({ open_time, closed }) => open_time === BEGIN + MINUTE && closed) as Kline
    const rest = [...without(1, ({ closed }) => closed === true), final, kline(4, 5)]
    expect(texts(await auditMessages(rest, 'none'))).toEqual([])
  })
})

it('counts whole candles that are missing, and pushes that come late', async () => {
  const rest = candles.filter(({ open_time }) => open_time !== BEGIN + MINUTE && open_time !== BEGIN + 2 * MINUTE)
  expect(texts(await auditMessages(rest))).toEqual(['missing: 2 candles have no final push'])
  const late = [...rest, ...candles.filter((m) => !rest.includes(m))]
  const report = await auditMessages(late)
  expect(report.whole).toBe(true)
  expect(report.channels[0]?.late).toBe(6)
})

it('keeps intervals apart', async () => {
  const report = await auditMessages([
    kline(0, 60),
    kline(0, 60, { interval: '3m', close_time: BEGIN + 3 * MINUTE - 1000 }),
  ])
  expect(report.channels.map(({ interval }) => interval)).toEqual(['1m', '3m'])
})

/** A push of a venue that says neither when a candle ends nor when it was pushed, nor, unless told, whether it is final. */
function bare(minute: number, second: number, more: Partial<Kline> = {}): Kline {
  const { close_time: _, closed: _closed, ts: _ts, ...rest } = kline(minute, second)
  return { ...rest, close: `${second}`, ...more }
}

describe('candles without an end', () => {
  const pushes = [0, 1, 2, 3].flatMap((minute) => [5, 30].map((second) => bare(minute, second)))

  it('are complete when the next one begins', async () => {
    const report = await auditMessages(pushes)
    expect(texts(report)).toEqual([])
    expect(report.channels[0]).toMatchObject({
      late: 0,
      candles: { begun: 4, closed: 3, unseen: 0 },
      continuity: 'candles',
    })
  })

  it('are missing where an interval has no push, unless a gap says so', async () => {
    const rest = pushes.filter(({ open_time }) => open_time !== BEGIN + MINUTE && open_time !== BEGIN + 2 * MINUTE)
    expect(texts(await auditMessages(rest))).toEqual(['missing: 2 candles have no push'])
    const told = gap({ of: 'kline', interval: '1m', from: at(60).ts, to: at(179).ts })
    expect((await auditMessages([...rest, told])).whole).toBe(true)
  })

  it('are counted and not called missing where the venue may have had nothing to send', async () => {
    const report = await auditMessages([pushes[0] as Kline, pushes[7] as Kline], 'none')
    expect(report).toMatchObject({ whole: true, channels: [{ continuity: 'none', candles: { begun: 2, unseen: 2 } }] })
  })

  it('need their final push where the venue marks it', async () => {
    const marked = [0, 1, 2].flatMap((m) => [bare(m, 5, { closed: false }), bare(m, 60, { closed: true })])
    expect(texts(await auditMessages(marked))).toEqual([])
    expect(texts(await auditMessages(marked.toSpliced(3, 1)))).toEqual(['missing: 1 candle has no final push'])
  })

  it('come late when their time has passed', async () => {
    const report = await auditMessages([bare(0, 5), bare(1, 5), bare(0, 59)])
    expect(report.channels[0]).toMatchObject({ late: 1 })
  })

  it('follow each other by days, weeks and months', async () => {
    const open = (interval: string, ...days: string[]) =>
      days.map((day) => bare(0, 5, { interval, open_time: Date.parse(`${day}T00:00:00Z`) * 1000 }))
    const whole = [
      ...open('1d', '2026-02-27', '2026-02-28', '2026-03-01'),
      ...open('1w', '2026-02-23', '2026-03-02', '2026-03-09'),
      ...open('1M', '2026-01-01', '2026-02-01', '2026-03-01', '2026-04-01', '2026-05-01'),
    ]
    expect(texts(await auditMessages(whole))).toEqual([])
    const holes = [
      ...open('1d', '2026-02-27', '2026-03-01'),
      ...open('1w', '2026-02-23', '2026-03-09'),
      ...open('1M', '2026-01-01', '2026-03-01', '2026-05-01'),
    ]
    const found = (await auditMessages(holes)).findings.map(({ interval, text }) => `${interval}: ${text}`)
    expect(found).toEqual([
      '1M: 1 candle has no push',
      '1M: 1 candle has no push',
      '1d: 1 candle has no push',
      '1w: 1 candle has no push',
    ])
  })
})

describe('audit of ratios', () => {
  const ratio = (minute: number, more: Partial<Ratio> = {}): Ratio => {
    return { type: 'lsr_top_position', ...head, period: '5m', ratio: '1.2', ...at(minute * 60), ...more }
  }

  it('finds one a period whole, and says which are missing without a gap', async () => {
    const all = [0, 5, 10, 15, 20].map((minute) => ratio(minute))
    const hours = [0, 60, 120].map((minute) => ratio(minute, { period: '1h' }))
    const report = await auditMessages([...all, ...hours])
    expect(texts(report)).toEqual([])
    expect(report.channels.map(({ interval, continuity }) => [interval, continuity])).toEqual([
      ['1h', 'periods'],
      ['5m', 'periods'],
    ])
    const rest = all.toSpliced(1, 2)
    expect(texts(await auditMessages(rest))).toEqual(['missing: 2 periods are missing'])
    const told = gap({ of: 'lsr_top_position', interval: '5m', reason: 'unanswered', from: at(0).ts, to: at(900).ts })
    expect((await auditMessages([...rest, told])).whole).toBe(true)
    expect((await auditMessages([...rest, { ...told, interval: '1h' }])).whole).toBe(false)
    expect(await auditMessages([...rest, ...all.slice(1, 3)])).toMatchObject({ whole: true, channels: [{ late: 2 }] })
  })

  it('cannot place one without a time', async () => {
    const { ts: _, ...timeless } = ratio(5)
    expect(texts(await auditMessages([timeless]))).toEqual(['broken: ts: what comes once a period needs it'])
  })
})
