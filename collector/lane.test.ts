import { expect, it } from 'vitest'
import { Lane } from './lane.ts'
import { Channels } from './market/channel.ts'
import { Latencies } from './latency.ts'

const BEGIN_MS = 1_790_000_000_000

it('tells its state once a minute, though the clock of the machine is set back or ahead meanwhile', () => {
  const key = { exchange: 'binance', market: 'spot', symbol: 'BTC-USDT', type: 'trade' } as const
  const channel = { ...new Channels('market').of(key), type: 'trade' } as const
  const lane = new Lane(channel, undefined, new Latencies().channel(channel))
  const told: number[] = []
  for (let second = 0; second < 300; second++) {
    const setMs = second < 100 ? 0 : second < 200 ? -3_600_000 : 3_600_000
    const state = lane.tick((BEGIN_MS + second * 1_000 + setMs) * 1_000, BEGIN_MS + second * 1_000)
    if (state !== undefined) told.push(second)
  }
  expect(told).toEqual([0, 60, 120, 180, 240])
})
