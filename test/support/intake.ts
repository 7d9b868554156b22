// A room of an exchange opened for tests: frames and REST answers in, messages out. No sockets, a clock that stands
// still, every message checked against the public schema and its id against the public rule.
import assert from 'node:assert'
import type { DataType } from '../../crds/names.ts'
import { BookTrack } from '../../collector/book/sync.ts'
import { VirtualClock, settle } from '../../collector/connection/clock.ts'
import { Decoder, FrameCounts } from '../../collector/exchanges/decoder.ts'
import type { Room, TypeRoom } from '../../collector/exchanges/room.ts'
import type { Track } from '../../collector/exchanges/track.ts'
import { type Channel, Channels } from '../../collector/market/channel.ts'
import { type Message, message, messageKey } from '../../collector/market/messages.ts'
import { Outlet, OwnMessages } from '../../collector/market/outlet.ts'
import { PushTrack } from '../../collector/quality/pushes.ts'
import { TradeTrack } from '../../collector/quality/trades.ts'
import { stampPublished } from '../../collector/sinks/sink.ts'
import { Spool } from '../../collector/sinks/spool.ts'
import { Frame, payloadHead } from '../../collector/wire/frame.ts'
import { plainForm } from '../../collector/wire/general.ts'

export interface ChannelPlan {
  readonly type: DataType
  readonly symbol: string
  readonly venueSymbol: string
  /** Klines. */
  readonly interval?: string
  /** Books: levels a side of a published snapshot. */
  readonly depth?: number
  /** Trades and books: where an earlier run left off, by id or sequence and event time, µs. */
  readonly resume?: { readonly at: number; readonly time: number }
}

export interface Made {
  readonly channel: Channel
  readonly id: string
  /** The payload as it goes to the sink. */
  readonly text: string
  readonly message: Message
}

/** A question to the venue's REST that waits for its answer. */
interface Question {
  readonly path: string
  /** undefined: the venue refuses. */
  readonly answer: (body: Buffer | undefined) => void
}

const SPOOL_BYTES = 64 * 1024 * 1024
const SOCKET = 1

export class Intake {
  readonly room: Room
  readonly clock = new VirtualClock()
  readonly counts = new FrameCounts()
  readonly questions: Question[] = []
  /** How often a frame came that may have been any channel's. */
  unreadable = 0
  readonly #channels = new Channels('market')
  readonly spool: Spool
  readonly #own: OwnMessages
  readonly #decoder: Decoder
  readonly #frames = new Map<DataType, Frame>()
  readonly #tracks: Track[] = []
  readonly #snapshotFrame: Frame

