// The text of a manifest, YAML or JSON (which YAML contains), read as one value whose parts know where they stand.
//
// In: text of any origin. Out: a value, or the faults that kept it from being read. Always: bounded before anything is
// built, in size, depth, anchors and tokens, since the parser's own costs grow with the square of some of them.
// Never: throws for what the text holds; runs a tag; follows more than ALIASES_MAX repetitions.
import { Composer, CST, isAlias, isMap, isScalar, isSeq, Lexer, LineCounter, Parser, visit } from 'yaml'
import type { Document, Node, Pair } from 'yaml'
import type { Path } from './schema.ts'
import { escaped, quoted } from './sentence.ts'

export const BYTES_MAX = 1024 * 1024
const DEPTH_MAX = 64
const TOKENS_MAX = 100_000
const ANCHORS_MAX = 100
const ALIASES_MAX = 100
const ERRORS_MAX = 20

/** A place in the text; both count from 1. */
export interface Place {
  readonly line: number
  readonly column: number
}

export interface SyntaxFault extends Place {
  /** One sentence, harmless for a terminal. */
  readonly says: string
}

export interface Manifest {
  /** undefined when there are faults. */
  readonly value: unknown
  readonly faults: readonly SyntaxFault[]
  /** Where the value at this path stands, or what holds it where there is none. */
  placeOf(path: Path): Place
  /** The characters of a number, `true`, `false` or `null` as the text has them. */
  sourceOf(path: Path): string | undefined
}

/** Reads the text of a manifest. */
export function parseManifest(text: string): Manifest {
  const lines = new LineCounter()
  lines.addNewLine(0)
  const place = (offset: number): Place => {
    const { line, col } = lines.linePos(offset)
    return { line: Math.max(1, line), column: Math.max(1, col) }
  }
  const refused = (offset: number, says: string): Manifest => ({
    value: undefined,
    faults: [{ ...place(offset), says }],
    placeOf: () => place(0),
    sourceOf: () => undefined,
  })
  if (Buffer.byteLength(text) > BYTES_MAX) return refused(0, 'the file is larger than 1 MiB; no Collector needs that.')
  const control = text.search(/[\0-\x08\x0b\x0c\x0e-\x1f\x7f]/)
  if (control >= 0) {
    for (let at = text.indexOf('\n'); at >= 0 && at < control; at = text.indexOf('\n', at + 1)) lines.addNewLine(at + 1)
    return refused(control, `a control character, ${escaped(text[control] ?? '')}, stands here; remove it.`)
  }
  try {
    return read(text, lines, place, refused)
  } catch (error) {
    if (error instanceof TooMuch) return refused(error.offset, error.message)
    throw error
  }
}

function read(
  text: string,
  lines: LineCounter,
  place: (offset: number) => Place,
  refused: (offset: number, says: string) => Manifest,
): Manifest {
  const composer = new Composer({
    version: '1.2',
    merge: true,
    uniqueKeys: false,
    prettyErrors: false,
    logLevel: 'error',
  })
  let document: Document.Parsed | undefined
  for (const each of composer.compose(tokens(text, lines), true, text.length)) {
    if (isBlank(each)) continue
    if (document !== undefined) {
      return refused(each.range[0], 'a second document begins here; write each Collector to a file of its own.')
    }
    document = each
  }
  if (document === undefined) return refused(0, 'the file is empty; write a Collector, see examples/collector.yaml.')
  const found = document
  const errors = [...found.errors, ...found.warnings].map(({ pos, message }) => ({ at: pos[0], says: `${message}.` }))
  const troubles = [...errors, ...repeatedKeys(found)].slice(0, ERRORS_MAX)
  if (troubles.length > 0) {
    const faults = troubles.map(({ at, says }) => ({ ...place(at), says: escaped(says.slice(0, 200)) }))
    return { ...refused(0, ''), faults }
  }
  let value: unknown
  try {
    value = found.toJS({ maxAliasCount: ALIASES_MAX })
  } catch (error) {
    // ReferenceError: aliases that repeat more than ALIASES_MAX, or name no anchor.
    return refused(
      0,
      `aliases: ${escaped(error instanceof Error ? error.message : String(error))}; write the values out.`,
    )
  }
  return {
    value,
    faults: [],
    placeOf: (path) => place(offsetOf(found, path)),
    sourceOf: (path) => {
      const node = nodeAt(found, path).node
      return isScalar(node) && typeof node.value !== 'string' ? (node.source ?? undefined) : undefined
    },
  }
}

class TooMuch extends Error {
  readonly offset: number
  constructor(offset: number, says: string) {
    super(says)
    this.offset = offset
  }
}

/** The tokens of the text, as long as it stays within the bounds. */
function* tokens(text: string, lines: LineCounter): Generator<CST.Token, void> {
  const parser = new Parser(lines.addNewLine)
  const counts = { token: 0, anchor: 0 }
  for (const lexeme of new Lexer().lex(text)) {
    const type = CST.tokenType(lexeme)
    counts.token += 1
    if (type === 'anchor') counts.anchor += 1
    if (counts.token > TOKENS_MAX) throw new TooMuch(parser.offset, `more than ${TOKENS_MAX} tokens; write less.`)
    if (counts.anchor > ANCHORS_MAX) throw new TooMuch(parser.offset, `more than ${ANCHORS_MAX} anchors; write fewer.`)
    yield* parser.next(lexeme)
    if (parser.stack.length > DEPTH_MAX) throw new TooMuch(parser.offset, `nested deeper than ${DEPTH_MAX}; unfold it.`)
  }
  yield* parser.end()
}

/** Nothing but comments between two `---`. */
function isBlank({ contents, errors }: Document.Parsed): boolean {
  return errors.length === 0 && (contents === null || (isScalar(contents) && contents.source === ''))
}

/** Keys that stand twice in a map. The parser's own check compares each key with each other. */
function repeatedKeys(document: Document.Parsed): { at: number; says: string }[] {
  const repeated: { at: number; says: string }[] = []
  visit(document, {
    Map(_, map) {
      const seen = new Set<string>()
      for (const { key } of map.items) {
        if (!isScalar(key)) continue
        const name = String(key.value)
        if (seen.has(name))
          repeated.push({ at: key.range?.[0] ?? 0, says: `${quoted(name)} stands here twice; write it once.` })
        seen.add(name)
      }
    },
  })
  return repeated
}

interface Found {
  /** The node at the path, or undefined where there is none. */
  readonly node: unknown
  /** The nearest node that stands in the text: the value, its key, or what holds it. */
  readonly nearest: Node
}

function nodeAt(document: Document.Parsed, path: Path): Found {
  let node: unknown = document.contents
  let nearest = document.contents as Node
  for (const part of path) {
    if (isAlias(node)) node = node.resolve(document)
    if (isSeq(node)) node = node.items[Number(part)]
    else if (isMap(node)) {
      const pair: Pair | undefined = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(part))
      if (pair !== undefined) nearest = pair.key as Node
      node = pair?.value
    } else node = undefined
    if (isScalar(node) && node.source !== '') nearest = node
    else if (typeof part === 'number' && node !== undefined) nearest = node as Node
  }
  return { node, nearest }
}

function offsetOf(document: Document.Parsed, path: Path): number {
  return nodeAt(document, path).nearest.range?.[0] ?? 0
}
