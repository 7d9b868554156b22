import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, it } from 'vitest'
import { FINDINGS, PROOFS } from '../quality/audit/report.ts'

const page = readFileSync(join(import.meta.dirname, '../../docs/audit.md'), 'utf8')

it('explains every finding and every continuity on its page, and no others', () => {
  const rows = [...page.matchAll(/^\| `(\w+)` \| (.*?) \|/gm)].map(([, name = '', text]) => [name, text])
  expect(rows.slice(0, Object.keys(PROOFS).length).map(([name]) => name)).toEqual(Object.keys(PROOFS))
  expect(Object.fromEntries(rows.slice(Object.keys(PROOFS).length))).toEqual(FINDINGS)
})
