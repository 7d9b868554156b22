// What happens in the days of a seed: at most one real incident a day, and what belongs to the life of a Collector.
//
// In: a seed and days. Out: both, with their beginnings and ends in seconds from the first sample. Always: an ordinary event
// that would look like an incident keeps away from it, or nobody could say which of the two an alert is about.
import type { AlertName } from '../../crds/alerts.ts'
import { type Random, random } from '../exchange/random.ts'
import { DAY, DENSE_KINDS, KINDS, type Scope, SHARDS } from './kinds.ts'

export const INCIDENTS = {
  stop: 'a kind of data stops',
  drop: 'a kind of data falls by 60 %',
  market: 'one market of several falls by 70 %',
  errors: 'from 3 to 10 % of a kind fail a check',
  latency: 'publishing takes 15 to 30 times as long',
  outage: 'all sessions to an exchange are lost',
  gaps: 'a kind of data has a gap a minute',
  sink: 'the sink takes nothing',
} as const
export type IncidentKind = keyof typeof INCIDENTS

/** What the adaptive rules are about. The others are presence, staleness and counted events. */
export const ADAPTIVE_INCIDENTS: readonly IncidentKind[] = ['stop', 'drop', 'market', 'errors', 'latency']

export const ORDINARY = {
  maintenance: 'the exchange is under maintenance',
  surge: 'a rollout: the new pod overlaps the old one',
  swap: 'a rollout: the old pod goes before the new one comes',
  reconnect: 'a connection is replaced as planned',
  lost: 'a connection is lost and opened anew within seconds',
} as const
export type OrdinaryKind = keyof typeof ORDINARY

interface Happening<K> {
  readonly kind: K
  readonly from: number
  readonly to: number
  readonly of: Scope
}
export interface Incident extends Happening<IncidentKind> {
  /** How strong: a share that is left, a share that fails, a factor. */
  readonly strength: number
}
export type Ordinary = Happening<OrdinaryKind>

export interface Plan {
  readonly incidents: readonly Incident[]
  readonly ordinary: readonly Ordinary[]
}

/** Alerts that are right about an ordinary event: the exchange is away, and data is missing. All others are false. */
export const RIGHT: Readonly<Record<OrdinaryKind, readonly AlertName[]>> = {
  maintenance: ['MarketPrismExchangeDisconnected', 'MarketPrismDataGap'],
  surge: [],
  swap: ['MarketPrismDataGap'],
  reconnect: [],
  lost: ['MarketPrismDataGap'],
}

/** Days in ten without an incident. */
const CALM = 0.1
/** History that the rules need before anything can be found, s. */
const WARM = 4 * 3600
/** Ordinary events keep away so far from an incident, s. */
const APART = 2700

export function planOf(seed: number, days: number): Plan {
  const incidents = incidentsOf(random(seed).fork('incidents'), days)
  const ordinary = ordinaryOf(random(seed).fork('ordinary'), days)
  return { incidents, ordinary: ordinary.filter((one) => one.kind === 'reconnect' || isApart(one, incidents)) }
}

function isApart({ from, to }: Ordinary, incidents: readonly Incident[]): boolean {
  return incidents.every((one) => to + APART < one.from || from > one.to + APART)
}

function incidentsOf(chance: Random, days: number): Incident[] {
  const kinds = Object.keys(INCIDENTS) as IncidentKind[]
  return Array.from({ length: days }, (_, day) => day).flatMap((day) => {
    const isCalm = chance.chance(CALM)
    const kind = kinds[chance.int(kinds.length)] as IncidentKind
    const from = Math.round(day * DAY + (day === 0 ? WARM : 0) + chance.next() * (DAY - WARM - 7200))
    const incident = incidentOf(kind, from, chance)
    return isCalm ? [] : [incident]
  })
}

function incidentOf(kind: IncidentKind, from: number, chance: Random): Incident {
  const { exchange, market, type } = DENSE_KINDS[chance.int(DENSE_KINDS.length)] ?? KINDS[0]!
  const long = Math.round(900 + chance.next() * 2700)
  const between = (low: number, high: number): number => low + chance.next() * (high - low)
  const shapes: Readonly<Record<IncidentKind, Pick<Incident, 'of' | 'strength'>>> = {
    stop: { of: { exchange, market, type }, strength: 0 },
    drop: { of: { exchange, market, type }, strength: 0.4 },
    market: { of: { exchange, market }, strength: 0.3 },
    errors: { of: { exchange, market, type }, strength: between(0.03, 0.1) },
    latency: { of: {}, strength: between(15, 30) },
    outage: { of: { exchange }, strength: 0 },
    gaps: { of: { exchange, market, type }, strength: 1 },
    sink: { of: {}, strength: 0 },
  }
  return { kind, from, to: from + (kind === 'sink' ? 240 : long), ...shapes[kind] }
}

/** How often each happens in a day: to the Collector, to an exchange, or to a market. */
const OFTEN = { maintenance: 0.05, surge: 0.4, swap: 0.15, reconnect: 1, lost: 0.2 } as const

function ordinaryOf(chance: Random, days: number): Ordinary[] {
  const markets = [
    ...new Map(KINDS.map(({ exchange, market }) => [`${exchange} ${market}`, { exchange, market }])).values(),
  ]
  const places: Readonly<Record<OrdinaryKind, readonly Scope[]>> = {
    maintenance: SHARDS.map((exchange) => ({ exchange })),
    surge: [{}],
    swap: SHARDS.map((exchange) => ({ exchange })),
    reconnect: markets,
    lost: markets,
  }
  const long: Readonly<Record<OrdinaryKind, () => number>> = {
    maintenance: () => 600 + 2400 * chance.next(),
    surge: () => 90 + 150 * chance.next(),
    swap: () => 20 + 25 * chance.next(),
    reconnect: () => 20,
    lost: () => 3 + 12 * chance.next(),
  }
  const all = (Object.keys(ORDINARY) as OrdinaryKind[]).flatMap((kind) =>
    places[kind].flatMap((of) => {
      const happened: Ordinary[] = []
      for (let at = chance.exponential() / OFTEN[kind]; at < days; at += chance.exponential() / OFTEN[kind]) {
        const from = Math.round(at * DAY)
        happened.push({ kind, from, to: from + Math.round(long[kind]()), of })
      }
      return happened
    }),
  )
  return apartFromEachOther(all.toSorted((a, b) => a.from - b.from))
}

/** Of events that would run into each other the earlier one: rollouts come one after another. */
function apartFromEachOther(all: readonly Ordinary[]): Ordinary[] {
  let free = 0
  return all.filter(({ kind, from, to }) => {
    if (kind === 'reconnect') return true
    const isFree = from > free
    if (isFree) free = to + APART
    return isFree
  })
}
