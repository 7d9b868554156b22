import { expect, it } from 'vitest'
import { describeWithNats } from '../nats.ts'
import { playHour } from './hour.ts'

describeWithNats('all exchanges at 60 times life, with faults of every kind', () => {
  it('leave a stream that audit finds whole and the exchanges find true', { timeout: 120_000 }, async () => {
    const hour = await playHour({ seed: 1, minutes: 5, pace: 60 })
    expect(hour.wrong).toEqual([])
    expect([hour.code, hour.balanced, hour.channels > 100]).toEqual([0, true, true])
    const acted = [
      'drop',
      'duplicate',
      'reorder',
      'corrupt',
      'truncate',
      'delay',
      'stall',
      'close',
      'refuse',
      'rest 503',
    ]
    expect(acted.filter((kind) => !(kind in hour.faults))).toEqual([])
    expect(hour.lost + hour.planned).toBeGreaterThan(0)
    expect(hour.filled).toBeGreaterThan(0)
  })
})
