// What becomes of the market on its way: the messages, failed checks, latencies, gaps and silences of each kind, and of
// connections, when the incidents and the ordinary events of a plan are laid over it.
//
// In: market and plan. Out: plain arrays, a value a step. Never: pods or names of metrics.
import { random } from '../exchange/random.ts'
import { DENSE_KINDS, type Kind, KINDS, meets, normal, type Scope, SHARDS, STEP } from './kinds.ts'
import type { Market } from './market.ts'
import type { Incident, Ordinary, Plan } from './plan.ts'
import { takesOver } from './pods.ts'

export interface Flow {
  readonly kind: Kind
  /** Messages in the step that ends here. */
  readonly messages: Float64Array
  /** Messages of them that fail a check. */
  readonly failed: Float64Array
  /** Seconds since the last message came. */
  readonly silence: Float64Array
  /** Median of the time from socket to sink, s. */
  readonly latency: Float64Array
  /** Gaps announced in the step that ends here. */
  readonly gaps: Float64Array
}

export interface Session {
  readonly exchange: string
  readonly market: string
  readonly isOpen: Uint8Array
  /** Connections lost, and replaced as planned, in the step that ends here. */
  readonly lost: Float64Array
  readonly planned: Float64Array
}

export interface Flows {
  readonly kinds: readonly Flow[]
  readonly sessions: readonly Session[]
  /** 1 while the sink takes messages. */
  readonly sink: Uint8Array
}

/** Share of the messages that fail a check anyway, and the median latency of a market as always, s. */
const FAILED = 0.002
const LATENCY = 0.003
/** Minutes in which the sink is slow, a day. */
const HICCUPS = 4
/** A book or a connection is back after the end of an outage, s. */
const BACK = 20

export function flowsOf(seed: number, market: Market, plan: Plan): Flows {
  const steps = market.wild.length
  const chance = random(seed).fork('flow')
  const sink = sinkOf(plan, steps)
  const slow = slowness(chance.fork('slow').next, steps)
  const sessions = sessionsOf(plan, steps)
  const kinds = KINDS.map((kind, k): Flow => {
    const own = chance.fork(`kind ${k}`).next
    const open = sessions.find((one) => one.exchange === kind.exchange && one.market === kind.market)
    const share = shareOf(kind, plan, steps)
    const messages = Float64Array.from({ length: steps }, (_, i) => {
      const mean = (market.rates[k]?.[i] ?? 0) * STEP * (share[i] ?? 1) * (open?.isOpen[i] ?? 1)
      return counted(mean, own)
    })
    const failing = overlay(plan.incidents, steps, (one) =>
      one.kind === 'errors' && isOf(one, kind) ? one.strength : 0,
    )
    const longer = overlay(plan.incidents, steps, (one) => (one.kind === 'latency' ? one.strength : 0))
    const failed = messages.map((all, i) => {
      const stirred = 1 + 0.8 * Math.max(0, market.wild[i] ?? 0)
      return Math.min(all, counted(all * (FAILED * stirred + (failing[i] ?? 0)), own))
    })
    const latency = messages.map((_, i) => {
      const loaded = 1 + 0.25 * Math.max(0, market.wild[i] ?? 0)
      return LATENCY * loaded * (slow[i] ?? 1) * Math.max(1, longer[i] ?? 0) * Math.exp(0.1 * normal(own))
    })
    return {
      kind,
      messages,
      failed,
      latency,
      silence: silenceOf(kind, messages, share, open, own),
      gaps: gapsOf(kind, plan, steps),
    }
  })
  return { kinds, sessions, sink }
}

/** About so many, more spread than a Poisson process. */
function counted(mean: number, next: () => number): number {
  if (mean <= 0) return 0
  if (mean < 8) {
    let [left, count] = [Math.exp(-mean), 0]
    for (let at = next(); at > left && count < 60; count++) {
      at -= left
      left *= mean / (count + 1)
    }
    return count
  }
  return Math.max(0, Math.round(mean + Math.sqrt(mean + (0.04 * mean) ** 2) * normal(next)))
}

const isOf = (one: Incident | Ordinary, scope: Scope): boolean => meets(one.of, scope)

/** For each step the largest value of the events that go on. */
function overlay<T extends { from: number; to: number }>(
  events: readonly T[],
  steps: number,
  value: (event: T) => number,
): Float64Array {
  const all = new Float64Array(steps)
  for (const event of events) {
    const worth = value(event)
    for (let i = Math.ceil(event.from / STEP); i <= Math.min(steps - 1, event.to / STEP); i++) {
      all[i] = Math.max(all[i] ?? 0, worth)
    }
  }
  return all
}

