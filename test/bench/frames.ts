// Tapes: frames made from a seed, distinct, with ids that follow on; and Binance's of 2026, in combined wrappers. Those of
// other venues and types stand in tapes/.
//
// Grammar of each: research of 2026-09 and the recordings (aggTrade, bookTicker, kline, depthUpdate of spot and of
// USDⓈ-M perpetuals). A tape can be played again: `advance` moves its ids and times on in place, so that every pass
// looks to a sequence check like the next frames of the same streams.
import { latin1 } from './latin1.ts'
import assert from 'node:assert'

const QUOTE = 0x22

export type TapeMarket = 'spot' | 'perpetual'
export type TapeType = 'trade' | 'ticker' | 'kline' | 'orderbook'

/** Event time of a tape's first frame. */
export const START_MS = 1_790_000_000_000
/** Book levels lie on this many prices each side of the middle. */
const BAND = 1000
export const MIDDLE = 64_000

export class Tape {
  readonly frames: readonly Buffer[]
  /** What becomes of one pass. */
  readonly messages: number
  /** How often it can move on before an id needs another digit. */
  readonly passes: number
  readonly #places: readonly Place[]

  constructor(frames: readonly Frame[]) {
    this.frames = frames.map((frame) => Buffer.from(frame.text, 'latin1'))
    this.messages = frames.reduce((sum, { messages = 1 }) => sum + messages, 0)
    this.#places = frames.flatMap((frame, i) => frame.advances.flatMap((a) => places(this.frames[i] as Buffer, a)))
    this.passes = Math.min(...this.#places.map(passesOf))
  }

  get bytes(): number {
    return this.frames.reduce((sum, frame) => sum + frame.length, 0)
  }

  /** Moves every id and time on by what one pass over the tape takes. */
  advance(): void {
    for (const { frame, at, digits, by } of this.#places) add(frame, at, digits, by)
  }
}

/** A key whose number, plain or in quotes, grows by this much with every pass, wherever it stands in the frame. */
export interface Advance {
  readonly key: string
  readonly by: number
}

export interface Frame {
  readonly text: string
  readonly advances: readonly Advance[]
  /** What becomes of it; one by default. */
  readonly messages?: number
}

interface Place {
  readonly frame: Buffer
  readonly at: number
  readonly digits: number
  readonly by: number
}

function places(frame: Buffer, { key, by }: Advance): Place[] {
  const head = `"${key}":`
  const found: Place[] = []
  for (let start = frame.indexOf(head); start >= 0; start = frame.indexOf(head, start + 1)) {
    const value = start + head.length
    const at = frame[value] === QUOTE ? value + 1 : value
    let digits = 0
    while ((frame[at + digits] as number) >= 0x30 && (frame[at + digits] as number) <= 0x39) digits += 1
    found.push({ frame, at, digits, by })
  }
  assert(found.length > 0, `tape: no ${head} in ${latin1(frame)}`)
  return found
}

function passesOf({ frame, at, digits, by }: Place): number {
  return by === 0 ? Infinity : Math.floor((10 ** digits - 1 - Number(latin1(frame.subarray(at, at + digits)))) / by)
}

function add(frame: Buffer, at: number, digits: number, by: number): void {
  let carry = by
  for (let i = at + digits - 1; carry > 0; i--) {
    assert(i >= at, 'tape: an id ran out of digits')
    const sum = (frame[i] as number) - 0x30 + carry
    frame[i] = 0x30 + (sum % 10)
    carry = Math.floor(sum / 10)
  }
}

/** Venue symbols of a tape: `AAAUSDT`, `AABUSDT`, … */
export function venueSymbols(count: number): string[] {
  return Array.from({ length: count }, (_, i) => `${letters(i)}USDT`)
}

/** `AAA`, `AAB`, … */
export function letters(i: number): string {
  return [676, 26, 1].map((place) => String.fromCharCode(65 + (Math.floor(i / place) % 26))).join('')
}

/**
 * A tape of `count` frames of one type over `symbols`, which take turns.
 * Books go on from {@link firstUpdateId} of each symbol.
 */
export function tape(type: TapeType, market: TapeMarket, symbols: readonly string[], count: number, seed = 1): Tape {
  return tapeOf((turn) => MAKERS[type]({ ...turn, market }), symbols, count, seed)
}

/** As {@link tape}, of any frames. */
export function tapeOf(make: (turn: Turn) => Frame, symbols: readonly string[], count: number, seed = 1): Tape {
  assert(count % symbols.length === 0, 'tape: every symbol needs the same number of frames')
  const random = mulberry32(seed)
  const turns = count / symbols.length
  const frames = Array.from({ length: count }, (_, i) => {
    const symbol = symbols[i % symbols.length] as string
    return make({ symbol, turn: Math.floor(i / symbols.length), turns, random, at: START_MS + i, lasts: count })
  })
  return new Tape(frames)
}

/** Whose frame it is, and which. */
export interface Turn {
  readonly symbol: string
  /** Number of this symbol's frame in the pass, of `turns`. */
  readonly turn: number
  readonly turns: number
  readonly random: () => number
  /** ms since the epoch */
  readonly at: number
  /** What a pass takes, ms. */
  readonly lasts: number
}

type MarketTurn = Turn & { readonly market: TapeMarket }

const MAKERS: Record<TapeType, (turn: MarketTurn) => Frame> = {
  trade: aggTrade,
  ticker: bookTicker,
  kline: klinePush,
  orderbook: depthUpdate,
}

/** Fills that one aggregated trade stands for, at most. */
const FILLS_MAX = 8

function aggTrade({ symbol, market, turn, turns, random, at, lasts }: MarketTurn): Frame {
  const perpetual = market === 'perpetual'
  const id = 2_900_000_000 + turn
  const first = 6_500_000_000 + turn * FILLS_MAX
  // As recorded: seven in ten stand for one fill.
  const last = first + (random() < 0.7 ? 0 : Math.floor(random() * FILLS_MAX))
  const price = decimal(MIDDLE + random() * 100, perpetual ? 2 : 8)
  const size = decimal(random() * 3, perpetual ? 3 : 8)
  const tail = perpetual ? `"nq":"${size}"` : `"M":true`
  const text =
    `{"stream":"${symbol.toLowerCase()}@aggTrade","data":{"e":"aggTrade","E":${at + 2},"s":"${symbol}","a":${id},` +
    `"p":"${price}","q":"${size}","f":${first},"l":${last},"T":${at},"m":${random() < 0.5},${tail}` +
    `${perpetual ? ',"st":1' : ''}}}`
  const advances = [
    { key: 'a', by: turns },
    { key: 'f', by: turns * FILLS_MAX },
    { key: 'l', by: turns * FILLS_MAX },
    { key: 'E', by: lasts },
    { key: 'T', by: lasts },
  ]
  return { text, advances }
}

function bookTicker({ symbol, market, turn, turns, random, at, lasts }: MarketTurn): Frame {
  const perpetual = market === 'perpetual'
  const [pricePlaces, sizePlaces] = perpetual ? [2, 3] : [8, 8]
  const bid = MIDDLE + random() * 100
  const text =
    `{"stream":"${symbol.toLowerCase()}@bookTicker","data":{${perpetual ? '"e":"bookTicker",' : ''}` +
    `"u":${81_000_000_000 + turn},"s":"${symbol}","b":"${decimal(bid, pricePlaces)}",` +
    `"B":"${decimal(random() * 9, sizePlaces)}","a":"${decimal(bid + 0.1, pricePlaces)}",` +
    `"A":"${decimal(random() * 9, sizePlaces)}"${perpetual ? `,"T":${at},"E":${at + 2},"ps":"${symbol}","st":1` : ''}}}`
  const advances = [{ key: 'u', by: turns }]
  if (perpetual) advances.push({ key: 'T', by: lasts }, { key: 'E', by: lasts })
  return { text, advances }
}

function klinePush({ symbol, market, turn, random, at, lasts }: MarketTurn): Frame {
  const [pricePlaces, sizePlaces] = market === 'perpetual' ? [2, 3] : [8, 8]
  const price = () => decimal(MIDDLE + random() * 100, pricePlaces)
  const size = () => decimal(random() * 1000, sizePlaces)
  const open = START_MS - (START_MS % 60_000)
  const text =
    `{"stream":"${symbol.toLowerCase()}@kline_1m","data":{"e":"kline","E":${at},"s":"${symbol}","k":{"t":${open},` +
    `"T":${open + 59_999},"s":"${symbol}","i":"1m","f":${6_500_000_000 + turn},"L":${6_500_000_036 + turn},` +
    `"o":"${price()}","c":"${price()}","h":"${price()}","l":"${price()}","v":"${size()}","n":${36 + turn},"x":false,` +
    `"q":"${size()}","V":"${size()}","Q":"${size()}","B":"0"}}}`
  return { text, advances: [{ key: 'E', by: lasts }] }
}

/** Update id of a symbol's book before the first frame of a depth tape. */
export const firstUpdateId = 500_000_000_000

const UPDATES_A_FRAME = 20

function depthUpdate({ symbol, market, turn, turns, random, at, lasts }: MarketTurn): Frame {
  const perpetual = market === 'perpetual'
  const [pricePlaces, sizePlaces] = perpetual ? [2, 3] : [8, 8]
  const before = firstUpdateId + turn * UPDATES_A_FRAME
  const side = (sign: number) =>
    levels(
      random,
      1 + Math.floor(random() * 12),
      (level) => decimal(MIDDLE + sign * level * 0.1, pricePlaces),
      sizePlaces,
    )
  const text =
    `{"stream":"${symbol.toLowerCase()}@depth@100ms","data":{"e":"depthUpdate","E":${at + 2},` +
    `${perpetual ? `"T":${at},` : ''}"s":"${symbol}",${perpetual ? `"ps":"${symbol}",` : ''}"U":${before + 1},` +
    `"u":${before + UPDATES_A_FRAME}${perpetual ? `,"pu":${before}` : ''},` +
    `"b":[${side(-1)}],"a":[${side(1)}]${perpetual ? ',"st":1' : ''}}}`
  const by = turns * UPDATES_A_FRAME
  const advances = [
    { key: 'U', by },
    { key: 'u', by },
    { key: 'E', by: lasts },
  ]
  if (perpetual) advances.push({ key: 'pu', by }, { key: 'T', by: lasts })
  return { text, advances }
}

function levels(random: () => number, count: number, price: (level: number) => string, sizePlaces: number): string {
  return changes(random, count)
    .map(({ level, size }) => `["${price(level)}","${decimal(size, sizePlaces)}"]`)
    .join(',')
}

/**
 * Changes of one side of a book, `level` prices from the middle. Near it they are far more frequent, as on the venue;
 * three in ten remove their level.
 */
export function changes(random: () => number, count: number, band = BAND): { level: number; size: number }[] {
  const chosen = new Set<number>()
  while (chosen.size < count) chosen.add(1 + Math.floor(random() ** 4 * band))
  return Array.from(chosen, (level) => ({ level, size: random() < 0.3 ? 0 : random() * 9 + 0.001 }))
}

/** The REST answer that a depth tape goes on from: `depth` levels a side. */
export function depthSnapshot(market: TapeMarket, depth: number): string {
  const [pricePlaces, sizePlaces] = market === 'perpetual' ? [2, 3] : [8, 8]
  const side = (sign: number) =>
    Array.from({ length: depth }, (_, i) => [
      decimal(MIDDLE + sign * (i + 1) * 0.1, pricePlaces),
      decimal(1.5, sizePlaces),
    ])
  const times = market === 'perpetual' ? { E: START_MS - 1, T: START_MS - 2 } : {}
  return JSON.stringify({ lastUpdateId: firstUpdateId, ...times, bids: side(-1), asks: side(1) })
}

function decimal(value: number, places: number): string {
  return value.toFixed(places)
}

/** Small seeded generator; the same seed gives the same frames everywhere. */
export function mulberry32(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), 1 | state)
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296
  }
}
