// A room of an exchange opened for tests: frames and REST answers in, messages out. No sockets, a clock that stands
// still, every message checked against the public schema and its id against the public rule.
import assert from 'node:assert'
import type { DataType } from '../../crds/names.ts'
import { CHECKS, type Quality, quality as qualitySchema } from '../../crds/quality.ts'
import type { RestBook, SnapshotSource } from '../../collector/book/rest.ts'
import { VirtualClock, settle } from '../../collector/connection/clock.ts'
import { Decoder, FrameCounts, type Route } from '../../collector/exchanges/decoder.ts'
import type { Listing, RestSnapshots, Room, TradeType } from '../../collector/exchanges/room.ts'
import type { Track } from '../../collector/exchanges/track.ts'
import { type Channel, Channels } from '../../collector/market/channel.ts'
import { type Message, message, messageKey } from '../../collector/market/messages.ts'
import { OwnMessages } from '../../collector/market/outlet.ts'
import { Poll } from '../../collector/polls.ts'
import { Policy } from '../../collector/quality/checks.ts'
import type { Resume } from '../../collector/resume.ts'
import { Routes } from '../../collector/routes.ts'
import { stampPublished } from '../../collector/sinks/sink.ts'
import { Spool } from '../../collector/sinks/spool.ts'
import type { Takeover } from '../../collector/takeover.ts'
import type { Frame } from '../../collector/wire/frame.ts'
import { plainForm } from '../../collector/wire/general.ts'
import type { Sizing } from '../../collector/wire/sizes.ts'

export interface ChannelPlan {
  readonly type: DataType
  readonly symbol: string
  readonly venueSymbol: string
  /** Klines. */
  readonly interval?: string
  /** Books: levels a side of a published snapshot. */
  readonly depth?: number
  /** Trades and books: where an earlier run left off, by id or sequence and event time, µs. */
  readonly resume?: Resume
  /** Ratios. */
  readonly period?: string
  /** What the venue's figures of size are worth; base by default. */
  readonly sizing?: Sizing
  /** What else a stream or a question depends on; see {@link Listing}. */
  readonly family?: string
  readonly host?: string
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

/** Every check only counts. */
export const UNCHECKED: Quality = qualitySchema.parse(Object.fromEntries(CHECKS.map((check) => [check, 'pass'])))
const SOCKET = 1

export class Intake {
  readonly room: Room
  readonly clock = new VirtualClock()
  readonly counts = new FrameCounts()
  readonly questions: Question[] = []
  /** Sockets on which a book's stream was to be subscribed anew. */
  readonly resubscribed: number[] = []
  /** How often a frame came that may have been any channel's. */
  unreadable = 0
  readonly #channels = new Channels('market')
  readonly spool: Spool
  readonly #own: OwnMessages
  readonly #decoder: Decoder
  readonly #routes: Routes
  readonly takeovers: Takeover[] = []
  readonly #opened: Route[] = []
  readonly #polls: Poll[] = []

