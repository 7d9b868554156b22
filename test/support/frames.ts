// Frames drawn from a declaration: every key with a value of its kind, in any order, beside keys that nobody declared.
import fc from 'fast-check'
import type { FrameDeclaration } from '../../collector/wire/frame.ts'
import type { KeyKind } from '../../collector/wire/kinds.ts'

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
const price = fc.stringMatching(/^(0|[1-9]\d{0,5})(\.\d{1,8})?$/)
const level = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(price, fc.stringMatching(/^\d{1,6}(\.\d{1,8})?$/)) },
  fc.tuple(price, price, fc.constantFrom('0', ''), fc.stringMatching(/^\d{1,3}$/)),
)
const action = fc
  .tuple(fc.constantFrom('new', 'change', 'delete'), price, price)
  .map(([word, at, size]) => `["${word}",${at},${word === 'delete' ? '0.0' : size}]`)

const KINDS: Record<Exclude<KeyKind & string, 'text'>, fc.Arbitrary<string>> = {
  digits: fc.oneof(fc.nat().map(String), fc.stringMatching(/^[1-9]\d{0,23}$/)),
  integer: fc.integer({ min: 0, max: 1e15 - 1 }).map(String),
  signed: fc.integer({ min: -(1e15 - 1), max: 1e15 - 1 }).map(String),
  decimal,
  time: time.map(String),
  token: fc.stringMatching(/^[\w.-]{1,64}$/),
  name: fc.stringMatching(/^[\w-]{1,20}币?$/),
  boolean: fc.boolean().map(String),
  list: fc.array(fc.oneof(fc.nat(), fc.record({ a: fc.nat(), b: price }))).map((all) => JSON.stringify(all)),
  levels: fc.array(level, { maxLength: 4 }).map((levels) => JSON.stringify(levels)),
  actions: fc.array(action, { maxLength: 4 }).map((actions) => `[${actions.join(',')}]`),
}

/** Values for a frame of this declaration. */
export function values({ keys, expect }: FrameDeclaration, symbol: string): fc.Arbitrary<Values> {
  const drawn = Object.entries(keys).map(([path, kind]): [string, fc.Arbitrary<string>] => {
    if (typeof kind === 'object') return [path, fc.constantFrom(...kind.words)]
    if (kind !== 'text') return [path, KINDS[kind]]
    return [path, fc.constant(expect[path] === '$symbol' ? symbol : (expect[path] ?? ''))]
  })
  return fc.record(Object.fromEntries(drawn))
}

/** How a value of a kind may stand: in quotes, without, or both. */
function quoting(kind: KeyKind): 'always' | 'never' | 'either' {
  if (typeof kind === 'object' || kind === 'text' || kind === 'token' || kind === 'name') return 'always'
  return ['boolean', 'list', 'levels', 'actions'].includes(kind) ? 'never' : 'either'
}

/** A frame with its keys as they are declared, decimals in quotes and the rest as JSON has it: what a venue sends. */
export function honest({ keys }: FrameDeclaration, values: Values): string {
  const isQuoted = (kind: KeyKind) => quoting(kind) === 'always' || kind === 'decimal'
  return print(
    Object.entries(keys).map(([path, kind]) => [path, isQuoted(kind) ? `"${values[path]}"` : `${values[path]}`]),
  )
}

const extra = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 8 }).map((text) => JSON.stringify(text)),
  fc.stringMatching(/^-?(0|[1-9]\d{0,30})(\.\d{1,8})?$/),
  fc.constantFrom('true', 'false', 'null', '{"a":1}', '[]', '1e5', '{}', '[[["1","2"]]]', '-4.7E-7', '{"é":[{},null]}'),
  fc.jsonValue({ maxDepth: 3 }).map((value) => JSON.stringify(value)),
)
const extras = fc.array(fc.tuple(fc.stringMatching(/^[x-z.]{1,3}$/), extra), { maxLength: 2 })

/**
 * A frame with these values and others beside them, in any order, numbers and ids in quotes or not.
 * @param absent paths of which some stand there as `""` or `null`, which is to be absent
 */
export function disordered(
  { keys }: FrameDeclaration,
  values: Values,
  absent: readonly string[] = [],
): fc.Arbitrary<string> {
  const declared = Object.entries(keys).map(([path, kind]) => {
    const [bare, quoted] = [`${values[path]}`, `"${values[path]}"`]
    const forms = { always: [quoted], never: [bare], either: [quoted, bare] }[quoting(kind)]
    return fc.constantFrom(...forms, ...(absent.includes(path) ? ['""', 'null'] : []))
  })
  const texts = fc.tuple(...declared).map((all) => Object.keys(keys).map((path, i): Pair => [path, all[i] as string]))
  return fc.tuple(texts, extras).chain(([pairs, others]) => {
    // The cells of a row have their places; what stands behind them has none.
    if (isRow(pairs)) return fc.constant(print([...pairs, ...others.map(([, text]): Pair => [`${Infinity}`, text])]))
    const all = [...pairs, ...others.map(([key, text]): Pair => [key, text])]
    return fc.shuffledSubarray(all, { minLength: all.length }).map(print)
  })
}

type Pair = readonly [path: string, text: string]

function isRow(pairs: readonly Pair[]): boolean {
  return pairs.some(([path]) => path === '0')
}

/** Prints pairs of path and text: `k.o` and `k.c` go into one object, `0` and what follows it into a row. */
function print(pairs: readonly Pair[]): string {
  if (isRow(pairs)) return `[${row(pairs).join(',')}]`
  const inner = new Map<string, Pair[]>()
  const outer: string[] = []
  for (const [path, text] of pairs) {
    const [head = '', key = ''] = /^(\w+)\.([\w.]+)$/.exec(path)?.slice(1) ?? []
    if (head === '') {
      outer.push(`"${path}":${text}`)
      continue
    }
    if (!inner.has(head)) outer.push(head)
    inner.set(head, [...(inner.get(head) ?? []), [key, text]])
  }
  return `{${outer.map((part) => (inner.has(part) ? `"${part}":${print(inner.get(part) ?? [])}` : part)).join(',')}}`
}

/** Cells by their places, with something between where a place has none. */
function row(pairs: readonly Pair[]): string[] {
  const places = pairs.filter(([path]) => path !== 'Infinity')
  const cells = new Map(places)
  const length = Math.max(...places.map(([path]) => Number(path))) + 1
  const all = Array.from({ length }, (_, i) => cells.get(String(i)) ?? 'null')
  return [...all, ...pairs.filter(([path]) => path === 'Infinity').map(([, text]) => text)]
}
