// Which channels the feeds of a market mean, by what the venue lists and its room offers. Pure.
//
// Always: what is named and cannot be is said, with why; what a pattern finds is only what there is.
import type { Feed } from '../crds/collector.ts'
import { INTERVALS, PERIODS, feedOptions } from '../crds/feed.ts'
import type { DataType } from '../crds/names.ts'
import { type Instrument, instrumentKey, rendezvous } from '../crds/rendezvous.ts'
import { either } from '../crds/schema.ts'
import type { Part } from '../crds/shard.ts'
import type { Listing, Room, TypeOptions } from './exchanges/room.ts'
import { select } from './market/symbols.ts'
import type { ChannelPlan } from './routes.ts'

/** A channel that a feed asks for. */
export interface Wanted extends ChannelPlan {
  readonly snapshotSeconds: number
  /** Whether only patterns of its feed find it. */
  readonly isFound: boolean
}

/** A channel that a feed names and that is not there. */
export interface Absent {
  readonly symbol: string
  readonly type: DataType
  readonly interval?: string
  /** For people, without a full stop. */
  readonly why: string
  /** False while it may be in a list that is not loaded. */
  readonly isFinal: boolean
}

export interface Plan {
  readonly wanted: readonly Wanted[]
  readonly absent: readonly Absent[]
  /** Sentences on types that no symbol of a feed's patterns has. */
  readonly unmatched: readonly string[]
}

/** What a plan is made from. */
export interface Known {
  readonly room: Room
  readonly listings: ReadonlyMap<string, Listing>
  /** Whether all lists are loaded. */
  readonly isWhole: boolean
  /** Symbols that are collected: patterns keep them through a halt. */
  readonly taken: ReadonlySet<string>
  /** Which part of what only patterns find is ours; undefined means all. */
  readonly part?: Part | undefined
}

const PENDING = "the venue's list of instruments is being loaded"
/** So many symbols that do have a type are named where one does not. */
const OTHERS_MAX = 3

export function planOf(feeds: readonly Feed[], known: Known): Plan {
  const plans = feeds.map((feed) => planOfFeed(feed, known))
  return {
    wanted: plans.flatMap(({ wanted }) => wanted),
    absent: plans.flatMap(({ absent }) => absent),
    unmatched: plans.flatMap(({ unmatched }) => unmatched),
  }
}

function planOfFeed(feed: Feed, known: Known): Plan {
  const { room, listings, isWhole, taken } = known
  const { listed, unlisted } = select(feed.symbols, feed.exclude, listings, taken)
  const { depth, snapshotSeconds } = feedOptions(feed).orderbook
  const named = new Set(feed.symbols)
  const isOurs = (symbol: string): boolean => falls({ ...feed, symbol }, known.part)
  const wanted: Wanted[] = []
  const absent: Absent[] = [...unlisted].flatMap(([symbol, why]) =>
    feed.types.map((type) => ({ symbol, type, why: isWhole ? why : PENDING, isFinal: isWhole })),
  )
  const unmatched: string[] = []
  for (const type of feed.types) {
    for (const options of variants(feed, type)) {
      const [found, lacking] = halves(listed, (listing) => has(room, type, listing, options))
      for (const listing of found) {
        const isFound = !named.has(listing.symbol)
        if (isFound && !isOurs(listing.symbol)) continue
        wanted.push({ listing, type, options, depth, snapshotSeconds, isFound })
      }
      const why = (symbol: string) => lackOf(known, type, symbol, options)
      const missed = lacking.filter(({ symbol }) => named.has(symbol))
      const length = intervalOf(options)
      absent.push(...missed.map(({ symbol }) => ({ symbol, type, ...length, why: why(symbol), isFinal: true })))
      const [first] = lacking
      if (first !== undefined && found.length === 0 && missed.length === 0) unmatched.push(why(first.symbol))
    }
  }
  return { wanted, absent, unmatched }
}

/** Whether what patterns find falls to this shard. */
function falls(instrument: Instrument, part: Part | undefined): boolean {
  if (part === undefined) return true
  const key = instrumentKey(instrument)
  return part.counts.some((count) => rendezvous(key, count) === part.index)
}

/** The options under which a feed wants a type: each is a channel of its own. */
function variants(feed: Feed, type: DataType): TypeOptions[] {
  const { kline, longShortRatio } = feedOptions(feed)
  if (type === 'kline') return kline.intervals.map((interval) => ({ interval }))
  return type === 'lsr_top_position' || type === 'lsr_all_account' ? [{ period: longShortRatio.period }] : [{}]
}

/** The interval or period that tells channels of one type and symbol apart. */
function intervalOf(options: TypeOptions): { interval?: string } {
  const interval = options.interval ?? options.period
  return interval === undefined ? {} : { interval }
}

function has(room: Room, type: DataType, listing: Listing, options: TypeOptions): boolean {
  const typeRoom = room.types[type]
  return typeRoom !== undefined && typeRoom.offers?.(listing, options) !== false
}

/** Why there is no such channel, and what there is instead. */
function lackOf({ room, listings }: Known, type: DataType, symbol: string, options: TypeOptions): string {
  const { exchange, market } = room
  if (room.types[type] === undefined) return `${exchange} has no ${type} in its ${market} market`
  const listing = listings.get(symbol) as Listing
  const { interval } = intervalOf(options)
  if (interval !== undefined) {
    const key = options.interval === undefined ? 'period' : 'interval'
    const lengths = key === 'interval' ? INTERVALS : PERIODS
    const offered = lengths.filter((one) => has(room, type, listing, { [key]: one }))
    const nearest = offered.toSorted((a, b) => distance(a, interval) - distance(b, interval))[0]
    if (nearest !== undefined) return `${exchange} has no ${type} of ${interval}; the nearest is ${nearest}`
  }
  const others: string[] = []
  for (const one of listings.values()) {
    if (has(room, type, one, options)) others.push(one.symbol)
    if (others.length > OTHERS_MAX) break
  }
  const only = others.length > 0 && others.length <= OTHERS_MAX ? `; only ${either(others)} has it` : ''
  return `${exchange} has no ${type} of ${symbol} in its ${market} market${only}`
}

const SECONDS: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400, w: 604_800, M: 2_592_000 }

/** How far two lengths of time are apart, as the logarithm of their ratio. */
function distance(a: string, b: string): number {
  return Math.abs(Math.log(seconds(a) / seconds(b)))
}

function seconds(length: string): number {
  return Number.parseInt(length, 10) * (SECONDS[length.at(-1) as string] as number)
}

function halves<T>(all: readonly T[], satisfies: (one: T) => boolean): [T[], T[]] {
  const yes: T[] = []
  const no: T[] = []
  for (const one of all) (satisfies(one) ? yes : no).push(one)
  return [yes, no]
}

/** Whether a channel of the one is a channel of the other: named, asked for and measured alike. */
export function isSame(a: Listing, b: Listing): boolean {
  const parts = ({ venueSymbol, host, family, sizing }: Listing) => JSON.stringify([venueSymbol, host, family, sizing])
  return parts(a) === parts(b)
}
