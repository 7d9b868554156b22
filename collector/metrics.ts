// Every metric of the collector: declared once under metrics/, put together and served here. A metric's name is a key of
// METRICS, so renaming it breaks the build of whoever uses it; docs/metrics.md is rendered from the declarations.
//
// In: a CollectorStatus, once a second, beside latency histograms and the process itself. Out: the text that Prometheus
// reads. Always: a counter never falls and is there at 0 before its first event; a time is absent until there is one.
// Never: nothing here is called for a message or a frame, and no series has a symbol.
import type { Latencies } from './latency.ts'
import { connectionMetrics } from './metrics/connections.ts'
import { dataMetrics } from './metrics/flow.ts'
import { Observer } from './metrics/observe.ts'
import { processMetrics } from './metrics/process.ts'
import { BUILD, expose } from './metrics/registry.ts'
import type { Runtime } from './runtime.ts'
import type { CollectorStatus } from './status.ts'

/** Every metric by its name. */
export const METRICS = { ...dataMetrics, ...connectionMetrics, ...processMetrics } as const

export type MetricName = keyof typeof METRICS

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
  const text = expose(METRICS)
  const observer = new Observer()
  return {
    text: (status) =>
      text({
        status,
        latencies,
        build: BUILD,
        startedMs: status.startedMs,
        process: runtime.status(),
        certificateExpiresMs: certificateExpiresMs(),
        ...observer.observe(status),
      }),
  }
}
