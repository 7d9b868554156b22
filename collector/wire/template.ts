// The records of one channel (message id, then payload): everything constant, and what writes the values in between.
//
// A record is written in one go to where it shall be: constant bytes and values, one behind another (paste.ts). So it does
// not matter how long the values of the record before were, which change with each message at venues that leave out zeros.
// Always: what `paste` and `fill` say to have written is a valid record; what they refuse is not to be used.
import { ascii, writeEight, writeInteger } from './bytes.ts'
import type { Field } from './fields.ts'
import type { Levels } from './levels.ts'
import { type Constants, type Paste, SLACK } from './paste.ts'
import { copyAscii, sideBytesMax, writeSide } from './sides.ts'
import { type Convert, SIZE_BYTES_MAX } from './sizes.ts'
import { Op, type Step } from './steps.ts'

/** What ends every record. The time that frames were received is written into it; many of one socket read share one. */
const TAIL = ascii(',"received":0000000000000000,"published":0000000000000000}')
const TAIL_VIEW = viewOfAll(TAIL)
const RECEIVED_AT = ',"received":'.length
let shown = 0
/** Of it, all but the last eight digits. */
let shownHigh = 0
export const TAIL_BYTES = TAIL.length
/** Bytes of a value at most: a converted size is the longest. */
const VALUE_BYTES_MAX = SIZE_BYTES_MAX
const NONE = -1
const NO_FLAGS: Buffer = Buffer.alloc(0)
/** The record that was filled last; all channels share it. */
let filled = Buffer.alloc(0)

/** A side of a book. It stands behind all other values, since it hardly ever is as long as the one before. */
export interface Side {
  /** `,"bids":` */
  readonly lead: Buffer
  /** Row in the layout's `at`. */
  readonly field: number
  readonly levels: Levels
}

export function side(field: number, name: string, levels: Levels): Side {
  return { lead: ascii(`,"${name}":`), field: field * 2, levels }
}

/** What reading a frame leaves: where its values are, and numbers of the channel's owner. */
export interface Values {
  /** Of the memory in which the frame lies. */
  readonly view: DataView
  readonly at: Int32Array
  /** What fields of digits are; NaN is none. */
  readonly numbers: Float64Array
  readonly own: Float64Array
}

/** What the record of a channel is made of. */
export interface Parts {
  readonly idHead: string
  readonly id: readonly Step[]
  readonly head: string
  readonly steps: readonly Step[]
  readonly sides: readonly Side[]
  /** Of the steps of id and message, see compilePaste. */
  readonly paste: Paste
  /** Of the channel's sizes; undefined where they stand as the venue wrote them. */
  readonly convert: Convert | undefined
}

export class Template implements Constants {
  /** The record that was filled last: until the next fill of whatever template. */
  bytes = filled
  /** Its end, and where its payload begins; the latter is also that of the record that was pasted last. */
  end = 0
  payload = 0
  readonly constants: Buffer
  readonly view: DataView
  readonly cuts: Int32Array
  readonly payloadAt: number
  readonly constantEnd: number
  readonly convert: Convert | undefined
  readonly #paste: Paste
  readonly #sides: readonly Side[]
  /** Bytes of a record at most, but for sides. */
  readonly #bytesMax: number
  #choices = new Int32Array(0)
  #twins: readonly Template[] = [this]

  constructor({ idHead, id, head, steps, sides, paste, convert }: Parts) {
    this.convert = convert
    this.#paste = paste
    this.#sides = sides
    const idConstants = constantsOf(ascii(idHead), id, 0)
    this.payloadAt = idConstants.end
    const { pieces, cuts, end } = constantsOf(ascii(head), steps, this.payloadAt)
    const lead = sides[0]?.lead ?? Buffer.alloc(0)
    this.constantEnd = end + lead.length
    this.constants = Buffer.concat([...idConstants.pieces, ...pieces, lead, Buffer.alloc(SLACK)])
    this.view = viewOfAll(this.constants)
    this.cuts = Int32Array.from([...idConstants.cuts, ...cuts])
    const around = [...id, ...steps].reduce((n, step) => n + step.lead.length + step.trail.length, 0)
    this.#bytesMax = this.constants.length + around + this.cuts.length * VALUE_BYTES_MAX + TAIL_BYTES
  }

  /** Bytes of the record of a frame that was read, at most. */
  bytesMax(at: Int32Array): number {
    let bytes = this.#bytesMax
    for (let i = 0; i < this.#sides.length; i++) {
      const { lead, field, levels } = this.#sides[i] as Side
      const length = (at[field + 1] as number) - (at[field] as number)
      bytes += lead.length + sideBytesMax(length, levels, this.convert)
    }
    return bytes
  }

