// A channel of a room, put together: the frames that read it, the records that they fill, the track that keeps its order.
// The collector, the tests and the benchmarks open channels here and nowhere else.
import assert from 'node:assert'
import type { DataType } from '../crds/names.ts'
import { RestBook, type SnapshotSource } from './book/rest.ts'
import { StreamBook } from './book/stream.ts'
import type { BookOptions, BookTrack } from './book/track.ts'
import type { Clock } from './connection/clock.ts'
import type { Route } from './exchanges/decoder.ts'
import type { Listing, Room, TypeOptions, TypeRoom } from './exchanges/room.ts'
import type { Track } from './exchanges/track.ts'
import type { Channel } from './market/channel.ts'
import type { Gap, Message, Trade } from './market/messages.ts'
import { Outlet, type OwnMessages } from './market/outlet.ts'
import type { Policy } from './quality/checks.ts'
import { ChannelGuard } from './quality/guard.ts'
import { PolledTrack } from './quality/polled.ts'
import { PushTrack } from './quality/pushes.ts'
import { type LeftOpen, TradeTrack } from './quality/trades.ts'
import { Frame, payloadHead } from './wire/frame.ts'

/** A channel that is wanted. */
export interface ChannelPlan {
  readonly listing: Listing
  readonly type: DataType
  readonly options: TypeOptions
  /** Books: levels a side of a published snapshot. */
  readonly depth: number
}

/** What all channels of a market share. */
export interface Wiring {
  readonly room: Room
  readonly own: OwnMessages
  readonly clock: Clock
  readonly policy: Policy
  /** Trades of an instrument from a number on; rejects when they cannot be had. */
  readonly history: (listing: Listing, from: number) => Promise<readonly Buffer[]>
  /** Where a book's snapshots come from, at venues that give them by REST. */
  readonly snapshots: (listing: Listing) => SnapshotSource
  /** Subscribes a channel's stream anew on this socket; asked again and again, after growing waits. */
  readonly resubscribe: (channel: Channel, socketId: number) => void
  readonly onSync: (channel: Channel, inSync: boolean, why: string) => void
}

/** Where an earlier run left off: number or sequence, where the type has one, and time, µs. */
export interface Resume {
  readonly at?: number
  readonly time: number
  /** Trades: what was still being fetched. */
  readonly open?: LeftOpen
}

export class Routes {
  readonly #wiring: Wiring
  /** One reader for each declaration, shared by all channels. */
  readonly #frames = new Map<TypeRoom['forms'][number]['frame'], Frame>()

  constructor(wiring: Wiring) {
    this.#wiring = wiring
  }

  channel({ listing, type, options }: ChannelPlan): Channel {
    const { exchange, market } = this.#wiring.room
    const interval = options.interval ?? options.period
    const key = { exchange, market, symbol: listing.symbol, type }
    return this.#wiring.own.channels.of(interval === undefined ? key : { ...key, interval })
  }

  /** The reader of a declaration. */
  frame(declaration: TypeRoom['forms'][number]['frame']): Frame {
    const frame = this.#frames.get(declaration) ?? new Frame(declaration)
    this.#frames.set(declaration, frame)
    return frame
  }

  /** @throws AssertionError when the room does not have the type */
  open(plan: ChannelPlan, resume: Resume | undefined): Route {
    const { room, own, policy } = this.#wiring
    const { listing, type, options } = plan
    const typeRoom = room.types[type]
    assert(typeRoom !== undefined, `${room.exchange} ${room.market} has no ${type}`)
    const channel = this.channel(plan)
    const constants = { kind: 'delta', interval: options.interval ?? '', period: options.period ?? '' }
    const forms = typeRoom.forms.map(({ frame: declaration }) => {
      const frame = this.frame(declaration)
      return { frame, template: frame.template(channel.idHead, payloadHead(channel), constants, listing.sizing) }
    })
    const isFresh = typeRoom.via === 'websocket' && typeRoom.sparse !== true
    const guard = new ChannelGuard({ type, frames: forms.map(({ frame }) => frame), policy, isFresh })
    const outlet = new Outlet(channel, forms, own, guard)
    const name = typeRoom.via === 'websocket' ? typeRoom.stream(listing, options).name : ''
    return {
      symbol: Buffer.from(listing.venueSymbol),
      venueSymbol: listing.venueSymbol,
      track: this.#track(plan, typeRoom, outlet, resume),
      shared: typeRoom.via === 'websocket' && typeRoom.shared === true,
      flatten: typeRoom.via === 'rest' ? typeRoom.read : undefined,
      nest: typeRoom.via === 'websocket' ? typeRoom.nest : undefined,
      readings: typeRoom.forms.map(({ suffix = '' }, form) => {
        return { name: name + suffix, form, frame: (forms[form] as (typeof forms)[number]).frame }
      }),
      newest: 0,
    }
  }

