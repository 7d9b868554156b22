// Which Deployments may get a new pod template now. Pure.
//
// Always: what is new is made at once; a Deployment whose own rollout is stuck gets the newer template at once, since
// waiting for a broken one to become ready would wait for ever; else one at a time, shard by shard, publisher `a` before
// `b`, and only while every other is settled. So a template that does not come up stops at its first pod.
import type { Publishing } from './publishing.ts'

/** A Deployment that exists and is to have another template. */
export interface Turn {
  readonly name: string
  readonly isSettled: boolean
}

/** @param changed those that are to change, in the order of shards and publishers
 *  @param others those that are not, as they are */
export function turnsNow(changed: readonly Turn[], others: readonly Pick<Publishing, 'isSettled'>[]): string[] {
  const stuck = changed.filter(({ isSettled }) => !isSettled)
  if (stuck.length > 0) return stuck.map(({ name }) => name)
  if (!others.every(({ isSettled }) => isSettled)) return []
  return changed.slice(0, 1).map(({ name }) => name)
}

/**
 * Who may roll at the same time as others for a reason that is ours, such as a new default image. What a user changed
 * does not wait. Always: who waits is told when its turn has come; nobody looks for it by itself.
 */
export class Queue {
  readonly #max: number
  readonly #onTurn: (key: string) => void
  readonly #rolling = new Set<string>()
  /** Who waits for longest comes first. */
  readonly #waiting = new Set<string>()

  constructor(max: number, onTurn: (key: string) => void) {
    this.#max = max
    this.#onTurn = onTurn
  }

  /** Whether the Collector may go on; it keeps its place until {@link leave}. */
  enter(key: string, isUsers: boolean): boolean {
    if (!this.#rolling.has(key) && !isUsers && this.#rolling.size >= this.#max) {
      this.#waiting.add(key)
      return false
    }
    this.#waiting.delete(key)
    this.#rolling.add(key)
    return true
  }

  /** The Collector rolls no more, nor does it want to. */
  leave(key: string): void {
    const [wasRolling, wasWaiting] = [this.#rolling.delete(key), this.#waiting.delete(key)]
    if (!wasRolling && !wasWaiting) return
    const free = Math.max(0, this.#max - this.#rolling.size)
    for (const next of [...this.#waiting].slice(0, free)) this.#onTurn(next)
  }
}
