// The record of one channel (message id, then payload) with everything constant in place.
//
// A message is this record copied into the spool, and its values written over those of the copy. A value of another
// length than the one before is filled into the template first and moves what follows it, which is rare for prices, ids
// and times.
// Measured on a trade (Node 26.10): one copy of 330 bytes 43 ns, the same bytes pasted piece by piece 250 ns; filling the
// template first and copying it then costs 40 ns more than the other way round, since the copy waits for what was just
// written.
// Always: after `fill` returned true, bytes [0, end) are a valid record; after false they are not to be used, and the
// next fill mends them.
import { ZERO, ascii, digitsOf, integerAt, isZero, toMicros, writeInteger } from './bytes.ts'
import type { Field } from './fields.ts'
import type { Levels } from './levels.ts'
import { copyAscii, sideBytesMax, writeSide } from './sides.ts'
import { type Convert, SIZE_BYTES_MAX } from './sizes.ts'
import { Op, type Step, TIME_DIGITS, type Writers } from './steps.ts'

/** What ends every record. The time that frames were received is written into it; many of one socket read share one. */
const TAIL = ascii(',"received":0000000000000000,"published":0000000000000000}')
const TAIL_VIEW = viewOfAll(TAIL)
const RECEIVED_AT = ',"received":'.length
let shown = 0
export const TAIL_BYTES = TAIL.length
/** A converted size on its way into its slot. */
const SIZE = Buffer.alloc(SIZE_BYTES_MAX)
const NONE = -1

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
  /** Of the steps of id and message, see compileWriters. */
  readonly writers: Writers
  /** Of the channel's sizes; undefined where they stand as the venue wrote them. */
  readonly convert: Convert | undefined
}

export class Template {
  bytes = Buffer.alloc(1024)
  /** Of `bytes`. */
  view = viewOfAll(this.bytes)
  /** Where the payload begins, behind the id. */
  payload = 0
  end = 0
  readonly convert: Convert | undefined
  readonly #steps: readonly Step[]
  /** Steps of the id; they come first. */
  readonly #idSteps: number
  readonly #writers: Writers
  /** Start and end of each step's slot. */
  readonly #slots: Int32Array
  /** Where what the slots move ends: there the first side is written, and all that follows it, for each message anew. */
  #fixed = 0
  readonly #sides: readonly Side[]
  #receivedAt = 0
  #received = -1
  #choices = new Int32Array(0)
  #twins: readonly Template[] = [this]

  constructor({ idHead, id, head, steps, sides, writers, convert }: Parts) {
    this.convert = convert
    this.#writers = writers
    this.#sides = sides
    const all = [...id, ...steps]
    const constants = Buffer.byteLength(idHead) + Buffer.byteLength(head)
    const needed = all.reduce((n, step) => n + step.lead.length + step.trail.length, constants) + 128
    if (needed > this.bytes.length) this.#resize(needed * 2)
    this.#steps = all.filter((step) => step.op !== Op.Constant)
    this.#idSteps = id.filter((step) => step.op !== Op.Constant).length
    this.#slots = new Int32Array(this.#steps.length * 2)
    this.#paste(ascii(idHead))
    this.#layOut(id, 0)
    this.payload = this.end
    this.#paste(ascii(head))
    this.#layOut(steps, this.#idSteps)
    this.#receivedAt = this.end + RECEIVED_AT
    this.#paste(sides[0]?.lead ?? TAIL)
    this.#fixed = this.end
  }