  constructor(room: Room, plans: readonly ChannelPlan[], spoolBytes = SPOOL_BYTES) {
    this.room = room
    this.spool = new Spool(spoolBytes)
    this.#own = new OwnMessages(this.#channels, this.spool, () => this.clock.nowUs())
    this.#snapshotFrame = new Frame(room.book.snapshotFrame)
    this.#decoder = new Decoder(room, this.counts, (socketId) => {
      this.unreadable += 1
      for (const track of this.#tracks) track.interrupt('malformed', socketId)
    })
    for (const plan of plans) this.#open(plan)
  }

  get channels(): readonly Channel[] {
    return this.#channels.list
  }

  /** The frame declaration's reader that all channels of a type share. */
  frameOf(type: DataType): Frame {
    const frame = this.#frames.get(type)
    assert(frame !== undefined, `no channel of type ${type}`)
    return frame
  }

  get tracks(): readonly Track[] {
    return this.#tracks
  }

  /** @returns whether the decoder took the frame for data */
  frame(bytes: Buffer, { isBinary = false, socketId = SOCKET } = {}): boolean {
    return this.#decoder.decode(bytes, isBinary, this.clock.nowUs(), socketId)
  }

  /** Answers the oldest question to this path, and about this symbol where the path names one. */
  async answer(path: string, body: Buffer | undefined): Promise<void> {
    const index = this.questions.findIndex((question) => isAbout(question.path, path))
    assert(
      index >= 0,
      `nothing was asked of ${path}; waiting: ${this.questions.map((q) => q.path).join(', ') || 'none'}`,
    )
    this.questions.splice(index, 1)[0]?.answer(body)
    await settle()
  }

  /** Takes out what was made since the last time, oldest first. */
  take(): Made[] {
    const made: Made[] = []
    const { spool } = this
    while (spool.next()) {
      const { chunk, index } = spool.cursor
      const [start, payload, end] = [chunk.start[index], chunk.payload[index], chunk.end[index]]
      stampPublished(chunk, index, Buffer.from(String(chunk.received[index])))
      const channel = this.#channels.list[chunk.channel[index] as number] as Channel
      const id = chunk.bytes.toString('utf8', start, payload)
      made.push(checked(channel, id, chunk.bytes.toString('utf8', payload, end)))
      spool.cursor.index += 1
      spool.settle(chunk, index)
    }
    return made
  }

  #open(plan: ChannelPlan): void {
    const { type, symbol, venueSymbol, interval } = plan
    const { exchange, market } = this.room
    const typeRoom = this.room.types[type]
    assert(typeRoom !== undefined, `${exchange} ${market} has no ${type}`)
    const options = interval === undefined ? {} : { interval }
    const frame = this.#frames.get(type) ?? new Frame(typeRoom.frame)
    this.#frames.set(type, frame)
    const channel = this.#channels.of({ exchange, market, symbol, type, ...options })
    const template = frame.template(channel.idHead, payloadHead(channel), { kind: 'delta', ...options })
    const wired = { outlet: new Outlet(channel, template, this.#own), frame, symbol: Buffer.from(venueSymbol) }
    const track = this.#track(typeRoom, wired, plan)
    this.#tracks.push(track)
    this.#decoder.route(typeRoom.stream(venueSymbol, options).name, { frame, symbol: wired.symbol, track, newest: 0 })
  }

  #track(
    { frame: { type }, order }: TypeRoom,
    wired: { readonly outlet: Outlet; readonly frame: Frame; readonly symbol: Buffer },
    { venueSymbol, depth = 1000, resume }: ChannelPlan,
  ): Track {
    const { book, trades } = this.room
    if (type === 'orderbook') {
      const { path, limit } = book.snapshot(venueSymbol, depth)
      const request = (track: BookTrack) =>
        this.questions.push({ path, answer: (body) => this.#snapshot(track, body, limit) })
      const source = { frame: this.#snapshotFrame, ...book.snapshotKeys, request }
      const last = resume && { seq: resume.at, time: resume.time }
      return new BookTrack({ ...wired, keys: book, source, depth, onSync: () => {}, resume: last })
    }
    if (order.id === undefined || order.time === undefined) return new PushTrack(wired.outlet, wired.frame, order)
    const history = (fromId: number): Promise<readonly Buffer[]> =>
      new Promise((resolve, reject) => {
        const { path } = trades.history(venueSymbol, fromId)
        const answer = (body: Buffer | undefined) => {
          const rows = body === undefined ? undefined : trades.readHistory(body, venueSymbol)
          if (rows === undefined) reject(new Error('no history'))
          else resolve(rows)
        }
        this.questions.push({ path, answer })
      })
    const keys = { id: order.id, time: order.time }
    const last = resume && { id: resume.at, time: resume.time }
    return new TradeTrack({ ...wired, order: keys, history, clock: this.clock, resume: last })
  }

  #snapshot(track: BookTrack, body: Buffer | undefined, limit: number): void {
    const frame = this.#snapshotFrame
    const none = Buffer.alloc(0)
    const fits = (bytes: Buffer | undefined): bytes is Buffer =>
      bytes !== undefined && frame.read(bytes, 0, bytes.length, none)
    const plain = fits(body) ? body : body && plainForm(body)
    if (fits(plain)) track.arrived(plain, limit)
    else track.failed()
  }
}

/** Whether a question asks what an answer to `path` answers. */
export function isAbout(question: string, path: string): boolean {
  const [asked, answered] = [new URL(question, 'http://venue'), new URL(path, 'http://venue')]
  const symbol = answered.searchParams.get('symbol')
  return (
    asked.pathname === answered.pathname &&
    (symbol ?? asked.searchParams.get('symbol')) === asked.searchParams.get('symbol')
  )
}

/** What every message must be, whatever the venue sent. */
function checked(channel: Channel, id: string, text: string): Made {
  const parsed = message.parse(JSON.parse(text))
  assert.equal(id, channel.idHead + messageKey(parsed), `the id of ${text}`)
  for (const key of ['type', 'exchange', 'market', 'symbol'] as const) assert.equal(parsed[key], channel[key])
  return { channel, id, text, message: parsed }
}
