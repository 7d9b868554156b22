// Holds the house in order where the linter cannot see: across files, in documents, and in names.
// Each rule says what it protects in ARCHITECTURE.md. A list of exceptions is a ratchet: it only ever gets shorter.

import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { basename, dirname, extname, join, relative, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { EXCHANGES } from '../crds/names.ts'

const root = resolve(import.meta.dirname, '..')

/** What the collector's rooms say of themselves to each other: declarations and types, without I/O. */
const WORDS = [
  'crds',
  'collector/market',
  'collector/wire',
  'collector/status.ts',
  'collector/runtime.ts',
  'collector/exchanges/room.ts',
  'collector/exchanges/track.ts',
  'collector/connection/clock.ts',
  'collector/connection/limits.ts',
  'collector/connection/protocol.ts',
  'collector/sinks/spool.ts',
  'collector/terminal/escape.ts',
]

/**
 * Who may import whom, beside its own room: prefixes of paths. A file belongs to the longest room that it lies in.
 * Rooms that are not listed import what they like, except `test/`.
 */
const MAY_IMPORT: Record<string, readonly string[]> = {
  crds: [],
  'collector/wire': ['crds'],
  'collector/market': WORDS,
  'collector/book': WORDS,
  'collector/quality': [...WORDS, 'collector/book'],
  'collector/exchanges': [...WORDS, 'collector/book'],
  'collector/connection': WORDS,
  'collector/sinks': [...WORDS, 'collector/connection/backoff.ts', 'collector/secrets.ts'],
  collector: ['crds', 'package.json'],
  'operator/kube': [],
  operator: [
    'crds',
    'package.json',
    'collector/metrics.ts',
    'collector/metrics',
    'collector/market/channel.ts',
    'collector/log.ts',
    'collector/heap.ts',
    'collector/terminal',
    'collector/sinks/nats',
  ],
  'operator/plugin': ['crds', 'package.json', 'operator', 'collector'],
  'test/exchange': ['crds'],
}

/** Files that stand outside the import table because they are entries: started by a person, a script or another file. */
const ENTRIES = ['vitest.config.ts', 'hack/run.mjs']

const FORBIDDEN_ENDING = /(?:Manager|Helpers?|Utils?|Handler|Processor|Service|Data|Info|Base|Impl|Common|Misc)$/

/** What follows `from` or `import` where a file of this repository is imported. */
const SPECIFIER = /\b(?:from|import)\s*\(?\s*['"](\.[^'"]+)['"]/g

/** How many suppressions of a lint rule the house still has. Lower it when one goes; a new one needs a new reason. */
const SUPPRESSIONS_MAX = 2

interface Source {
  path: string
  text: string
  isTest: boolean
  /** What it imports of this repository, as paths from the root. */
  imports: string[]
}

const files = list('.')
const sources: Source[] = files.filter((path) => /\.(?:ts|mjs)$/.test(path)).map(read)
const code = sources.filter(({ isTest }) => !isTest)
const documents = files.filter((path) => path.endsWith('.md'))

test('rooms import only what the table allows', () => {
  const wrong = code.flatMap(({ path, imports }) => {
    const room = roomOf(path)
    const allowed = room === undefined ? undefined : [room, ...(MAY_IMPORT[room] ?? [])]
    return imports
      .filter((target) => allowed !== undefined && !allowed.some((prefix) => isWithin(target, prefix)))
      .map((target) => `${path} imports ${target}`)
  })
  expect(wrong).toEqual([])
})

test('nothing but tests imports test/', () => {
  const wrong = code.flatMap(({ path, imports }) =>
    imports
      .filter((target) => isWithin(target, 'test') && !isWithin(path, 'test'))
      .map((target) => `${path} imports ${target}`),
  )
  expect(wrong).toEqual([])
})

test('test/exchange reads the protocol for itself: not even its tests import the collector', () => {
  const wrong = sources.filter(
    ({ path, imports }) => isWithin(path, 'test/exchange') && imports.some((target) => isWithin(target, 'collector')),
  )
  expect(wrong.map(({ path }) => path)).toEqual([])
})

test('no exchange imports another', () => {
  const wrong = sources.flatMap(({ path, imports }) => {
    const own = exchangeOf(path)
    return imports
      .filter((target) => own !== undefined && (exchangeOf(target) ?? own) !== own)
      .map((target) => `${path} imports ${target}`)
  })
  expect(wrong).toEqual([])
})

test('no exchange is named outside its room', () => {
  const named = new RegExp(`(['"\`])(${EXCHANGES.join('|')})\\1`)
  const wrong = code.flatMap(({ path, text }) => {
    if (!/^(?:collector|operator)\//.test(path)) return []
    return text.split('\n').flatMap((line, i) => {
      const name = /^\s*(?:\/?\*|\/\/)/.test(line) ? undefined : named.exec(line)?.[2]
      return name === undefined || exchangeOf(path) === name ? [] : [`${path}:${i + 1} names ${name}`]
    })
  })
  expect(wrong).toEqual([])
})

test('names say what a thing is: none ends in Manager, Helper, Util, Handler, Data, Info …', () => {
  const declared = /^\s*export (?:async )?(?:function\*?|class|interface|type|const|let) (\w+)/gm
  const wrong = code.flatMap(({ path, text }) => {
    // A venue's own words (`exchangeInfo`) stand in its room as the venue writes them.
    if (exchangeOf(path) !== undefined) return []
    const names = [...text.matchAll(declared)].map(([, name]) => name ?? '')
    const file = basename(path, extname(path)).replace(/^./, (letter) => letter.toUpperCase())
    return [...names, file].filter((name) => FORBIDDEN_ENDING.test(name)).map((name) => `${path}: ${name}`)
  })
  expect(wrong).toEqual([])
})

test('a suppressed lint rule says why, and there are not more of them than before', () => {
  const suppressions = sources.flatMap(({ path, text }) =>
    text
      .split('\n')
      .filter((line) => /(?:ox|es)lint-disable|@ts-(?:ignore|expect-error|nocheck)/.test(line))
      .map((line) => `${path}: ${line.trim()}`),
  )
  expect(suppressions.filter((line) => !/ -- \w+/.test(line))).toEqual([])
  expect(suppressions.length, suppressions.join('\n')).toBeLessThanOrEqual(SUPPRESSIONS_MAX)
})

test('nothing is left to do in a comment', () => {
  const mark = new RegExp(`\\b(?:${['FIX' + 'ME', 'TO' + 'DO', 'XX' + 'X', 'HA' + 'CK'].join('|')})\\b`)
  expect(linesWith([...sources.map(({ path }) => path), ...documents], mark)).toEqual([])
})

test('no path of one machine is written down', () => {
  const folders = /(?:^|[\s"'`(=:])\/(?:work|root|tmp|home\/\w+|Users\/\w+)(?:\/|\b)/
  const texts = files.filter((path) => /\.(?:ts|mjs|md|json|ya?ml|sh|py|toml)$|^\.ci\/run$/.test(path))
  expect(linesWith(texts, folders)).toEqual([])
})

test('each file is used: imported by another that is no test, or started by name', () => {
  const imported = new Set(code.flatMap(({ imports }) => imports))
  const started = [read('package.json'), ...sources].map(({ text }) => text.replaceAll(SPECIFIER, '')).join('\n')
  const unused = code.filter(({ path }) => {
    if (imported.has(path) || ENTRIES.includes(path) || isWithin(path, 'examples')) return false
    if (isWithin(path, 'test') && sources.some(({ imports }) => imports.includes(path))) return false
    return !new RegExp(`['" /]${basename(path).replaceAll('.', '\\.')}['" ]`).test(started)
  })
  expect(unused.map(({ path }) => path)).toEqual([])
})

test('links in documents lead somewhere', () => {
  const wrong = documents.flatMap((path) =>
    [...read(path).text.matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, link]) => (link ?? '').replace(/#.*/, ''))
      .filter((link) => link !== '' && !/^[a-z]+:/.test(link))
      .filter((link) => !existsSync(resolve(root, dirname(path), decodeURI(link))))
      .map((link) => `${path}: ${link}`),
  )
  expect(wrong).toEqual([])
})

/** All files of the repository below a folder, as paths from the root; installed and generated ones left out. */
function list(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (['node_modules', '.git', 'reports', 'coverage', 'data'].includes(entry.name)) return []
    return entry.isDirectory() ? list(path) : [path]
  })
}

function read(path: string): Source {
  const text = readFileSync(join(root, path), 'utf8')
  const specifiers = [...text.matchAll(SPECIFIER)].map(([, to]) => to ?? '')
  const imports = specifiers.map((to) => relative(root, resolve(root, dirname(path), to)))
  return { path, text, imports, isTest: /\.(?:test|e2e)\.ts$/.test(path) }
}

function linesWith(paths: string[], pattern: RegExp): string[] {
  return paths.flatMap((path) =>
    read(path)
      .text.split('\n')
      .flatMap((line, i) => (pattern.test(line) ? [`${path}:${i + 1} ${line.trim()}`] : [])),
  )
}

function isWithin(path: string, prefix: string): boolean {
  return path === prefix || path.startsWith(`${prefix}/`)
}

function roomOf(path: string): string | undefined {
  const rooms = Object.keys(MAY_IMPORT).filter((room) => isWithin(path, room))
  return rooms.toSorted((a, b) => b.length - a.length)[0]
}

/** The exchange whose room a file lies in. */
function exchangeOf(path: string): string | undefined {
  return EXCHANGES.find(
    (name) => path.startsWith(`collector/exchanges/${name}/`) || path.startsWith(`test/exchange/${name}/`),
  )
}