  /**
   * Writes the values of a frame that was read, which proved each to be of its kind.
   * @param received µs
   * @returns false when a value is missing, or a size is none
   */
  fill(bytes: Buffer, { view, at, numbers, own }: Values, received: number): boolean {
    if (!this.#writers.fill(bytes, view, at, numbers, own, this.#slots, this)) return false
    if (this.#sides.length > 0) return this.#fillSides(bytes, view, at, received)
    if (received !== this.#received) {
      this.#received = received
      showTime(received)
      copyAscii(TAIL_VIEW, RECEIVED_AT, this.view, this.#receivedAt, TIME_DIGITS)
    }
    return true
  }

  /** Bytes of the record of a frame that was read, at most, as long as its values are as long as those before. */
  patchedMax(at: Int32Array): number {
    let bytes = this.#fixed
    for (let i = 0; i < this.#sides.length; i++) {
      const { lead, field, levels } = this.#sides[i] as Side
      const isPlain = this.convert === undefined && levels.isPlain
      const length = isPlain ? (at[field + 1] as number) - (at[field] as number) : sideBytesMax(levels, this.convert)
      bytes += lead.length + length
    }
    return this.#sides.length === 0 ? bytes : bytes + TAIL_BYTES
  }

  /**
   * Writes the record of a frame that was read straight to where it shall be: this record, and into it what changed.
   * @param room with {@link patchedMax} bytes from `pos` on
   * @returns the place behind it; {@link NONE} where some value is of another length than the one before, or missing:
   * then it has to be filled
   */
  patch(bytes: Buffer, { view, at, numbers, own }: Values, received: number, room: Buffer, pos: number): number {
    const { patch } = this.#writers
    if (patch === undefined) return NONE
    this.bytes.copy(room, pos, 0, this.#fixed)
    const to = viewOfRoom(room)
    if (!patch(bytes, view, at, numbers, own, this.#slots, to, pos)) return NONE
    if (this.#sides.length > 0) return this.#patchSides(bytes, view, at, received, room, to, pos + this.#fixed)
    showTime(received)
    copyAscii(TAIL_VIEW, RECEIVED_AT, to, pos + this.#receivedAt, TIME_DIGITS)
    return pos + this.#fixed
  }

  #patchSides(
    bytes: Buffer,
    view: DataView,
    at: Int32Array,
    received: number,
    room: Buffer,
    to: DataView,
    pos: number,
  ): number {
    for (let i = 0; i < this.#sides.length; i++) {
      const { lead, field, levels } = this.#sides[i] as Side
      const start = at[field] as number
      if (start < 0) return NONE
      if (i > 0) {
        copy(lead, 0, lead.length, room, pos)
        pos += lead.length
      }
      if (this.convert === undefined && levels.isPlain) {
        const length = (at[field + 1] as number) - start
        copyAscii(view, bytes.byteOffset + start, to, pos, length)
        pos += length
      } else {
        pos = writeSide(room, pos, bytes, levels, this.convert)
      }
    }
    showTime(received)
    copyAscii(TAIL_VIEW, 0, to, pos, TAIL_BYTES)
    return pos + TAIL_BYTES
  }

  /** Writes sides and what follows them, one behind another. */
  #fillSides(bytes: Buffer, view: DataView, at: Int32Array, received: number): boolean {
    const { convert } = this
    this.end = this.#fixed
    for (let i = 0; i < this.#sides.length; i++) {
      const { lead, field, levels } = this.#sides[i] as Side
      const start = at[field] as number
      if (start < 0) return false
      const length = (at[field + 1] as number) - start
      const isPlain = convert === undefined && levels.isPlain
      this.#reserve(lead.length + (isPlain ? length : sideBytesMax(levels, convert)))
      if (i > 0) this.#paste(lead)
      if (isPlain) {
        copyAscii(view, bytes.byteOffset + start, this.view, this.end, length)
        this.end += length
      } else {
        this.end = writeSide(this.bytes, this.end, bytes, levels, convert)
      }
    }
    showTime(received)
    copyAscii(TAIL_VIEW, 0, this.view, this.end, TAIL_BYTES)
    this.end += TAIL_BYTES
    return true
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

  /** A value that is new in length, or of a kind that needs more than copying. */
  set(i: number, frame: Buffer, at: Int32Array, numbers: Float64Array, own: Float64Array): boolean {
    const step = this.#steps[i] as Step
    if (step.op === Op.Own) return this.#integer(i, step, own[step.field] as number)
    if (step.op === Op.OwnFlag) return this.#open(i, step, own[step.field] === 1 ? 0 : -1) >= 0
    const start = at[step.field] as number
    const end = at[step.field + 1] as number
    const isNone = start < 0 || (step.unlessZero && isZero(frame, start, end))
    if (isNone) return step.optional && this.#slot(i, 0) >= 0
    switch (step.op) {
      case Op.Time: {
        const pos = this.#open(i, step, TIME_DIGITS)
        for (let k = end - start; k < TIME_DIGITS; k++) this.bytes[pos + k] = ZERO
        copy(frame, start, end, this.bytes, pos)
        return true
      }
      case Op.Count: {
        const count = (numbers[step.other / 2] as number) - (numbers[step.field / 2] as number) + 1
        return count > 0 && this.#integer(i, step, count)
      }
      case Op.Size:
        return this.#size(i, step, frame, start, end, at)
      case Op.Hours:
        return this.#hours(i, step, frame, start, end, at)
      default: {
        const pos = this.#open(i, step, end - start)
        copy(frame, start, end, this.bytes, pos)
        return true
      }
    }
  }

  #size(i: number, step: Step, frame: Buffer, start: number, end: number, at: Int32Array): boolean {
    const price = at[step.other] as number
    const length = this.convert?.(SIZE, 0, frame, start, end, price, at[step.other + 1] as number) ?? NONE
    if (length < 0) return step.optional && this.#slot(i, 0) >= 0
    const pos = this.#open(i, step, length)
    copy(SIZE, 0, length, this.bytes, pos)
    return true
  }

  #hours(i: number, step: Step, frame: Buffer, start: number, end: number, at: Int32Array): boolean {
    const to = at[step.other] as number
    const hours = to < 0 ? 0 : hoursOf(frame, start, end, to, at[step.other + 1] as number)
    if (!(hours > 0)) return this.#open(i, step, NONE) >= 0
    const text = ascii(String(hours))
    text.copy(this.bytes, this.#open(i, step, text.length))
    return true
  }

  #integer(i: number, step: Step, n: number): boolean {
    if (!(n >= 0)) return step.optional && this.#slot(i, 0) >= 0
    const pos = this.#open(i, step, digitsOf(n))
    writeInteger(this.bytes, pos, n)
    return true
  }

  /** Makes room for a value of this length; -1 is none. Returns where it goes, in `bytes` as they are after it. */
  #open(i: number, step: Step, length: number): number {
    if (!step.optional) return this.#slot(i, length)
    if (length < 0) return this.#slot(i, 0)
    const { lead, trail } = step
    const whole = lead.length + length + trail.length
    const before = (this.#slots[i * 2 + 1] as number) - (this.#slots[i * 2] as number)
    const start = this.#slot(i, whole)
    if (whole !== before) {
      copy(lead, 0, lead.length, this.bytes, start)
      copy(trail, 0, trail.length, this.bytes, start + lead.length + length)
    }
    return start + lead.length
  }

  /** Gives slot i this length; what follows moves. Returns its start. */
  #slot(i: number, length: number): number {
    const slots = this.#slots
    const start = slots[i * 2] as number
    const moved = length - ((slots[i * 2 + 1] as number) - start)
    return moved === 0 ? start : this.#move(i, start, moved)
  }

  #move(i: number, start: number, by: number): number {
    const slots = this.#slots
    const from = slots[i * 2 + 1] as number
    this.#reserve(by)
    this.bytes.copyWithin(from + by, from, this.#fixed)
    this.#fixed += by
    this.end += by
    this.#receivedAt += by
    slots[i * 2 + 1] = from + by
    for (let k = (i + 1) * 2; k < slots.length; k++) slots[k] = (slots[k] as number) + by
    if (i < this.#idSteps) this.payload += by
    return start
  }

  #resize(length: number): void {
    const bytes = Buffer.alloc(length)
    this.bytes.copy(bytes, 0, 0, this.end)
    this.bytes = bytes
    this.view = viewOfAll(bytes)
  }

  /** Makes sure that so many bytes more find room. */
  #reserve(more: number): void {
    const needed = this.end + more + TAIL_BYTES
    if (needed > this.bytes.length) this.#resize(needed + (needed >> 2))
  }

  #paste(bytes: Buffer): void {
    copy(bytes, 0, bytes.length, this.bytes, this.end)
    this.end += bytes.length
  }

  #layOut(steps: readonly Step[], first: number): void {
    let i = first
    for (const step of steps) {
      if (!step.optional) this.#paste(step.lead)
      if (step.op === Op.Constant) continue
      this.#slots[i * 2] = this.end
      this.#slots[i * 2 + 1] = this.end
      if (!step.optional) this.#paste(step.trail)
      i += 1
    }
  }
}

/** Hours between two times, to a millionth. */
function hoursOf(frame: Buffer, from: number, fromEnd: number, to: number, toEnd: number): number {
  const micros = toMicros(integerAt(frame, to, toEnd)) - toMicros(integerAt(frame, from, fromEnd))
  return Math.round(micros / 3600) / 1e6
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

/** Writes a time in µs into the tail. */
function showTime(received: number): void {
  if (received === shown) return
  shown = received
  writeInteger(TAIL, RECEIVED_AT, received)
}

function copy(from: Buffer, start: number, end: number, to: Buffer, pos: number): void {
  for (let i = start; i < end; i++) to[pos++] = from[i] as number
}
