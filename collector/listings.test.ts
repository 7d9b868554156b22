import { describe, expect, it } from 'vitest'
import { VirtualClock, settle } from './connection/clock.ts'
import type { Listing, Query } from './exchanges/room.ts'
import { Listings } from './listings.ts'
import { listingOf } from '../test/support/intake.ts'

const MAIN: Query = { path: '/main', weight: 1 }
const OTHER: Query = { path: '/other', weight: 1, host: 'other' }

type Answer = readonly Listing[] | 'refused'

class Stage {
  readonly clock = new VirtualClock()
  readonly faults: string[] = []
  readonly ended = new AbortController()
  lists = 0
  asked = 0
  readonly answers = new Map<string, Answer>()
  readonly listings: Listings

  constructor(main: Answer, other: Answer) {
    this.answers.set(MAIN.path, main)
    this.answers.set(OTHER.path, other)
    this.listings = new Listings({
      queries: [MAIN, OTHER],
      load: ({ path }) => {
        this.asked += 1
        const answer = this.answers.get(path) ?? 'refused'
        return answer === 'refused' ? Promise.reject(new Error('answered 503')) : Promise.resolve(answer)
      },
      clock: this.clock,
      random: () => 0.5,
      signal: this.ended.signal,
      onFault: ({ path }, error) => this.faults.push(`${path} ${error}`),
      onList: () => (this.lists += 1),
    })
  }

  get symbols(): string[] {
    return [...this.listings.all.keys()].toSorted()
  }
}

const BTC = listingOf('BTC-USDT', 'BTCUSDT')
const COIN = { ...listingOf('BTC-USD', 'BTCUSD_PERP'), host: 'other' }

describe('lists of instruments', () => {
  it('are one table', async () => {
    const stage = new Stage([BTC], [COIN])
    await stage.listings.known()
    await settle()
    expect([stage.symbols, stage.listings.isWhole]).toEqual([['BTC-USD', 'BTC-USDT'], true])
  })

  it('do not wait for one that cannot be had, which is tried until it is there', async () => {
    const stage = new Stage([BTC], 'refused')
    await stage.listings.known()
    expect([stage.symbols, stage.listings.isWhole]).toEqual([['BTC-USDT'], false])
    await stage.clock.advance(10_000)
    expect(stage.faults.length).toBeGreaterThan(3)
    expect(new Set(stage.faults)).toEqual(new Set(['/other answered 503']))
    stage.answers.set(OTHER.path, [COIN])
    const { lists } = stage
    await stage.clock.advance(60_000)
    expect([stage.symbols, stage.listings.isWhole, stage.lists - lists]).toEqual([['BTC-USD', 'BTC-USDT'], true, 1])
    expect(stage.clock.waiting).toBe(0)
  })

  it('are not asked for twice at once', async () => {
    const stage = new Stage('refused', 'refused')
    void stage.listings.known()
    void stage.listings.known()
    await settle()
    expect(stage.asked).toBe(2)
  })

  it('are loaded anew, and a list that fails then is as it was until it is there', async () => {
    const stage = new Stage([BTC], [COIN])
    await stage.listings.known()
    await settle()
    stage.answers.set(MAIN.path, [BTC, listingOf('ETH-USDT', 'ETHUSDT')])
    stage.answers.set(OTHER.path, 'refused')
    await stage.listings.refresh()
    expect([stage.symbols, stage.listings.isWhole]).toEqual([['BTC-USD', 'BTC-USDT', 'ETH-USDT'], true])
    stage.answers.set(OTHER.path, [{ ...COIN, status: 'delisted' }])
    await stage.clock.advance(60_000)
    expect(stage.listings.all.get('BTC-USD')?.status).toBe('delisted')
  })

  it('that come empty where there were instruments are no lists', async () => {
    const stage = new Stage([BTC], [COIN])
    await stage.listings.known()
    await settle()
    stage.answers.set(MAIN.path, [])
    await stage.listings.refresh()
    expect(stage.symbols).toEqual(['BTC-USD', 'BTC-USDT'])
    expect(stage.faults).toEqual(['/main answered with an empty list'])
  })

  it('may be empty from the beginning', async () => {
    const stage = new Stage([BTC], [])
    await stage.listings.known()
    await settle()
    expect(stage.listings.isWhole).toBe(true)
  })

  it('may name one symbol twice: the one that is traded is meant', async () => {
    const old: Listing = { ...listingOf('BTC-USDT', 'BTCUSDT_OLD'), status: 'delisted' }
    for (const list of [
      [old, BTC],
      [BTC, old],
    ]) {
      const stage = new Stage(list, [])
      await stage.listings.known()
      expect(stage.listings.all.get('BTC-USDT')?.venueSymbol).toBe('BTCUSDT')
    }
  })

  it('are given up at the end', async () => {
    const stage = new Stage('refused', 'refused')
    const known = stage.listings.known()
    await settle()
    stage.ended.abort()
    await known
    await settle()
    expect([stage.symbols, stage.clock.waiting]).toEqual([[], 0])
  })
})
