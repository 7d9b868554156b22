// The plan of shards: how many, which instrument goes where, and what each must hold now so that none is ever without a
// home. Pure.
//
// What is placed is an instrument (`exchange:market:symbol`), with all its types: one more symbol touches one shard, and a
// book and its ticker are compared in one pod. What is named is placed here, by rendezvous with bounded load; what only
// patterns find is split by plain rendezvous inside the pods (crds/rendezvous.ts), and what is named and found, too.
//
// Always: an instrument stays where it is unless its shard goes or a new shard ranks higher for it, so the plan follows
// from the manifest and from the documents in the cluster, never from memory, and is the same at every step of a change.
// Always: what moves is live at its new shard before the old one drops it, and each shard changes at most twice.
// Start reading at `target`.
import type { CollectorSpec, Feed } from '../../crds/collector.ts'
import { SHARDS_MAX } from '../../crds/collector.ts'
import { feedOptions } from '../../crds/feed.ts'
import { finder, isPattern } from '../../crds/pattern.ts'
import type { DataType } from '../../crds/names.ts'
import { channelKey, instrumentKey, rendezvous, scores } from '../../crds/rendezvous.ts'

type Spec = Pick<CollectorSpec, 'feeds'>

/** Declared and not measured, so that the plan does not depend on the weather. */
const WEIGHTS: Partial<Record<DataType, number>> = { orderbook: 10, trade: 3, ticker: 2 }
const WEIGHT_OF_OTHERS = 1

/** A shard that takes in instruments is filled to so much of the mean. */
const LOAD_MAX = 1.1
/** A derived number of shards grows above, and shrinks below, so much of what they are meant to carry. */
const GROW_ABOVE = 1.1
const SHRINK_BELOW = 0.7
const CHANGE_EVERY_MS = 10 * 60_000

/** A channel that a feed names. */
export interface NamedChannel {
  /** Position of the first feed that names it. */
  readonly feed: number
  /** Of what it is placed with, see {@link instrumentKey}. */
  readonly instrument: string
  /** See {@link channelKey}. */
  readonly key: string
  readonly weight: number
}

/** Patterns of a feed, and where they look. */
export interface Patterns extends Pick<Feed, 'exchange' | 'market' | 'symbols'> {
  readonly exclude?: readonly string[] | undefined
}

/** What a shard's document in the cluster says, and whether its pods do it. */
export interface CurrentShard {
  readonly index: number
  /** Instruments that it names. */
  readonly keys: readonly string[]
  /** Numbers of shards by which it splits what its patterns find; empty without patterns. */
  readonly counts: readonly number[]
  readonly patterns: readonly Patterns[]
  /** Whether every publisher runs this very document and is ready. */
  readonly isLive: boolean
}

/** Where each instrument is to be in the end. */
export interface ShardPlan {
  readonly shards: number
  /** Instruments that feeds name, by shard. */
  readonly wanted: readonly ReadonlySet<string>[]
  readonly hasPatterns: boolean
  /** Whether patterns find this instrument. */
  readonly finds: (instrument: string) => boolean
}

/** What a shard's document is to hold now. */
export interface ShardTarget {
  readonly index: number
  /** Instruments to name, in order. */
  readonly keys: readonly string[]
  /** Undefined without patterns. */
  readonly counts: readonly number[] | undefined
  /** Its pods' part of what venues allow one address. */
  readonly share: number
  /** Not wanted any more; it stays until what it holds is live elsewhere. */
  readonly isLeaving: boolean
}

/** The channels that feeds name, each once; those that patterns find are known to the pods only. */
export function channelsOf({ feeds }: Spec): NamedChannel[] {
  const channels = new Map<string, NamedChannel>()
  feeds.forEach((feed, index) => {
    for (const symbol of feed.symbols) {
      if (isPattern(symbol)) continue
      const instrument = instrumentKey({ ...feed, symbol })
      for (const type of feed.types) {
        for (const key of keysOf(feed, symbol, type)) {
          const weight = WEIGHTS[type] ?? WEIGHT_OF_OTHERS
          if (!channels.has(key)) channels.set(key, { feed: index, instrument, key, weight })
        }
      }
    }
  })
  return [...channels.values()]
}

function keysOf(feed: Feed, symbol: string, type: DataType): string[] {
  const { kline, longShortRatio } = feedOptions(feed)
  const channel = { ...feed, symbol, type }
  if (type === 'kline') return kline.intervals.map((interval) => channelKey({ ...channel, interval }))
  const isRatio = type === 'lsr_top_position' || type === 'lsr_all_account'
  return [channelKey(isRatio ? { ...channel, interval: longShortRatio.period } : channel)]
}

/**
 * Where the instruments of a manifest are to be, given where they are.
 * @param current what documents in the cluster say; none for a Collector that is new
 */
