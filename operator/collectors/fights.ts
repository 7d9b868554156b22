// Notices that somebody else keeps changing what we own, and stops answering.
//
// Always: a change by hand is put back at once; an object that is put back again and again within a minute is fought over,
// which nobody wins, and it is left to the other for a while and said. An object as a whole: it is applied as a whole, and
// whoever changes another field each time is no better. Level, not blame: who it is, the condition's reader sees in the
// object's managedFields.

interface Fight {
  /** The field that was put back last, or is left alone. */
  readonly path: string
  /** When each of the last corrections was made, ms. */
  readonly times: readonly number[]
  readonly quietUntilMs: number
}

const TIMES_MAX = 5
const WITHIN_MS = 60_000
const QUIET_MS = 300_000

export class Fights {
  readonly #fights = new Map<string, Fight>()

  /** Whether the object may be put right now. @param id of the object, with its Collector's key */
  mayCorrect(id: string, path: string, nowMs: number): boolean {
    const { times: before = [], quietUntilMs = 0 } = this.#fights.get(id) ?? {}
    if (nowMs < quietUntilMs) return false
    const times = before.filter((time) => nowMs - time < WITHIN_MS)
    if (times.length < TIMES_MAX) return true
    this.#fights.set(id, { path, times: [], quietUntilMs: nowMs + QUIET_MS })
    return false
  }

  /** The object was put right. What could not be is no fight, but a failure. */
  corrected(id: string, path: string, nowMs: number): void {
    const times = this.#fights.get(id)?.times ?? []
    this.#fights.set(id, { path, times: [...times, nowMs].slice(-TIMES_MAX), quietUntilMs: 0 })
  }

  /** The fields that are left to others now, each as `Deployment/majors-0-a spec.replicas`. */
  left(prefix: string, nowMs: number): string[] {
    return [...this.#fights]
      .filter(([id, { quietUntilMs }]) => id.startsWith(prefix) && nowMs < quietUntilMs)
      .map(([id, { path }]) => `${id.slice(prefix.length)} ${path}`)
  }

  /** When the first of them may be put right again, ms from now; undefined where none is left to others. */
  againMs(prefix: string, nowMs: number): number | undefined {
    const waits = [...this.#fights].flatMap(([id, { quietUntilMs }]) =>
      id.startsWith(prefix) && nowMs < quietUntilMs ? [quietUntilMs - nowMs] : [],
    )
    return waits.length === 0 ? undefined : Math.min(...waits)
  }

  forget(prefix: string): void {
    for (const id of this.#fights.keys()) if (id.startsWith(prefix)) this.#fights.delete(id)
  }
}
