// A channel of a room, put together: the frames that read it, the records that they fill, the track that keeps its order.
// The collector, the tests and the benchmarks open channels here and nowhere else.
import assert from 'node:assert'
import type { DataType } from '../crds/names.ts'
import { RestBook, type SnapshotSource } from './book/rest.ts'
import { StreamBook } from './book/stream.ts'
import type { BookOptions, BookTrack } from './book/track.ts'
import type { Clock } from './connection/clock.ts'
import type { Route } from './exchanges/decoder.ts'
import type { Listing, Order, Room, TypeOptions, TypeRoom } from './exchanges/room.ts'
import type { Track } from './exchanges/track.ts'
import type { Channel } from './market/channel.ts'
import { Outlet, type OwnMessages } from './market/outlet.ts'
import type { Policy } from './quality/checks.ts'
import { ChannelGuard } from './quality/guard.ts'
import { PolledTrack } from './quality/polled.ts'
import { PushTrack } from './quality/pushes.ts'
import { TradeTrack } from './quality/trades.ts'
import type { Resume } from './resume.ts'
import { Takeover } from './takeover.ts'
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
  /** Of a channel that takes up, and cannot tell itself what it missed. */
  readonly onTakeover: (takeover: Takeover) => void
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

  /**
   * @param resume where the channel takes up
   * @throws AssertionError when the room does not have the type
   */
  open(plan: ChannelPlan, resume: Resume | undefined): Route {
    const { room, own, policy, onTakeover } = this.#wiring
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
    if (resume !== undefined && !isCounted(plan, typeRoom)) onTakeover(new Takeover(outlet, resume))
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
    const keys = numbersOf(order)
    if (keys !== undefined) {
      return new TradeTrack({
        outlet,
        symbol,
        order: keys,
        isId: isNumbered(typeRoom, keys.id),
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

/** Whether numbers or periods tell the channel what it missed. */
function isCounted({ type, options }: ChannelPlan, { order }: TypeRoom): boolean {
  if (type === 'orderbook') return false
  return numbersOf(order) !== undefined || options.period !== undefined
}

/** Keys of the number that rises by one, and of the time; undefined where elements have none. */
function numbersOf({ id, time }: Order): { id: string; time: string } | undefined {
  return id === undefined || time === undefined ? undefined : { id, time }
}

/** Whether the number that rises by one is the id of the message. */
function isNumbered({ forms }: TypeRoom, key: string): boolean {
  const { id } = forms[0].frame.message
  return id !== undefined && 'id' in id && id.id === key
}
