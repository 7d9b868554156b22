import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { spawnSync } from 'node:child_process'
import fc from 'fast-check'
import { afterAll, expect, test } from 'vitest'
import { nodeAt } from '../crds/crd.ts'
import { DATA_TYPES, MARKETS } from '../crds/names.ts'
import { SPOKEN } from '../crds/support.ts'
import { ROOMS } from './exchanges/registry.ts'
import { findingText, readManifest, validateCommand } from './validate.ts'

/** Characters that a terminal, a parser or a naive check trips over. */
const HOSTILE = Array.from('a1 -:#*&!|>%@`"\\\'{}[],?\0\t\n\r\u001b\u0085\u202e\u2028\ufeffé😀').concat('\ud800')

const root = join(import.meta.dirname, '..')
const folder = mkdtempSync(join(tmpdir(), 'validate-'))
afterAll(() => rmSync(folder, { recursive: true }))

const GOOD = `apiVersion: marketprism.io/v1alpha1
kind: Collector
metadata: {name: majors}
spec:
  feeds: [{exchange: binance, market: spot, symbols: [BTC-USDT], types: [trade]}]
  sink: {stdout: {}}
`

function validate(...files: string[]): { code: number; out: string } {
  let out = ''
  const code = validateCommand(files, { stdout: { write: (text: string) => (out += text) } })
  return { code, out: out.replaceAll(`${folder}/`, '').replaceAll(`${root}/`, '') }
}

function saved(name: string, content: string | Uint8Array): string {
  writeFileSync(join(folder, name), content)
  return join(folder, name)
}

function says(text: string): string[] {
  return readManifest(text, 'f').faults.map(findingText)
}

test('every fault of a manifest is said at once, in the order of the file, with what to write', async () => {
  const text = readFileSync(join(import.meta.dirname, 'validate.golden.yaml'), 'utf8')
  const faults = readManifest(text, 'wrong.yaml').faults
  for (const field of Object.keys(nodeAt(['spec'])?.properties ?? {})) {
    expect(
      faults.some(({ path }) => path.startsWith(`spec.${field}`)),
      field,
    ).toBe(true)
  }
  await expect(`${faults.map(findingText).join('\n')}\n`).toMatchFileSnapshot('validate.golden.txt')
})

test.each(['collector.yaml', 'laptop.yaml'])('examples/%s is good, and this version acts on all of it', (name) => {
  expect(validate(join(root, 'examples', name))).toEqual({
    code: 0,
    out: `examples/${name}: ok: Collector '${name === 'collector.yaml' ? 'majors' : 'laptop'}'\n`,
  })
})

test('JSON is read as YAML is', () => {
  const { collector, faults } = readManifest(JSON.stringify(JSON.parse(asJson()), undefined, '\t'), 'f.json')
  expect(faults).toEqual([])
  expect(collector).toEqual(readManifest(GOOD, 'f').collector)
})

test('notes stand with their place before the ok line', () => {
  const file = saved('notes.yaml', GOOD.replace('exchange: binance', 'exchange: bybit') + '  shards: 2\n')
  expect(validate(file)).toEqual({
    code: 0,
    out: [
      "notes.yaml:5:22: spec.feeds[0].exchange: note: 'bybit' is not yet spoken by this version; it speaks 'binance', 'okx' or 'deribit'.",
      'notes.yaml:7:11: spec.shards: note: is used by the operator only; `marketprism run` does not act on it.',
      "notes.yaml: ok: Collector 'majors'\n",
    ].join('\n'),
  })
})

test('the exit code is that of the worst file, and the others are still checked', () => {
  const good = saved('good.yaml', GOOD)
  const bad = saved('bad.yaml', GOOD.replace('trade', 'trades'))
  expect(validate(good, bad, good)).toEqual({
    code: 1,
    out: [
      "good.yaml: ok: Collector 'majors'",
      "bad.yaml:5:74: spec.feeds[0].types[0]: 'trades' is not a data type; write 'trade'.",
      "good.yaml: ok: Collector 'majors'\n",
    ].join('\n'),
  })
  expect(validate(good, join(folder, 'none.yaml')).code).toBe(2)
  expect(validate(folder).out).toContain('cannot be read (EISDIR)')
  expect(validate()).toEqual({
    code: 2,
    out: 'validate: no file named; write marketprism validate -f collector.yaml.\n',
  })
})

test('a dash is standard input', () => {
  const program = `import { validateCommand } from ${JSON.stringify(join(import.meta.dirname, 'validate.ts'))}
    process.exitCode = validateCommand(['-'], process)`
  const { status, stdout } = spawnSync(process.execPath, ['--input-type=module-typescript', '-e', program], {
    input: GOOD,
    encoding: 'utf8',
  })
  expect({ status, stdout }).toEqual({ status: 0, stdout: "stdin: ok: Collector 'majors'\n" })
})

test('what is not UTF-8, too large, or no text at all is refused before it is read further', () => {
  expect(validate(saved('latin1.yaml', Buffer.from('a: \xe9', 'latin1'))).out).toContain('not UTF-8')
  expect(validate(saved('large.yaml', Buffer.alloc(3 * 1024 * 1024, 0x20))).out).toContain('larger than 1 MiB')
  expect(says('a: 1\nb: "x\0y"')).toEqual(['f:2:6: a control character, \\u{0}, stands here; remove it.'])
  expect(says('')).toEqual(['f:1:1: the file is empty; write a Collector, see examples/collector.yaml.'])
  expect(says('# nothing')).toHaveLength(1)
})

