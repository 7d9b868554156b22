// What came of the faults of the table, and what that amounts to. Pure.
import type { Figure } from '../../bench/results.ts'
import { quantile } from '../../bench/measure.ts'
import { type Alert, type Area, promised } from './fault.ts'

export interface Outcome {
  readonly id: string
  readonly area: Area
  readonly what: string
  readonly expect: readonly Alert[]
  /** The first of these that fired, and when; absent where none did. */
  readonly fired?: Alert
  /** From the fault to its firing, s. */
  readonly detectedSeconds?: number
  /** From its end until the alert was over, s; absent where that was not waited for. */
  readonly recoveredSeconds?: number
  /** Others of ours that fired meanwhile. */
  readonly also: readonly string[]
  /** The predecessor's rule that would have fired first, and when, s; absent where none of their conditions held. */
  readonly predecessor?: { readonly alert: string; readonly seconds: number }
  /** What went wrong with the trial itself. */
  readonly error?: string
}

/** An alert that was active at some time after the fault. Times in ms. */
export interface Seen {
  readonly alert: string
  /** When its condition began to hold. */
  readonly since: number
  readonly firedAt?: number
}

/** The first of the expected alerts that fired. */
export function firstOf(seen: readonly Seen[], expect: readonly string[]): (Seen & { firedAt: number }) | undefined {
  return seen
    .filter((one): one is Seen & { firedAt: number } => one.firedAt !== undefined && expect.includes(one.alert))
    .toSorted((a, b) => a.firedAt - b.firedAt)[0]
}

/**
 * The predecessor's alert that would have fired first, had the fault lasted: from when its condition held, as Prometheus
 * says, and how long it must. One that held before the fault says nothing about it.
 */
export function predecessorOf(
  seen: readonly Seen[],
  beganAt: number,
  lasts: (alert: string) => number,
): Outcome['predecessor'] {
  const all = seen
    .filter(({ since }) => since >= beganAt)
    .map(({ alert, since }) => ({ alert, seconds: Math.round((since - beganAt) / 1000) + lasts(alert) }))
  return all.toSorted((a, b) => a.seconds - b.seconds)[0]
}

/** The alerts that promise it fired within this time, s. */
export const MINUTE = 60

export function isLate({ fired, detectedSeconds }: Outcome): boolean {
  return fired !== undefined && (detectedSeconds ?? 0) > promised(fired).detectWithin
}

/** What must be said and was; what must stay silent is not among them. */
export function figuresOf(outcomes: readonly Outcome[]): Record<string, Figure> {
  const wanted = outcomes.filter(({ expect }) => expect.length > 0)
  const detected = wanted.filter(({ fired }) => fired !== undefined)
  const within = (isMinute: boolean) =>
    detected.filter(({ fired }) => promised(fired as Alert).detectWithin <= MINUTE === isMinute)
  const seconds = within(true).map(({ detectedSeconds = 0 }) => detectedSeconds)
  const silent = outcomes.filter(({ expect }) => expect.length === 0)
  return {
    'faults.detected': {
      value: (100 * detected.length) / Math.max(1, wanted.length),
      detail: {
        faults: wanted.length,
        detected: detected.length,
        'to stay silent about': silent.length,
        'silent about': silent.filter(({ also }) => also.length === 0).length,
        "the predecessor's 15 rules": wanted.filter(({ predecessor }) => predecessor !== undefined).length,
      },
    },
    'faults.p95': {
      value: seconds.length === 0 ? Number.POSITIVE_INFINITY : quantile(seconds, 0.95),
      detail: {
        'promise a minute': seconds.length,
        slowest: Math.max(0, ...seconds),
        'of the others': within(false).length,
        'later than they promise': within(false).filter(isLate).length,
      },
    },
  }
}