/** The share of a kind's messages that comes. */
function shareOf(kind: Kind, { incidents }: Plan, steps: number): Float64Array {
  const missing = overlay(incidents, steps, (one) =>
    ['stop', 'drop', 'market'].includes(one.kind) && isOf(one, kind) ? 1 - one.strength : 0,
  )
  return missing.map((share) => 1 - share)
}

/** The youngest message of dense kinds is always new; the others wait for theirs. */
function silenceOf(
  kind: Kind,
  messages: Float64Array,
  share: Float64Array,
  open: Session | undefined,
  next: () => number,
): Float64Array {
  const isDense = DENSE_KINDS.includes(kind)
  let silent = 0
  return messages.map((count, i) => {
    const isCut = (share[i] ?? 1) === 0 || open?.isOpen[i] === 0
    silent = count > 0 ? next() * (isDense ? 2 : 10) : silent + STEP
    // A market that shrinks is not silent.
    return isCut || !isDense ? silent : Math.min(silent, 12)
  })
}

function gapsOf(kind: Kind, { incidents, ordinary }: Plan, steps: number): Float64Array {
  const gaps = new Float64Array(steps)
  const add = (at: number): void => {
    const i = Math.ceil(at / STEP)
    if (i < steps) gaps[i] = (gaps[i] ?? 0) + 1
  }
  for (const one of incidents) {
    if (!isOf(one, kind)) continue
    if (one.kind === 'gaps') for (let at = one.from; at < one.to; at += 60) add(at)
    // Trades are fetched; what cannot be had again is announced once it is there again.
    if ((one.kind === 'outage' || one.kind === 'stop') && kind.type !== 'funding_rate') add(one.to + BACK)
  }
  for (const one of ordinary) {
    if (!isOf(one, kind) || (kind.type !== 'orderbook' && kind.type !== 'ticker')) continue
    // Who takes over announces what it cannot know of the pod before it, though nothing is missing.
    if (one.kind === 'surge') add(takesOver(one, SHARDS.indexOf(kind.exchange)) + BACK)
    else if (one.kind !== 'reconnect') add(one.to + BACK)
  }
  return gaps
}

function sessionsOf({ incidents, ordinary }: Plan, steps: number): Session[] {
  const places = new Map(KINDS.map(({ exchange, market }) => [`${exchange} ${market}`, { exchange, market }]))
  return [...places.values()].map((place) => {
    const [lost, planned] = [new Float64Array(steps), new Float64Array(steps)]
    const closing = [
      ...incidents.filter(({ kind }) => kind === 'outage'),
      ...ordinary.filter(({ kind }) => kind === 'maintenance'),
    ]
    const closed = overlay(closing, steps, (one) => (isOf(one, place) ? 1 : 0))
    const at = (one: { from: number }): number => Math.min(steps - 1, Math.ceil(one.from / STEP))
    for (const one of [...incidents, ...ordinary].filter((each) => isOf(each, place))) {
      if (['outage', 'maintenance', 'lost'].includes(one.kind)) lost[at(one)] = (lost[at(one)] ?? 0) + 1
      if (one.kind === 'reconnect') planned[at(one)] = (planned[at(one)] ?? 0) + 1
    }
    return { ...place, isOpen: Uint8Array.from(closed, (is) => 1 - is), lost, planned }
  })
}

function sinkOf({ incidents }: Plan, steps: number): Uint8Array {
  return Uint8Array.from(
    overlay(incidents, steps, ({ kind }) => (kind === 'sink' ? 1 : 0)),
    (is) => 1 - is,
  )
}

/** How much slower than always the sink is: short hiccups, and a quarter of an hour each night in which it tidies up. */
function slowness(next: () => number, steps: number): Float64Array {
  const slow = new Float64Array(steps).fill(1)
  const perDay = 86_400 / STEP
  for (let at = 0; ;) {
    at += (-Math.log(1 - next()) / HICCUPS) * perDay
    if (at >= steps) break
    const [times, long] = [2 + 4 * next(), 1 + 5 * next()]
    for (let i = Math.floor(at); i < Math.min(steps, at + long); i++) slow[i] = times
  }
  for (let night = perDay * 0.35; night < steps; night += perDay) {
    for (let i = Math.floor(night); i < Math.min(steps, night + 900 / STEP); i++) slow[i] = Math.max(slow[i] ?? 1, 2.5)
  }
  return slow
}
