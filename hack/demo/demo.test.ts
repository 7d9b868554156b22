import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { ROOMS } from '../../collector/exchanges/registry.ts'
import { collector } from '../../crds/collector.ts'
import { collectorOf, simulated, type Urls } from './objects.ts'
import { table } from './table.ts'

const EXCHANGES = [...new Set(ROOMS.map(({ exchange }) => exchange))]

test.each(EXCHANGES)(
  'the Collector of %s is a valid one and knows its simulation by the name of the Service',
  (name) => {
    const markets = ROOMS.filter(({ exchange }) => exchange === name).map(({ market }) => market)
    const urls: Urls = Object.fromEntries(
      markets.map((market, i) => [
        market,
        { websocket: `ws://0.0.0.0:${9000 + i}`, rest: `http://0.0.0.0:${9000 + i}` },
      ]),
    )
    const read = collector.parse(collectorOf(name, ROOMS, urls))
    expect(read.spec.feeds.map(({ market }) => market)).toEqual(markets)
    expect(read.spec.feeds[0]?.endpoints).toEqual({
      websocket: `ws://exchange-${name}.market:9000`,
      rest: `http://exchange-${name}.market:9000`,
    })
  },
)

test('the simulated exchange listens on all addresses, and its Service has its name', () => {
  const [service, deployment] = simulated('okx', 'exchange:1') as { metadata: { name: string } }[]
  expect([service?.metadata.name, deployment?.metadata.name]).toEqual(['exchange-okx', 'exchange-okx'])
  expect(JSON.stringify(deployment)).toContain('"--exchange","okx"')
  expect(JSON.stringify(deployment)).toContain('"--host","0.0.0.0"')
})

test('the manifest of NATS has a namespace in which only restricted pods run', () => {
  const objects = parseAllDocuments(readFileSync(join(import.meta.dirname, 'nats.yaml'), 'utf8')).map(
    (document) => document.toJS() as { kind: string; metadata: object },
  )
  expect(objects.map(({ kind }) => kind)).toEqual(['Namespace', 'Service', 'Deployment'])
  expect(objects[0]?.metadata).toMatchObject({ labels: { 'pod-security.kubernetes.io/enforce': 'restricted' } })
})

test('the table has a row for each exchange and the sum at the end', () => {
  const rows = [
    { exchange: 'okx', channels: { live: 3, total: 4 }, messages: 12_345, perSecond: 99.6 },
    { exchange: 'kraken', channels: undefined, messages: 0, perSecond: 0 },
  ]
  expect(table(rows)).toBe(
    [
      'EXCHANGE   CHANNELS LIVE   MESSAGES   PER SECOND',
      'okx               3 of 4     12,345          100',
      'kraken                 …          0            0',
      'all                          12,345          100',
    ].join('\n'),
  )
})