  /**
   * Writes the record of a frame that was read, which proved its values, into `bytes`.
   * @param received µs
   * @returns false when a value is missing, or a size is none
   */
  fill(bytes: Buffer, values: Values, received: number): boolean {
    const max = this.bytesMax(values.at)
    if (filled.length < max) filled = Buffer.alloc(max + (max >> 2))
    this.bytes = filled
    this.end = this.paste(bytes, values, received, filled, 0)
    return this.end >= 0
  }

  /**
   * Writes the record of a frame that was read straight to where it shall be; `payload` is then where its payload begins.
   * @param room with {@link bytesMax} bytes from `pos` on, and those of `flags`
   * @param flags what stands before the times that end it: `,"flags":[…]`
   * @returns the place behind it; negative when a value is missing, or a size is none
   */
  paste(
    bytes: Buffer,
    { view, at, numbers, own }: Values,
    received: number,
    room: Buffer,
    pos: number,
    flags = NO_FLAGS,
  ): number {
    const to = viewOfRoom(room)
    let end = this.#paste(bytes, view, at, numbers, own, this, room, to, pos)
    if (end >= 0 && this.#sides.length > 0) end = this.#pasteSides(bytes, view, at, room, to, end)
    if (end < 0) return NONE
    for (let k = 0; k < flags.length; k++) room[end++] = flags[k] as number
    showTime(received)
    copyAscii(TAIL_VIEW, 0, to, end, TAIL_BYTES)
    return end + TAIL_BYTES
  }

  /** Writes sides one behind another. */
  #pasteSides(bytes: Buffer, view: DataView, at: Int32Array, room: Buffer, to: DataView, pos: number): number {
    for (let i = 0; i < this.#sides.length; i++) {
      const { lead, field, levels } = this.#sides[i] as Side
      const start = at[field] as number
      if (start < 0) return NONE
      if (i > 0) {
        for (let k = 0; k < lead.length; k++) room[pos++] = lead[k] as number
      }
      if (this.convert === undefined && levels.isPlain) {
        const length = (at[field + 1] as number) - start
        copyAscii(view, bytes.byteOffset + start, to, pos, length)
        pos += length
      } else {
        pos = writeSide(room, to, pos, bytes, view, levels, this.convert)
      }
    }
    return pos
  }

  /**
   * Words choose among records that differ in a word: cheaper than words that come and go.
   * @param twins for every way to choose, see combinations in sources.ts; the first is this one
   */
  join(choices: readonly Field[], twins: readonly Template[]): this {
    this.#choices = Int32Array.from(
      choices.flatMap(({ word, words, needed }) => [word, words.length + (needed ? 0 : 1)]),
    )
    this.#twins = twins
    return this
  }

  /** The record that the words of this frame choose. */
  chosen(at: Int32Array): Template {
    const choices = this.#choices
    let twin = 0
    for (let i = 0; i < choices.length; i += 2) {
      twin = twin * (choices[i + 1] as number) + (at[choices[i] as number] as number)
    }
    // Nobody can guess the word, so there is no branch.
    return this.#twins[twin] as Template
  }
}

/** What is constant of these steps, in pieces, and where values go: counted from `start`, where the head begins. */
function constantsOf(head: Buffer, steps: readonly Step[], start: number) {
  const pieces = [head]
  const cuts: number[] = []
  let end = start + head.length
  const add = (piece: Buffer): void => {
    pieces.push(piece)
    end += piece.length
  }
  for (const { op, optional, lead, trail } of steps) {
    if (!optional) add(lead)
    if (op === Op.Constant) continue
    cuts.push(end)
    if (!optional) add(trail)
  }
  return { pieces, cuts, end }
}

let room: Buffer | undefined
let roomView = new DataView(new ArrayBuffer(0)) as DataView

/** A view of a Buffer into which many records are written. */
function viewOfRoom(bytes: Buffer): DataView {
  if (bytes === room) return roomView
  room = bytes
  roomView = viewOfAll(bytes)
  return roomView
}

function viewOfAll(bytes: Buffer): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
}

/** Writes a time in µs into the tail: of one that is near the one before its last eight digits. */
function showTime(received: number): void {
  if (received === shown) return
  shown = received
  const rest = received - shownHigh
  if (rest >= 0 && rest < 1e8) return writeEight(TAIL, RECEIVED_AT + 8, rest | 0)
  shownHigh = Math.floor(received / 1e8) * 1e8
  writeInteger(TAIL, RECEIVED_AT, received)
}
