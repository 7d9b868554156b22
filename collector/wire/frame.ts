// One declaration for each frame of a venue: which keys it has, what they mean, where they go.
//
// From it follow the scanner of its keys, the checks of what must be so, the message id and the writer that pastes the
// values' bytes between constant ones. There is no second mapping: what does not fit the scanner is brought into the
// form that does (general.ts) and read again by the same declaration.
import type { DataType } from '../../crds/names.ts'
import assert from 'node:assert'
import { provenInteger, viewOf } from './bytes.ts'
import { type Expected, type Keys, type Match, compile, readTokens } from './layout.ts'
import { Levels } from './levels.ts'
import { type Fill, Op, type Step, Template, compileFill, constant, optional, value } from './template.ts'
import { tokens } from './tokens.ts'

/** How one field of the message is made from the frame's keys. `optional` fields are left out where the venue leaves them out. */
export type Source =
  /** A decimal's digits as they stand, in quotes. */
  | { readonly decimal: string; readonly optional?: true }
  /** An id's digits as they stand, in quotes. */
  | { readonly id: string }
  /** An integer's digits as they stand, as a JSON number. */
  | { readonly integer: string }
  /** A time in milliseconds (13 digits) or microseconds (16 digits), as microseconds. */
  | { readonly time: string; readonly optional?: true }
  /** One of two words by a boolean. */
  | { readonly choose: string; readonly yes: string; readonly no: string }
  | { readonly boolean: string }
  /** last - first + 1 */
  | { readonly count: readonly [first: string, last: string] }
  /** A side of a book, copied whole. */
  | { readonly levels: string }
  /** A constant of the route, by name, e.g. the interval of a kline. */
  | { readonly constant: string }
  /** A number that the owner of the channel knows: index into {@link Frame.own}; left out while it is NaN. */
  | { readonly own: number }
  /** `true` while `own[index]` is 1, else left out. */
  | { readonly ownFlag: number }

/** A piece of the message id behind its constant head; pieces are joined by colons. */
export type IdPart =
  | { readonly id: string }
  | { readonly time: string }
  | { readonly own: number }
  | { readonly constant: string }

export interface FrameDeclaration {
  readonly type: DataType
  /** Where it is written down: the venue's page and date, or a recording. */
  readonly evidence: string
  readonly keys: Keys
  /** Values that must stand in the frame, e.g. its event name. `$symbol` is the venue's symbol of the route. */
  readonly expect: Expected
  readonly id: readonly IdPart[]
  /** Fields of the message in their order; words of changing length last, since what follows them moves. */
  readonly message: Readonly<Record<string, Source>>
}

/** Most orders of keys that are compiled for one frame: venues have one or two; a hostile one shall not make us compile for ever. */
const LAYOUTS_MAX = 8

export class Frame {
  readonly declaration: FrameDeclaration
  /** Start and end of each field's value in the frame read last; -1 where the key was not there. */
  readonly at: Int32Array
  /** Of the memory in which that frame lies. */
  view = new DataView(new ArrayBuffer(0)) as DataView
  /** Numbers that the owner of the channel adds; NaN is none. See `own` in the declaration. */
  readonly own = new Float64Array(4).fill(Number.NaN)
  /** Frames that were read by their tokens, since no compiled layout fitted. */
  slow = 0
  readonly #layouts: Match[] = []
  #fill: Fill | undefined
  readonly #fields: readonly string[]
  /** Rows in `at` of the keys that must be there: all but those of optional sources. */
  readonly #needed: readonly number[]
  readonly #levels = new Map<string, Levels>()

