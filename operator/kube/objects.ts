// Kubernetes objects as they travel: plain JSON, never a generated class, so that no field is lost on the way.
//
// Always: frozen or treated as such; what is read from a cache is shared. Never: a kind is compared by name elsewhere
// than here; each carries what a request needs to know of it.

export interface OwnerReference {
  readonly apiVersion: string
  readonly kind: string
  readonly name: string
  readonly uid: string
  readonly controller?: boolean
  readonly blockOwnerDeletion?: boolean
}

export interface Metadata {
  readonly name: string
  readonly namespace?: string
  readonly uid?: string
  readonly resourceVersion?: string
  readonly generation?: number
  readonly creationTimestamp?: string
  readonly deletionTimestamp?: string
  readonly labels?: Readonly<Record<string, string>>
  readonly annotations?: Readonly<Record<string, string>>
  readonly ownerReferences?: readonly OwnerReference[]
}

/** Any object; what is below `spec`, `status`, `data` … is its kind's own. */
export interface KubeObject {
  readonly apiVersion: string
  readonly kind: string
  readonly metadata: Metadata
  readonly [field: string]: unknown
}

/** What a request needs to know of a kind. */
export interface Kind {
  /** Empty for the core group. */
  readonly group: string
  readonly version: string
  readonly plural: string
  readonly kind: string
  readonly namespaced: boolean
}

/** `apps/v1`, `v1` */
export function apiVersionOf({ group, version }: Kind): string {
  return group === '' ? version : `${group}/${version}`
}

/** Path of a collection, or of one object, at the API server. */
export function pathOf(kind: Kind, namespace?: string, name?: string): string {
  const { group, version, plural, namespaced } = kind
  const root = group === '' ? `/api/${version}` : `/apis/${group}/${version}`
  const scope = namespaced && namespace !== undefined ? `/namespaces/${encodeURIComponent(namespace)}` : ''
  return `${root}${scope}/${plural}${name === undefined ? '' : `/${encodeURIComponent(name)}`}`
}

/** `namespace/name`; the namespace of what has none is empty. */
export function keyOf({ metadata }: Pick<KubeObject, 'metadata'>): string {
  return `${metadata.namespace ?? ''}/${metadata.name}`
}

/** The two halves of {@link keyOf}. */
export function namesOf(key: string): { readonly namespace: string; readonly name: string } {
  const slash = key.indexOf('/')
  return { namespace: key.slice(0, slash), name: key.slice(slash + 1) }
}

/** Whether a resourceVersion came after another. They are numbers that grow: the API's own rule since Kubernetes 1.35. */
export function isNewer(one: string, other: string): boolean {
  return one.length === other.length ? one > other : one.length > other.length
}

/** The reference by which an object is its controller's. */
export function controllerOf({ metadata }: Pick<KubeObject, 'metadata'>): OwnerReference | undefined {
  return metadata.ownerReferences?.find(({ controller }) => controller === true)
}

function kind(group: string, version: string, plural: string, name: string, namespaced = true): Kind {
  return { group, version, plural, kind: name, namespaced }
}

/** Kubernetes' own kinds that we read or write. */
export const CONFIG_MAP = kind('', 'v1', 'configmaps', 'ConfigMap')
export const EVENT = kind('events.k8s.io', 'v1', 'events', 'Event')
export const NAMESPACE = kind('', 'v1', 'namespaces', 'Namespace', false)
export const NODE = kind('', 'v1', 'nodes', 'Node', false)
export const VOLUME_CLAIM = kind('', 'v1', 'persistentvolumeclaims', 'PersistentVolumeClaim')
export const POD = kind('', 'v1', 'pods', 'Pod')
export const SECRET = kind('', 'v1', 'secrets', 'Secret')
export const SERVICE = kind('', 'v1', 'services', 'Service')
export const SERVICE_ACCOUNT = kind('', 'v1', 'serviceaccounts', 'ServiceAccount')
export const DEPLOYMENT = kind('apps', 'v1', 'deployments', 'Deployment')
export const ENDPOINT_SLICE = kind('discovery.k8s.io', 'v1', 'endpointslices', 'EndpointSlice')
export const LEASE = kind('coordination.k8s.io', 'v1', 'leases', 'Lease')
export const NETWORK_POLICY = kind('networking.k8s.io', 'v1', 'networkpolicies', 'NetworkPolicy')
export const DISRUPTION_BUDGET = kind('policy', 'v1', 'poddisruptionbudgets', 'PodDisruptionBudget')
export const CRD = kind('apiextensions.k8s.io', 'v1', 'customresourcedefinitions', 'CustomResourceDefinition', false)

/** Kinds of other operators, which may be missing. */
export const POD_MONITOR = kind('monitoring.coreos.com', 'v1', 'podmonitors', 'PodMonitor')
export const PROMETHEUS_RULE = kind('monitoring.coreos.com', 'v1', 'prometheusrules', 'PrometheusRule')
export const ALERTMANAGER_CONFIG = kind(
  'monitoring.coreos.com',
  'v1alpha1',
  'alertmanagerconfigs',
  'AlertmanagerConfig',
)
/** Only looked at. */
export const PROMETHEUS = kind('monitoring.coreos.com', 'v1', 'prometheuses', 'Prometheus')
export const GRAFANA_DASHBOARD = kind('grafana.integreatly.org', 'v1beta1', 'grafanadashboards', 'GrafanaDashboard')
