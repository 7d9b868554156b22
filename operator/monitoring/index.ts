// What the operator installs to watch a Collector, and how far that went.
import type { KubeObject } from '../kube/objects.ts'
import type { Desired } from '../resources/facts.ts'
import { prometheusRule } from './alerts.ts'
import { dashboardsOf } from './dashboard.ts'
import { podMonitor } from '../resources/pod-monitor.ts'
import { unreadOf } from './selected.ts'

export interface Monitoring {
  readonly objects: readonly KubeObject[]
  /** Whether what the spec wants could be created. Whether it was loaded is known to Prometheus and Grafana alone. */
  readonly condition: { readonly status: 'True' | 'False'; readonly reason: string; readonly message: string }
}

export function monitoringOf(desired: Desired): Monitoring {
  const rule = prometheusRule(desired)
  const objects = [...(rule === undefined ? [] : [rule]), ...dashboardsOf(desired)]
  return { objects, condition: conditionOf(desired, objects) }
}

function conditionOf(desired: Desired, objects: readonly KubeObject[]): Monitoring['condition'] {
  const { apis, readers } = desired.facts
  const { alerts, dashboards } = desired.owner.spec.monitoring
  if (!alerts.enabled && !dashboards.enabled) {
    return { status: 'False', reason: 'Disabled', message: 'spec.monitoring asks for neither alerts nor dashboards.' }
  }
  const missing = [
    ...(alerts.enabled && !apis.prometheusRule ? ['PrometheusRule'] : []),
    ...(!apis.podMonitor ? ['PodMonitor'] : []),
  ]
  if (missing.length === 0) {
    const { problems, notes } = unreadOf([...objects, podMonitor(desired)], readers, apis.grafanaDashboard)
    const message = ['The objects are created.', ...problems, ...notes].join(' ')
    return problems.length === 0
      ? { status: 'True', reason: 'Created', message }
      : { status: 'False', reason: 'NotSelected', message }
  }
  return {
    status: 'False',
    reason: 'ApiMissing',
    message: `${missing.join(' and ')} of monitoring.coreos.com cannot be used here (the Prometheus Operator is not installed, or we may not); they are created as soon as they can be.`,
  }
}
