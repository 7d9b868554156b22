// What the operator installs to watch a Collector, and how far that went.
import type { KubeObject } from '../kube/objects.ts'
import type { Desired } from '../resources/facts.ts'
import { acceptanceOf } from './accepted.ts'
import { prometheusRule } from './alerts.ts'
import { dashboardsOf } from './dashboard.ts'
import { podMonitor } from '../resources/pod-monitor.ts'
import { wantedRouting, wantsRouting } from './routing.ts'
import { unreadOf } from './selected.ts'

export interface Monitoring {
  readonly objects: readonly KubeObject[]
  /** Whether what the spec wants could be created, and, as far as somebody says so, was loaded. */
  readonly condition: { readonly status: 'True' | 'False'; readonly reason: string; readonly message: string }
}

/** @param live our objects as the cluster has them, with what others say of them */
export function monitoringOf(desired: Desired, live: readonly KubeObject[] = []): Monitoring {
  const alerts = [prometheusRule(desired), wantedRouting(desired)].filter((object) => object !== undefined)
  const objects = [...alerts, ...dashboardsOf(desired)]
  return { objects, condition: conditionOf(desired, objects, live) }
}

const UNVERIFIED = 'Not verified: whether a Prometheus has loaded the rules.'

function loadedText(by: readonly string[]): string {
  return `The rules are loaded by ${by.join(' and ')}.`
}

function conditionOf(
  desired: Desired,
  objects: readonly KubeObject[],
  live: readonly KubeObject[],
): Monitoring['condition'] {
  const { apis, readers } = desired.facts
  const { alerts, dashboards } = desired.owner.spec.monitoring
  if (!alerts.enabled && !dashboards.enabled) {
    return { status: 'False', reason: 'Disabled', message: 'spec.monitoring asks for neither alerts nor dashboards.' }
  }
  const missing = [
    ...(alerts.enabled && !apis.prometheusRule ? ['PrometheusRule'] : []),
    ...(!apis.podMonitor ? ['PodMonitor'] : []),
    ...(wantsRouting(desired.owner) && !apis.alertmanagerConfig ? ['AlertmanagerConfig'] : []),
  ]
  if (missing.length === 0) {
    const { problems, notes } = unreadOf([...objects, podMonitor(desired)], readers, apis.grafanaDashboard)
    const { loadedBy, rejected } = acceptanceOf(live)
    const loaded = alerts.enabled ? [loadedBy.length === 0 ? UNVERIFIED : loadedText(loadedBy)] : []
    const message = (said: readonly string[]) => ['The objects are created.', ...said].join(' ')
    if (rejected.length > 0) return { status: 'False', reason: 'Rejected', message: message(rejected) }
    if (problems.length > 0)
      return { status: 'False', reason: 'NotSelected', message: message([...problems, ...notes]) }
    return {
      status: 'True',
      reason: loadedBy.length === 0 ? 'Created' : 'Loaded',
      message: message([...loaded, ...notes]),
    }
  }
  return {
    status: 'False',
    reason: 'ApiMissing',
    message: `${missing.join(' and ')} of monitoring.coreos.com cannot be used here (the Prometheus Operator is not installed, or we may not); they are created as soon as they can be.`,
  }
}
