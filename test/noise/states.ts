// What becomes of the times at which a condition holds: pending, firing, kept firing; as Prometheus does it.

export interface Waiting {
  /** How often it is judged, s. */
  readonly step: number
  /** For how long it must hold, s. */
  readonly for: number
  /** For how long it fires on, s. */
  readonly keep: number
}

/** From when it was pending, from when it fired, and from when it did no more; `fired` is undefined where it never did. */
export interface Episode {
  readonly pending: number
  readonly fired: number | undefined
  readonly end: number
}

/** @param times when the condition held, ascending, all of them multiples of `step` apart. */
export function episodesOf(times: readonly number[], { step, for: hold, keep }: Waiting): Episode[] {
  const episodes: Episode[] = []
  let [pending, last] = [Number.NaN, Number.NaN]
  const firedAt = (end: number): number | undefined => {
    const fired = pending + Math.ceil(hold / step) * step
    return fired <= end ? fired : undefined
  }
  const finish = (): void => {
    if (Number.isNaN(pending)) return
    const fired = firedAt(last)
    // It ends when it is first judged not to hold, or so long after that.
    episodes.push({ pending, fired, end: last + step + (fired === undefined ? 0 : Math.ceil(keep / step) * step) })
  }
  for (const time of times) {
    // Judged not to hold from last + step on, a firing one was kept as long as less than `keep` had passed since.
    const isKept = firedAt(last) !== undefined && time - 2 * step - last < keep
    if (time - last !== step && !isKept) {
      finish()
      pending = time
    }
    last = time
  }
  finish()
  return episodes
}
