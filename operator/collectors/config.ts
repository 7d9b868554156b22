// The document of a shard, as its pods read it: text, and the name of the ConfigMap that holds it, which ends in the hash
// of the text. Pure.
//
// Always: the same manifest gives the same text, whatever the order of feeds, symbols and types, and whatever version of
// the operator wrote it: only what pods act on, only what is not the default, in one order. So an upgrade of the operator
// restarts no collector. Never: read for anything but the plan of shards; it is the pods' own.
import { createHash } from 'node:crypto'
import type * as z from 'zod'
import { API_VERSION, GROUP, type CollectorSpec, type Feed } from '../../crds/collector.ts'
import { feedOptions, SYMBOLS_MAX } from '../../crds/feed.ts'
import { DATA_TYPES } from '../../crds/names.ts'
import { finder, isPattern } from '../../crds/pattern.ts'
import { instrumentKey } from '../../crds/rendezvous.ts'
import { SHARD_KIND, shard, type ShardManifest } from '../../crds/shard.ts'
import { type Owner, type Shard } from '../resources/facts.ts'
import { shardName } from '../resources/labels.ts'
import { channelsOf, type CurrentShard, type ShardTarget } from './shards.ts'

type ShardFeed = ShardManifest['spec']['feeds'][number]
/** All of a feed but its symbols. */
type Manner = Omit<ShardFeed, 'symbols' | 'exclude'>

const HASH_LENGTH = 10

/** What a shard runs: its document, the name of the ConfigMap, and the channels that it names. */
export function shardDocument(owner: Pick<Owner, 'name' | 'spec'>, to: ShardTarget): Shard {
  const { spec } = owner
  const name = shardName(owner.name, to.index)
  const { counts, index, share } = to
  const { feeds, named } = feedsOf(spec, new Set(to.keys), counts !== undefined)
  const document = {
    apiVersion: `${GROUP}/${API_VERSION}`,
    kind: SHARD_KIND,
    metadata: { name },
    spec: { feeds, ...settingsOf(spec) },
    ...(counts === undefined ? {} : { part: { index, counts } }),
    share,
  }
  const text = `${JSON.stringify(document, undefined, 2)}\n`
  const hash = createHash('sha256').update(text).digest('hex').slice(0, HASH_LENGTH)
  const proxySecrets = feeds.flatMap(({ proxy }) => proxy?.secret?.name ?? [])
  return {
    index,
    configName: `${name}-${hash}`,
    text,
    channels: channelsOf({ feeds: named }).map(({ key }) => key),
    proxySecrets: [...new Set(proxySecrets)].toSorted(),
  }
}

/** What a document in the cluster says of the plan; undefined when it is none. */
export function contentsOf(text: string): Omit<CurrentShard, 'isLive' | 'index'> | undefined {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    return undefined
  }
  const { success, data } = shard.safeParse(value)
  if (!success) return undefined
  const { feeds } = data.spec
  const keys = feeds.flatMap((feed) =>
    feed.symbols.filter((symbol) => !isPattern(symbol)).map((symbol) => instrumentKey({ ...feed, symbol })),
  )
  return {
    keys: [...new Set(keys)],
    counts: data.part?.counts ?? [],
    patterns: feeds.filter(({ symbols }) => symbols.some(isPattern)),
  }
}

/** The part of the feeds that is this shard's, and the same as feeds of a manifest. */
function feedsOf(
  spec: Pick<CollectorSpec, 'feeds'>,
  keys: ReadonlySet<string>,
  hasPatterns: boolean,
): { feeds: ShardFeed[]; named: Feed[] } {
  const byManner = new Map<string, { manner: Manner; symbols: Set<string> }>()
  const patterns: ShardFeed[] = []
  const named: Feed[] = []
  const inFeeds = new Set(channelsOf(spec).map(({ instrument }) => instrument))
  const foundOnly = [...keys].filter((key) => !inFeeds.has(key))
  for (const feed of spec.feeds) {
    const market = instrumentKey({ ...feed, symbol: '' })
    const manner = mannerOf(feed)
    const found = foundOnly
      .filter((key) => key.startsWith(market))
      .map((key) => key.slice(market.length))
      .filter(finder(feed.symbols, feed.exclude))
    const names = feed.symbols.filter((symbol) => keys.has(market + symbol))
    const symbols = [...names, ...found]
    if (symbols.length > 0) {
      const key = JSON.stringify(manner)
      const known = byManner.get(key)?.symbols ?? []
      byManner.set(key, { manner, symbols: new Set([...known, ...symbols]) })
      named.push({ ...feed, symbols })
    }
    if (hasPatterns && feed.symbols.some(isPattern)) patterns.push(patternFeed(feed, manner))
  }
  const lists = [...byManner.values()].flatMap(({ manner, symbols }) =>
    chunks([...symbols].toSorted(), SYMBOLS_MAX).map((chunk) => inOrder(manner, chunk)),
  )
  // Where a pattern finds what is named, too, the later one counts: what is said of the name.
  return { feeds: [...patterns.toSorted(byText), ...lists.toSorted(byText)], named }
}

