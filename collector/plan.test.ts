import { describe, expect, it } from 'vitest'
import type { Feed } from '../crds/collector.ts'
import type { Listing } from './exchanges/room.ts'
import { type Known, planOf } from './plan.ts'
import { listingOf } from '../test/support/intake.ts'
import { madeUp } from '../test/support/madeup.ts'

const LISTED: readonly Listing[] = [
  listingOf('BTC-USD', 'BTCUSD'),
  listingOf('ETH-USD', 'ETHUSD'),
  listingOf('SOL-USD', 'SOLUSD'),
  { ...listingOf('NEW-USD', 'NEWUSD'), status: 'pre_open' },
  { ...listingOf('OLD-USD', 'OLDUSD'), status: 'delisted' },
]

const KNOWN: Known = {
  room: madeUp,
  listings: new Map(LISTED.map((listing) => [listing.symbol, listing])),
  isWhole: true,
  taken: new Set(),
}

interface Row {
  readonly feed: Partial<Feed>
  readonly known?: Partial<Known>
  readonly wanted?: readonly string[]
  readonly absent?: readonly string[]
  readonly unmatched?: readonly string[]
}

const ROWS: Record<string, Row> = {
  'a type of a symbol is a channel': { feed: { symbols: ['BTC-USD'] }, wanted: ['BTC-USD trade'] },
  'candles are one for each interval': {
    feed: { symbols: ['BTC-USD'], types: ['kline'], options: { kline: { intervals: ['1m', '1h'] } } },
    wanted: ['BTC-USD kline 1m', 'BTC-USD kline 1h'],
  },
  'ratios have the period that the feed says': {
    feed: { symbols: ['BTC-USD'], types: ['lsr_all_account'], options: { longShortRatio: { period: '1h' } } },
    wanted: ['BTC-USD lsr_all_account 1h'],
  },
  'ratios have a period of five minutes by default': {
    feed: { symbols: ['BTC-USD'], types: ['lsr_all_account'] },
    wanted: ['BTC-USD lsr_all_account 5m'],
  },
  'an interval that the venue does not have is refused, and the nearest named': {
    feed: { symbols: ['BTC-USD'], types: ['kline'], options: { kline: { intervals: ['1m', '4h'] } } },
    wanted: ['BTC-USD kline 1m'],
    absent: ['BTC-USD kline 4h: kraken has no kline of 4h; the nearest is 1h'],
  },
  'near is meant as a ratio: half a day is nearer to a day than to an hour': {
    feed: { symbols: ['BTC-USD'], types: ['kline'], options: { kline: { intervals: ['12h'] } } },
    absent: ['BTC-USD kline 12h: kraken has no kline of 12h; the nearest is 1d'],
  },
  'a period that the venue does not have is refused, and the nearest named': {
    feed: { symbols: ['BTC-USD'], types: ['lsr_all_account'], options: { longShortRatio: { period: '2h' } } },
    absent: ['BTC-USD lsr_all_account 2h: kraken has no lsr_all_account of 2h; the nearest is 1h'],
  },
  'a type that the venue has for some symbols is refused for others by name': {
    feed: { symbols: ['BTC-USD', 'SOL-USD'], types: ['volatility_index'] },
    wanted: ['BTC-USD volatility_index'],
    absent: [
      "SOL-USD volatility_index: kraken has no volatility_index of SOL-USD in its perpetual market; only 'BTC-USD' or " +
        "'ETH-USD' has it",
    ],
  },
  'a pattern takes those that have the type, and says nothing of the others': {
    feed: { symbols: ['*-USD'], types: ['volatility_index'] },
    wanted: ['BTC-USD volatility_index', 'ETH-USD volatility_index'],
  },
  'a pattern of which no symbol has the type is told': {
    feed: { symbols: ['SOL-*'], types: ['volatility_index', 'trade'] },
    wanted: ['SOL-USD trade'],
    unmatched: [
      "kraken has no volatility_index of SOL-USD in its perpetual market; only 'BTC-USD' or 'ETH-USD' has it",
    ],
  },
  'a type that the venue does not have at all is refused': {
    feed: { symbols: ['BTC-USD'], types: ['lsr_top_position', 'trade'] },
    wanted: ['BTC-USD trade'],
    absent: ['BTC-USD lsr_top_position 5m: kraken has no lsr_top_position in its perpetual market'],
  },
  'and told where only patterns ask for it': {
    feed: { symbols: ['BTC-*'], types: ['lsr_top_position'] },
    unmatched: ['kraken has no lsr_top_position in its perpetual market'],
  },
  'a symbol that is not listed is refused for each type': {
    feed: { symbols: ['BTC-UDS', 'BTC-USD'] },
    wanted: ['BTC-USD trade'],
    absent: ['BTC-UDS trade: not listed by the venue; did you mean BTC-USD?'],
  },
  'a symbol that may be in a list that is not there waits': {
    feed: { symbols: ['BTC-UDS', 'BTC-USD'] },
    known: { isWhole: false },
    wanted: ['BTC-USD trade'],
    absent: ["BTC-UDS trade waits: the venue's list of instruments is being loaded"],
  },
  'a symbol that is delisted is refused': {
    feed: { symbols: ['OLD-USD'] },
    absent: ['OLD-USD trade: delisted by the venue'],
  },
  'a symbol that is to be opened is taken already, by name or pattern': {
    feed: { symbols: ['NEW-*'] },
    wanted: ['NEW-USD trade'],
  },
}

