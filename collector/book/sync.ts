// An order book kept in step with the venue's: snapshot, deltas, and what to do when one is missing.
//
//   waiting ── snapshot joins the buffered deltas ──> in sync ── a delta does not follow ──> waiting (gap)
// One rule joins and follows, whether the base is a REST snapshot at `seq` or the book itself, and it is the rule that
// consumers go by (DESIGN 3.3). A delta leads from `previous` to `last`:
//   last <= seq: old, drop it (if its time is later than the book's, the venue began its numbering anew: gap)
//   previous <= seq < last: apply it, sizes are absolute
//   seq < previous: something between is missing: gap
// It holds for spot, where `previous` is U - 1 (steps 3 to 6 of the spot page), and for futures, where it is `pu`
// (steps 3 to 5 of theirs, and live streams whose first event names the snapshot as its predecessor).
// Always: only a book in sync publishes; a snapshot comes first and after every gap. Never: an unbounded buffer.
import type { Track } from '../exchanges/track.ts'
import type { GapReason, OrderBook } from '../market/messages.ts'
import type { Outlet } from '../market/outlet.ts'
import { SHARES } from '../sinks/spool.ts'
import type { Frame } from '../wire/frame.ts'
import { ascii, writeInteger } from '../wire/bytes.ts'
import { KnownBook, Renewal } from './known.ts'

/** Deltas that may wait for a snapshot. */
export const PENDING_FRAMES_MAX = 2_000
export const PENDING_BYTES_MAX = 8 * 1024 * 1024
/** Deltas older than the snapshot before another one is asked for: about ten seconds. */
const BASE_DROPS_MAX = 100
/** Indices into Frame.own: sequence and time before a delta. */
const PREVIOUS = 0
const PREVIOUS_TIME = 1

/** A delta that waits: a copy of its object. */
interface Pending {
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

/** The delta that was read last, as numbers. */
interface Delta {
  previous: number
  last: number
  time: number
}

/** What to do with a delta when the book stands at `seq` and `time`. The rule of this room. */
export function judge(delta: Readonly<Delta>, seq: number, time: number): 'apply' | 'drop' | 'gap' | 'restarted' {
  if (delta.last <= seq) return delta.time > time ? 'restarted' : 'drop'
  return delta.previous <= seq ? 'apply' : 'gap'
}

export class BookTrack implements Track {
  readonly outlet: Outlet
  book = new KnownBook()
  inSync = false
  /** Sequence and time of the book, µs. */
  seq = -1
  time = 0
  readonly #options: BookOptions
  readonly #previousField: number
  readonly #previousOffset: 0 | 1
  readonly #seqField: number
  readonly #timeField: number
  readonly #delta: Delta = { previous: 0, last: 0, time: 0 }
  /** Deltas that wait for a snapshot, or of the socket that is about to take over. */
  #pending: Pending[] = []
  #pendingBytes = 0
  #requested = false
  /** The snapshot that waits for a delta to join it. */
  #base: number | undefined
  /** The socket whose deltas the book follows. */
  #owner = 0
  /** Why the book is not in sync, and where it was when it last was. */
  #lost: { readonly reason: GapReason; readonly seq: number; readonly time: number } | undefined
  /** Sequence of the snapshot published last. */
  #snapshotSeq = -1
  /** Deltas dropped since the snapshot came that none has joined yet. */
  #baseDrops = 0
  /** Deltas since a renewal was asked for, and the renewal once its snapshot is there. */
  #since: Buffer[] | undefined
  #renewal: Renewal | undefined

  constructor(options: BookOptions) {
    const { outlet, frame, keys, resume } = options
    this.outlet = outlet
    this.#options = options
    this.#previousOffset = 'key' in keys.previous ? 0 : 1
    this.#previousField = frame.field('key' in keys.previous ? keys.previous.key : keys.previous.firstKey)
    this.#seqField = frame.field(keys.seq)
    this.#timeField = frame.field(keys.time)
    if (resume !== undefined) this.#lost = { reason: 'restart', ...resume }
  }

