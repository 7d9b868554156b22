// What became of a case from the field: judged from the tests that name it, or from the scope of this version.
// Pure but for reading the index of the cases.

import { readdirSync, readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { EXCHANGES } from '../crds/names.ts'

export interface FieldCase {
  id: string
  kind: string
  title: string
  /** Venues that it cannot be tried without, as its title and the names of its files have them. */
  exchanges: string[]
}

/** One test that names a case. */
export interface Proof {
  name: string
  state: 'passed' | 'failed' | 'skipped'
  /** First line of the error, or why it was skipped. */
  reason: string
}

export interface Verdict {
  result: 'passed' | 'failed' | 'skipped' | 'no test' | 'out of scope'
  reason: string
}

/** Reads the index of the cases: a table with the columns id, kind, case, source. */
export function readIndex(folder: string): FieldCase[] {
  const row = /^\| \[(C\d+)\]\(([^)]+)\/\) \| (\w+) \| (.+?) \| /gm
  const index = readFileSync(resolve(folder, 'README.md'), 'utf8')
  return [...index.matchAll(row)].map(([, id = '', path = '', kind = '', title = '']) => {
    const words = [title, ...readdirSync(resolve(folder, path))].join(' ').toLowerCase()
    return { id, kind, title, exchanges: EXCHANGES.filter((name) => words.includes(name)) }
  })
}

/** The id that the name of a test begins with, at whatever depth of `describe`. */
export function caseOf(testName: string): string | undefined {
  return /\b(C\d{3}): /.exec(testName)?.[1]
}

/** What the tests say of one case; where none names it, why that is. `spoken` are the venues that this version has. */
export function judge(one: FieldCase, proofs: readonly Proof[], spoken: readonly string[]): Verdict {
  for (const result of ['failed', 'skipped'] as const) {
    const found = proofs.find(({ state }) => state === result)
    if (found !== undefined) return { result, reason: `${found.name}: ${found.reason}` }
  }
  if (proofs.length > 0) return { result: 'passed', reason: proofs.map(({ name }) => name).join('; ') }
  const foreign = one.exchanges.filter((name) => !spoken.includes(name))
  if (foreign.length > 0) return { result: 'out of scope', reason: `this version does not speak ${foreign.join(', ')}` }
  return { result: 'no test', reason: `no test's name begins with "${one.id}:"` }
}
