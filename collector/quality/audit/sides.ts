// One side of a book that an audit rebuilds: numbers in one array, sorted from the worst level to the best, so that what
// changes most lies at the end.
//
// Always: prices are in order and differ. A price is kept with the sign of the side, so that more is better on both.
import { LEVEL, type Levels } from './reading.ts'

const { columns: COLUMNS, price: PRICE, size: SIZE, raw: RAW } = LEVEL
const LEVELS_FIRST = 64

export class Side {
  /** 1 when the highest price is the best (bids), -1 when the lowest is (asks). */
  readonly #direction: 1 | -1
  #cells = new Float64Array(LEVELS_FIRST * COLUMNS)
  count = 0
  /** The worst price of the snapshot that the side began with, beyond which not all levels are known; NaN: none. */
  #worst = Number.NaN
  #worstRest = Number.NaN

  constructor(direction: 1 | -1) {
    this.#direction = direction
  }

  /** The whole side: a snapshot's levels, best first. */
  replace(levels: Levels): void {
    this.count = 0
    this.change(levels)
    const last = (levels.count - 1) * COLUMNS
    this.#worst = last < 0 ? Number.NaN : (levels.cells[last + PRICE] as number) * this.#direction
    this.#worstRest = last < 0 ? Number.NaN : (levels.cells[last + PRICE + 1] as number) * this.#direction
  }

  /** Absolute sizes; zero removes the level. */
  change({ cells, count }: Levels): void {
    for (let i = count - 1; i >= 0; i--) this.#set(cells, i * COLUMNS)
  }

  /** Whether the best level of this side, the bids, is not below that of the other. */
  isCrossedWith(other: Side): boolean {
    if (this.count === 0 || other.count === 0) return false
    const [at, otherAt] = [(this.count - 1) * COLUMNS, (other.count - 1) * COLUMNS]
    const distance = (this.#cells[at + PRICE] as number) + (other.#cells[otherAt + PRICE] as number)
    if (distance !== 0) return distance > 0
    return (this.#cells[at + PRICE + 1] as number) + (other.#cells[otherAt + PRICE + 1] as number) >= 0
  }

  /** The best price, for people. */
  get best(): string {
    return this.#text((this.count - 1) * COLUMNS).split(' ')[0] as string
  }

  /** The first difference between this side and a snapshot of it, as far as both know all levels. */
  differenceTo(snapshot: Levels): string | undefined {
    const wanted = new Side(this.#direction)
    wanted.replace(snapshot)
    let [i, j] = [this.count - 1, wanted.count - 1]
    for (; ; i--, j--) {
      const has = i >= 0 && this.#isKnown(this, i) && wanted.#isKnown(this, i)
      const has2 = j >= 0 && this.#isKnown(wanted, j) && wanted.#isKnown(wanted, j)
      if (!has && !has2) return undefined
      if (has && has2 && this.#isSame(i, wanted, j)) continue
      const ours = has ? this.#text(i * COLUMNS) : 'no level'
      return `it has ${ours} where the snapshot has ${has2 ? wanted.#text(j * COLUMNS) : 'none'}`
    }
  }

  #set(cells: Float64Array, from: number): void {
    const price = (cells[from + PRICE] as number) * this.#direction
    const rest = (cells[from + PRICE + 1] as number) * this.#direction
    const i = this.#find(price, rest)
    const at = i * COLUMNS
    const found = i < this.count && this.#cells[at] === price && this.#cells[at + 1] === rest
    if (cells[from + SIZE] === 0 && cells[from + SIZE + 1] === 0) {
      if (found) this.#move(at + COLUMNS, at, -1)
      return
    }
    if (!found) this.#move(at, at + COLUMNS, 1)
    const own = this.#cells
    own[at + PRICE] = price
    own[at + PRICE + 1] = rest
    for (let k = SIZE; k < COLUMNS; k++) own[at + k] = cells[from + k] as number
  }

  /** Moves the levels from a place on, which makes or takes the place of one. */
  #move(from: number, to: number, change: 1 | -1): void {
    const end = this.count * COLUMNS
    this.count += change
    if (this.count * COLUMNS > this.#cells.length) {
      const cells = new Float64Array(this.#cells.length * 2)
      cells.set(this.#cells)
      this.#cells = cells
    }
    if (from < end) this.#cells.copyWithin(to, from, end)
  }

  /** Place of the first level that is not worse. */
  #find(price: number, rest: number): number {
    const cells = this.#cells
    let low = 0
    let high = this.count
    while (low < high) {
      const middle = (low + high) >>> 1
      const other = cells[middle * COLUMNS] as number
      if (other < price || (other === price && (cells[middle * COLUMNS + 1] as number) < rest)) low = middle + 1
      else high = middle
    }
    return low
  }

  /** Whether all levels are known up to that of a side. */
  #isKnown(of: Side, i: number): boolean {
    const price = of.#cells[i * COLUMNS] as number
    if (price !== this.#worst) return !(price < this.#worst)
    return !((of.#cells[i * COLUMNS + 1] as number) < this.#worstRest)
  }

  #isSame(i: number, other: Side, j: number): boolean {
    for (let k = 0; k < COLUMNS; k++) {
      // A figure that neither has is NaN, and what stands behind it is of an earlier level.
      if (k === RAW && Number.isNaN(this.#cells[i * COLUMNS + k]) && Number.isNaN(other.#cells[j * COLUMNS + k]))
        return true
      if (this.#cells[i * COLUMNS + k] !== other.#cells[j * COLUMNS + k]) return false
    }
    return true
  }

  /** A level for people: digits beyond the fifteenth are left out. */
  #text(at: number): string {
    const [price, size, raw] = [PRICE, SIZE, RAW].map((column) => this.#cells[at + column] as number)
    return [(price as number) * this.#direction, size, ...(Number.isNaN(raw) ? [] : [raw])].join(' x ')
  }
}
