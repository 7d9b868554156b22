// Random histories for tests: one venue, two publishers of its book, and what they publish, in the order of delivery.
//
// The venue changes a small book step by step and now and then begins its numbering anew. Each publisher cuts the
// steps into deltas at places of its own, lags, loses frames, crashes and comes back; it publishes a snapshot at
// each start and once in a while, and a gap for whatever it lost. On request the venue stamps each connection's deltas by
// itself, or sets its clock back. Everything is drawn from one seed.
import { messageKey, VERSION, type Gap, type GapReason, type OrderBook } from '../collector/market/messages.ts'

const BEGIN = 1_790_000_000_000_000
const head = { v: VERSION, exchange: 'binance', market: 'perpetual', symbol: 'BTC-USDT' } as const

/** The venue's book after a step: price to size, without zeros at the end. */
export type Truth = ReadonlyMap<number, number>

interface Step {
  readonly epoch: number
  readonly seq: number
  /** When it happened, µs. */
  readonly at: number
  /** When it happened by the venue's clock, µs. */
  readonly ts: number
  /** How long no other happened, up to {@link STAMPS_DIFFER}, µs. */
  lateMax: number
  readonly changes: ReadonlyMap<number, number>
  readonly book: Truth
}

export interface History {
  /** What a consumer of the stream gets: both publishers' messages, each id once. */
  readonly delivered: readonly (OrderBook | Gap)[]
  /** The venue's book at a sequence of the numbering that was in use at that time. */
  truth(seq: number, ts: number): Truth | undefined
}

export interface HistoryOptions {
  /** 1 or 2 publishers; 2 unless told otherwise. */
  readonly publishers?: number
  /** False for publishers that never crash or lose a frame and a venue that never restarts. */
  readonly faults?: boolean
  /** How states are stamped; `one` unless told otherwise. */
  readonly stamps?: Stamps
  /** By how much the venue's clock is set back now and then, µs; a new numbering takes longer to begin. */
  readonly setBack?: number
}

/**
 * `one`: each state has its stamp. `sent`: each connection's frames are stamped when they are sent, with all that happened
 * until then. `apart`: so, but some connections are behind others, so that of two states the older may bear the later one.
 */
export type Stamps = 'one' | 'sent' | 'apart'

/** By how much stamps of one state may differ, µs; a new numbering takes longer to begin. */
const STAMPS_DIFFER = 3_000

export type Random = () => number

