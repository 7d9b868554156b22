// decode.*: from a frame's bytes to the encoded message in the spool, against JSON.parse of the same frame alone.
//
// Ours does all that the collector does with a frame: find its channel, check sequence, write id and payload, count,
// and for books keep the local book. The peer does no more than `JSON.parse(frame.latin1Slice())`. Both get the same
// frames in the same order, half spot, half perpetual, moved on between passes outside the clock.
import { latin1 } from './latin1.ts'
import assert from 'node:assert'
import { depthSnapshot, tape, venueSymbols, type Tape, type TapeMarket, type TapeType } from './frames.ts'
import { compare, CpuClock, type Comparison, type Sample } from './measure.ts'
import { openIntake, type Intake } from './ours.ts'
import { round, type Detail, type Figure } from './results.ts'
import type { Context } from './suite.ts'

const MARKETS = ['spot', 'perpetual'] as const satisfies readonly TapeMarket[]
/** Distinct frames of each market. */
const FRAMES = 4096
const SYMBOLS: Record<TapeType, number> = { trade: 64, ticker: 64, kline: 64, orderbook: 16 }
/** Frames that share one read of the socket, and with it the time of arrival. */
const FRAMES_A_READ = 16
const BOOK_DEPTH = 1000
const PASSES: Record<TapeType, number> = { trade: 6, ticker: 6, kline: 4, orderbook: 3 }
const IDS: Record<TapeType, string> = {
  trade: 'decode.trade',
  ticker: 'decode.ticker',
  kline: 'decode.kline',
  orderbook: 'decode.book',
}

export async function decode(type: TapeType, { rounds }: Context): Promise<Record<string, Figure>> {
  const symbols = venueSymbols(SYMBOLS[type])
  const makeTapes = () => MARKETS.map((market) => tape(type, market, symbols, FRAMES))
  const lanes = makeTapes().map((tape, i) => ({ tape, intake: makeIntake(type, MARKETS[i] as TapeMarket, symbols) }))
  const parsed = makeTapes()
  const ours = () => passes(PASSES[type], lanes, ({ tape, intake }) => decodeAll(tape, intake), checkMade)
  const peer = () =>
    passes(
      PASSES[type],
      parsed.map((tape) => ({ tape })),
      ({ tape }) => parseAll(tape),
    )
  const comparison = await compare(ours, peer, rounds)
  const bytes = Math.round(parsed.reduce((sum, tape) => sum + tape.bytes, 0) / (FRAMES * MARKETS.length))
  return {
    [IDS[type]]: { value: comparison.ratio, detail: rates(comparison, 'JSON.parse', { 'bytes a frame': bytes }) },
  }
}

/** How a comparison of frame rates came about. */
export function rates(comparison: Comparison, peer: string, more: Detail = {}): Detail {
  return {
    'ours, M frames/s': round(comparison.ours / 1e6),
    [`${peer}, M frames/s`]: round(comparison.peer / 1e6),
    rounds: comparison.rounds,
    'middle half': [round(comparison.low), round(comparison.high)],
    ...more,
  }
}

function makeIntake(type: TapeType, market: TapeMarket, venueSymbols: readonly string[]): Intake {
  const snapshot = Buffer.from(depthSnapshot(market, BOOK_DEPTH))
  return openIntake({
    market,
    types: [type],
    symbols: venueSymbols.map((venueSymbol) => ({ symbol: venueSymbol.replace(/USDT$/, '-USDT'), venueSymbol })),
    snapshots: new Map(venueSymbols.map((venueSymbol) => [venueSymbol, snapshot])),
    depth: BOOK_DEPTH,
  })
}

function passes<T extends { tape: Tape }>(
  count: number,
  lanes: readonly T[],
  pass: (lane: T) => void,
  after: (lane: T) => void = () => {},
): Sample {
  const clock = new CpuClock()
  let units = 0
  for (let i = 0; i < count; i++) {
    for (const lane of lanes) {
      clock.start()
      pass(lane)
      clock.stop()
      after(lane)
      lane.tape.advance()
      units += lane.tape.frames.length
    }
  }
  return { units, seconds: clock.seconds }
}

function decodeAll(tape: Tape, intake: Intake): void {
  const frames = tape.frames
  const now = Date.now() * 1000
  for (let i = 0; i < frames.length; i++) intake.frame(frames[i] as Buffer, now + Math.floor(i / FRAMES_A_READ))
}

/** Nothing was skipped: as many messages lie in the spool as frames went in. They are taken out here. */
function checkMade({ tape, intake }: { tape: Tape; intake: Intake }): void {
  const made = intake.drain()
  assert(made === tape.frames.length, `benchmark: ${tape.frames.length} frames made ${made} messages`)
}

function parseAll(tape: Tape): void {
  let objects = 0
  const frames = tape.frames
  for (let i = 0; i < frames.length; i++) {
    const frame = JSON.parse(latin1(frames[i] as Buffer)) as { data?: unknown }
    if (frame.data !== undefined) objects += 1
  }
  assert(objects === frames.length)
}
