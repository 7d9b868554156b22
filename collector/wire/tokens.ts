// Reads an element (an object, or an array as a row) in plain form into a flat list of values. Not the hot path: it
// teaches layout.ts, and what it accepts is the rule.
//
// Plain form: no white space, no escapes, whole UTF-8, no key twice. Objects and arrays that hold declared keys are
// opened, all others stepped over whole (plain.ts). What else JSON allows takes the general road first (general.ts).
import {
  CLOSE_BRACE,
  CLOSE_BRACKET,
  COLON,
  COMMA,
  LOWER_F,
  LOWER_N,
  LOWER_T,
  OPEN_BRACE,
  OPEN_BRACKET,
  QUOTE,
} from './bytes.ts'
import { DEPTH_MAX, skipNumber, skipString, skipValue } from './plain.ts'

export type Form = 'string' | 'number' | 'boolean' | 'null' | 'nested'

export interface Token {
  /** Key, or `outer.inner` in a nested object; cells of an array are `0`, `1`, …. */
  readonly path: string
  /** The value, without quotes. */
  readonly start: number
  readonly end: number
  readonly form: Form
}

export interface Tokens {
  readonly found: readonly Token[]
  /** The place behind the element. */
  readonly end: number
}

const TOKENS_MAX = 128
/** Longest element: a book's snapshot of 10,000 levels a side has 800 KB. */
const BYTES_MAX = 1024 * 1024

/**
 * Tokens of the element that begins at `pos`; undefined where it is not in plain form or does not end before `end`.
 * @param isOpened whether the object or array at this path holds declared keys
 */
export function tokens(
  bytes: Buffer,
  pos: number,
  end: number,
  isOpened: (path: string) => boolean,
): Tokens | undefined {
  const first = bytes[pos]
  if (pos >= end || (first !== OPEN_BRACE && first !== OPEN_BRACKET)) return undefined
  const reader = new Reader(bytes, Math.min(end, pos + BYTES_MAX), isOpened)
  const behind = reader.nested('', pos, 1)
  return behind < 0 ? undefined : { found: reader.found, end: behind }
}

class Reader {
  readonly found: Token[] = []
  readonly #bytes: Buffer
  readonly #end: number
  readonly #isOpened: (path: string) => boolean
  readonly #paths = new Set<string>()

  constructor(bytes: Buffer, end: number, isOpened: (path: string) => boolean) {
    this.#bytes = bytes
    this.#end = end
    this.#isOpened = isOpened
  }

  /** Reads the object or array that begins at `pos`; returns the place behind it, or -1. */
  nested(prefix: string, pos: number, depth: number): number {
    const bytes = this.#bytes
    const isObject = bytes[pos] === OPEN_BRACE
    const close = isObject ? CLOSE_BRACE : CLOSE_BRACKET
    let at = pos + 1
    if (bytes[at] === close && at < this.#end) return at + 1
    for (let cell = 0; ; cell++) {
      let key = String(cell)
      if (isObject) {
        const behind = bytes[at] === QUOTE ? skipString(bytes, at, this.#end) : -1
        if (behind < 0 || bytes[behind] !== COLON) return -1
        // A dot in a key is none of a path's.
        key = bytes.toString('utf8', at + 1, behind - 1).replaceAll('.', '\0')
        at = behind + 1
      }
      at = this.#value(prefix + key, at, depth)
      if (at < 0 || at >= this.#end) return -1
      if (bytes[at] === close) return at + 1
      if (bytes[at] !== COMMA) return -1
      at += 1
    }
  }

  #value(path: string, pos: number, depth: number): number {
    if (this.#paths.has(path) || this.#paths.size === TOKENS_MAX) return -1
    this.#paths.add(path)
    const [bytes, end] = [this.#bytes, this.#end]
    const first = bytes[pos]
    switch (first) {
      case OPEN_BRACE:
      case OPEN_BRACKET: {
        if (this.#isOpened(path)) return depth < DEPTH_MAX ? this.nested(`${path}.`, pos, depth + 1) : -1
        return this.#found(path, 'nested', pos, skipValue(bytes, pos, end))
      }
      case QUOTE: {
        const behind = skipString(bytes, pos, end)
        if (behind < 0) return -1
        this.#found(path, 'string', pos + 1, behind - 1)
        return behind
      }
      case LOWER_T:
      case LOWER_F:
        return this.#found(path, 'boolean', pos, skipValue(bytes, pos, end))
      case LOWER_N:
        return this.#found(path, 'null', pos, skipValue(bytes, pos, end))
      default:
        return this.#found(path, 'number', pos, skipNumber(bytes, pos, end))
    }
  }

  #found(path: string, form: Form, start: number, end: number): number {
    if (end >= 0) this.found.push({ path, start, end, form })
    return end
  }
}
