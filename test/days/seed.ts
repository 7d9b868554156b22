// One seed of one exchange: played and judged.
import { type Seen, checkDay } from './check.ts'
import { EXCHANGES, type DayOptions, playDay } from './day.ts'

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
    return { seed, exchange, wrong: [`it broke off: ${what}`], seen: NOTHING, log: [] }
  }
}

const NOTHING: Seen = { messages: 0, books: 0, trades: 0, filled: 0, gaps: 0, pushed: 0, polled: 0, announced: 0 }

/** The command that plays exactly this again. */
export function replayOf({ seed, exchange }: Pick<Judged, 'seed' | 'exchange'>, minutes = 10): string {
  return `npm run days -- --seed ${seed} --exchange ${exchange}${minutes === 10 ? '' : ` --minutes ${minutes}`}`
}
