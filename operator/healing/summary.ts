// What a pod says of itself at `GET /summary`, read as a stranger's word: every text and list has a maximum, what is not
// known is dropped, and nothing but printable ASCII gets further than here.
import * as z from 'zod'

const MARKETS_MAX = 32
const IMPOSSIBLE_MAX = 100
const STALE_MAX = 20
const REASONS_MAX = 16
const SENTENCE_MAX = 300

const count = z.int().min(0).max(1_000_000)
/** ms, or µs where the collector says so. */
const time = z.int().min(0).max(Number.MAX_SAFE_INTEGER)
const bytes = z.number().min(0).max(Number.MAX_SAFE_INTEGER)

/** Text of a pod, as it may stand in a condition, an Event or a terminal. */
const sentence = z.string().transform((text) => text.slice(0, SENTENCE_MAX).replace(/[^ -~]/g, '?'))

const market = z.object({ channels: count, live: count, stale: count, sessionsOpen: count, sessions: count })

/** The answer to `GET /summary`. */
export const summarySchema = z.object({
  name: sentence,
  startedMs: time,
  atMs: time,
  ready: z.boolean(),
  notReady: z.array(sentence).max(REASONS_MAX),
  channels: z.object({
    total: count,
    live: count,
    quiet: count,
    stale: count,
    down: count,
    impossible: count,
    found: count.default(0),
  }),
  markets: z
    .record(z.string().regex(/^[a-z][a-z0-9_-]{0,31}:[a-z][a-z0-9_-]{0,31}$/), market)
    .refine((all) => Object.keys(all).length <= MARKETS_MAX, `more than ${MARKETS_MAX} markets`),
  sink: z.object({ kind: sentence, connected: z.boolean(), problem: sentence.optional(), lostMs: time }),
  spool: z.object({ bytesUsed: bytes, bytesMax: bytes }),
  gaps: z.int().min(0).max(Number.MAX_SAFE_INTEGER),
  lastGap: z.object({ channel: sentence, reason: sentence, from: time, to: time }).optional(),
  stale: z.array(z.object({ channel: sentence, state: sentence, since: time })).max(STALE_MAX),
  // Pods of an older image do not say.
  impossible: z
    .array(z.object({ channel: sentence, why: sentence }))
    .max(IMPOSSIBLE_MAX)
    .default([]),
})

export type Summary = z.output<typeof summarySchema>
export type MarketSummary = z.output<typeof market>

/** How a market does in a pod; `unknown` where nothing is expected of it, as when all its channels are quiet. */
export type WellBeing = 'well' | 'unwell' | 'unknown'

/** Unwell: half or more of its channels are stale, or none of its sockets is open. Well: data arrives. */
export function wellBeing({ channels, live, stale, sessionsOpen, sessions }: MarketSummary): WellBeing {
  if (channels === 0) return 'unknown'
  if ((sessions > 0 && sessionsOpen === 0) || (stale > 0 && stale * 2 >= channels)) return 'unwell'
  return live > 0 ? 'well' : 'unknown'
}
