// What one address (an exchange's host) allows us, shared by all in the process who use it.
//
// Always: after 429 or 418 nothing goes to the address until its Retry-After has passed, whoever asked.
import type { IncomingHttpHeaders } from 'node:http'
import type { Clock, Random } from './clock.ts'
import { type Budget, Gate, type Permit, type Turn } from './gate.ts'

export interface AddressRules {
  /** Connection attempts. */
  readonly connections: Budget
  /** REST. */
  readonly weight: Budget
  /** The answer's header, in lower case, that says how much weight of the window is used by all at this address. */
  readonly usedHeader?: string
}

export interface AddressOptions {
  readonly exchange: string
  readonly host: string
  readonly rules: AddressRules
  readonly clock: Clock
  readonly random: Random
  /** Our part of the limits where several pods leave through one address; 1 means all. */
  readonly share?: number
}

/** The venue's longest ban; nothing that a header says blocks longer. */
const BLOCK_MAX_MS = 3 * 24 * 3_600_000
/** Without a Retry-After: a window, and the shortest ban. */
const SLOW_DOWN_MS = 60_000
const BAN_MS = 120_000
/** Spreads those who waited for the same moment, ms. */
const BLOCK_JITTER_MS = 1_000
/** Attempts may arrive in a bunch after a delay; so much longer is each remembered. */
const ATTEMPT_MARGIN = 1.05
/** Requests to one address at once. */
const IN_FLIGHT_MAX = 4

export class AddressLimits {
  readonly exchange: string
  readonly host: string
  readonly #options: AddressOptions
  readonly #connections: Gate
  readonly #weight: Gate
  #blockedUntilMs = 0
  #banned = false

  constructor(options: AddressOptions) {
    const { exchange, host, rules, clock, share = 1 } = options
    this.exchange = exchange
    this.host = host
    this.#options = options
    const gate = { name: host, clock, share, closedUntilMs: () => this.#blockedUntilMs }
    const { max, windowMs } = rules.connections
    const connections = { max, windowMs: windowMs * ATTEMPT_MARGIN }
    this.#connections = new Gate({ ...gate, budget: connections, inFlightMax: Infinity })
    this.#weight = new Gate({ ...gate, budget: rules.weight, inFlightMax: IN_FLIGHT_MAX })
  }

  /** Resolves when another connection may be tried. Errors: those of `Gate.enter`. */
  async connection(turn?: Turn): Promise<void> {
    const permit = await this.#connections.enter(1, turn)
    permit.done()
  }

  /** Resolves when a request of this weight may be sent. Errors: those of `Gate.enter`. */
  request(weight: number, turn?: Turn): Promise<Permit> {
    return this.#weight.enter(weight, turn)
  }

  /** Every answer of the address comes by here, upgrades included, before its permit is done. */
  answered(status: number, headers: IncomingHttpHeaders): void {
    if (status === 429 || status === 418) this.#block(status, headers['retry-after'])
    const { usedHeader } = this.#options.rules
    const used = usedHeader === undefined ? undefined : headers[usedHeader]
    if (typeof used === 'string' && /^\d{1,9}$/.test(used)) this.#weight.reported(Number(used))
  }

  /** Nothing is asked before this time, ms since the epoch; 0 when free. */
  get blockedUntilMs(): number {
    return this.#blockedUntilMs > this.#options.clock.nowMs() ? this.#blockedUntilMs : 0
  }

  /** Blocked by a 418: the venue has banned the address. */
  get banned(): boolean {
    return this.#banned && this.blockedUntilMs > 0
  }

  get weightUsed(): number {
    return this.#weight.used
  }

  /** Our part of the budget. */
  get weightMax(): number {
    return this.#weight.max
  }

  /** Requests that wait for their turn. */
  get waiting(): number {
    return this.#weight.waiting
  }

  /** Fails all who wait. */
  close(): void {
    this.#connections.close()
    this.#weight.close()
  }

  #block(status: number, retryAfter: string | undefined): void {
    const { clock, random } = this.#options
    const nowMs = clock.nowMs()
    const waitMs = retryAfterMs(retryAfter, nowMs) ?? (status === 418 ? BAN_MS : SLOW_DOWN_MS)
    const untilMs = nowMs + Math.min(waitMs, BLOCK_MAX_MS) + random() * BLOCK_JITTER_MS
    this.#banned = status === 418 || this.banned
    this.#blockedUntilMs = Math.max(this.#blockedUntilMs, untilMs)
    // Whoever waits has a timer for an earlier moment.
    this.#connections.pump()
    this.#weight.pump()
  }
}

/** Reads Retry-After (RFC 9110 10.2.3): seconds, or a date; undefined when it is neither. */
export function retryAfterMs(value: string | undefined, nowMs: number): number | undefined {
  if (value === undefined) return undefined
  if (/^\d{1,9}$/.test(value)) return Number(value) * 1000
  // Date.parse reads nearly anything; the header's dates end in GMT.
  const atMs = value.endsWith('GMT') ? Date.parse(value) : NaN
  return Number.isNaN(atMs) ? undefined : Math.max(0, atMs - nowMs)
}

/** The addresses of a process: one `AddressLimits` for each exchange and host, made when it is first asked for. */
export function addresses(common: Pick<AddressOptions, 'clock' | 'random' | 'share'>) {
  const known = new Map<string, AddressLimits>()
  return {
    limits(exchange: string, host: string, rules: AddressRules): AddressLimits {
      const key = `${exchange} ${host}`
      const limits = known.get(key) ?? new AddressLimits({ ...common, exchange, host, rules })
      known.set(key, limits)
      return limits
    },
    close(): void {
      for (const limits of known.values()) limits.close()
    },
  }
}
