// How OKX cuts a book's changes for one connection: the 400 best levels of each side as a snapshot, then what differs
// after each interval. Each connection has its own phase and now and then gets two intervals as one, so no two carry the
// same boundaries; the sequences at them are shared. A level that leaves the 400 is deleted, one that moves up appears.
import type { Side } from '../market/book.ts'
import type { Listener, Market, Symbol } from '../market/market.ts'
import type { Random } from '../random.ts'

export interface Piece {
  /** -1 for the snapshot; equal to `seq` for a heartbeat. */
  readonly previous: number
  readonly seq: number
  readonly bids: readonly (readonly [price: number, size: number])[]
  readonly asks: readonly (readonly [price: number, size: number])[]
}

export const DEPTH = 400
const EVERY_MS = 100
const HEARTBEAT_MS = 60_000
const MERGED = 0.05

type View = readonly [Map<number, number>, Map<number, number>]

/** Follows a book, beginning with its snapshot; the answer ends it. */
export function cut(market: Market, symbol: Symbol, chance: Random, give: (piece: Piece) => void): () => void {
  const { clock } = market
  const { book } = symbol.history
  let view = viewOf(symbol)
  let previous = book.seq
  let changed = false
  let said = clock.now()
  // deletions of prices that nobody ever saw: venues send them
  const unknown: [Set<number>, Set<number>] = [new Set(), new Set()]
  const flush = () => {
    if (!changed) return
    changed = false
    const next = viewOf(symbol)
    const [bids, asks] = ([0, 1] as const).map((side) => difference(view[side], next[side], unknown[side], side))
    for (const set of unknown) set.clear()
    view = next
    if (bids!.length + asks!.length === 0) return
    give({ previous, seq: book.seq, bids: bids!, asks: asks! })
    previous = book.seq
    said = clock.now()
  }
  const listener: Listener = {
    change: (side, price, size) => {
      changed = true
      if (size === 0 && !view[side].has(price)) unknown[side].add(price)
    },
    broken: (seq, why) => {
      if (why === 'restarted') return void (changed = true)
      // what was lost is not made good, and the next frame does not follow
      view = viewOf(symbol)
      previous = seq
      changed = false
    },
  }
  symbol.listeners.add(listener)
  give({ previous: -1, seq: previous, bids: [...view[0]], asks: [...view[1]] })
  const stop = clock.every(EVERY_MS, chance.next() * EVERY_MS, () => {
    if (!chance.chance(MERGED)) flush()
    if (clock.now() - said < HEARTBEAT_MS) return
    give({ previous, seq: previous, bids: [], asks: [] })
    said = clock.now()
  })
  return () => {
    symbol.listeners.delete(listener)
    stop()
  }
}

function viewOf({ history }: Symbol): View {
  return [new Map(history.book.bids.levels(DEPTH)), new Map(history.book.asks.levels(DEPTH))]
}

function difference(
  before: ReadonlyMap<number, number>,
  after: ReadonlyMap<number, number>,
  unknown: ReadonlySet<number>,
  side: Side,
): (readonly [number, number])[] {
  const out: [number, number][] = []
  for (const [price, size] of after) if (before.get(price) !== size) out.push([price, size])
  for (const price of before.keys()) if (!after.has(price)) out.push([price, 0])
  for (const price of unknown) if (!before.has(price) && !after.has(price)) out.push([price, 0])
  return out.sort((a, b) => (side === 0 ? b[0] - a[0] : a[0] - b[0]))
}
