// noise.*: whether the alerts are right, over simulated months of seeds that no threshold was chosen by. Quick: two days.
import { tool, ToolMissing } from '../../hack/tools.ts'
import { figuresOf } from '../noise/figures.ts'
import { REPORTED_ON } from '../noise/page.ts'
import { playSeeds } from '../noise/pool.ts'
import { Missing } from './missing.ts'
import type { Figure } from './results.ts'
import type { Context } from './suite.ts'

const MONTH = 30

export async function noise({ quick }: Context): Promise<Record<string, Figure>> {
  await Promise.all([tool('prometheus'), tool('promtool')]).catch((cause: unknown) => {
    if (cause instanceof ToolMissing) throw new Missing(cause.message, 'put both on the PATH, or install Go')
    throw cause
  })
  const seeds = Array.from({ length: REPORTED_ON.to - REPORTED_ON.from + 1 }, (_, i) => REPORTED_ON.from + i)
  return figuresOf(await playSeeds(quick ? { seeds: seeds.slice(0, 1), days: 2 } : { seeds, days: MONTH }))
}
