// Binance on a recorded session: frames go to whoever subscribed to their stream, in the order of the recording.
// REST answers as the venue would have at that point: the recorded snapshots one after the other, each not before its
// moment; after them the book as recorded changes made it; trades from the recorded ones; exchangeInfo as recorded.
import type { Clock } from '../clock.ts'
import type { Item } from '../recording.ts'
import { Replay } from '../replay.ts'
import type { Peer, RecordedOptions, TrueBook, Truth, Venue } from '../venue.ts'
import { NO_FIGURES } from '../market/figures.ts'
import { page, type Range } from './query.ts'
import { type Backend, FAILURE, restOf } from './rest.ts'
import type { Rules } from './rules.ts'
import { session, type Streams } from './session.ts'
import {
  type RecordedDelta,
  type RecordedFrame,
  type RecordedSnapshot,
  type RecordedTrade,
  type SessionFile,
  sessionFile,
} from './session-file.ts'

interface Subscriber {
  readonly peer: Peer
  readonly microseconds: boolean
}

type Numbering = 'trade' | 'orderbook'

export function recorded(rules: Rules, clock: Clock, options: RecordedOptions): Venue {
  const own = { ...rules, limits: { ...rules.limits, ...options.limits } }
  const tape = new Tape(own, clock, options)
  return {
    market: rules.market,
    limits: own.limits,
    truth: tape.truth,
    source: {
      sequenceGap: (symbol, of, count) => void tape.withheld.set(`${of} ${symbol}`, count),
      sequenceRestart: (symbol, of) => tape.restart(symbol, of),
      clockSkew: (ms) => {
        tape.skewMs = ms
      },
    },
    session: (url, peer) => session(own, url, peer, tape),
    answer: restOf(own, clock, tape),
    failure: FAILURE,
    start: () => tape.replay.start(),
    finished: tape.replay.finished,
    close: () => tape.replay.close(),
  }
}

class Tape implements Backend, Streams {
  readonly replay: Replay
  skewMs = 0
  /** Frames of a numbering that are still to be kept from everyone. */
  readonly withheld = new Map<string, number>()
  readonly #clock: Clock
  readonly #items: readonly Item[]
  readonly #file: SessionFile
  readonly #rules: Rules
  readonly #subscribers = new Map<string, Set<Subscriber>>()
  /** What is added to the ids of a numbering since it began anew. */
  readonly #shift = new Map<string, number>()
  /** Recorded snapshots that were asked for, by symbol. */
  readonly #asked = new Map<string, number>()
  /** Time of the recording that was reached, ms. */
  #played = 0

