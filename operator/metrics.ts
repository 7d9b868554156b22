// Every metric of the operator: declared once under metrics/, put together and rendered here, as the collector does it.
//
// In: what is seen at a scrape, beside the counts of what happened. Out: the text that Prometheus reads. Always: a counter
// never falls and is there at 0 before its first event; a time is absent until there is one. Never: more series than
// docs/operator-metrics.md says, which grow with the number of Collectors only.
import { Registry } from 'prom-client'
import type { Metric as Registered } from 'prom-client'
import packageJson from '../package.json' with { type: 'json' }
import { clusterMetrics } from './metrics/cluster.ts'
import type { Counts } from './metrics/counts.ts'
import type { Label, Metric, Row } from './metrics/declare.ts'
import { seeProcess } from './metrics/observe.ts'
import type { OperatorSeen } from './metrics/observe.ts'
import { Histogram } from './metrics/tally.ts'
import { workMetrics } from './metrics/work.ts'

/** Every metric by its name. */
export const METRICS = { ...workMetrics, ...clusterMetrics } as const
export type MetricName = keyof typeof METRICS

/** Content type of {@link Metrics.text}. */
export const METRICS_CONTENT_TYPE = Registry.PROMETHEUS_CONTENT_TYPE

/** What has to be asked of the parts of the operator at each scrape. */
export type Asked = Pick<OperatorSeen, 'lease' | 'queue' | 'watches' | 'certificateExpiresMs'>

export interface Metrics {
  /** The text for Prometheus. */
  text(): Promise<string>
}

/** All metrics of this process. */
export function openMetrics({ counts, ask }: { counts: Counts; ask: () => Asked }): Metrics {
  const registry = new Registry()
  const build = { version: packageJson.version, node: process.versions.node }
  const startedMs = performance.timeOrigin
  let seen: OperatorSeen
  for (const [name, metric] of Object.entries<Metric>(METRICS)) register(registry, name, metric, () => seen)
  return {
    text() {
      seen = { ...ask(), atMs: Date.now(), startedMs, build, counts, process: seeProcess() }
      return registry.metrics()
    },
  }
}

/** The registry only asks a metric for its values; what keeps them for it is left out. */
function register(registry: Registry, name: string, metric: Metric, seen: () => OperatorSeen): void {
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

function samples(name: string, labels: readonly Label[], [value, ...labelValues]: Row): Sample[] {
  const own = Object.fromEntries(labels.map((label, i) => [label, labelValues[i] as string]))
  if (value === undefined) return []
  if (!(value instanceof Histogram)) return [{ metricName: name, labels: own, value }]
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
