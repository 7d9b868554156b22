// How the fields of a message are made from the keys of a frame, and the steps of a template that make them.
import assert from 'node:assert'
import type { Field } from './fields.ts'
import type { Frame } from './frame.ts'
import { Op, type Step, constant, optional, value } from './steps.ts'

/**
 * How one field of the message is made from the frame's keys. `optional`: left out where the venue leaves it out; of all
 * others the key must be there. `unlessZero`: a zero says that there is none.
 */
export type Source =
  /**
   * A decimal's digits as they stand, in quotes. `converted`: the key that is meant where the channel's sizing is another
   * than base; null: it is not there then.
   */
  | {
      readonly decimal: string
      readonly converted?: string | null
      readonly optional?: true
      readonly unlessZero?: true
    }
  /** An id as it stands, in quotes. */
  | { readonly id: string; readonly optional?: true }
  /** An integer's digits as they stand, as a JSON number. */
  | { readonly integer: string; readonly optional?: true }
  /** A time in milliseconds (13 digits) or microseconds (16 digits), as microseconds. */
  | { readonly time: string; readonly optional?: true }
  /** Hours between two times, as a JSON number; left out where they are not above zero. */
  | { readonly hours: readonly [from: string, to: string]; readonly optional: true }
  /** By the word of a key (a boolean has `true` and `false`), or by those of two keys with a space between. */
  | {
      readonly choose: string | readonly [string, string]
      readonly of: Readonly<Record<string, string | boolean>>
      readonly optional?: true
    }
  /** last - first + 1 */
  | { readonly count: readonly [first: string, last: string] }
  /**
   * The venue's figure of a size at a price, in base: by the channel's sizing. A figure that makes no size (of a price
   * that is zero) is left out where it is optional, else the message is refused.
   */
  | { readonly size: string; readonly price: string; readonly optional?: true; readonly unlessZero?: true }
  /** That figure as it stands; there only where the channel's sizing is another than base. */
  | { readonly raw: string; readonly optional?: true; readonly unlessZero?: true }
  /** A side of a book; see sides.ts. Sides come last. */
  | { readonly levels: string }
  /** A constant of the route, by name, e.g. the interval of a kline. */
  | { readonly constant: string }
  /** A number that holds for all, e.g. the hours of a rate. */
  | { readonly number: number }
  /** A number that the owner of the channel knows: index into {@link Frame.own}; left out while it is NaN. */
  | { readonly own: number }
  /** `true` while `own[index]` is 1, else left out. */
  | { readonly ownFlag: number }

/** A piece of the message id behind its constant head; pieces are joined by colons, also where one is absent. */
export type IdPart =
  | { readonly id: string }
  | { readonly digits: string; readonly unlessZero?: true }
  /** As the message has it: by the word of a key that a field of the message is chosen by, too. */
  | { readonly choose: string; readonly of: Readonly<Record<string, string>> }
  | { readonly time: string }
  | { readonly own: number }
  | { readonly constant: string }

/** Most records of one channel that differ by words. */
const TWINS_MAX = 64

export function isOptional(source: Source): boolean {
  return 'optional' in source && source.optional === true
}

/** The keys that a field is made from. */
export function keysOf(source: Source): readonly string[] {
  if ('decimal' in source) return [source.decimal, source.converted].filter((key) => typeof key === 'string')
  if ('id' in source) return [source.id]
  if ('integer' in source) return [source.integer]
  if ('time' in source) return [source.time]
  if ('hours' in source) return source.hours
  if ('choose' in source) return [source.choose].flat()
  if ('count' in source) return source.count
  if ('size' in source) return [source.size]
  if ('raw' in source) return [source.raw]
  return 'levels' in source ? [source.levels] : []
}

/** Every way to choose a word for each field, the last field first; one beyond the last word is none. */
export function combinations(fields: readonly Field[]): number[][] {
  const start: number[][] = [[]]
  const all = fields.reduce(
    (heads, { words, needed }) =>
      heads.flatMap((head) => Array.from({ length: words.length + (needed ? 0 : 1) }, (_, i) => [...head, i])),
    start,
  )
  assert(all.length <= TWINS_MAX, `frame: ${all.length} records that differ by words`)
  return all
}

