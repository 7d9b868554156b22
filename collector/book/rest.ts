// An order book whose snapshots come from REST, kept in step with the venue's deltas.
//
//   waiting ── snapshot joins the deltas that wait ──> in sync ── a delta does not follow ──> waiting (gap)
// Whether deltas follow one another, chain.ts says. A snapshot at `seq` joins them where consumers would, too
// (DESIGN 3.3): `last <= seq` is old; `previous <= seq < last` applies, sizes are absolute; `seq < previous` says that
// the snapshot is older than what waits. It holds for spot, where `previous` is U - 1 (steps 3 to 6 of the spot page),
// and for futures, where it is `pu` (steps 3 to 5 of theirs, and live streams whose first event names the snapshot as
// its predecessor).
// Always: what waits is a chain without a hole. Never: an unbounded buffer; a snapshot that may be of another numbering
// than the deltas.
import assert from 'node:assert'
import type { GapReason } from '../market/messages.ts'
import type { Frame } from '../wire/frame.ts'
import { Chain, type Delta } from './chain.ts'
import { Renewal } from './known.ts'
import { DeltaQueue, PENDING_FRAMES_MAX } from './queue.ts'
import { BookReader } from './reader.ts'
import { type BookOptions, BookTrack, type Verdict } from './track.ts'

/** Deltas older than the snapshot before another one is asked for: about two minutes of a stream that lags. */
const BASE_DROPS_MAX = 1_000
/** The one form of the deltas. */
const FORM = 0

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
  readonly request: (track: RestBook) => void
  readonly seq: string
  readonly bids: string
  readonly asks: string
}

export interface RestBookOptions extends BookOptions {
  readonly source: SnapshotSource
}

export class RestBook extends BookTrack {
  readonly #source: SnapshotSource
  readonly #symbol: Buffer
  readonly #reader: BookReader
  /** The delta that was read last. */
  readonly #delta: Delta = { previous: 0, last: 0, time: 0 }
  readonly #chain = new Chain()
  /** Deltas that wait for a snapshot; in sync those of a socket that is ahead of the one that the book follows. */
  #pending = new DeltaQueue<Pending>()
  #requested = false
  /** The snapshot that was asked for may be of an older numbering. */
  #isVoid = false
  /** The snapshot that waits for a delta to join it. */
  #base: number | undefined
  /** Deltas older than that snapshot. */
  #baseDrops = 0
  /** Deltas since a renewal was asked for, and the renewal once its snapshot is there. */
  #since: Buffer[] | undefined
  #renewal: Renewal | undefined
  /** Waits for a renewal to compare the book with. */
  #verifying: ((verdict: Verdict) => void) | undefined
  #isClosed = false

  constructor(options: RestBookOptions) {
    super(options)
    const { outlet, book, source, symbol } = options
    const frame = outlet.forms[FORM]?.frame
    assert(frame !== undefined && book.forms.length === 1 && book.forms[0].kind === 'delta')
    this.#source = source
    this.#symbol = symbol
    this.#reader = new BookReader(book.forms[0], frame)
  }

