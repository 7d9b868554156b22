import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { CollectorSpec, Feed } from '../../crds/collector.ts'
import { checkCollector } from '../../crds/faults.ts'
import { rendezvous } from '../../crds/rendezvous.ts'
import { contentsOf, shardDocument } from './config.ts'
import { channelsOf, type CurrentShard, shardPlan, type ShardPlan, shareOf, wantedShards } from './shards.ts'

const names = (count: number, from = 0) => Array.from({ length: count }, (_, i) => `C${from + i}-USDT`)

function feed(symbols: readonly string[], other: Partial<Feed> = {}): Feed {
  return { exchange: 'binance', market: 'perpetual', symbols: [...symbols], types: ['trade'], ...other }
}

function specOf(feeds: readonly Feed[], other: object = {}): CollectorSpec {
  const manifest = {
    apiVersion: 'marketprism.io/v1alpha1',
    kind: 'Collector',
    metadata: { name: 'majors' },
    spec: { feeds, sink: { stdout: {} }, ...other },
  }
  const { collector, faults } = checkCollector(manifest)
  if (collector === undefined) throw new Error(faults.map(({ says }) => says).join(' '))
  return collector.spec
}

/** Shards that hold what is planned, all live. */
function settled(plan: ShardPlan, spec: CollectorSpec): CurrentShard[] {
  return plan.wanted.map((_, index) => {
    const to = { index, keys: [...(plan.wanted[index] ?? [])], counts: plan.hasPatterns ? [plan.shards] : undefined }
    const { text } = shardDocument({ name: 'majors', spec }, { ...to, share: 1, isLeaving: false })
    return { index, ...contentsOf(text)!, isLive: true }
  })
}

function placesOf({ wanted }: ShardPlan): Map<string, number> {
  return new Map(wanted.flatMap((keys, shard) => [...keys].map((key) => [key, shard] as const)))
}

describe('channelsOf', () => {
  test('names each channel once, with its interval where it has one, by the feed that named it first', () => {
    const channels = channelsOf({
      feeds: [
        feed(['BTC-USDT', '*-USDC'], { types: ['trade', 'kline'], options: { kline: { intervals: ['1m', '1h'] } } }),
        feed(['BTC-USDT'], { types: ['kline', 'lsr_all_account'] }),
      ],
    })
    expect(channels.map(({ feed: index, key, weight }) => `${index} ${key} ${weight}`)).toEqual([
      '0 binance:perpetual:BTC-USDT:trade 3',
      '0 binance:perpetual:BTC-USDT:kline:1m 1',
      '0 binance:perpetual:BTC-USDT:kline:1h 1',
      '1 binance:perpetual:BTC-USDT:lsr_all_account:5m 1',
    ])
  })
})

describe('shardPlan', () => {
  test('places each instrument once, and fills no shard beyond 1.1 of the mean and one instrument', () => {
    const feeds = fc.array(fc.record({ count: fc.integer({ min: 1, max: 60 }), heavy: fc.boolean() }), {
      minLength: 1,
      maxLength: 4,
    })
    fc.assert(
      fc.property(feeds, fc.integer({ min: 1, max: 20 }), (sizes, shards) => {
        const spec = specOf(
          sizes.map(({ count, heavy }, i) =>
            feed(names(count, i * 100), { types: heavy ? ['orderbook'] : ['ticker'] }),
          ),
        )
        const plan = shardPlan({ spec, shards })
        const weights = channelsOf(spec)
        const all = plan.wanted.flatMap((keys) => [...keys])
        expect(all.toSorted()).toEqual([...new Set(weights.map(({ instrument }) => instrument))].toSorted())
        const total = weights.reduce((sum, { weight }) => sum + weight, 0)
        const heaviest = Math.max(...weights.map(({ weight }) => weight))
        for (const keys of plan.wanted) {
          const load = weights.reduce((sum, { instrument, weight }) => sum + (keys.has(instrument) ? weight : 0), 0)
          expect(load).toBeLessThanOrEqual((total / shards) * 1.1 + heaviest)
        }
      }),
      { numRuns: 60 },
    )
  })

  test('500 channels on 10 shards: the fullest has 1.1 of the mean', () => {
    const spec = specOf([feed(names(200)), feed(names(200, 200)), feed(names(100, 400))])
    const sizes = shardPlan({ spec, shards: 10 }).wanted.map(({ size }) => size)
    expect(Math.max(...sizes)).toBeLessThanOrEqual(55)
  })

  test('as many equal instruments as shards leave none idle', () => {
    const plan = shardPlan({ spec: specOf([feed(names(4))]), shards: 4 })
    expect(plan.wanted.map(({ size }) => size)).toEqual([1, 1, 1, 1])
  })

  test('one more symbol, of however many types, touches one shard', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 80 }),
        fc.integer({ min: 1, max: 12 }),
        fc.nat(500),
        (count, shards, seed) => {
          const types: Feed['types'] = ['trade', 'orderbook', 'ticker']
          const spec = specOf([feed(names(count), { types })])
          const before = shardPlan({ spec, shards })
          const more = specOf([feed([...names(count), `N${seed}-USDT`], { types })])
          const after = shardPlan({ spec: more, shards, current: settled(before, spec) })
          const touched = after.wanted.filter(
            (keys, i) => [...keys].toSorted().join() !== [...before.wanted[i]!].toSorted().join(),
          )
          expect(touched.length).toBe(1)
        },
      ),
      { numRuns: 60 },
    )
  })

  test('one more shard takes about its part, to itself only; one less moves only what it had', () => {
    const spec = specOf([feed(names(200)), feed(names(200, 200)), feed(names(100, 400))])
    for (const shards of [2, 5, 10, 25]) {
      const before = shardPlan({ spec, shards })
      const grown = shardPlan({ spec, shards: shards + 1, current: settled(before, spec) })
      const moved = [...placesOf(grown)].filter(([key, shard]) => placesOf(before).get(key) !== shard)
      expect(new Set(moved.map(([, shard]) => shard))).toEqual(new Set([shards]))
      expect(moved.length).toBeGreaterThan((0.6 * 500) / (shards + 1))
      expect(moved.length).toBeLessThanOrEqual((1.1 * 500) / (shards + 1))
      const shrunk = shardPlan({ spec, shards: shards - 1, current: settled(before, spec) })
      const stayed = [...placesOf(before)].filter(([, shard]) => shard < shards - 1)
      expect(stayed.filter(([key, shard]) => placesOf(shrunk).get(key) !== shard)).toEqual([])
    }
  })

  test('the order of feeds, symbols and types changes nothing', () => {
    const feeds = [
      feed(names(30), { types: ['trade', 'orderbook'] }),
      feed(names(20, 10), { types: ['kline'] }),
      feed(['*-USDC', 'C1-USDT'], { exchange: 'okx' }),
    ]
    const before = placesOf(shardPlan({ spec: specOf(feeds), shards: 5 }))
    const shuffled = feeds
      .toReversed()
      .map((one) => ({ ...one, symbols: one.symbols.toReversed(), types: one.types.toReversed() }))
    expect(placesOf(shardPlan({ spec: specOf(shuffled), shards: 5 }))).toEqual(before)
  })

  test('what is named and found by a pattern goes where the pods split it to', () => {
    const plan = shardPlan({ spec: specOf([feed(['*-USDT']), feed(names(40), { types: ['kline'] })]), shards: 4 })
    expect([...placesOf(plan)]).toEqual([...placesOf(plan).keys()].map((key) => [key, rendezvous(key, 4)]))
  })
})

