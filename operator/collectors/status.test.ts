// What the condition Degraded says of channels, without a cluster.
import { expect, test } from 'vitest'
import { type Findings, statusOf, yes } from './status.ts'

const WELL: Findings = {
  owner: { name: 'majors', generation: 1 },
  old: undefined,
  nowMs: 0,
  faults: [],
  isPaused: false,
  hasOwnShards: false,
  problems: [],
  shards: [{ name: 'majors-0', ready: true, channels: 8, reason: undefined }],
  progress: { kind: 'settled' },
  monitoring: yes('Created', ''),
  channels: { total: 8, live: 8, stale: 0 },
  impossible: { count: 0, some: [] },
  healing: undefined,
}

const degraded = (change: Partial<Findings>) => {
  return statusOf({ ...WELL, ...change }).conditions?.find(({ type }) => type === 'Degraded')
}

test('channels that will not come are named with the reason, some of them, and the rest is counted', () => {
  expect(degraded({})).toMatchObject({ status: 'False', reason: 'AsExpected' })
  const some = Array.from({ length: 7 }, (_, i) => {
    return { channel: `binance:spot:C${i}-USDT:trade`, why: 'not listed by the venue; did you mean BTC-USDT?' }
  })
  const one = degraded({ impossible: { count: 1, some: some.slice(0, 1) } })
  expect(one).toMatchObject({ status: 'True', reason: 'ChannelsImpossible' })
  expect(one?.message).toBe(
    'Channels that will not come, while the others go on: ' +
      'binance:spot:C0-USDT:trade: not listed by the venue; did you mean BTC-USDT?',
  )
  const many = degraded({ impossible: { count: 9, some } })?.message
  expect(many).toContain('C4-USDT')
  expect(many).not.toContain('C5-USDT')
  expect(many).toContain(' | 4 more, which kubectl marketprism status names')
})

test('what has no data that should have some comes first', () => {
  const impossible = { count: 1, some: [] }
  expect(degraded({ impossible, channels: { total: 8, live: 6, stale: 1 } })?.reason).toBe('ChannelsStale')
})
