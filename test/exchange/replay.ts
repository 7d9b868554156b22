// Plays the items of a recorded session in their order: at their own pace, faster, or as fast as they are read.
// An `open` is a gate: what follows waits until all that was subscribed there is subscribed here (or for a command), so
// a client that was cut off in the recording misses nothing by being slow to come back.
import type { Clock } from './clock.ts'
import type { Item } from './recording.ts'
import type { Peer } from './venue.ts'

export interface Player {
  /** Whether all that an opened socket carried is subscribed. */
  ready(item: Extract<Item, { kind: 'open' }>): boolean
  /** Does what the item says; the answer are the peers that got something. */
  play(item: Item): Iterable<Peer>
}

// Unread bytes of a connection above which `max` waits for its reader, and items between two breaths.
const UNREAD_BYTES_MAX = 1024 * 1024
const ITEMS_AT_ONCE_MAX = 256

export class Replay {
  /** Index of the next item. */
  position = 0
  readonly finished: Promise<void>
  readonly #items: readonly Item[]
  readonly #clock: Clock
  readonly #speed: number | 'max'
  readonly #player: Player
  /** What comes before it, answers of REST, takes no time. */
  readonly #firstOpen: number
  readonly #waiting: { position: number; resolve: () => void }[] = []
  #finish = () => {}
  #commanded = false
  #passNext = false
  #scheduled = false
  #closed = false
  /** The instant of the recording that stands for an instant of the clock. */
  #origin = { recorded: 0, clock: 0 }

  constructor(
    items: readonly Item[],
    clock: Clock,
    options: { speed: number | 'max'; start: 'subscribed' | 'command' },
    player: Player,
  ) {
    this.#items = items
    this.#clock = clock
    this.#speed = options.speed
    this.#player = player
    this.#commanded = options.start === 'subscribed'
    this.finished = new Promise((resolve) => (this.#finish = resolve))
    const firstOpen = items.findIndex(({ kind }) => kind === 'open')
    this.#firstOpen = firstOpen === -1 ? items.length : firstOpen
    if (items.length === 0) this.#finish()
    else if (firstOpen === -1) this.#later()
  }

  /** Begins, whoever is there: passes the next gate, or the one that it waits at. */
  start(): void {
    this.#commanded = true
    this.#passNext = true
    this.#later()
  }

  /** A subscription came: gates may open. */
  subscribed(): void {
    this.#later()
  }

  /** When all items before this one were played. */
  reached(position: number): Promise<void> {
    if (position <= this.position || this.#closed) return Promise.resolve()
    return new Promise((resolve) => this.#waiting.push({ position, resolve }))
  }

  close(): void {
    this.#closed = true
    for (const { resolve } of this.#waiting.splice(0)) resolve()
  }

  #later(): void {
    if (this.#scheduled || this.#closed || !this.#commanded) return
    this.#scheduled = true
    const run = () => {
      this.#scheduled = false
      this.#run()
    }
    if (this.#speed === 'max') setImmediate(run)
    else this.#clock.after(0, run)
  }

  #run(): void {
    for (let played = 0; !this.#closed && this.position < this.#items.length; played++) {
      const item = this.#items[this.position]!
      if (item.kind === 'open') {
        if (!this.#passNext && !this.#player.ready(item)) return
        this.#passNext = false
        this.#origin = { recorded: item.at, clock: this.#clock.now() }
      }
      if (this.#speed === 'max' && played >= ITEMS_AT_ONCE_MAX) return this.#later()
      if (this.position >= this.#firstOpen && this.#waitsForItsTime(item.at)) return
      this.position++
      let slow: Peer | undefined
      for (const peer of this.#player.play(item)) if (peer.buffered() > UNREAD_BYTES_MAX) slow = peer
      this.#wake()
      if (slow !== undefined && this.#speed === 'max') return slow.whenDrained(() => this.#later())
    }
    if (this.position === this.#items.length) this.#finish()
  }

  #waitsForItsTime(at: number): boolean {
    if (this.#speed === 'max') return false
    if (this.#origin.clock === 0) this.#origin = { recorded: at, clock: this.#clock.now() }
    const due = this.#origin.clock + (at - this.#origin.recorded) / this.#speed
    if (due <= this.#clock.now()) return false
    this.#scheduled = true
    this.#clock.at(due, () => {
      this.#scheduled = false
      this.#run()
    })
    return true
  }

  #wake(): void {
    for (let i = this.#waiting.length - 1; i >= 0; i--) {
      if (this.#waiting[i]!.position <= this.position) this.#waiting.splice(i, 1)[0]!.resolve()
    }
  }
}
