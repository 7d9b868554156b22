// The collector's way from a frame to the spool, put together for the benchmarks: decoder, tracks, books; no sockets.
import assert from 'node:assert'
import { BookTrack } from '../../collector/book/sync.ts'
import { realClock } from '../../collector/connection/clock.ts'
import { Decoder, FrameCounts } from '../../collector/exchanges/decoder.ts'
import { roomOf } from '../../collector/exchanges/registry.ts'
import type { Listing, Room, TypeRoom } from '../../collector/exchanges/room.ts'
import type { Track } from '../../collector/exchanges/track.ts'
import { Channels } from '../../collector/market/channel.ts'
import { message, type Message } from '../../collector/market/messages.ts'
import { Outlet, OwnMessages } from '../../collector/market/outlet.ts'
import { PushTrack } from '../../collector/quality/pushes.ts'
import { TradeTrack } from '../../collector/quality/trades.ts'
import { stampPublished } from '../../collector/sinks/sink.ts'
import { Spool } from '../../collector/sinks/spool.ts'
import { Frame, payloadHead } from '../../collector/wire/frame.ts'
import type { RecordedMarket, Recording } from './recordings.ts'

const SPOOL_BYTES = 64 * 1024 * 1024
const INTERVAL = '1m'
const SOCKET = 1
const RECORDED_TYPES = ['trade', 'orderbook', 'ticker', 'kline'] as const

type Names = Pick<Listing, 'symbol' | 'venueSymbol'>
type Lane = (typeof RECORDED_TYPES)[number]

export interface Intake {
  /** Takes one frame; what it makes lies in the spool. */
  frame(bytes: Buffer, received: number): void
  /** Takes out and settles what lies in the spool; returns how many messages there were. */
  drain(take?: (payload: Buffer) => void): number
}

export interface IntakeOptions {
  readonly market: RecordedMarket
  readonly types: readonly Lane[]
  readonly symbols: readonly Names[]
  /** REST answers by venue symbol, for books, and how many levels a side were asked for. */
  readonly snapshots?: ReadonlyMap<string, Buffer>
  readonly depth?: number
}

export function openIntake({ market, types, symbols, snapshots, depth = 1000 }: IntakeOptions): Intake {
  const room = roomOf('binance', market)
  assert(room !== undefined)
  const channels = new Channels('bench')
  const spool = new Spool(SPOOL_BYTES)
  const own = new OwnMessages(channels, spool, () => realClock.nowUs())
  const decoder = new Decoder(room, new FrameCounts(), () => {})
  for (const type of types) {
    const typeRoom: TypeRoom | undefined = room.types[type]
    assert(typeRoom !== undefined)
    const frame = new Frame(typeRoom.frame)
    const interval = type === 'kline' ? { interval: INTERVAL } : {}
    for (const { symbol, venueSymbol } of symbols) {
      const channel = channels.of({ exchange: room.exchange, market, symbol, type, ...interval })
      const template = frame.template(channel.idHead, payloadHead(channel), { kind: 'delta', ...interval })
      const wired = { outlet: new Outlet(channel, template, own), frame, symbol: Buffer.from(venueSymbol) }
      const track = openTrack(room, type, wired, depth, snapshots?.get(venueSymbol))
      decoder.route(typeRoom.stream(venueSymbol, interval).name, { frame, symbol: wired.symbol, track, newest: 0 })
    }
  }
  return {
    frame: (bytes, received) => void decoder.decode(bytes, false, received, SOCKET),
    drain: (take) => drain(spool, take),
  }
}

interface Wired {
  readonly outlet: Outlet
  readonly frame: Frame
  readonly symbol: Buffer
}

function openTrack(room: Room, type: Lane, wired: Wired, depth: number, snapshot: Buffer | undefined): Track {
  const { id, time, seq } = room.types[type]?.order ?? {}
  switch (type) {
    case 'trade':
      assert(id !== undefined && time !== undefined)
      return new TradeTrack({ ...wired, order: { id, time }, history: async () => [], clock: realClock })
    case 'orderbook':
      assert(snapshot !== undefined)
      return openBook(room, wired, depth, snapshot)
    case 'ticker':
    case 'kline':
      return new PushTrack(wired.outlet, wired.frame, {
        ...(seq === undefined ? {} : { seq }),
        ...(time === undefined ? {} : { time }),
      })
  }
}

/** A book that has its snapshot before its first delta, which then joins it. */
function openBook(room: Room, wired: Wired, depth: number, snapshot: Buffer): Track {
  const { snapshotFrame, snapshotKeys, ...keys } = room.book
  const frame = new Frame(snapshotFrame)
  const source = { frame, request: () => {}, ...snapshotKeys }
  const track = new BookTrack({ ...wired, keys, source, depth, onSync: () => {} })
  assert(frame.read(snapshot, 0, snapshot.length, wired.symbol), `${room.market}: the snapshot is not in plain form`)
  track.arrived(snapshot, depth)
  return track
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

/** An intake for all that a recorded session holds, with its books at their recorded snapshots. */
export function recordedIntake({ market, exchangeInfo, snapshots }: Recording): Intake {
  const listings = roomOf('binance', market)?.instruments.read(Buffer.from(exchangeInfo)) ?? []
  const symbols = listings.filter(({ venueSymbol }) => snapshots.has(venueSymbol))
  const bodies = new Map([...snapshots].map(([venueSymbol, body]) => [venueSymbol, Buffer.from(body)]))
  return openIntake({ market, types: RECORDED_TYPES, symbols, snapshots: bodies })
}

/** What we make of each frame of a session, each message checked against the schema. */
export function playRecording(recording: Recording): Message[][] {
  const intake = recordedIntake(recording)
  return recording.frames.map(({ bytes, received }) => {
    const made: Message[] = []
    intake.frame(bytes, received)
    intake.drain((payload) => made.push(message.parse(JSON.parse(payload.toString()))))
    return made
  })
}
