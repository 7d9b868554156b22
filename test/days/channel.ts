// What was published of each channel, in the order of the store.
import type { DataType } from '../../crds/names.ts'
import type { Gap, Message } from '../../collector/market/messages.ts'
import type { Day } from './day.ts'
import type { Wished } from './plan.ts'
import type { Stored } from './store.ts'

export interface ChannelDay {
  readonly name: string
  readonly wish: Wished
  /** Messages of data. */
  readonly published: readonly Stored[]
  readonly gaps: readonly Gap[]
  /** Both, as they were stored. */
  readonly all: readonly Message[]
}

export function channelsOf(day: Day): ChannelDay[] {
  const of = new Map<string, Stored[]>()
  for (const stored of day.store.messages) {
    const key = nameOfMessage(stored.message)
    if (key === undefined) continue
    const list = of.get(key) ?? []
    list.push(stored)
    of.set(key, list)
  }
  return day.wishes.map((wish) => {
    const { room, wanted } = wish
    const { type, options, listing } = wanted
    const name = nameOf(room.market, listing.symbol, type, options.interval ?? options.period)
    const stored = of.get(name) ?? []
    const all = stored.map(({ message: m }) => m)
    const gaps = all.filter((m) => m.type === 'gap')
    return { name, wish, all, gaps, published: stored.filter(({ message: m }) => m.type !== 'gap') }
  })
}

/** The name of the channel that a message is of, gaps included. */
export function nameOfMessage(m: Message): string | undefined {
  if (m.type === 'state' || m.type === 'instrument') return undefined
  if (m.type === 'gap') return nameOf(m.market, m.symbol, m.of, m.interval)
  const length = 'interval' in m ? m.interval : 'period' in m ? m.period : undefined
  return nameOf(m.market, m.symbol, m.type, length)
}

function nameOf(market: string, symbol: string, type: DataType, length: string | undefined): string {
  return `${market} ${symbol} ${type}${length === undefined ? '' : ` ${length}`}`
}

/** Whether a gap says that something of these times may be missing; µs. */
export function isAnnounced(gaps: readonly Gap[], from: number, to: number, slack: number): boolean {
  return gaps.some((gap) => gap.from <= from + slack && gap.to >= to - slack)
}
