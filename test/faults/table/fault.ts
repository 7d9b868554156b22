// What a row of the fault table is: a fault that is put into running parts, and what must be said of it.
//
// A fault says what it needs (`world`), how it comes about (`begin`, which gives the way back), and which alerts are right.
// Whatever is measured follows from the rules: what an alert promises is its `detectWithin`.
import type { AlertName } from '../../../crds/alerts.ts'
import { OPERATOR_RULES, type OperatorRule } from '../../../operator/monitoring/operator-rules.ts'
import { RULES } from '../../../operator/monitoring/rules.ts'
import type { Tier } from '../../../operator/monitoring/rule.ts'
import type { OperatorPlace } from './operators.ts'
import type { Place, World } from './place.ts'

/** Where a fault is. */
export type Area =
  | 'exchange'
  | 'network'
  | 'NATS'
  | 'pod'
  | 'node'
  | 'clock'
  | 'disk'
  | 'memory'
  | 'processor'
  | 'configuration'
  | 'operator'
  | 'API server'

export type Alert = AlertName | OperatorRule['alert']

/** Takes the fault back. */
export type Undo = () => void | Promise<void>

interface Described {
  /** Name of the Collector or operator that it has for itself: a DNS label. */
  readonly id: string
  readonly area: Area
  /** What happens, as a clause. */
  readonly what: string
  /** Alerts that are right; the first that fires counts. None: it must stay silent. */
  readonly expect: readonly Alert[]
}

/** A fault around a Collector. */
export interface CollectorFault extends Described {
  readonly subject: 'collector'
  readonly world?: World
  /** Resolves when the fault is in its place. */
  readonly begin: (place: Place) => Undo | Promise<Undo>
}

/** A fault around an operator of its own. */
export interface OperatorFault extends Described {
  readonly subject: 'operator'
  readonly begin: (place: OperatorPlace) => Undo | Promise<Undo>
}

export type Fault = CollectorFault | OperatorFault

interface Promised {
  readonly tier: Tier
  readonly detectWithin: number
  readonly keepFiringFor?: string
}

/** What the rule of an alert promises. */
export function promised(alert: Alert): Promised {
  const rule = [...RULES, ...OPERATOR_RULES].find((one) => one.alert === alert)
  if (rule === undefined) throw new Error(`there is no rule ${alert}`)
  return rule
}

/** A fault may stand unsaid for so long before it counts as missed, s. */
export function patienceSeconds({ expect }: Pick<Fault, 'expect'>): number {
  const longest = Math.max(...expect.map((alert) => promised(alert).detectWithin), SILENT_SECONDS)
  return longest + 60
}

/** What must stay silent is watched for so long, s. */
export const SILENT_SECONDS = 120
