// Looks at a Prometheus once a second, and remembers which alerts were active, since when, and when they fired.
import { setTimeout as pause } from 'node:timers/promises'
import type { Seen } from './outcome.ts'
import type { Active, WatchPrometheus } from './watch.ts'

const LOOK_MS = 1_000

/** Whose alerts: by their labels. */
export type Whose = Readonly<Record<string, string>>

export interface Tracker extends Disposable {
  /** Active now. */
  now(whose: Whose): readonly Active[]
  /** Active at some time since then (ms since the epoch); those of one name are one. */
  since(whose: Whose, ms: number): readonly Seen[]
  /** Waits until a look satisfies. @returns whether one did within this time */
  until(holds: () => boolean, withinMs: number): Promise<boolean>
}

interface Remembered {
  readonly labels: Active['labels']
  readonly since: number
  firedAt: number | undefined
  lastMs: number
}

export function track(watch: Pick<WatchPrometheus, 'alerts'>): Tracker {
  let latest: readonly Active[] = []
  let isOver = false
  const all = new Map<string, Remembered>()
  void (async () => {
    for (; !isOver; await pause(LOOK_MS)) {
      latest = await watch.alerts().catch(() => latest)
      const at = Date.now()
      for (const { labels, state, since } of latest) {
        const key = `${JSON.stringify(labels)} ${since}`
        const known = all.get(key) ?? { labels, since, firedAt: undefined, lastMs: at }
        if (state === 'firing') known.firedAt ??= at
        known.lastMs = at
        all.set(key, known)
      }
    }
  })()
  return {
    now: (whose) => latest.filter(({ labels }) => isOf(labels, whose)),
    since(whose, ms) {
      const mine = [...all.values()].filter(({ labels, lastMs }) => isOf(labels, whose) && lastMs >= ms)
      return [...Map.groupBy(mine, ({ labels }) => labels['alertname'] ?? '')].map(([alert, some]) => {
        const fired = some.flatMap(({ firedAt }) => (firedAt === undefined || firedAt < ms ? [] : [firedAt]))
        const since = Math.min(...some.map((one) => one.since))
        return { alert, since, ...(fired.length === 0 ? {} : { firedAt: Math.min(...fired) }) }
      })
    },
    async until(holds, withinMs) {
      for (const end = Date.now() + withinMs; Date.now() < end; await pause(LOOK_MS)) if (holds()) return true
      return holds()
    },
    [Symbol.dispose]: () => void (isOver = true),
  }
}

function isOf(labels: Active['labels'], whose: Whose): boolean {
  return Object.entries(whose).every(([name, value]) => labels[name] === value)
}
