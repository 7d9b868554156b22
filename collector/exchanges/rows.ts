// Elements that lie in rows, each with the name of its instrument: whose they are and where they begin.
//
// In: the data of a frame in plain form. Out: the place of each element that is of a channel of ours, oldest first, though
// rows and what is in them are in no order. Always: what an element of ours lacks is found by whoever reads it; rows of
// others may be as they like. Never: a string or an object for a row or an element.
import { CLOSE_BRACE, CLOSE_BRACKET, COMMA, OPEN_BRACKET, findByte, viewOf } from '../wire/bytes.ts'
import { Frame, OTHER } from '../wire/frame.ts'
import { NameTable } from '../wire/names.ts'
import { skipValue } from '../wire/plain.ts'
import type { Nest } from './room.ts'

/** Who reads an element: the first of those who do tells its time. */
interface Reader {
  readonly frame: Frame
  readonly route: { readonly venueSymbol: string; readonly symbol: Buffer }
}

const NO_SYMBOL = Buffer.alloc(0)

export class Rows<R extends Reader> {
  /** How many elements were found; the i-th of them begins at `places[i]` and is read by `owners[i]`. */
  count = 0
  readonly places: number[] = []
  readonly owners: R[][] = []
  readonly #times: number[] = []
  readonly #byName = new NameTable<R[]>()
  readonly #nest: Nest
  readonly #row: Frame
  /** Places in its `at`. */
  readonly #symbol: number
  readonly #elements: number

  /** @param readers of all instruments whose elements come under one name */
  constructor(nest: Nest, readers: readonly R[]) {
    this.#nest = nest
    const { symbol, elements } = nest
    const keys = { [symbol]: 'name', [elements]: 'list' } as const
    this.#row = new Frame({ type: 'liquidation', evidence: '', keys, expect: {}, id: [], message: {} })
    this.#symbol = this.#row.field(symbol) * 2
    this.#elements = this.#row.field(elements) * 2
    for (const [name, own] of Map.groupBy(readers, ({ route }) => route.venueSymbol)) this.#byName.set(name, own)
  }

  /** Finds the elements of the data in [start, end); false where it is no array of rows, or one of ours cannot be read. */
  find(bytes: Buffer, start: number, end: number): boolean {
    this.count = 0
    if (bytes[start] !== OPEN_BRACKET) return false
    let pos = start + 1
    if (bytes[pos] === CLOSE_BRACKET) return pos + 1 === end
    for (;;) {
      pos = this.#take(bytes, pos, end)
      if (pos < 0 || pos >= end) return false
      if (bytes[pos] === CLOSE_BRACKET) break
      if (bytes[pos] !== COMMA) return false
      pos += 1
    }
    if (this.count > 1) this.#sort()
    return pos + 1 === end
  }

  /** Takes the elements of the row at `pos`; returns the place behind it, or -1. */
  #take(bytes: Buffer, pos: number, end: number): number {
    const { at } = this.#row
    const next = this.#row.read(bytes, pos, end, NO_SYMBOL)
    const symbol = at[this.#symbol] as number
    const elements = at[this.#elements] as number
    if (next < 0 && next !== OTHER) return -1
    const own = symbol < 0 ? undefined : this.#byName.at(bytes, symbol, at[this.#symbol + 1] as number)
    // A row of ours that has no elements lacks something.
    if (next === OTHER) return own === undefined ? skipValue(bytes, pos, end) : -1
    const elementsEnd = at[this.#elements + 1] as number
    const isTaken = own === undefined || this.#takeAll(bytes, elements, elementsEnd, bytes[next] === COMMA, own)
    return isTaken ? next : -1
  }

  /** @param isFollowed another row stands behind this one */
  #takeAll(bytes: Buffer, start: number, end: number, isFollowed: boolean, own: R[]): boolean {
    let pos = start + 1
    if (pos + 1 === end) return true
    // Almost always there is one, in one row, and its time does not matter.
    const last = end - 2 + bytes.byteOffset
    if (
      !isFollowed &&
      this.count === 0 &&
      findByte(viewOf(bytes), pos + bytes.byteOffset, last, CLOSE_BRACE) === last
    ) {
      this.#push(pos, own, 0)
      return true
    }
    const { frame, route } = own[0] as R
    const time = frame.field(this.#nest.time)
    for (; pos < end; pos++) {
      const behind = frame.read(bytes, pos, end, route.symbol)
      if (behind < 0) return false
      this.#push(pos, own, frame.time(time))
      pos = behind
    }
    return true
  }

  #push(place: number, owner: R[], time: number): void {
    const i = this.count++
    this.places[i] = place
    this.owners[i] = owner
    this.#times[i] = time
  }

  #sort(): void {
    const order = Array.from({ length: this.count }, (_, i) => i)
    order.sort((a, b) => (this.#times[a] as number) - (this.#times[b] as number))
    const [places, owners] = [this.places.slice(), this.owners.slice()]
    for (const [i, from] of order.entries()) {
      this.places[i] = places[from] as number
      this.owners[i] = owners[from] as R[]
    }
  }
}
