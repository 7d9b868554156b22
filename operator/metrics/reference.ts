// Renders docs/operator-metrics.md from the declarations.
import { METRICS } from '../metrics.ts'
import { LABELS } from './declare.ts'
import type { Label, Metric, MetricClass } from './declare.ts'

const CLASSES: Record<MetricClass, string> = {
  business: 'Business: Collectors, and the work on them',
  exception: 'Exception: what went wrong',
  performance: 'Performance: how fast, and how near to a limit',
  system: 'System: the process and what it is connected to',
}

/** The reference page of the operator's metrics, Markdown. */
export function renderOperatorMetrics(): string {
  return `# Metrics of the operator

Generated from \`operator/metrics/\`; do not edit. Served at \`:8443/metrics\` over HTTPS, to who may get them (see the
[chart](../charts/marketprism/README.md)).

Times are seconds, sizes bytes; a name ends in its unit, a counter in \`_total\`. Counters are there at 0 before their first
event. A time is absent until there is one. Every operator serves them; passes, Collectors and healing are those of the one
that leads. \`namespace\` and \`collector\` are those of the Collector: scrape with \`honorLabels: true\`, as the chart's
ServiceMonitor does, or they arrive as \`exported_namespace\`.

Series: about 500 whatever the cluster, and at most seven for each Collector.

${(Object.keys(CLASSES) as MetricClass[]).map(renderClass).join('\n')}
## Labels

| label | values |
|---|---|
${(Object.keys(LABELS) as Label[]).map((label) => `| \`${label}\` | ${LABELS[label]} |`).join('\n')}
`
}

function renderClass(of: MetricClass): string {
  const rows = Object.entries<Metric>(METRICS).filter(([, metric]) => metric.class === of)
  return `## ${CLASSES[of]}

| metric | type | unit | labels | |
|---|---|---|---|---|
${rows.map(([name, metric]) => renderRow(name, metric)).join('\n')}
`
}

function renderRow(name: string, { type, unit, labels, help }: Metric): string {
  return `| \`${name}\` | ${type} | ${unit} | ${labels.map((label) => `\`${label}\``).join(' ')} | ${help} |`
}
