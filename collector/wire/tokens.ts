// Reads a JSON object in its plain form into a flat list of values. Not the hot path: it teaches layout.ts.
//
// Plain form: no white space, no escapes, no exponents, whole UTF-8, no key twice, no array except levels of a book,
// no object inside an object inside the object. What else JSON allows takes the general road first (general.ts).
import { isUtf8 } from 'node:buffer'
import { CLOSE_BRACE, COLON, COMMA, OPEN_BRACE, OPEN_BRACKET, QUOTE, BACKSLASH } from './bytes.ts'
import { Levels } from './levels.ts'

export interface Token {
  /** Key, or `outer.inner` in a nested object. */
  readonly path: string
  /** The value, without quotes. */
  readonly start: number
  readonly end: number
  readonly kind: 'string' | 'number' | 'word' | 'levels'
}

const TOKENS_MAX = 64
/** Longest object: a book's snapshot of 10,000 levels a side has 800 KB. */
const BYTES_MAX = 1024 * 1024
const DEPTH_MAX = 2
const NUMBER = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?=[,}])/y
const WORD = /(?:true|false|null)(?=[,}])/y

/** Tokens of the object whose brace stands at `pos` and which must end where the bytes or `end` do; undefined where it is not in plain form. */
export function tokens(bytes: Buffer, pos: number, end: number): Token[] | undefined {
  if (end - pos > BYTES_MAX || !isUtf8(bytes.subarray(pos, end))) return undefined
  const reader = new Reader(bytes, pos, end)
  return reader.object('', 1) && reader.pos === end ? reader.found : undefined
}

class Reader {
  readonly found: Token[] = []
  readonly #bytes: Buffer
  readonly #end: number
  readonly #paths = new Set<string>()
  readonly #levels = new Levels()
  #text: string | undefined
  #start: number
  pos: number

  constructor(bytes: Buffer, pos: number, end: number) {
    this.#bytes = bytes
    this.#start = pos
    this.#end = end
    this.pos = pos
  }

  object(path: string, depth: number): boolean {
    if (depth > DEPTH_MAX || !this.#take(OPEN_BRACE)) return false
    do {
      const key = this.#string()
      if (key === undefined || !this.#take(COLON)) return false
      // A dot in a key is none of a path's.
      const name = path + this.#bytes.toString('utf8', key.start, key.end).replaceAll('.', '\0')
      if (this.#paths.has(name) || this.#paths.size === TOKENS_MAX) return false
      this.#paths.add(name)
      if (!this.#value(name, depth)) return false
    } while (this.#take(COMMA))
    return this.#take(CLOSE_BRACE)
  }

  #value(path: string, depth: number): boolean {
    const first = this.#bytes[this.pos]
    if (first === OPEN_BRACE) return this.object(`${path}.`, depth + 1)
    if (first === OPEN_BRACKET) {
      const end = this.#levels.scan(this.#bytes, this.pos)
      return end > 0 && end <= this.#end && this.#found(path, 'levels', end)
    }
    if (first === QUOTE) {
      const value = this.#string()
      return value !== undefined && this.found.push({ path, ...value, kind: 'string' }) > 0
    }
    const number = this.#match(NUMBER)
    if (number > 0) return this.#found(path, 'number', number)
    const word = this.#match(WORD)
    return word > 0 && this.#found(path, 'word', word)
  }

  #found(path: string, kind: Token['kind'], end: number): boolean {
    this.found.push({ path, start: this.pos, end, kind })
    this.pos = end
    return true
  }

  #string(): { start: number; end: number } | undefined {
    if (!this.#take(QUOTE)) return undefined
    const bytes = this.#bytes
    const start = this.pos
    for (let pos = start; pos < this.#end; pos++) {
      const c = bytes[pos] as number
      if (c < 0x20 || c === BACKSLASH) return undefined
      if (c !== QUOTE) continue
      this.pos = pos + 1
      return { start, end: pos }
    }
    return undefined
  }

  #match(pattern: RegExp): number {
    this.#text ??= this.#bytes.toString('latin1', this.#start, this.#end)
    pattern.lastIndex = this.pos - this.#start
    const found = pattern.exec(this.#text)
    return found === null ? -1 : this.pos + found[0].length
  }

  #take(c: number): boolean {
    if (this.pos >= this.#end || this.#bytes[this.pos] !== c) return false
    this.pos += 1
    return true
  }
}
