// One declaration for each frame of a venue: which keys it has, what they mean, where they go.
//
// From it follow the scanner of its keys, the checks of what must be so, the message id and the writer that pastes the
// values' bytes between constant ones. There is no second mapping: what does not fit the scanner is brought into the
// form that does (general.ts) and read again by the same declaration.
import type { DataType } from '../../crds/names.ts'
import assert from 'node:assert'
import { toMicros, viewOf } from './bytes.ts'
import { type Field, Fields, MALFORMED, OTHER, judge } from './fields.ts'
import type { Expected, Keys } from './kinds.ts'
import { type Match, compile } from './layout.ts'
import type { Levels } from './levels.ts'
import { type Paste, compilePaste } from './paste.ts'
import { BASE, type Sizing, converterOf } from './sizes.ts'
import { type IdPart, type Source, combinations, idSteps, isOptional, keysOf, step } from './sources.ts'
import { type Side, Template, side } from './template.ts'
import { tokens } from './tokens.ts'

export interface FrameDeclaration {
  readonly type: DataType
  /** Where it is written down: the venue's page and date, or a recording. */
  readonly evidence: string
  readonly keys: Keys
  /** Values that must stand in the frame, e.g. its event name. `$symbol` is the venue's symbol of the route. */
  readonly expect: Expected
  /** Keys whose values make an element another's: where a type comes in several forms, each must exclude the others. */
  readonly without?: readonly string[]
  readonly id: readonly IdPart[]
  /** Fields of the message in their order; words of changing length last, since what follows them moves. */
  readonly message: Readonly<Record<string, Source>>
}

/**
 * Most orders of keys that are compiled for one frame, and as many for elements that are another's: venues have one or
 * two; a hostile one shall not make us compile for ever.
 */
const LAYOUTS_MAX = 8

export { MALFORMED, OTHER }

export class Frame {
  readonly declaration: FrameDeclaration
  /** Start and end of each field's value in the frame read last; -1 where the key was not there. */
  readonly at: Int32Array
  /** What each field of digits is; NaN where it is missing or beyond what a double holds. */
  readonly numbers: Float64Array
  /** Of the memory in which that frame lies. */
  view = new DataView(new ArrayBuffer(0)) as DataView
  /** Numbers that the owner of the channel adds; NaN is none. See `own` in the declaration. */
  readonly own = new Float64Array(4).fill(Number.NaN)
  /** Frames that were read by their tokens, since no compiled layout fitted. */
  slow = 0
  readonly #layouts: Match[] = []
  /** Of them such as were learned from elements that are another's. */
  #others = 0
  /** For sizes in base and for converted ones. */
  readonly #pastes = new Map<boolean, Paste>()
  readonly #fields: Fields

