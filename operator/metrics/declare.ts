// How a metric of the operator is declared: the words that the files beside this one are written in.
import type { OperatorSeen } from './observe.ts'
import type { Histogram } from './tally.ts'

export type MetricType = 'counter' | 'gauge' | 'histogram'
/** What a metric tells of: the machine, the Collectors, the speed, or what went wrong. */
export type MetricClass = 'system' | 'business' | 'performance' | 'exception'
/** `flag` is 0 or 1, `timestamp` seconds since the epoch, `count` a number of what the name says. */
export type Unit = 'seconds' | 'bytes' | 'timestamp' | 'count' | 'flag'

/** Every label that a metric may have, and what its values are. */
export const LABELS = {
  namespace: 'namespace of the Collector',
  collector: 'name of the Collector',
  result: '`done` or `failed`',
  kind: 'kind of Kubernetes object',
  verb: '`get` (lists too), `create`, `patch`, `update`, `delete` or `watch`',
  code: '`2xx`, `3xx`, `404`, `409`, `410`, `429`, `4xx` (others), `5xx`, or `none` where no answer came',
  reason: 'one of a fixed list, which the help names',
  action: '`replace` or `move`',
  outcome: 'what became of it',
  ready: '`true` or `false`',
  event: '`added`, `changed`, `deleted` or `bookmark`',
  type: '`Normal` or `Warning`',
  mode: '`user` or `system`',
  version: 'version of MarketPrism',
  node: 'version of Node',
} as const
export type Label = keyof typeof LABELS

/** One series: its value, and the values of its labels in the order of the declaration. No value, no series. */
export type Row = readonly [value: number | Histogram | undefined, ...labels: string[]]

export interface Metric {
  readonly type: MetricType
  readonly class: MetricClass
  readonly unit: Unit
  readonly labels: readonly Label[]
  readonly help: string
  readonly read: (seen: OperatorSeen) => Iterable<Row>
}

/** Metrics by name: ours begin with the product and the program. */
export type Declarations = Readonly<
  Partial<Record<`marketprism_operator_${string}` | 'process_start_time_seconds', Metric>>
>
