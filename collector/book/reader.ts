// How a form's elements are read as parts of a book: sequence, time, levels, checksum.
import assert from 'node:assert'
import type { BookForm } from '../exchanges/room.ts'
import type { Frame } from '../wire/frame.ts'
import type { Levels } from '../wire/levels.ts'
import type { Delta } from './chain.ts'

const NO_FIELD = -1

export class BookReader {
  readonly kind: BookForm['kind']
  readonly frame: Frame
  readonly bids: Levels
  readonly asks: Levels
  /** Whether the venue numbers these elements. Where not (`seq` is `time`), what counts them gives them numbers. */
  readonly isNumbered: boolean
  readonly #previous: number
  readonly #previousOffset: 0 | 1
  readonly #seq: number
  readonly #time: number
  readonly #checksum: number

  constructor(form: BookForm, frame: Frame) {
    const { kind, previous, seq, time, bids, asks, checksum } = form
    this.kind = kind
    this.frame = frame
    this.bids = frame.levels(bids)
    this.asks = frame.levels(asks)
    this.isNumbered = seq !== time
    assert(kind === 'snapshot' || this.isNumbered === (previous !== undefined), 'book: what is numbered is a chain')
    this.#previousOffset = previous === undefined || 'key' in previous ? 0 : 1
    this.#previous =
      previous === undefined ? NO_FIELD : frame.field('key' in previous ? previous.key : previous.firstKey)
    this.#seq = frame.field(seq)
    this.#time = frame.field(time)
    this.#checksum = checksum === undefined ? NO_FIELD : frame.field(checksum)
  }

  /**
   * Reads what the frame read last. Without numbers `last` is the time, and `previous` is not known; nor is that of a
   * snapshot.
   * @returns false when a number is missing or too large
   */
  read(delta: Delta): boolean {
    const { frame } = this
    delta.time = frame.time(this.#time)
    delta.last = this.isNumbered ? frame.integer(this.#seq) : delta.time
    delta.previous = this.#previous < 0 ? 0 : frame.integer(this.#previous) - this.#previousOffset
    return delta.time > 0 && delta.last >= 0 && delta.previous >= 0
  }

  /** The checksum of the book after the element that was read last; undefined where the venue gives none. */
  checksum(): number | undefined {
    if (this.#checksum < 0) return undefined
    const sum = this.frame.integer(this.#checksum)
    return sum === 0 || Number.isNaN(sum) ? undefined : sum
  }
}
