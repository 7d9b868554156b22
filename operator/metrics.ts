// Every metric of the operator: declared once under metrics/, put together and rendered here, as the collector does it.
//
// In: what is seen at a scrape, beside the counts of what happened. Out: the text that Prometheus reads. Always: a counter
// never falls and is there at 0 before its first event; a time is absent until there is one. Never: more series than
// docs/operator-metrics.md says, which grow with the number of Collectors only.
import { BUILD, expose } from '../collector/metrics/registry.ts'
import { clusterMetrics } from './metrics/cluster.ts'
import type { Counts } from './metrics/counts.ts'
import { seeProcess } from './metrics/observe.ts'
import type { OperatorSeen } from './metrics/observe.ts'
import { workMetrics } from './metrics/work.ts'

/** Every metric by its name. */
export const METRICS = { ...workMetrics, ...clusterMetrics } as const
export type MetricName = keyof typeof METRICS

/** What has to be asked of the parts of the operator at each scrape. */
export type Asked = Pick<OperatorSeen, 'lease' | 'queue' | 'watches' | 'certificateExpiresMs'>

export interface Metrics {
  /** The text for Prometheus. */
  text(): Promise<string>
}

/** All metrics of this process. */
export function openMetrics({ counts, ask }: { counts: Counts; ask: () => Asked }): Metrics {
  const text = expose(METRICS)
  const startedMs = performance.timeOrigin
  return { text: () => text({ ...ask(), startedMs, build: BUILD, counts, process: seeProcess() }) }
}
