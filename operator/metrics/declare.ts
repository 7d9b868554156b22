// The operator's labels: what the files beside this one declare its metrics with.
import { PROGRAM_LABELS } from '../../collector/metrics/catalogue.ts'
import type * as catalogue from '../../collector/metrics/catalogue.ts'
import type { OperatorSeen } from './observe.ts'

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
  ...PROGRAM_LABELS,
} as const
export type Label = keyof typeof LABELS

export type Metric = catalogue.Metric<OperatorSeen, Label>
export type Declarations = catalogue.Declarations<'operator', OperatorSeen, Label>
