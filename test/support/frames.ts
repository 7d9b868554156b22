// Frames drawn from a declaration: every key with a value of its kind, in any order, beside keys that nobody declared.
import fc from 'fast-check'
import type { FrameDeclaration } from '../../collector/wire/frame.ts'
import type { KeyKind } from '../../collector/wire/layout.ts'

/** The value of each declared key as its text in the frame, by its path. */
export type Values = Readonly<Record<string, string>>

const decimal = fc.oneof(
  fc.stringMatching(/^(0|[1-9]\d{0,5})(\.\d{1,8})?$/),
  fc.stringMatching(/^-?(0|[1-9]\d{0,9})\.\d{1,12}$/),
)
const time = fc.oneof(
  fc.integer({ min: 1_000_000_000_000, max: 8_999_999_999_999 }),
  fc.integer({ min: 1_000_000_000_000_000, max: 8_999_999_999_999_999 }),
)
const level = fc.tuple(fc.stringMatching(/^(0|[1-9]\d{0,5})(\.\d{1,8})?$/), fc.stringMatching(/^\d{1,6}(\.\d{1,8})?$/))

const KINDS: Record<Exclude<KeyKind, 'text'>, fc.Arbitrary<string>> = {
  digits: fc.oneof(fc.nat().map(String), fc.stringMatching(/^[1-9]\d{0,23}$/)),
  integer: fc.integer({ min: 0, max: 1e15 - 1 }).map(String),
  decimal,
  time: time.map(String),
  boolean: fc.boolean().map(String),
  levels: fc.array(level, { maxLength: 4 }).map((levels) => JSON.stringify(levels)),
}

/** Values for a frame of this declaration. */
export function values({ keys, expect }: FrameDeclaration, symbol: string): fc.Arbitrary<Values> {
  const drawn = Object.entries(keys).map(([path, kind]): [string, fc.Arbitrary<string>] => {
    if (kind !== 'text') return [path, KINDS[kind]]
    return [path, fc.constant(expect[path] === '$symbol' ? symbol : (expect[path] ?? ''))]
  })
  return fc.record(Object.fromEntries(drawn))
}

/** A frame with its keys as they are declared, decimals in quotes and the rest as JSON has it: what a venue sends. */
export function honest({ keys }: FrameDeclaration, values: Values): string {
  const isQuoted = (path: string) => keys[path] === 'text' || keys[path] === 'decimal'
  return print(Object.keys(keys).map((path) => [path, isQuoted(path) ? `"${values[path]}"` : `${values[path]}`]))
}

const extra = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 8 }).map((text) => JSON.stringify(text)),
  fc.stringMatching(/^-?(0|[1-9]\d{0,30})(\.\d{1,8})?$/),
  fc.constantFrom('true', 'false', 'null', '{"a":1}', '[]', '1e5', '{}', '[[["1","2"]]]'),
)
const extras = fc.array(fc.tuple(fc.stringMatching(/^[x-z.]{1,3}$/), extra), { maxLength: 2 })

/** A frame with these values and others beside them, in any order, numbers and ids in quotes or not. */
export function disordered({ keys }: FrameDeclaration, values: Values): fc.Arbitrary<string> {
  const declared = Object.entries(keys).map(([path, kind]) =>
    kind === 'text'
      ? fc.constant(`"${values[path]}"`)
      : kind === 'levels' || kind === 'boolean'
        ? fc.constant(`${values[path]}`)
        : fc.constantFrom(`"${values[path]}"`, `${values[path]}`),
  )
  const texts = fc.tuple(...declared).map((all) => Object.keys(keys).map((path, i): Pair => [path, all[i] as string]))
  return fc.tuple(texts, extras).chain(([pairs, others]) => {
    const all = [...pairs, ...others.map(([key, text]): Pair => [key, text])]
    return fc.shuffledSubarray(all, { minLength: all.length }).map(print)
  })
}

type Pair = readonly [path: string, text: string]

/** Prints pairs of path and text; `k.o` and `k.c` go into one object. */
function print(pairs: readonly Pair[]): string {
  const inner = new Map<string, string[]>()
  const outer: string[] = []
  for (const [path, text] of pairs) {
    const [head = '', key = ''] = /^(\w)\.(\w)$/.exec(path)?.slice(1) ?? []
    if (head === '') {
      outer.push(`"${path}":${text}`)
      continue
    }
    if (!inner.has(head)) outer.push(head)
    inner.set(head, [...(inner.get(head) ?? []), `"${key}":${text}`])
  }
  return `{${outer.map((part) => (inner.has(part) ? `"${part}":{${inner.get(part)?.join(',')}}` : part)).join(',')}}`
}
