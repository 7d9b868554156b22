// The book rule as OKX documents it, written for the tests of the exchange alone: a snapshot begins, each update names
// the sequence before it, and the numbering may fall (maintenance) as long as that chain holds.

type Level = readonly [price: string, size: string, zero: string, orders: string]

interface Frame {
  readonly action: 'snapshot' | 'update'
  readonly data: readonly [
    {
      readonly asks: readonly Level[]
      readonly bids: readonly Level[]
      readonly prevSeqId: number
      readonly seqId: number
    },
  ]
}

export interface DocumentedBook {
  readonly seq: number
  readonly bids: readonly (readonly [string, string])[]
  readonly asks: readonly (readonly [string, string])[]
}

/**
 * Follows the frames of one subscription to the last.
 * @param check is called after each frame
 * @throws where they break off
 */
export function follow(frames: readonly Frame[], check: (book: DocumentedBook) => void = () => {}): DocumentedBook {
  const bids = new Map<string, string>()
  const asks = new Map<string, string>()
  let seq = -1
  for (const { action, data } of frames) {
    const [{ prevSeqId, seqId, ...sides }] = data
    if (action === 'snapshot') {
      bids.clear()
      asks.clear()
    } else if (prevSeqId !== seq) throw new Error(`prevSeqId ${prevSeqId} does not follow ${seq}`)
    for (const [price, size] of sides.bids) set(bids, price, size)
    for (const [price, size] of sides.asks) set(asks, price, size)
    seq = seqId
    check({ seq, bids: sorted(bids, -1), asks: sorted(asks, 1) })
  }
  return { seq, bids: sorted(bids, -1), asks: sorted(asks, 1) }
}

function set(side: Map<string, string>, price: string, size: string): void {
  if (Number(size) === 0) side.delete(price)
  else side.set(price, size)
}

function sorted(side: ReadonlyMap<string, string>, sign: number): (readonly [string, string])[] {
  return [...side].sort((a, b) => sign * (Number(a[0]) - Number(b[0])))
}
