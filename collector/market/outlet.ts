// The way of one channel into the spool: its messages, and the gaps between them.
//
// Always: what cannot be written is counted as dropped and opens a lapse; a lapse ends with a `gap` before the next
// message of the channel. Never: a message after a lapse without its gap.
import type { Frame } from '../wire/frame.ts'
import type { Template } from '../wire/template.ts'
import { SHARES, type Spool } from '../sinks/spool.ts'
import type { Channel, Channels } from './channel.ts'
import { type Gap, type GapReason, type Instrument, type State, type Unpublished, messageKey } from './messages.ts'

/** Something is missing since `from`; what comes next says until when. */
export interface Lapse {
  readonly reason: GapReason
  /** µs */
  readonly from: number
  /** How many messages were given up; 0 where nobody can know. */
  missing: number
}

/** What is known of both ends of a gap. */
export type GapEnds = Pick<Gap, 'after_id' | 'before_id' | 'after_seq' | 'before_seq' | 'missing'>

/** A gap with its id. */
const GAP_BYTES_MAX = 1_024

/** Writes gap, state and instrument messages. */
export class OwnMessages {
  readonly channels: Channels
  readonly spool: Spool
  readonly #nowUs: () => number

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
    if (done) channel.tally.gaps += 1
    return done
  }

  nowUs(): number {
    return this.#nowUs()
  }
}

export class Outlet {
  readonly channel: Channel
  readonly template: Template
  readonly own: OwnMessages
  /** Time of the last message that was written, its `ts` or where it has none `received`, µs; 0 before the first. */
  lastTime = 0
  #lapse: Lapse | undefined
  readonly #share: number

  constructor(channel: Channel, template: Template, own: OwnMessages) {
    this.channel = channel
    this.template = template
    this.own = own
    this.#share = SHARES[channel.type]
  }

  get lapse(): Lapse | undefined {
    return this.#lapse
  }

  /** From here on something is missing; nothing changes when that was known already. */
  interrupt(reason: GapReason): void {
    if (this.lastTime > 0) this.#lapse ??= { reason, from: this.lastTime, missing: 0 }
  }

  /**
   * Publishes the frame that was read last.
   * @param time `ts` of the frame, or `received` where it has none, µs
   * @returns false when the frame misses a value that the message needs; then nothing was written or counted
   */
  publish(bytes: Buffer, frame: Frame, received: number, time: number): boolean {
    const template = this.template.chosen(bytes, frame.at)
    if (!template.fill(bytes, frame, received)) return false
    const hasSaid = this.#lapse === undefined || this.recover(time, {}, template.end)
    if (!hasSaid || !this.#write(template, received, time)) this.drop(time)
    return true
  }

  /** As `publish`, for what may be left out: without room nothing is counted, and nothing is published in a lapse. */
  offer(bytes: Buffer, frame: Frame, received: number, time: number): 'written' | 'full' | 'unfit' {
    const template = this.template.chosen(bytes, frame.at)
    if (!template.fill(bytes, frame, received)) return 'unfit'
    return this.#lapse === undefined && this.#write(template, received, time) ? 'written' : 'full'
  }

  /** Counts a message that found no room. */
  drop(time: number): void {
    this.channel.tally.made += 1
    this.channel.tally.dropped += 1
    this.#lapse ??= { reason: 'spool_full', from: this.lastTime || time, missing: 0 }
    this.#lapse.missing += 1
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
  #write(template: Template, received: number, time: number): boolean {
    const { channel } = this
    const { spool } = this.own
    const length = template.end
    const room = spool.open(length, this.#share)
    if (room === undefined) return false
    const at = spool.at
    template.bytes.copy(room, at, 0, length)
    spool.commit(channel.index, at + template.payload, at + length, received)
    channel.tally.made += 1
    channel.tally.lastReceived = received
    this.lastTime = time
    return true
  }
}
