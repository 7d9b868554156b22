// What a day's collector is told to collect, and the channels that this means by the venue's own lists.
import { checkCollector } from '../../crds/faults.ts'
import type { Collector, Feed } from '../../crds/collector.ts'
import { TYPES_OF_MARKET } from '../../crds/feed.ts'
import type { DataType, ExchangeName, Market } from '../../crds/names.ts'
import { roomOf } from '../../collector/exchanges/registry.ts'
import type { Listing, Room } from '../../collector/exchanges/room.ts'
import { planOf, type Wanted } from '../../collector/plan.ts'
import type { Venue } from '../exchange/venue.ts'

/** A market as a manifest names it. */
export interface FeedPlan {
  readonly market: Market
  readonly types: readonly DataType[]
  readonly depth: number
  readonly snapshotSeconds: number
}

/** All that the venue offers on its markets. */
export function wholePlan(exchange: ExchangeName, markets: readonly Market[]): FeedPlan[] {
  return markets.map((market) => ({
    market,
    types: TYPES_OF_MARKET[market].filter((type) => roomFor(exchange, market).types[type] !== undefined),
    depth: 20,
    snapshotSeconds: 30,
  }))
}

export function roomFor(exchange: ExchangeName, market: Market): Room {
  const room = roomOf(exchange, market)
  if (room === undefined) throw new Error(`no room for ${exchange} ${market}`)
  return room
}

/** The manifest as a user writes it. */
export function collectorOf(exchange: ExchangeName, feeds: readonly FeedPlan[], spoolBytes: string): Collector {
  const { collector, faults } = checkCollector({
    apiVersion: 'marketprism.io/v1alpha1',
    kind: 'Collector',
    metadata: { name: 'days' },
    spec: {
      feeds: feeds.map((feed) => feedOf(exchange, feed)),
      sink: { file: { path: 'nowhere' } },
      spool: { bytesMax: spoolBytes },
    },
  })
  if (collector === undefined) throw new Error(JSON.stringify(faults))
  return collector
}

function feedOf(exchange: ExchangeName, { market, types, depth, snapshotSeconds }: FeedPlan): object {
  return {
    exchange,
    market,
    symbols: ['*-*'],
    types,
    endpoints: { websocket: `ws://${market}.${exchange}.test`, rest: `http://${market}.${exchange}.test` },
    options: {
      ...(types.includes('orderbook') && { orderbook: { depth, snapshotSeconds } }),
      // Two series that share a subject.
      ...(types.includes('kline') && { kline: { intervals: ['1m', '5m'] } }),
    },
  }
}

/** A channel that is collected, with what it means on the wire. */
export interface Wished {
  readonly wanted: Wanted
  readonly room: Room
  /** Path and name of its stream; undefined where it is asked for. */
  readonly stream: { readonly path: string; readonly name: string } | undefined
  /** Path of its question. */
  readonly query: string | undefined
}

/** The channels of a market, read from the venue without its faults. */
export async function wishesOf(exchange: ExchangeName, plan: FeedPlan, venue: Venue): Promise<Wished[]> {
  const room = roomFor(exchange, plan.market)
  const listings = await listingsOf(room, venue)
  const { feeds } = collectorOf(exchange, [plan], '1Mi').spec
  const known = { room, listings, isWhole: true, taken: new Set<string>() }
  return planOf(feeds as Feed[], known).wanted.map((wanted) => {
    const typeRoom = room.types[wanted.type]
    if (typeRoom?.via === 'rest') {
      return { wanted, room, stream: undefined, query: typeRoom.query(wanted.listing, wanted.options).path }
    }
    const stream = typeRoom?.stream(wanted.listing, wanted.options)
    return { wanted, room, stream, query: undefined }
  })
}

async function listingsOf(room: Room, venue: Venue): Promise<Map<string, Listing>> {
  const listings = new Map<string, Listing>()
  const waiting = [...room.instruments.queries]
  for (let query = waiting.shift(); query !== undefined; query = waiting.shift()) {
    const { body } = await venue.answer({ method: 'GET', url: new URL(query.path, 'http://venue.test') })
    const read = room.instruments.read(Buffer.from(body), query)
    if (read === undefined) throw new Error(`${query.path} gives no list: ${body.slice(0, 200)}`)
    for (const listing of read.listings) {
      if (listings.get(listing.symbol)?.status !== 'trading') listings.set(listing.symbol, listing)
    }
    waiting.push(...(read.more ?? []))
  }
  return listings
}
