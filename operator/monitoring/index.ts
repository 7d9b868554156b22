// What the operator installs to watch a Collector, and how far that went.
import type { KubeObject } from '../kube/objects.ts'
import type { ClusterFacts, Desired, Owner } from '../resources/facts.ts'
import { prometheusRule } from './alerts.ts'
import { dashboard } from './dashboard.ts'

export interface Monitoring {
  readonly objects: readonly KubeObject[]
  /** Whether what the spec wants could be created. Whether it was loaded is known to Prometheus and Grafana alone. */
  readonly condition: { readonly status: 'True' | 'False'; readonly reason: string; readonly message: string }
}

export function monitoringOf(desired: Desired): Monitoring {
  const objects = [prometheusRule(desired), dashboard(desired)].filter((object) => object !== undefined)
  return { objects, condition: conditionOf(desired.owner, desired.facts) }
}

const CREATED =
  'The objects are created. Whether they are loaded depends on the labels that your Prometheus and Grafana select.'

function conditionOf({ spec }: Owner, { apis }: ClusterFacts): Monitoring['condition'] {
  const { alerts, dashboards } = spec.monitoring
  if (!alerts.enabled && !dashboards.enabled) {
    return { status: 'False', reason: 'Disabled', message: 'spec.monitoring asks for neither alerts nor dashboards.' }
  }
  const missing = [
    ...(alerts.enabled && !apis.prometheusRule ? ['PrometheusRule'] : []),
    ...(!apis.podMonitor ? ['PodMonitor'] : []),
  ]
  if (missing.length === 0) return { status: 'True', reason: 'Created', message: CREATED }
  return {
    status: 'False',
    reason: 'ApiMissing',
    message: `${missing.join(' and ')} of the Prometheus Operator cannot be used here (not installed, or not permitted); they are created as soon as they can be.`,
  }
}
