// Reads stored messages by the order of fields that one before them had, without making an object of them.
//
// layout := literal value literal value … literal
// A literal is what stands between two values: names of fields, and the values that all messages of the layout share.
// It is learned from a message that its schema accepted, so its fields are those of the schema. Always: what a layout
// reads, JSON.parse and the schema accept, too, with the same values; what it does not read is theirs to judge.
// JSON.parse of the same messages takes about twice as long, and makes garbage (Node 26.10).
import { OWN_TYPES } from '../../../crds/names.ts'
import type { Message } from '../../market/messages.ts'
import { ZERO } from '../../wire/bytes.ts'
import type { Channel } from './channel.ts'
import { CONSTANTS, KIND, type Kind, keyFields, kindOf, NO_CONTENT, slotOf } from './fields.ts'
import { hashBytes, seedOf } from './hash.ts'
import { type Reading, SLOT, SLOTS } from './reading.ts'
import {
  countAt,
  isAt,
  readBoolean,
  readFlags,
  readInteger,
  readLevels,
  readPending,
  readQuoted,
  sideEnd,
  textEnd,
  valueEnd,
} from './scan.ts'

interface Field {
  /** What stands before the value. */
  readonly literal: Buffer
  readonly kind: Kind
  readonly slot: number
  readonly isBids: boolean
  /** What the hashes of the value begin with; 0 where it has no part in them. */
  readonly high: number
  readonly low: number
  readonly content: number
}

const SALT = { high: 0x2545f491, low: 0x811c9dc5, content: 0x9e3779b1 }
/** Characters of an `id`. */
const ID_MAX = 64
const ownTypes: ReadonlySet<string> = new Set(OWN_TYPES)

export class Layout {
  /** Layouts of one name read the same. */
  readonly name: string
  readonly channel: Channel
  /** Whether it may read what nobody checked before. */
  readonly proves: boolean
  readonly #fields: readonly Field[]
  readonly #end: Buffer
  /** What the shared values give. */
  readonly #values = new Float64Array(SLOTS).fill(Number.NaN)
  #high = 0
  #low = 0
  /** The message that it was made of, without what differs from message to message. */
  readonly #sample: Message

  /** @param m a message that its schema accepted */
  constructor(m: Message, channel: Channel) {
    this.channel = channel
    const isOurs = ownTypes.has(m.type)
    const keys = keyFields(m)
    const fields: Field[] = []
    let literal = ''
    for (const [name, value] of Object.entries(m)) {
      literal += `${literal === '' && fields.length === 0 ? '{' : ','}${JSON.stringify(name)}:`
      if (CONSTANTS.has(name)) {
        literal += JSON.stringify(value)
        this.#preset(name, value, keys[name])
      } else {
        fields.push(fieldOf(name, literal, kindOf(name, isOurs), keys[name]))
        literal = ''
      }
    }
    this.#sample = sampleOf(m)
    this.#fields = fields
    this.#end = Buffer.from(`${literal}}`)
    this.proves = fields.every(({ kind }) => kind !== KIND.json)
    this.name = [...fields.map((field) => field.literal), this.#end].join('\n')
  }

  /** The same order of fields under another subject. */
  for(channel: Channel): Layout {
    const { exchange, market, symbol } = channel.subject
    return new Layout({ ...this.#sample, exchange, market, symbol }, channel)
  }

  /**
   * Reads the message in [start, end).
   * @param isKnown it is the message that the layout was made of, as `JSON.stringify` writes it
   * @returns whether it is one of this layout; `reading` is of no use where it is not
   */
  read(bytes: Buffer, start: number, end: number, reading: Reading, isKnown = false): boolean {
    const fields = this.#fields
    let p = start
    let [high, low, content] = [this.#high, this.#low, 0]
    reading.values.set(this.#values)
    for (let i = 0; i < fields.length; i++) {
      const field = fields[i] as Field
      if (!isAt(bytes, p, field.literal)) return false
      const from = p + field.literal.length
      p = readValue(bytes, from, field, reading, isKnown)
      if (p < 0) return false
      if (field.content !== 0) content ^= hashBytes(field.content, bytes, from, p)
      else if (field.high !== 0) {
        high ^= hashBytes(field.high, bytes, from, p)
        low ^= hashBytes(field.low, bytes, from, p)
      }
    }
    reading.keyHigh = high
    reading.keyLow = low
    reading.content = content
    return p + this.#end.length === end && isAt(bytes, p, this.#end)
  }

  #preset(name: string, value: unknown, part: string | undefined): void {
    if (name === 'kind') this.#values[SLOT.snapshot] = Number(value === 'snapshot')
    if (name === 'filled') this.#values[SLOT.filled] = 1
    if (part === undefined) return
    const bytes = Buffer.from(JSON.stringify(value))
    this.#high ^= hashBytes(seedOf(part, SALT.high), bytes, 0, bytes.length)
    this.#low ^= hashBytes(seedOf(part, SALT.low), bytes, 0, bytes.length)
  }
}

/** The values of constants, and of the other fields that they are there. */
function sampleOf(m: Message): Message {
  const entries = Object.entries(m).map(([name, value]) => [name, CONSTANTS.has(name) ? (value as unknown) : 0])
  return Object.fromEntries(entries) as Message
}

function fieldOf(name: string, literal: string, kind: Kind, part: string | undefined): Field {
  return {
    literal: Buffer.from(literal),
    kind,
    slot: slotOf(name),
    isBids: name === 'bids',
    high: part === undefined ? 0 : seedOf(part, SALT.high) | 1,
    low: part === undefined ? 0 : seedOf(part, SALT.low) | 1,
    content: part !== undefined || NO_CONTENT.has(name) ? 0 : seedOf(name, SALT.content) | 1,
  }
}

/** A decimal that nobody looks at. */
const ignored = new Float64Array(2)

/** Returns the place behind a value, or -1 where none of its kind stands there. */
function readValue(bytes: Buffer, pos: number, field: Field, reading: Reading, isKnown: boolean): number {
  const { values } = reading
  switch (field.kind) {
    case KIND.decimal:
      return readQuoted(bytes, pos, ignored, 0)
    case KIND.time: {
      const end = readInteger(bytes, pos, values, field.slot)
      return (values[field.slot] as number) >= 0 ? end : -1
    }
    case KIND.integer:
      return readInteger(bytes, pos, values, field.slot)
    case KIND.levels:
      return readLevels(bytes, pos, field.isBids ? reading.bids : reading.asks)
    case KIND.side:
      return sideEnd(bytes, pos)
    case KIND.id: {
      const end = textEnd(bytes, pos, isKnown)
      if (end - pos - 2 > ID_MAX && !isKnown) return -1
      values[SLOT.id] = countAt(bytes, pos + 1, end - 1)
      return end
    }
    case KIND.text:
      return textEnd(bytes, pos, isKnown)
    case KIND.boolean:
      return readBoolean(bytes, pos, values, field.slot)
    case KIND.positive:
      // What is no integer has many spellings, so it is left to the schema.
      if (isKnown) return valueEnd(bytes, pos)
      return (bytes[pos] as number) > ZERO ? readInteger(bytes, pos, values, field.slot) : -1
    case KIND.flags:
      return readFlags(bytes, pos, values, field.slot)
    case KIND.pending:
      return isKnown ? valueEnd(bytes, pos) : readPending(bytes, pos)
    case KIND.json:
      return isKnown ? valueEnd(bytes, pos) : -1
  }
}
