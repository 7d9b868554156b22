// Renders docs/operator-metrics.md from the declarations.
import { renderClasses, renderLabels } from '../../collector/metrics/page.ts'
import { METRICS } from '../metrics.ts'
import { LABELS } from './declare.ts'

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

${renderClasses(METRICS, 'Collectors, and the work on them')}
${renderLabels(LABELS)}`
}
