// Renders docs/monitoring.md from the declarations of metrics, rules and dashboards.
import { METRICS as COLLECTOR } from '../../collector/metrics.ts'
import { METRICS as OPERATOR } from '../metrics.ts'
import { SEVERITIES } from './alerts.ts'
import { DASHBOARDS } from './dashboards/all.ts'
import type { Dashboard, Panel } from './dashboards/panel.ts'
import { OPERATOR_RULES } from './operator-rules.ts'
import type { Rule, Tier } from './rule.ts'
import { RULES } from './rules.ts'

const CLASSES = {
  business: 'the data itself: messages, channels, gaps; Collectors and the work on them',
  exception: 'what went wrong',
  performance: 'how fast, and how near to a limit',
  system: 'processes, and what they are connected to',
} as const
type MetricClass = keyof typeof CLASSES

const TIERS: Readonly<Record<Tier, string>> = {
  P1: 'data is being lost now, or a Collector is dark: somebody is woken',
  P2: 'data soon is lost, or some already was: within the hour',
  P3: 'tomorrow',
}

/** The page about monitoring, Markdown. */
export function renderMonitoring(): string {
  return `# Monitoring

Generated from \`operator/monitoring/\`, \`operator/metrics/\` and \`collector/metrics/\`; do not edit.

${renderInstalled()}
${renderNames()}
${renderAlerts()}
${renderDashboards()}
${renderAlone()}`
}

function renderInstalled(): string {
  return `## What a Collector brings with it

| object | name | when |
|---|---|---|
| PodMonitor | \`majors\` | with alerts or dashboards, where that API is there; every 15 s |
| PrometheusRule | \`majors\` | with alerts, where that API is there; judged every 15 s |
| AlertmanagerConfig | \`majors\` | where \`spec.monitoring.alerts.routing.enabled\`, and that API is there |
| ConfigMap | \`majors-overview\` | with dashboards: the overview of this Collector |
| ConfigMap | \`majors-exchange\`, \`-quality\`, \`-performance\`, \`-operator\` | once in a namespace, with its oldest Collector that wants dashboards |
| GrafanaDashboard | as the ConfigMaps | where the Grafana Operator's API is there |

\`spec.monitoring\` of the [Collector](collector.md) leaves alerts or dashboards out, labels the objects as your Prometheus
and Grafana select them, and changes single alerts. Where an API is missing the condition \`MonitoringInstalled\` says
so, everything else works, and the rest comes when the API does.

- **Prometheus** loads a PrometheusRule or PodMonitor only with the labels that it selects, often \`release: NAME\`:
  \`spec.monitoring.alerts.labels\`.
- **Created is not loaded.** Where the Prometheus Operator says who takes up an object (its feature gate
  \`StatusForConfigurationResources\`), the condition says \`Loaded\`, or \`Rejected\` and why; else it looks at the selectors
  of the Prometheuses that it may see (\`NotSelected\`), and says that the rest is not verified.
- **Alertmanager** takes an AlertmanagerConfig with the labels that it selects: \`spec.monitoring.alerts.routing.labels\`. It
  brings the inhibitions, and a receiver for each tier that \`receivers\` names (a webhook, whose address is in a Secret);
  all alerts also go on to the routes that you have. By default the Prometheus Operator matches alerts of the namespace of
  the object only, as ours are; a Prometheus that overrides \`honorLabels\` renames the labels of the operator's metrics to
  \`exported_namespace\`, and then only pods themselves are judged.
- **Runbooks** are linked from each alert and panel: the operator's \`--runbooks\` (\`runbooks\` of the chart) is the folder that
  holds the pages, \`docs/runbooks\` of our repository by default. Keep a copy where your people can open it at night.
- **Grafana's sidecar** takes ConfigMaps with the label \`grafana_dashboard: "1"\`, which ours have; another label is one of
  \`spec.monitoring.dashboards.labels\`. It must look into all namespaces (\`searchNamespace: ALL\`). Folders work with
  \`folderAnnotation: grafana_folder\` and \`foldersFromFilesStructure\`.
- **The Grafana Operator** gives the dashboards to Grafanas with the labels \`spec.monitoring.dashboards.instances\`,
  \`dashboards: grafana\` by default. Do not let a sidecar feed the same Grafana: both would write the same dashboards.
- **Why not all dashboards for each Collector?** A thousand Collectors would make five thousand dashboards of a hundred
  megabytes, in which nobody finds anything. So each has its overview, and a namespace has the rest, in which the
  Collector is a variable. When the Collector that carries them goes, the next one takes over; links stay as they are.
`
}

