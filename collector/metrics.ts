// Every metric of the collector: declared once under metrics/, put together and served here. A metric's name is a key of
// METRICS, so renaming it breaks the build of whoever uses it; docs/metrics.md is rendered from the declarations.
//
// In: a CollectorStatus, once a second, beside latency histograms and the process itself. Out: the text that Prometheus
// reads. Always: a counter never falls and is there at 0 before its first event; a time is absent until there is one.
// Never: nothing here is called for a message or a frame, and no series has a symbol.
import { Registry } from 'prom-client'
import type { Metric as Registered } from 'prom-client'
import packageJson from '../package.json' with { type: 'json' }
import { LATENCY_BOUNDS, LatencyTotal } from './latency.ts'
import type { Latencies } from './latency.ts'
import { connectionMetrics } from './metrics/connections.ts'
import { dataMetrics } from './metrics/flow.ts'
import type { Label, Metric, Row } from './metrics/declare.ts'
import { Observer } from './metrics/observe.ts'
import type { Observation } from './metrics/observe.ts'
import { processMetrics } from './metrics/process.ts'
import type { Runtime } from './runtime.ts'
import type { CollectorStatus } from './status.ts'

/** Every metric by its name. */
export const METRICS = { ...dataMetrics, ...connectionMetrics, ...processMetrics } as const

export type MetricName = keyof typeof METRICS

/** Content type of {@link Metrics.text}. */
export const METRICS_CONTENT_TYPE = Registry.PROMETHEUS_CONTENT_TYPE

export interface Metrics {
  /** Takes in a status, to be called once a second, and gives the text for Prometheus. */
  text(status: CollectorStatus): Promise<string>
}

/** All metrics of this process. */
export function openMetrics({
  latencies,
  runtime,
  certificateExpiresMs = () => undefined,
}: {
  latencies: Latencies
  runtime: Pick<Runtime, 'status'>
  certificateExpiresMs?: () => number | undefined
}): Metrics {
  const registry = new Registry()
  const observer = new Observer()
  const build = { version: packageJson.version, node: process.versions.node }
  let seen: Observation
  for (const [name, metric] of Object.entries<Metric>(METRICS)) register(registry, name, metric, () => seen)
  return {
    text(status) {
      const own = { runtime: runtime.status(), certificateExpiresMs: certificateExpiresMs() }
      seen = { status, latencies, build, ...own, ...observer.observe(status) }
      return registry.metrics()
    },
  }
}

/** The registry only asks a metric for its values; what keeps them for it is left out. */
function register(registry: Registry, name: string, metric: Metric, seen: () => Observation): void {
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
  if (!(value instanceof LatencyTotal)) return [{ metricName: name, labels: own, value }]
  const counts = value.cumulative(LATENCY_BOUNDS)
  const buckets = [...LATENCY_BOUNDS, '+Inf'].map((le, i) => ({
    metricName: `${name}_bucket`,
    labels: { ...own, le: String(le) },
    value: counts[i] as number,
  }))
  return [
    ...buckets,
    { metricName: `${name}_sum`, labels: own, value: value.sumSeconds },
    { metricName: `${name}_count`, labels: own, value: counts.at(-1) as number },
  ]
}
