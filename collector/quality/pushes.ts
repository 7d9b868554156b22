// Tickers, klines and whatever else says how things stand: no sequence tells what was missed.
//
// So a gap is announced when the socket was down, a frame could not be read, the spool was full, or a candle that was
// begun has no final push. What a socket sent
// just before is a repetition; so is what comes from another one and is not later: two sockets overlap at a planned
// replacement. Where nothing puts elements in order, the newest socket has the word. Liquidations come in no order, and
// some venues send old ones again: each is taken once by what it says.
import type { Track } from '../exchanges/track.ts'
import type { GapReason } from '../market/messages.ts'
import type { Order, PushedType } from '../exchanges/room.ts'
import type { Outlet } from '../market/outlet.ts'
import type { Frame } from '../wire/frame.ts'
import { Changes, Recent } from './changes.ts'
import { Spans } from './spans.ts'

/** Whoever delivers next. */
const ANY = 0
/** A socket that takes over may be behind the one that went, not longer than this; then numbering began anew. */
const BEHIND_US = 5_000_000
/** What of a sparse type happened so long before the first start is told as little as anything before it. */
const OLD_US = 60_000_000

export interface PushOptions {
  readonly outlet: Outlet
  readonly order: Order
  readonly onChange?: PushedType['onChange']
  readonly sparse?: PushedType['sparse']
  /** Time of the last message of an earlier run, µs. */
  readonly resume?: { readonly time: number } | undefined
}

/** Where one form has the keys of order; -1: not at all. */
interface Fields {
  readonly frame: Frame
  readonly seq: number
  readonly time: number
  readonly part: number
}

export class PushTrack implements Track {
  readonly outlet: Outlet
  readonly #forms: readonly Fields[]
  readonly #hasSeq: boolean
  readonly #hasTime: boolean
  readonly #hasOrder: boolean
  /** Whether only changes are published. */
  readonly #onChange: boolean
  /** The message before, where its order alone does not tell whether another one is the same. */
  readonly #changes: Changes | undefined
  /** What was taken lately, of a sparse type without a sequence. */
  readonly #recent: Recent | undefined
  readonly #spans: Spans | undefined
  /** Of an earlier run, or of the first start: nothing up to this time is new in a type that is known by time alone, µs. */
  readonly #resumedTime: number
  #seq = -1
  #time = -1
  #part = -1
  /** The socket that delivered last. */
  #socket = ANY
  #behindUntilUs = 0
  /** What was dropped as older came from a socket that is behind, or from a new numbering: the next one taken tells. */
  #isInDoubt = false

  constructor({ outlet, order, onChange, sparse, resume }: PushOptions) {
    const { seq, time, part, span } = order
    this.outlet = outlet
    this.#hasSeq = seq !== undefined
    this.#hasTime = time !== undefined
    this.#hasOrder = seq !== undefined || time !== undefined
    this.#forms = outlet.forms.map(({ frame }) => ({
      frame,
      seq: seq === undefined ? -1 : frame.field(seq),
      time: time === undefined ? -1 : frame.field(time),
      part: part === undefined ? -1 : frame.field(part),
    }))
    this.#onChange = onChange !== undefined
    const isKnownByTime = seq === undefined && part === undefined
    this.#recent = sparse === true && isKnownByTime ? new Recent(outlet.forms) : undefined
    const isCompared = onChange !== undefined || (isKnownByTime && this.#recent === undefined)
    this.#changes = isCompared ? new Changes(outlet.forms, onChange) : undefined
    this.#spans = span === undefined ? undefined : new Spans(outlet.forms, span)
    // Where the venue sends old ones again at the first start, too.
    const startTime = this.#recent === undefined ? -1 : outlet.own.nowUs() - OLD_US
    this.#resumedTime = isKnownByTime && time !== undefined ? (resume?.time ?? startTime) : -1
  }

  take(form: number, bytes: Buffer, _pos: number, _end: number, received: number, socketId: number): boolean {
    const fields = this.#forms[form] as Fields
    const seq = fields.seq < 0 ? 0 : fields.frame.integer(fields.seq)
    const time = fields.time < 0 ? 0 : fields.frame.time(fields.time)
    const part = fields.part < 0 ? 0 : fields.frame.integer(fields.part)
    if (!(seq >= 0 && time >= 0 && part >= 0)) return false
    const isRepeated =
      this.#recent === undefined
        ? this.#isRepeated(form, bytes, seq, time, part, received, socketId)
        : time <= this.#resumedTime || !this.#recent.add(form, bytes, time)
    if (isRepeated) return this.#repeated(received)
    if (this.#onChange && this.outlet.lapse === undefined && this.#changes?.isSame(form, bytes) === true) {
      this.#passed(seq, time, part, socketId)
      return this.#repeated(received)
    }
    if (this.#spans?.isMissed(form) === true) this.outlet.interrupt('sequence')
    if (!this.outlet.publish(form, bytes, received, this.#hasTime ? time : received)) return false
    this.#changes?.keep(form, bytes)
    this.#spans?.pass(form)
    this.#passed(seq, time, part, socketId)
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
    return !this.#hasSeq || this.#seq < 0 ? {} : { last_seq: this.#seq }
  }

  get inSync(): undefined {
    return undefined
  }

  close(): void {
    this.outlet.announce(this.outlet.own.nowUs(), {})
  }

  #passed(seq: number, time: number, part: number, socketId: number): void {
    this.#isInDoubt = false
    this.#seq = seq
    this.#time = time
    this.#part = part
    this.#socket = socketId
  }

  #repeated(received: number): true {
    const { tally } = this.outlet.channel
    tally.repeated += 1
    tally.lastReceived = received
    return true
  }

  #isRepeated(
    form: number,
    bytes: Buffer,
    seq: number,
    time: number,
    part: number,
    received: number,
    socketId: number,
  ): boolean {
    if (!this.#hasOrder) return socketId < this.#socket
    if (time === this.#resumedTime) return true
    const mayBeBehind = this.#socket === ANY ? received < this.#behindUntilUs : this.#socket !== socketId
    if (mayBeBehind) {
      const isKnown = seq <= this.#seq && time <= this.#time && part <= this.#part
      this.#isInDoubt ||= isKnown && seq < this.#seq
      return isKnown
    }
    // From the same socket a lower sequence or time is none: numbering began anew, or the venue's clock was set back.
    if (seq < this.#seq && this.#isInDoubt) this.outlet.interrupt('sequence_restart')
    if (seq !== this.#seq || time !== this.#time || part !== this.#part) return false
    return this.#hasSeq || this.#changes === undefined || this.#changes.isSame(form, bytes)
  }
}