/** Numbers in [0, 1) that depend on nothing but the seed (mulberry32). */
export function random(seed: number): Random {
  let a = seed >>> 0
  return () => {
    a = (a + 0x6d2b79f5) >>> 0
    let t = Math.imul(a ^ (a >>> 15), a | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

/** An integer from `low` to `high`, both included. */
export function between(rng: Random, low: number, high: number): number {
  return low + Math.floor(rng() * (high - low + 1))
}

export function history(seed: number, options: HistoryOptions = {}): History {
  const { publishers = 2, faults = true, stamps = 'one' } = options
  const rng = random(seed)
  // Apart, so that a history is the same with them and without.
  const clocks = random(seed + 1)
  const steps = venue(rng, faults, clocks, options)
  const sent = Array.from({ length: publishers }, () => {
    const usual = clocks()
    const stamp = (i: number) => {
      const { ts, lateMax } = steps[i] as Step
      return ts + Math.floor((clocks() < 0.5 ? usual : clocks()) * (stamps === 'sent' ? lateMax : STAMPS_DIFFER))
    }
    return publisher(rng, steps, faults, stamps === 'one' ? (i) => (steps[i] as Step).ts : stamp)
  })
  const ids = new Set<string>()
  const delivered = sent
    .flat()
    .sort((a, b) => a.at - b.at)
    .map(({ message, at }) => ({ ...message, received: BEGIN + at, published: BEGIN + at }) as OrderBook | Gap)
    .filter((m) => !ids.has(`${m.type}:${messageKey(m)}`) && ids.add(`${m.type}:${messageKey(m)}`))
  return { delivered, truth: truthOf(steps) }
}

function truthOf(steps: readonly Step[]): History['truth'] {
  const books = new Map(steps.map((s) => [`${s.epoch}:${s.seq}`, s.book]))
  const begins: number[] = []
  for (const { epoch, ts } of steps) begins[epoch] = Math.min(begins[epoch] ?? Infinity, ts)
  return (seq, ts) => books.get(`${begins.findLastIndex((begin) => begin <= ts)}:${seq}`)
}

function venue(rng: Random, faults: boolean, clocks: Random, options: HistoryOptions): Step[] {
  const { stamps = 'one', setBack = 0 } = options
  const pause = setBack + (stamps === 'one' ? 0 : STAMPS_DIFFER)
  const steps: Step[] = []
  const book = new Map<number, number>()
  let [epoch, seq, at, behind] = [0, between(rng, 0, 1000), BEGIN, 0]
  const count = between(rng, 20, 80)
  for (let i = 0; i < count; i++) {
    // Several steps may share a millisecond, but a venue cannot begin anew within one.
    at += rng() < 0.3 ? 0 : 1000 * between(rng, 1, 5)
    seq += between(rng, 1, 3)
    if (faults && rng() < 0.03) {
      epoch += 1
      // Mostly close below the old number: there the new numbering soon passes a consumer that knows only the old.
      seq = rng() < 0.3 ? between(rng, 0, 20) : Math.max(0, seq - between(rng, 2, 12))
      at += pause + 1000 * between(rng, 1, 10)
      book.clear()
    }
    if (setBack > 0 && clocks() < 0.03) behind = clocks() < 0.5 ? 0 : between(clocks, 1, setBack)
    const changes = new Map<number, number>()
    for (let n = between(rng, 1, 3); n > 0; n--) {
      const price = rng() < 0.5 ? between(rng, 90, 99) : between(rng, 101, 110)
      changes.set(price, rng() < 0.4 ? 0 : between(rng, 1, 9))
    }
    for (const [price, size] of changes) {
      if (size === 0) book.delete(price)
      else book.set(price, size)
    }
    const before = steps.at(-1)
    if (before !== undefined) before.lateMax = Math.max(0, Math.min(STAMPS_DIFFER, at - behind - before.ts - 1))
    steps.push({ epoch, seq, at, ts: at - behind, lateMax: STAMPS_DIFFER, changes, book: new Map(book) })
  }
  return steps
}

type Made = Omit<OrderBook, 'received' | 'published'> | Omit<Gap, 'received' | 'published'>
interface Sent {
  readonly message: Made
  /** When it reaches the stream, µs after the beginning; never earlier than what the same publisher sent before. */
  readonly at: number
}

function publisher(rng: Random, steps: readonly Step[], faults: boolean, stamp: (step: number) => number): Sent[] {
  const out: Sent[] = []
  const lag = between(rng, 0, 1) * between(rng, 0, 80_000)
  let clock = 0
  const send = (message: Made, step: Step) => {
    clock = Math.max(clock, step.at - BEGIN + lag + between(rng, 0, 20_000)) + 1
    out.push({ message, at: clock })
  }
  // As track.ts: the time of the book, and of the snapshot last sent, before which no other is stamped.
  let [ts, snapshotTs] = [0, 0]
  const sendSnapshot = (step: Step) => {
    ts = snapshotTs = Math.max(ts, snapshotTs)
    send(snapshotOf(rng, step, ts), step)
  }
  const step = (i: number) => steps[Math.min(i, steps.length - 1)] as Step
  /** Publishes the book after step `i`, and what was lost since step `before`; returns where the next delta begins. */
  const synchronise = (before: number | undefined, i: number, reason: GapReason): number => {
    if (before !== undefined) send(gapOf(step(before), step(i), reason), step(i))
    ts = stamp(Math.min(i, steps.length - 1))
    sendSnapshot(step(i))
    // The venue's cut does not wait for us: the first delta may begin before the snapshot.
    const back = Math.max(0, i - between(rng, 0, 2))
    return step(back).epoch === step(i).epoch ? back : i
  }
  let at = between(rng, 0, 3)
  let first = synchronise(undefined, at, 'restart')
  while (at < steps.length - 1) {
    const previous = first
    let last = Math.max(first, at) + 1
    if (step(last).epoch !== step(at).epoch) {
      first = synchronise(at, last, 'sequence_restart')
      at = last
      continue
    }
    for (let n = between(rng, 0, 3); n > 0 && last < steps.length - 1 && step(last + 1).epoch === step(last).epoch; n--)
      last++
    if (faults && rng() < 0.06) {
      const lost = Math.min(steps.length - 1, last + between(rng, 1, 8))
      first = synchronise(at, lost, rng() < 0.5 ? 'restart' : 'sequence')
      at = lost
      continue
    }
    const prevTs = ts
    ts = stamp(last)
    send(deltaOf(rng, { seq: step(previous).seq, ts: prevTs }, steps.slice(previous + 1, last + 1), ts), step(last))
    if (rng() < 0.2 || ts < snapshotTs) sendSnapshot(step(last))
    first = at = last
  }
  return out
}

function gapOf(before: Step, after: Step, reason: GapReason): Made {
  const seqs = { after_seq: before.seq, before_seq: after.seq }
  return { type: 'gap', ...head, of: 'orderbook', reason, from: before.ts, to: after.ts, ...seqs }
}

function snapshotOf(rng: Random, { seq, book }: Step, ts: number): Made {
  return { type: 'orderbook', ...head, kind: 'snapshot', seq, ...sides(rng, book), ts }
}

function deltaOf(rng: Random, before: Pick<Step, 'seq' | 'ts'>, steps: readonly Step[], ts: number): Made {
  const changes = new Map(steps.flatMap((s) => [...s.changes]))
  const { seq } = steps.at(-1) as Step
  const order = { prev_seq: before.seq, prev_ts: before.ts, seq }
  return { type: 'orderbook', ...head, kind: 'delta', ...order, ...sides(rng, changes), ts }
}

function sides(rng: Random, levels: Truth): Pick<OrderBook, 'bids' | 'asks'> {
  const zeros = '.00'.slice(0, between(rng, 0, 1) * between(rng, 2, 3))
  const sorted = [...levels].sort((a, b) => a[0] - b[0]).map(([p, s]): [string, string] => [`${p}${zeros}`, `${s}`])
  const bids = sorted.filter(([p]) => Number(p) < 100).toReversed()
  return { bids, asks: sorted.filter(([p]) => Number(p) > 100) }
}
