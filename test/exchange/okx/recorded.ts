// One market of OKX on a recorded session. Requests are answered as OKX does today; data is byte for byte what was
// recorded, also where it is older than that (checksums, books without `seqId`).
import type { Market } from '../../../crds/names.ts'
import type { Clock } from '../clock.ts'
import { NO_FIGURES } from '../market/figures.ts'
import { Tape, type TapeFrame } from '../tape.ts'
import type { Peer, RecordedOptions, TrueBook, Truth, Venue } from '../venue.ts'
import { type Backend, type Bounds, FAILURE, type Keyed, restOf } from './rest.ts'
import { INST_TYPES, rulesOf } from './rules.ts'
import { type RecordedBook, recordedStream, type SessionFile, sessionFile } from './session-file.ts'
import { type Arg, type Carriers, session, type Streams } from './session.ts'

export function recorded(market: Market, clock: Clock, options: RecordedOptions): Venue {
  const rules = rulesOf(market, options.limits)
  const file = sessionFile(market, options.items)
  const tape = new Tape(clock, options, file)
  const side = new Recorded(market, clock, tape, file)
  const carriers: Carriers = new Map()
  return {
    market,
    limits: rules.limits,
    truth: side.truth,
    source: tape.source,
    session: (url, peer) => session(rules, url, peer, side, carriers),
    answer: restOf(rules, clock, side),
    failure: FAILURE,
    start: () => tape.replay.start(),
    finished: tape.replay.finished,
    close: () => tape.replay.close(),
  }
}

class Recorded implements Backend, Streams {
  readonly clock: Clock
  readonly #market: Market
  readonly #tape: Tape
  readonly #file: SessionFile

  constructor(market: Market, clock: Clock, tape: Tape, file: SessionFile) {
    this.clock = clock
    this.#market = market
    this.#tape = tape
    this.#file = file
  }

