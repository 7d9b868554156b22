// What is published of an order book: deltas while it is in sync, snapshots, and gaps where it was not.
//
// How it comes in sync and stays so, its two kinds say: rest.ts where snapshots come from REST, stream.ts where the
// stream itself sends them. Always: only a book in sync publishes; a snapshot comes first and after every gap; the `ts`
// of snapshots never goes back, since consumers (DESIGN 3.3) drop what is older than the last one. Never: a snapshot of
// another state than `seq` says.
import type { BookType } from '../exchanges/room.ts'
import type { Track } from '../exchanges/track.ts'
import type { GapReason, OrderBook } from '../market/messages.ts'
import type { ChannelForm, Outlet } from '../market/outlet.ts'
import { SHARES } from '../sinks/spool.ts'
import { ascii, writeInteger } from '../wire/bytes.ts'
import type { Delta } from './chain.ts'
import { KnownBook } from './known.ts'

/** Indices into Frame.own: sequence and time before a delta, and its sequence where the venue gives none. */
const PREVIOUS = 0
const PREVIOUS_TIME = 1
const SEQ = 2

/** What comparing a book with a fresh snapshot came to. */
export interface Verdict {
  readonly agreement: 'equal' | 'differs' | 'unknown'
  readonly why?: string
}

export interface BookOptions {
  readonly outlet: Outlet
  readonly symbol: Buffer
  readonly book: BookType
  /** Levels a side in published snapshots. */
  readonly depth: number
  readonly onSync: (inSync: boolean, why: string) => void
  /** The last message of an earlier run. */
  readonly resume?: { readonly at: number; readonly time: number } | undefined
}

export abstract class BookTrack implements Track {
  readonly outlet: Outlet
  inSync = false
  /** Levels a side in published snapshots. */
  depth: number
  /** The book as it is published. */
  protected book = new KnownBook()
  /** Where it stands; -1 before it does. */
  protected seq = -1
  /** Its event time, µs: `ts` of the message that brought it there. */
  protected time = 0
  /** Sequence of what was published last, perhaps by an earlier run; -1 before. */
  protected told = -1
  /** Event time of what an earlier run published last, µs; 0 where none did. */
  protected readonly resumedTime: number
  /** Why a delta that does not follow does not follow, when something is known. */
  protected reason: GapReason = 'sequence'
  readonly #onSync: BookOptions['onSync']
  /** Sequence and `ts` of the snapshot published last. */
  #snapshotSeq = -1
  #snapshotTime = 0

  constructor({ outlet, depth, onSync, resume }: BookOptions) {
    this.outlet = outlet
    this.depth = depth
    this.#onSync = onSync
    this.resumedTime = resume?.time ?? 0
    if (resume === undefined) return
    this.told = resume.at
    // It was a snapshot, or is not before the last one.
    this.#snapshotTime = resume.time
  }

  abstract take(form: number, bytes: Buffer, pos: number, end: number, received: number, socketId: number): boolean
  abstract interrupt(reason: GapReason, socketId: number): void
  abstract leave(socketId: number): void
  abstract follows(socketId: number): boolean
  /** Looks after what does not mend itself; called once a second. */
  abstract check(): void
  /** Compares the book with a fresh snapshot of the venue's. `done` is told once, or never where the venue is silent. */
  abstract verify(done: (verdict: Verdict) => void): void

  get position(): { last_seq?: number } {
    return this.seq < 0 ? {} : { last_seq: this.seq }
  }

  close(): void {
    this.outlet.announce(this.outlet.own.nowUs(), { after_seq: this.told })
  }

