// A layout is the order in which a venue writes the keys of an element, learned from an element and compiled.
//
// Venues write the same bytes around the values again and again: `,"p":"` … `","q":"`. A compiled layout compares those
// bytes and notes where the values between them begin and end, each read by its kind, so what matches is known to be
// whole. Another order of keys, a new key, white space: no match, and the element is read by its tokens (tokens.ts).
// Measured on a trade of 204 bytes (Node 26.10): JSON.parse 1,140 ns, compiled 85 ns, ids and times as numbers included;
// the same comparison as a loop over tables is more than twice as slow. Only numbers go into the source: bytes of keys,
// offsets. Where a runtime forbids compiling (--disallow-code-generation-from-strings) all elements are read by their
// tokens.
import { provenInteger } from './bytes.ts'
import {
  type Cell,
  type Seen,
  absentCode,
  constantCode,
  listCode,
  nestedCode,
  undeclaredCode,
  valueCode,
} from './code.ts'
import { type Field, type Fields, isAbsent, isNothing, isOfKind, isText } from './fields.ts'
import type { Levels } from './levels.ts'
import { skipValue } from './plain.ts'
import { type Token, type Tokens, tokens } from './tokens.ts'

/**
 * Reads the element at `pos` into `at`; returns the place behind it; -1 where it does not fit; below that `~place` of an
 * element that fits and is another's, since its symbol is another or a needed key is absent.
 * `view` is that of the memory in which `bytes` lie; `symbol` are the bytes of the venue's symbol.
 */
export type Match = (bytes: Buffer, view: DataView, pos: number, at: Int32Array, symbol: Buffer) => number

/** Most bytes between two values that become code: a key of a megabyte shall not. */
const CONSTANT_BYTES_MAX = 256
/** Most values inside those of no interest that become code: lists, whose lengths change, shall not. */
const CELLS_MAX = 32

/** The layout of an element in plain form; undefined where it cannot be compiled, or would not fit the element itself. */
export function compile(bytes: Buffer, pos: number, { found, end }: Tokens, fields: Fields): Match | undefined {
  const layout = new Layout(bytes, pos, fields, found)
  for (const token of found) if (!layout.add(token)) return undefined
  return layout.finish(end)
}

class Layout {
  readonly #bytes: Buffer
  readonly #fields: Fields
  /** Another event's: its other values are none of our business. */
  readonly #isOther: boolean
  readonly #levels: Levels[] = []
  readonly #present = new Set<Field>()
  /** So many more may become code. */
  #cellsLeft = CELLS_MAX
  #code = ''
  /** Where the constant bytes before the next value begin. */
  #from: number

  constructor(bytes: Buffer, pos: number, fields: Fields, found: readonly Token[]) {
    this.#bytes = bytes
    this.#fields = fields
    this.#from = pos
    const has = ({ path, expected }: Field): boolean => {
      const token = found.find((t) => t.path === path)
      return token !== undefined && (expected === undefined || isText(bytes, token, expected))
    }
    this.#isOther = !fields.texts.every(has) || fields.hasForeign(found)
  }

