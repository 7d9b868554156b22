// Which markets an item of a recorded session concerns: OKX serves all of them on one socket and one REST host, so the
// instrument decides. Its type comes from the recorded lists; where there is none, from how its name is made.
import { type Market, MARKETS } from '../../../crds/names.ts'
import type { Item } from '../recording.ts'
import { marketOf } from './instruments.ts'
import { INST_TYPES } from './rules.ts'

type Json = Readonly<Record<string, unknown>>

/** Reads all items once; the answer is asked for each of them. */
export function marketsOf(items: readonly Item[]): (item: Item) => readonly Market[] {
  const listed = new Map<string, Market>()
  for (const item of items) {
    if (item.kind !== 'rest' || !item.url.pathname.endsWith('/public/instruments')) continue
    for (const { instId, instType } of rowsOf(item.body)) {
      const market = ofType(instType)
      if (market !== undefined) listed.set(String(instId), market)
    }
  }
  const named = (instId: unknown, instType: unknown): readonly Market[] => {
    const market = listed.get(String(instId)) ?? marketOf(String(instId)) ?? ofType(instType)
    return market === undefined ? MARKETS : [market]
  }
  const markets = new Map<Item, readonly Market[]>()
  const bySocket = new Map<string, Set<Market>>()
  for (const item of items) {
    if (item.kind === 'rest') {
      const { searchParams } = item.url
      markets.set(item, named(searchParams.get('instId'), searchParams.get('instType')))
    }
    if (item.kind !== 'frame') continue
    const arg = argOf(item.body)
    const own = arg === undefined ? MARKETS : named(arg['instId'], arg['instType'])
    markets.set(item, own)
    if (arg === undefined) continue
    const carried = bySocket.get(item.socket) ?? new Set()
    bySocket.set(item.socket, carried)
    for (const market of own) carried.add(market)
  }
  return (item) => markets.get(item) ?? ('socket' in item ? [...(bySocket.get(item.socket) ?? [])] : [])
}

/** What a frame is about; undefined for notices, errors and pongs. */
export function argOf(body: string): Json | undefined {
  if (!body.startsWith('{')) return undefined
  const { arg } = JSON.parse(body) as { arg?: unknown }
  return typeof arg === 'object' && arg !== null ? (arg as Json) : undefined
}

/** The rows of a REST answer; none where it is an error. */
export function rowsOf(body: string): readonly Json[] {
  const { data } = JSON.parse(body) as { data?: unknown }
  return Array.isArray(data) ? data : []
}

function ofType(instType: unknown): Market | undefined {
  return MARKETS.find((market) => INST_TYPES[market] === instType)
}
