// decode.*: from a frame's bytes to the encoded message in the spool, against JSON.parse of the same frame alone.
//
// Ours does all that the collector does with a frame: find its channel, check sequence, write id and payload, count,
// and for books keep the local book. The peer does no more than `JSON.parse(frame.latin1Slice())`. Both get the same
// frames in the same order, in equal parts of each market that differs, moved on between passes outside the clock.
import assert from 'node:assert'
import type { DataType, ExchangeName } from '../../crds/names.ts'
import { roomOf } from '../../collector/exchanges/registry.ts'
import type { Listing } from '../../collector/exchanges/room.ts'
import { listingOf } from '../support/intake.ts'
import {
  depthSnapshot,
  START_MS,
  tape,
  tapeOf,
  venueSymbols,
  type Tape,
  type TapeMarket,
  type TapeType,
} from './frames.ts'
import { latin1 } from './latin1.ts'
import { compare, CpuClock, type Comparison, type Rounds, type Sample } from './measure.ts'
import { openIntake, plansOf, type Intake } from './ours.ts'
import { round, type Detail, type Figure } from './results.ts'
import type { Context } from './suite.ts'
import type { Strand } from './tapes/strand.ts'
import { VENUES } from './tapes/venues.ts'

const MARKETS = ['spot', 'perpetual'] as const satisfies readonly TapeMarket[]
/** Distinct frames of each market. */
const FRAMES = 4096
const SYMBOLS: Record<TapeType, number> = { trade: 64, ticker: 64, kline: 64, orderbook: 16 }
/** Frames that share one read of the socket, and with it the time of arrival. */
const FRAMES_A_READ = 16
const BOOK_DEPTH = 1000
const PASSES: Partial<Record<DataType, number>> = { trade: 6, ticker: 6, orderbook: 3 }
const PASSES_OF_OTHERS = 4
const IDS: Record<TapeType, string> = {
  trade: 'decode.trade',
  ticker: 'decode.ticker',
  kline: 'decode.kline',
  orderbook: 'decode.book',
}
/** Types of one stream: measured once more together, for whoever wants them all. */
const SHARED: readonly { readonly exchange: ExchangeName; readonly types: readonly DataType[] }[] = [
  { exchange: 'deribit', types: ['ticker', 'funding_rate', 'open_interest'] },
]

interface Lane {
  readonly tape: Tape
  readonly intake: Intake
  /** Messages of one pass. */
  readonly messages: number
}

type MakeLanes = () => Lane[]

/** Binance's four, half spot, half perpetual. */
export async function decode(type: TapeType, { rounds }: Context): Promise<Record<string, Figure>> {
  const symbols = venueSymbols(SYMBOLS[type])
  const lanes = () =>
    MARKETS.map((market): Lane => {
      const ours = tape(type, market, symbols, FRAMES)
      return { tape: ours, intake: binanceIntake(type, market, symbols), messages: ours.messages }
    })
  return { [IDS[type]]: await measure(type, lanes, rounds) }
}

/** `decode.<type>.<exchange>`. */
export async function decodeOf(
  exchange: ExchangeName,
  type: DataType,
  { rounds }: Context,
): Promise<Record<string, Figure>> {
  const strands = strandsOf(exchange, type)
  const take = (types: readonly DataType[]) =>
    measure(type, () => strands.map((strand) => laneOf(exchange, types, strand)), rounds)
  const { value, detail } = await take([type])
  const shared = SHARED.find((one) => one.exchange === exchange && one.types[0] === type)
  const more = shared && { [shared.types.join(' + ')]: round((await take(shared.types)).value) }
  return { [`decode.${type}.${exchange}`]: { value, detail: { ...detail, ...more } } }
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

async function measure(type: DataType, make: MakeLanes, rounds: Rounds): Promise<Figure> {
  const count = PASSES[type] ?? PASSES_OF_OTHERS
  const lanes = make()
  const parsed = make()
  const ours = () => passes(count, lanes, decodeAll, checkMade)
  const peer = () => passes(count, parsed, parseAll)
  const comparison = await compare(ours, peer, rounds)
  const [bytes, frames] = [(tape: Tape) => tape.bytes, (tape: Tape) => tape.frames.length].map((of) =>
    parsed.reduce((sum, { tape }) => sum + of(tape), 0),
  ) as [number, number]
  return {
    value: comparison.ratio,
    detail: rates(comparison, 'JSON.parse', { 'bytes a frame': Math.round(bytes / frames) }),
  }
}

function strandsOf(exchange: ExchangeName, type: DataType): readonly Strand[] {
  const strands = VENUES.find((venue) => venue.exchange === exchange)?.strands[type]
  assert(strands !== undefined, `benchmark: no tape of ${type} of ${exchange}`)
  return strands
}

/** A tape and who takes it for these types; every type makes its messages of every frame. */
export function laneOf(exchange: ExchangeName, types: readonly DataType[], strand: Strand, frames = FRAMES): Lane {
  const { market, symbols, listing, make, snapshot } = strand
  const room = roomOf(exchange, market)
  assert(room !== undefined)
  const listings = Array.from({ length: symbols }, (_, i) => listing(i))
  const names = listings.map(({ venueSymbol }) => venueSymbol)
  const plans = types.flatMap((type) => plansOf(type, listings, BOOK_DEPTH))
  const startUs = START_MS * 1000
  const intake = openIntake({ room, plans, startUs })
  for (const name of names) if (snapshot !== undefined) intake.frame(Buffer.from(snapshot(name)), startUs)
  intake.drain()
  const tape = tapeOf(make, names, frames)
  return { tape, intake, messages: tape.messages * types.length }
}

function binanceIntake(type: TapeType, market: TapeMarket, names: readonly string[]): Intake {
  const room = roomOf('binance', market)
  assert(room !== undefined)
  const snapshot = Buffer.from(depthSnapshot(market, BOOK_DEPTH))
  const listings = names.map((name): Listing => listingOf(name.replace(/USDT$/, '-USDT'), name))
  const plans = plansOf(type, listings, BOOK_DEPTH)
  return openIntake({ room, plans, snapshots: new Map(names.map((name) => [name, snapshot])) })
}

function passes(
  count: number,
  lanes: readonly Lane[],
  pass: (lane: Lane) => void,
  after: (lane: Lane) => void = () => {},
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

function decodeAll({ tape, intake }: Lane): void {
  const frames = tape.frames
  const now = Date.now() * 1000
  for (let i = 0; i < frames.length; i++) intake.frame(frames[i] as Buffer, now + Math.floor(i / FRAMES_A_READ))
}

/** Nothing was skipped: as many messages lie in the spool as are due. They are taken out here. */
function checkMade({ tape, intake, messages }: Lane): void {
  const made = intake.drain()
  assert(made === messages, `benchmark: ${tape.frames.length} frames made ${made} messages, not ${messages}`)
}

function parseAll({ tape }: Lane): void {
  let objects = 0
  const frames = tape.frames
  for (let i = 0; i < frames.length; i++) {
    const frame = JSON.parse(latin1(frames[i] as Buffer)) as { data?: unknown; params?: unknown }
    if (frame.data !== undefined || frame.params !== undefined) objects += 1
  }
  assert(objects === frames.length)
}