  knows({ name }: Arg): boolean {
    return name === INST_TYPES[this.#market] || this.#file.rows.some(({ instId }) => instId === name)
  }

  open({ channel, name, text: stream }: Arg, peer: Peer): () => void {
    const push = (frame: TapeFrame, shift: number) => {
      const { id, ids } = frame
      const text = rewritten(frame, shift, this.#tape.skewMs)
      peer.push({ stream, text, id: id + shift, ...(ids === undefined ? {} : { ids: ids.map((one) => one + shift) }) })
    }
    return this.#tape.open(recordedStream(channel, name), { peer, push })
  }

  samples(): undefined {
    return undefined
  }

  left(peer: Peer): void {
    this.#tape.left(peer)
  }

  now(): number {
    return this.clock.now() + this.#tape.skewMs
  }

  rows() {
    return this.#file.rows
  }

  trades(instId: string, { after, before, limit }: Bounds): Keyed[] {
    return this.#known(instId)
      .filter(({ key }) => key < after && key > before)
      .slice(0, limit)
  }

  tradesBefore(instId: string, time: number, limit: number): Keyed[] {
    const rows = this.#known(instId).filter(({ time: at }) => at < time)
    return rows.slice(0, limit)
  }

  book(instId: string, depth: number): string | undefined {
    const newest = this.#newest(instId)
    const book = newest && this.#bookAt(instId, newest.seq)
    if (newest === undefined || book === undefined) return undefined
    const side = (levels: TrueBook['bids']) => levels.slice(0, depth).map(([price, size]) => [price, size, '0', '1'])
    const shift = this.#tape.shift(instId, 'orderbook')
    const seq = newest.seq === Number(newest.ts) ? {} : { seqId: newest.seq + shift }
    return JSON.stringify({ asks: side(book.asks), bids: side(book.bids), ts: newest.ts, ...seq })
  }

  candles(instId: string, bar: string): Keyed[] {
    const rows = new Map<number, string>()
    for (const { stream, text, id } of this.#tape.frames()) {
      if (stream === recordedStream(`candle${bar}`, instId)) rows.set(id, JSON.stringify(rowsIn(text)[0]))
    }
    return [...rows].map(([key, text]) => ({ key, text })).sort((a, b) => b.key - a.key)
  }

  ticker(instId: string): string | undefined {
    return this.#last('tickers', instId)
  }

  funding(instId: string): string | undefined {
    return this.#last('funding-rate', instId)
  }

  openInterest(instId: string): string | undefined {
    return this.#last('open-interest', instId)
  }

  ratio(): undefined {
    return undefined
  }

  readonly truth: Truth = {
    symbols: () => [...new Set([...this.#file.books.keys(), ...this.#file.trades.keys()])],
    bookAt: (instId, seq) => {
      const shift = this.#tape.shift(instId, 'orderbook')
      const book = this.#bookAt(instId, seq - shift)
      return book && { ...book, seq: book.seq + shift }
    },
    seq: (instId) => {
      const seq = this.#newest(instId)?.seq
      return seq === undefined ? undefined : seq + this.#tape.shift(instId, 'orderbook')
    },
    trades: (instId) =>
      (this.#file.trades.get(instId) ?? []).map(({ id, price, size, side, time }) => ({ id, price, size, side, time })),
    figures: NO_FIGURES,
  }

  /** Newest first. */
  #known(instId: string): (Keyed & { readonly time: number })[] {
    const shift = this.#tape.shift(instId, 'trade')
    return (this.#file.trades.get(instId) ?? [])
      .filter(({ id, known }) => known <= this.#tape.played && id + shift > 0)
      .map(({ id, time, row }) => ({ key: id + shift, time, text: shifted(row, 'trade', shift) }))
      .toReversed()
  }

  #last(channel: string, name: string): string | undefined {
    let last: TapeFrame | undefined
    for (const frame of this.#tape.frames()) if (frame.stream === recordedStream(channel, name)) last = frame
    return last && JSON.stringify(rowsIn(last.text)[0])
  }

  #newest(instId: string): RecordedBook | undefined {
    return this.#file.books.get(instId)?.findLast(({ position }) => position < this.#tape.replay.position)
  }

  /** The newest snapshot that is not later, and all changes behind it. */
  #bookAt(instId: string, seq: number): TrueBook | undefined {
    const upTo = (this.#file.books.get(instId) ?? []).filter((book) => book.seq <= seq)
    const from = upTo.findLastIndex(({ isSnapshot }) => isSnapshot)
    if (from === -1) return undefined
    const sides = [new Map<string, string>(), new Map<string, string>()] as const
    for (const { bids, asks } of upTo.slice(from)) {
      for (const [price, size] of bids) set(sides[0], price, size)
      for (const [price, size] of asks) set(sides[1], price, size)
    }
    return { seq: upTo.at(-1)!.seq, bids: sorted(sides[0], -1), asks: sorted(sides[1], 1) }
  }
}

/** `,"data":[…]}`, also behind an action. */
function rowsIn(text: string): readonly unknown[] {
  return JSON.parse(`{${text.slice(1)}`).data
}

function set(side: Map<string, string>, price: string, size: string): void {
  if (Number(size) === 0) side.delete(price)
  else side.set(price, size)
}

function sorted(side: ReadonlyMap<string, string>, sign: number): (readonly [string, string])[] {
  return [...side].sort((a, b) => sign * (Number(a[0]) - Number(b[0])))
}

/** The frame with other ids and times; byte for byte the recorded one where nothing is to be changed. */
function rewritten({ text, of }: TapeFrame, shift: number, skewMs: number): string {
  const out = shifted(text, of, shift)
  if (skewMs === 0) return out
  return out.replace(/"ts":"(\d{13})"/gu, (_, time) => `"ts":"${Math.floor(Number(time) + skewMs)}"`)
}

function shifted(text: string, of: TapeFrame['of'], shift: number): string {
  if (shift === 0 || of === undefined) return text
  if (of === 'trade') return text.replace(/"tradeId":"(\d+)"/gu, (_, id) => `"tradeId":"${Number(id) + shift}"`)
  return text.replace(/"(seqId|prevSeqId)":(\d+)/gu, (_, key, id) => `"${key}":${Number(id) + shift}`)
}
