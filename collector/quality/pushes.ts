// Tickers and klines: each frame says how things stand, and no sequence tells what was missed.
//
// So a gap is announced when the socket was down, a frame could not be read, or the spool was full. A frame that does
// not come later than the one before is a repetition: two sockets overlap at a planned replacement.
import type { Track } from '../exchanges/track.ts'
import type { GapReason } from '../market/messages.ts'
import type { Outlet } from '../market/outlet.ts'
import type { Frame } from '../wire/frame.ts'

/** Keys that put frames in order: a sequence, a time, or both. */
export interface PushOrder {
  readonly seq?: string
  readonly time?: string
}

export class PushTrack implements Track {
  readonly outlet: Outlet
  readonly #frame: Frame
  readonly #seqField: number
  readonly #timeField: number
  #seq = -1
  #time = -1
  #socket = 0

  constructor(outlet: Outlet, frame: Frame, order: PushOrder) {
    this.outlet = outlet
    this.#frame = frame
    this.#seqField = order.seq === undefined ? -1 : frame.field(order.seq)
    this.#timeField = order.time === undefined ? -1 : frame.field(order.time)
  }

  take(bytes: Buffer, _pos: number, _end: number, received: number, socketId: number): boolean {
    const seq = this.#seqField < 0 ? 0 : this.#frame.integer(bytes, this.#seqField)
    const time = this.#timeField < 0 ? received : this.#frame.time(bytes, this.#timeField)
    if (!(seq >= 0) || !(time > 0)) return false
    if (this.#isRepeated(seq, time, socketId)) {
      this.outlet.channel.tally.repeated += 1
      return true
    }
    if (!this.outlet.publish(bytes, this.#frame, received, time)) return false
    this.#seq = seq
    this.#time = time
    this.#socket = socketId
    return true
  }

  interrupt(reason: GapReason, socketId: number): void {
    // The other socket of a planned replacement goes on.
    if (reason === 'disconnect' && this.#socket !== socketId) return
    this.outlet.interrupt(reason)
  }

  leave(socketId: number): void {
    // A quiet channel may not have heard from the socket that took over, which was asked for it before this one went.
    if (this.#socket === socketId) this.#socket = 0
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

  #isRepeated(seq: number, time: number, socketId: number): boolean {
    // With a sequence or a time alone a lower one is old when another socket sends it; from the same one, numbering
    // began anew, or the venue's clock was set back.
    const isOther = socketId !== this.#socket
    if (this.#timeField < 0) return seq === this.#seq || (seq < this.#seq && isOther)
    if (this.#seqField < 0) return time === this.#time || (time < this.#time && isOther)
    return seq <= this.#seq && time <= this.#time
  }
}