  /** @param quality what is done where a check fails; by default nothing, whatever the times of the frames are */
  constructor(room: Room, plans: readonly ChannelPlan[], spoolBytes = SPOOL_BYTES, quality: Quality = UNCHECKED) {
    this.room = room
    this.spool = new Spool(spoolBytes)
    this.#own = new OwnMessages(this.#channels, this.spool, () => this.clock.nowUs())
    this.#routes = new Routes({
      room,
      own: this.#own,
      clock: this.clock,
      policy: new Policy(quality),
      history: (listing, from) => this.#history(listing, from),
      snapshots: (listing) => this.#snapshots(listing),
      resubscribe: (_channel, socketId) => void this.resubscribed.push(socketId),
      onSync: () => {},
      onTakeover: (takeover) => this.takeovers.push(takeover),
    })
    this.#decoder = new Decoder(room, this.counts, (socketId) => {
      this.unreadable += 1
      for (const { track } of this.#opened) track.interrupt('malformed', socketId)
    })
    for (const plan of plans) this.#open(plan)
  }

  get channels(): readonly Channel[] {
    return this.#channels.list
  }

  /** The frame declaration's reader that all channels of a type share. */
  frameOf(type: DataType): Frame {
    const form = this.room.types[type]?.forms[0]
    assert(form !== undefined, `no channel of type ${type}`)
    return this.#routes.frame(form.frame)
  }

  get tracks(): readonly Track[] {
    return this.#opened.map(({ track }) => track)
  }

  /** @returns whether the decoder took the frame for data */
  frame(bytes: Buffer, { isBinary = false, socketId = SOCKET } = {}): boolean {
    return this.#decoder.decode(bytes, isBinary, this.clock.nowUs(), socketId)
  }

  /**
   * What the venue answers when the channels are asked that are polled at this path.
   * @returns how many there are
   */
  polled(path: string, body: Buffer | undefined): number {
    const polls = this.#polls.filter(({ query }) => query.path === path)
    for (const poll of polls) {
      try {
        if (body !== undefined) poll.answered(body, this.clock.nowUs())
      } catch {
        // Whoever polls counts it as a fault; nothing comes out.
      }
    }
    return polls.length
  }

  /** Answers the oldest question to this path, and about this symbol where the path names one. */
  async answer(path: string, body: Buffer | undefined): Promise<void> {
    if (this.polled(path, body) > 0) return
    const index = this.questions.findIndex((question) => isAbout(question.path, path))
    assert(
      index >= 0,
      `nothing was asked of ${path}; waiting: ${this.questions.map((q) => q.path).join(', ') || 'none'}`,
    )
    this.questions.splice(index, 1)[0]?.answer(body)
    await settle()
  }

  /** Ends all channels in order. */
  close(): void {
    for (const { track } of this.#opened) track.close()
    for (const takeover of this.takeovers) takeover.close()
  }

  /** Takes out what was made since the last time, oldest first. Nobody else publishes. */
  take(): Made[] {
    for (const takeover of this.takeovers) takeover.end()
    return taken(this.spool, this.#channels)
  }

  #open(wanted: ChannelPlan): void {
    const { type, symbol, venueSymbol, interval, period, sizing, family, host, depth = 1000, resume } = wanted
    const more = { ...(family === undefined ? {} : { family }), ...(host === undefined ? {} : { host }) }
    const listing = { ...listingOf(symbol, venueSymbol, sizing), ...more }
    const options = { ...(interval === undefined ? {} : { interval }), ...(period === undefined ? {} : { period }) }
    const plan = { listing, type, options, depth }
    const route = this.#routes.open(plan, resume)
    this.#opened.push(route)
    const typeRoom = this.room.types[type]
    const channel = this.#routes.channel(plan)
    if (typeRoom?.via === 'rest') this.#polls.push(new Poll(channel, route, typeRoom, plan))
    else this.#decoder.add(route)
  }

  /** Asks the venue for trades; the test answers. */
  #history(listing: Listing, from: number): Promise<readonly Buffer[]> {
    const { history } = this.room.types.trade as TradeType
    return new Promise((resolve, reject) => {
      const { path } = history.query(listing, from)
      const answer = (body: Buffer | undefined) => {
        const rows = body === undefined ? undefined : history.read(body, listing.venueSymbol)
        if (rows === undefined) reject(new Error('no history'))
        else resolve(rows)
      }
      this.questions.push({ path, answer })
    })
  }

  /** Asks the venue for a snapshot by REST; the test answers. */
  #snapshots(listing: Listing): SnapshotSource {
    const rest = this.room.types.orderbook?.snapshots as RestSnapshots
    const frame = this.#routes.frame(rest.frame)
    const none = Buffer.alloc(0)
    const fits = (bytes: Buffer | undefined): bytes is Buffer =>
      bytes !== undefined && frame.read(bytes, 0, bytes.length, none) === bytes.length
    const request = (track: RestBook) => {
      const { path, limit } = rest.query(listing, track.depth)
      const answer = (body: Buffer | undefined) => {
        const plain = fits(body) ? body : body && plainForm(body)
        if (fits(plain)) track.arrived(plain, limit)
        else track.failed()
      }
      this.questions.push({ path, answer })
    }
    return { frame, seq: rest.seq, bids: rest.bids, asks: rest.asks, request }
  }
}

/** Takes out what is in a spool, oldest first. */
export function taken(spool: Spool, channels: { readonly list: readonly Channel[] }): Made[] {
  const made: Made[] = []
  while (spool.next()) {
    const { chunk, index } = spool.cursor
    const [start, payload, end] = [chunk.start[index], chunk.payload[index], chunk.end[index]]
    stampPublished(chunk, index, Buffer.from(String(chunk.received[index])))
    const channel = channels.list[chunk.channel[index] as number] as Channel
    const id = chunk.bytes.toString('utf8', start, payload)
    made.push(checked(channel, id, chunk.bytes.toString('utf8', payload, end)))
    spool.cursor.index += 1
    spool.settle(chunk, index)
  }
  return made
}

/** An instrument that is traded, as far as a channel needs to know it. */
export function listingOf(symbol: string, venueSymbol: string, sizing: Sizing = { kind: 'base' }): Listing {
  const [base = '', quote = ''] = symbol.split('-')
  return { symbol, venueSymbol, base, quote, status: 'trading', tickSize: undefined, lotSize: undefined, sizing }
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
