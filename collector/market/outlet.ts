// The way of one channel into the spool: its messages, and the gaps between them.
//
// Always: what cannot be written, or fails a check that drops it, is counted as dropped and opens a lapse; a lapse ends
// with a `gap` before the next message of the channel. Never: a message after a lapse without its gap; a gap before a
// message that is dropped as well.
import { channelKey } from '../../crds/rendezvous.ts'
import type { Frame } from '../wire/frame.ts'
import type { Convert } from '../wire/sizes.ts'
import { TAIL_BYTES, type Template } from '../wire/template.ts'
import { SHARES, type Spool } from '../sinks/spool.ts'
import type { Channel, Channels } from './channel.ts'
import type { Guard } from './guard.ts'
import { type Gap, type GapReason, type Instrument, type State, type Unpublished, messageKey } from './messages.ts'

/** Something is missing since `from`; what comes next says until when. */
export interface Lapse {
  readonly reason: GapReason
  /** µs */
  readonly from: number
  /** How many messages were given up; 0 where nobody can know. */
  missing: number
}

/** A form of a channel's elements: who reads them, and the record that they fill. */
export interface ChannelForm {
  readonly frame: Frame
  readonly template: Template
}

/** What is known of both ends of a gap. */
export type GapEnds = Pick<Gap, 'after_id' | 'before_id' | 'after_seq' | 'before_seq' | 'missing' | 'pending'>

export interface AnnouncedGap {
  /** Key of the channel, see `channelKey`. */
  readonly channel: string
  readonly reason: GapReason
  /** Between which data may be missing, µs since the epoch. */
  readonly from: number
  readonly to: number
}

const NO_ENDS: GapEnds = {}
const NOTHING: Buffer = Buffer.alloc(0)

/** A gap with its id. */
export const GAP_BYTES_MAX = 1_024

/** Writes gap, state and instrument messages. */
export class OwnMessages {
  readonly channels: Channels
  readonly spool: Spool
  readonly #nowUs: () => number
  /** The last gap that was announced. */
  lastGap: AnnouncedGap | undefined

  constructor(channels: Channels, spool: Spool, nowUs: () => number) {
    this.channels = channels
    this.spool = spool
    this.#nowUs = nowUs
  }

  /** @returns false when the spool has no room, not even for this. */
  publish(m: Unpublished<Gap | State | Instrument>): boolean {
    const channel = this.channels.of({ exchange: m.exchange, market: m.market, symbol: m.symbol, type: m.type })
    const id = Buffer.from(channel.idHead + messageKey(m))
    const payload = Buffer.from(`${JSON.stringify(m).slice(0, -1)},"published":0000000000000000}`)
    channel.tally.made += 1
    const room = this.spool.open(id.length + payload.length, SHARES[m.type])
    if (room === undefined) {
      channel.tally.dropped += 1
      return false
    }
    const at = this.spool.at
    id.copy(room, at)
    payload.copy(room, at + id.length)
    this.spool.commit(channel.index, at + id.length, at + id.length + payload.length, m.received)
    return true
  }

  /** A gap in a data channel. @returns false when there is no room. */
  gap(channel: Channel, reason: GapReason, from: number, to: number, ends: GapEnds): boolean {
    const { exchange, market, symbol, type, interval } = channel
    const done = this.publish({
      type: 'gap',
      v: 1,
      exchange,
      market,
      symbol,
      of: type as Gap['of'],
      ...(interval === undefined ? {} : { interval }),
      reason,
      from: Math.min(from, to),
      to: Math.max(from, to),
      ...ends,
      received: this.#nowUs(),
    })
    if (done) {
      channel.tally.gaps += 1
      this.lastGap = { channel: channelKey(channel), reason, from: Math.min(from, to), to: Math.max(from, to) }
    }
    return done
  }

  nowUs(): number {
    return this.#nowUs()
  }
}

export class Outlet {
  readonly channel: Channel
  readonly forms: readonly ChannelForm[]
  /** Where its messages go; held back at first where a channel takes up, see `takeover.ts`. */
  own: OwnMessages
  readonly guard: Guard
  /** Time of the last message that was written, its `ts` or where it has none `received`, µs; 0 before the first. */
  lastTime = 0
  #lapse: Lapse | undefined
  /** Set by a track that takes up, and has seen that nothing is missing before its first message. */
  isContinued = false
  readonly #share: number

  constructor(channel: Channel, forms: readonly ChannelForm[], own: OwnMessages, guard: Guard) {
    this.channel = channel
    this.forms = forms
    this.own = own
    this.guard = guard
    this.#share = SHARES[channel.type]
  }

  /** How the channel's sizes are converted; undefined where they are base. */
  get convert(): Convert | undefined {
    return this.forms[0]?.template.convert
  }

  get lapse(): Lapse | undefined {
    return this.#lapse
  }

