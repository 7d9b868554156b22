// Tells the Prometheus Operator whom to scrape. Its API may be missing.
import type { KubeObject } from '../kube/objects.ts'
import type { Desired, Owner } from './facts.ts'
import { LABEL, collectorSelector } from './labels.ts'
import { metadataOf } from './metadata.ts'
import { PORT } from './pod.ts'

/** Alerts are to fire within a minute: what they compare is never older than this. */
const INTERVAL = '15s'
/** A pod that is slow comes on top of it. */
const TIMEOUT = '5s'

/** Labels of each series beside those that Prometheus gives every target: which Collector, shard and publisher it is of. */
const TARGET_LABELS = { collector: LABEL.instance, shard: LABEL.shard, publisher: LABEL.publisher }

/** Alerts and dashboards both read the series. */
export function wantsPodMonitor({ spec }: Owner): boolean {
  return spec.monitoring.alerts.enabled || spec.monitoring.dashboards.enabled
}

/** Wanted where the API is there and {@link wantsPodMonitor}. */
export function podMonitor({ owner }: Desired): KubeObject {
  const relabelings = Object.entries(TARGET_LABELS).map(([targetLabel, label]) => ({
    sourceLabels: [`__meta_kubernetes_pod_label_${label.replaceAll(/[^A-Za-z0-9_]/g, '_')}`],
    targetLabel,
    // Else the API server fills it in, within a list, and what stands there is never what is wanted.
    action: 'replace',
  }))
  return {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PodMonitor',
    metadata: metadataOf(owner, owner.name, owner.spec.monitoring.alerts.labels),
    spec: {
      selector: { matchLabels: collectorSelector(owner.name) },
      podMetricsEndpoints: [
        { port: PORT.name, path: '/metrics', interval: INTERVAL, scrapeTimeout: TIMEOUT, relabelings },
      ],
    },
  }
}
