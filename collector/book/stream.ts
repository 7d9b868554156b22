// An order book whose snapshots come in the stream itself, as the first element of each subscription.
//
// Each socket that carries the stream has a line of its own (line.ts): a snapshot and what follows it. The book that is
// published is that of the line whose delta came last, its owner. Another line joins it where consumers would take its
// deltas (DESIGN 3.3), brings what the owner has not brought, and goes on alone when the owner is gone. Where none joins,
// something is missing: a gap, and the snapshot of the line that goes on; but one that still has to come to where the
// published book began to count anew is waited for. A line that breaks is subscribed anew.
// Always: what is published next follows what was published before, or a gap lies between. Never: a delta of a broken
// line; a second book once its socket is gone.
import assert from 'node:assert'
import type { GapReason } from '../market/messages.ts'
import type { Delta } from './chain.ts'
import { type Ahead, Line, type Step } from './line.ts'
import { BookReader } from './reader.ts'
import { type BookOptions, BookTrack, type Verdict } from './track.ts'

/** A snapshot that has not come for so long is asked for again, µs. */
export const SNAPSHOT_WAIT_US = 10_000_000

/** A line may be so far behind that it still counts by the old numbers when what is published counts anew, µs. */
export const BEHIND_US_MAX = 10_000_000

export interface StreamBookOptions extends BookOptions {
  /** Subscribes the stream anew on this socket, at once or, asked again and again, after growing waits. */
  readonly resubscribe: (socketId: number) => void
}

export class StreamBook extends BookTrack {
  readonly #symbol: Buffer
  readonly #resubscribe: StreamBookOptions['resubscribe']
  readonly #readers: readonly BookReader[]
  /** The element that was read last. */
  readonly #delta: Delta = { previous: 0, last: 0, time: 0 }
  #lines: Line[] = []
  /** Its book is the published one. Without an owner the book waits for who goes on. */
  #owner: Line | undefined
  /** Event time since when the published book counts anew, and when it began to, µs; 0 where all lines may have come so far. */
  #anewSince = 0
  #anewAt = 0
  /** What was published last may be wrong, so the same state must not be taken for it. */
  #isWrong = false

