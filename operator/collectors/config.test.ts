import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { CollectorSpec, Feed } from '../../crds/collector.ts'
import { checkCollector } from '../../crds/faults.ts'
import { feedOptions } from '../../crds/feed.ts'
import { shard } from '../../crds/shard.ts'
import { readWork } from '../../collector/validate.ts'
import { contentsOf, shardDocument } from './config.ts'
import { channelsOf, shardPlan, type ShardTarget, target } from './shards.ts'

const NATS = { nats: { servers: ['nats://nats:4222'] } }

function specOf(feeds: readonly object[], other: object = {}): CollectorSpec {
  const { collector, faults } = checkCollector({
    apiVersion: 'marketprism.io/v1alpha1',
    kind: 'Collector',
    metadata: { name: 'majors' },
    spec: { feeds, sink: NATS, ...other },
  })
  if (collector === undefined) throw new Error(faults.map(({ says }) => says).join(' '))
  return collector.spec
}

const FEEDS = [
  { exchange: 'binance', market: 'spot', symbols: ['ETH-USDT', 'BTC-USDT'], types: ['orderbook', 'trade'] },
  { exchange: 'okx', market: 'option', symbols: ['BTC-USD-*'], exclude: ['*-P'], types: ['ticker'] },
]

/** The only shard. */
function whole(spec: CollectorSpec, counts: readonly number[] | undefined = [1]): ShardTarget {
  const keys = [...(shardPlan({ spec, shards: 1 }).wanted[0] ?? [])].toSorted()
  return { index: 0, keys, counts, share: 0.5, isLeaving: false }
}

function textOf(spec: CollectorSpec, to: Partial<ShardTarget> = {}): string {
  return shardDocument({ name: 'majors', spec }, { ...whole(spec), ...to }).text
}

test('the document is what it always was: another text would restart every collector', () => {
  const { configName, text, channels } = shardDocument({ name: 'majors', spec: specOf(FEEDS) }, whole(specOf(FEEDS)))
  expect(configName).toMatchInlineSnapshot(`"majors-0-ff8dbf726a"`)
  expect(text).toMatchInlineSnapshot(`
    "{
      "apiVersion": "marketprism.io/v1alpha1",
      "kind": "Shard",
      "metadata": {
        "name": "majors-0"
      },
      "spec": {
        "feeds": [
          {
            "exchange": "okx",
            "market": "option",
            "symbols": [
              "BTC-USD-*"
            ],
            "exclude": [
              "*-P"
            ],
            "types": [
              "ticker"
            ]
          },
          {
            "exchange": "binance",
            "market": "spot",
            "symbols": [
              "BTC-USDT",
              "ETH-USDT"
            ],
            "types": [
              "trade",
              "orderbook"
            ]
          }
        ],
        "sink": {
          "nats": {
            "servers": [
              "nats://nats:4222"
            ]
          }
        }
      },
      "part": {
        "index": 0,
        "counts": [
          1
        ]
      },
      "share": 0.5
    }
    "
  `)
  expect(channels).toEqual([
    'binance:spot:ETH-USDT:orderbook',
    'binance:spot:ETH-USDT:trade',
    'binance:spot:BTC-USDT:orderbook',
    'binance:spot:BTC-USDT:trade',
  ])
})

test('the order of feeds, symbols, types and intervals changes nothing, nor does saying what is the default', () => {
  const kline = { types: ['kline', 'trade'], options: { kline: { intervals: ['1h', '1m'] } } }
  const feeds = [...FEEDS, { exchange: 'okx', market: 'spot', symbols: ['A-B'], ...kline }]
  const shuffled = feeds.toReversed().map((feed) => ({
    ...feed,
    symbols: feed.symbols.toReversed(),
    types: feed.types.toReversed(),
    options: {
      ...('options' in feed ? { kline: { intervals: ['1m', '1h'] } } : {}),
      ...(feed.types.includes('orderbook') ? { orderbook: { depth: 400 } } : {}),
    },
    endpoints: {},
  }))
  const said = {
    sink: { nats: { ...NATS.nats, prefix: 'market', stream: { name: 'MARKET_DATA' } } },
    quality: { crossedBook: 'flag', thresholds: { aheadSeconds: 5 } },
    spool: { bytesMax: '64Mi' },
  }
  expect(textOf(specOf(shuffled, said))).toBe(textOf(specOf(feeds)))
})

test('one feed or several of the same kind are the same', () => {
  const [names, pattern] = FEEDS
  const split = names!.symbols.map((symbol) => ({ ...names, symbols: [symbol] }))
  expect(textOf(specOf([...split, pattern!]))).toBe(textOf(specOf(FEEDS)))
})

test.for<[string, object]>([
  ['what the operator does', { redundancy: 2, shards: 7, paused: true, selfHealing: { mode: 'none' } }],
  ['how pods look', { resources: { limits: { cpu: 1 } }, podLabels: { a: 'b' }, image: 'marketprism:2' }],
  ['a stream that the operator keeps', { sink: { nats: { ...NATS.nats, stream: { maxAge: '1h', replicas: 3 } } } }],
])('%s is not in it', ([, other]) => {
  expect(textOf(specOf(FEEDS, other))).toBe(textOf(specOf(FEEDS)))
})

test.for<[string, object]>([
  ['a check', { quality: { crossedBook: 'drop' } }],
  ['the spool', { spool: { bytesMax: '1Gi' } }],
  ['a Secret', { sink: { nats: { ...NATS.nats, credentialsSecret: { name: 'nats' } } } }],
  [
    'a stream that collectors keep',
    { sink: { nats: { ...NATS.nats, stream: { manage: 'collector', maxAge: '1h' } } } },
  ],
])('%s is in it', ([, other]) => {
  expect(textOf(specOf(FEEDS, other))).not.toBe(textOf(specOf(FEEDS)))
})

