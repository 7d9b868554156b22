// Trades by number: each once, in order; what was missed is fetched by REST, and what cannot be fetched is a gap.
// The number, called id here, is the message's id, or at some venues its `seq`.
//
//   live ── id jumps ──> filling (later trades wait) ── history is there, or refused ──> live
//                           │ after HOLD_MS, or HOLD_FRAMES_MAX waiting
//                           └──> live, and the fill comes late
// Always: after `last`, only ids above it are published, but for late fills, marked `filled`; an id that is never
// published lies inside a gap, and none that is published does. The trade that is stored last, wherever the run is
// cut off, says where a later run takes up, with the last gap, where that is stored behind it: while a fill is late each
// trade bears `pending`, and each gap that is not of the fill itself. A run that ends in order says with the gap what the
// next one asks for once more.
// Never: trades wait for one hole longer than HOLD_MS.
import assert from 'node:assert'
import type { Clock, Timer } from '../connection/clock.ts'
import type { Track } from '../exchanges/track.ts'
import type { GapReason, Trade } from '../market/messages.ts'
import type { GapEnds, Outlet } from '../market/outlet.ts'
import { ascii } from '../wire/bytes.ts'
import type { Frame } from '../wire/frame.ts'
import type { Template } from '../wire/template.ts'

/** Trades of this channel from an id on, inclusive, oldest first, each in plain form; rejects when they can't be had. */
export type History = (fromId: number) => Promise<readonly Buffer[]>

export const HOLD_MS = 5_000
export const HOLD_FRAMES_MAX = 5_000
/** A venue's REST may be behind its stream: what it does not have is asked for once more after this. */
const ASK_AGAIN_MS = 1_000
/** Pages of one fill: beyond that the venue's limits are worth more than the rest of a long outage. */
export const PAGES_MAX = 50
const ONLY_FORM = 0
/** Index into Frame.own of the flag that marks a trade as filled. */
const FILLED = 0

interface Held {
  readonly bytes: Buffer
  readonly received: number
}

/** Ids that were missed, and how far they have been filled. */
interface Hole {
  /** The first one that is still missing. */
  next: number
  /** The last one, inclusive. */
  readonly to: number
  readonly reason: GapReason
  /** Event times at both ends, µs. */
  readonly after: number
  readonly before: number
  /** Whether trades behind it wait. */
  waits: boolean
  /** Whether trades behind it are published: what fills it comes late. */
  late: boolean
}

/** What an earlier run left open: ids that it may not have published, and event times at both ends, µs. */
export interface LeftOpen {
  readonly after: number
  readonly before: number
  readonly from: number
  readonly to: number
}

export interface TradeOptions {
  readonly outlet: Outlet
  readonly symbol: Buffer
  /** Keys of the number, which rises by one, and of the event time. */
  readonly order: { readonly id: string; readonly time: string }
  /** Whether that number is the message's id; else it is its `seq`. */
  readonly isId: boolean
  readonly history: History
  readonly clock: Clock
  /** The furthest trade of an earlier run, and what is open before it: all that, and what came since, is filled. */
  readonly resume?: { readonly at: number; readonly time: number; readonly open?: LeftOpen | undefined } | undefined
}

export class TradeTrack implements Track {
  readonly outlet: Outlet
  readonly #frame: Frame
  readonly #record: Template
  readonly #symbol: Buffer
  readonly #idField: number
  readonly #timeField: number
  readonly #isId: boolean
  readonly #history: History
  readonly #clock: Clock
  /** Id and time of the last trade taken; -1 before the first. */
  #last = -1
  #lastTime = 0
  /** The last id in order that is in the spool or inside a gap that is; -1 when none is. */
  #stored = -1
  #reason: GapReason = 'sequence'
  #hole: Hole | undefined
  #held: Held[] = []
  #timer: Timer | undefined

  constructor(options: TradeOptions) {
    const { outlet, order, resume } = options
    const [form] = outlet.forms
    assert(form !== undefined && outlet.forms.length === 1, 'trades come in one form')
    const { frame } = form
    this.outlet = outlet
    this.#frame = frame
    this.#record = form.template
    this.#symbol = options.symbol
    this.#idField = frame.field(order.id)
    this.#timeField = frame.field(order.time)
    this.#isId = options.isId
    this.#history = options.history
    this.#clock = options.clock
    if (resume !== undefined) {
      this.#last = resume.at
      this.#stored = resume.at
      this.#lastTime = resume.time
      this.outlet.lastTime = resume.time
      this.#reason = 'restart'
      if (resume.open !== undefined) this.#resume(resume.open)
    }
  }

