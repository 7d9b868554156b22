// How the venue cuts a book's changes into depth updates for one connection; each update is whole in itself.
import type { Side } from '../market/book.ts'
import { byIntervals } from '../market/intervals.ts'
import type { Listener, Market, Symbol } from '../market/market.ts'
import type { Random } from '../random.ts'
import type { Delta } from './frames.ts'

/** Follows a book and gives a delta for each interval in which it changed; the answer ends it. */
export function cut(
  market: Market,
  symbol: Symbol,
  ms: number,
  chance: Random,
  give: (delta: Delta) => void,
): () => void {
  const { clock } = market
  const changes: [Map<number, number>, Map<number, number>] = [new Map(), new Map()]
  let previous = symbol.history.book.seq
  let first = 0
  let last = 0
  let matched = 0
  const flush = () => {
    if (last === 0) return
    const pushed = clock.now()
    give({ first, last, previous, matched, pushed, bids: sorted(changes[0], 0), asks: sorted(changes[1], 1) })
    previous = last
    last = 0
    changes[0].clear()
    changes[1].clear()
  }
  const listener: Listener = {
    change: (side, price, size, seq) => {
      if (last === 0) first = seq
      last = seq
      matched = clock.now()
      changes[side].set(price, size)
    },
    broken: (seq) => {
      flush()
      previous = seq
    },
  }
  return byIntervals({ market, symbol, ms, chance, listener, flush })
}

function sorted(levels: ReadonlyMap<number, number>, side: Side): [number, number][] {
  return [...levels].sort((a, b) => (side === 0 ? b[0] - a[0] : a[0] - b[0]))
}
