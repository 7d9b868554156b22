// What the operator installs to watch a Collector as plain files, for those who have no operator of ours, or not the one
// of Prometheus or of Grafana.
//
// Always: from the same functions as the objects; the same bytes for the same Collector; no owner, no uid.
import { stringify } from 'yaml'
import type { DashboardName } from './dashboards/panel.ts'
import type { KubeObject } from '../kube/objects.ts'
import type { Desired, Owner } from '../resources/facts.ts'
import { podMonitor } from '../resources/pod-monitor.ts'
import { groupsOf, prometheusRule } from './alerts.ts'
import { dashboardText, fileOf, SHARED } from './dashboard.ts'
import { alertmanagerConfig, alertmanagerOf } from './routing.ts'

export interface ExportedFile {
  /** A name without a folder. */
  readonly path: string
  readonly content: string
}

/** None where the Collector wants neither alerts nor dashboards. */
export function filesOf(desired: Desired): ExportedFile[] {
  const { owner, facts } = desired
  const { alerts, dashboards } = owner.spec.monitoring
  if (!alerts.enabled && !dashboards.enabled) return []
  const { name } = owner
  const monitor = podMonitor(desired)
  return [
    yaml(`${name}.podmonitor.yaml`, 'For the Prometheus Operator.', ownerless(monitor)),
    yaml(
      `${name}.scrape.yaml`,
      'For a Prometheus in the cluster: under scrape_config_files.',
      scrapeOf(owner, monitor),
    ),
    ...(alerts.enabled ? alertFiles(desired) : []),
    ...(dashboards.enabled
      ? (['overview', ...SHARED] as DashboardName[]).map((one) => dashboardFile(owner, one, facts.runbooks))
      : []),
  ]
}

function alertFiles(desired: Desired): ExportedFile[] {
  const { owner, facts } = desired
  const { name } = owner
  const rule = prometheusRule(desired)
  if (rule === undefined) return []
  const receivers = 'Fill in the receivers.'
  return [
    yaml(`${name}.rules.yaml`, 'For Prometheus: under rule_files.', { groups: groupsOf(owner, facts.runbooks) }),
    yaml(`${name}.prometheusrule.yaml`, 'The same for the Prometheus Operator.', ownerless(rule)),
    yaml(`${name}.alertmanager.yaml`, `For Alertmanager: routes and inhibitions. ${receivers}`, alertmanagerOf(owner)),
    yaml(
      `${name}.alertmanagerconfig.yaml`,
      `The same for the Prometheus Operator. ${receivers}`,
      ownerless(alertmanagerConfig(owner)),
    ),
  ]
}

function dashboardFile(owner: Owner, name: DashboardName, runbooks: string | undefined): ExportedFile {
  return { path: fileOf(owner, name), content: `${dashboardText(owner, name, runbooks)}\n` }
}

interface MonitorSpec {
  readonly selector: { readonly matchLabels: Readonly<Record<string, string>> }
  readonly podMetricsEndpoints: readonly {
    readonly port: string
    readonly path: string
    readonly interval: string
    readonly scrapeTimeout: string
    readonly relabelings: readonly { readonly sourceLabels: readonly string[]; readonly targetLabel: string }[]
  }[]
}

/** What the Prometheus Operator makes of a PodMonitor. */
function scrapeOf({ namespace, name }: Owner, monitor: KubeObject): object {
  const { selector, podMetricsEndpoints } = monitor['spec'] as MonitorSpec
  const keep = (source: string, regex: string) => ({ source_labels: [source], regex, action: 'keep' })
  const take = (source: string, target: string) => ({ source_labels: [source], target_label: target })
  return {
    scrape_configs: podMetricsEndpoints.map(({ port, path, interval, scrapeTimeout, relabelings }) => ({
      job_name: `${namespace}/${name}`,
      scrape_interval: interval,
      scrape_timeout: scrapeTimeout,
      metrics_path: path,
      kubernetes_sd_configs: [{ role: 'pod', namespaces: { names: [namespace] } }],
      relabel_configs: [
        ...Object.entries(selector.matchLabels).map(([label, value]) => {
          return keep(`__meta_kubernetes_pod_label_${label.replaceAll(/[^A-Za-z0-9_]/g, '_')}`, value)
        }),
        keep('__meta_kubernetes_pod_container_port_name', port),
        take('__meta_kubernetes_namespace', 'namespace'),
        take('__meta_kubernetes_pod_name', 'pod'),
        take('__meta_kubernetes_pod_container_name', 'container'),
        ...relabelings.map(({ sourceLabels: [source = ''], targetLabel }) => take(source, targetLabel)),
      ],
    })),
  }
}

function ownerless(object: KubeObject): KubeObject {
  const { ownerReferences: _, ...metadata } = object.metadata
  return { ...object, metadata }
}

function yaml(path: string, note: string, content: object): ExportedFile {
  return { path, content: `# ${note}\n${stringify(content, { lineWidth: 0, aliasDuplicateObjects: false })}` }
}
