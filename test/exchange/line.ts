// The way of a frame from the venue to one connection, with the faults that lie on it.
// Always: a frame is taken by one fault at most; within a stream the order stays, except where `reorder` changes it;
// what is written and what is withheld stands in the ledger.
import type { Clock } from './clock.ts'
import type { Faults } from './faults.ts'
import type { ConnectionEntry } from './ledger.ts'
import type { Random } from './random.ts'
import type { Frame } from './venue.ts'

const ON_FRAMES = ['drop', 'duplicate', 'reorder', 'corrupt', 'truncate', 'delay', 'close'] as const
// A frame that waits for the next one to overtake it goes on its own after this.
const HELD_MS_MAX = 1_000
const LATE_MAX = 100_000

interface End {
  write(text: string): void
  close(code: number): void
  wrap(frame: Frame): string
}

export class Line {
  /** Set while the connection is silent by a fault. */
  stalled = false
  readonly #market: string
  readonly #clock: Clock
  readonly #chance: Random
  readonly #faults: Faults
  readonly #entry: ConnectionEntry
  readonly #end: End
  readonly #held = new Map<string, { frame: Frame; cancel: () => void }>()
  readonly #lateUntil = new Map<string, number>()
  #late = 0

  constructor(market: string, clock: Clock, chance: Random, faults: Faults, entry: ConnectionEntry, end: End) {
    this.#market = market
    this.#clock = clock
    this.#chance = chance
    this.#faults = faults
    this.#entry = entry
    this.#end = end
  }

  push(frame: Frame): void {
    const { stream, id } = frame
    if (this.stalled) return this.#entry.fault(stream, 'stall', id, false)
    const spec = this.#faults.take(ON_FRAMES, this.#market, stream)?.spec
    switch (spec?.kind) {
      case undefined:
        return this.#inOrder(frame, 0)
      case 'drop':
        return this.#entry.fault(stream, 'drop', id, false)
      case 'duplicate':
        this.#entry.fault(stream, 'duplicate', id, false)
        this.#inOrder(frame, 0)
        return this.#inOrder(frame, 0)
      case 'reorder':
        return this.#hold(frame)
      case 'corrupt':
        return this.#spoilt(frame, 'corrupt', corrupt(this.#end.wrap(frame), spec.bytes, this.#chance))
      case 'truncate': {
        const text = this.#end.wrap(frame)
        return this.#spoilt(frame, 'truncate', text.slice(0, 1 + this.#chance.int(text.length - 1)))
      }
      case 'delay':
        this.#entry.fault(stream, 'delay', id, false)
        return this.#inOrder(frame, spec.ms)
      case 'close':
        this.#entry.fault(stream, 'close', id, false)
        return this.#end.close(spec.code)
      default:
        throw new Error(`fault '${String(spec satisfies never)}' does not act on frames`)
    }
  }

  /** Nothing is written from here on. */
  end(): void {
    for (const { frame, cancel } of this.#held.values()) {
      cancel()
      this.#entry.fault(frame.stream, 'drop', frame.id, false)
    }
    this.#held.clear()
    this.#lateUntil.clear()
  }

  /** Writes it after `ms`, and never before an earlier frame of the stream that is still under way. */
  #inOrder(frame: Frame, ms: number): void {
    const now = this.#clock.now()
    const due = Math.max(now + ms, this.#lateUntil.get(frame.stream) ?? 0)
    if (due <= now) return this.#write(frame)
    if (this.#late >= LATE_MAX) return this.#entry.fault(frame.stream, 'drop', frame.id, false)
    this.#lateUntil.set(frame.stream, due)
    this.#late++
    this.#clock.at(due, () => {
      this.#late--
      if (this.#lateUntil.get(frame.stream) === due) this.#lateUntil.delete(frame.stream)
      this.#write(frame)
    })
  }

  #hold(frame: Frame): void {
    this.#entry.fault(frame.stream, 'reorder', frame.id, false)
    if (this.#held.has(frame.stream)) return this.#write(frame)
    const cancel = this.#clock.after(HELD_MS_MAX, () => this.#release(frame.stream))
    this.#held.set(frame.stream, { frame, cancel })
  }

  #release(stream: string): void {
    const held = this.#held.get(stream)
    if (held === undefined) return
    this.#held.delete(stream)
    held.cancel()
    this.#write(held.frame)
  }

  #write(frame: Frame): void {
    if (this.stalled) return this.#entry.fault(frame.stream, 'stall', frame.id, false)
    this.#entry.sent(frame)
    this.#end.write(this.#end.wrap(frame))
    this.#release(frame.stream)
  }

  #spoilt(frame: Frame, kind: 'corrupt' | 'truncate', text: string): void {
    this.#entry.fault(frame.stream, kind, frame.id, true)
    this.#end.write(text)
  }
}

function corrupt(text: string, count: number, chance: Random): string {
  const bytes = Buffer.from(text)
  for (let i = 0; i < count; i++) {
    const at = chance.int(bytes.length)
    // another printable character
    bytes[at] = 0x21 + ((bytes[at]! - 0x21 + 1 + chance.int(92)) % 93)
  }
  return bytes.toString()
}
