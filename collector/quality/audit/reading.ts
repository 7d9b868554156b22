// What an audit takes from a message: numbers, the levels of a book, and hashes of its id and of its content.
//
// One object for all messages, filled by layout.ts. Always: what a message does not have is NaN, which is neither before
// nor after any number, so that comparisons with it are false. Never: a string or an object for a message.

/** Where a number stands in {@link Reading.values}; `OTHER` is what nobody looks at. */
export const SLOT = {
  received: 0,
  ts: 1,
  seq: 2,
  prev_seq: 3,
  prev_ts: 4,
  open_time: 5,
  close_time: 6,
  closed: 7,
  filled: 8,
  id: 9,
  snapshot: 10,
  flags: 11,
  other: 12,
} as const
export const SLOTS = Object.keys(SLOT).length

/** Columns of a level: price, size and the venue's own figure of the size, each in two parts; see decimal.ts. */
export const LEVEL = { price: 0, size: 2, raw: 4, columns: 6 } as const
const LEVELS_FIRST = 64

/** Levels of one side, as a message has them. */
export class Levels {
  cells = new Float64Array(LEVELS_FIRST * LEVEL.columns)
  count = 0

  /** Makes room for one level more; returns where its cells begin. */
  next(): number {
    const at = this.count * LEVEL.columns
    if (at === this.cells.length) {
      const cells = new Float64Array(this.cells.length * 2)
      cells.set(this.cells)
      this.cells = cells
    }
    this.count += 1
    return at
  }
}

export class Reading {
  readonly values = new Float64Array(SLOTS)
  readonly bids = new Levels()
  readonly asks = new Levels()
  /** Two hashes of what `messageKey` says of the message, 63 bits together. */
  keyHigh = 0
  keyLow = 0
  /** A hash of what the message says beside its id, whoever published it, in whatever order its fields stand. */
  content = 0

  /** The venue's time, µs. */
  get ts(): number {
    return this.values[SLOT.ts] as number
  }

  /** Our time at the socket, µs; never NaN. */
  get received(): number {
    return this.values[SLOT.received] as number
  }

  /** The time that a message is ordered by: the venue's where it sends one, else ours at the socket, µs. */
  get time(): number {
    const ts = this.values[SLOT.ts] as number
    return Number.isNaN(ts) ? (this.values[SLOT.received] as number) : ts
  }

  get seq(): number {
    return this.values[SLOT.seq] as number
  }

  get prevSeq(): number {
    return this.values[SLOT.prev_seq] as number
  }

  get prevTs(): number {
    return this.values[SLOT.prev_ts] as number
  }

  /** µs; of klines. */
  get openTime(): number {
    return this.values[SLOT.open_time] as number
  }

  get closeTime(): number {
    return this.values[SLOT.close_time] as number
  }

  /** 1 or 0; NaN where the venue does not say. */
  get closed(): number {
    return this.values[SLOT.closed] as number
  }

  get isFilled(): boolean {
    return this.values[SLOT.filled] === 1
  }

  /** Whether it failed a check of its publisher. */
  get isFlagged(): boolean {
    return this.values[SLOT.flags] === 1
  }

  get isSnapshot(): boolean {
    return this.values[SLOT.snapshot] === 1
  }

  /** The number of a trade that rises by one: its `seq`, else its id; NaN where that is no whole number. */
  get number(): number {
    const seq = this.values[SLOT.seq] as number
    return Number.isNaN(seq) ? (this.values[SLOT.id] as number) : seq
  }
}
