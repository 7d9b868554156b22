// Which shard an instrument goes to: rendezvous hashing (highest random weight), shared by the operator, which places what
// is named, and the pods, which split among themselves what only patterns find.
//
// Always: a function of the instrument and the shard alone, so one shard more takes from the others and moves nothing
// between them. Never: changed. A golden test holds it; another hash would move every instrument of every Collector.
import type { ExchangeName, Market, MessageType } from './names.ts'

/** What is placed as a whole: all types of a symbol go together, so that a pod can compare a book with its ticker. */
export interface Instrument {
  readonly exchange: ExchangeName
  readonly market: Market
  readonly symbol: string
}

/** `exchange:market:symbol` */
export function instrumentKey({ exchange, market, symbol }: Instrument): string {
  return `${exchange}:${market}:${symbol}`
}

/** `exchange:market:symbol:type`, and the interval or period where the type has one. */
export function channelKey(
  channel: Instrument & { readonly type: MessageType; readonly interval?: string | undefined },
): string {
  const key = `${instrumentKey(channel)}:${channel.type}`
  return channel.interval === undefined ? key : `${key}:${channel.interval}`
}

/** The two halves of a key's hash, 32 bits each. */
type Digest = readonly [number, number]

/** The shard, of so many, that an instrument falls to. */
export function rendezvous(key: string, shards: number): number {
  const digest = digestOf(key)
  let best = 0
  let highest = -1
  for (let shard = 0; shard < shards; shard += 1) {
    const score = scoreOf(digest, shard)
    if (score <= highest) continue
    best = shard
    highest = score
  }
  return best
}

/** Scores of an instrument at the shards from 0 on, 53 bits each: the higher, the rather it goes there. */
export function scores(key: string, shards: number): number[] {
  const digest = digestOf(key)
  return Array.from({ length: shards }, (_, shard) => scoreOf(digest, shard))
}

function scoreOf([a, b]: Digest, shard: number): number {
  const low = mixed(a ^ Math.imul(shard + 1, 0x9e3779b1))
  const high = mixed(b ^ Math.imul(shard + 1, 0x85ebca6b) ^ low)
  return (high >>> 11) * 2 ** 32 + low
}

/** FNV-1a in two lanes with different seeds and factors. */
function digestOf(key: string): Digest {
  let a = 0x811c9dc5
  let b = 0x9747b28c
  for (let i = 0; i < key.length; i += 1) {
    const unit = key.charCodeAt(i)
    a = Math.imul(a ^ unit, 0x01000193)
    b = Math.imul(b ^ unit, 0x5bd1e995)
    b ^= b >>> 15
  }
  return [mixed(a), mixed(b)]
}

/** The finaliser of MurmurHash3: every bit of the input moves half of the output. */
function mixed(bits: number): number {
  let h = bits
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
