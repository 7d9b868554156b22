// The fields of a declaration: its keys, numbered, and the rule by which an element's tokens are judged.
import assert from 'node:assert'
import { OPEN_BRACKET, ZERO, integerAt } from './bytes.ts'
import { type Expected, type KeyKind, type Keys, isNumber, isScalar, wordsOf } from './kinds.ts'
import { Levels } from './levels.ts'
import type { Token } from './tokens.ts'

/** Verdicts of {@link judge}, and of Frame.read. */
export const MALFORMED = -1
export const OTHER = -2

export interface Field {
  readonly path: string
  readonly kind: KeyKind
  /** Row in `at`: start and end of the value. */
  readonly row: number
  /** Without it the element is another's. */
  readonly needed: boolean
  /** Its number is kept, too. */
  readonly isNumber: boolean
  readonly words: readonly string[]
  /** Place in `at` of which word it is; one beyond the last word where it is absent. -1 where there are no words. */
  readonly word: number
  /** Of a text: what must stand there; undefined is the symbol. */
  readonly expected: Buffer | undefined
  readonly levels: Levels | undefined
}

export class Fields {
  readonly list: readonly Field[]
  /** Length of `at`. */
  readonly length: number
  /** What each field of digits is; NaN where it is absent, or more than a double holds. */
  readonly numbers: Float64Array
  readonly texts: readonly Field[]
  readonly #byPath: ReadonlyMap<string, Field>
  readonly #outer: ReadonlySet<string>
  readonly #without: ReadonlySet<string>

  /**
   * @param without keys whose values make an element another's
   * @param isNeeded whether an element without this key is another's
   */
  constructor(keys: Keys, expected: Expected, without: readonly string[], isNeeded: (path: string) => boolean) {
    const pairs = Object.entries(keys)
    let word = pairs.length * 2
    this.list = pairs.map(([path, kind], i): Field => {
      const words = wordsOf(kind)
      assert(words?.every((w) => /^\w{1,16}$/.test(w)) !== false, `frame: words of ${path} are letters, digits and _`)
      const text = expected[path]
      assert((kind === 'text') === (text !== undefined), `frame: ${path} must be expected and of kind text, or neither`)
      return {
        path,
        kind,
        row: i * 2,
        needed: kind !== 'text' && isNeeded(path),
        isNumber: isNumber(kind),
        words: words ?? [],
        word: words === undefined ? -1 : word++,
        expected: text === undefined || text === '$symbol' ? undefined : Buffer.from(text),
        levels: kind === 'levels' || kind === 'actions' ? new Levels(kind) : undefined,
      }
    })
    this.length = word
    this.numbers = new Float64Array(pairs.length).fill(Number.NaN)
    this.texts = this.list.filter(({ kind }) => kind === 'text')
    this.#byPath = new Map(this.list.map((field) => [field.path, field]))
    this.#outer = new Set(pairs.flatMap(([path]) => outerPaths(path)))
    this.#without = new Set(without)
  }

  of(path: string): Field | undefined {
    return this.#byPath.get(path)
  }

  /** Whether a value under this key makes an element another's. */
  isForeign(path: string): boolean {
    return this.#without.has(path)
  }

  /** Whether an element has such a value. */
  hasForeign(found: readonly Token[]): boolean {
    return found.some((token) => this.#without.has(token.path) && !isNothing(token))
  }

  /** Whether keys are declared inside the object or array at this path. */
  readonly isOpened = (path: string): boolean => this.#outer.has(path)
}

/** Whether a scalar stands there that says that there is no value. */
export function isAbsent(bytes: Buffer, { form, start, end }: Token, { kind, levels }: Field): boolean {
  if (kind === 'text' || levels !== undefined) return false
  if (kind === 'time' && end - start === 1 && bytes[start] === ZERO) return form === 'number' || form === 'string'
  return isNothing({ form, start, end })
}

/** Whether `""` or `null` stands there. */
export function isNothing({ form, start, end }: Omit<Token, 'path'>): boolean {
  return form === 'null' || (form === 'string' && start === end)
}

/** Whether this text stands there, in quotes. */
export function isText(bytes: Buffer, { form, start, end }: Token, text: Buffer): boolean {
  return form === 'string' && bytes.subarray(start, end).equals(text)
}

/**
 * Reads an element by its tokens into `at`: the rule that compiled layouts only repeat faster.
 * @returns 0, or a verdict
 */
export function judge(bytes: Buffer, found: readonly Token[], fields: Fields, symbol: Buffer, at: Int32Array): number {
  for (const { row, word, words } of fields.list) {
    at[row] = -1
    if (word >= 0) at[word] = words.length
    fields.numbers[row / 2] = Number.NaN
  }
  let texts = 0
  for (const token of found) {
    const field = fields.of(token.path)
    if (field?.kind === 'text' && isText(bytes, token, field.expected ?? symbol)) texts += 1
  }
  if (texts < fields.texts.length || fields.hasForeign(found)) return OTHER
  for (const token of found) {
    const field = fields.of(token.path)
    if (field === undefined || field.kind === 'text' || isAbsent(bytes, token, field)) continue
    if (!isOfKind(bytes, token, field)) return MALFORMED
    at[field.row] = token.start
    at[field.row + 1] = token.end
    if (field.isNumber) fields.numbers[field.row / 2] = integerAt(bytes, token.start, token.end)
    if (field.word >= 0) at[field.word] = field.words.indexOf(bytes.toString('latin1', token.start, token.end))
  }
  return fields.list.some(({ row, needed }) => needed && (at[row] as number) < 0) ? OTHER : 0
}

/** Whether the value is of its field's kind. Levels are read on the way. */
export function isOfKind(bytes: Buffer, token: Token, { kind, levels }: Field): boolean {
  const { form, start, end } = token
  if (levels !== undefined) return form === 'nested' && levels.scan(bytes, start) === end
  if (kind === 'list') return form === 'nested' && bytes[start] === OPEN_BRACKET
  return isScalar(kind, form, bytes.toString('latin1', start, end))
}

/** `a.b` of `a.b.c`, and `a`. */
function outerPaths(path: string): string[] {
  const parts = path.split('.')
  return parts.slice(1).map((_, i) => parts.slice(0, i + 1).join('.'))
}
