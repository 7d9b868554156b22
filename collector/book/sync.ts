// An order book kept in step with the venue's: snapshot, deltas, and what to do when one is missing.
//
//   waiting ── snapshot joins the deltas that wait ──> in sync ── a delta does not follow ──> waiting (gap)
// Whether deltas follow one another, chain.ts says. A snapshot at `seq` joins them where consumers would, too
// (DESIGN 3.3): `last <= seq` is old; `previous <= seq < last` applies, sizes are absolute; `seq < previous` says that
// the snapshot is older than what waits. It holds for spot, where `previous` is U - 1 (steps 3 to 6 of the spot page),
// and for futures, where it is `pu` (steps 3 to 5 of theirs, and live streams whose first event names the snapshot as
// its predecessor).
// Always: only a book in sync publishes; a snapshot comes first and after every gap; what waits is a chain without a
// hole. Never: an unbounded buffer; a snapshot that may be of another numbering than the deltas.
import assert from 'node:assert'
import type { Track } from '../exchanges/track.ts'
import type { GapReason, OrderBook } from '../market/messages.ts'
import type { Outlet } from '../market/outlet.ts'
import { SHARES } from '../sinks/spool.ts'
import type { Frame } from '../wire/frame.ts'
import { ascii, writeInteger } from '../wire/bytes.ts'
import { Chain, type Delta } from './chain.ts'
import { KnownBook, Renewal } from './known.ts'

/** Deltas that may wait for a snapshot. */
export const PENDING_FRAMES_MAX = 2_000
export const PENDING_BYTES_MAX = 8 * 1024 * 1024
/** Deltas older than the snapshot before another one is asked for: about two minutes of a stream that lags. */
const BASE_DROPS_MAX = 1_000
/** Indices into Frame.own: sequence and time before a delta. */
const PREVIOUS = 0
const PREVIOUS_TIME = 1

/** A delta that waits: a copy of its object. */
interface Pending extends Readonly<Delta> {
  readonly bytes: Buffer
  readonly received: number
  readonly socketId: number
}

/** A snapshot from REST, read into the frame of snapshots. */
export interface SnapshotSource {
  readonly frame: Frame
  /** Asks for a snapshot; `arrived` or `failed` of the track follows, always later, never both. */
  readonly request: (track: BookTrack) => void
  readonly seq: string
  readonly bids: string
  readonly asks: string
}

export interface BookOptions {
  readonly outlet: Outlet
  readonly frame: Frame
  readonly symbol: Buffer
  readonly keys: {
    readonly previous: { readonly key: string } | { readonly firstKey: string }
    readonly seq: string
    readonly time: string
    readonly bids: string
    readonly asks: string
  }
  readonly source: SnapshotSource
  /** Levels a side in published snapshots. */
  readonly depth: number
  readonly onSync: (inSync: boolean, why: string) => void
  /** The last message of an earlier run: what came since is announced as a gap. */
  readonly resume?: { readonly seq: number; readonly time: number } | undefined
}

export class BookTrack implements Track {
  readonly outlet: Outlet
  book = new KnownBook()
  inSync = false
  /** Sequence and time of the book, µs. */
  seq = -1
  time = 0
  /** Levels a side in published snapshots. */
  depth: number
  readonly #options: BookOptions
  readonly #previousField: number
  readonly #previousOffset: 0 | 1
  readonly #seqField: number
  readonly #timeField: number
  /** The delta that was read last. */
  readonly #delta: Delta = { previous: 0, last: 0, time: 0 }
  readonly #chain = new Chain()
  /** Deltas that wait for a snapshot; in sync those of a socket that is ahead of the one that the book follows. */
  #pending: Pending[] = []
  #pendingBytes = 0
  #requested = false
  /** The snapshot that was asked for may be of an older numbering. */
  #isVoid = false
  /** The snapshot that waits for a delta to join it. */
  #base: number | undefined
  /** Deltas older than that snapshot. */
  #baseDrops = 0
  /** Why a delta that does not follow does not follow, when something is known. */
  #reason: GapReason = 'sequence'
  /** Sequence of what was published last. */
  #told = -1
  /** Sequence of the snapshot published last. */
  #snapshotSeq = -1
  /** Deltas since a renewal was asked for, and the renewal once its snapshot is there. */
  #since: Buffer[] | undefined
  #renewal: Renewal | undefined
  #isClosed = false

