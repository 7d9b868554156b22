// What the value of a declared key may be, and the patterns by which tokens are judged. The code with which compiled
// layouts read the same is in code.ts.
import type { Form } from './tokens.ts'

/**
 * What a key's value must be, numbers in quotes or not. `digits`: an id, as long as it may be. `integer`: one that
 * every double and JSON reader holds, 15 digits. `signed`: the same, perhaps below zero. `decimal`. `time`: 13 or 16
 * digits. `token`: an id that is no number, in quotes. `name`: any text, in quotes. `boolean`. A word: in quotes, one of
 * these. `list`: an array, whatever stands in it. `levels`: a side of a book. `actions`: a side of a book as Deribit writes it. `text`: must be what the declaration expects.
 *
 * A scalar that stands as `""` or `null` is absent, as if its key were missing, and so is a time that is 0: nothing
 * happened in 1970.
 */
export type KeyKind =
  | 'digits'
  | 'integer'
  | 'signed'
  | 'decimal'
  | 'time'
  | 'token'
  | 'name'
  | 'boolean'
  | 'list'
  | 'levels'
  | 'actions'
  | 'text'
  | { readonly words: readonly string[] }

/** Keys of one element; a nested one is named by its path: `k.o`; the cells of a row are `0`, `1`, …. */
export type Keys = Readonly<Record<string, KeyKind>>

/** Constants of an element: what must stand under its `text` keys. `$symbol` is the venue's symbol of the channel. */
export type Expected = Readonly<Record<string, string>>

/** The pattern of each kind that has one, and of digits in quotes, where zeros may lead. */
const PATTERNS = {
  digits: /^(?:0|[1-9]\d{0,23})$/,
  quotedDigits: /^\d{1,24}$/,
  integer: /^(?:0|[1-9]\d{0,14})$/,
  signed: /^-?(?:0|[1-9]\d{0,14})$/,
  decimal: /^(?=.{1,24}$)-?(?:0|[1-9]\d*)(?:\.\d+)?$/,
  // Beginning with a 9 it would be more than a double holds.
  time: /^[1-8](?:\d{12}|\d{15})$/,
  token: /^[\w.-]{1,64}$/,
} as const

/** The words of a kind that has some: of a boolean those that JSON has. */
export function wordsOf(kind: KeyKind): readonly string[] | undefined {
  if (kind === 'boolean') return ['true', 'false']
  return typeof kind === 'object' ? kind.words : undefined
}

/** Whether a text that stands in this form is a scalar of this kind. */
export function isScalar(kind: KeyKind, form: Form, text: string): boolean {
  if (typeof kind === 'object') return form === 'string' && kind.words.includes(text)
  const isQuoted = form === 'string'
  const isNumeric = isQuoted || form === 'number'
  switch (kind) {
    case 'digits':
      return isNumeric && PATTERNS[isQuoted ? 'quotedDigits' : 'digits'].test(text)
    case 'integer':
    case 'signed':
    case 'decimal':
    case 'time':
      return isNumeric && PATTERNS[kind].test(text)
    case 'token':
      return isQuoted && PATTERNS.token.test(text)
    case 'name':
      return isQuoted && text !== ''
    case 'boolean':
      return form === 'boolean'
    case 'text':
    case 'list':
    case 'levels':
    case 'actions':
      return false
  }
}

/** Whether values of a kind are whole numbers. */
export function isNumber(kind: KeyKind): boolean {
  return kind === 'digits' || kind === 'integer' || kind === 'signed' || kind === 'time'
}
