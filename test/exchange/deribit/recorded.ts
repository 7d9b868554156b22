// Deribit on a recorded session: frames go to whoever subscribed to their channel, in the order of the recording.
// A recorded `.raw` channel, which nobody gets without login since, is served as `.100ms`.
// Who subscribes later gets what the venue would give at once: the book as recorded changes made it, the last ticker;
// but no book where the recording goes on with a snapshot of its own. REST answers out of the same.
import type { Clock } from '../clock.ts'
import { NO_FIGURES } from '../market/figures.ts'
import { Tape, type TapeFrame } from '../tape.ts'
import type { Frame, Peer, RecordedOptions, TrueBook, Truth, Venue } from '../venue.ts'
import { FAILURE } from './answer.ts'
import { channelOf } from './channels.ts'
import type { DeribitMarket } from './contracts.ts'
import { Credits } from './credits.ts'
import { array, object, quoted } from './json.ts'
import { tapeAnswers } from './tape-answers.ts'
import { restOf } from './rest.ts'
import { LIMITS } from './rules.ts'
import { type Channels, session } from './session.ts'
import { type RecordedBook, type SessionFile, sessionFile } from './session-file.ts'

export function recorded(market: DeribitMarket, clock: Clock, options: RecordedOptions): Venue {
  const limits = { ...LIMITS, ...options.limits }
  const credits = new Credits(clock, limits.restTimes ?? 1)
  const file = sessionFile(market, options.items)
  const tape = new Tape(clock, options, file)
  const past = new Past(file, tape)
  const backend = tapeAnswers(file, tape, past, () => clock.now() + tape.skewMs)
  const behind = {
    clock,
    credits,
    backend,
    channels: tapeChannels(file, tape, past),
    testWithinMs: limits.pongWithinMs,
  }
  return {
    market,
    limits,
    truth: truthOf(file, tape, past),
    source: tape.source,
    session: (url, peer) => session(url, peer, behind),
    answer: restOf(credits, backend),
    failure: FAILURE,
    start: () => tape.replay.start(),
    finished: tape.replay.finished,
    close: () => tape.replay.close(),
  }
}

/** What was played so far. */
export class Past {
  readonly #file: SessionFile
  readonly #tape: Tape

  constructor(file: SessionFile, tape: Tape) {
    this.#file = file
    this.#tape = tape
  }

  /** The last frame of a channel. */
  last(channel: string): TapeFrame | undefined {
    return [...this.#tape.frames()].findLast(({ stream }) => stream === channel)
  }

  /** The last change or snapshot of a book. */
  newest(instrument: string): RecordedBook | undefined {
    return this.#file.books.get(instrument)?.findLast(({ position }) => position < this.#tape.replay.position)
  }

  /** The newest snapshot that is not later, and all changes behind it; ids as recorded. */
  bookAt(instrument: string, seq: number): TrueBook | undefined {
    const all = this.#file.books.get(instrument) ?? []
    const from = all.findLastIndex((book) => book.snapshot && book.seq <= seq)
    if (from === -1) return undefined
    const bids = new Map(all[from]!.bids)
    const asks = new Map(all[from]!.asks)
    let last = all[from]!.seq
    for (const book of all.slice(from + 1)) {
      if (book.snapshot || book.seq > seq || book.seq <= last) continue
      for (const [price, size] of book.bids) set(bids, price, size)
      for (const [price, size] of book.asks) set(asks, price, size)
      last = book.seq
    }
    return { seq: last, bids: sorted(bids, -1), asks: sorted(asks, 1) }
  }

  /** The snapshot that who subscribes now gets at once; undefined where a recorded one is still to come, or the first. */
  snapshot(channel: string, instrument: string): TapeFrame | undefined {
    const { position } = this.#tape.replay
    const newest = this.newest(instrument)
    const later = this.#file.books.get(instrument)?.some((book) => book.snapshot && book.position >= position)
    const book = newest === undefined || later === true ? undefined : this.bookAt(instrument, newest.seq)
    if (book === undefined) return undefined
    const levels = (side: TrueBook['bids']) => array(side.map(([price, size]) => `["new",${price},${size}]`))
    const text = object({
      type: '"snapshot"',
      timestamp: String(newest!.time),
      instrument_name: quoted(instrument),
      change_id: String(book.seq),
      bids: levels(book.bids),
      asks: levels(book.asks),
    })
    return { stream: channel, symbol: instrument, of: 'orderbook', text, id: book.seq }
  }
}

function tapeChannels(file: SessionFile, tape: Tape, past: Past): Channels {
  const names = new Set(file.infos.map((info) => info.instrument_name))
  return {
    exists: (name) => {
      const channel = channelOf(name)
      return channel !== undefined && (!('instrument' in channel) || names.has(channel.instrument))
    },
    open: (name, peer) => {
      const push = (frame: TapeFrame, shift: number) => peer.push(rewritten(frame, shift, tape.skewMs))
      const channel = channelOf(name)
      const missed =
        channel?.kind === 'ticker'
          ? past.last(name)
          : channel?.kind === 'book'
            ? past.snapshot(name, channel.instrument)
            : undefined
      if (missed !== undefined) push(missed, tape.shift(missed.symbol, missed.of))
      return tape.open(name, { peer, push })
    },
    left: (peer: Peer) => tape.left(peer),
    sampleTrades: () => undefined,
  }
}

function truthOf(file: SessionFile, tape: Tape, past: Past): Truth {
  return {
    symbols: () => [...new Set([...file.books.keys(), ...file.trades.keys()])],
    bookAt: (instrument, seq) => {
      const shift = tape.shift(instrument, 'orderbook')
      const book = past.bookAt(instrument, seq - shift)
      return book === undefined ? undefined : { ...book, seq: book.seq + shift }
    },
    seq: (instrument) => {
      const newest = past.newest(instrument)
      return newest === undefined ? undefined : newest.seq + tape.shift(instrument, 'orderbook')
    },
    trades: (instrument) =>
      (file.trades.get(instrument) ?? []).map(({ seq, price, size, side, time }) => ({
        id: seq,
        price,
        size,
        side,
        time,
      })),
    figures: NO_FIGURES,
  }
}

const IDS = /"(trade_seq|change_id|prev_change_id)":(\d+)/gu
const TIMES = /"timestamp":(\d{13})/gu

/** The frame with the ids and times of now; byte for byte the recorded one where nothing is to be changed. */
function rewritten({ stream, text, id, ids }: TapeFrame, shift: number, skewMs: number): Frame {
  let out = text
  if (shift !== 0) out = out.replace(IDS, (_, key, value) => `"${key}":${Number(value) + shift}`)
  if (skewMs !== 0) out = out.replace(TIMES, (_, time) => `"timestamp":${Math.floor(Number(time) + skewMs)}`)
  const shifted = ids?.map((each) => each + shift)
  return { stream, text: out, id: id + shift, ...(shifted === undefined ? {} : { ids: shifted }) }
}

function set(side: Map<string, string>, price: string, size: string): void {
  if (Number(size) === 0) side.delete(price)
  else side.set(price, size)
}

function sorted(side: ReadonlyMap<string, string>, sign: number): (readonly [string, string])[] {
  return [...side].sort((a, b) => sign * (Number(a[0]) - Number(b[0])))
}