describe('wantedShards', () => {
  const min = 60_000
  const spec = (count: number, other: object = {}, symbols: string[] = []) =>
    specOf(
      [feed([...names(Math.min(count, 150)), ...symbols]), ...(count > 150 ? [feed(names(count - 150, 150))] : [])],
      {
        sharding: { channelsPerShard: 50 },
        ...other,
      },
    )

  test.for([
    ['what the manifest says', spec(10, { shards: 7 }), 2, 0, 0, 7],
    ['as many as are needed at first', spec(120), 0, 0, 0, 3],
    ['at least one', spec(0, {}, ['*-USDT']), 0, undefined, 0, 1],
    ['a little more than they should carry', spec(55), 1, 0, Infinity, 1],
    ['more than 110 %', spec(56), 1, 0, Infinity, 2],
    ['more than 110 %, but soon after a change', spec(56), 1, 0, 9 * min, 1],
    ['a little less', spec(105), 3, 0, Infinity, 3],
    ['less than 70 %', spec(99), 3, 0, Infinity, 2],
    ['less than 70 %, but soon after a change', spec(99), 3, 0, 9 * min, 3],
    ['patterns find more', spec(40, {}, ['*-USDC']), 1, 200, Infinity, 5],
    ['what patterns find is not known', spec(40, {}, ['*-USDC']), 5, undefined, Infinity, 5],
    [
      'no more than instruments',
      specOf([feed(['A-B'], { types: ['trade', 'ticker'] })], { sharding: { channelsPerShard: 1 } }),
      0,
      0,
      0,
      1,
    ],
    ['no more than there can be', spec(40, {}, ['*-USDC']), 1, 900_000, Infinity, 100],
  ] as const)('%s', ([, of, current, patternChannels, sinceMs, wanted]) => {
    expect(wantedShards(of, current, patternChannels, sinceMs)).toBe(wanted)
  })

  test('one listing more or less never adds and drops a shard by turns', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 3000 }), fc.integer({ min: 0, max: 60 }), (found, shards) => {
        const of = spec(0, {}, ['*-USDT'])
        let current = shards
        const seen = new Set<number>()
        for (const channels of [found, found + 1, found, found + 1, found]) {
          current = wantedShards(of, current, channels, Infinity)
          seen.add(current)
        }
        expect(wantedShards(of, current, found + 1, Infinity)).toBe(current)
        expect(seen.size).toBeLessThanOrEqual(2)
      }),
    )
  })
})

test('shareOf leaves room for a pod that comes up while another goes, and rarely changes', () => {
  expect([1, 3, 4, 7, 100].map((shards) => 1 / shareOf(shards, 1))).toEqual([2, 4, 8, 8, 128])
  expect(1 / shareOf(3, 2)).toBe(8)
})