test('a number is shown as it was written, not as it was read', () => {
  expect(says(`${GOOD}  image: 1.10\n`)).toEqual(["f:7:10: spec.image: 1.10 is not text; write it in quotes: '1.10'."])
})

test('a second document is refused where it begins', () => {
  expect(says(`${GOOD}---\n${GOOD}`)).toEqual([
    'f:7:1: a second document begins here; write each Collector to a file of its own.',
  ])
  expect(says(`---\n---\n${GOOD}---\n# nothing\n`)).toEqual([])
})

test('a key that stands twice is a fault, also in JSON', () => {
  expect(says(`${GOOD}  paused: true\n  paused: false\n`)).toEqual([
    "f:8:3: 'paused' stands here twice; write it once.",
  ])
  expect(says('{"kind": 1, "kind": 2}')).toEqual(["f:1:13: 'kind' stands here twice; write it once."])
})

test('anchors may repeat a value, and faults in it are shown where it stands', () => {
  const shared = GOOD.replace('symbols: [BTC-USDT]', 'symbols: *s').replace('majors}', 'majors, labels: {a: &l b}}')
  expect(says(`x: &s [BTC-USDT]\n${shared}`)).toEqual([
    "f:1:1: x: is not a field here; write 'apiVersion', 'kind', 'metadata', 'spec' or 'status'.",
  ])
})

// Each of these makes a parser without bounds slow, deep or large; here each must be refused, and soon.
test.each<[string, string, string]>([
  ['100,000 open brackets', '['.repeat(100_000), 'nested deeper than 64'],
  ['100,000 dashes', `${'- '.repeat(100_000)}a`, 'nested deeper than 64'],
  ['50,000 maps', '{a: '.repeat(50_000), 'nested deeper than 64'],
  ['100,000 question marks', '? '.repeat(100_000), 'nested deeper than 64'],
  ['60,000 keys', Array.from({ length: 60_000 }, (_, i) => `k${i}: ${i}`).join('\n'), 'more than 100000 tokens'],
  ['100,000 anchors', '&a '.repeat(100_000), 'more than 100 anchors'],
  ['a bomb of aliases', bomb(), 'aliases: Excessive alias count'],
  ['50,000 documents', '---\na: 1\n'.repeat(50_000), 'a second document begins here'],
  ['a tag of another language', 'a: !!js/function x', 'Unresolved tag'],
  ['an anchor that holds itself', '&a [*a]', 'is a list; write a map'],
  ['__proto__', `${GOOD}  __proto__: {shards: 1}`, 'spec.__proto__: is not a field here; leave it out.'],
  ['constructor', `${GOOD}constructor: {prototype: 1}`, 'constructor: is not a field here'],
  ['keys that are maps', `${GOOD}  ? {a: 1}\n  : 2`, 'is not a field here'],
  ['a key that clears the screen', `${GOOD}  "\\e[2J": 1`, "spec['\\u{1b}[2J']: is not a field here"],
  ['text that turns round', `${GOOD}  image: "a\\u202eb"`, "'a\\u{202e}b' is not the name of an image"],
])('%s cannot do harm', (_, text, expected) => {
  const found = says(text)
  expect(found.join('\n')).toContain(expected)
  expect(found.join('')).not.toMatch(/[\p{Cc}\p{Cf}]/u)
})

test('whatever the text, reading it throws nothing', () => {
  const piece = fc.constantFrom(
    '{',
    '}',
    '[',
    ']',
    '- ',
    '? ',
    ': ',
    '\n',
    ' ',
    '&a ',
    '*a',
    '!t ',
    '"',
    "'",
    '|\n',
    '#',
    '%',
    '---\n',
    'spec',
    '<<',
  )
  const text = fc.oneof(
    fc.string({ unit: fc.constantFrom(...HOSTILE) }),
    fc.array(fc.oneof(piece, fc.string())).map((parts) => parts.join('')),
  )
  fc.assert(fc.property(text, (each) => readManifest(each, 'f').collector === undefined))
})

test('the notes call spoken what the rooms of the exchanges speak', () => {
  const sorted = (values: readonly string[]): string[] => [...new Set(values)].toSorted()
  expect(sorted(SPOKEN)).toEqual(sorted(ROOMS.map((room) => room.exchange)))
  expect(sorted(MARKETS)).toEqual(sorted(ROOMS.map((room) => room.market)))
  expect(sorted(DATA_TYPES)).toEqual(sorted(ROOMS.flatMap((room) => Object.keys(room.types))))
})

function bomb(): string {
  const names = Array.from('bcdefghij')
  const lines = names.map((name, i) => `${name}: &${name} [${Array(10).fill(`*${'abcdefghij'[i]}`).join(',')}]`)
  return ['a: &a [x,x,x,x,x,x,x,x,x,x]', ...lines].join('\n')
}

function asJson(): string {
  return `{"apiVersion": "marketprism.io/v1alpha1", "kind": "Collector", "metadata": {"name": "majors"}, "spec": {
    "feeds": [{"exchange": "binance", "market": "spot", "symbols": ["BTC-USDT"], "types": ["trade"]}], "sink": {"stdout": {}}}}`
}