  get position(): { last_id?: string; last_seq?: number } {
    if (this.#last < 0) return {}
    return this.#isId ? { last_id: String(this.#last) } : { last_seq: this.#last }
  }

  get inSync(): undefined {
    return undefined
  }

  leave(): void {
    // The ids of the socket that took over go on.
  }

  follows(): boolean {
    return true
  }

  take(_form: number, bytes: Buffer, pos: number, end: number, received: number): boolean {
    const id = this.#frame.integer(this.#idField)
    const time = this.#frame.time(this.#timeField)
    if (id === this.#last + 1 && this.#hole === undefined) return this.#publish(bytes, received, id, time)
    if (!(id >= 0) || !(time > 0)) return false
    return this.#unusual(bytes, pos, end, received, id, time)
  }

  interrupt(reason: GapReason): void {
    // Whether something is missing the next id tells.
    this.#reason = reason
  }

  close(): void {
    // What waited behind one hole may show the next.
    for (let hole = this.#hole; hole?.waits === true; hole = this.#hole) this.#end(hole, 'for now')
    if (this.#hole !== undefined && this.outlet.lapse === undefined) this.#end(this.#hole, 'for now')
    // The next run reads the last gap alone, so one gap says both.
    const stored = Math.min(this.#stored, (this.#hole?.next ?? Infinity) - 1)
    this.#hole = undefined
    this.#clock.clearTimeout(this.#timer)
    const [last, time] = [this.#last, this.#lastTime]
    const open = {
      pending: { after: stored, before: last + 1, last, from: Math.min(this.outlet.lastTime, time), to: time },
    }
    const ends = stored < 0 ? {} : { ...this.#ends(stored), missing: last - stored, ...(last > stored && open) }
    this.outlet.announce(this.outlet.own.nowUs(), ends)
  }

  #unusual(bytes: Buffer, pos: number, end: number, received: number, id: number, time: number): boolean {
    const hole = this.#hole
    if (hole?.waits === true) {
      if (hole.late || id !== hole.next) return this.#hold(bytes, pos, end, received)
      // It was only late.
      return this.#publish(bytes, received, id, time) && this.#filled(hole, id)
    }
    if (this.#last < 0 || id === this.#last + 1) return this.#publish(bytes, received, id, time)
    if (id > this.#last) {
      // A hole that is being filled late keeps its own account; one at a time.
      if (hole !== undefined) this.#end(hole)
      return this.#open(bytes, pos, end, received, id, time)
    }
    if (time <= this.#lastTime) {
      this.outlet.channel.tally.repeated += 1
      return true
    }
    // A lower id at a later time: the venue began its numbering anew.
    if (hole !== undefined) this.#end(hole)
    this.outlet.interrupt('sequence_restart')
    this.#stored = -1
    return this.#publish(bytes, received, id, time)
  }

  #publish(bytes: Buffer, received: number, id: number, time: number): boolean {
    const ends = this.outlet.lapse === undefined ? undefined : this.#missing(id, time)
    const hole = this.#hole
    const more = hole?.late === true ? fieldOf(pending(hole.next - 1, hole, id, hole.after, time)) : undefined
    if (!this.outlet.publish(ONLY_FORM, bytes, received, time, ends, more)) return false
    this.#passed(id, time)
    return true
  }

  /** The trade is in the spool, or was dropped: the lapse that this opened ends with what follows. */
  #passed(id: number, time: number): void {
    if (this.outlet.lapse === undefined) this.#stored = id
    this.#last = id
    this.#lastTime = time
    this.#reason = 'sequence'
  }

  /** Says, if there is room, what is missing before this trade. */
  #recover(id: number, time: number): void {
    if (this.outlet.recover(time, this.#missing(id, time), this.#record.bytesMax(this.#frame.at))) this.#stored = id - 1
  }

  /** What a gap says that ends with this trade. */
  #missing(id: number, time: number): GapEnds {
    const after = this.#stored
    const hole = this.#hole
    // The next run may find nothing behind the gap.
    const open = hole?.late === true ? { pending: pending(hole.next - 1, hole, id - 1, hole.after, time) } : {}
    return after < 0 ? open : { ...this.#ends(after, id), missing: id - after - 1, ...open }
  }

  #open(bytes: Buffer, pos: number, end: number, received: number, id: number, time: number): boolean {
    const hole: Hole = {
      next: this.#last + 1,
      to: id - 1,
      reason: this.#reason,
      after: this.#lastTime,
      before: time,
      waits: true,
      late: false,
    }
    this.#hold(bytes, pos, end, received)
    this.#begin(hole)
    return true
  }

  /** What an earlier run left open is filled first; the trades that come meanwhile wait for it. */
  #resume({ after, before, from, to }: LeftOpen): void {
    this.#begin({
      next: after + 1,
      to: before - 1,
      reason: 'restart',
      after: from,
      before: to,
      waits: true,
      late: true,
    })
  }

  #begin(hole: Hole): void {
    this.#hole = hole
    this.#timer = this.#clock.setTimeout(() => this.#release(hole), HOLD_MS)
    void this.#fill(hole)
  }

  #hold(bytes: Buffer, pos: number, end: number, received: number): boolean {
    this.#held.push({ bytes: Buffer.from(bytes.subarray(pos, end)), received })
    if (this.#held.length === HOLD_FRAMES_MAX && this.#hole !== undefined) this.#release(this.#hole)
    return true
  }

  /** Lets the trades behind the hole go on; the fill may still come, late. */
  #release(hole: Hole): void {
    if (this.#hole !== hole || !hole.waits) return
    // The gap that ends a lapse reaches over the hole.
    if (this.outlet.lapse !== undefined) return this.#end(hole)
    hole.waits = false
    // What the late fill does not bring is said when it ends.
    if (!hole.late) {
      this.#last = this.#stored = hole.to
      this.#reached(hole.before)
    }
    hole.late = true
    this.#drain()
  }

  async #fill(hole: Hole): Promise<void> {
    let asksAgain = true
    try {
      for (let page = 0; page < PAGES_MAX && this.#hole === hole; page++) {
        const before: number = hole.next
        for (const row of await this.#history(before)) this.#fillRow(hole, row)
        if (hole.next > before) continue
        if (!asksAgain || !hole.waits) break
        asksAgain = false
        await new Promise<void>((resolve) => this.#clock.setTimeout(resolve, ASK_AGAIN_MS))
      }
    } catch {
      // The client of REST counts and logs why; here it only matters that the rest is missing for good.
    }
    this.#end(hole)
  }

  /** Publishes a row of the history when it belongs into the hole. */
  #fillRow(hole: Hole, row: Buffer): void {
    if (this.#hole !== hole || this.#frame.read(row, 0, row.length, this.#symbol) !== row.length) return
    const id = this.#frame.integer(this.#idField)
    const time = this.#frame.time(this.#timeField)
    if (!(id >= hole.next) || id > hole.to || !(time > 0)) return
    if (id > hole.next) this.#gap(hole, id - 1, time)
    if (!hole.late && this.outlet.lapse !== undefined) this.#recover(id, time)
    const more = hole.late ? fieldOf(pending(id, hole, this.#last, time, this.#lastTime)) : undefined
    this.#frame.own[FILLED] = 1
    const offer = this.outlet.offer(ONLY_FORM, row, this.outlet.own.nowUs(), time, more)
    this.#frame.own[FILLED] = Number.NaN
    if (offer === 'full') this.#end(hole)
    if (offer === 'full' || offer === 'unfit') return
    if (offer === 'rejected') this.#gap(hole, id, time, 'quality')
    else if (!hole.late) this.#passed(id, time)
    this.#filled(hole, id)
  }

  #filled(hole: Hole, id: number): true {
    hole.next = id + 1
    if (hole.next > hole.to) this.#end(hole)
    return true
  }

  /** Nothing more comes to fill the hole: what it still lacks is missing, for good or until the next run. */
  #end(hole: Hole, until: 'for good' | 'for now' = 'for good'): void {
    if (this.#hole !== hole) return
    this.#hole = undefined
    this.#clock.clearTimeout(this.#timer)
    if (hole.next <= hole.to) this.#gap(hole, hole.to, hole.before, hole.reason, until)
    if (!hole.late) {
      this.#last = hole.to
      this.#reason = 'sequence'
    }
    this.#drain()
  }

  /** Announces that the hole's ids up to this one are missing. Of those of a late fill the next run may ask once more. */
  #gap(hole: Hole, to: number, before: number, reason = hole.reason, until: 'for good' | 'for now' = 'for good'): void {
    const { next, late } = hole
    hole.next = to + 1
    const { channel, own, lapse } = this.outlet
    // A lapse that is open is said with the next trade, and reaches over these ids.
    if (!late && lapse !== undefined) return
    const after = late ? hole.after : this.#lastTime || hole.after
    const open = late && until === 'for now' && { pending: pending(next - 1, hole, this.#last, after, before) }
    const ends = { ...this.#ends(next - 1, to + 1), missing: to - next + 1, ...open }
    if (!own.gap(channel, reason, after, before, ends)) {
      this.outlet.interrupt(reason)
      this.#stored = Math.min(this.#stored, next - 1)
    } else if (!late) {
      this.#stored = to
      this.#reached(before)
    }
  }

  /** What is missing next is so after this time. */
  #reached(time: number): void {
    this.outlet.lastTime = Math.max(this.outlet.lastTime, time)
  }

  /** What a gap says of the trades on both sides. */
  #ends(after: number, before?: number): GapEnds {
    if (!this.#isId) return { after_seq: after, ...(before === undefined ? {} : { before_seq: before }) }
    return { after_id: String(after), ...(before === undefined ? {} : { before_id: String(before) }) }
  }

  #drain(): void {
    const held = this.#held
    this.#held = []
    for (const { bytes, received } of held) {
      if (this.#frame.read(bytes, 0, bytes.length, this.#symbol) > 0)
        this.take(ONLY_FORM, bytes, 0, bytes.length, received)
    }
  }
}

/** What is open, where `hole` is filled late, up to `last`. */
function pending(
  after: number,
  { to: end }: Hole,
  last: number,
  from: number,
  to: number,
): NonNullable<Trade['pending']> {
  return { after, before: end + 1, last, from: Math.min(from, to), to: Math.max(from, to) }
}

/** The field of a trade. */
function fieldOf(open: Trade['pending']): Buffer {
  return ascii(`,"pending":${JSON.stringify(open)}`)
}
