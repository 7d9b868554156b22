// From one status to the next: what has grown, and what is now, for each label value that metrics.ts exports.
//
// In: a CollectorStatus, once a second. Out: an Observation that every metric is read from.
// Always: what a counter shows never falls, also when a channel or session is taken away and comes back.
import type { AddressStatus, ChannelStatus, CollectorStatus, SessionStatus } from '../status.ts'
import { CHANNEL_STATES } from '../market/messages.ts'
import type { Agreement } from '../quality/best.ts'
import type { ChannelState } from '../market/messages.ts'
import type { Latencies } from '../latency.ts'
import type { RuntimeStatus } from '../runtime.ts'
import type { ProgramSeen } from './catalogue.ts'

/** A status that comes later than this after the one before it says nothing of the time between. */
const STEP_SECONDS_MAX = 5
const REASONS_MAX = 32

/** All channels of one exchange, market and type. */
export interface KindSeen {
  readonly exchange: string
  readonly market: string
  readonly type: string
  readonly made: number
  readonly acknowledged: number
  readonly duplicates: number
  readonly repeated: number
  readonly gaps: number
  readonly liveSeconds: number
  readonly wantedSeconds: number
  /** Channels that there are now. */
  readonly wanted: number
  readonly states: Readonly<Record<ChannelState, number>>
  readonly lastMessageSeconds: number | undefined
  /** Silence from which the channel that `lastMessageSeconds` is of is stale, s; undefined where silence says nothing. */
  readonly staleAfterSeconds: number | undefined
  readonly failures: readonly FailuresSeen[]
}

/** Messages of a kind that failed a check. */
export interface FailuresSeen {
  readonly check: string
  readonly action: string
  readonly count: number
}

/** All sessions and books of one exchange and market. */
export interface PlaceSeen {
  readonly exchange: string
  readonly market: string
  readonly lost: number
  readonly planned: number
  readonly bytes: number
  readonly states: Readonly<Record<SessionStatus['state'], number>>
  readonly books: number
  readonly booksInSync: number
  /** Comparisons of a book with its ticker, by what they came to. */
  readonly agreements: Readonly<Record<Agreement, number>>
}

/** One REST address: counters that never fall, and the rest as it is. */
export interface AddressSeen {
  readonly now: AddressStatus
  readonly requests: number
  readonly connections: number
  readonly failures: number
}

/** All that metrics are read from. */
export interface Observation extends ProgramSeen {
  readonly status: CollectorStatus
  readonly process: RuntimeStatus
  readonly latencies: Latencies
  readonly kinds: readonly KindSeen[]
  readonly places: readonly PlaceSeen[]
  readonly addresses: readonly AddressSeen[]
  readonly dropped: readonly (readonly [number, string])[]
  readonly refused: readonly (readonly [number, string])[]
}

type Counters = Record<string, number>

const PLACE_ZERO = { lost: 0, planned: 0, bytes: 0 }
const ADDRESS_ZERO = { requests: 0, connections: 0, failures: 0 }
const KIND_ZERO = {
  made: 0,
  acknowledged: 0,
  duplicates: 0,
  repeated: 0,
  gaps: 0,
  liveSeconds: 0,
  wantedSeconds: 0,
}

/** Keeps, over the life of the process, what statuses alone do not say: totals of label values, and time. */
export class Observer {
  #atMs: number | undefined
  readonly #seen = new Map<string, Counters>()
  readonly #totals = new Map<string, Counters>()
  readonly #kinds = new Map<string, Pick<KindSeen, 'exchange' | 'market' | 'type'>>()
  readonly #places = new Map<string, Pick<PlaceSeen, 'exchange' | 'market'>>()

  /** Takes in one status. */
  observe(status: CollectorStatus): Pick<Observation, 'kinds' | 'places' | 'addresses' | 'dropped' | 'refused'> {
    const stepSeconds = Math.max(0, status.atMs - (this.#atMs ?? status.startedMs)) / 1000
    this.#atMs = status.atMs
    return {
      kinds: this.#observeKinds(status, stepSeconds),
      places: this.#observePlaces(status),
      addresses: status.addresses.map((now) => {
        const { requests, connections, failures } = now
        const name = `address ${now.exchange} ${now.host}`
        const totals = this.#totalsOf(name, ADDRESS_ZERO)
        this.#grow(name, totals, { requests, connections, failures })
        return { now, ...totals }
      }),
      dropped: reasons(status.ledger.messagesDropped),
      refused: reasons(status.ledger.framesRefused),
    }
  }

  #observeKinds(status: CollectorStatus, stepSeconds: number): KindSeen[] {
    const groups = Map.groupBy(status.channels, (c) => `${c.exchange} ${c.market} ${c.type}`)
    for (const [name, [first]] of groups) {
      if (first) this.#kinds.set(name, { exchange: first.exchange, market: first.market, type: first.type })
    }
    return [...this.#kinds].map(([name, kind]) => {
      const channels = groups.get(name) ?? []
      const alive = channels.filter((c) => c.state === 'live' || c.state === 'quiet').length
      const totals = this.#totalsOf(`kind ${name}`, KIND_ZERO)
      totals.wantedSeconds += stepSeconds * channels.length
      totals.liveSeconds += stepSeconds > STEP_SECONDS_MAX ? 0 : stepSeconds * alive
      for (const { symbol, interval, made, acknowledged, duplicates, repeated, gaps } of channels) {
        this.#grow(`channel ${name} ${symbol} ${interval}`, totals, { made, acknowledged, duplicates, repeated, gaps })
      }
      return {
        ...kind,
        ...totals,
        failures: this.#observeFailures(name, channels),
        wanted: channels.length,
        states: countBy(CHANNEL_STATES, channels),
        ...silenceOf(channels, status.atMs / 1000),
      }
    })
  }