  constructor(options: StreamBookOptions) {
    super(options)
    const { book, outlet, symbol, resubscribe } = options
    this.#symbol = symbol
    this.#resubscribe = resubscribe
    this.#readers = outlet.forms.map(
      ({ frame }, i) => new BookReader(book.forms[i] as (typeof book.forms)[number], frame),
    )
  }

  take(form: number, bytes: Buffer, pos: number, end: number, received: number, socketId: number): boolean {
    const reader = this.#readers[form] as BookReader
    const delta = this.#delta
    if (!reader.read(delta)) return false
    const line = this.#lineOf(socketId, received)
    const previousTime = line.time
    const step = line.take(reader, delta, bytes, received)
    if (step === 'next' && line === this.#owner) {
      const published = this.moved(form, bytes, delta, received)
      if (this.#lines.length > 1) this.#settle()
      return published
    }
    const { tally } = this.outlet.channel
    tally.lastReceived = received
    const isNews = step !== 'alive' && step !== 'repeated' && (step !== 'next' || !this.inSync || delta.last > this.seq)
    if (isNews) tally.held += 1
    else tally.repeated += 1
    if (isNews && step === 'next' && this.inSync) {
      const copy = Buffer.from(bytes.subarray(pos, end))
      line.ahead.push({ ...delta, form, bytes: copy, received, previousTime })
    }
    this.#happened(step, line)
    return true
  }

  interrupt(reason: GapReason, socketId: number): void {
    // Whether something is missing the next delta tells, or the next snapshot.
    this.blame(reason)
    if (reason === 'disconnect') this.#gone(socketId)
    else if (reason === 'malformed') this.#doubt(socketId)
  }

  leave(socketId: number): void {
    this.blame('disconnect')
    this.#gone(socketId)
  }

  follows(socketId: number): boolean {
    if (!this.inSync) return true
    const line = this.#lines.find((one) => one.socketId === socketId)
    return line !== undefined && (line === this.#owner || this.#joins(line))
  }

  /** Asks again for snapshots that do not come. */
  check(): void {
    const nowUs = this.outlet.own.nowUs()
    if (this.#anewSince > 0 && nowUs - this.#anewAt >= BEHIND_US_MAX) {
      // Whoever is not there by now has another clock.
      this.#anewSince = 0
      this.#settle()
    }
    for (const line of this.#lines) {
      if (line.follows || nowUs - line.waitsSince < SNAPSHOT_WAIT_US) continue
      line.waitsSince = nowUs
      if (!this.inSync) this.tell(false, 'no snapshot came')
      this.#resubscribe(line.socketId)
    }
  }

  verify(done: (verdict: Verdict) => void): void {
    done({ agreement: 'unknown', why: 'the venue sends its snapshots in the stream, and has been heard there' })
  }

  #lineOf(socketId: number, received: number): Line {
    const lines = this.#lines
    for (let i = 0; i < lines.length; i++) if ((lines[i] as Line).socketId === socketId) return lines[i] as Line
    const line = new Line(socketId, received)
    lines.push(line)
    return line
  }

  /** What is to be done after a step that is not simply the owner's next delta. */
  #happened(step: Step, line: Line): void {
    switch (step) {
      case 'alive':
      case 'repeated':
        return
      case 'begun':
        // Also where it was the owner: its snapshot says whether something is missing before it.
        if (line === this.#owner) this.#owner = undefined
        return this.#settle()
      case 'next':
        return this.#settle()
      case 'renumbered':
        return this.#renumbered(line)
      case 'ignored':
        return this.#giveUp()
      case 'hole':
        return this.#broken(line)
      case 'wrong':
        // What was published until now may be wrong as well.
        if (line === this.#owner) {
          this.lose('checksum')
          this.#isWrong = true
        }
        return this.#broken(line)
      default:
        step satisfies never
    }
  }

  /** The venue goes on from a lower number, and nothing is missing: consumers take a snapshot with a later time. */
  #renumbered(line: Line): void {
    const { seq, time } = line
    line.ahead.clear()
    if (line === this.#owner && time > this.time) {
      const continues = this.outlet.lapse === undefined && this.told === this.seq ? this.seq : undefined
      this.#countAnew(time)
      this.stand(seq, time)
      this.publishBook({ continues })
    } else if (line === this.#owner) this.lose('sequence_restart')
    this.#settle()
  }

  #countAnew(since: number): void {
    this.#anewSince = since
    this.#anewAt = this.outlet.own.nowUs()
  }

  /** Whether it is still to come to where the published book began to count anew, so that its own is one of the past. */
  #isBehind({ time }: Line): boolean {
    return time < this.#anewSince
  }

  #broken(line: Line): void {
    this.#resubscribe(line.socketId)
    if (line === this.#owner) this.#owner = undefined
    this.#settle()
    this.#giveUp()
  }

  #gone(socketId: number): void {
    const line = this.#lines.find((one) => one.socketId === socketId)
    if (line === undefined) return
    this.#lines = this.#lines.filter((one) => one !== line)
    if (line === this.#owner) this.#owner = undefined
    this.#settle()
  }

  /** A frame could not be read: where nothing shows whether it was one of these, it was. */
  #doubt(socketId: number): void {
    const line = this.#lines.find((one) => one.socketId === socketId)
    if (line === undefined || !line.follows || line.isProven) return
    line.lose(this.outlet.own.nowUs())
    this.#broken(line)
  }

  /** Changes come, and no line knows what they change. */
  #giveUp(): void {
    if (this.inSync && !this.#lines.some(({ follows }) => follows)) this.lose(this.reason)
  }

  /** Finds who goes on, as far as anybody can. */
  #settle(): void {
    const lines = this.#lines
    if (this.inSync) {
      for (let i = 0; i < lines.length; i++) this.#bring(lines[i] as Line)
      if (this.#owner !== undefined || lines.some((line) => this.#joins(line))) return
      const heir = lines.find((line) => line.follows && !this.#isBehind(line))
      if (heir === undefined) return
      this.lose(heir.seq <= this.seq ? 'sequence_restart' : this.reason)
    }
    const heir = lines.find((line) => line.follows && this.#canBegin(line))
    if (heir !== undefined) this.#begin(heir)
  }

  /** Publishes what a line that joins has brought and the owner has not. */
  #bring(line: Line): void {
    if (line === this.#owner) return
    const { list } = line.ahead
    let known = 0
    while (known < list.length && (list[known] as Ahead).last <= this.seq) known++
    line.ahead.drop(known)
    if (!this.#joins(line)) return
    if (line.seq > this.seq) this.#pass(line)
    else if (line.seq === this.seq && this.#owner === undefined) this.#own(line)
  }

  /** Whether consumers of the published book take what the line brings next. */
  #joins({ follows, ahead, seq, time }: Line): boolean {
    const next = ahead.list[0]
    if (!follows || (next !== undefined && this.isTooOld(next.time))) return false
    const from = next?.previous ?? seq
    // At the same number they stand at the same state, whatever their times: some venues stamp a snapshot when they send
    // it.
    return from === this.seq || (from < this.seq && (next?.previousTime ?? time) <= this.time)
  }

  #own(line: Line): void {
    this.#owner = line
    this.book = line.book
  }

  #pass(line: Line): void {
    this.#own(line)
    let isDue = false
    for (const delta of line.ahead.list) {
      // Where something finds no room a snapshot makes up for all of them.
      if (this.outlet.lapse !== undefined) break
      const { form, bytes, received } = delta
      const { frame } = this.#readers[form] as BookReader
      const behind = frame.read(bytes, 0, bytes.length, this.#symbol)
      assert(behind === bytes.length, 'book: a delta that was read cannot be read again')
      this.publishDelta(form, bytes, delta, received)
      isDue ||= this.isTooOld(delta.time)
    }
    line.ahead.clear()
    if (!isDue && this.seq === line.seq) return
    this.stand(line.seq, line.time)
    this.publishBook()
  }

  /** Whether consumers of what was published take a snapshot of the line. */
  #canBegin(line: Line): boolean {
    const { seq, time } = line
    if (this.#isBehind(line)) return false
    const last = Math.max(this.outlet.lastTime, this.resumedTime)
    return seq > this.told || time > last || (seq === this.told && !this.#isWrong)
  }

  #begin(line: Line): void {
    this.#isWrong = false
    line.ahead.clear()
    if (line.seq < this.told) this.#countAnew(line.time)
    this.#own(line)
    this.stand(line.seq, line.time)
    this.start()
  }

  protected override lose(reason: GapReason): void {
    this.#owner = undefined
    super.lose(reason)
  }
}
