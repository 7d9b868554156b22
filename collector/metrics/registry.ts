// A catalogue as Prometheus reads it. This file alone knows prom-client.
//
// Always: a metric is read when it is asked for, and only then. Never: a value is kept here.
import { Registry } from 'prom-client'
import type { Metric as Registered } from 'prom-client'
import packageJson from '../../package.json' with { type: 'json' }
import type { Metric, Row } from './catalogue.ts'

/** Content type of what {@link expose} gives. */
export const METRICS_CONTENT_TYPE = Registry.PROMETHEUS_CONTENT_TYPE

/** What runs: for the labels of `build_info`. */
export const BUILD = { version: packageJson.version, node: process.versions.node }

/** The text for Prometheus of all metrics of a catalogue, read from what is seen at the moment. */
export function expose<Seen>(metrics: Readonly<Record<string, Metric<Seen, string>>>): (seen: Seen) => Promise<string> {
  const registry = new Registry()
  let current: Seen
  for (const [name, metric] of Object.entries(metrics)) register(registry, name, metric, () => current)
  return (seen) => {
    current = seen
    return registry.metrics()
  }
}

/** The registry only asks a metric for its values; what keeps them for it is left out. */
function register<Seen>(registry: Registry, name: string, metric: Metric<Seen, string>, seen: () => Seen): void {
  const { type, help, labels } = metric
  const values = () => [...metric.read(seen())].flatMap((row) => samples(name, labels, row))
  const registered = { name, type, help, aggregator: 'sum', get: async () => ({ name, type, help, values: values() }) }
  registry.registerMetric(registered as unknown as Registered)
}

interface Sample {
  readonly metricName: string
  readonly labels: Record<string, string>
  readonly value: number
}

function samples(name: string, labels: readonly string[], [value, ...labelValues]: Row): Sample[] {
  const own = Object.fromEntries(labels.map((label, i) => [label, labelValues[i] as string]))
  if (value === undefined) return []
  if (typeof value === 'number') return [{ metricName: name, labels: own, value }]
  const counts = value.cumulative()
  const buckets = [...value.bounds, '+Inf'].map((le, i) => ({
    metricName: `${name}_bucket`,
    labels: { ...own, le: String(le) },
    value: counts[i] as number,
  }))
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels: own, value: value.sum },
    { metricName: `${name}_count`, labels: own, value: counts.at(-1) as number },
  ]
}
