// The document of a pod: what one shard of a Collector collects. The operator writes it, `marketprism run` reads it beside
// a Collector; no user does either, so it is no part of the CRD and of the reference.
//
// Always: fields have the meaning that they have in a Collector, and their defaults.
import * as z from 'zod'
import { API_VERSION, type CollectorSpec, GROUP, type KIND, SHARDS_MAX, spool } from './collector.ts'
import { feed } from './feed.ts'
import { quality } from './quality.ts'
import { sink } from './sink.ts'

export const SHARD_KIND = 'Shard'
/** Feeds are split in names and patterns, and names in lists of at most what a feed may hold. */
export const SHARD_FEEDS_MAX = 500

/** Which part of what only patterns find is this shard's. */
const part = z.strictObject({
  index: z
    .int()
    .min(0)
    .max(SHARDS_MAX - 1),
  /** Numbers of shards: what falls to `index` among any of them is ours. More than one while shards come or go. */
  counts: z.array(z.int().min(1).max(SHARDS_MAX)).min(1).max(2),
})

export const shard = z.strictObject({
  apiVersion: z.literal(`${GROUP}/${API_VERSION}`),
  kind: z.literal(SHARD_KIND),
  metadata: z.strictObject({ name: z.string().min(1).max(63) }),
  spec: z.strictObject({
    /** None where there are more shards than instruments: it waits, ready, for some to come. */
    feeds: z.array(feed).max(SHARD_FEEDS_MAX),
    sink,
    quality: quality.prefault({}),
    spool: spool.prefault({}),
  }),
  part: part.optional(),
  /** The pod's part of what venues allow one address. */
  share: z.number().gt(0).max(1).default(1),
})

/** What one process collects: a Collector, or one of its shards. */
export interface Work {
  readonly kind: typeof KIND | typeof SHARD_KIND
  readonly metadata: { readonly name: string }
  readonly spec: Pick<CollectorSpec, 'feeds' | 'sink' | 'quality' | 'spool'>
  readonly part?: Part | undefined
  readonly share?: number
}

export type ShardManifest = z.input<typeof shard>
export type ShardDocument = z.output<typeof shard>
export type Part = z.output<typeof part>