describe('the part of a shard', () => {
  const feed = { exchange: 'kraken', market: 'perpetual', symbols: ['*-USD'], types: ['trade', 'kline'] } as Feed
  const wanted = (symbols: string[], part: Known['part']) =>
    planOf([{ ...feed, symbols }], { ...KNOWN, part }).wanted.map(({ listing, type }) => `${listing.symbol} ${type}`)

  it('is whole symbols, and all parts together are what the pattern finds', () => {
    const parts = [0, 1, 2].map((index) => wanted(['*-USD'], { index, counts: [3] }))
    expect(parts.flat().toSorted()).toEqual(wanted(['*-USD'], undefined).toSorted())
    expect(parts.filter(({ length }) => length % 2 === 1)).toEqual([])
    expect(parts.filter(({ length }) => length === 0).length).toBeLessThan(2)
  })

  it('is what falls to it by any of its numbers', () => {
    expect(wanted(['*-USD'], { index: 0, counts: [3, 1] })).toEqual(wanted(['*-USD'], undefined))
    expect(wanted(['*-USD'], { index: 3, counts: [3] })).toEqual([])
  })

  it('does not take away what is named, nor is that found', () => {
    const part = { index: 3, counts: [3] }
    const plan = planOf([{ ...feed, symbols: ['*-USD', 'BTC-USD'] }], { ...KNOWN, part })
    expect(plan.wanted.map(({ listing, type, isFound }) => [listing.symbol, type, isFound])).toEqual([
      ['BTC-USD', 'trade', false],
      ['BTC-USD', 'kline', false],
    ])
  })

  it('says nothing of what other shards have: types are looked for among all that the pattern finds', () => {
    const types: Feed['types'] = ['volatility_index']
    const plans = [0, 1, 2].map((index) => planOf([{ ...feed, types }], { ...KNOWN, part: { index, counts: [3] } }))
    expect(plans.flatMap(({ unmatched }) => unmatched)).toEqual([])
  })
})

describe('the channels that a feed means', () => {
  it.each(Object.entries(ROWS))('%s', (_, { feed, known = {}, wanted = [], absent = [], unmatched = [] }) => {
    const whole = { exchange: 'kraken', market: 'perpetual', symbols: [], types: ['trade'], ...feed } as Feed
    const plan = planOf([whole], { ...KNOWN, ...known })
    const lengthOf = (length: string | undefined) => (length === undefined ? '' : ` ${length}`)
    const names = plan.wanted.map(({ listing, type, options }) => {
      return `${listing.symbol} ${type}${lengthOf(options.interval ?? options.period)}`
    })
    const refusals = plan.absent.map(({ symbol, type, interval, why, isFinal }) => {
      return `${symbol} ${type}${lengthOf(interval)}${isFinal ? '' : ' waits'}: ${why}`
    })
    expect({ names, refusals, unmatched: plan.unmatched }).toEqual({ names: wanted, refusals: absent, unmatched })
  })
})