  /**
   * From here on something is missing; where that was known already the first reason stands.
   * @param missing how many messages; 0 where nobody can know
   */
  interrupt(reason: GapReason, missing = 0): void {
    if (this.lastTime > 0) this.#lapse ??= { reason, from: this.lastTime, missing: 0 }
    if (this.#lapse !== undefined) this.#lapse.missing += missing
  }

  /**
   * Publishes the element that the frame of this form read last.
   * @param time `ts` of the frame, or `received` where it has none, µs
   * @param ends what is known of the gap that ends the lapse, where there is one
   * @param more fields that stand before `flags`, as JSON: `,"name":value`
   * @returns false when the frame misses a value that the message needs; then nothing was written or counted
   */
  publish(form: number, bytes: Buffer, received: number, time: number, ends = NO_ENDS, more = NOTHING): boolean {
    const { frame, template: record } = this.forms[form] as ChannelForm
    const template = record.chosen(frame.at)
    if (!this.guard.admits(form, bytes, received, time)) {
      this.reject(time)
      return true
    }
    if (more.length === 0 && this.#paste(template, bytes, frame, received, time)) return true
    if (!template.fill(bytes, frame, received)) return false
    const hasSaid = this.#lapse === undefined || this.recover(time, ends, template.end + more.length)
    if (!hasSaid || !this.#write(template, received, time, more)) this.drop(time)
    return true
  }

  /**
   * As `publish`, for what comes late and may be left out: without room nothing is counted, nothing is published in a
   * lapse, and what fails a check is counted as dropped and opens none.
   */
  offer(
    form: number,
    bytes: Buffer,
    received: number,
    time: number,
    more = NOTHING,
  ): 'written' | 'full' | 'unfit' | 'rejected' {
    const { frame, template: record } = this.forms[form] as ChannelForm
    const template = record.chosen(frame.at)
    if (!this.guard.admitsLate(form, bytes, time)) {
      this.#countRejected()
      return 'rejected'
    }
    if (!template.fill(bytes, frame, received)) return 'unfit'
    const furthest = Math.max(this.lastTime, time)
    if (this.#lapse !== undefined || !this.#write(template, received, time, more)) return 'full'
    // What comes late is not the last.
    this.lastTime = furthest
    return 'written'
  }

  /** Counts a message that found no room. */
  drop(time: number): void {
    this.channel.tally.made += 1
    this.channel.tally.dropped += 1
    this.#miss('spool_full', time)
  }

  /** Counts a message that failed a check. */
  reject(time: number): void {
    this.#countRejected()
    this.#miss('quality', time)
  }

  #miss(reason: GapReason, time: number): void {
    this.#lapse ??= { reason, from: this.lastTime || time, missing: 0 }
    this.#lapse.missing += 1
  }

  #countRejected(): void {
    const { tally } = this.channel
    tally.made += 1
    tally.dropped += 1
    tally.rejected += 1
    // The venue is heard all the same.
    tally.lastReceived = this.own.nowUs()
  }

  /** Ends the lapse, if there is one, by a gap that reaches to `time`. @returns false when there is no room for it and `bytes` more */
  recover(time: number, ends: GapEnds, bytes: number): boolean {
    if (this.own.spool.open(bytes + GAP_BYTES_MAX, this.#share) === undefined) return false
    return this.announce(time, ends)
  }

  /** Ends the lapse by a gap that reaches to `time`. @returns false when there is no room for it. */
  announce(time: number, ends: GapEnds): boolean {
    const lapse = this.#lapse
    if (lapse === undefined) return true
    const missing = lapse.missing > 0 ? { missing: lapse.missing } : {}
    if (!this.own.gap(this.channel, lapse.reason, lapse.from, time, { ...missing, ...ends })) return false
    this.#lapse = undefined
    return true
  }

  /** Writes what the template holds. @returns false when there is no room */
  #write(template: Template, received: number, time: number, more: Buffer): boolean {
    const { spool } = this.own
    const { flags } = this.guard
    const added = more.length + flags.length
    const length = template.end + added
    const room = spool.open(length, this.#share)
    if (room === undefined) return false
    const at = spool.at
    const tail = template.end - TAIL_BYTES
    template.bytes.copy(room, at, 0, added === 0 ? length : tail)
    if (added > 0) {
      more.copy(room, at + tail)
      flags.copy(room, at + tail + more.length)
      template.bytes.copy(room, at + tail + added, tail, template.end)
    }
    this.#commit(at + template.payload, at + length, received, time)
    return true
  }

  /** The usual way of a record into the spool: straight. @returns false when it is another's */
  #paste(template: Template, bytes: Buffer, frame: Frame, received: number, time: number): boolean {
    if (this.#lapse !== undefined) return false
    const { spool } = this.own
    const { flags } = this.guard
    const room = spool.open(template.bytesMax(frame.at) + flags.length, this.#share)
    const end = room === undefined ? -1 : template.paste(bytes, frame, received, room, spool.at, flags)
    if (end < 0) return false
    this.#commit(template.payload, end, received, time)
    return true
  }

  /** Commits what was written from the spool's place to `end`, its payload from `payload` on. */
  #commit(payload: number, end: number, received: number, time: number): void {
    const { channel } = this
    const { spool } = this.own
    spool.commit(channel.index, payload, end, received)
    channel.tally.made += 1
    channel.tally.lastReceived = received
    this.lastTime = time
  }
}
