// The kinds that the operator makes for a Collector, by name, and what of them makes pods new.
import {
  ALERTMANAGER_CONFIG,
  CONFIG_MAP,
  DEPLOYMENT,
  DISRUPTION_BUDGET,
  GRAFANA_DASHBOARD,
  type Kind,
  type KubeObject,
  NETWORK_POLICY,
  POD_MONITOR,
  PROMETHEUS_RULE,
  SERVICE,
  SERVICE_ACCOUNT,
  VOLUME_CLAIM,
} from '../kube/objects.ts'
import { API_VERSION, GROUP, KIND } from '../../crds/collector.ts'

export const COLLECTOR: Kind = {
  group: GROUP,
  version: API_VERSION,
  plural: 'collectors',
  kind: KIND,
  namespaced: true,
}

/** Kinds that every cluster has. */
export const MADE: readonly Kind[] = [
  CONFIG_MAP,
  DEPLOYMENT,
  DISRUPTION_BUDGET,
  NETWORK_POLICY,
  SERVICE,
  SERVICE_ACCOUNT,
  VOLUME_CLAIM,
]

/** Kinds of other operators: used where they are there. */
export const OPTIONAL = {
  podMonitor: POD_MONITOR,
  prometheusRule: PROMETHEUS_RULE,
  alertmanagerConfig: ALERTMANAGER_CONFIG,
  grafanaDashboard: GRAFANA_DASHBOARD,
} as const

export const KIND_OF: Readonly<Record<string, Kind>> = Object.fromEntries(
  [...MADE, ...Object.values(OPTIONAL)].map((kind) => [kind.kind, kind]),
)

/** Annotation of a Deployment: the hash of its pod template as we applied it. */
export const TEMPLATE = `${GROUP}/template`

/** Whether applying the object would make new pods. */
export function isTemplateOf(object: KubeObject, live: KubeObject): boolean {
  if (object.kind !== 'Deployment') return false
  return object.metadata.annotations?.[TEMPLATE] !== live.metadata.annotations?.[TEMPLATE]
}