  take(bytes: Buffer, pos: number, end: number, received: number, socketId: number): boolean {
    if (!this.#read(bytes)) return false
    if (!this.inSync) {
      this.#wait(bytes, pos, end, received, socketId)
      this.#join()
      return true
    }
    const verdict = judge(this.#delta, this.seq, this.time)
    if (verdict === 'apply') {
      const published = this.#apply(bytes, received)
      this.#owner = socketId
      if (this.#since !== undefined) this.#since.push(Buffer.from(bytes.subarray(pos, end)))
      if (this.#renewal !== undefined) this.#renew(bytes, this.#renewal)
      if (this.#pending.length > 0) this.#follow()
      return published
    }
    // Venues that stamp the time of sending stamp each socket's deltas by themselves: only our own tells of a restart.
    if (verdict === 'drop' || (verdict === 'restarted' && socketId !== this.#owner)) {
      this.outlet.channel.tally.repeated += 1
      return true
    }
    if (socketId !== this.#owner) {
      // The socket that is about to take over may be ahead of the one that the book follows.
      this.#wait(bytes, pos, end, received, socketId)
      return true
    }
    this.#lose(verdict === 'gap' ? 'sequence' : 'sequence_restart')
    this.#wait(bytes, pos, end, received, socketId)
    return true
  }

  interrupt(reason: GapReason, socketId: number): void {
    // A frame that could not be read shows as a jump of the sequence, if it was one of ours.
    if (reason === 'malformed') return
    if (reason === 'disconnect') {
      this.#pending = this.#pending.filter((p) => p.socketId !== socketId)
      if (socketId !== this.#owner && this.inSync) return
      if (this.inSync && this.#pending.length > 0) {
        this.#follow()
        const ahead = this.#pending
        if (ahead.length > 0) this.#lose(reason)
        for (const p of ahead) this.#wait(p.bytes, 0, p.bytes.length, p.received, p.socketId)
        return
      }
    }
    this.#base = undefined
    if (this.inSync) this.#lose(reason)
  }

  leave(socketId: number): void {
    this.interrupt('disconnect', socketId)
  }

  follows(socketId: number): boolean {
    return !this.inSync || this.#owner === socketId
  }

  get position(): { last_seq?: number } {
    return this.seq < 0 ? {} : { last_seq: this.seq }
  }

  close(): void {
    const now = this.outlet.own.nowUs()
    if (this.#lost !== undefined && this.#lost.seq >= 0) this.#announce(now, undefined)
    this.outlet.announce(now, {})
  }

  /** The snapshot that was asked for, read into the source's frame from `body`. */
  arrived(body: Buffer, limit: number): void {
    this.#requested = false
    const { frame, seq, bids, asks } = this.#options.source
    const at = frame.integer(body, frame.field(seq))
    if (!(at >= 0)) {
      this.failed()
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
      for (const bytes of since) if (this.#renewal === renewal && this.#reread(bytes)) this.#renew(bytes, renewal)
    }
  }

  /** No snapshot this time: the next delta asks again. */
  failed(): void {
    this.#requested = false
    this.#since = undefined
  }

  /** Publishes a snapshot for those who join late, unless nothing changed since the last one. */
  refresh(): void {
    if (this.inSync && this.seq !== this.#snapshotSeq && this.outlet.lapse === undefined) this.#publishSnapshot()
  }

  /** Asks for a renewal when too little of the book is known; called now and then. */
  check(): void {
    if (!this.inSync || this.#since !== undefined || this.#renewal !== undefined) return
    if (!this.book.isThin(this.#options.depth)) return
    this.#since = []
    this.#request()
  }

  #read(bytes: Buffer): boolean {
    const { frame } = this.#options
    const delta = this.#delta
    delta.previous = frame.integer(bytes, this.#previousField) - this.#previousOffset
    delta.last = frame.integer(bytes, this.#seqField)
    delta.time = frame.time(bytes, this.#timeField)
    return delta.previous >= -1 && delta.last >= delta.previous && delta.time > 0
  }

  #wait(bytes: Buffer, pos: number, end: number, received: number, socketId: number): void {
    if (this.#pending.length >= PENDING_FRAMES_MAX || this.#pendingBytes + end - pos > PENDING_BYTES_MAX) {
      // The newest are worth more: a later snapshot joins them.
      this.#pending.splice(0, this.#pending.length >> 1)
      this.#pendingBytes = this.#pending.reduce((n, p) => n + p.bytes.length, 0)
    }
    this.#pending.push({ bytes: Buffer.from(bytes.subarray(pos, end)), received, socketId })
    this.#pendingBytes += end - pos
    if (!this.inSync && this.#base === undefined) this.#request()
  }

  #request(): void {
    if (this.#requested) return
    this.#requested = true
    this.#options.source.request(this)
  }

  /** Tries to join the buffered deltas to the snapshot. */
  #join(): void {
    if (this.#base === undefined) return
    const pending = this.#pending
    this.#clearPending()
    let joined = false
    let snapshotTime = 0
    for (let i = 0; i < pending.length; i++) {
      const { bytes, socketId } = pending[i] as Pending
      if (!this.#reread(bytes)) continue
      const delta = this.#delta
      const at: number = joined ? this.seq : this.#base
      const verdict = judge(delta, at, joined ? this.time : Number.POSITIVE_INFINITY)
      if (verdict === 'drop') {
        if (delta.last === at) snapshotTime = delta.time
        continue
      }
      if (verdict === 'apply') {
        this.#applyLevels(bytes)
        this.#owner = socketId
        joined = true
        continue
      }
      // The snapshot is older than what is buffered, or the buffer has a hole: another one joins what follows.
      this.#base = undefined
      for (const p of pending.slice(i)) this.#wait(p.bytes, 0, p.bytes.length, p.received, p.socketId)
      return
    }
    if (!joined && snapshotTime === 0) {
      // All that came is older than the snapshot, which waits for the delta that joins it; not for ever, since the
      // venue may have begun its numbering anew.
      this.#baseDrops += pending.length
      if (this.#baseDrops > BASE_DROPS_MAX) this.#base = undefined
      return
    }
    if (!joined) {
      this.seq = this.#base
      this.time = snapshotTime
      this.#owner = (pending.at(-1) as Pending).socketId
    }
    this.#enterSync()
  }

  #enterSync(): void {
    this.#base = undefined
    this.inSync = true
    if (this.#lost !== undefined) this.#announce(this.time, this.seq)
    this.#publishSnapshot()
    this.#options.onSync(true, 'in sync')
  }

  /** After the book moved on: takes what waits from the socket that is taking over. */
  #follow(): void {
    const pending = this.#pending
    this.#clearPending()
    for (let i = 0; i < pending.length; i++) {
      const p = pending[i] as Pending
      if (!this.#reread(p.bytes)) continue
      const verdict = judge(this.#delta, this.seq, this.time)
      if (verdict === 'drop') continue
      if (verdict !== 'apply') {
        this.#pending = pending.slice(i)
        this.#pendingBytes = this.#pending.reduce((n, q) => n + q.bytes.length, 0)
        return
      }
      this.#apply(p.bytes, p.received)
      this.#owner = p.socketId
    }
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

  #reread(bytes: Buffer): boolean {
    return this.#options.frame.read(bytes, 0, bytes.length, this.#options.symbol) && this.#read(bytes)
  }

  #clearPending(): void {
    this.#pending = []
    this.#pendingBytes = 0
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
    const { previous, time } = this.#delta
    frame.own[PREVIOUS] = previous
    frame.own[PREVIOUS_TIME] = this.time
    if (this.outlet.lapse !== undefined) {
      // Deltas found no room: the book went on, and a snapshot of it makes up for them.
      this.#applyLevels(bytes)
      if (!this.#catchUp()) this.outlet.drop(time)
      return true
    }
    this.#applyLevels(bytes)
    return this.outlet.publish(bytes, frame, received, time)
  }

  /** After a lapse of the spool: gap and snapshot, both or none. */
  #catchUp(): boolean {
    const { own } = this.outlet
    if (own.spool.open(this.#snapshotBytesMax() + 1024, SHARES.orderbook) === undefined) return false
    return this.outlet.announce(this.time, { before_seq: this.seq }) && this.#publishSnapshot()
  }

  #lose(reason: GapReason): void {
    this.#lost ??= { reason, seq: this.seq, time: this.time }
    this.inSync = false
    this.#base = undefined
    this.#since = undefined
    this.#renewal = undefined
    this.#clearPending()
    this.#options.onSync(false, reason)
  }

  #announce(to: number, beforeSeq: number | undefined): void {
    const lost = this.#lost
    if (lost === undefined) return
    const ends = { ...(beforeSeq === undefined ? {} : { before_seq: beforeSeq }), after_seq: lost.seq }
    if (this.outlet.own.gap(this.outlet.channel, lost.reason, lost.time, to, ends)) this.#lost = undefined
  }

  #snapshotBytesMax(): number {
    const { depth } = this.#options
    return 512 + this.book.bids.printedMax(depth) + this.book.asks.printedMax(depth)
  }

  /** Writes the book as it stands. @returns false when the spool has no room: a lapse is open then. */
  #publishSnapshot(): boolean {
    const { outlet, book } = this
    const { depth } = this.#options
    const { spool } = outlet.own
    const room = spool.open(this.#snapshotBytesMax(), SHARES.orderbook)
    if (room === undefined) {
      outlet.drop(this.time)
      return false
    }
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
    this.#snapshotSeq = this.seq
    return true
  }
}

const PUBLISHED = ascii(',"published":0000000000000000}')
