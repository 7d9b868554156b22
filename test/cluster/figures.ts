// Figures that the end-to-end tests measure: printed as they come, and the worst of each kept in reports/e2e.json.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'

const FILE = resolve(import.meta.dirname, '../../reports/e2e.json')

type Detail = Readonly<Record<string, string | number>>

/** Says a figure; of several of one name the highest counts, since all of them are limits. */
export function figure(id: string, value: number, detail: Detail): void {
  console.log(`figure ${id} = ${value}  ${JSON.stringify(detail)}`)
  const known = read()
  const old = known[id]
  if (old !== undefined && old.value > value) return
  mkdirSync(join(FILE, '..'), { recursive: true })
  writeFileSync(FILE, `${JSON.stringify({ ...known, [id]: { value, detail } }, null, 2)}\n`)
}

function read(): Record<string, { value: number; detail: Detail }> {
  try {
    return JSON.parse(readFileSync(FILE, 'utf8')) as ReturnType<typeof read>
  } catch {
    return {}
  }
}