  constructor(declaration: FrameDeclaration) {
    this.declaration = declaration
    const sources = Object.values(declaration.message)
    const optional = new Set(sources.flatMap((source) => (isOptional(source) ? keysOf(source) : [])))
    const needed = new Set(sources.flatMap((source) => (isOptional(source) ? [] : keysOf(source))))
    const isNeeded = (key: string): boolean => needed.has(key) || !optional.has(key)
    const { keys, expect, without = [] } = declaration
    this.#fields = new Fields(keys, expect, without, isNeeded)
    this.numbers = this.#fields.numbers
    this.at = new Int32Array(this.#fields.length).fill(-1)
  }

  /** The number of a key's field: its row in `at` is twice that. */
  field(key: string): number {
    return this.fieldOf(key).row / 2
  }

  fieldOf(key: string): Field {
    const field = this.#fields.of(key)
    assert(field !== undefined, `frame: no key ${key}`)
    return field
  }

  /** The levels that the frame read last has under this key. */
  levels(key: string): Levels {
    const { levels } = this.fieldOf(key)
    assert(levels !== undefined, `frame: ${key} is no key of levels`)
    return levels
  }

  /** The integer of a field of digits or a time; NaN where it is missing or beyond what a double holds. */
  integer(field: number): number {
    return this.numbers[field] as number
  }

  /** The time of a field in µs, NaN where it is missing. */
  time(field: number): number {
    return toMicros(this.integer(field))
  }

  /**
   * Reads the element (an object, or an array as a row) that begins at `pos` into `at` and levels.
   * @param symbol bytes of the venue's symbol of the channel
   * @returns the place behind it, at most `end`; {@link MALFORMED}: it is not in plain form (see tokens.ts), or a value
   * is not of its kind; {@link OTHER}: it is well formed, but an expected text or a needed key says that it is another's
   */
  read(bytes: Buffer, pos: number, end: number, symbol: Buffer): number {
    const layouts = this.#layouts
    const view = viewOf(bytes)
    this.view = view
    for (let i = 0; i < layouts.length; i++) {
      const behind = (layouts[i] as Match)(bytes, view, pos, this.at, symbol)
      if (behind >= 0 && behind <= end) return behind
      if (behind < -1 && ~behind <= end) return OTHER
    }
    return this.#readTokens(bytes, pos, end, symbol)
  }

  #readTokens(bytes: Buffer, pos: number, end: number, symbol: Buffer): number {
    const read = tokens(bytes, pos, end, this.#fields.isOpened)
    if (read === undefined) return MALFORMED
    const verdict = judge(bytes, read.found, this.#fields, symbol, this.at)
    if (verdict === MALFORMED) return verdict
    this.slow += 1
    const learned = verdict === OTHER ? this.#others : this.#layouts.length - this.#others
    const layout = learned < LAYOUTS_MAX ? compile(bytes, pos, read, this.#fields) : undefined
    if (layout !== undefined) {
      this.#layouts.push(layout)
      if (verdict === OTHER) this.#others += 1
    }
    return verdict === OTHER ? OTHER : read.end
  }

  /**
   * The record of one channel with everything constant in place.
   * @param idHead `{prefix}:{type}:{exchange}:{market}:{symbol}:`
   * @param head `{"v":1,"type":…,"symbol":…` without the closing brace
   * @param constants values of the declaration's `constant` names
   * @param sizing what the venue's figures of size are in base
   */
  template(
    idHead: string,
    head: string,
    constants: Readonly<Record<string, string>> = {},
    sizing: Sizing = BASE,
  ): Template {
    const { id, message } = this.declaration
    const convert = converterOf(sizing)
    const keys = new Set(Object.values(message).flatMap((source) => ('choose' in source ? source.choose : [])))
    const choices = Array.from(keys, (key) => this.fieldOf(key))
    const sides = this.#sides()
    const build = (twin: readonly number[]): Template => {
      const word = (key: string): string | undefined => {
        const field = this.fieldOf(key)
        return field.words[twin[choices.indexOf(field)] as number]
      }
      const making = { frame: this, constants, word, isConverted: convert !== undefined }
      const ids = idSteps(id, making)
      const steps = Object.entries(message).flatMap(([name, source]) => step(name, source, making))
      const paste = this.#pastes.get(convert === undefined) ?? compilePaste(ids, steps)
      this.#pastes.set(convert === undefined, paste)
      return new Template({ idHead, id: ids, head, steps, sides, paste, convert })
    }
    const records = combinations(choices).map(build)
    return (records[0] as Template).join(choices, records)
  }

  #sides(): Side[] {
    const sources = Object.entries(this.declaration.message)
    const sides = sources.flatMap(([name, source]) =>
      'levels' in source ? [side(this.field(source.levels), name, this.levels(source.levels))] : [],
    )
    const last = sources.slice(sources.length - sides.length)
    assert(
      last.every(([, source]) => 'levels' in source),
      'frame: sides of a book come last in a message',
    )
    return sides
  }
}

/** `{"v":1,"type":"trade","exchange":"binance","market":"spot","symbol":"BTC-USDT"` */
export function payloadHead(channel: { type: string; exchange: string; market: string; symbol: string }): string {
  const { type, exchange, market, symbol } = channel
  return JSON.stringify({ v: 1, type, exchange, market, symbol }).slice(0, -1)
}
