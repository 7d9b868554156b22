// A venue that sends snapshots in the stream, and sockets that carry it: they lag, cut the changes where they like, lose
// frames and let them change places. Time passes in ticks; everything is drawn from one seed.
import { crc32 } from 'node:zlib'
import { between, type Random } from '../history.ts'

export const STYLES = [
  'stamped when made',
  'stamped when sent',
  'with checksums',
  'of 2022',
  'whose clock is set',
] as const
export type Style = (typeof STYLES)[number]

/** A socket that is slow sends so often a tick, any other so often. */
const SLOW = 0.05
const PROMPT = 0.6
/** So far the venue's clock is wrong at most, where it is set. */
const SKEW_MS = 400
/** There times do not tell numberings apart: each begins so far below the one before that no number is of both. */
const FAR = 64
const NUMBERINGS = 3
const BEGIN_MS = 1_790_000_000_000
const TICK_MS = 20

export type Sizes = ReadonlyMap<number, number>

/** A state of the venue's book. */
export interface State {
  readonly seq: number
  readonly ms: number
  readonly changes: Sizes
  readonly book: Sizes
  /** The number is lower than the one before: the chain goes on (`linked`) or begins anew. */
  readonly renumbered?: 'linked' | 'anew'
}

/** The venue: numbers of each numbering are told apart by their remainder, so that a state is known by its number. */
export class Venue {
  readonly states: State[] = []
  readonly style: Style
  readonly rng: Random
  nowMs = BEGIN_MS
  /** From where to where its deltas led, by number. */
  readonly steps = new Set<string>()
  #skewMs = 0
  #numbering = 0

  constructor(style: Style, rng: Random) {
    this.style = style
    this.rng = rng
    this.#add(8 * between(rng, 100, 200) * (style === 'whose clock is set' ? FAR ** NUMBERINGS : 1), undefined)
  }

  get last(): number {
    return this.states.length - 1
  }

  /** What its clock shows. */
  get #clockMs(): number {
    return this.nowMs + this.#skewMs
  }

  state(i: number): State {
    return this.states[i] as State
  }

  /** @returns whether all connections end */
  tick(isCalm: boolean, isStill: boolean): boolean {
    const { rng } = this
    this.nowMs += TICK_MS
    if (isStill) return false
    const isSet = this.style === 'whose clock is set'
    if (isCalm) this.#skewMs = 0
    else if (isSet && rng() < 0.01) this.#skewMs = between(rng, -1, 1) * between(rng, 0, SKEW_MS)
    const { seq } = this.state(this.last)
    if (!isCalm && this.#numbering < (isSet ? NUMBERINGS : 7) && rng() < 0.008) {
      const isLinked = this.style !== 'of 2022' && rng() < 0.6
      this.#numbering += 1
      const begin = isSet ? Math.floor(seq / 8 / FAR) : between(rng, 0, Math.floor(seq / 16))
      this.#add(8 * begin + this.#numbering, isLinked ? 'linked' : 'anew')
      return !isLinked
    }
    const several = this.style === 'of 2022' ? 1 : 2
    if (rng() < 0.4) for (let n = between(rng, 1, several); n > 0; n--) this.#add(this.#next(), undefined)
    return false
  }

  /** The state that a published number means: where the venue gives none they are made of times. */
  truth(seq: number): State | undefined {
    const ms = Math.floor(seq / 1000)
    return this.states.find((s) => (this.style === 'of 2022' ? s.ms === ms : s.seq === seq))
  }

  #next(): number {
    return this.state(this.last).seq + 8 * between(this.rng, 1, 3)
  }

  #add(seq: number, renumbered: State['renumbered']): void {
    const { rng } = this
    const changes = new Map<number, number>()
    const book = new Map(this.states.at(-1)?.book)
    for (let n = between(rng, 1, 3); n > 0; n--) {
      const price = rng() < 0.5 ? between(rng, 90, 99) : between(rng, 101, 110)
      const size = rng() < 0.4 ? 0 : between(rng, 1, 9)
      changes.set(price, size)
      if (size === 0) book.delete(price)
      else book.set(price, size)
    }
    this.states.push({ seq, ms: this.#clockMs, changes, book, ...(renumbered === undefined ? {} : { renumbered }) })
  }

  snapshot(): { readonly at: number; readonly frame: string } {
    const { rng, last } = this
    // Some show a state that is not the newest any more.
    const isOld = rng() < 0.2 && last > 0 && this.state(last).renumbered === undefined
    const at = isOld ? last - 1 : last
    const { ms, book } = this.state(at)
    const isSent = this.style !== 'stamped when made' && this.style !== 'of 2022'
    return { at, frame: this.#frame(at, isSent ? this.#clockMs : ms, book, undefined) }
  }

  /** What changed from one state to another. */
  delta(from: number, to: number): string {
    this.steps.add(`${this.state(from).seq} ${this.state(to).seq}`)
    const changes = new Map(this.states.slice(from + 1, to + 1).flatMap((s) => [...s.changes]))
    const ms = this.style === 'whose clock is set' ? this.#clockMs : this.state(to).ms
    return this.#frame(to, ms, changes, this.state(from).seq)
  }

  #frame(at: number, ms: number, levels: Sizes, previous: number | undefined): string {
    const { seq, book } = this.state(at)
    const level = ([price, size]: readonly [number, number]) => [`${price}`, `${size}`, '0', '1']
    const [bids, asks] = sides(levels).map((side) => side.map(level))
    const hasSum = this.style === 'with checksums' || this.style === 'of 2022'
    const numbers = this.style === 'of 2022' ? {} : { prevSeqId: previous ?? -1, seqId: seq }
    const data = [{ asks, bids, ts: `${ms}`, checksum: hasSum ? checksum(book) : 0, ...numbers }]
    const action = previous === undefined ? 'snapshot' : 'update'
    return JSON.stringify({ arg: { channel: 'books', instId: 'BTC-USDT' }, action, data })
  }
}