function patternFeed({ symbols, exclude }: Feed, manner: Manner): ShardFeed {
  return inOrder(manner, symbols.filter(isPattern).toSorted(), exclude?.toSorted())
}

function inOrder({ exchange, market, ...rest }: Manner, symbols: string[], exclude?: string[]): ShardFeed {
  return { exchange, market, symbols, ...(exclude === undefined ? {} : { exclude }), ...rest }
}

/** Everything of a feed but its symbols, in one order and without defaults. */
function mannerOf(feed: Feed): Manner {
  const { exchange, market, endpoints, proxy } = feed
  const types = DATA_TYPES.filter((type) => feed.types.includes(type))
  const options = optionsOf(feed)
  return {
    exchange,
    market,
    types,
    ...(options === undefined ? {} : { options }),
    ...(endpoints === undefined || Object.keys(sorted(endpoints)).length === 0 ? {} : { endpoints: sorted(endpoints) }),
    ...(proxy === undefined ? {} : { proxy: sorted(proxy) }),
  }
}

/** The options that are not the default. */
function optionsOf(feed: Feed): ShardFeed['options'] {
  const { kline, orderbook, longShortRatio } = feedOptions(feed)
  const said = { kline: { intervals: kline.intervals.toSorted() }, longShortRatio, orderbook }
  const defaults: Record<string, Record<string, unknown>> = { ...feedOptions({}) }
  const differing = Object.entries(said).flatMap(([name, fields]) => {
    const others = Object.entries(fields).filter(([key, value]) => textOf(value) !== textOf(defaults[name]?.[key]))
    return others.length === 0 ? [] : [[name, sorted(Object.fromEntries(others))]]
  })
  return differing.length === 0 ? undefined : Object.fromEntries(differing)
}

const SETTINGS = shard.shape.spec.pick({ sink: true, quality: true, spool: true })
type Settings = z.input<typeof SETTINGS>
/** Shards of a Collector have the same. */
const known = new WeakMap<CollectorSpec, Settings>()

/** All but the feeds, without defaults. */
function settingsOf(spec: CollectorSpec): Settings {
  const found = known.get(spec)
  if (found !== undefined) return found
  const made = lean(SETTINGS, { sink: sinkOf(spec.sink), quality: spec.quality, spool: spec.spool })
  known.set(spec, made)
  return made
}

/** The sink as pods use it: the volume and, where the operator keeps the stream, all but its name are the operator's. */
function sinkOf({ nats, file }: CollectorSpec['sink']): Settings['sink'] {
  if (file !== undefined) {
    const { volume: _, ...rest } = file
    return { file: rest }
  }
  if (nats === undefined) return { stdout: {} }
  const { name, manage } = nats.stream
  return { nats: { ...nats, stream: manage === 'operator' ? { name, manage } : nats.stream } }
}

/** The least that is read as the same: what the schema fills in is left out. Keys in order. */
function lean<S extends z.ZodType>(schema: S, value: z.input<S>): z.input<S> {
  // What is read has its keys in the order of the schema.
  const whole = JSON.stringify(schema.parse(value))
  const means = (candidate: unknown): boolean => {
    const { success, data } = schema.safeParse(candidate)
    return success && JSON.stringify(data) === whole
  }
  return pruned(sorted(value), means)
}

/** The map without each field, also of maps in it, that can be left out. */
function pruned<T>(map: T, mayBe: (candidate: unknown) => boolean): T {
  if (!isMap(map)) return map
  let left: Record<string, unknown> = map
  for (const [key, each] of Object.entries(map)) {
    const { [key]: _, ...others } = left
    const isFilledIn = mayBe(others)
    left = isFilledIn ? others : { ...left, [key]: pruned(each, (one) => mayBe({ ...left, [key]: one })) }
  }
  return left as T
}

/** The same with the keys of every map in order, and without what is undefined. */
function sorted<T>(value: T): T {
  if (Array.isArray(value)) return value.map(sorted) as T
  if (!isMap(value)) return value
  const entries = Object.entries(value).filter(([, each]) => each !== undefined)
  return Object.fromEntries(
    entries.toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([key, each]) => [key, sorted(each)]),
  ) as T
}

function textOf(value: unknown): string {
  return JSON.stringify(sorted(value))
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function byText(a: unknown, b: unknown): number {
  return textOf(a) < textOf(b) ? -1 : 1
}

function chunks<T>(all: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(all.length / size) }, (_, i) => all.slice(i * size, (i + 1) * size))
}
