// The dashboards of a Collector, in ConfigMaps as Grafana's sidecar takes them up, and as GrafanaDashboards for the
// Grafana Operator where that API is there.
//
// Each Collector has its overview. The others are there once in a namespace, with the Collector as a variable: the first
// Collector of the namespace carries them. A thousand Collectors with five dashboards each would be of no use to people,
// and would weigh a hundred megabytes in etcd, in every cache, and in the operator.
// Always: the same bytes for the same names; one dashboard in a ConfigMap, far below what kubectl can apply. The sidecar
// writes each key of each ConfigMap as a file into one folder, so a key names its namespace, too.
import { createHash } from 'node:crypto'
import type { AlertName } from '../../crds/alerts.ts'
import type { KubeObject } from '../kube/objects.ts'
import type { Desired, Owner } from '../resources/facts.ts'
import { metadataOf } from '../resources/metadata.ts'
import type { DashboardName } from './dashboards/panel.ts'
import alerts from './dashboards/templates/alerts.json' with { type: 'json' }
import exchange from './dashboards/templates/exchange.json' with { type: 'json' }
import operator from './dashboards/templates/operator.json' with { type: 'json' }
import overview from './dashboards/templates/overview.json' with { type: 'json' }
import performance from './dashboards/templates/performance.json' with { type: 'json' }
import quality from './dashboards/templates/quality.json' with { type: 'json' }
import { filled } from './dashboards/tokens.ts'
import { RUNBOOKS } from './rule.ts'

const TEMPLATES: Readonly<Record<DashboardName, { readonly title: string; readonly text: string }>> = {
  overview: { title: 'overview', text: JSON.stringify(overview) },
  exchange: { title: 'exchanges', text: JSON.stringify(exchange) },
  quality: { title: 'data quality and gaps', text: JSON.stringify(quality) },
  performance: { title: 'performance', text: JSON.stringify(performance) },
  operator: { title: 'operator and healing', text: JSON.stringify(operator) },
}
/** Dashboards that a namespace has once. */
export const SHARED = ['exchange', 'quality', 'performance', 'operator'] as const satisfies DashboardName[]

const KEY_MAX = 253
/** What the documents of the Grafana Operator label a Grafana with. */
const INSTANCES = { dashboards: 'grafana' } as const

type Named = Pick<Owner, 'namespace' | 'name'>

/** Label by which Grafana's sidecar finds dashboards. */
const SIDECAR = { grafana_dashboard: '1' } as const

export function isDashboard({ kind, metadata }: Pick<KubeObject, 'kind' | 'metadata'>): boolean {
  return kind === 'ConfigMap' && metadata.labels?.['grafana_dashboard'] !== undefined
}

/** ConfigMaps, and GrafanaDashboards where that API is there; none where the Collector wants none. */
export function dashboardsOf({ owner, facts, isFirst = false }: Desired): KubeObject[] {
  if (!owner.spec.monitoring.dashboards.enabled) return []
  const names: readonly DashboardName[] = isFirst ? ['overview', ...SHARED] : ['overview']
  const maps = names.map((name) => configMap(owner, name, facts.runbooks))
  return facts.apis.grafanaDashboard ? [...maps, ...names.map((name) => grafanaDashboard(owner, name))] : maps
}

/** Where Grafana shows what an alert is about: below its own address, where the spec does not say that. */
export function linkOf(owner: Owner, alert: AlertName): string {
  const { dashboard, panel } = PLACES[alert]
  const choices = [
    ...(dashboard === 'overview' ? [] : [`var-collector=${owner.name}`]),
    ...(panel === undefined ? [] : [`viewPanel=${panel}`]),
  ]
  return `${owner.spec.monitoring.dashboards.url ?? ''}/d/${uidOf(owner, dashboard)}?${choices.join('&')}`
}
const PLACES = alerts as Readonly<Record<AlertName, { readonly dashboard: DashboardName; readonly panel?: number }>>

/** At most 40 characters, as Grafana has it; the same after a restart, and in an export. */
export function uidOf({ namespace, name }: Named, dashboard: DashboardName): string {
  return `mp-${digest(dashboard === 'overview' ? `overview ${namespace}/${name}` : `${dashboard} ${namespace}`)}`
}

/** The dashboard as Grafana reads it. */
export function dashboardText(owner: Named, name: DashboardName, runbooks = RUNBOOKS): string {
  const { namespace } = owner
  const { title, text } = TEMPLATES[name]
  const whose = name === 'overview' ? `${namespace}/${owner.name}` : namespace
  return filled(text, {
    uid: uidOf(owner, name),
    title: `MarketPrism ${whose}: ${title}`,
    namespace,
    collector: owner.name,
    runbooks,
  })
}

/** A name of a file that no other dashboard has: `_` is in no name of Kubernetes. */
export function fileOf({ namespace, name }: Named, dashboard: DashboardName): string {
  const key = `marketprism_${namespace}_${name}_${dashboard}.json`
  return key.length <= KEY_MAX ? key : `marketprism_${digest(key)}_${dashboard}.json`
}

function configMap(owner: Owner, name: DashboardName, runbooks: string | undefined): KubeObject {
  const { labels, folder } = owner.spec.monitoring.dashboards
  const { labels: own = {}, ...metadata } = metadataOf(owner, `${owner.name}-${name}`, labels)
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: {
      ...metadata,
      labels: { ...SIDECAR, ...own },
      annotations: { grafana_folder: folder },
    },
    data: { [fileOf(owner, name)]: dashboardText(owner, name, runbooks) },
  }
}

function grafanaDashboard(owner: Owner, name: DashboardName): KubeObject {
  const { labels, folder, instances } = owner.spec.monitoring.dashboards
  // Which instances it is for can never be changed in an object: other instances, another object.
  const suffix = instances === undefined ? '' : `-${digest(canonical(instances)).slice(0, 6)}`
  return {
    apiVersion: 'grafana.integreatly.org/v1beta1',
    kind: 'GrafanaDashboard',
    metadata: metadataOf(owner, `${owner.name}-${name}${suffix}`, labels),
    spec: {
      instanceSelector: { matchLabels: instances ?? INSTANCES },
      // Grafana is in another namespace nearly always.
      allowCrossNamespaceImport: true,
      folder,
      configMapRef: { name: `${owner.name}-${name}`, key: fileOf(owner, name) },
    },
  }
}

/** The same whatever the order. */
function canonical(labels: Readonly<Record<string, string>>): string {
  const lines = Object.entries(labels).map(([key, value]) => `${key}=${value}`)
  return lines.toSorted().join(',')
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32)
}
