// What one address (an exchange's host) allows us, shared by all in the process who use it.
//
// Always: after 429 or 418, or what means the same there, nothing goes to the address until its Retry-After has passed,
//   whoever asked.
import assert from 'node:assert/strict'
import type { IncomingHttpHeaders } from 'node:http'
import type { Clock, Random } from './clock.ts'
import { type Budget, Gate, InFlight, type Permit, type Turn } from './gate.ts'

export interface AddressRules {
  /** Connection attempts. */
  readonly connections: Budget
  /** REST. */
  readonly weight: Budget
  /** The answer's header, in lower case, that says how much weight of the window is used by all at this address. */
  readonly usedHeader?: string
  /** Endpoints that are counted by themselves: a request that names a pool counts there, and not in `weight`. */
  readonly pools?: Readonly<Record<string, Budget>>
  /** Whether an answer says "too much" in another way than by 429 or 418. Never throws. */
  limited?(status: number, body: Buffer): boolean
  /** How long nothing is asked after "too much" without a Retry-After, ms; absent: a minute. */
  readonly slowDownMs?: number
  /** Connections that may be open at once, sockets and REST together. */
  readonly open?: number
  /** Hosts whose rules have the same name here are one address to REST; see `addresses`. */
  readonly shared?: string
}

/** A request's turn, and which of the address' budgets it counts in: a key of {@link AddressRules.pools}, or `weight`. */
export interface RequestTurn extends Turn {
  readonly pool?: string | undefined
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
/** Of the open connections, for sockets: those of REST stay open for a while after the answer. */
const SOCKETS_PART = 0.5

export class AddressLimits {
  readonly exchange: string
  readonly host: string
  readonly #options: AddressOptions
  readonly #connections: Gate
  readonly #weight: Gate
  readonly #pools = new Map<string, Gate>()
  /** Sockets that are open, where the venue counts them. */
  readonly #sockets: Gate | undefined
  #blockedUntilMs = 0
  #banned = false

  constructor(options: AddressOptions) {
    const { exchange, host, rules, clock, share = 1 } = options
    this.exchange = exchange
    this.host = host
    this.#options = options
    const { weight, pools = {}, open } = rules
    const { max, windowMs } = rules.connections
    const gate = {
      name: host,
      clock,
      share,
      closedUntilMs: () => this.#blockedUntilMs,
      inFlight: new InFlight(Infinity),
    }
    this.#connections = new Gate({ ...gate, budget: { max, windowMs: windowMs * ATTEMPT_MARGIN } })
    const inFlight = new InFlight(open === undefined ? IN_FLIGHT_MAX : Math.max(1, Math.floor(IN_FLIGHT_MAX * share)))
    this.#weight = new Gate({ ...gate, budget: weight, inFlight })
    for (const [pool, budget] of Object.entries(pools)) {
      this.#pools.set(pool, new Gate({ ...gate, name: `${host} ${pool}`, budget, inFlight }))
    }
    if (open === undefined) return
    // A place counts while it is held; the window is as short as one can be.
    const budget = { max: Math.max(1, Math.floor(open * SOCKETS_PART)), windowMs: 1 }
    // One, and the one that replaces it as planned.
    const least = Math.min(2, budget.max)
    this.#sockets = new Gate({ ...gate, name: `${host} sockets`, budget, least })
  }

  /**
   * Resolves when another connection may be tried. Errors: those of `Gate.enter`.
   * @returns the socket's place, which is to be given back when the socket is gone
   */
  async connection(turn?: Turn): Promise<Permit> {
    const place = await this.#sockets?.enter(1, turn)
    try {
      const permit = await this.#connections.enter(1, turn)
      permit.done()
    } catch (error) {
      place?.done()
      throw error
    }
    return place ?? FREE
  }

  /** Resolves when a request of this weight may be sent. Errors: those of `Gate.enter`. */
  request(weight: number, turn: RequestTurn = {}): Promise<Permit> {
    const gate = turn.pool === undefined ? this.#weight : this.#pools.get(turn.pool)
    assert(gate !== undefined, `${this.host} has no pool '${turn.pool}'`)
    return gate.enter(weight, turn)
  }

  /**
   * Every answer of the address comes by here, upgrades included, before its permit is done.
   * @returns true when it says that too much was asked
   */
  answered(status: number, headers: IncomingHttpHeaders, body?: Buffer): boolean {
    const { rules } = this.#options
    const isLimited = status === 429 || status === 418 || (body !== undefined && rules.limited?.(status, body) === true)
    if (isLimited) this.#block(status, headers['retry-after'])
    const { usedHeader } = rules
    const used = usedHeader === undefined ? undefined : headers[usedHeader]
    if (typeof used === 'string' && /^\d{1,9}$/.test(used)) this.#weight.reported(Number(used))
    return isLimited
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

  /** Over which it is ours, ms: the venue's window, or a longer one where our part of that is nothing. */
  get weightWindowMs(): number {
    return this.#weight.windowMs
  }

  /** Requests that wait for their turn. */
  get waiting(): number {
    return [this.#weight, ...this.#pools.values()].reduce((sum, gate) => sum + gate.waiting, 0)
  }

  /** Fails all who wait. */
  close(): void {
    for (const gate of this.#gates) gate.close()
  }

  get #gates(): Gate[] {
    return [
      ...(this.#sockets === undefined ? [] : [this.#sockets]),
      this.#connections,
      this.#weight,
      ...this.#pools.values(),
    ]
  }

  #block(status: number, retryAfter: string | undefined): void {
    const { clock, random, rules } = this.#options
    const nowMs = clock.nowMs()
    const waitMs = retryAfterMs(retryAfter, nowMs) ?? (status === 418 ? BAN_MS : (rules.slowDownMs ?? SLOW_DOWN_MS))
    const untilMs = nowMs + Math.min(waitMs, BLOCK_MAX_MS) + random() * BLOCK_JITTER_MS
    this.#banned = status === 418 || this.banned
    this.#blockedUntilMs = Math.max(this.#blockedUntilMs, untilMs)
    // Whoever waits has a timer for an earlier moment.
    for (const gate of this.#gates) gate.pump()
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

/** A place where places are not counted. */
const FREE: Permit = { done: () => {} }

/** The addresses of a process: one `AddressLimits` for each exchange and host, made when it is first asked for. */
export function addresses(common: Pick<AddressOptions, 'clock' | 'random' | 'share'>) {
  const known = new Map<string, AddressLimits>()
  const at = (key: string, exchange: string, host: string, rules: AddressRules): AddressLimits => {
    const limits = known.get(key) ?? new AddressLimits({ ...common, exchange, host, rules })
    known.set(key, limits)
    return limits
  }
  return {
    limits: (exchange: string, host: string, rules: AddressRules) => at(`${exchange} ${host}`, exchange, host, rules),
    /** For REST: hosts whose rules have the same `shared` have one, named for the host that asked first. */
    rest(exchange: string, host: string, rules: AddressRules): AddressLimits {
      return at(`${exchange} ${rules.shared === undefined ? host : `shared ${rules.shared}`}`, exchange, host, rules)
    },
    close(): void {
      for (const limits of known.values()) limits.close()
    },
  }
}
