// What can go wrong between us and an address, each with a code that stays.

/** Every code of this room, and what it means. The codes are API: logs, alerts and runbooks name them. */
export const CONNECTION_CODES = {
  ABORTED: 'the caller gave the request up',
  LIMIT_QUEUE_FULL: 'too many requests wait for this address already',
  LIMIT_WAIT_TOO_LONG: 'the request waited for its turn longer than a request may',
  LIMIT_WEIGHT_TOO_LARGE: 'the request weighs more than the whole budget of a window',
  LIMIT_CLOSED: 'the collector is ending; nothing is asked any more',
  REST_BODY_TOO_LARGE: 'the answer, inflated, is larger than its bound',
  REST_CIRCUIT_OPEN: 'the address failed repeatedly; it is left alone for a while',
  REST_ENCODING: 'the answer has an encoding that was not asked for, or does not inflate',
  REST_PROXY: 'the proxy refused to connect',
  REST_RATE_LIMITED: 'the venue says that this address asks too much (429, 418, or in its own words)',
  REST_REGION_BLOCKED: 'the venue does not serve this address (403 or 451)',
  REST_SERVER_ERROR: 'the venue answered with 5xx',
  REST_TIMEOUT: 'no whole answer in time',
  REST_UNREACHABLE: 'no connection, or it broke',
  PROXY_URL: 'the URL of the proxy cannot be used',
} as const

export type ConnectionCode = keyof typeof CONNECTION_CODES

/** Says what, where and what to do; `code` is for machines. */
export class ConnectionError extends Error {
  readonly code: ConnectionCode
  /** The HTTP status, where there was one. */
  readonly status: number | undefined

  constructor(code: ConnectionCode, message: string, options: { cause?: unknown; status?: number } = {}) {
    super(`${code} ${message}`, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'ConnectionError'
    this.code = code
    this.status = options.status
  }
}

/** What to do when a venue refuses the region or the address. */
export const REGION_ADVICE =
  'set spec.feeds[].proxy to a proxy in a served region, or spec.feeds[].endpoints to the regional host'

// Control characters (C0, DEL, C1), line and paragraph separators, and the marks that turn the direction of text.
const UNPRINTABLE = /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/g

/** Foreign text made fit for a log or terminal: shortened to `max` characters, unprintable ones escaped. */
export function printable(text: string, max = 200): string {
  const short = text.length > max ? `${text.slice(0, max)}…` : text
  return short.replace(UNPRINTABLE, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

/** The message of whatever was thrown, fit for a log. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return printable(String(error))
  // A connection tried over IPv6 and IPv4 fails with an AggregateError whose own message is empty.
  const inner: unknown = error instanceof AggregateError ? error.errors[0] : undefined
  return printable(error.message || (inner instanceof Error ? inner.message : error.name))
}
