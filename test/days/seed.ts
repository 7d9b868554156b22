// One seed of one exchange: played and judged.
import { type Seen, checkDay, nothingSeen } from './check.ts'
import { type DayOptions, type EXCHANGES, playDay } from './day.ts'

export interface Judged {
  readonly seed: number
  readonly exchange: (typeof EXCHANGES)[number]
  readonly wrong: readonly string[]
  readonly seen: Seen
}

export async function judge(options: DayOptions): Promise<Judged & { readonly log: readonly string[] }> {
  const { seed, exchange } = options
  try {
    const day = await playDay(options)
    return { seed, exchange, ...checkDay(day), log: day.log }
  } catch (error) {
    const what = error instanceof Error ? (error.stack ?? error.message) : String(error)
    return { seed, exchange, wrong: [`it broke off: ${what}`], seen: nothingSeen(), log: [] }
  }
}

/** The command that plays exactly this again. */
export function replayOf({ seed, exchange }: Pick<Judged, 'seed' | 'exchange'>, minutes = 10): string {
  return `npm run days -- --seed ${seed} --exchange ${exchange}${minutes === 10 ? '' : ` --minutes ${minutes}`}`
}