  /** @returns false where the value is one that no layout reads */
  add(token: Token): boolean {
    if (this.#fields.isForeign(token.path)) return this.#foreign(token)
    const field = this.#fields.of(token.path)
    if (field === undefined || (this.#isOther && field.kind !== 'text')) return this.#undeclared(token)
    this.#present.add(field)
    if (field.kind === 'text') return this.#text(token, field)
    if (isAbsent(this.#bytes, token, field) && token.form === 'null') {
      // Its bytes belong to the constant ones.
      this.#code += absentCode(field)
      return true
    }
    if (!isAbsent(this.#bytes, token, field) && !isOfKind(this.#bytes, token, field)) return false
    const isList = field.kind === 'list'
    // Where `""` stands for one, the next may be one.
    if (isList && token.form !== 'nested') return false
    if (!this.#constant(token.start, token.end)) return false
    if (isList) this.#code += listCode(field, this.#cells(token))
    else if (field.levels !== undefined) this.#code += this.#side(field, field.levels)
    else this.#code += valueCode(field, this.#seen(token))
    return true
  }

  finish(end: number): Match | undefined {
    if (!this.#constant(end, end)) return undefined
    const missing = this.#fields.list.filter((field) => !this.#present.has(field) && field.kind !== 'text')
    const code = this.#code + missing.map(absentCode).join('')
    const isOther = this.#isOther ? 1 : 0
    const names = 's=0,c=0,k=0,h=0,q0=0,q1=0,q2=0,q3=0'
    const body = `return function match(b,v,p,at,y){const o=b.byteOffset,n=b.length;let ${names},x=${isOther};${code}return x?~p:p}`
    try {
      // oxlint-disable-next-line typescript/no-implied-eval -- the point of this file; only numbers go into the source
      const make = new Function('l', 'm', 't', 'z', body) as (
        levels: Levels[],
        numbers: Float64Array,
        skip: typeof skipValue,
        integer: typeof provenInteger,
      ) => Match
      return make(this.#levels, this.#fields.numbers, skipValue, provenInteger)
    } catch {
      return undefined
    }
  }

  /** Compares what stands before a value in [start, end). */
  #constant(start: number, end: number): boolean {
    if (start - this.#from > CONSTANT_BYTES_MAX) return false
    this.#code += constantCode(this.#bytes.subarray(this.#from, start))
    this.#from = end
    return true
  }

  #seen({ form, start, end }: Token): Seen {
    const isQuoted = form === 'string'
    return { isQuoted, text: this.#bytes.toString('latin1', start, end), behind: this.#bytes[end] as number }
  }

  #side({ row }: Field, levels: Levels): string {
    this.#levels.push(levels)
    return `s=p;p=l[${this.#levels.length - 1}].scan(b,p);if(p<0)return -1;at[${row}]=s;at[${row + 1}]=p;`
  }

  #text(token: Token, { expected }: Field): boolean {
    if (token.form !== 'string') return false
    // What is expected belongs to the constant bytes.
    if (expected !== undefined && isText(this.#bytes, token, expected)) return true
    if (!this.#constant(token.start, token.end)) return false
    const skip = 's=p;p=t(b,p-1,n)-1;if(p<0)return -1;'
    this.#code +=
      expected === undefined
        ? `{let i=0;while(i<y.length&&b[p+i]===y[i])i++;if(i===y.length&&b[p+i]===34)p+=i;else{${skip}x=1}}`
        : `${skip}if(p-s===${expected.length}&&${[...expected].map((c, i) => `b[s+${i}]===${c}`).join('&&')})return -1;`
    return true
  }

  #foreign(token: Token): boolean {
    // Where there is nothing its bytes belong to the constant ones.
    return isNothing(token) || this.#undeclared(token, 'if(b[p]===110||b[p]===34&&b[p+1]===34)return -1;')
  }

  /** @param check code before the value */
  #undeclared(token: Token, check = ''): boolean {
    const cells = token.form === 'nested' ? this.#cells(token) : undefined
    if (cells !== undefined) {
      if (!this.#constant(token.start, token.end)) return false
      this.#code += check + nestedCode(cells)
      return true
    }
    const quote = token.form === 'string' ? 1 : 0
    if (!this.#constant(token.start - quote, token.end + quote)) return false
    this.#code += check + undeclaredCode(token.form, this.#seen(token), this.#fields.isOpened(token.path))
    return true
  }

  /** What stands in an object or array of no interest; undefined where it shall be stepped over as a whole. */
  #cells({ start, end }: Token): Cell[] | undefined {
    const bytes = this.#bytes
    const inside = tokens(bytes, start, end, () => true)
    if (inside === undefined || inside.found.length > this.#cellsLeft) return undefined
    this.#cellsLeft -= inside.found.length
    let from = start
    const cells = inside.found.map((token): Cell => {
      const quote = token.form === 'string' ? 1 : 0
      const constant = bytes.subarray(from, token.start - quote)
      from = token.end + quote
      return { constant, form: token.form, seen: this.#seen(token) }
    })
    cells.push({ constant: bytes.subarray(from, end) })
    return cells.every(({ constant }) => constant.length <= CONSTANT_BYTES_MAX) ? cells : undefined
  }
}
