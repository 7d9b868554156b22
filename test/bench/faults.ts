// faults.detected, faults.p95: what `npm run faults` measured last in its table.
import { figuresOf } from '../faults/table/outcome.ts'
import { readRun } from '../faults/table/page.ts'
import { Missing } from './missing.ts'
import type { Figure } from './results.ts'

/** @throws Missing where there was no run. */
export async function faults(): Promise<Record<string, Figure>> {
  const run = await readRun().catch(() => {
    throw new Missing('a run of the fault table', 'npm run faults leaves it')
  })
  return figuresOf(run.outcomes)
}
