// Why a watch ended, and how long to wait before the next: the only place where a reconnect storm could begin.
//
// Always: waits grow with each failure in a row, up to five seconds for watches and fifteen for lists (below one a
// second for each kind, and back soon after an outage), less up to a fifth at random; the series begins anew only after
// a stream that lived for some seconds.
import type { Random } from './clock.ts'
import { ApiError, isExpired } from './errors.ts'
import { LineTooLong } from './lines.ts'

export type Reason =
  /** By the server, after its time. */
  | 'ended'
  /** By the server, right after it began. */
  | 'closed'
  /** 410 as an answer or in the stream: the version is too old, all is listed anew. */
  | 'expired'
  /** No byte for too long. */
  | 'silent'
  /** It did not end when it should have. */
  | 'overdue'
  /** An error of the network, before the stream or in it. */
  | 'refused'
  | 'cut'
  /** A line that is no event, or too long. */
  | 'malformed'
  /** Statuses 429, 401, 403, 404 and any other. */
  | 'throttled'
  | 'unauthorized'
  | 'forbidden'
  | 'missing'
  | 'failed'

/** What happened to one list or watch. */
export interface Ending {
  readonly reason: Reason
  /** How long its stream was open, ms; 0 when it never was. */
  readonly livedMs: number
  readonly wasListing: boolean
  /** Since the last list that was answered, ms. */
  readonly sinceListMs: number
  readonly retryAfterMs: number
}

export interface Pace {
  /** The wait before the next attempt, ms. */
  after(ending: Ending): number
  /** Failures in a row. */
  readonly failures: number
}

/** A stream that lived so long was a healthy one. */
export const HEALTHY_MS = 5_000
const WAIT_BASE_MS = 1_000
const WATCH_WAIT_MS_MAX = 5_000
const LIST_WAIT_MS_MAX = 15_000
const MISSING_WAIT_MS = 30_000
/** At most each minute, also with the jitter. */
const FORBIDDEN_WAIT_MS = 75_000

export function openPace(random: Random): Pace {
  let failures = 0
  const jittered = (ms: number) => ms * (0.8 + 0.2 * random())
  return {
    after({ reason, livedMs, wasListing, sinceListMs, retryAfterMs }) {
      if (livedMs >= HEALTHY_MS) failures = 0
      if (reason === 'missing') return jittered(MISSING_WAIT_MS)
      if (reason === 'forbidden') return jittered(FORBIDDEN_WAIT_MS)
      // An expired version is ordinary once in a while; right after a list it is a server in trouble.
      const isOrdinary = reason === 'expired' ? !wasListing && sinceListMs >= HEALTHY_MS : livedMs >= HEALTHY_MS
      if (isOrdinary && retryAfterMs === 0) return 0
      const waitMsMax = wasListing ? LIST_WAIT_MS_MAX : WATCH_WAIT_MS_MAX
      const waitMs = Math.min(waitMsMax, WAIT_BASE_MS * 2 ** Math.min(failures, 20))
      failures += 1
      return Math.max(jittered(waitMs), retryAfterMs)
    },
    get failures() {
      return failures
    },
  }
}

/** Why we ended a watch ourselves. */
export class Abandoned extends Error {
  override readonly name = 'Abandoned'
  readonly reason: Reason
  constructor(reason: Reason) {
    super(`the watch was given up: ${reason}`)
    this.reason = reason
  }
}

/** In: what a list or watch threw, and whether its stream was open. */
export function reasonOf(error: unknown, isOpen: boolean): Reason {
  if (error instanceof Abandoned) return error.reason
  if (isExpired(error)) return 'expired'
  if (error instanceof LineTooLong || error instanceof SyntaxError) return 'malformed'
  if (!(error instanceof ApiError)) return isOpen ? 'cut' : 'refused'
  const byStatus: Readonly<Record<number, Reason>> = {
    401: 'unauthorized',
    403: 'forbidden',
    404: 'missing',
    429: 'throttled',
  }
  return byStatus[error.status] ?? 'failed'
}