test('the volume of a file sink is where pods write, not what they act on', () => {
  const files = (volume: object) => specOf(FEEDS, { sink: { file: { path: 'here', ...volume } } })
  expect(textOf(files({ volume: { size: '1Gi' } }))).toBe(textOf(files({})))
  expect(textOf(specOf(FEEDS, { sink: { file: {} } }))).toContain('"file": {}')
})

test('the proxies of a shard name their Secrets', () => {
  const proxy = (name: string) => ({ proxy: { url: 'http://proxy:3128', secret: { name } } })
  const spec = specOf([
    { ...FEEDS[0], ...proxy('one') },
    { ...FEEDS[1], ...proxy('two') },
  ])
  const secrets = (to: Partial<ShardTarget>) =>
    shardDocument({ name: 'majors', spec }, { ...whole(spec), ...to }).proxySecrets
  expect(secrets({})).toEqual(['one', 'two'])
  expect(secrets({ keys: [] })).toEqual(['two'])
  expect(secrets({ counts: undefined })).toEqual(['one'])
})

test('what a pattern found and is still to be held is named, as the feed of the pattern wants it', () => {
  const spec = specOf(FEEDS)
  const keys = ['okx:option:BTC-USD-20261225-1-C', 'okx:option:BTC-USD-20261225-1-P', 'okx:spot:BTC-USD-X']
  const { feeds } = shard.parse(JSON.parse(textOf(spec, { keys, counts: undefined }))).spec
  expect(feeds).toEqual([{ exchange: 'okx', market: 'option', symbols: ['BTC-USD-20261225-1-C'], types: ['ticker'] }])
})

test('contents are read back as they were written; of anything else nothing is known', () => {
  const spec = specOf(FEEDS)
  expect(contentsOf(textOf(spec))).toMatchObject({
    keys: ['binance:spot:BTC-USDT', 'binance:spot:ETH-USDT'],
    counts: [1],
    patterns: [{ exchange: 'okx', market: 'option', symbols: ['BTC-USD-*'], exclude: ['*-P'] }],
  })
  for (const text of ['', '{', 'null', '{"kind":"Shard"}', '[]']) expect(contentsOf(text)).toBeUndefined()
})

const feeds = fc.array(
  fc.record({
    exchange: fc.constantFrom('binance', 'okx'),
    market: fc.constantFrom('spot', 'perpetual'),
    symbols: fc.uniqueArray(fc.constantFrom('A-B', 'B-B', 'C-B', 'D-B', 'E-B', '*-B'), { minLength: 1 }),
    types: fc.uniqueArray(fc.constantFrom('trade', 'orderbook', 'kline'), { minLength: 1 }),
    depth: fc.constantFrom(400, 20),
    rest: fc.constantFrom(undefined, 'http://here'),
  }),
  { minLength: 1, maxLength: 5 },
)

test('all documents together ask for what the manifest asks for, and each can be read by a pod', () => {
  fc.assert(
    fc.property(feeds, fc.integer({ min: 1, max: 4 }), (made, shards) => {
      const lists = made.map(({ depth, rest, ...feed }) => ({
        ...feed,
        ...(feed.types.includes('orderbook') ? { options: { orderbook: { depth } } } : {}),
        ...(rest === undefined ? {} : { endpoints: { rest } }),
      }))
      const { collector } = checkCollector({
        apiVersion: 'marketprism.io/v1alpha1',
        kind: 'Collector',
        metadata: { name: 'majors' },
        spec: { feeds: lists, sink: NATS },
      })
      fc.pre(collector !== undefined)
      const { spec } = collector
      const targets = target({ plan: shardPlan({ spec, shards }), current: [], redundancy: 1 })
      const documents = targets.map((to) => shardDocument({ name: 'majors', spec }, to))
      const read = documents.map(({ text }) => readWork(text, 'f').work!)
      expect(new Set(read.flatMap((work) => asked(work.spec.feeds)))).toEqual(new Set(asked(spec.feeds)))
      const channels = documents.flatMap((one) => one.channels)
      expect(channels.toSorted()).toEqual(
        channelsOf(spec)
          .map(({ key }) => key)
          .toSorted(),
      )
    }),
    { numRuns: 40 },
  )
})

/** Each name and type, with all that is said of it. */
function asked(all: readonly Feed[]): string[] {
  return all.flatMap((feed) =>
    feed.symbols.flatMap((symbol) =>
      feed.types.map((type) => {
        const { exchange, market, endpoints, exclude } = feed
        const options = type === 'orderbook' ? feedOptions(feed).orderbook : {}
        const without = symbol.includes('*') ? exclude : undefined
        return JSON.stringify([exchange, market, symbol, type, options, endpoints?.rest, without])
      }),
    ),
  )
}

test('the largest Collector on one shard fits into a ConfigMap, and is read', () => {
  const types = ['trade']
  const long = (feed: number, i: number) => `${String(feed * 1_000 + i).padStart(45, 'C')}-USDT`
  const lists = Array.from({ length: 50 }, (_, feed) => ({
    exchange: 'binance',
    market: 'spot',
    symbols: Array.from({ length: 200 }, (__, i) => long(feed, i)),
    types,
  }))
  const text = textOf(specOf(lists), { counts: undefined })
  expect(text.length).toBeLessThan(1024 * 1024)
  expect(readWork(text, 'f').work?.spec.feeds.length).toBe(50)
})
