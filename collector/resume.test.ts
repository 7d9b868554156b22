import { describe, expect, it } from 'vitest'
import { type Gap, VERSION, type Trade } from './market/messages.ts'
import { laterOf, resumeAfter } from './resume.ts'

const TS = 1_790_000_000_000_000
const head = { type: 'trade', v: VERSION, exchange: 'binance', market: 'spot', symbol: 'BTC-USDT' } as const
const trade: Trade = {
  ...head,
  id: '9',
  price: '1',
  size: '2',
  side: 'buy',
  ts: TS,
  received: TS + 5,
  published: TS + 6,
}

describe('a later run takes up', () => {
  it('behind the trade that is stored last, by its number', () => {
    expect(resumeAfter(trade)).toEqual({ at: 9, time: TS })
    expect(resumeAfter({ ...trade, id: 'T-9', seq: 4 })).toEqual({ at: 4, time: TS })
    expect(resumeAfter({ ...trade, id: 'T-9' })).toBeUndefined()
  })

  it('with what was still being fetched before it', () => {
    const open = { after: 2, before: 5, from: TS - 20, to: TS }
    expect(resumeAfter({ ...trade, pending: { ...open, last: 9 } })).toEqual({ at: 9, time: TS, open })
  })

  it('behind the furthest trade, where the last one that is stored came late', () => {
    const late: Trade = { ...trade, id: '4', ts: TS - 10, filled: true }
    const open = { after: 4, before: 7, from: TS - 10, to: TS }
    expect(resumeAfter({ ...late, pending: { ...open, last: 9 } })).toEqual({ at: 9, time: TS, open })
    expect(resumeAfter({ ...late, pending: { ...open, before: 5, last: 9 } })).toEqual({ at: 9, time: TS })
  })

  it('behind a gap that is stored behind it, with what that says is open', () => {
    const gap = (ends: Partial<Gap>): Gap => {
      const times = { from: TS, to: TS + 10, received: TS + 20, published: TS + 21 }
      return { ...head, type: 'gap', of: 'trade', reason: 'sequence', ...ends, ...times }
    }
    expect(resumeAfter(trade, gap({ after_id: '9', before_id: '12' }))).toEqual({ at: 11, time: TS + 10 })
    expect(resumeAfter(trade, gap({ after_id: '4', before_id: '8' }))).toEqual({ at: 9, time: TS })
    expect(resumeAfter(trade, gap({ reason: 'sequence_restart' }))).toEqual({ at: 9, time: TS })
    // It ended in order: what it had no room for may be had now.
    expect(resumeAfter(trade, gap({ after_id: '9', missing: 3 }))).toEqual({ at: 9, time: TS })
    expect(resumeAfter(trade, gap({ after_id: '12', missing: 3 }))).toEqual({ at: 12, time: TS })
    const lost = { after: 12, before: 15, last: 14, from: TS + 3, to: TS + 9 }
    expect(resumeAfter(trade, gap({ after_id: '12', missing: 2, pending: lost }))).toEqual({ at: 12, time: TS + 3 })
    const open = { after: 2, before: 7, from: TS - 20, to: TS }
    const late = { ...trade, pending: { ...open, last: 9 } }
    const rest = { ...open, after: 4 }
    expect(resumeAfter(late, gap({ after_id: '2', before_id: '5' }))).toEqual({ at: 9, time: TS, open: rest })
    expect(resumeAfter(late, gap({ after_id: '2', before_id: '7' }))).toEqual({ at: 9, time: TS })
    // Nothing before it was open when it ended, or it says itself what was.
    expect(resumeAfter(late, gap({ after_id: '9', missing: 3 }))).toEqual({ at: 9, time: TS })
    expect(resumeAfter(late, gap({ after_id: '4', missing: 8 }))).toEqual({ at: 9, time: TS, open })
    const forNow = { after_id: '2', before_id: '7', pending: { ...open, last: 9 } }
    expect(resumeAfter(late, gap(forNow))).toEqual({ at: 9, time: TS, open })
    const behind = { after_id: '9', before_id: '12', pending: { ...rest, last: 11 } }
    expect(resumeAfter(late, gap(behind))).toEqual({ at: 11, time: TS + 10, open: rest })
  })

  it('at the later of what this process knows and what is stored; what was open it has settled itself', () => {
    const stored = { at: 9, time: TS, open: { after: 2, before: 5, from: TS - 20, to: TS } }
    expect(laterOf(undefined, stored)).toBe(stored)
    expect(laterOf({ at: 9, time: TS }, stored)).toEqual({ at: 9, time: TS })
    expect(laterOf({ at: 8, time: TS }, stored)).toBe(stored)
    expect(laterOf({ at: 12, time: TS + 1 }, stored)).toEqual({ at: 12, time: TS + 1 })
    expect(laterOf({ at: 8, time: TS - 1 }, undefined)).toEqual({ at: 8, time: TS - 1 })
  })
})