  constructor(options: BookOptions) {
    const { outlet, frame, keys, depth, resume } = options
    this.outlet = outlet
    this.depth = depth
    this.#options = options
    this.#previousOffset = 'key' in keys.previous ? 0 : 1
    this.#previousField = frame.field('key' in keys.previous ? keys.previous.key : keys.previous.firstKey)
    this.#seqField = frame.field(keys.seq)
    this.#timeField = frame.field(keys.time)
    if (resume === undefined) return
    this.#told = resume.seq
    outlet.lastTime = resume.time
    outlet.interrupt('restart')
  }

  take(bytes: Buffer, pos: number, end: number, received: number, socketId: number): boolean {
    if (!this.#read(bytes)) return false
    const link = this.#chain.link(this.#delta, socketId)
    if (link === 'next' && this.inSync) {
      const published = this.#advance(bytes, pos, end, received)
      if (this.#pending.length > 0) this.#follow()
      return published
    }
    if (link === 'repeated') this.outlet.channel.tally.repeated += 1
    else if (link !== 'ahead') this.#await(link, bytes, pos, end, received, socketId)
    else if (this.inSync) {
      // It may take over, once the one that the book follows has brought what lies between.
      if (this.#pending.at(-1)?.last !== this.#delta.previous) this.#setPending([])
      this.#wait(bytes, pos, end, received, socketId)
    }
    return true
  }

  interrupt(reason: GapReason, socketId: number): void {
    // Whether something is missing the next delta tells.
    this.#blame(reason)
    if (reason === 'disconnect') this.#gone(socketId, false)
  }

  leave(socketId: number): void {
    this.#blame('disconnect')
    this.#gone(socketId, true)
  }

  follows(socketId: number): boolean {
    return !this.inSync || this.#chain.follows(socketId)
  }

  get position(): { last_seq?: number } {
    return this.seq < 0 ? {} : { last_seq: this.seq }
  }

  close(): void {
    this.#isClosed = true
    this.outlet.announce(this.outlet.own.nowUs(), { after_seq: this.#told })
  }

  /** The snapshot that was asked for, read into the source's frame from `body`. */
  arrived(body: Buffer, limit: number): void {
    this.#requested = false
    const { frame, seq, bids, asks } = this.#options.source
    const at = frame.integer(body, frame.field(seq))
    if (!(at >= 0)) this.failed()
    else if (this.#isVoid) {
      this.#isVoid = false
      this.#request()
    } else if (!this.inSync) {
      this.book.begin(body, frame.levels(bids), frame.levels(asks), limit)
      this.#base = at
      this.#baseDrops = 0
      this.#join()
    } else if (this.#since !== undefined) {
      const renewal = new Renewal(at)
      renewal.book.begin(body, frame.levels(bids), frame.levels(asks), limit)
      const since = this.#since
      this.#since = undefined
      this.#renewal = renewal
      for (const bytes of since) {
        this.#reread(bytes)
        if (this.#renewal === renewal) this.#renew(bytes, renewal)
      }
    }
  }

  /** No snapshot this time: the next delta asks again. */
  failed(): void {
    this.#requested = false
    this.#isVoid = false
    this.#since = undefined
  }

  /** Publishes a snapshot for those who join late, unless nothing changed since the last one, or there is no room. */
  refresh(): void {
    if (!this.inSync || this.seq === this.#snapshotSeq || this.outlet.lapse !== undefined) return
    if (!this.book.isBlind) this.#publishSnapshot()
  }

  /** Asks for a renewal when too little of the book is known; called now and then. */
  check(): void {
    if (!this.inSync || this.#since !== undefined || this.#renewal !== undefined) return
    if (!this.book.isThin(this.depth)) return
    this.#since = []
    this.#request()
  }

  #read(bytes: Buffer): boolean {
    const { frame } = this.#options
    const delta = this.#delta
    delta.previous = frame.integer(bytes, this.#previousField) - this.#previousOffset
    delta.last = frame.integer(bytes, this.#seqField)
    delta.time = frame.time(bytes, this.#timeField)
    return delta.previous >= 0 && delta.last >= delta.previous && delta.time > 0
  }

  /** A delta that follows in a book in sync. */
  #advance(bytes: Buffer, pos: number, end: number, received: number): boolean {
    const published = this.#apply(bytes, received)
    if (this.#since !== undefined) this.#remember(bytes, pos, end)
    if (this.#renewal !== undefined) this.#renew(bytes, this.#renewal)
    return published
  }

  /** A delta while there is no book in sync, or because of which there is none any more. */
  #await(
    link: 'next' | 'hole' | 'restarted',
    bytes: Buffer,
    pos: number,
    end: number,
    received: number,
    socketId: number,
  ): void {
    if (this.inSync) this.#lose(link === 'restarted' ? 'sequence_restart' : this.#reason)
    if (link !== 'next') {
      // A snapshot that lies before a hole joins nothing behind it, so what waits before the hole is of no use.
      this.#setPending([])
      this.#chain.begin(this.#delta, socketId)
    }
    if (link === 'restarted') {
      this.#base = undefined
      this.#isVoid = this.#requested
    }
    this.#wait(bytes, pos, end, received, socketId)
    this.#join()
  }

  #wait(bytes: Buffer, pos: number, end: number, received: number, socketId: number): void {
    if (this.#pending.length >= PENDING_FRAMES_MAX || this.#pendingBytes + end - pos > PENDING_BYTES_MAX) {
      // The newest are worth more: a later snapshot joins them.
      this.#setPending(this.#pending.slice((this.#pending.length >> 1) + 1))
    }
    const { tally } = this.outlet.channel
    tally.held += 1
    tally.lastReceived = received
    this.#pending.push({ ...this.#delta, bytes: Buffer.from(bytes.subarray(pos, end)), received, socketId })
    this.#pendingBytes += end - pos
    if (!this.inSync && this.#base === undefined) this.#request()
  }

  #request(): void {
    if (this.#requested || this.#isClosed) return
    this.#requested = true
    this.#options.source.request(this)
  }

  /** Tries to join the deltas that wait to the snapshot. */
  #join(): void {
    const base = this.#base
    if (base === undefined || this.#isClosed) return
    const pending = this.#pending
    const newest = pending.at(-1)
    const following = pending.filter(({ last }) => last > base)
    const first = following[0]
    if (first !== undefined && first.previous > base) {
      this.#base = undefined
      this.#request()
      return
    }
    this.#setPending([])
    if (first === undefined && newest?.last !== base) {
      // All that came is older than the snapshot, which waits for the delta that joins it; not for ever, since it may
      // be of another numbering.
      this.#baseDrops += pending.length
      if (this.#baseDrops > BASE_DROPS_MAX) this.#base = undefined
      return
    }
    this.seq = base
    if (newest !== undefined) this.time = newest.time
    for (const { bytes } of following) {
      this.#reread(bytes)
      this.#applyLevels(bytes)
    }
    this.#base = undefined
    this.inSync = true
    this.#reason = 'sequence'
    this.#publishBook()
    this.#options.onSync(true, 'in sync')
  }

  /** After the book moved on: takes what waits from the socket that is ahead, once it follows. */
  #follow(): void {
    const pending = this.#pending
    let i = 0
    for (; i < pending.length; i++) {
      const delta = pending[i] as Pending
      if (delta.last <= this.seq) continue
      if (delta.previous > this.seq) break
      this.#reread(delta.bytes)
      this.#chain.pass(delta, delta.socketId)
      this.#advance(delta.bytes, 0, delta.bytes.length, delta.received)
    }
    if (i > 0) this.#setPending(pending.slice(i))
  }

  /** The first thing that befell the stream since the last delta. */
  #blame(reason: GapReason): void {
    if (this.#reason === 'sequence') this.#reason = reason
  }

  #gone(socketId: number, wasReplaced: boolean): void {
    const wasFollowed = this.#chain.leave(socketId, wasReplaced)
    const ahead = this.#pending
    const newest = ahead.at(-1)
    if (!this.inSync || newest === undefined) return
    if (!wasFollowed) {
      if (newest.socketId === socketId) this.#setPending([])
      return
    }
    // Nobody brings what lies between any more.
    this.#lose(this.#reason)
    this.#chain.begin(newest, newest.socketId)
    this.#setPending(ahead)
    this.#request()
  }

  #remember(bytes: Buffer, pos: number, end: number): void {
    if (this.#since === undefined) return
    // A snapshot that takes so long will be too old.
    if (this.#since.length >= PENDING_FRAMES_MAX) this.#since = undefined
    else this.#since.push(Buffer.from(bytes.subarray(pos, end)))
  }

  /** Feeds a delta that was just read to the renewal, and puts it in place once it stands where the book stands. */
  #renew(bytes: Buffer, renewal: Renewal): void {
    const { frame, keys } = this.#options
    const { previous, last } = this.#delta
    if (!renewal.feed(bytes, previous, last, frame.levels(keys.bids), frame.levels(keys.asks)))
      this.#renewal = undefined
    else if (renewal.joined && renewal.seq === this.seq) {
      this.#renewal = undefined
      this.book = renewal.book
      this.refresh()
    }
  }

  /** Reads once more what was read before. */
  #reread(bytes: Buffer): void {
    const { frame, symbol } = this.#options
    const isRead = frame.read(bytes, 0, bytes.length, symbol) && this.#read(bytes)
    assert(isRead, 'book: a delta that was read cannot be read again')
  }

  #setPending(pending: Pending[]): void {
    this.#pending = pending
    this.#pendingBytes = pending.reduce((n, { bytes }) => n + bytes.length, 0)
  }

  #applyLevels(bytes: Buffer): void {
    const { frame, keys } = this.#options
    this.book.apply(bytes, frame.levels(keys.bids), frame.levels(keys.asks))
    this.seq = this.#delta.last
    this.time = this.#delta.time
  }

  /** Applies and publishes the delta that was read last. */
  #apply(bytes: Buffer, received: number): boolean {
    const { frame } = this.#options
    const { outlet } = this
    const { previous, time } = this.#delta
    frame.own[PREVIOUS] = previous
    frame.own[PREVIOUS_TIME] = this.time
    this.#applyLevels(bytes)
    this.#reason = 'sequence'
    if (outlet.lapse !== undefined) {
      // Something found no room: the book went on, and a snapshot of it makes up for what is missing.
      this.#publishBook()
      return true
    }
    const published = outlet.publish(bytes, frame, received, time)
    if (outlet.lapse === undefined) this.#told = this.seq
    return published
  }

  #lose(reason: GapReason): void {
    this.outlet.interrupt(reason)
    this.inSync = false
    this.#base = undefined
    this.#since = undefined
    this.#renewal = undefined
    this.#setPending([])
    this.#options.onSync(false, reason)
  }

  /** The book for those who followed it until now: what they miss as a gap, then a snapshot; both or none. */
  #publishBook(): void {
    const { outlet } = this
    const ends = { ...(this.#told < 0 ? {} : { after_seq: this.#told }), before_seq: this.seq }
    // A book whose best price is unknown waits for its renewal, as one that finds no room waits for room.
    const canBe = !this.book.isBlind && outlet.recover(this.time, ends, this.#snapshotBytesMax())
    if (!canBe || !this.#publishSnapshot()) outlet.drop(this.time)
  }

  #snapshotBytesMax(): number {
    return 512 + this.book.bids.printedMax(this.depth) + this.book.asks.printedMax(this.depth)
  }

  /** Writes the book as it stands. @returns false when the spool has no room */
  #publishSnapshot(): boolean {
    const { outlet, book, depth } = this
    const { spool } = outlet.own
    const room = spool.open(this.#snapshotBytesMax(), SHARES.orderbook)
    if (room === undefined) return false
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
      seq: this.seq,
    }
    let pos = payload + room.write(`${JSON.stringify(head).slice(0, -1)},"bids":`, payload)
    pos = book.bids.print(room, pos, book.bidsKnown(depth))
    pos += room.write(',"asks":', pos)
    pos = book.asks.print(room, pos, book.asksKnown(depth))
    pos += room.write(`,"ts":${this.time},"received":`, pos)
    pos = writeInteger(room, pos, received)
    PUBLISHED.copy(room, pos)
    spool.commit(channel.index, payload, pos + PUBLISHED.length, received)
    channel.tally.made += 1
    channel.tally.lastReceived = received
    outlet.lastTime = this.time
    this.#told = this.seq
    this.#snapshotSeq = this.seq
    return true
  }
}

const PUBLISHED = ascii(',"published":0000000000000000}')
