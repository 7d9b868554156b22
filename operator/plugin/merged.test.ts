import { expect, test } from 'vitest'
import { sampleChannel, sampleStatus } from '../../test/support/status.ts'
import { merged, type PodStatus, statusSchema } from './merged.ts'

const NOW_MS = 1_790_000_090_000

function podStatus(...channels: ReturnType<typeof sampleChannel>[]): PodStatus {
  return statusSchema.parse(JSON.parse(JSON.stringify(sampleStatus({ channels }))))
}

test('channels of shards stand side by side, and their messages add up', () => {
  const one = merged('majors', [podStatus(sampleChannel()), podStatus(sampleChannel({ symbol: 'ETH-USDT' }))], NOW_MS)
  expect(one.channels.map(({ symbol }) => symbol)).toEqual(['BTC-USDT', 'ETH-USDT'])
  expect(one.ledger).toMatchObject({ messagesMade: 400, messagesDropped: { spool_full: 12 }, gaps: 4 })
  expect(one.spool).toMatchObject({ bytesUsed: 524_288, bytesMax: 134_217_728 })
  expect(one.ready).toBe(true)
})

test('a channel that two publishers carry counts once, as the better one has it', () => {
  const stale = sampleChannel({ state: 'stale', detail: 'no data for 40 s', age: 40 })
  const all = [podStatus(stale), podStatus(sampleChannel({ perSecond: 7 }))]
  for (const order of [all, all.toReversed()]) {
    const { channels } = merged('majors', order, NOW_MS)
    expect(channels).toHaveLength(1)
    expect(channels[0]).toMatchObject({ state: 'live', perSecond: 7 })
  }
})

test('a sink that is away is the one that is shown', () => {
  const away = { ...podStatus(), sink: { kind: 'nats', connected: false, problem: 'no connection', lostMs: 5_000 } }
  expect(merged('majors', [podStatus(), away], NOW_MS).sink).toMatchObject({
    connected: false,
    problem: 'no connection',
  })
})

test.each([
  ['an exchange that is none', { exchange: '\u001b[31m' }],
  ['a rate that is none', { perSecond: 'many' }],
])('%s is not taken', (_, change) => {
  const status = sampleStatus({ channels: [{ ...sampleChannel(), ...change } as never] })
  expect(statusSchema.safeParse(status).success).toBe(false)
})
