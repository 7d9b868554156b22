// From a socket's frame to the track of its channel: one decoder for each market of a Collector.
//
// In: frames as they came. Out: a track takes each one. Always: a frame counts once, as data, control or refused with
// its reason. Never: a string or an object for a frame in plain form; an exception for whatever a venue sends.
import { GENERAL_BYTES_MAX, plainForm } from '../wire/general.ts'
import type { Frame } from '../wire/frame.ts'
import { NameTable } from '../wire/names.ts'
import type { Envelope, Room } from './room.ts'
import type { Track } from './track.ts'

/** Why frames are refused. */
export const REFUSALS = {
  binary: 'a binary frame, where the venue sends text',
  malformed: 'not JSON, not UTF-8, or a value that is not what the venue documents',
} as const
export type Refusal = keyof typeof REFUSALS

export interface Route {
  readonly frame: Frame
  /** Bytes of the venue's symbol, which the frame must name. */
  readonly symbol: Buffer
  readonly track: Track
  /** The newest socket that delivered the channel; 0 before the first frame. */
  newest: number
}

/** Counts of frames, plain numbers. */
export class FrameCounts {
  received = 0
  data = 0
  control = 0
  readonly refused: Record<Refusal, number> = { binary: 0, malformed: 0 }
}

export class Decoder {
  readonly counts: FrameCounts
  readonly #room: Room
  readonly #routes = new NameTable<Route>()
  readonly #envelope: Envelope = { nameStart: 0, nameEnd: 0, dataStart: 0, dataEnd: 0 }
  /** Told of a frame that could not be read and may have been any channel's. */
  readonly #onUnreadable: (socketId: number) => void

  constructor(room: Room, counts: FrameCounts, onUnreadable: (socketId: number) => void) {
    this.#room = room
    this.counts = counts
    this.#onUnreadable = onUnreadable
  }

  /** Frames of this stream go to the route from now on; undefined: they are no data any more. */
  route(stream: string, route: Route | undefined): void {
    this.#routes.set(stream, route as Route)
  }

  /** @returns true when the frame was data, also when it was refused; false: it is for the session to read */
  decode(bytes: Buffer, isBinary: boolean, received: number, socketId: number): boolean {
    this.counts.received += 1
    if (isBinary) return this.#refuse('binary', undefined, socketId)
    const envelope = this.#envelope
    if (this.#room.open(bytes, envelope)) {
      const route = this.#routes.at(bytes, envelope.nameStart, envelope.nameEnd)
      if (route !== undefined && route.frame.read(bytes, envelope.dataStart, envelope.dataEnd, route.symbol)) {
        return this.#take(route, bytes, received, socketId)
      }
    }
    return this.#general(bytes, received, socketId)
  }

  /** What did not fit as it stood. */
  #general(bytes: Buffer, received: number, socketId: number): boolean {
    const plain = bytes.length > GENERAL_BYTES_MAX ? undefined : plainForm(bytes, this.#room.wrapper)
    if (plain === undefined) return this.#refuse('malformed', undefined, socketId)
    const envelope = this.#envelope
    const route = this.#room.open(plain, envelope)
      ? this.#routes.at(plain, envelope.nameStart, envelope.nameEnd)
      : undefined
    if (route === undefined) {
      this.counts.control += 1
      return false
    }
    if (!route.frame.read(plain, envelope.dataStart, envelope.dataEnd, route.symbol)) {
      return this.#refuse('malformed', route.track, socketId)
    }
    return this.#take(route, plain, received, socketId)
  }

  /** The frame that the route's declaration has just read, in whichever form. */
  #take(route: Route, bytes: Buffer, received: number, socketId: number): boolean {
    const { dataStart, dataEnd } = this.#envelope
    if (!route.track.take(bytes, dataStart, dataEnd, received, socketId)) {
      return this.#refuse('malformed', route.track, socketId)
    }
    this.counts.data += 1
    if (socketId > route.newest) route.newest = socketId
    return true
  }

  #refuse(reason: Refusal, track: Track | undefined, socketId: number): boolean {
    this.counts.refused[reason] += 1
    if (track === undefined) this.#onUnreadable(socketId)
    else track.interrupt('malformed', socketId)
    return true
  }
}
