// proof.panels: the share of the queries of all panels that show data, asked of a real Prometheus that scrapes a running
// collector and a running operator; with the variables of the dashboards at All and at one value.
import { tool, ToolMissing } from '../../hack/tools.ts'
import { CHOICES, DASHBOARD_NAMES, emptyPanels, openWatched, queriesIn, type Watched } from '../e2e/watched.ts'
import { startControlPlane } from '../kubernetes/controlplane.ts'
import { Missing } from './missing.ts'
import type { Figure } from './results.ts'
import { setTimeout as pause } from 'node:timers/promises'

/** For so long a panel may be empty after the start: nothing has happened yet. */
const PATIENCE_MS = 60_000
const AGAIN_MS = 1_000

export async function panels(): Promise<Record<string, Figure>> {
  await tool('prometheus').catch((cause: unknown) => {
    if (cause instanceof ToolMissing) throw new Missing(cause.message, 'put prometheus on the PATH, or install Go')
    throw cause
  })
  await using plane = await startControlPlane()
  await using watched = await openWatched(plane)
  const queries = DASHBOARD_NAMES.reduce((sum, name) => sum + queriesIn(watched, name), 0)
  const choices = Object.values(CHOICES)
  let empty = 0
  for (const name of DASHBOARD_NAMES) for (const values of choices) empty += await emptyAtLast(watched, name, values)
  const all = queries * choices.length
  const detail = { dashboards: DASHBOARD_NAMES.length, queries, asked: all, empty }
  return { 'proof.panels': { value: (100 * (all - empty)) / all, detail } }
}

async function emptyAtLast(watched: Watched, ...of: Tail<Parameters<typeof emptyPanels>>): Promise<number> {
  for (const end = performance.now() + PATIENCE_MS; ; await pause(AGAIN_MS)) {
    const { length } = await emptyPanels(watched, ...of)
    if (length === 0 || performance.now() > end) return length
  }
}

type Tail<T> = T extends [unknown, ...infer Rest] ? Rest : never
