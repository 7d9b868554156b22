// Which rows the table has: one for each channel, or where there are too many, one for several that have much in common.
//
// Always: in the order in which channels stand, and no more than there is room for. What a row of several says: the sum
// of messages and gaps, the slowest latency, the newest age, and the worst state, with how many are live.
import type { ChannelState } from '../market/messages.ts'
import type { ChannelStatus } from '../status.ts'

/** Messages a second of each channel in the last twenty seconds, by the channel's name; the last one is now. */
export type History = ReadonlyMap<string, readonly number[]>

export interface Row {
  readonly exchange: string
  readonly market: string
  readonly symbol: string
  /** With the interval, where there is one. */
  readonly type: string
  readonly state: string
  /** The worst of its channels. */
  readonly worst: ChannelState
  readonly perSecond: number
  /** Messages a second before, as far as known. */
  readonly past: readonly number[]
  readonly p50: number | undefined
  readonly p99: number | undefined
  readonly gaps: number
  readonly age: number | undefined
}

export interface Rows {
  readonly rows: readonly Row[]
  /** What is not seen in them; undefined where each channel is. */
  readonly note: string | undefined
}

/** How bad a state is. */
export const TROUBLE: Readonly<Record<ChannelState, number>> = { live: 0, quiet: 0, stale: 1, down: 2 }

type Part = (c: ChannelStatus) => string
const INTERVAL: Part = ({ type, interval = '' }) => `${type} ${interval}`
/** What the channels of one row have in common; the first of these that gives few enough rows. */
const GROUPINGS: readonly (readonly Part[])[] = [
  [({ exchange }) => exchange, ({ market }) => market, INTERVAL],
  [({ exchange }) => exchange, INTERVAL],
  [INTERVAL],
]

export function rowsOf(channels: readonly ChannelStatus[], history: History, max: number): Rows {
  if (channels.length <= max) return { rows: channels.map((c) => rowOf([c], history)), note: undefined }
  for (const parts of GROUPINGS) {
    const groups = Map.groupBy(channels, (c) => parts.map((part) => part(c)).join('.'))
    if (groups.size >= max) continue
    const rows = [...groups.values()].map((group) => rowOf(group, history))
    return { rows, note: `${channels.length} channels; where there is room each has its row` }
  }
  const shown = choose(channels, history, Math.max(1, max - 1))
  return { rows: shown.map((c) => rowOf([c], history)), note: `and ${channels.length - shown.length} more` }
}

export function nameOf(c: ChannelStatus): string {
  return `${c.exchange}.${c.market}.${c.symbol}.${c.type}.${c.interval}`
}

/** Those in trouble, and then the busiest of the last twenty seconds. */
function choose(channels: readonly ChannelStatus[], history: History, max: number): readonly ChannelStatus[] {
  const busy = new Map(channels.map((c) => [c, pastOf(c, history).reduce((a, b) => a + b, 0)]))
  const worst = channels.toSorted(
    (a, b) => TROUBLE[b.state] - TROUBLE[a.state] || (busy.get(b) ?? 0) - (busy.get(a) ?? 0),
  )
  const chosen = new Set(worst.slice(0, max))
  return channels.filter((c) => chosen.has(c))
}

function rowOf(group: readonly ChannelStatus[], history: History): Row {
  const worst = group.reduce<ChannelState>(
    (state, c) => (TROUBLE[c.state] > TROUBLE[state] ? c.state : state),
    group.some(({ state }) => state === 'live') ? 'live' : 'quiet',
  )
  const live = group.filter(({ state }) => state === 'live').length
  const isMixed = group.some(({ state }) => state !== group[0]?.state)
  return {
    exchange: common(group, (c) => c.exchange, 'exchanges'),
    market: common(group, (c) => c.market, 'markets'),
    symbol: common(group, (c) => c.symbol, 'symbols'),
    type: common(group, (c) => (c.interval === undefined ? c.type : `${c.type} ${c.interval}`), 'types'),
    state: isMixed ? `${live}/${group.length} live` : worst,
    worst,
    perSecond: sum(group.map((c) => c.perSecond)),
    past: added(group.map((c) => pastOf(c, history))),
    p50: highest(group.map((c) => c.p50)),
    p99: highest(group.map((c) => c.p99)),
    gaps: sum(group.map((c) => c.gaps)),
    age: lowest(group.map((c) => c.age)),
  }
}

/** What all have, or how many there are. */
function common(group: readonly ChannelStatus[], part: Part, many: string): string {
  const values = new Set(group.map(part))
  return values.size === 1 ? (values.values().next().value as string) : `${values.size} ${many}`
}

function pastOf(c: ChannelStatus, history: History): readonly number[] {
  return history.get(nameOf(c)) ?? []
}

/** Sums second by second; the last ones belong together. */
function added(all: readonly (readonly number[])[]): number[] {
  const length = Math.max(...all.map((one) => one.length))
  return Array.from({ length }, (_, i) => sum(all.map((one) => one[one.length - length + i] ?? 0)))
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((a, b) => a + b, 0)
}

function highest(numbers: readonly (number | undefined)[]): number | undefined {
  const known = numbers.filter((n) => n !== undefined)
  return known.length === 0 ? undefined : Math.max(...known)
}

function lowest(numbers: readonly (number | undefined)[]): number | undefined {
  const known = numbers.filter((n) => n !== undefined)
  return known.length === 0 ? undefined : Math.min(...known)
}