  /** Publishes a snapshot for those who join late, unless nothing changed since the last one, or there is no room. */
  refresh(): void {
    if (!this.inSync || this.seq === this.#snapshotSeq || this.outlet.lapse !== undefined) return
    if (!this.book.isBlind && this.#isAdmitted()) this.#publishSnapshot()
  }

  /** Whether consumers drop what has this event time. */
  protected isTooOld(time: number): boolean {
    return time < this.#snapshotTime
  }

  protected tell(inSync: boolean, why: string): void {
    this.#onSync(inSync, why)
  }

  /** The first thing that befell the stream since the last delta. */
  protected blame(reason: GapReason): void {
    if (this.reason === 'sequence') this.reason = reason
  }

  /** The book is in sync from here on. */
  protected start(): void {
    this.inSync = true
    this.reason = 'sequence'
    this.publishBook()
    this.#onSync(true, 'in sync')
  }

  protected lose(reason: GapReason): void {
    this.outlet.interrupt(reason)
    this.inSync = false
    this.#onSync(false, reason)
  }

  /** The book stands at the end of the delta that its frame read last: publishes that, or what makes up for it. */
  protected moved(form: number, bytes: Buffer, delta: Readonly<Delta>, received: number): boolean {
    if (this.outlet.lapse !== undefined) {
      // Something found no room: the book went on, and a snapshot of it makes up for what is missing.
      this.stand(delta.last, delta.time)
      this.publishBook({ received })
      return true
    }
    const published = this.publishDelta(form, bytes, delta, received)
    if (this.isTooOld(delta.time) && this.outlet.lapse === undefined) this.publishBook()
    return published
  }

  protected stand(seq: number, time: number): void {
    this.seq = seq
    this.time = time
    this.reason = 'sequence'
  }

  /** Only while nothing is missing. Where it {@link isTooOld} a snapshot is due behind it. */
  protected publishDelta(form: number, bytes: Buffer, delta: Readonly<Delta>, received: number): boolean {
    const { outlet } = this
    const { own } = (outlet.forms[form] as ChannelForm).frame
    own[PREVIOUS] = delta.previous
    own[PREVIOUS_TIME] = this.time
    own[SEQ] = delta.last
    this.stand(delta.last, delta.time)
    outlet.guard.stand(this.book.bids.best, this.book.asks.best, delta.last, delta.time)
    const published = outlet.publish(form, bytes, received, delta.time)
    if (!published) outlet.interrupt('malformed')
    if (outlet.lapse === undefined) this.told = this.seq
    return published
  }

  /**
   * The book for those who followed it until now: what they miss as a gap, then a snapshot; both or none.
   * @param continues the last number of the old numbering, where the book goes on from it and nothing is missing
   * @param received when the change came that brought it there, µs; absent where its time proves nothing
   */
  protected publishBook({ continues, received }: { continues?: number | undefined; received?: number } = {}): void {
    const { outlet } = this
    const ends = { ...(this.told < 0 ? {} : { after_seq: this.told }), before_seq: this.seq }
    // A book whose best price is unknown waits for its renewal, as one that finds no room waits for room.
    const { isBlind } = this.book
    // One that fails a check is withheld until it passes.
    if (!isBlind && !this.#isAdmitted(received)) return outlet.reject(this.time)
    const canBe = !isBlind && outlet.recover(this.time, ends, this.#snapshotBytesMax())
    if (!canBe || !this.#publishSnapshot(continues)) outlet.drop(this.time)
  }

  #isAdmitted(received?: number): boolean {
    const { guard } = this.outlet
    guard.stand(this.book.bids.best, this.book.asks.best, this.seq, this.time)
    return guard.admitsBook(received)
  }

  #snapshotBytesMax(): number {
    const { convert } = this.outlet
    return 1_024 + this.book.bids.printedMax(this.depth, convert) + this.book.asks.printedMax(this.depth, convert)
  }

  /** Writes the book as it stands. @returns false when the spool has no room */
  #publishSnapshot(continues?: number): boolean {
    const { outlet, book, depth } = this
    const { convert } = outlet
    const { spool } = outlet.own
    const room = spool.open(this.#snapshotBytesMax(), SHARES.orderbook)
    if (room === undefined) return false
    this.time = Math.max(this.time, this.#snapshotTime)
    const { channel } = outlet
    const { exchange, market, symbol } = channel
    const received = outlet.own.nowUs()
    const at = spool.at
    const id = `${channel.idHead}s:${this.seq}:${this.time}`
    const payload = at + room.write(id, at)
    const head: Partial<OrderBook> = {
      v: 1,
      type: 'orderbook',
      exchange,
      market,
      symbol,
      kind: 'snapshot',
      ...(continues === undefined ? {} : { prev_seq: continues }),
      seq: this.seq,
    }
    let pos = payload + room.write(`${JSON.stringify(head).slice(0, -1)},"bids":`, payload)
    pos = book.bids.print(room, pos, book.bidsKnown(depth), convert)
    pos += room.write(',"asks":', pos)
    pos = book.asks.print(room, pos, book.asksKnown(depth), convert)
    pos += outlet.guard.flags.copy(room, pos)
    pos += room.write(`,"ts":${this.time},"received":`, pos)
    pos = writeInteger(room, pos, received)
    PUBLISHED.copy(room, pos)
    spool.commit(channel.index, payload, pos + PUBLISHED.length, received)
    channel.tally.made += 1
    channel.tally.lastReceived = received
    outlet.lastTime = this.time
    this.told = this.seq
    this.#snapshotSeq = this.seq
    this.#snapshotTime = this.time
    return true
  }
}

const PUBLISHED = ascii(',"published":0000000000000000}')