  constructor(rules: Rules, clock: Clock, options: RecordedOptions) {
    this.#rules = rules
    this.#clock = clock
    this.#items = options.items
    this.#file = sessionFile(rules, options.items)
    this.replay = new Replay(options.items, clock, options, {
      ready: (item) =>
        (this.#file.opened.get(this.#items.indexOf(item)) ?? []).every((stream) => this.#subscribers.has(stream)),
      play: (item) => this.#play(item),
    })
  }

  now(): number {
    return this.#clock.now() + this.skewMs
  }

  symbols() {
    return this.#file.infos
  }

  async depth(symbol: string, limit: number): Promise<string> {
    const asked = this.#asked.get(symbol) ?? 0
    this.#asked.set(symbol, asked + 1)
    const snapshot = this.#file.snapshots.get(symbol)?.[asked]
    if (snapshot !== undefined) {
      await this.replay.reached(snapshot.position)
      // after a restart of the numbering its id means nothing any more
      if (this.#shifted(symbol, 'orderbook') === 0) return cutAt(snapshot, limit)
    }
    const now = this.#newest(symbol)
    const book = now === undefined ? undefined : this.#bookAt(symbol, now.seq)
    return JSON.stringify({
      lastUpdateId: book === undefined ? -1 : book.seq + this.#shifted(symbol, 'orderbook'),
      ...(this.#rules.split ? { E: now?.pushed, T: now?.matched } : {}),
      bids: book?.bids.slice(0, limit) ?? [],
      asks: book?.asks.slice(0, limit) ?? [],
    })
  }

  aggTrades(symbol: string, range: Range): string[] {
    const shift = this.#shifted(symbol, 'trade')
    const known = (this.#file.trades.get(symbol) ?? []).filter((t) => t.known <= this.#played && t.id + shift > 0)
    const rows = page(
      known,
      range,
      (trade) => trade.id + shift,
      (trade) => trade.time,
    )
    return rows.map((trade) => trade.row.replace(/"a":\d+/u, `"a":${trade.id + shift}`))
  }

  klines(symbol: string, interval: string, range: Range): string[] {
    const candles = new Map<number, Record<string, string | number>>()
    for (const { stream, symbol: s, text } of this.#playedFrames()) {
      if (s !== symbol || !stream.endsWith(`@kline_${interval}`)) continue
      const { k } = JSON.parse(text)
      candles.set(k.t, k)
    }
    const rows = page(
      [...candles.values()],
      range,
      () => 0,
      (k) => Number(k['t']),
    )
    return rows.map((k) =>
      JSON.stringify(['t', 'o', 'h', 'l', 'c', 'v', 'T', 'q', 'n', 'V', 'Q', 'B'].map((key) => k[key])),
    )
  }

  bookTicker(symbol: string): string | undefined {
    const last = this.#playedFrames().findLast(
      ({ stream, symbol: s }) => s === symbol && stream.endsWith('@bookTicker'),
    )
    if (last === undefined) return undefined
    const { b, B, a, A } = JSON.parse(last.text)
    return JSON.stringify({ symbol, bidPrice: b, bidQty: B, askPrice: a, askQty: A })
  }

  readonly truth: Truth = {
    symbols: () => [...new Set([...this.#file.deltas.keys(), ...this.#file.trades.keys()])],
    bookAt: (symbol, updateId) => {
      const shift = this.#shifted(symbol, 'orderbook')
      const book = this.#bookAt(symbol, updateId - shift)
      return book === undefined ? undefined : { ...book, seq: book.seq + shift }
    },
    seq: (symbol) => {
      const now = this.#newest(symbol)
      return now === undefined ? undefined : now.seq + this.#shifted(symbol, 'orderbook')
    },
    trades: (symbol) => this.#file.trades.get(symbol)?.map(trueTrade) ?? [],
    figures: NO_FIGURES,
  }

  sampleTrades(): undefined {
    return undefined
  }

  open(stream: string, peer: Peer, microseconds: boolean): () => void {
    const subscriber = { peer, microseconds }
    const subscribers = this.#subscribers.get(stream) ?? new Set()
    this.#subscribers.set(stream, subscribers.add(subscriber))
    this.replay.subscribed()
    return () => {
      subscribers.delete(subscriber)
      if (subscribers.size === 0) this.#subscribers.delete(stream)
    }
  }

  restart(symbol: string, of: Numbering): void {
    const last =
      of === 'trade'
        ? this.#file.trades.get(symbol)?.findLast((t) => t.known <= this.#played)?.id
        : this.truth.seq(symbol)
    if (last !== undefined) this.#shift.set(`${of} ${symbol}`, -last)
  }

  #shifted(symbol: string, of: Numbering): number {
    return this.#shift.get(`${of} ${symbol}`) ?? 0
  }

  #playedFrames(): RecordedFrame[] {
    return [...this.#file.frames].filter(([position]) => position < this.replay.position).map(([, frame]) => frame)
  }

  #play(item: Item): Iterable<Peer> {
    this.#played = item.at
    if (item.kind === 'ping') for (const peer of this.#peers(this.#streamsOf(item.socket))) peer.ping(item.body)
    if (item.kind === 'close') for (const peer of this.#peers(this.#streamsOf(item.socket))) peer.close(item.code, '')
    if (item.kind !== 'frame') return []
    const frame = this.#file.frames.get(this.replay.position - 1)
    if (frame === undefined || this.#withhold(frame)) return []
    const subscribers = this.#subscribers.get(frame.stream)
    if (subscribers === undefined) return []
    const { stream, symbol } = frame
    const of = stream.includes('@aggTrade') ? 'trade' : /@(depth|bookTicker)/u.test(stream) ? 'orderbook' : undefined
    const shift = of === undefined ? 0 : this.#shifted(symbol, of)
    for (const { peer, microseconds } of subscribers) {
      const text = rewritten(frame.text, shift, this.skewMs, microseconds)
      peer.push({ stream, text, id: frame.id + shift })
    }
    return [...subscribers].map(({ peer }) => peer)
  }

  #withhold({ stream, symbol }: RecordedFrame): boolean {
    const key = `${stream.includes('@aggTrade') ? 'trade' : stream.includes('@depth') ? 'orderbook' : 'other'} ${symbol}`
    const count = this.withheld.get(key) ?? 0
    if (count > 0) this.withheld.set(key, count - 1)
    return count > 0
  }

  #streamsOf(socket: string): readonly string[] {
    const at = this.#items.findLastIndex(
      (item, i) => i < this.replay.position && item.kind === 'open' && item.socket === socket,
    )
    return this.#file.opened.get(at) ?? []
  }

  #peers(streams: readonly string[]): Set<Peer> {
    return new Set(streams.flatMap((stream) => [...(this.#subscribers.get(stream) ?? [])].map(({ peer }) => peer)))
  }

  /** The last change or snapshot of a book that was played. */
  #newest(symbol: string): RecordedDelta | RecordedSnapshot | undefined {
    const played = <T extends { position: number }>(list: readonly T[] = []) =>
      list.findLast(({ position }) => position < this.replay.position)
    const delta = played(this.#file.deltas.get(symbol))
    const snapshot = played(this.#file.snapshots.get(symbol))
    return (snapshot?.seq ?? -1) > (delta?.seq ?? -1) ? snapshot : delta
  }

  /** The newest snapshot that is not later, and all changes behind it. */
  #bookAt(symbol: string, seq: number): TrueBook | undefined {
    const snapshot = this.#file.snapshots.get(symbol)?.findLast((s) => s.seq <= seq)
    const deltas = this.#file.deltas.get(symbol) ?? []
    if (deltas.length === 0 && snapshot === undefined) return undefined
    const bids = new Map(snapshot?.bids)
    const asks = new Map(snapshot?.asks)
    let last = snapshot?.seq ?? -1
    for (const delta of deltas) {
      if (delta.seq > seq || delta.seq <= last) continue
      for (const [price, size] of delta.bids) set(bids, price, size)
      for (const [price, size] of delta.asks) set(asks, price, size)
      last = delta.seq
    }
    return { seq: last, bids: sorted(bids, -1), asks: sorted(asks, 1) }
  }
}

/** Byte for byte where it fits into the limit. */
function cutAt({ body, bids, asks }: RecordedSnapshot, limit: number): string {
  if (Math.max(bids.length, asks.length) <= limit) return body
  return JSON.stringify({ ...JSON.parse(body), bids: bids.slice(0, limit), asks: asks.slice(0, limit) })
}

function set(side: Map<string, string>, price: string, size: string): void {
  if (Number(size) === 0) side.delete(price)
  else side.set(price, size)
}

function sorted(side: ReadonlyMap<string, string>, sign: number): (readonly [string, string])[] {
  return [...side].sort((a, b) => sign * (Number(a[0]) - Number(b[0])))
}

function trueTrade({ id, price, size, buyerIsMaker, time }: RecordedTrade) {
  return { id, price, size, side: buyerIsMaker ? 'sell' : 'buy', time } as const
}

/** The frame with other ids and times; byte for byte the recorded one where nothing is to be changed. */
function rewritten(text: string, shift: number, skewMs: number, microseconds: boolean): string {
  let out = text
  if (shift !== 0) out = out.replace(/"(U|u|pu|a)":(\d+)/gu, (_, key, id) => `"${key}":${Number(id) + shift}`)
  const skewed = text.startsWith('{"e":"kline"') ? /"(E)":(\d{13})/gu : /"(E|T)":(\d{13})/gu
  if (skewMs !== 0) out = out.replace(skewed, (_, key, time) => `"${key}":${Math.floor(Number(time) + skewMs)}`)
  if (microseconds)
    out = out.replace(
      /"([EtTOC])":(\d{13})/gu,
      (_, key, time) => `"${key}":${time}${time.endsWith('999') && key === 'T' ? '999' : '000'}`,
    )
  return out
}
