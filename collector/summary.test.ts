import { expect, test } from 'vitest'
import { sampleChannel, sampleSession, sampleStatus } from '../test/support/status.ts'
import { summaryOf } from './summary.ts'

test('each channel counts once, and a market by what may come of it', () => {
  const channels = [
    sampleChannel(),
    sampleChannel({ symbol: 'ETH-USDT', state: 'quiet', found: true }),
    sampleChannel({ symbol: 'XRP-USDT', state: 'stale', since: 5_000_999 }),
    sampleChannel({ type: 'kline', interval: '1m', state: 'down', since: 4_000_000 }),
    sampleChannel({ exchange: 'okx', state: 'down', impossible: true, detail: 'not listed by the venue' }),
    sampleChannel({ market: 'spot', state: 'live' }),
  ]
  const sessions = [sampleSession(), sampleSession({ state: 'waiting' }), sampleSession({ exchange: 'okx' })]
  const summary = summaryOf(sampleStatus({ channels, sessions }))
  expect(summary.channels).toEqual({ total: 6, live: 2, quiet: 1, stale: 1, down: 1, impossible: 1, found: 1 })
  expect(summary.markets).toEqual({
    'binance:perpetual': { channels: 4, live: 1, stale: 2, sessions: 2, sessionsOpen: 1 },
    'binance:spot': { channels: 1, live: 1, stale: 0, sessions: 0, sessionsOpen: 0 },
    'okx:perpetual': { channels: 0, live: 0, stale: 0, sessions: 1, sessionsOpen: 1 },
  })
  expect(summary.stale).toEqual([
    { channel: 'binance:perpetual:BTC-USDT:kline:1m', state: 'down', since: 4_000 },
    { channel: 'binance:perpetual:XRP-USDT:trade', state: 'stale', since: 5_000 },
  ])
  expect(summary.impossible).toEqual([{ channel: 'okx:perpetual:BTC-USDT:trade', why: 'not listed by the venue' }])
})

test('it has one size however many channels there are and whatever they say', () => {
  const channels = Array.from({ length: 5_000 }, (_, i) => [
    sampleChannel({ symbol: `C${i}-USDT`, state: 'stale' }),
    sampleChannel({ symbol: `D${i}-USDT`, state: 'down', impossible: true, detail: 'why\n'.repeat(1_000) }),
  ]).flat()
  const notReady = Array.from({ length: 100 }, () => 'why\n'.repeat(1_000))
  const sink = { ...sampleStatus().sink, connected: false, problem: 'gone '.repeat(1_000), lostMs: 31_000 }
  const summary = summaryOf(sampleStatus({ channels, notReady, ready: false, sink }))
  expect(summary.stale.length).toBe(20)
  expect(summary.impossible.length).toBe(10)
  expect(summary.notReady.length).toBe(10)
  expect(summary.sink).toMatchObject({ connected: false, lostMs: 31_000 })
  expect(JSON.stringify(summary).length).toBeLessThan(8_000)
  expect(summary.lastGap?.reason).toBe('disconnect')
})

test('what is not there is left out', () => {
  const summary = summaryOf(sampleStatus({ lastGap: undefined }))
  expect(summary).not.toHaveProperty('lastGap')
  expect(summary.sink).not.toHaveProperty('problem')
})
