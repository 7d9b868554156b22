// What is asked by REST: each answer has the newest rows, of which those that are new are published.
//
// Always: rows go out in the order of their times, each time once. An answer that holds the row that was taken last misses
// nothing behind it. Where rows come one a period, one that is missing is a gap; elsewhere a gap says that the venue was
// not heard, since nobody knows what it would have said.
import assert from 'node:assert'
import type { Order, PolledType } from '../exchanges/room.ts'
import type { Track } from '../exchanges/track.ts'
import type { GapReason } from '../market/messages.ts'
import type { Outlet } from '../market/outlet.ts'
import { Changes } from './changes.ts'

/** So far one of a venue's servers may be behind another, µs. */
const BEHIND_US = 5_000_000

export interface PolledOptions {
  readonly outlet: Outlet
  readonly order: Order
  readonly onChange?: PolledType['onChange']
  /** Where each row is of one period: its length, µs. */
  readonly periodUs?: number | undefined
  /** Time of the last message of an earlier run, µs: what came since is published, and where rows are of periods announced. */
  readonly resume?: { readonly time: number } | undefined
}

export class PolledTrack implements Track {
  readonly outlet: Outlet
  readonly #timeFields: readonly number[]
  readonly #periodUs: number | undefined
  readonly #changes: Changes | undefined
  #time = -1
  /** Time of the oldest row of the answer before, and of this one, µs; when this one came. */
  #from = 0
  #nextFrom = 0
  #receivedUs = 0
  #reason: GapReason = 'sequence'

  constructor({ outlet, order, onChange, periodUs, resume }: PolledOptions) {
    const { time } = order
    assert(time !== undefined, `${outlet.channel.type}: what is asked by REST has no time to know what is new`)
    this.outlet = outlet
    this.#timeFields = outlet.forms.map(({ frame }) => frame.field(time))
    this.#periodUs = periodUs
    this.#changes = onChange === undefined ? undefined : new Changes(outlet.forms, onChange)
    if (resume === undefined) return
    this.#time = resume.time
    if (periodUs === undefined) return
    outlet.lastTime = resume.time
    this.interrupt('restart')
  }

  take(form: number, bytes: Buffer, _pos: number, _end: number, received: number): boolean {
    const { outlet } = this
    const { frame } = outlet.forms[form] as Outlet['forms'][number]
    const time = frame.time(this.#timeFields[form] as number)
    if (!(time > 0)) return false
    if (received !== this.#receivedUs) {
      this.#receivedUs = received
      this.#from = this.#nextFrom
      this.#nextFrom = time
    }
    if (this.#isOld(time)) {
      if (time === this.#time) {
        this.#reason = 'sequence'
        outlet.isContinued ||= outlet.lastTime === 0
      }
      return true
    }
    if (this.#periodUs === undefined && this.#reason !== 'sequence') outlet.interrupt(this.#reason)
    if (this.#isUnchanged(form, bytes)) {
      outlet.channel.tally.repeated += 1
      this.#time = time
      return true
    }
    if (this.#periodUs !== undefined) this.#skipped(time, this.#periodUs)
    if (!outlet.publish(form, bytes, received, time)) return false
    this.#changes?.keep(form, bytes)
    this.#time = time
    this.#reason = 'sequence'
    return true
  }

  interrupt(reason: GapReason): void {
    // Whether something is missing the next answer tells; but without periods not of a row that could not be read.
    if (reason === 'malformed' && this.#periodUs === undefined) this.outlet.interrupt(reason)
    else if (this.#reason === 'sequence') this.#reason = reason
  }

  leave(): void {
    // No socket carries it.
  }

  follows(): boolean {
    return true
  }

  get position(): Record<never, never> {
    return {}
  }

  get inSync(): undefined {
    return undefined
  }

  close(): void {
    if (this.#reason !== 'sequence') this.outlet.interrupt(this.#reason)
    this.outlet.announce(this.outlet.own.nowUs(), {})
  }

  /**
   * Not all of a venue's servers are equally far. But where each answer is the newest, far behind all of the one before
   * is a clock set back.
   */
  #isOld(time: number): boolean {
    return time <= this.#time && (this.#periodUs !== undefined || time >= this.#from || time > this.#time - BEHIND_US)
  }

  #isUnchanged(form: number, bytes: Buffer): boolean {
    return this.outlet.lapse === undefined && this.#changes?.isSame(form, bytes) === true
  }

  /** Notes that periods before this row are missing, if some are. */
  #skipped(time: number, periodUs: number): void {
    const skipped = this.#time < 0 ? 0 : Math.round((time - this.#time) / periodUs) - 1
    if (skipped > 0) this.outlet.interrupt(this.#reason, skipped)
  }
}