/** Bids and asks, best first. */
export function sides(levels: Sizes): [bids: [number, number][], asks: [number, number][]] {
  const sorted = [...levels].sort((a, b) => a[0] - b[0])
  return [sorted.filter(([price]) => price < 100).toReversed(), sorted.filter(([price]) => price > 100)]
}

function checksum(book: Sizes): number {
  const [bids, asks] = sides(book)
  const rows = Array.from({ length: Math.max(bids.length, asks.length) }, (_, i) => [bids[i], asks[i]])
  return (
    crc32(
      rows
        .flat(2)
        .filter((n) => n !== undefined)
        .join(':'),
    ) | 0
  )
}

/** A socket with its one subscription. */
export class Socket {
  readonly id: number
  readonly #venue: Venue
  readonly #take: (frame: string) => void
  /** The state that was sent last; undefined while nothing is subscribed. */
  #sent: number | undefined
  /** Ticks until it is unsubscribed, and until it is subscribed. */
  #leaves = Infinity
  #joins: number
  #late: string | undefined
  delivered = false
  readonly openedMs: number
  readonly #pace: number

  constructor(id: number, venue: Venue, take: (frame: string) => void) {
    this.id = id
    this.#venue = venue
    this.#take = take
    this.#joins = between(venue.rng, 1, 4)
    this.openedMs = venue.nowMs
    this.#pace = venue.rng() < 0.3 ? SLOW : PROMPT
  }

  resubscribe(): void {
    if (this.#leaves < Infinity || this.#joins < Infinity) return
    this.#leaves = between(this.#venue.rng, 1, 6)
  }

  tick(isCalm: boolean): void {
    const venue = this.#venue
    const { rng } = venue
    if (--this.#leaves <= 0) {
      this.#leaves = Infinity
      this.#sent = undefined
      this.#joins = between(rng, 1, 4)
    }
    if (--this.#joins <= 0) {
      this.#joins = Infinity
      const { at, frame } = venue.snapshot()
      this.#sent = at
      this.#send(frame, isCalm)
    }
    // It lags, and cuts where it likes.
    if (this.#sent !== undefined && rng() < (isCalm ? PROMPT : this.#pace)) this.#sendNext(this.#sent, isCalm)
  }

  #sendNext(from: number, isCalm: boolean): void {
    const venue = this.#venue
    const { rng } = venue
    const news = venue.states.slice(from + 1)
    if (news.length === 0) {
      if (rng() < 0.05 && venue.style !== 'of 2022') this.#send(venue.delta(from, from), isCalm)
      return
    }
    // A new numbering begins with a delta of its own, or in one that began in the old and shows by its number.
    const isOne = rng() < 0.5
    const { seq } = venue.state(from)
    const alone = news.findIndex(({ renumbered }) => renumbered !== undefined)
    const far = from + between(rng, 1, news.length)
    const near = from + between(rng, 1, alone < 0 ? news.length : Math.max(1, alone))
    const to = isOne && venue.state(far).seq < seq && !news.some(({ renumbered }) => renumbered === 'anew') ? far : near
    this.#send(venue.delta(from, to), isCalm)
    this.#sent = to
  }

  #send(frame: string, isCalm: boolean): void {
    const { rng } = this.#venue
    const luck = isCalm ? 1 : rng()
    if (luck < 0.02) return
    if (luck < 0.04 && this.#late === undefined) {
      this.#late = frame
      return
    }
    this.delivered = true
    this.#take(frame)
    if (luck < 0.07) this.#take(frame)
    const late = this.#late
    this.#late = undefined
    if (late !== undefined) this.#take(late)
  }
}
