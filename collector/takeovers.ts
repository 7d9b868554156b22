// The takeovers of a market: asks the sink for all of them at once.
import type { Channel } from './market/channel.ts'
import type { Shared } from './shared.ts'
import type { Takeover } from './takeover.ts'

export class Takeovers {
  readonly #shared: Pick<Shared, 'last' | 'isSinkShared'>
  readonly #all = new Map<Channel, Takeover>()
  #isLooking = false

  constructor(shared: Pick<Shared, 'last' | 'isSinkShared'>) {
    this.#shared = shared
  }

  /** Messages held back. */
  get pending(): number {
    return [...this.#all.values()].reduce((all, { pending }) => all + pending, 0)
  }

  add(takeover: Takeover): void {
    this.#all.set(takeover.channel, takeover)
  }

  /** Once a second. */
  tick(): void {
    for (const [channel, takeover] of this.#all) {
      if (this.#shared.isSinkShared) takeover.tick()
      else takeover.end()
      if (takeover.isOver) this.#all.delete(channel)
    }
    const due = [...this.#all.values()].filter(({ isDue }) => isDue)
    if (due.length > 0 && !this.#isLooking) void this.#look(due)
  }

  /** The channel ends. */
  close(channel: Channel): void {
    this.#all.get(channel)?.close()
    this.#all.delete(channel)
  }

  async #look(due: readonly Takeover[]): Promise<void> {
    this.#isLooking = true
    const none: Awaited<ReturnType<Shared['last']>> = new Map()
    // Of a sink that is away nothing is known; its own status says so.
    const last = await this.#shared.last(due.map(({ channel }) => channel)).catch(() => none)
    this.#isLooking = false
    for (const takeover of due) takeover.look(last.get(takeover.channel))
  }
}
