// Two operators that are well, as Prometheus sees them, and what each alert on the operator is about.
import { OPERATOR_RULES, type OperatorRule } from '../../operator/monitoring/operator-rules.ts'
import { blip, type Clock, ends, flat, grows, growsThen, type Series, turns, type Values } from './values.ts'

/** Where they are installed, and by which job they are scraped. */
export const INSTALLED = { namespace: 'ops', job: 'prism-marketprism-operator-metrics' } as const

export type OperatorAlert = OperatorRule['alert']

const O = 'marketprism_operator_'
const DAY = 86_400
const [FIRST, SECOND] = ['pod="operator-1"', 'pod="operator-2"']
const LEADER = `${O}leader{${FIRST}}`
const STANDBY = `${O}leader{${SECOND}}`
const UP = [`up{${FIRST}}`, `up{${SECOND}}`] as const
const EXPIRES = `${O}certificate_expires_timestamp_seconds{${FIRST}}`
const heard = (kind: string) => `${O}watch_heard_timestamp_seconds{${FIRST},kind="${kind}"}`

/** A watch is heard of once a minute at least. */
const HEARD = grows(15)

export const OPERATOR_WELL: Series = {
  [UP[0]]: flat(1),
  [UP[1]]: flat(1),
  [LEADER]: flat(1),
  [STANDBY]: flat(0),
  [`${O}queue_failing{${FIRST}}`]: flat(0),
  [`${O}queue_failing{${SECOND}}`]: flat(0),
  [`${O}queue_depth{${FIRST}}`]: flat(3),
  [`${O}queue_depth{${SECOND}}`]: flat(0),
  [heard('Collector')]: HEARD,
  [heard('Pod')]: HEARD,
  [EXPIRES]: flat(30 * DAY),
}

/** Stands still for so many samples, and goes on. */
const halts =
  (samples: number): Values =>
  ({ before, seconds, all }: Clock) =>
    `0+15x${before} ${seconds}x${samples - 1} ${seconds + samples * 15}+15x${all}`

export interface OperatorFault {
  readonly series: Series
  /** What looks like it, and is none. */
  readonly near: Series
  /** Other alerts that are right, too. */
  readonly also?: readonly OperatorAlert[]
}

const FAULTS: Readonly<Record<OperatorAlert, OperatorFault>> = {
  MarketPrismOperatorDown: {
    // One hangs, and the other's pod is gone.
    series: { [UP[0]]: turns(1, 0), [UP[1]]: ends(1) },
    near: { [UP[0]]: turns(1, 0), [LEADER]: ends(1), [STANDBY]: turns(0, 1) },
  },
  MarketPrismOperatorNotLeading: {
    series: { [LEADER]: turns(1, 0) },
    // One takes over from the other, and none leads for half a minute.
    near: { [LEADER]: turns(1, 0), [STANDBY]: ({ before, all }) => `0x${before + 2} 1x${all}` },
  },
  MarketPrismOperatorPassesFailing: {
    series: { [`${O}queue_failing{${FIRST}}`]: turns(0, 2) },
    near: { [`${O}queue_failing{${FIRST}}`]: blip(0, 2, 18) },
  },
  MarketPrismOperatorQueueLong: {
    series: { [`${O}queue_depth{${FIRST}}`]: turns(3, 60) },
    near: { [`${O}queue_depth{${FIRST}}`]: turns(3, 45) },
  },
  MarketPrismOperatorWatchSilent: {
    series: { [heard('Pod')]: growsThen(15, 0) },
    near: { [heard('Pod')]: halts(14) },
  },
  MarketPrismOperatorCertificateExpiring: {
    series: { [EXPIRES]: turns(30 * DAY, 6 * DAY) },
    near: { [EXPIRES]: turns(30 * DAY, 8 * DAY) },
  },
}

/** What an alert is about. @throws Error for one that nobody has thought of yet */
export function operatorFaultOf(alert: OperatorAlert): OperatorFault {
  const fault = FAULTS[alert]
  if (fault === undefined) throw new Error(`${alert} has no fault; write it into test/support/operator-alerts.ts`)
  return fault
}

export const OPERATOR_ALERTS = OPERATOR_RULES.map(({ alert }) => alert)

/** Series of an installation with these changes, by their full names. */
export function operatorSeriesOf(
  changed: Series,
  clock: Clock,
  { namespace, job }: { readonly namespace: string; readonly job: string } = INSTALLED,
): Record<string, string> {
  const all = Object.entries({ ...OPERATOR_WELL, ...changed }).flatMap(([name, values]): [string, string][] => {
    if (values === undefined) return []
    return [[name.replace('{', `{namespace="${namespace}",job="${job}",`), values(clock)]]
  })
  return Object.fromEntries(all)
}
