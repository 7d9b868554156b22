// From a socket's frame to the tracks of its channels: one decoder for each market of a Collector.
//
// In: frames as they came. Out: each element of a frame goes to the tracks of the channels that it is of. Always: a frame
// counts once, as data, control or refused with its reason. Never: a string or an object for a frame in plain form; an
// exception for whatever a venue sends.
// A frame that turns out to be unreadable half way is refused as a whole; its first elements may have been published
// then, and a second reading of them is harmless, since tracks know what they took.
import { CLOSE_BRACKET, COMMA, OPEN_BRACKET } from '../wire/bytes.ts'
import { type Frame, OTHER } from '../wire/frame.ts'
import { GENERAL_BYTES_MAX, plainForm } from '../wire/general.ts'
import { NameTable } from '../wire/names.ts'
import { skipValue } from '../wire/plain.ts'
import type { Envelope, Flatten, Nest, Room } from './room.ts'
import { Rows } from './rows.ts'
import type { Track } from './track.ts'

/** Why frames are refused. */
export const REFUSALS = {
  binary: 'a binary frame, where the venue sends text',
  malformed: 'not JSON, not UTF-8, or a value that is not what the venue documents',
} as const
export type Refusal = keyof typeof REFUSALS

const WORD_BYTES_MAX = 16

/** A channel as the decoder knows it. */
export interface Route {
  /** Bytes of the venue's symbol, which elements must name. */
  readonly symbol: Buffer
  readonly venueSymbol: string
  readonly track: Track
  /** Its stream carries other channels' elements, too. */
  readonly shared: boolean
  /** For answers of REST. */
  readonly flatten: Flatten | undefined
  /** For frames whose elements lie in rows. */
  readonly nest: Nest | undefined
  /** Names of its frames, each with the form in which they come. */
  readonly readings: readonly { readonly name: string; readonly form: number; readonly frame: Frame }[]
  /** The newest socket that delivered the channel; 0 before the first frame. */
  newest: number
}

/** One form of one channel under a name. */
interface Reading {
  readonly route: Route
  readonly form: number
  readonly frame: Frame
}

/** Who reads the frames of a name. */
interface Named {
  /** The forms of a channel stand one behind another, the one that fitted last before the others. */
  readonly readings: Reading[]
  /** Where their elements lie in rows. */
  readonly rows: Rows<Reading> | undefined
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
  readonly #names = new NameTable<Named | undefined>()
  readonly #known = new Map<string, Named>()
  readonly #envelope: Envelope = { nameStart: 0, nameEnd: 0, dataStart: 0, dataEnd: 0 }
  /** The element that was read last makes no message. */
  #isRefused = false
  /** Told of a frame that could not be read and may have been any channel's. */
  readonly #onUnreadable: (socketId: number) => void

  constructor(room: Room, counts: FrameCounts, onUnreadable: (socketId: number) => void) {
    this.#room = room
    this.counts = counts
    this.#onUnreadable = onUnreadable
  }

  /** Its frames go to this channel from now on. */
  add(route: Route): void {
    for (const { name, form, frame } of route.readings) {
      this.#route(name, [...this.#readings(name), { route, form, frame }])
    }
  }