function renderNames(): string {
  const all = [...Object.values(COLLECTOR), ...Object.values(OPERATOR)]
  const count = (of: MetricClass) => all.filter((metric) => metric.class === of).length
  return `## Names and classes

Metrics are \`marketprism_collector_…\` and \`marketprism_operator_…\`; a name ends in its unit, a counter in \`_total\`. Labels of
the data are \`exchange\`, \`market\` and \`type\`, never a symbol. \`namespace\`, \`collector\`, \`shard\`, \`publisher\` and \`pod\` come
from the scrape. All of them: [metrics of a collector](metrics.md), [of the operator](operator-metrics.md).

| class | what it tells of | metrics |
|---|---|---|
${(Object.keys(CLASSES) as MetricClass[]).map((of) => `| ${of} | ${CLASSES[of]} | ${count(of)} |`).join('\n')}

With two publishers, and while a pod is replaced, a plain sum counts twice: take \`max\` over the pods of a shard, then
\`sum\` over the shards, as all our queries do.
`
}

function renderAlerts(): string {
  const tiers = (Object.keys(TIERS) as Tier[]).map(renderTier)
  return `## Alerts

Each alert has the labels \`namespace\`, \`collector\`, \`severity\` and \`priority\`, and what it is about (\`exchange\`, \`market\`,
\`type\`); its annotations say the value, the likely cause, the first command to run, a runbook, and the panel that shows
it. *Within* is from the fault until the alert fires, at most, with a scrape and a judgement every 15 s. A threshold is
changed by \`spec.monitoring.alerts.overrides\`.

${tiers.join('\n')}
${renderOperatorAlerts()}`
}

function renderOperatorAlerts(): string {
  const rows = OPERATOR_RULES.map(
    ({ alert, tier, detectWithin, summary }) =>
      `| [${shortOf(alert)}](runbooks/${alert}.md) | ${tier} | ${summary} | ${spoken(detectWithin)} |`,
  )
  return `### On the operator itself

They come with the chart (\`metrics.alerts\`), since an operator that is down installs none, and are about one installation.

| alert | tier | says | within |
|---|---|---|---|
${rows.join('\n')}
`
}

function renderTier(tier: Tier): string {
  const rules = RULES.filter((rule) => rule.tier === tier)
  return `### ${tier}, \`severity: ${SEVERITIES[tier]}\`: ${TIERS[tier]}

| alert | says | within | threshold | silent while |
|---|---|---|---|---|
${rules.map(renderRule).join('\n')}
`
}

function renderRule({ alert, summary, detectWithin, threshold, thresholdOf, explainedBy = [] }: Rule): string {
  const says = summary.replaceAll(/\{\{ \$labels\.(\w+) \}\}/g, '($1)').replaceAll('|', String.raw`\|`)
  const limit = threshold === undefined ? '' : `${threshold}: ${thresholdOf ?? ''}`
  const larger = [...new Set(explainedBy.map(({ by }) => shortOf(by)))].join(', ')
  return `| [${shortOf(alert)}](runbooks/${alert}.md) | ${says} | ${spoken(detectWithin)} | ${limit} | ${larger} |`
}

/** Without what all have in common. */
function shortOf(alert: string): string {
  return alert.replace(/^MarketPrism/, '')
}

function spoken(seconds: number): string {
  return seconds <= 120 ? `${seconds} s` : `${Math.round(seconds / 60)} min`
}

function renderDashboards(): string {
  return `## Dashboards

Their variables work in every query; a data source is a variable, too. Times are UTC. Colours change where an alert fires.
Alerts that fire are marked in each, and each panel leads to the runbooks of its alerts. Set
\`spec.monitoring.dashboards.url\`, and alerts lead to their panels.

${DASHBOARDS.map(renderDashboard).join('\n')}`
}

function renderDashboard({ title, description, filters, rows, alerts = [], name }: Dashboard): string {
  const variables = [...(name === 'overview' ? [] : ['collector']), ...filters].map((one) => `\`${one}\``).join(', ')
  const also = alerts.map(shortOf).join(', ')
  return `### ${title.replace(/^./, (letter) => letter.toUpperCase())}

${description} Variables: ${variables}.${also === '' ? '' : ` Also where these alerts lead: ${also}.`}

| panel | unit | shows | alerts |
|---|---|---|---|
${rows.flatMap(({ panels }) => panels.map(renderPanel)).join('\n')}
`
}

function renderPanel({ title, unit, description, alerts = [] }: Panel): string {
  return `| ${title} | ${unit} | ${description} | ${alerts.map(shortOf).join(', ')} |`
}

function renderAlone(): string {
  return `## Without the operators

    kubectl marketprism export monitoring majors --dir monitoring

writes the same as files, of a Collector in the cluster or of a manifest (\`-f FILE\`): rules and a scrape configuration
for Prometheus, routes and inhibitions for Alertmanager (as a file, and as an AlertmanagerConfig; the receivers are yours
to fill), and the dashboards, which Grafana imports or provisions as they are.

What one alert explains is silent by its expression, whatever your Alertmanager does. The inhibitions are for what an
expression cannot know: that the larger alert has only just ended.
`
}
