import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { at, auditMessages, BEGIN, channel, gap, texts, trade, trades } from '../../../test/support/audit.ts'
import { between, random, type Random } from '../../../test/history.ts'
import type { Gap, Trade } from '../../market/messages.ts'

it('finds a whole stream whole', async () => {
  const report = await auditMessages(trades(10, 20))
  expect(report.findings).toEqual([])
  expect(channel(report, 'trade')).toMatchObject({
    messages: 11,
    first: at(10).ts,
    last: at(20).ts,
    duplicates: 0,
    late: 0,
  })
})

it('says which are missing, between which times, when no gap does', async () => {
  const report = await auditMessages(trades(10, 20).filter(({ id }) => id !== '14' && id !== '15'))
  expect(report.whole).toBe(false)
  expect(texts(report)).toEqual(['missing: 2 trades are missing between id 13 and id 16'])
  expect(report.findings[0]).toMatchObject({ from: at(13).ts, to: at(16).received })
  expect(channel(report, 'trade').missing).toEqual({ announced: 0, unannounced: 2 })
})

it('is content when a gap announces them, by id or else by time, before or after they are missed', async () => {
  const rest = trades(10, 20).filter(({ id }) => id !== '14' && id !== '15')
  const byId = gap({ of: 'trade', after_id: '13', before_id: '16', from: at(13).ts, to: at(16).ts })
  const byTime = gap({ of: 'trade', from: at(13).ts, to: at(16).ts })
  for (const messages of [
    [byId, ...rest],
    [...rest, byId],
    [...rest, byTime],
  ]) {
    const report = await auditMessages(messages)
    expect(texts(report)).toEqual([])
    expect(channel(report, 'trade')).toMatchObject({
      missing: { announced: 2, unannounced: 0 },
      gaps: { disconnect: 1 },
    })
  }
})

it('is not content with a gap that announces a part, another time or another type', async () => {
  const rest = trades(10, 20).filter(({ id }) => id !== '14' && id !== '15')
  const wrong: [Gap, number][] = [
    [gap({ of: 'trade', after_id: '13', before_id: '15' }), 1],
    [gap({ of: 'trade', from: at(17).ts, to: at(18).ts }), 2],
    [gap({ of: 'kline', after_id: '13', before_id: '16', from: at(13).ts, to: at(16).ts }), 2],
  ]
  for (const [one, unannounced] of wrong) {
    const report = await auditMessages([...rest, one])
    expect(channel(report, 'trade').missing.unannounced).toBe(unannounced)
  }
})

it('counts fills and latecomers, which are not missing', async () => {
  const report = await auditMessages([
    trade(10),
    trade(11),
    trade(14),
    trade(12, { filled: true }),
    trade(13),
    trade(15),
  ])
  expect(report.findings).toEqual([])
  expect(channel(report, 'trade')).toMatchObject({ messages: 6, late: 2, filled: 1, duplicates: 0 })
})

it('counts the same id again, and says when its content is another', async () => {
  const again = trade(11, { received: BEGIN, published: BEGIN, filled: true })
  const open = trade(11, { pending: { after: 5, before: 9, last: 11, from: at(5).ts, to: at(11).ts } })
  const report = await auditMessages([...trades(10, 12), again, open, trade(12, { price: '1' })])
  expect(texts(report)).toEqual(['conflict: id 12 again with other content'])
  expect(channel(report, 'trade').duplicates).toBe(3)
})

it('knows an id again however long ago it was', async () => {
  const report = await auditMessages([...trades(1, 10_000), trade(3)])
  expect(channel(report, 'trade').duplicates).toBe(1)
})

it('expects no contiguous ids where the venue gives none', async () => {
  const messages = [trade(10), trade(500), trade(20, at(5)), trade(30, { id: 'ETH-1', ...at(600) })]
  const report = await auditMessages(messages, 'none')
  expect(report.findings).toEqual([])
  expect(channel(report, 'trade')).toMatchObject({ messages: 4, late: 1 })
})

it('finds every trade that is dropped from two publishers’ merged output, unless a gap announces it', async () => {
  await fc.assert(
    fc.asyncProperty(fc.noShrink(fc.nat(2 ** 31)), async (seed) => {
      const rng = random(seed)
      const merged = mergeTrades(rng)
      expect(texts(await auditMessages(merged))).toEqual([])
      const lowest = Math.min(...merged.map(({ id }) => Number(id)))
      const inner = [...new Set(merged.map(({ id }) => Number(id)))].filter((id) => id > lowest && id < lowest + 40)
      const lost = inner[between(rng, 0, inner.length - 1)] as number
      const rest = merged.filter(({ id }) => id !== `${lost}`)
      expect(channel(await auditMessages(rest), 'trade').missing.unannounced).toBe(1)
      const told = gap({ of: 'trade', after_id: `${lost - 1}`, before_id: `${lost + 1}` })
      expect((await auditMessages([...rest, told])).whole).toBe(true)
    }),
    { numRuns: 150 },
  )
})

/** Two publishers' trades from one beginning to ids past it, each in order, interleaved at random; with repeats. */
function mergeTrades(rng: Random): Trade[] {
  const queues = [trades(1, between(rng, 41, 50)), trades(1, between(rng, 41, 50))]
  const out: Trade[] = [trade(1)]
  while (queues.some((queue) => queue.length > 0)) {
    const next = queues[between(rng, 0, 1)]?.shift()
    if (next !== undefined) out.push(next)
  }
  return out
}

describe('trades whose ids are no numbers', () => {
  const numbered = (seq: number) => trade(seq, { id: `ETH-${seq * 7}`, seq })
  const rest = [10, 11, 14, 15].map(numbered)

  it('follow each other by seq', async () => {
    expect(await auditMessages([10, 11, 12].map(numbered))).toMatchObject({
      whole: true,
      channels: [{ continuity: 'numbers' }],
    })
    expect(texts(await auditMessages(rest))).toEqual(['missing: 2 trades are missing between seq 11 and seq 14'])
    expect((await auditMessages([...rest, numbered(13), numbered(12)])).whole).toBe(true)
  })

  it('are announced by the seq that a gap names, or by its times', async () => {
    const bySeq = gap({ of: 'trade', after_seq: 11, before_seq: 14 })
    const ids = gap({ of: 'trade', after_id: '11', before_id: '14' })
    expect(await auditMessages([...rest, bySeq])).toMatchObject({ whole: true })
    expect(await auditMessages([...rest, gap({ of: 'trade', after_seq: 12, before_seq: 14 })])).toMatchObject({
      whole: false,
    })
    expect(await auditMessages([...rest, { ...ids, from: at(11).ts, to: at(14).ts }])).toMatchObject({ whole: true })
    expect(await auditMessages([...rest, ids])).toMatchObject({ whole: false })
  })

  it('are doubled by their id, not by their seq', async () => {
    const report = await auditMessages([numbered(1), numbered(2), numbered(2), { ...numbered(2), seq: 3 }])
    expect(texts(report)).toEqual(['conflict: id ETH-14 again with other content'])
    expect(channel(report, 'trade').duplicates).toBe(2)
  })
})