  #track(
    { listing, type, options, depth }: ChannelPlan,
    typeRoom: TypeRoom,
    outlet: Outlet,
    resume: Resume | undefined,
  ): Track {
    const { room, clock, history } = this.#wiring
    const { order } = typeRoom
    const symbol = Buffer.from(listing.venueSymbol)
    const before = resume?.at === undefined ? undefined : { at: resume.at, time: resume.time }
    if (type === 'orderbook') {
      const book = room.types.orderbook
      assert(book !== undefined)
      return this.#book(listing, { outlet, symbol, book, depth, resume: before })
    }
    if (order.id !== undefined && order.time !== undefined) {
      const keys = { id: order.id, time: order.time }
      return new TradeTrack({
        outlet,
        symbol,
        order: keys,
        isId: isNumbered(typeRoom, order.id),
        history: (from) => history(listing, from),
        clock,
        resume: before && { ...before, open: resume?.open },
      })
    }
    const { onChange, sparse } = typeRoom
    if (typeRoom.via === 'websocket') return new PushTrack({ outlet, order, onChange, sparse, resume })
    const periodUs = options.period === undefined ? undefined : typeRoom.everyMs(options, listing) * 1000
    return new PolledTrack({ outlet, order, onChange, periodUs, resume })
  }

  #book(listing: Listing, options: Omit<BookOptions, 'onSync'>): BookTrack {
    const { snapshots, resubscribe, onSync } = this.#wiring
    const { channel } = options.outlet
    const common = { ...options, onSync: (inSync: boolean, why: string) => onSync(channel, inSync, why) }
    return options.book.snapshots === 'stream'
      ? new StreamBook({ ...common, resubscribe: (socketId) => resubscribe(channel, socketId) })
      : new RestBook({ ...common, source: snapshots(listing) })
  }
}

/**
 * Where the run left off that stored this message last of a channel.
 * @param gap the last one about the channel: of trades it may have been stored behind the last of them
 */
export function resumeAfter(last: Message | undefined, gap?: Message): Resume | undefined {
  if (last === undefined) return undefined
  const time = last.ts ?? last.received
  if (last.type === 'orderbook') return last.ts === undefined ? undefined : { at: last.seq, time }
  if (last.type !== 'trade') return { time }
  const decided = gap?.type === 'gap' && gap.of === 'trade' ? gap : undefined
  if (last.pending !== undefined) return behind(decided, resumePending(last.pending))
  const at = last.seq ?? Number(last.id)
  return last.ts !== undefined && Number.isSafeInteger(at) ? behind(decided, { at, time }) : undefined
}

/** A trade behind others that were still being fetched, or one of these: the furthest may be another than this. */
function resumePending({ last, ...open }: NonNullable<Trade['pending']>): Resume & { at: number } {
  return { at: last, time: open.to, ...openOf(open) }
}

/** What a gap says is missing for good is not asked for once more, where the trade was not stored that was to follow it. */
function behind(gap: Gap | undefined, resume: Resume & { at: number }): Resume {
  if (gap === undefined) return resume
  const { at, time, open } = resume
  const after = Number(gap.after_seq ?? gap.after_id)
  const before = Number(gap.before_seq ?? gap.before_id)
  // Up to where a run ended in order; what it gave up then may be had now.
  if (Number.isNaN(before)) return after > at ? { at: after, time } : resume
  // It says itself what before it is open.
  if (before - 1 > at) return { at: before - 1, time, ...openOf(gap.pending) }
  if (open === undefined || !(open.after <= after && before <= open.before)) return resume
  return { at, time, ...openOf(gap.pending ?? { ...open, after: before - 1 }) }
}

function openOf(open: LeftOpen | undefined): Pick<Resume, 'open'> {
  if (open === undefined || open.before - open.after <= 1) return {}
  const { after, before, from, to } = open
  return { open: { after, before, from, to } }
}

/** Where a channel stands whose track ends, for one that goes on after it. */
export function resumeOf({ position, outlet }: Track): Resume | undefined {
  if (outlet.lastTime === 0) return undefined
  const at = position.last_seq ?? (position.last_id === undefined ? undefined : Number(position.last_id))
  return { time: outlet.lastTime, ...(at === undefined ? {} : { at }) }
}

/** The later of what this process knows and what is stored; of equals what is stored, unless both are the same place. */
export function laterOf(known: Resume | undefined, stored: Resume | undefined): Resume | undefined {
  if (known === undefined || stored === undefined) return known ?? stored
  // What was open there this process has filled or announced since.
  const isSame = known.time === stored.time && known.at === stored.at
  return known.time > stored.time || isSame ? known : stored
}

/** Whether the number that rises by one is the id of the message. */
function isNumbered({ forms }: TypeRoom, key: string): boolean {
  const { id } = forms[0].frame.message
  return id !== undefined && 'id' in id && id.id === key
}
