// How long a kind of data has been silent, compared with how long it usually is.
//
// In: for each pod and kind the last message of the channel that is latest, and the silence from which that one is stale:
// both follow from the channel's own history in the collector. Out: two recorded series for each shard and kind, of the
// youngest of the shard's publishers. Always: the oldest of the shards is what a rule compares; a fresh one hides nothing.
import { DATA_TYPES, type DataType } from '../../../crds/names.ts'
import type { Query } from '../query.ts'
import { KIND, on, type Recording } from '../rule.ts'

/**
 * Silence from which a type is stale where a collector of an older image does not say, s; undefined for what is silent for
 * hours, and well.
 */
export const STALE_SECONDS: Readonly<Record<DataType, number | undefined>> = {
  trade: 30,
  orderbook: 30,
  ticker: 30,
  kline: 120,
  funding_rate: 600,
  open_interest: 600,
  liquidation: undefined,
  lsr_top_position: 900,
  lsr_all_account: 900,
  volatility_index: 300,
}
/** Types that may never come. */
export const SPARSE: readonly DataType[] = DATA_TYPES.filter((type) => STALE_SECONDS[type] === undefined)

const SHARD_KIND = ['shard', ...KIND] as const
const POD_KIND = ['shard', 'pod', ...KIND] as const

/** Seconds since the last message. */
export const SILENCE = 'shard_exchange_market_type:marketprism_collector_silence:seconds'
/** The same as a share of what is usual: stale from 1 on. */
export const SILENCE_RATIO = 'shard_exchange_market_type:marketprism_collector_silence:ratio'

const LAST = 'marketprism_collector_last_message_timestamp_seconds'

function age(q: Query): string {
  return `(time() - (max by (${POD_KIND.join(', ')}) (${q.of(LAST)}) > 0))`
}

function usual(q: Query): string {
  const said = `max by (${POD_KIND.join(', ')}) (${q.of('marketprism_collector_stale_after_seconds')})`
  const otherwise = [...Map.groupBy(DATA_TYPES, (type) => STALE_SECONDS[type])].flatMap(([seconds, types]) => {
    if (seconds === undefined) return []
    const series = q.of(LAST, `type=~"${types.join('|')}"`)
    return [`0 * max by (${POD_KIND.join(', ')}) (${series}) + ${seconds}`]
  })
  return [said, ...otherwise].join('\n  or ')
}

export const SILENCES: readonly Recording[] = [
  { group: 'data', record: SILENCE, expr: (q) => `min by (${SHARD_KIND.join(', ')}) (${age(q)})` },
  {
    group: 'data',
    record: SILENCE_RATIO,
    expr: (q) => `min by (${SHARD_KIND.join(', ')}) (${age(q)} / ${on(POD_KIND)} (${usual(q)}))`,
  },
]

/** Seconds of silence of each kind that has been silent for `times` of what is usual. */
export function late(q: Query, times: number): string {
  const isLate = `(${q.recorded(SILENCE_RATIO)} > ${times})`
  return `max by (${KIND.join(', ')}) (${q.recorded(SILENCE)} and ${on(SHARD_KIND)} ${isLate})`
}