  #observeFailures(name: string, channels: readonly ChannelStatus[]): FailuresSeen[] {
    const totals = this.#totalsOf<Counters>(`failures ${name}`, {})
    for (const { symbol, interval, failures } of channels) {
      const now = Object.entries(failures).flatMap(([check, actions]) =>
        Object.entries(actions).map(([action, count]) => [`${check} ${action}`, count] as const),
      )
      this.#grow(`failures ${name} ${symbol} ${interval}`, totals, Object.fromEntries(now))
    }
    return Object.entries(totals).map(([pair, count]) => {
      const [check, action] = pair.split(' ') as [string, string]
      return { check, action, count }
    })
  }

  #observePlaces(status: CollectorStatus): PlaceSeen[] {
    const sessions = Map.groupBy(status.sessions, (s) => `${s.exchange} ${s.market}`)
    const channels = Map.groupBy(status.channels, (c) => `${c.exchange} ${c.market}`)
    for (const [name, [first]] of [...sessions, ...channels]) {
      if (first) this.#places.set(name, { exchange: first.exchange, market: first.market })
    }
    return [...this.#places].map(([name, place]) => {
      const here = sessions.get(name) ?? []
      const books = (channels.get(name) ?? []).filter((c) => c.inSync !== undefined)
      const totals = this.#totalsOf(`place ${name}`, PLACE_ZERO)
      this.#grow(`place ${name}`, totals, {
        lost: total(here, (s) => s.lost),
        planned: total(here, (s) => s.planned),
        bytes: total(here, (s) => s.bytes),
      })
      return {
        ...place,
        ...totals,
        states: countBy({ connecting: 0, open: 0, waiting: 0 }, here),
        books: books.length,
        booksInSync: books.filter((c) => c.inSync).length,
        agreements: this.#observeAgreements(name, books),
      }
    })
  }

  #observeAgreements(name: string, books: readonly ChannelStatus[]): Record<Agreement, number> {
    const totals = this.#totalsOf(`agreements ${name}`, { equal: 0, differs: 0, unknown: 0 })
    for (const { symbol, best } of books)
      if (best !== undefined) this.#grow(`agreements ${name} ${symbol}`, totals, best)
    return totals
  }

  /** Adds to totals what the counters of one source have grown by; one that fell was made anew and adds nothing. */
  #grow(source: string, totals: Counters, now: Counters): void {
    const before = this.#seen.get(source)
    for (const key in now) add(totals, key, Math.max(0, (now[key] as number) - (before?.[key] ?? 0)))
    this.#seen.set(source, now)
  }

  /** The totals of this name, all 0 at first. */
  #totalsOf<T extends Counters>(name: string, zero: T): T {
    const totals = this.#totals.get(name) ?? { ...zero }
    this.#totals.set(name, totals)
    return totals as T
  }
}

function add(totals: Counters, key: string, growth: number): void {
  totals[key] = (totals[key] ?? 0) + growth
}

/**
 * Of the channels of which silence says something the one that is furthest in it, by its own history: a fresh one must not
 * hide a dead one, and one that trades once a minute is not late after two. Where there is none, the one heard last.
 */
function silenceOf(
  channels: readonly ChannelStatus[],
  now: number,
): Pick<KindSeen, 'lastMessageSeconds' | 'staleAfterSeconds'> {
  const heard = channels.flatMap(({ age, staleAfter }) => (age === undefined ? [] : [{ age, staleAfter }]))
  const judged = heard.flatMap(({ age, staleAfter }) => (staleAfter === undefined ? [] : [{ age, staleAfter }]))
  const [first, ...more] = judged
  if (first === undefined) {
    const youngest = Math.min(...heard.map(({ age }) => age))
    return { lastMessageSeconds: heard.length === 0 ? undefined : now - youngest, staleAfterSeconds: undefined }
  }
  const latest = more.reduce((a, b) => (b.age * a.staleAfter > a.age * b.staleAfter ? b : a), first)
  return { lastMessageSeconds: now - latest.age, staleAfterSeconds: latest.staleAfter }
}

function countBy<S extends string>(all: Readonly<Record<S, unknown>>, of: readonly { state: S }[]): Record<S, number> {
  const counts = Object.fromEntries(Object.keys(all).map((state) => [state, 0])) as Record<S, number>
  for (const { state } of of) counts[state] += 1
  return counts
}

function total<T>(of: readonly T[], value: (item: T) => number): number {
  return of.reduce((all, item) => all + value(item), 0)
}

/** Counts by reason; what is beyond the maximum is counted as `other`, so that no mistake can make series without end. */
function reasons(counts: Readonly<Record<string, number>>): [number, string][] {
  const out = new Map<string, number>()
  for (const [reason, count] of Object.entries(counts)) {
    const name = out.size < REASONS_MAX - 1 ? reason : 'other'
    out.set(name, (out.get(name) ?? 0) + count)
  }
  return [...out].map(([reason, count]) => [count, reason])
}
