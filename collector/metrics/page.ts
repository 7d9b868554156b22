// What the reference pages of both catalogues have in common: a table of metrics for each class, and one of labels.
import type { Metric, MetricClass } from './catalogue.ts'

const CLASSES: Readonly<Record<MetricClass, string>> = {
  business: 'Business',
  exception: 'Exception: what went wrong',
  performance: 'Performance: how fast, and how near to a limit',
  system: 'System: the process and what it is connected to',
}

type Named = Readonly<Record<string, Pick<Metric<never, string>, 'type' | 'class' | 'unit' | 'labels' | 'help'>>>
type Series = (metric: Named[string]) => string

/** A section for each class of metrics, Markdown; `series` says how many series a metric has, where the page tells it. */
export function renderClasses(metrics: Named, business: string, series?: Series): string {
  const section = ([of, title]: [string, string]) => `## ${of === 'business' ? `${title}: ${business}` : title}

| metric | type | unit | labels |${series === undefined ? '' : ' series |'} |
|---|---|---|---|${series === undefined ? '' : '---|'}---|
${Object.entries(metrics)
  .filter(([, metric]) => metric.class === of)
  .map(([name, metric]) => row(name, metric, series))
  .join('\n')}
`
  return Object.entries(CLASSES).map(section).join('\n')
}

function row(name: string, metric: Named[string], series?: Series): string {
  const labels = metric.labels.map((label) => `\`${label}\``).join(' ')
  const count = series === undefined ? [] : [series(metric)]
  return `| ${[`\`${name}\``, metric.type, metric.unit, labels, ...count, metric.help].join(' | ')} |`
}

/** A row for each label, and what its values are, Markdown. */
export function renderLabels(labels: Readonly<Record<string, string>>): string {
  const rows = Object.entries(labels).map(([label, values]) => `| \`${label}\` | ${values} |`)
  return `## Labels

| label | values |
|---|---|
${rows.join('\n')}
`
}