  constructor(declaration: FrameDeclaration) {
    this.declaration = declaration
    this.#fields = Object.keys(declaration.keys)
    const sources = Object.values(declaration.message)
    const optional = sources.flatMap((s) => ('optional' in s ? ['decimal' in s ? s.decimal : s.time] : []))
    this.#needed = this.#fields.flatMap((key, field) => (optional.includes(key) ? [] : [field * 2]))
    this.at = new Int32Array(this.#fields.length * 2).fill(-1)
    for (const [key, kind] of Object.entries(declaration.keys)) {
      if (kind === 'levels') this.#levels.set(key, new Levels())
    }
  }

  /** The number of a key's field: its row in `at` is twice that. */
  field(key: string): number {
    const field = this.#fields.indexOf(key)
    assert(field >= 0, `frame: no key ${key}`)
    return field
  }

  /** The levels that the frame read last has under this key. */
  levels(key: string): Levels {
    const levels = this.#levels.get(key)
    assert(levels !== undefined, `frame: ${key} is no key of levels`)
    return levels
  }

  /** The integer of a field of digits or a time; NaN where it is missing or beyond what a double holds. */
  integer(bytes: Buffer, field: number): number {
    const start = this.at[field * 2] as number
    return start < 0 ? Number.NaN : provenInteger(bytes, start, this.at[field * 2 + 1] as number)
  }

  /** The time of a field in µs, NaN where it is missing. */
  time(bytes: Buffer, field: number): number {
    return toMicros(this.integer(bytes, field))
  }

  /**
   * Reads the object in [pos, end) into `at` and levels.
   * @param symbol bytes of the venue's symbol of the channel
   * @returns false when it is not in plain form (see tokens.ts) or not this frame
   */
  read(bytes: Buffer, pos: number, end: number, symbol: Buffer): boolean {
    const layouts = this.#layouts
    const view = viewOf(bytes)
    this.view = view
    for (let i = 0; i < layouts.length; i++) {
      if ((layouts[i] as Match)(bytes, view, pos, this.at, symbol) === end) return true
    }
    return this.#readTokens(bytes, pos, end, symbol)
  }

  #readTokens(bytes: Buffer, pos: number, end: number, symbol: Buffer): boolean {
    const { keys, expect } = this.declaration
    const found = tokens(bytes, pos, end)
    if (found === undefined || !readTokens(bytes, found, keys, expect, symbol, this.at, this.#levels)) return false
    if (this.#needed.some((row) => (this.at[row] as number) < 0)) return false
    this.slow += 1
    if (this.#layouts.length < LAYOUTS_MAX) {
      const layout = compile(bytes, pos, end, found, keys, expect, this.#levels)
      if (layout !== undefined) this.#layouts.push(layout)
    }
    return true
  }

  /**
   * The record of one channel with everything constant in place.
   * @param idHead `{prefix}:{type}:{exchange}:{market}:{symbol}:`
   * @param head `{"v":1,"type":…,"symbol":…` without the closing brace
   * @param constants values of the declaration's `constant` names
   */
  template(idHead: string, head: string, constants: Readonly<Record<string, string>> = {}): Template {
    const { id, message } = this.declaration
    const idSteps = id.map((part, i) => idStep(part, i === 0 ? '' : ':', this, constants))
    const choices = Object.values(message).flatMap((source) => choiceOf(source) ?? [])
    const build = (mask: number): Template => {
      const isFalse = (key: string): boolean => (mask & (1 << choices.indexOf(key))) !== 0
      const steps = Object.entries(message).map(([name, source]) => step(name, source, this, constants, isFalse))
      this.#fill ??= compileFill([...idSteps, ...steps])
      return new Template(idHead, idSteps, head, steps, this.#fill)
    }
    const rows = choices.map((key) => this.field(key) * 2)
    const records = Array.from({ length: 2 ** rows.length }, (_, mask) => build(mask))
    return (records[0] as Template).join(rows, records)
  }
}

/** The boolean key of a field that is one of two words. */
function choiceOf(source: Source): string | undefined {
  return 'choose' in source ? source.choose : 'boolean' in source ? source.boolean : undefined
}

/** Milliseconds or microseconds since the epoch to microseconds: 16 digits are microseconds. */
export function toMicros(time: number): number {
  return time < 1e15 ? time * 1000 : time
}

/** `{"v":1,"type":"trade","exchange":"binance","market":"spot","symbol":"BTC-USDT"` */
export function payloadHead(channel: { type: string; exchange: string; market: string; symbol: string }): string {
  const { type, exchange, market, symbol } = channel
  return JSON.stringify({ v: 1, type, exchange, market, symbol }).slice(0, -1)
}

function step(
  name: string,
  source: Source,
  frame: Frame,
  constants: Readonly<Record<string, string>>,
  isFalse: (key: string) => boolean,
): Step {
  const plain = `,"${name}":`
  const quoted = `${plain}"`
  if ('decimal' in source) {
    const s = value(Op.Digits, frame.field(source.decimal), quoted, '"')
    return source.optional ? optional(s) : s
  }
  if ('id' in source) return value(Op.Digits, frame.field(source.id), quoted, '"')
  if ('integer' in source) {
    assert(frame.declaration.keys[source.integer] === 'integer', `frame: ${source.integer} is no key of an integer`)
    return value(Op.Digits, frame.field(source.integer), plain, '')
  }
  if ('time' in source) {
    const s = value(Op.Time, frame.field(source.time), plain, '')
    return source.optional ? optional(s) : s
  }
  if ('choose' in source) return constant(`${quoted}${isFalse(source.choose) ? source.no : source.yes}"`)
  if ('boolean' in source) return constant(`${plain}${!isFalse(source.boolean)}`)
  if ('count' in source) {
    const [first, last] = source.count
    return value(Op.Count, frame.field(first), plain, '', frame.field(last))
  }
  if ('levels' in source) return value(Op.Levels, frame.field(source.levels), plain, '')
  if ('constant' in source) return constant(`${quoted}${constants[source.constant]}"`)
  if ('own' in source) return optional(value(Op.Own, source.own, plain, ''))
  return optional(value(Op.OwnFlag, source.ownFlag, `${plain}true`, ''))
}

function idStep(part: IdPart, lead: string, frame: Frame, constants: Readonly<Record<string, string>>): Step {
  if ('id' in part) return value(Op.Digits, frame.field(part.id), lead, '')
  if ('time' in part) return value(Op.Time, frame.field(part.time), lead, '')
  if ('own' in part) return value(Op.Own, part.own, lead, '')
  return constant(`${lead}${constants[part.constant]}`)
}
