// The collector's way from a frame to the spool, put together for the benchmarks: decoder, tracks, books; no sockets.
import assert from 'node:assert'
import { quality } from '../../crds/quality.ts'
import type { DataType } from '../../crds/names.ts'
import { RestBook } from '../../collector/book/rest.ts'
import { realClock } from '../../collector/connection/clock.ts'
import { Decoder, FrameCounts } from '../../collector/exchanges/decoder.ts'
import type { Listing, RestSnapshots, Room } from '../../collector/exchanges/room.ts'
import { Channels } from '../../collector/market/channel.ts'
import { message, type Message } from '../../collector/market/messages.ts'
import { OwnMessages } from '../../collector/market/outlet.ts'
import { Policy } from '../../collector/quality/checks.ts'
import { type ChannelPlan, Routes } from '../../collector/routes.ts'
import { stampPublished } from '../../collector/sinks/sink.ts'
import { Spool } from '../../collector/sinks/spool.ts'
import { roomOf } from '../../collector/exchanges/registry.ts'
import { Frame } from '../../collector/wire/frame.ts'
import type { Recording } from './recordings.ts'

const SPOOL_BYTES = 64 * 1024 * 1024
const SOCKET = 1
/** Levels a side that were asked for when the snapshots were recorded. */
const RECORDED_DEPTH = 1000

export interface Intake {
  /** Takes one frame; what it makes lies in the spool. */
  frame(bytes: Buffer, received: number): void
  /** Takes out and settles what lies in the spool; returns how many messages there were. */
  drain(take?: (payload: Buffer) => void): number
}

export interface IntakeOptions {
  readonly room: Room
  readonly plans: readonly ChannelPlan[]
  /** Books whose snapshots come from REST: its answers by venue symbol. */
  readonly snapshots?: ReadonlyMap<string, Buffer>
  /** When it begins, µs: what is liquidated long before is no news. */
  readonly startUs?: number
}

/** Channels of a type, with the options that the benchmarks have. */
export function plansOf(type: DataType, listings: readonly Listing[], depth: number): ChannelPlan[] {
  const options = type === 'kline' ? { interval: '1m' } : {}
  return listings.map((listing) => ({ listing, type, options, depth }))
}

export function openIntake({ room, plans, snapshots, startUs = realClock.nowUs() }: IntakeOptions): Intake {
  const channels = new Channels('bench')
  const spool = new Spool(SPOOL_BYTES)
  const own = new OwnMessages(channels, spool, () => startUs)
  const decoder = new Decoder(room, new FrameCounts(), () => {})
  const none = async () => []
  const policy = new Policy(quality.parse({}))
  // Tapes and recordings are of another day.
  policy.behindUs = Infinity
  const rest = room.types.orderbook?.snapshots
  const source = rest === undefined || rest === 'stream' ? undefined : sourceOf(rest)
  const routes = new Routes({
    ...{ room, own, clock: realClock, policy, history: none, resubscribe: () => {}, onSync: () => {} },
    onTakeover: () => {},
    snapshots: () => {
      assert(source !== undefined)
      return source
    },
  })
  for (const plan of plans) {
    const route = routes.open(plan, undefined)
    decoder.add(route)
    if (!(route.track instanceof RestBook)) continue
    assert(source !== undefined)
    join(route.track, source.frame, snapshots?.get(plan.listing.venueSymbol), plan.depth)
  }
  return {
    frame: (bytes, received) => void decoder.decode(bytes, false, received, SOCKET),
    drain: (take) => drain(spool, take),
  }
}

function sourceOf({ frame, seq, bids, asks }: RestSnapshots) {
  return { frame: new Frame(frame), seq, bids, asks, request: () => {} }
}

/** Gives a book its snapshot before its first delta, which then joins it. */
function join(track: RestBook, frame: Frame, snapshot: Buffer | undefined, depth: number): void {
  assert(snapshot !== undefined)
  const isPlain = frame.read(snapshot, 0, snapshot.length, Buffer.alloc(0)) === snapshot.length
  assert(isPlain, 'the snapshot is not in plain form')
  track.arrived(snapshot, depth)
}

const PUBLISHED = Buffer.from('1790000000000000')

function drain(spool: Spool, take: ((payload: Buffer) => void) | undefined): number {
  let records = 0
  while (spool.next()) {
    const { chunk, index } = spool.cursor
    stampPublished(chunk, index, PUBLISHED)
    take?.(chunk.bytes.subarray(chunk.payload[index], chunk.end[index]))
    spool.cursor.index += 1
    spool.settle(chunk, index)
    records += 1
  }
  return records
}

/** What the recorders subscribed. */
const RECORDED_TYPES = ['trade', 'orderbook', 'ticker', 'kline'] as const

/** An intake for all that a recorded market holds, with its books at their recorded snapshots. */
export function recordedIntake({ session, market, listings }: Recording): Intake {
  const room = roomOf(session.exchange, market)
  assert(room !== undefined)
  return openIntake({
    room,
    plans: RECORDED_TYPES.flatMap((type) => plansOf(type, listings, RECORDED_DEPTH)),
    snapshots: new Map([...session.snapshots].map(([venueSymbol, body]) => [venueSymbol, Buffer.from(body)])),
  })
}

/** What we make of each frame of a recorded market, each message checked against the schema. */
export function playRecording(recording: Recording): Message[][] {
  const intake = recordedIntake(recording)
  return recording.frames.map(({ bytes, received }) => {
    const made: Message[] = []
    intake.frame(recording.session.renamed(bytes), received)
    intake.drain((payload) => made.push(message.parse(JSON.parse(payload.toString()))))
    return made
  })
}
