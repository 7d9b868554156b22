// What of a numbering has been seen. Trades cover one id each, deltas the sequences that they lead over, candles time.
//
// Always: `holes` are sorted, none overlaps another, and they lie between the first number seen and `end`. What lies before
// the first number is nobody's loss: the stream may have begun, or been cut off, there.

/** A part of a numbering: everything in (after, until]. */
export interface Span {
  readonly after: number
  readonly until: number
}

/** A part of which nothing was seen. */
export interface Hole extends Span {
  /** Between which times it opened, µs. */
  readonly from: number
  readonly to: number
  /** The numbering broke off here and began anew, so that only times can say whether it was announced. */
  readonly isRestart?: true
}

/** What a message adds: something after all before it, something that was missing, or nothing that was not there. */
export type Place = 'next' | 'late' | 'again'

export class Coverage {
  /** What is missing between the first number and `end`. */
  readonly holes: Hole[] = []
  /** The highest number seen; undefined before the first. */
  end: number | undefined
  #begin = 0
  #endTime = 0

  /** Takes what covers (after, until] and happened between the times `from` and `to`, µs. */
  add(after: number, until: number, from: number, to: number): Place {
    if (this.end === undefined) this.reach(after, from, to)
    const next = until > (this.end as number)
    const filled = after < (this.end as number) && this.#fill(after, until)
    this.reach(after, from, to)
    if (!next) return filled || until <= this.#begin ? 'late' : 'again'
    this.end = until
    this.#endTime = from
    return 'next'
  }

  /** Says that the numbering went on to `until`, without covering what lies between. */
  reach(until: number, from: number, to: number): void {
    if (this.end === undefined) this.#begin = until
    else if (until <= this.end) return
    else this.holes.push({ after: this.end, until, from: Math.min(this.#endTime, from), to })
    this.end = until
    this.#endTime = from
  }

  /** Takes (after, until] out of the holes; false when none of it was missing. */
  #fill(after: number, until: number): boolean {
    const first = this.#firstBeyond(after)
    let last = first
    while (last < this.holes.length && (this.holes[last] as Hole).after < until) last++
    if (first === last) return false
    const left = this.holes.slice(first, last).flatMap((hole) => cut(hole, after, until))
    this.holes.splice(first, last - first, ...left)
    return true
  }

  /** Place of the first hole that reaches beyond a number. */
  #firstBeyond(after: number): number {
    let low = 0
    let high = this.holes.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((this.holes[middle] as Hole).until <= after) low = middle + 1
      else high = middle
    }
    return low
  }
}

/** What is left of a hole when (after, until] is taken out of it. */
export function cut(hole: Hole, after: number, until: number): Hole[] {
  if (after >= hole.until || until <= hole.after) return [hole]
  const left: Hole[] = []
  if (after > hole.after) left.push({ ...hole, until: after })
  if (until < hole.until) left.push({ ...hole, after: until })
  return left
}

/** Takes the oldest holes out of lists that follow each other, until no more than `keep` are left in all of them. */
export function takeOldest(lists: readonly Hole[][], keep: number): Hole[] {
  let excess = lists.reduce((sum, list) => sum + list.length, -keep)
  return lists.flatMap((list) => {
    const taken = list.splice(0, Math.max(0, excess))
    excess -= taken.length
    return taken
  })
}