  /** Frames of this channel are no data any more, unless they are another's, too. */
  remove(route: Route): void {
    for (const { name } of route.readings) {
      this.#route(
        name,
        this.#readings(name).filter((reading) => reading.route !== route),
      )
    }
  }

  /** @returns true when the frame was data, also when it was refused; false: it is for the session to read */
  decode(bytes: Buffer, isBinary: boolean, received: number, socketId: number): boolean {
    this.counts.received += 1
    if (isBinary) return this.#refuse('binary', [], socketId)
    const envelope = this.#envelope
    if (this.#room.open(bytes, envelope)) {
      const named = this.#names.at(bytes, envelope.nameStart, envelope.nameEnd)
      if (named !== undefined && this.#read(named, bytes, received, socketId)) {
        this.counts.data += 1
        return true
      }
      // Another reading would give the same values, and what the track said of them a second time.
      if (named !== undefined && this.#isRefused) return this.#refuse('malformed', named.readings, socketId)
    }
    return this.#general(bytes, received, socketId)
  }

  #route(name: string, readings: Reading[]): void {
    const nest = readings[0]?.route.nest
    if (readings.length === 0) this.#known.delete(name)
    else this.#known.set(name, { readings, rows: nest === undefined ? undefined : new Rows(nest, readings) })
    this.#names.set(name, this.#known.get(name))
  }

  #readings(name: string): readonly Reading[] {
    return this.#known.get(name)?.readings ?? []
  }

  /** What did not fit as it stood. */
  #general(bytes: Buffer, received: number, socketId: number): boolean {
    const plain = bytes.length > GENERAL_BYTES_MAX ? undefined : plainForm(bytes, this.#room.wrapper)
    if (plain === undefined && this.#isWord(bytes)) {
      this.counts.control += 1
      return false
    }
    if (plain === undefined) return this.#refuse('malformed', [], socketId)
    const envelope = this.#envelope
    const named = this.#room.open(plain, envelope)
      ? this.#names.at(plain, envelope.nameStart, envelope.nameEnd)
      : undefined
    if (named === undefined) {
      this.counts.control += 1
      return false
    }
    if (!this.#read(named, plain, received, socketId)) return this.#refuse('malformed', named.readings, socketId)
    this.counts.data += 1
    return true
  }

  /** Reads the data that the envelope holds; false when it is not in plain form or not what the venue documents. */
  #read({ readings, rows }: Named, bytes: Buffer, received: number, socketId: number): boolean {
    const { dataStart, dataEnd } = this.#envelope
    this.#isRefused = false
    if (rows !== undefined) return this.#nested(rows, bytes, received, socketId)
    if (bytes[dataStart] !== OPEN_BRACKET) {
      return this.#element(readings, bytes, dataStart, dataEnd, true, received, socketId) === dataEnd
    }
    let pos = dataStart + 1
    if (bytes[pos] === CLOSE_BRACKET) return pos + 1 === dataEnd
    for (;;) {
      pos = this.#element(readings, bytes, pos, dataEnd, false, received, socketId)
      if (pos < 0) return false
      if (bytes[pos] === CLOSE_BRACKET) return pos + 1 === dataEnd
      if (bytes[pos] !== COMMA) return false
      pos += 1
    }
  }

  /**
   * Gives an element to the channels that it is of; returns the place behind it, or -1 when it cannot be read.
   * @param isAlone nothing may follow it before `end`
   */
  #element(
    readings: Reading[],
    bytes: Buffer,
    pos: number,
    end: number,
    isAlone: boolean,
    received: number,
    socketId: number,
  ): number {
    let behind = -1
    let taken: Route | undefined
    let unread: Route | undefined
    for (let i = 0; i < readings.length; i++) {
      const { route, form, frame } = readings[i] as Reading
      // Forms of a channel stand one behind the other, and one alone fits.
      if (route === taken) continue
      // What one channel could read, another may not (an exponent among its numbers): it must not miss it for that.
      if (unread !== undefined && unread !== route) return -1
      const next = frame.read(bytes, pos, end, route.symbol)
      if (next < 0 || (isAlone && next !== end)) {
        if (!route.shared || next !== OTHER) unread = route
        continue
      }
      if (!route.track.take(form, bytes, pos, next, received, socketId)) {
        this.#isRefused = true
        return -1
      }
      if (socketId > route.newest) route.newest = socketId
      if (i > 0 && (readings[i - 1] as Reading).route === route) prefer(readings, i)
      taken = route
      unread = undefined
      behind = next
    }
    if (unread !== undefined) return -1
    return behind < 0 ? skipValue(bytes, pos, end) : behind
  }

  /** Elements that lie in rows: each is given to the channels of its instrument alone. */
  #nested(rows: Rows<Reading>, bytes: Buffer, received: number, socketId: number): boolean {
    const { dataStart, dataEnd } = this.#envelope
    if (!rows.find(bytes, dataStart, dataEnd)) return false
    for (let i = 0; i < rows.count; i++) {
      const own = rows.owners[i] as Reading[]
      if (this.#element(own, bytes, rows.places[i] as number, dataEnd, false, received, socketId) < 0) return false
    }
    return true
  }

  /** Whether it is a word that the venue says beside its JSON, e.g. an answer to a text ping. */
  #isWord(bytes: Buffer): boolean {
    return bytes.length <= WORD_BYTES_MAX && this.#room.protocol.control(bytes.toString('latin1')).kind !== 'unknown'
  }

  #refuse(reason: Refusal, readings: readonly Reading[], socketId: number): boolean {
    this.counts.refused[reason] += 1
    if (readings.length === 0) this.#onUnreadable(socketId)
    for (const { route } of readings) route.track.interrupt('malformed', socketId)
    return true
  }
}

/** Moves a form that fitted before the others of its channel: a venue keeps to one, and each that is tried costs a reading. */
function prefer(readings: Reading[], place: number): void {
  const reading = readings[place] as Reading
  const first = readings.findIndex(({ route }) => route === reading.route)
  readings.copyWithin(first + 1, first, place)
  readings[first] = reading
}
