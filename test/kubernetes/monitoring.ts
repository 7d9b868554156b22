// The kinds of the Prometheus Operator in a control plane of the tests, with whatever fields: there, and gone again.
import { type Kind, POD_MONITOR, PROMETHEUS_RULE } from '../../operator/kube/objects.ts'
import type { ControlPlane } from './controlplane.ts'
import { removeKind, serveKind } from './kinds.ts'

export type MonitoringPlural = keyof typeof KINDS

const KINDS = {
  podmonitors: POD_MONITOR,
  prometheusrules: PROMETHEUS_RULE,
  servicemonitors: { ...POD_MONITOR, plural: 'servicemonitors', kind: 'ServiceMonitor' },
} as const satisfies Record<string, Kind>

/** Resolves when the API server serves them. */
export async function installMonitoring(plane: ControlPlane, ...plurals: readonly MonitoringPlural[]): Promise<void> {
  for (const plural of plurals) await serveKind(plane, KINDS[plural])
}

/** Resolves when they are gone, and every object of them. */
export async function uninstallMonitoring(plane: ControlPlane, ...plurals: readonly MonitoringPlural[]): Promise<void> {
  for (const plural of plurals) await removeKind(plane, KINDS[plural])
}
