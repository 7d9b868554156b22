// The book rule as Deribit documents it, written for the tests of the exchange alone.

interface BookData {
  readonly type: 'snapshot' | 'change'
  readonly prev_change_id?: number
  readonly change_id: number
  readonly bids: readonly (readonly [string, number, number])[]
  readonly asks: readonly (readonly [string, number, number])[]
}

export interface DocumentedBook {
  readonly seq: number
  readonly bids: readonly (readonly [number, number])[]
  readonly asks: readonly (readonly [number, number])[]
}

/** The data of all frames of one channel. */
export function dataOf<T = BookData>(texts: readonly string[], channel: string): T[] {
  return texts
    .map((text) => JSON.parse(text))
    .filter((frame) => frame.params?.channel === channel)
    .map((frame) => frame.params.data)
}

/**
 * Follows the frames of one channel to the last.
 * @param check is called after each frame that was applied
 * @throws where a change does not follow, or changes what is not there
 */
export function follow(frames: readonly BookData[], check: (book: DocumentedBook) => void = () => {}): DocumentedBook {
  let bids = new Map<number, number>()
  let asks = new Map<number, number>()
  let seq: number | undefined
  const book = () => ({ seq: seq!, bids: sorted(bids, -1), asks: sorted(asks, 1) })
  for (const frame of frames) {
    if (frame.type === 'snapshot') {
      bids = new Map()
      asks = new Map()
    } else if (frame.prev_change_id !== seq) {
      throw new Error(`change ${frame.prev_change_id} -> ${frame.change_id} does not follow ${seq}`)
    }
    for (const level of frame.bids) apply(bids, level)
    for (const level of frame.asks) apply(asks, level)
    seq = frame.change_id
    check(book())
  }
  return book()
}

function apply(side: Map<number, number>, [action, price, size]: readonly [string, number, number]): void {
  if (side.has(price) !== (action !== 'new')) throw new Error(`'${action}' of ${price}, which is the other way round`)
  if ((action === 'delete') !== (size === 0)) throw new Error(`'${action}' of ${price} with size ${size}`)
  if (action === 'delete') side.delete(price)
  else side.set(price, size)
}

function sorted(side: ReadonlyMap<number, number>, sign: number): (readonly [number, number])[] {
  return [...side].sort((a, b) => sign * (a[0] - b[0]))
}
