// A book as one socket tells it, where the stream sends its snapshots itself: a snapshot, then a chain of deltas.
//
// Elements that are numbered name their predecessor, so a hole shows. Those that are not follow whatever came before on
// this socket, and only a checksum shows one; they are numbered by their time, µs, and one more than the one before where
// several have the same. Always: while `follows` is true the book is the venue's at `seq`. Never: two sockets in one chain.
import type { Delta } from './chain.ts'
import { checksumOf } from './checksum.ts'
import { KnownBook } from './known.ts'
import { DeltaQueue } from './queue.ts'
import type { BookReader } from './reader.ts'

/**
 * What an element is to the line. `begun`: a snapshot. `next`: it goes on. `renumbered`: it goes on from a lower number.
 * `alive`: it says that nothing changed. `repeated`: all of it is known. `ignored`: no snapshot came before it. `hole`:
 * something before it is missing. `wrong`: the book has another checksum than the venue's; after these two, as before
 * the first snapshot, the line waits for one.
 */
export type Step = 'begun' | 'next' | 'renumbered' | 'alive' | 'repeated' | 'ignored' | 'hole' | 'wrong'

/** A delta that is to be published once the book stands where it begins. */
export interface Ahead extends Readonly<Delta> {
  readonly form: number
  readonly bytes: Buffer
  readonly received: number
  /** Event time of what was before it on the line, µs. */
  readonly previousTime: number
}

export class Line {
  readonly socketId: number
  /** Another one with each snapshot: the one before it may still be the published one. */
  book = new KnownBook()
  seq = -1
  time = 0
  follows = false
  /** Since when it waits for a snapshot, µs. */
  waitsSince: number
  /** Deltas that the published book has not reached; the last one leads to `seq`. */
  readonly ahead = new DeltaQueue<Ahead>()
  #isNumbered = true

  constructor(socketId: number, received: number) {
    this.socketId = socketId
    this.waitsSince = received
  }

  /** Whether a missing element would show. */
  get isProven(): boolean {
    return this.#isNumbered
  }

  /** Takes the element that was read last; numbers it where the venue does not. */
  take(reader: BookReader, delta: Delta, bytes: Buffer, received: number): Step {
    const step = this.#take(reader, delta, bytes)
    if (step === 'hole' || step === 'wrong') this.lose(received)
    return step
  }

  /** What comes next follows nothing. */
  lose(received: number): void {
    this.follows = false
    this.waitsSince = received
    this.ahead.clear()
  }

  #take(reader: BookReader, delta: Delta, bytes: Buffer): Step {
    if (reader.kind === 'snapshot') return this.#begin(reader, delta, bytes)
    if (!this.follows) return 'ignored'
    if (reader.isNumbered !== this.#isNumbered) return 'hole'
    if (!this.#isNumbered) {
      if (delta.time < this.time) return 'hole'
      delta.previous = this.seq
      delta.last = Math.max(delta.time, this.seq + 1)
    }
    const { previous, last, time } = delta
    if (previous !== this.seq) return last <= this.seq && time <= this.time ? 'repeated' : 'hole'
    if (last === previous) return reader.bids.count === 0 && reader.asks.count === 0 ? 'alive' : 'hole'
    this.book.apply(bytes, reader.bids, reader.asks)
    return this.#stand(reader, delta, last < previous ? 'renumbered' : 'next')
  }

  #begin(reader: BookReader, delta: Delta, bytes: Buffer): Step {
    const isKnown = this.follows && delta.last <= this.seq && delta.time <= this.time
    if (isKnown) return 'repeated'
    this.ahead.clear()
    this.#isNumbered = reader.isNumbered
    this.follows = true
    this.book = new KnownBook()
    this.book.begin(bytes, reader.bids, reader.asks, Infinity)
    return this.#stand(reader, delta, 'begun')
  }

  #stand(reader: BookReader, { last, time }: Delta, step: Step): Step {
    this.seq = last
    this.time = time
    const sum = reader.checksum()
    return sum === undefined || sum === checksumOf(this.book) ? step : 'wrong'
  }
}