/** What the steps of a channel are made with. */
export interface Making {
  readonly frame: Frame
  readonly constants: Readonly<Record<string, string>>
  /** The word of a key in this record. */
  readonly word: (key: string) => string | undefined
  readonly isConverted: boolean
}

/** The steps of a field: none where this record does not have it, nor for sides of a book, which come behind all. */
export function step(name: string, source: Source, { frame, constants, word, isConverted }: Making): Step[] {
  const plain = `,"${name}":`
  const quoted = `${plain}"`
  const made = (one: Step): Step[] => {
    if ('unlessZero' in source) return [{ ...optional(one), unlessZero: true }]
    return [isOptional(source) ? optional(one) : one]
  }
  if ('decimal' in source) {
    const { decimal, converted = decimal } = source
    const key = isConverted ? converted : decimal
    return key === null ? [] : made(value(Op.Digits, frame.field(key), quoted, '"'))
  }
  if ('id' in source) return made(value(Op.Digits, frame.field(source.id), quoted, '"'))
  if ('integer' in source) {
    const { kind } = frame.fieldOf(source.integer)
    assert(kind === 'integer' || kind === 'signed', `frame: ${source.integer} is no key of an integer`)
    return made(value(Op.Digits, frame.field(source.integer), plain, ''))
  }
  if ('time' in source) return made(value(Op.Time, frame.field(source.time), plain, ''))
  if ('hours' in source) {
    const [from, to] = source.hours
    return made(value(Op.Hours, frame.field(from), plain, '', frame.field(to)))
  }
  if ('choose' in source) return chosen(name, source, word)
  if ('count' in source) {
    const [first, last] = source.count
    return [value(Op.Count, frame.field(first), plain, '', frame.field(last))]
  }
  if ('size' in source && isConverted) {
    return made(value(Op.Size, frame.field(source.size), quoted, '"', frame.field(source.price)))
  }
  if ('size' in source) return made(value(Op.Digits, frame.field(source.size), quoted, '"'))
  if ('raw' in source) return isConverted ? made(value(Op.Digits, frame.field(source.raw), quoted, '"')) : []
  if ('levels' in source) return []
  if ('constant' in source) return [constant(`${quoted}${constants[source.constant]}"`)]
  if ('number' in source) return [constant(`${plain}${source.number}`)]
  if ('own' in source) return [optional(value(Op.Own, source.own, plain, ''))]
  return [optional(value(Op.OwnFlag, source.ownFlag, `${plain}true`, ''))]
}

function chosen(name: string, source: Extract<Source, { choose: unknown }>, word: Making['word']): Step[] {
  const words = [source.choose].flat().map(word)
  const made = words.includes(undefined) ? undefined : source.of[words.join(' ')]
  assert(made !== undefined || source.optional, `frame: ${name} has nothing for ${words.join(' ')}`)
  return made === undefined ? [] : [constant(`,"${name}":${JSON.stringify(made)}`)]
}

export function idSteps(parts: readonly IdPart[], { frame, constants, word }: Making): Step[] {
  return parts.flatMap((part, i) => {
    const lead = i === 0 ? '' : ':'
    if ('own' in part) return [value(Op.Own, part.own, lead, '')]
    if ('choose' in part) return [constant(lead + (part.of[word(part.choose) ?? ''] ?? ''))]
    if ('constant' in part) return [constant(`${lead}${constants[part.constant]}`)]
    const key = 'id' in part ? part.id : 'digits' in part ? part.digits : part.time
    const op = 'time' in part ? Op.Time : Op.Digits
    // A value that may be absent takes the slow way.
    const isSure = frame.fieldOf(key).needed && !('unlessZero' in part)
    if (isSure) return [value(op, frame.field(key), lead, '')]
    return [constant(lead), { ...optional(value(op, frame.field(key), '', '')), unlessZero: 'unlessZero' in part }]
  })
}
