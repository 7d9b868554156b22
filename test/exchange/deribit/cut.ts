// How Deribit cuts a book's changes for one connection: a snapshot at once, then a frame for each interval in which
// something changed. Connections cut at different places, and the change ids at those are shared. What came and went within
// an interval is never said.
import type { Side } from '../market/book.ts'
import { byIntervals } from '../market/intervals.ts'
import type { Listener, Market, Symbol } from '../market/market.ts'
import type { Random } from '../random.ts'

export type Action = readonly [action: 'new' | 'change' | 'delete', price: number, size: number]

export interface Change {
  readonly previous: number
  readonly id: number
  /** Of the last change in it, ms. */
  readonly time: number
  readonly bids: readonly Action[]
  readonly asks: readonly Action[]
}

type Held = readonly [Map<number, number>, Map<number, number>]

/** Follows a book from now on; the answer ends it. `sides` are the ones that anybody quotes on. */
export function cut(
  market: Market,
  symbol: Symbol,
  sides: readonly Side[],
  ms: number,
  chance: Random,
  give: (change: Change) => void,
): () => void {
  const { clock } = market
  const { book } = symbol.history
  const levels = (side: Side) => new Map(sides.includes(side) ? book.side(side).levels(Infinity) : [])
  let held: Held = [levels(0), levels(1)]
  const changes: Held = [new Map(), new Map()]
  let previous = book.seq
  let last = 0
  let time = 0
  const flush = () => {
    if (last === 0) return
    const [bids, asks] = [actions(held[0], changes[0]), actions(held[1], changes[1])]
    if (bids.length + asks.length > 0) {
      give({ previous, id: last, time, bids, asks })
      previous = last
    }
    last = 0
  }
  const listener: Listener = {
    change: (side, price, size, seq) => {
      last = seq
      time = clock.now()
      if (sides.includes(side)) changes[side].set(price, size)
    },
    broken: (seq) => {
      flush()
      held = [levels(0), levels(1)]
      previous = seq
    },
  }
  return byIntervals({ market, symbol, ms, chance, listener, flush })
}

/** What the changes make of the levels, which they are then applied to. */
function actions(held: Map<number, number>, changes: Map<number, number>): Action[] {
  const out: Action[] = []
  for (const [price, size] of changes) {
    const before = held.get(price) ?? 0
    if (size === before) continue
    out.push([before === 0 ? 'new' : size === 0 ? 'delete' : 'change', price, size])
    if (size === 0) held.delete(price)
    else held.set(price, size)
  }
  changes.clear()
  return out
}
