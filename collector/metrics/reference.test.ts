import { expect, test } from 'vitest'
import { Latencies } from '../latency.ts'
import { METRICS, openMetrics } from '../metrics.ts'
import { watchRuntime } from '../runtime.ts'
import { sampleAddress, sampleChannel, sampleSession, sampleStatus } from '../../test/support/status.ts'
import { boundOf, renderMetrics } from './reference.ts'

test('the page has a row for each metric, with its type and help', () => {
  const page = renderMetrics()
  for (const [name, { type, help }] of Object.entries(METRICS)) {
    const row = page.split('\n').find((line) => line.startsWith(`| \`${name}\` |`))
    expect(row).toContain(`| ${type} |`)
    expect(row).toContain(help)
  }
})

test('the bound in the page holds for a pod with five hundred symbols', async () => {
  const types = ['trade', 'orderbook', 'ticker', 'kline'] as const
  const markets = ['spot', 'perpetual'] as const
  const latencies = new Latencies()
  const channels = markets.flatMap((market) =>
    types.flatMap((type) =>
      Array.from({ length: 500 }, (_, i) => {
        latencies.channel({ exchange: 'binance', market, type })
        return sampleChannel({ market, type, symbol: `S${i}-USDT` })
      }),
    ),
  )
  const runtime = watchRuntime()
  const status = sampleStatus({
    channels,
    sessions: markets.flatMap((market) => Array.from({ length: 10 }, () => sampleSession({ market }))),
    addresses: [sampleAddress(), sampleAddress({ host: 'api.binance.com' })],
  })
  const text = await openMetrics({ latencies, runtime }).text(status)
  runtime.close()
  const series = text.split('\n').filter((line) => line !== '' && !line.startsWith('#')).length
  const bound = boundOf({ K: 8, M: 2, A: 2 })
  expect(series).toBeLessThanOrEqual(bound)
  expect(series).toBeGreaterThan(bound / 2)
  expect(renderMetrics()).toContain(`at most ${bound}.`)
})
