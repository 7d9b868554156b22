// What `marketprism check` finds: one line for each thing that was tried.

/** `warn`: works, but a person should know; `fail`: data will be missing. */
export type Verdict = 'ok' | 'warn' | 'fail'

export interface Finding {
  readonly verdict: Verdict
  /** What was tried: `dns`, `tls`, `rest`, `clock`, `symbols`, `channels`, `sink`, … */
  readonly what: string
  /** Of which host, feed, channel or stream. */
  readonly about: string
  /** What was found, and what to do about it. One line, fit for a terminal. */
  readonly says: string
}

export function ok(what: string, about: string, says: string): Finding {
  return { verdict: 'ok', what, about, says }
}

export function warn(what: string, about: string, says: string): Finding {
  return { verdict: 'warn', what, about, says }
}

export function fail(what: string, about: string, says: string): Finding {
  return { verdict: 'fail', what, about, says }
}
