// The stream of a book's deltas over all sockets that deliver it: does this delta follow, or is something missing?
//
// A delta leads from `previous` to `last`. Each socket's deltas are a chain of their own: one begins exactly where the
// one before it ended (spot: U is the last u + 1, step 6 of its page; futures: pu is the last u, step 5). Two sockets
// cut the same changes at different places, so where the stream passes from one to another a delta may overlap.
// Always: at most one socket owns the stream, the one whose delta came last. Never: two numberings are one chain.

export interface Delta {
  previous: number
  last: number
  /** Event time, µs. */
  time: number
}

/**
 * What a delta is to the stream. `next`: it goes on. `repeated`: all of it is known. `hole`: something before it is
 * missing. `ahead`: it comes from another socket than the owner, which may still bring what lies between.
 * `restarted`: the venue began its numbering anew.
 */
export type Link = 'next' | 'repeated' | 'hole' | 'ahead' | 'restarted'

/** Whoever delivers next owns the stream; it must go on exactly, since nobody listened meanwhile. */
const ANY = 0
/** Whoever delivers next owns the stream, and may overlap: it listened while the owner still delivered. */
const HEIR = -1

interface End {
  readonly seq: number
  readonly time: number
}

export class Chain {
  /** Where the stream stands; -1 before the first delta. */
  seq = -1
  time = 0
  #owner = ANY
  /** Where the chains of other sockets stand. */
  readonly #others = new Map<number, End>()

  /**
   * Judges a delta; `hole` and `restarted` change nothing: the stream is to be begun anew, see {@link begin}.
   * After `next` the stream stands at its end.
   */
  link(delta: Readonly<Delta>, socketId: number): Link {
    const { previous, last, time } = delta
    if (this.#owner === ANY) this.#owner = socketId
    if (socketId !== this.#owner) return this.#linkOther(delta, socketId)
    if (previous === this.seq) {
      if (last === previous) return 'repeated'
      this.seq = last
      this.time = time
      return 'next'
    }
    if (last <= this.seq && time <= this.time) return 'repeated'
    return previous > this.seq ? 'hole' : 'restarted'
  }

  /** The stream begins with this delta. */
  begin({ last, time }: Readonly<Delta>, socketId: number): void {
    this.seq = last
    this.time = time
    this.#owner = socketId
    this.#others.clear()
  }

  /** The stream goes on from another socket: a delta of it that was `ahead` is next now. */
  pass({ last, time }: Readonly<Delta>, socketId: number): void {
    if (this.#owner > 0) this.#others.set(this.#owner, { seq: this.seq, time: this.time })
    this.#others.delete(socketId)
    this.#owner = socketId
    this.seq = last
    this.time = time
  }

  /** A socket is gone. `wasReplaced`: another one was asked for the stream before. @returns whether it was the owner */
  leave(socketId: number, wasReplaced: boolean): boolean {
    this.#others.delete(socketId)
    if (socketId !== this.#owner) return false
    this.#owner = wasReplaced || this.#others.size > 0 ? HEIR : ANY
    return true
  }

  /** Whether the stream goes on without a hole when only this socket is left. */
  follows(socketId: number): boolean {
    return socketId === this.#owner || (this.#others.get(socketId)?.seq ?? Infinity) <= this.seq
  }

  /** From a socket that does not own the stream. */
  #linkOther(delta: Readonly<Delta>, socketId: number): Link {
    const { previous, last, time } = delta
    const end = this.#others.get(socketId)
    if (end !== undefined && previous < end.seq) {
      // Its own chain goes back: it said this before, or began to count anew.
      return last <= end.seq && time <= end.time ? 'repeated' : 'restarted'
    }
    this.#others.set(socketId, { seq: last, time })
    const isHeir = this.#owner === HEIR
    if (last <= this.seq) {
      // A lower number at a later time. Venues that stamp the time of sending stamp each socket's deltas by themselves,
      // so that tells nothing while the owner goes on; its heir shall not be behind it for ever.
      return isHeir && last < this.seq && time > this.time ? 'restarted' : 'repeated'
    }
    if (previous > this.seq) return isHeir ? 'hole' : 'ahead'
    this.pass(delta, socketId)
    return 'next'
  }
}
