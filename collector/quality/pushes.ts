// Tickers and klines: each frame says how things stand, and no sequence tells what was missed.
//
// So a gap is announced when the socket was down, a frame could not be read, or the spool was full. What a socket sent
// just before is a repetition; so is what comes from another one and is not later: two sockets overlap at a planned
// replacement.
import type { Track } from '../exchanges/track.ts'
import type { GapReason } from '../market/messages.ts'
import type { Outlet } from '../market/outlet.ts'
import type { Frame } from '../wire/frame.ts'

/** Keys that put frames in order. */
export interface PushOrder {
  readonly seq?: string
  readonly time?: string
  /** What tells frames of one time apart: the open time of a candle. */
  readonly part?: string
}

/** Whoever delivers next. */
const ANY = 0
/** A socket that takes over may be behind the one that went, not longer than this; then numbering began anew. */
const BEHIND_US = 5_000_000

export class PushTrack implements Track {
  readonly outlet: Outlet
  readonly #frame: Frame
  readonly #seqField: number
  readonly #timeField: number
  readonly #partField: number
  #seq = -1
  #time = -1
  #part = -1
  /** The socket that delivered last. */
  #socket = ANY
  #behindUntilUs = 0

  constructor(outlet: Outlet, frame: Frame, { seq, time, part }: PushOrder) {
    this.outlet = outlet
    this.#frame = frame
    this.#seqField = seq === undefined ? -1 : frame.field(seq)
    this.#timeField = time === undefined ? -1 : frame.field(time)
    this.#partField = part === undefined ? -1 : frame.field(part)
  }

  take(bytes: Buffer, _pos: number, _end: number, received: number, socketId: number): boolean {
    const seq = this.#seqField < 0 ? 0 : this.#frame.integer(bytes, this.#seqField)
    const time = this.#timeField < 0 ? 0 : this.#frame.time(bytes, this.#timeField)
    const part = this.#partField < 0 ? 0 : this.#frame.integer(bytes, this.#partField)
    if (!(seq >= 0 && time >= 0 && part >= 0)) return false
    if (this.#isRepeated(seq, time, part, received, socketId)) {
      this.outlet.channel.tally.repeated += 1
      return true
    }
    if (!this.outlet.publish(bytes, this.#frame, received, this.#timeField < 0 ? received : time)) return false
    this.#seq = seq
    this.#time = time
    this.#part = part
    this.#socket = socketId
    return true
  }

  interrupt(reason: GapReason, socketId: number): void {
    // The other socket of a planned replacement goes on.
    if (reason === 'disconnect' && this.#socket !== ANY && this.#socket !== socketId) return
    if (reason === 'disconnect') this.#socket = ANY
    this.outlet.interrupt(reason)
  }

  leave(socketId: number): void {
    if (this.#socket !== socketId) return
    // A quiet channel may not have heard from the socket that takes over.
    this.#socket = ANY
    this.#behindUntilUs = this.outlet.own.nowUs() + BEHIND_US
  }

  follows(): boolean {
    return true
  }

  get position(): { last_seq?: number } {
    return this.#seqField < 0 || this.#seq < 0 ? {} : { last_seq: this.#seq }
  }

  get inSync(): undefined {
    return undefined
  }

  close(): void {
    this.outlet.announce(this.outlet.own.nowUs(), {})
  }

  #isRepeated(seq: number, time: number, part: number, received: number, socketId: number): boolean {
    const mayBeBehind = this.#socket === ANY ? received < this.#behindUntilUs : this.#socket !== socketId
    if (mayBeBehind) return seq <= this.#seq && time <= this.#time && part <= this.#part
    // From the same socket a lower sequence or time is none: numbering began anew, or the venue's clock was set back.
    return seq === this.#seq && time === this.#time && part === this.#part
  }
}
