// What a dashboard is before it is drawn: rows of panels, each with its queries, as plain data.
import type { AlertName } from '../../../crds/alerts.ts'
import { ruleOf } from '../rules.ts'
import type { Filter } from './query.ts'

/** As Grafana calls them. */
export type Unit = 'none' | 'ops' | 's' | 'bytes' | 'Bps' | 'percentunit' | 'short'

export interface Target {
  readonly expr: string
  readonly legend: string
}

export interface Step {
  readonly color: 'green' | 'yellow' | 'red'
  /** From this value on; null for the least. */
  readonly value: number | null
}

export interface Panel {
  readonly title: string
  readonly description: string
  readonly type: 'stat' | 'timeseries' | 'piechart' | 'heatmap'
  readonly unit: Unit
  readonly targets: readonly Target[]
  /** Colours by value, from the least on. */
  readonly steps?: readonly Step[]
  readonly max?: number
  /** Alerts that lead here, and whose runbooks are linked from here. */
  readonly alerts?: readonly AlertName[]
  readonly isStacked?: boolean
  /** Of 24 columns. */
  readonly width: number
  readonly height: number
}

export interface Row {
  /** No heading for the row that a dashboard begins with. */
  readonly title?: string
  readonly panels: readonly Panel[]
}

/** `overview` is there for each Collector; the others are there once in a namespace, with the Collector as a variable. */
export type DashboardName = 'overview' | 'exchange' | 'quality' | 'performance' | 'operator'

export interface Dashboard {
  readonly name: DashboardName
  readonly title: string
  readonly description: string
  readonly filters: readonly Filter[]
  /** Alerts that lead here although no panel of ours shows what they are about: somebody else measures it. */
  readonly alerts?: readonly AlertName[]
  readonly rows: readonly Row[]
}

export const STAT = { type: 'stat', width: 6, height: 4 } as const
export const WIDE = { type: 'timeseries', width: 12, height: 8 } as const
export const THIRD = { type: 'timeseries', width: 8, height: 8 } as const

export function goodFrom(value: number, fair?: number): Step[] {
  return [
    { color: 'red', value: null },
    ...(fair === undefined ? [] : [{ color: 'yellow', value: fair } as const]),
    { color: 'green', value },
  ]
}

export function badFrom(warning: number, critical: number): Step[] {
  return [
    { color: 'green', value: null },
    { color: 'yellow', value: warning },
    { color: 'red', value: critical },
  ]
}

/** What an alert compares with, so that a panel turns red where the alert fires. @throws Error where it has none */
export function limitOf(alert: AlertName): number {
  const { threshold } = ruleOf(alert)
  if (threshold === undefined) throw new Error(`${alert} has no threshold`)
  return threshold
}

/** What a panel about one kind of data is told apart by. */
export const KIND = ['exchange', 'market', 'type'] as const
export const KIND_LEGEND = '{{exchange}} {{market}} {{type}}'
export const SHARD = ['collector', 'shard'] as const
export const SHARD_LEGEND = '{{collector}}-{{shard}}'
