// What the API server says when it says no, in a form to decide by.

/** A `Status` of the API server, as it comes as an answer or as an event of a watch. */
export interface Status {
  readonly code?: number
  readonly reason?: string
  readonly message?: string
  readonly details?: {
    readonly retryAfterSeconds?: number
    readonly causes?: readonly { readonly reason?: string; readonly message?: string; readonly field?: string }[]
  }
}

/** An answer of 400 or more. */
export class ApiError extends Error {
  override readonly name = 'ApiError'
  readonly status: number
  /** The API's word: `NotFound`, `Conflict`, `Forbidden`, `Expired`, `Invalid` …; empty where it gave none. */
  readonly reason: string
  readonly retryAfterMs?: number
  readonly details?: Status['details']

  constructor(what: string, status: number, body: Status, retryAfter?: string) {
    super(`${what}: ${status} ${body.message ?? body.reason ?? 'without a message'}`)
    this.status = status
    this.reason = body.reason ?? ''
    const seconds = retryAfter === undefined ? body.details?.retryAfterSeconds : Number(retryAfter)
    if (seconds !== undefined && Number.isFinite(seconds)) this.retryAfterMs = seconds * 1000
    if (body.details !== undefined) this.details = body.details
  }
}

/** No answer within the time that the request was given. */
export class RequestTimeout extends Error {
  override readonly name = 'RequestTimeout'
  constructor(what: string, ms: number) {
    super(`${what}: no answer within ${ms} ms`)
  }
}

/** A write that was not sent, since we may not write: another holds the lease by now. */
export class WriteRefused extends Error {
  override readonly name = 'WriteRefused'
  constructor(what: string) {
    super(`${what}: not sent, as this process does not hold the lease`)
  }
}

/** The version that we hold is too old, or (after a restore of etcd) too new: only a list helps. */
export function isExpired(error: unknown): boolean {
  if (!(error instanceof ApiError)) return false
  const isTooNew = error.details?.causes?.some(({ reason }) => reason === 'ResourceVersionTooLarge') === true
  return error.status === 410 || error.reason === 'Expired' || error.reason === 'Gone' || isTooNew
}
