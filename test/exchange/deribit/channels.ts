// The names of channels: what one is about. `trades.BTC-PERPETUAL.100ms`, `book.BTC-PERPETUAL.none.10.100ms`, …
import { type DeribitMarket, marketOfName } from './contracts.ts'
import { RESOLUTIONS } from './charts.ts'
import { VOLATILITY_INDICES } from './rules.ts'

/** A channel that exists, as far as its name tells. */
export type Channel =
  | { readonly kind: 'trades' | 'book' | 'ticker' | 'perpetual'; readonly instrument: string; readonly everyMs: number }
  | { readonly kind: 'quote'; readonly instrument: string }
  | { readonly kind: 'grouped'; readonly instrument: string; readonly group: number; readonly depth: number }
  | { readonly kind: 'chart'; readonly instrument: string; readonly resolution: string }
  | { readonly kind: 'tradesOf'; readonly of: 'future' | 'option'; readonly currency: string }
  | { readonly kind: 'volatility'; readonly index: string }
  /** Known, and silent: nothing of it happens here. */
  | { readonly kind: 'silent' }

/** What intervals are worth. */
const MS = { '100ms': 100, agg2: 1_000 } as const
const INSTRUMENT = '([A-Z0-9]+(?:_[A-Z]+)?-[A-Z0-9-]+(?:d\\d+)?(?:-[CP])?)'
const OF_INSTRUMENT = new RegExp(`^(trades|book|ticker|perpetual)\\.${INSTRUMENT}\\.(100ms|agg2)$`, 'u')
const QUOTE = new RegExp(`^quote\\.${INSTRUMENT}$`, 'u')
const GROUPED = new RegExp(`^book\\.${INSTRUMENT}\\.(none|\\d+)\\.(1|10|20)\\.100ms$`, 'u')
const CHART = new RegExp(`^chart\\.trades\\.${INSTRUMENT}\\.(\\w+)$`, 'u')
const TRADES_OF = /^trades\.(future|option)\.(any|[A-Z0-9]+)\.100ms$/u
const VOLATILITY = /^deribit_volatility_index\.(\w+)$/u
const STATES = /^instrument\.(?:state|creation)\.\w+\.(?:any|[A-Z0-9]+)$|^platform_state(?:\.public_methods_state)?$/u

/** @returns undefined for a name that no channel has */
export function channelOf(name: string): Channel | undefined {
  const one = OF_INSTRUMENT.exec(name)
  if (one !== null) {
    const [, kind, instrument = '', interval] = one
    return {
      kind: kind as 'trades' | 'book' | 'ticker' | 'perpetual',
      instrument,
      everyMs: MS[interval as keyof typeof MS],
    }
  }
  const quote = QUOTE.exec(name)
  if (quote !== null) return { kind: 'quote', instrument: quote[1]! }
  const grouped = GROUPED.exec(name)
  if (grouped !== null) {
    const [, instrument = '', group, depth] = grouped
    return { kind: 'grouped', instrument, group: group === 'none' ? 0 : Number(group), depth: Number(depth) }
  }
  const chart = CHART.exec(name)
  if (chart !== null && RESOLUTIONS.has(chart[2]!)) {
    return { kind: 'chart', instrument: chart[1]!, resolution: chart[2]! }
  }
  const trades = TRADES_OF.exec(name)
  if (trades !== null) return { kind: 'tradesOf', of: trades[1] as 'future' | 'option', currency: trades[2]! }
  const index = VOLATILITY.exec(name)?.[1]
  if (index !== undefined && VOLATILITY_INDICES.includes(index)) return { kind: 'volatility', index }
  return STATES.test(name) ? { kind: 'silent' } : undefined
}

/** What a channel numbers: the faults of sequences act on it. */
export function numberingOf(name: string): 'trade' | 'orderbook' | undefined {
  const kind = channelOf(name)?.kind
  return kind === 'trades' ? 'trade' : kind === 'book' ? 'orderbook' : undefined
}

/** Recorded sessions have `.raw`, which nobody gets without login since; it is served as this. */
export function servedAs(recorded: string): string {
  return recorded.replace(/\.raw$/u, '.100ms')
}

/** Markets that a channel is about; all three where its name does not tell. */
export function marketsOfChannel(name: string): readonly DeribitMarket[] {
  const channel = channelOf(servedAs(name))
  if (channel === undefined) return []
  if (channel.kind === 'tradesOf') return channel.of === 'option' ? ['option'] : ['perpetual', 'future']
  if (!('instrument' in channel)) return ['perpetual', 'future', 'option']
  const market = marketOfName(channel.instrument)
  return market === undefined ? [] : [market]
}
