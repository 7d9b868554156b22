// Renders docs/metrics.md from the declarations.
import { LATENCY_BOUNDS } from '../latency.ts'
import { METRICS } from '../metrics.ts'
import { LABELS } from './declare.ts'
import type { Metric } from './declare.ts'
import { renderClasses, renderLabels } from './page.ts'

type Declared = Pick<Metric, 'type'> & { readonly labels: readonly string[] }

/** How many values labels together have in one pod: what its series are bounded by. */
const SERIES: Record<string, string> = {
  '': '1',
  'exchange,market,type': 'K',
  'exchange,market,type,state': '4 K',
  'exchange,market,type,check,action': '18 K',
  'exchange,market': 'M',
  'exchange,market,state': '3 M',
  'exchange,market,cause': '2 M',
  'exchange,market,outcome': '3 M',
  'exchange,host': 'A',
  'exchange,host,state': '3 A',
  outcome: '3',
  reason: 'at most 32',
  sink: '1',
  kind: '4',
  mode: '2',
  'version,node': '1',
}

/** The reference page of the collector's metrics, Markdown. */
export function renderMetrics(): string {
  return `# Metrics of a collector

Generated from \`collector/metrics/\`; do not edit. Served at \`:8080/metrics\`, made anew once a second.

Times are seconds, sizes bytes; a name ends in its unit, a counter in \`_total\`. Counters are there at 0 before their first
event. A time is absent until there is one. No series has a symbol: channels are counted together by exchange, market and
type. Which collector and shard a series is of, the scrape says (\`collector\` and \`shard\` are labels of the pod).

${renderClasses(METRICS, 'the data itself', seriesText)}
${renderLabels(LABELS)}
## How many series

K is the number of kinds (exchange, market, type) in a pod, M of exchanges and markets, A of REST addresses. A histogram has
${histogramSeries()} series for each set of labels. A pod has at most ${bound()} series; one that collects four types
from two markets of one exchange has at most ${boundOf({ K: 8, M: 2, A: 2 })}. Symbols add none.
`
}

/** The most series that a pod with so many kinds, markets and addresses has. */
export function boundOf(counts: { K: number; M: number; A: number }): number {
  const each = (series: string) => {
    const [, factor, unit] = /(\d*) ?([KMA]?)$/.exec(series) as unknown as [string, string, '' | keyof typeof counts]
    return Number(factor || 1) * (unit === '' ? 1 : counts[unit])
  }
  const metrics = Object.values<Metric>(METRICS)
  return metrics.reduce((all, m) => all + each(seriesOf(m)) * (m.type === 'histogram' ? histogramSeries() : 1), 0)
}

function bound(): string {
  const sums = { K: 0, M: 0, A: 0 }
  const none = boundOf(sums)
  const terms = (['K', 'M', 'A'] as const).map((unit) => `${boundOf({ ...sums, [unit]: 1 }) - none} ${unit}`)
  return `${none} + ${terms.join(' + ')}`
}

function seriesText(metric: Declared): string {
  return `${metric.type === 'histogram' ? `${histogramSeries()} × ` : ''}${seriesOf(metric)}`
}

function seriesOf(metric: Declared): string {
  const series = SERIES[metric.labels.join()]
  if (series === undefined)
    throw new Error(`no bound is known for the labels ${metric.labels.join()}; add it to SERIES`)
  return series
}

/** Buckets, the one without a bound, sum and count. */
function histogramSeries(): number {
  return LATENCY_BOUNDS.length + 3
}
