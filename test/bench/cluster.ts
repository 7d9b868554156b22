// rollout.missing, rollout.duplicates, heal.seconds: what `npm run e2e` measured last in its cluster, the worst of each.
import { readFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { Missing } from './missing.ts'
import type { Figure } from './results.ts'

const FILE = resolve(import.meta.dirname, '../../reports/e2e.json')

/** @throws Missing where no run left its figures. */
export function cluster(): Record<string, Figure> {
  try {
    return JSON.parse(readFileSync(FILE, 'utf8')) as Record<string, Figure>
  } catch {
    throw new Missing('the figures of a run in a cluster', 'npm run e2e leaves them')
  }
}
