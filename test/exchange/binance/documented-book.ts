// The book rule as Binance documents it, step by step, written for the tests of the exchange alone.

interface Event {
  readonly U: number
  readonly u: number
  readonly pu?: number
  readonly b: readonly (readonly [string, string])[]
  readonly a: readonly (readonly [string, string])[]
}

interface Snapshot {
  readonly lastUpdateId: number
  readonly bids: readonly (readonly [string, string])[]
  readonly asks: readonly (readonly [string, string])[]
}

export interface DocumentedBook {
  readonly seq: number
  readonly bids: readonly (readonly [string, string])[]
  readonly asks: readonly (readonly [string, string])[]
}

/**
 * Joins a snapshot and the events that were buffered, and follows them to the last.
 * @param check is called after each event that was applied
 * @throws where the events do not join, or break off
 */
export function follow(
  market: 'spot' | 'perpetual',
  snapshot: Snapshot,
  events: readonly Event[],
  check: (book: DocumentedBook) => void = () => {},
): DocumentedBook {
  const bids = new Map(snapshot.bids)
  const asks = new Map(snapshot.asks)
  let seq = snapshot.lastUpdateId
  let joined = false
  for (const event of events) {
    // "Drop any event where u is <= lastUpdateId" (spot); "< lastUpdateId" (futures)
    if (!joined && (market === 'spot' ? event.u <= seq : event.u < seq)) continue
    if (!follows(market, event, seq, joined)) throw new Error(`event U=${event.U} u=${event.u} does not follow ${seq}`)
    joined = true
    for (const [price, size] of event.b) set(bids, price, size)
    for (const [price, size] of event.a) set(asks, price, size)
    seq = event.u
    check({ seq, bids: sorted(bids, -1), asks: sorted(asks, 1) })
  }
  return { seq, bids: sorted(bids, -1), asks: sorted(asks, 1) }
}

function follows(market: 'spot' | 'perpetual', event: Event, seq: number, joined: boolean): boolean {
  if (market === 'spot') return joined ? event.U === seq + 1 : event.U <= seq + 1 && seq + 1 <= event.u
  if (joined) return event.pu === seq
  return (event.U <= seq && seq <= event.u) || event.pu === seq
}

function set(side: Map<string, string>, price: string, size: string): void {
  if (Number(size) === 0) side.delete(price)
  else side.set(price, size)
}

function sorted(side: ReadonlyMap<string, string>, sign: number): (readonly [string, string])[] {
  return [...side].sort((a, b) => sign * (Number(a[0]) - Number(b[0])))
}
