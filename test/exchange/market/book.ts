// A true order book and its past. Comes in: changes, each with its own sequence. Goes out: the book now, or as it was
// after any sequence that is still remembered.
// Always: best bid < best ask, sequences rise within an epoch. Never: reads a clock, draws chance.

/** Side of a book: 0 bids, 1 asks. */
export type Side = 0 | 1
/** Price and size in whole units. */
export type Level = readonly [price: number, size: number]

export interface Levels {
  readonly seq: number
  /** Best first. */
  readonly bids: readonly Level[]
  readonly asks: readonly Level[]
}

/** One side, sorted so that the best price is last: most changes happen there, and the end of an array is cheap. */
export class Ladder {
  readonly #sign: number
  readonly #keys: number[] = []
  readonly #sizes = new Map<number, number>()

  constructor(side: Side) {
    this.#sign = side === 0 ? 1 : -1
  }

  get length(): number {
    return this.#keys.length
  }

  /** The price `depth` places behind the best one. */
  price(depth: number): number | undefined {
    const key = this.#keys[this.#keys.length - 1 - depth]
    return key === undefined ? undefined : key * this.#sign
  }

  size(price: number): number {
    return this.#sizes.get(price) ?? 0
  }

  set(price: number, size: number): void {
    const held = this.#sizes.has(price)
    if (size !== 0) this.#sizes.set(price, size)
    if (held === (size !== 0)) return
    const at = this.#find(price * this.#sign)
    if (held) {
      this.#sizes.delete(price)
      this.#keys.splice(at, 1)
    } else this.#keys.splice(at, 0, price * this.#sign)
  }

  levels(limit: number): Level[] {
    const out: Level[] = []
    for (let depth = 0; depth < Math.min(limit, this.length); depth++) {
      const price = this.price(depth)!
      out.push([price, this.size(price)])
    }
    return out
  }

  #find(key: number): number {
    let low = 0
    let high = this.#keys.length
    while (low < high) {
      const middle = (low + high) >> 1
      if (this.#keys[middle]! < key) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** Changes since a book, all of one numbering. */
class Epoch {
  readonly base: Book
  readonly seqs: number[] = []
  readonly #sides: Side[] = []
  readonly #prices: number[] = []
  readonly #sizes: number[] = []
  // Where the last question left off: tests ask in rising order.
  #cursor: { book: Book; next: number } | undefined

  constructor(base: Book) {
    this.base = base
  }

  add(seq: number, side: Side, price: number, size: number): void {
    this.seqs.push(seq)
    this.#sides.push(side)
    this.#prices.push(price)
    this.#sizes.push(size)
  }

  /** Folds the older half into the base. */
  forget(): void {
    const count = this.seqs.length >> 1
    for (let i = 0; i < count; i++) this.#apply(this.base, i)
    for (const list of [this.seqs, this.#sides, this.#prices, this.#sizes]) list.splice(0, count)
    this.#cursor = undefined
  }

  at(seq: number): Levels {
    if (this.#cursor === undefined || this.#cursor.book.seq > seq) this.#cursor = { book: this.base.copy(), next: 0 }
    const cursor = this.#cursor
    while (cursor.next < this.seqs.length && this.seqs[cursor.next]! <= seq) this.#apply(cursor.book, cursor.next++)
    return cursor.book.levels()
  }

  #apply(book: Book, i: number): void {
    book.side(this.#sides[i]!).set(this.#prices[i]!, this.#sizes[i]!)
    book.seq = this.seqs[i]!
  }
}

export class Book {
  seq: number
  readonly bids = new Ladder(0)
  readonly asks = new Ladder(1)

  constructor(seq: number) {
    this.seq = seq
  }

  side(side: Side): Ladder {
    return side === 0 ? this.bids : this.asks
  }

  levels(limit: number = Infinity): Levels {
    return { seq: this.seq, bids: this.bids.levels(limit), asks: this.asks.levels(limit) }
  }

  copy(): Book {
    const book = new Book(this.seq)
    for (const [price, size] of this.bids.levels(Infinity)) book.bids.set(price, size)
    for (const [price, size] of this.asks.levels(Infinity)) book.asks.set(price, size)
    return book
  }
}

const EPOCHS_MAX = 8

/** A book that remembers its last `changesMax` changes. */
export class BookHistory {
  readonly book: Book
  readonly #changesMax: number
  readonly #epochs: Epoch[]

  /** @param book the book at the start; it is kept, and changed through {@link set} only */
  constructor(book: Book, changesMax: number) {
    this.book = book
    this.#changesMax = changesMax
    this.#epochs = [new Epoch(book.copy())]
  }

  set(seq: number, side: Side, price: number, size: number): void {
    this.book.side(side).set(price, size)
    this.book.seq = seq
    const epoch = this.#epochs.at(-1)!
    epoch.add(seq, side, price, size)
    if (epoch.seqs.length > this.#changesMax) epoch.forget()
  }

  /** The numbering begins anew at `seq`, with the levels as they are. */
  restart(seq: number): void {
    this.book.seq = seq
    this.#epochs.push(new Epoch(this.book.copy()))
    if (this.#epochs.length > EPOCHS_MAX) this.#epochs.shift()
  }

  /** The book after all changes up to `seq`, of the newest numbering that has it; undefined when forgotten or to come. */
  at(seq: number): Levels | undefined {
    const epoch = this.#epochs.findLast((e) => e.base.seq <= seq && seq <= (e.seqs.at(-1) ?? e.base.seq))
    return epoch?.at(seq)
  }
}