export function shardPlan({
  spec,
  shards,
  current = [],
}: {
  readonly spec: Spec
  readonly shards: number
  readonly current?: readonly CurrentShard[]
}): ShardPlan {
  const patterns = spec.feeds.filter(({ symbols }) => symbols.some(isPattern))
  const finds = remembered(findsAny(patterns))
  const weights = weightsOf(spec)
  const loads = Array.from({ length: shards }, () => 0)
  const wanted = Array.from({ length: shards }, () => new Set<string>())
  const put = (key: string, shard: number): void => {
    wanted[shard]?.add(key)
    loads[shard] = (loads[shard] ?? 0) + (weights.get(key) ?? 0)
  }
  const all = [...weights.values()]
  const loadMax = Math.max((sum(all) / shards) * LOAD_MAX, ...all)
  const fits = (key: string) => (shard: number) => (loads[shard] ?? 0) + (weights.get(key) ?? 0) <= loadMax
  const holderOf = holders(current, shards)
  const isNew = newShards(current, shards)
  // The heaviest first, so that they fit; keys make the order complete.
  const keys = [...weights.keys()].toSorted((a, b) => (weights.get(b) ?? 0) - (weights.get(a) ?? 0) || (a < b ? -1 : 1))
  const free: string[] = []
  const drawn: { key: string; better: number[]; holder: number }[] = []
  for (const key of keys) {
    if (finds(key)) {
      put(key, rendezvous(key, shards))
      continue
    }
    const holder = holderOf(key)
    if (holder === undefined) {
      free.push(key)
      continue
    }
    const better = isNew.size === 0 ? [] : before(ranking(key, shards), holder).filter((shard) => isNew.has(shard))
    if (better.length === 0) put(key, holder)
    else drawn.push({ key, better, holder })
  }
  for (const { key, better, holder } of drawn) put(key, better.find(fits(key)) ?? holder)
  for (const key of free) put(key, ranking(key, shards).find(fits(key)) ?? emptiest(loads))
  return { shards, wanted, hasPatterns: patterns.length > 0, finds }
}

/** Weight of each instrument that is named. */
function weightsOf(spec: Spec): Map<string, number> {
  const weights = new Map<string, number>()
  for (const { instrument, weight } of channelsOf(spec)) {
    weights.set(instrument, (weights.get(instrument) ?? 0) + weight)
  }
  return weights
}

/** The shard that holds an instrument and stays. While it moves two hold it; the new one is the one that ranks higher. */
function holders(current: readonly CurrentShard[], shards: number): (key: string) => number | undefined {
  const staying = current
    .filter(({ index }) => index < shards)
    .map((shard) => ({ index: shard.index, ...holding(shard) }))
  return (key) => {
    const holding = staying.filter(({ names, finds }) => names(key) || finds(key)).map(({ index }) => index)
    return holding.length < 2 ? holding[0] : ranking(key, shards).find((shard) => holding.includes(shard))
  }
}

interface Holding {
  readonly names: (key: string) => boolean
  /** By its patterns, as its part of what they find. */
  readonly finds: (key: string) => boolean
}

function holding({ index, keys, counts, patterns }: CurrentShard): Holding {
  const named = new Set(keys)
  const finds = findsAny(patterns)
  return {
    names: (key) => named.has(key),
    finds: (key) => counts.some((count) => rendezvous(key, count) === index) && finds(key),
  }
}

function newShards(current: readonly CurrentShard[], shards: number): Set<number> {
  const known = new Set(current.map(({ index }) => index))
  return new Set(Array.from({ length: shards }, (_, shard) => shard).filter((shard) => !known.has(shard)))
}

/** Shards, the one that an instrument would rather go to first. */
function ranking(key: string, shards: number): number[] {
  const score = scores(key, shards)
  return [...score.keys()].toSorted((a, b) => (score[b] ?? 0) - (score[a] ?? 0))
}

function before(ranked: readonly number[], shard: number): number[] {
  return ranked.slice(0, ranked.indexOf(shard))
}

function emptiest(loads: readonly number[]): number {
  return loads.indexOf(Math.min(...loads))
}

/** Whether patterns of one of the feeds find an instrument. */
function findsAny(feeds: readonly Patterns[]): (key: string) => boolean {
  const byMarket = new Map<string, ((symbol: string) => boolean)[]>()
  for (const feed of feeds) {
    const market = instrumentKey({ ...feed, symbol: '' })
    byMarket.set(market, [...(byMarket.get(market) ?? []), finder(feed.symbols, feed.exclude)])
  }
  return (key) => {
    const symbol = key.lastIndexOf(':') + 1
    return byMarket.get(key.slice(0, symbol))?.some((matches) => matches(key.slice(symbol))) === true
  }
}

function remembered(finds: (key: string) => boolean): (key: string) => boolean {
  const known = new Map<string, boolean>()
  return (key) => {
    const found = known.get(key) ?? finds(key)
    known.set(key, found)
    return found
  }
}

/**
 * What the document of each shard is to hold now, on the way from what is to what is planned. A shard that is not in the
 * answer is to go.
 */