  take(_form: number, bytes: Buffer, pos: number, end: number, received: number, socketId: number): boolean {
    if (!this.#read()) return false
    const link = this.#chain.link(this.#delta, socketId)
    if (link === 'next' && this.inSync) {
      const published = this.#advance(bytes, pos, end, received)
      if (this.#pending.list.length > 0) this.#follow()
      return published
    }
    if (link === 'repeated') this.outlet.channel.tally.repeated += 1
    else if (link !== 'ahead') this.#await(link, bytes, pos, end, received, socketId)
    else if (this.inSync) {
      // It may take over, once the one that the book follows has brought what lies between.
      if (this.#pending.list.at(-1)?.last !== this.#delta.previous) this.#pending.clear()
      this.#wait(bytes, pos, end, received, socketId)
    }
    return true
  }

  interrupt(reason: GapReason, socketId: number): void {
    // Whether something is missing the next delta tells.
    this.blame(reason)
    if (reason === 'disconnect') this.#gone(socketId, false)
  }

  leave(socketId: number): void {
    this.blame('disconnect')
    this.#gone(socketId, true)
  }

  follows(socketId: number): boolean {
    return !this.inSync || this.#chain.follows(socketId)
  }

  override close(): void {
    this.#isClosed = true
    super.close()
  }

  /** The snapshot that was asked for, read into the source's frame from `body`. */
  arrived(body: Buffer, limit: number): void {
    this.#requested = false
    if (this.#isClosed) return
    const { frame, seq, bids, asks } = this.#source
    const at = frame.integer(frame.field(seq))
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
      // Perhaps nothing changes for long.
      if (this.#verifying !== undefined && this.#renewal === renewal && renewal.seq === this.seq) {
        this.#renewal = undefined
        this.#compare(renewal)
      }
    }
  }

  /** No snapshot this time: the next delta asks again. */
  failed(): void {
    this.#requested = false
    this.#isVoid = false
    this.#since = undefined
    this.#say({ agreement: 'unknown', why: 'the venue gave no snapshot' })
  }

  /** Asks for a renewal when too little of the book is known; called now and then. */
  check(): void {
    if (!this.inSync || this.#since !== undefined || this.#renewal !== undefined) return
    if (!this.book.isThin(this.depth)) return
    this.#since = []
    this.#request()
  }

  verify(done: (verdict: Verdict) => void): void {
    if (!this.inSync) return done({ agreement: 'unknown', why: 'the book is not in sync' })
    this.#say({ agreement: 'unknown', why: 'asked once more' })
    this.#verifying = done
    if (this.#since !== undefined || this.#renewal !== undefined) return
    this.#since = []
    this.#request()
  }

  #read(): boolean {
    return this.#reader.read(this.#delta) && this.#delta.last >= this.#delta.previous
  }

  /** A delta that follows in a book in sync. */
  #advance(bytes: Buffer, pos: number, end: number, received: number): boolean {
    this.book.apply(bytes, this.#reader.bids, this.#reader.asks)
    const published = this.moved(FORM, bytes, this.#delta, received)
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
    if (this.inSync) this.lose(link === 'restarted' ? 'sequence_restart' : this.reason)
    if (link !== 'next') {
      // A snapshot that lies before a hole joins nothing behind it, so what waits before the hole is of no use.
      this.#pending.clear()
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
    const { tally } = this.outlet.channel
    tally.held += 1
    tally.lastReceived = received
    this.#pending.push({ ...this.#delta, bytes: Buffer.from(bytes.subarray(pos, end)), received, socketId })
    if (!this.inSync && this.#base === undefined) this.#request()
  }

  #request(): void {
    if (this.#requested || this.#isClosed) return
    this.#requested = true
    this.#source.request(this)
  }

  /** Tries to join the deltas that wait to the snapshot. */
  #join(): void {
    const base = this.#base
    if (base === undefined) return
    const pending = this.#pending.list
    const newest = pending.at(-1)
    const following = pending.filter(({ last }) => last > base)
    const first = following[0]
    if (first !== undefined && first.previous > base) {
      this.#base = undefined
      this.#request()
      return
    }
    this.#pending.clear()
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
      this.book.apply(bytes, this.#reader.bids, this.#reader.asks)
      this.stand(this.#delta.last, this.#delta.time)
    }
    this.#base = undefined
    this.start()
  }

  /** After the book moved on: takes what waits from the socket that is ahead, once it follows. */
  #follow(): void {
    const pending = this.#pending.list
    let i = 0
    for (; i < pending.length; i++) {
      const delta = pending[i] as Pending
      if (delta.last <= this.seq) continue
      if (delta.previous > this.seq) break
      this.#reread(delta.bytes)
      this.#chain.pass(delta, delta.socketId)
      this.#advance(delta.bytes, 0, delta.bytes.length, delta.received)
    }
    this.#pending.drop(i)
  }

  #gone(socketId: number, wasReplaced: boolean): void {
    const wasFollowed = this.#chain.leave(socketId, wasReplaced)
    const ahead = this.#pending.list
    const newest = ahead.at(-1)
    if (!this.inSync || newest === undefined) return
    if (!wasFollowed) {
      if (newest.socketId === socketId) this.#pending.clear()
      return
    }
    // Nobody brings what lies between any more.
    this.lose(this.reason)
    this.#chain.begin(newest, newest.socketId)
    for (const delta of ahead) this.#pending.push(delta)
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
    const { previous, last } = this.#delta
    if (!renewal.feed(bytes, previous, last, this.#reader.bids, this.#reader.asks)) {
      this.#renewal = undefined
      this.#say({ agreement: 'unknown', why: 'the snapshot was too old' })
    } else if (renewal.joined && renewal.seq === this.seq && this.#compare(renewal)) {
      this.#renewal = undefined
      this.book = renewal.book
      this.refresh()
    }
  }

  /** Compares the book with one that stands at the same place, if that was asked for; false: it was wrong, and is lost. */
  #compare(renewal: Renewal): boolean {
    if (this.#verifying === undefined) return true
    const isSame = renewal.book.agreesWith(this.book)
    this.#say({ agreement: isSame ? 'equal' : 'differs' })
    if (!isSame) this.lose('quality')
    return isSame
  }

  #say(verdict: Verdict): void {
    const done = this.#verifying
    this.#verifying = undefined
    done?.(verdict)
  }

  /** Reads once more what was read before. */
  #reread(bytes: Buffer): void {
    const isRead = this.#reader.frame.read(bytes, 0, bytes.length, this.#symbol) >= 0 && this.#read()
    assert(isRead, 'book: a delta that was read cannot be read again')
  }

  protected override lose(reason: GapReason): void {
    this.#base = undefined
    this.#since = undefined
    this.#renewal = undefined
    this.#pending.clear()
    this.#say({ agreement: 'unknown', why: 'the book lost sync meanwhile' })
    super.lose(reason)
  }
}