export function target({
  plan,
  current,
  redundancy,
}: {
  readonly plan: ShardPlan
  readonly current: readonly CurrentShard[]
  readonly redundancy: number
}): ShardTarget[] {
  const byIndex = new Map(current.map((shard) => [shard.index, { ...shard, ...holding(shard) }]))
  const home = homes(plan)
  const isSplit = !plan.hasPatterns || isSplitLive(plan.shards, byIndex)
  const isLiveAtHome = (key: string): boolean => {
    const there = byIndex.get(home(key) ?? -1)
    return there !== undefined && there.isLive && (there.names(key) || there.finds(key))
  }
  const shards = [...new Set([...plan.wanted.keys(), ...byIndex.keys()])]
    .toSorted((a, b) => a - b)
    .map((index) => {
      const now = byIndex.get(index)
      return { index, now, leaving: now === undefined ? [] : leavingFrom(now, plan, home) }
    })
    // One that is to go and has nothing that others must take over first goes at once.
    .filter(({ index, leaving }) => index < plan.shards || leaving.length > 0 || plan.hasPatterns)
  // Those that stay give up what moves, and take a larger share, when those that go are gone. Were both done at once, an
  // operator that died in between would be followed by one that takes it back, since what has just changed is not live.
  const areGone = shards.every(({ index }) => index < plan.shards)
  const share = shareOf(shards.length, redundancy)
  return shards.flatMap(({ index, now, leaving }) => {
    // All at once, so that no shard changes more than twice.
    const isHeld = isSplit && leaving.every(isLiveAtHome)
    const isLeaving = index >= plan.shards
    if (isLeaving && isHeld) return []
    const isDone = isHeld && areGone
    const keys = [...(plan.wanted[index] ?? []), ...(isDone ? [] : leaving)].toSorted()
    const count = plan.hasPatterns ? countOf(index, plan.shards, isDone ? [] : (now?.counts ?? [])) : undefined
    return [{ index, keys, counts: count === undefined ? undefined : [count], isLeaving, share }]
  })
}

/** Where an instrument is to be; undefined for one that is not wanted. */
function homes({ wanted, shards, finds }: ShardPlan): (key: string) => number | undefined {
  const named = new Map(wanted.flatMap((keys, shard) => [...keys].map((key) => [key, shard] as const)))
  return (key) => named.get(key) ?? (finds(key) ? rendezvous(key, shards) : undefined)
}

/** What a shard holds that is to be elsewhere. */
function leavingFrom(
  now: CurrentShard & Holding,
  plan: ShardPlan,
  home: (key: string) => number | undefined,
): string[] {
  const isElsewhere = (key: string): boolean => ![undefined, now.index].includes(home(key))
  // What patterns found is named from now on; the numbers of shards see to what they still find.
  const found = plan.wanted.flatMap((keys, shard) =>
    shard === now.index ? [] : [...keys].filter((key) => !now.names(key) && !plan.finds(key) && now.finds(key)),
  )
  return [...now.keys.filter(isElsewhere), ...found]
}

/**
 * Whether all that patterns find is live where `shards` put it. A shard that splits by fewer shards holds that, too: with
 * one more, a shard only loses.
 */
function isSplitLive(shards: number, current: ReadonlyMap<number, CurrentShard>): boolean {
  return Array.from({ length: shards }, (_, index) => current.get(index)).every(
    (shard, index) => shard?.isLive === true && shard.counts.some((count) => index < count && count <= shards),
  )
}

/** The number of shards to split by: the smallest, which finds the most, as long as anything is on its way. */
function countOf(index: number, shards: number, counts: readonly number[]): number | undefined {
  const valid = [...counts, shards].filter((count) => index < count)
  return valid.length === 0 ? undefined : Math.min(...valid)
}

/**
 * The part of what venues allow one address that is one pod's, with room for one more that comes up while another goes.
 * A power of two, so that one shard more or less rarely changes the others.
 */
export function shareOf(shards: number, redundancy: number): number {
  return 2 ** -Math.ceil(Math.log2(shards * redundancy + 1))
}

/**
 * The number of shards: what the manifest says, or what its channels need.
 * @param current shards that there are; 0 for a Collector that is new
 * @param patternChannels channels that only patterns find, as pods count them; undefined while that is not known
 * @param sinceMs time since the number changed last
 */
export function wantedShards(
  spec: Pick<CollectorSpec, 'feeds' | 'shards' | 'sharding'>,
  current: number,
  patternChannels: number | undefined,
  sinceMs: number,
): number {
  if (spec.shards !== undefined) return spec.shards
  const named = channelsOf(spec)
  const channels = named.length + (patternChannels ?? 0)
  const { channelsPerShard } = spec.sharding
  const hasPatterns = spec.feeds.some(({ symbols }) => symbols.some(isPattern))
  // More shards than instruments would stand idle.
  const useful = hasPatterns ? SHARDS_MAX : new Set(named.map(({ instrument }) => instrument)).size
  const needed = Math.max(1, Math.min(Math.ceil(channels / channelsPerShard), useful, SHARDS_MAX))
  if (current === 0) return needed
  if (needed === current || sinceMs < CHANGE_EVERY_MS) return current
  const load = channels / (current * channelsPerShard)
  if (needed > current) return load > GROW_ABOVE ? needed : current
  const isKnown = !hasPatterns || patternChannels !== undefined
  return isKnown && load < SHRINK_BELOW ? needed : current
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0)
}
