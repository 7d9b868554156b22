// Draws dashboards as Grafana reads them, with its Foundation SDK. Only `npm run generate` comes here: what it writes into
// templates/ is what the operator fills in and installs, so that no operator loads the SDK.
//
// In: a dashboard as data. Out: classic JSON, which every Grafana reads, with the tokens of tokens.ts where a Collector's
// names come. Always: the same bytes for the same dashboard; ids by place, from 1 on.
import * as common from '@grafana/grafana-foundation-sdk/common'
import * as dashboards from '@grafana/grafana-foundation-sdk/dashboard'
import { PanelBuilder as HeatmapBuilder } from '@grafana/grafana-foundation-sdk/heatmap'
import { PanelBuilder as PieBuilder, PieChartLegendOptionsBuilder } from '@grafana/grafana-foundation-sdk/piechart'
import { DataqueryBuilder, PromQueryFormat } from '@grafana/grafana-foundation-sdk/prometheus'
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat'
import { PanelBuilder as TimeseriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries'
import { DASHBOARDS } from './all.ts'
import type { Dashboard, Panel, Row } from './panel.ts'
import type { Filter } from './query.ts'
import { TAG, TOKEN } from './tokens.ts'

/** Oldest schema that Grafana 10.4 and newer read as it is; what is drawn here is the same in all since. */
const SCHEMA = 39
const SOURCE = { type: 'prometheus', uid: '${datasource}' }
/** As the PodMonitor says: no point is nearer to the next. */
const STEP = '15s'

/** Where each alert leads to: a dashboard, and a panel of it where one shows what the alert is about. */
export function alertPlaces(): Record<string, { readonly dashboard: string; readonly panel?: number }> {
  const places = DASHBOARDS.flatMap(({ name, rows, alerts = [] }) => {
    // A heading has an id, too.
    const numbered = rows.flatMap(({ title, panels }): { readonly alerts?: Panel['alerts'] }[] =>
      title === undefined ? [...panels] : [{}, ...panels],
    )
    const shown = numbered.flatMap(({ alerts: own = [] }, i) =>
      own.map((alert) => [alert, { dashboard: name, panel: i + 1 }] as const),
    )
    return [...alerts.map((alert) => [alert, { dashboard: name }] as const), ...shown]
  })
  return Object.fromEntries(places.toSorted(([one], [other]) => (one < other ? -1 : 1)))
}

/** The dashboard as JSON. */
export function drawn(dashboard: Dashboard): string {
  const builder = new dashboards.DashboardBuilder(TOKEN.title)
    .uid(TOKEN.uid)
    .description(dashboard.description)
    .tags([TAG])
    .readonly()
    .tooltip(dashboards.DashboardCursorSync.Crosshair)
    .refresh(STEP)
    .time({ from: 'now-1h', to: 'now' })
    .timezone('utc')
    .variables(variablesOf(dashboard))
    .annotation(alertsThatFire())
    .links(linksOf())
  let id = 1
  for (const row of dashboard.rows) id = add(row, builder, id)
  return `${JSON.stringify({ ...lean(builder.build()), schemaVersion: SCHEMA }, null, 1)}\n`
}

/** What the SDK writes although Grafana takes it so anyway: half of a dashboard, of which there may be a thousand. */
const DEFAULTS: Readonly<Record<string, unknown>> = {
  ...{ auto: false, auto_min: '10s', auto_count: 30, skipUrlSync: false, allowCustomValue: true },
  ...{ multi: false, includeAll: false, transparent: false, repeatDirection: 'h', placement: 'inControlsMenu' },
  ...{ justifyMode: 'auto', wideLayout: true, showPercentChange: false, percentChangeColorMode: 'standard' },
  ...{ orientation: 'auto', tooltip: '', icon: '', range: false, targetBlank: false, fiscalYearStartMonth: 0 },
  ...{ asDropdown: false, keepTime: false, includeVars: false, builtIn: 0, hide: false },
}

function lean<T>(value: T): T {
  if (Array.isArray(value)) return value.map(lean) as T
  if (typeof value !== 'object' || value === null) return value
  const entries = Object.entries(value).filter(([name, one]) => one !== undefined && DEFAULTS[name] !== one)
  return Object.fromEntries(entries.map(([name, one]) => [name, lean(one)])) as T
}

function add({ title, panels }: Row, builder: dashboards.DashboardBuilder, first: number): number {
  let id = first
  if (title !== undefined) builder.withRow(new dashboards.RowBuilder(title).id(id++))
  for (const panel of panels) builder.withPanel(drawnPanel(panel, id++))
  return id
}

function variablesOf({ name, filters }: Dashboard) {
  const whose = 'marketprism_collector_build_info{namespace="$namespace"'
  const source = new dashboards.DatasourceVariableBuilder('datasource').label('Prometheus').type('prometheus')
  const collector =
    name === 'overview'
      ? new dashboards.ConstantVariableBuilder('collector').value(TOKEN.collector)
      : listed('collector', 'Collector', `${collectorsOf(name)}{namespace="$namespace"}`)
  return [
    source,
    new dashboards.ConstantVariableBuilder('namespace').value(TOKEN.namespace),
    ...(name === 'operator' ? [listed('operator', 'Operator in', 'marketprism_operator_build_info', 'namespace')] : []),
    collector,
    ...filters.map((filter) =>
      filter === 'shard'
        ? listed(filter, 'Shard', `${whose},collector=~"$collector"}`)
        : listed(filter, LABELS[filter], feeds(filter, filters)),
    ),
  ]
}

const LABELS: Readonly<Record<Exclude<Filter, 'shard'>, string>> = {
  exchange: 'Exchange',
  market: 'Market',
  type: 'Type',
}

/** A series that each Collector has, also while its pods are away. */
function collectorsOf(name: Dashboard['name']): string {
  return name === 'operator' ? 'marketprism_operator_collector_ready' : 'marketprism_collector_build_info'
}

/** What is wanted, narrowed by the variables that come before. */
function feeds(filter: Filter, filters: readonly Filter[]): string {
  const before = filters.slice(0, filters.indexOf(filter)).filter((name) => name !== 'shard')
  const matchers = ['namespace="$namespace"', 'collector=~"$collector"', ...before.map((name) => `${name}=~"$${name}"`)]
  return `marketprism_collector_feed_subscribed{${matchers.join(',')}}`
}

function listed(name: string, label: string, series: string, of = name) {
  return (
    new dashboards.QueryVariableBuilder(name)
      .label(label)
      .datasource(SOURCE)
      .query({ query: `label_values(${series}, ${of})`, refId: `values of ${name}` })
      .refresh(dashboards.VariableRefresh.OnTimeRangeChanged)
      .sort(dashboards.VariableSort.AlphabeticalAsc)
      .multi(true)
      .includeAll(true)
      // Matches series that lack the label, too.
      .allValue('.*')
      .current({ selected: true, text: 'All', value: '$__all' })
  )
}

function alertsThatFire() {
  return new dashboards.AnnotationQueryBuilder()
    .name('Alerts')
    .datasource(SOURCE)
    .enable(true)
    .iconColor('red')
    .expr('ALERTS{alertstate="firing",namespace="$namespace",collector=~"$collector"}')
    .step(STEP)
    .titleFormat('{{alertname}}')
    .textFormat('{{exchange}} {{market}} {{type}}')
    .tagKeys('priority')
}

function linksOf() {
  return [
    new dashboards.DashboardLinkBuilder('MarketPrism')
      .type(dashboards.DashboardLinkType.Dashboards)
      .tags([TAG])
      .asDropdown(true)
      .keepTime(true)
      .includeVars(true),
    new dashboards.DashboardLinkBuilder('Alerts that fire')
      .type(dashboards.DashboardLinkType.Link)
      .icon('bell')
      .url('/alerting/list?search=state:firing%20label:namespace=$namespace')
      .keepTime(true),
  ]
}

function drawnPanel(panel: Panel, id: number) {
  const { title, description, unit, targets, steps, max, width, height, alerts = [] } = panel
  const builder = shaped(panel)
    .id(id)
    .title(title)
    .description(description)
    .datasource(SOURCE)
    .span(width)
    .height(height)
    .unit(unit)
    .min(0)
    .targets(targets.map((target, i) => drawnTarget(target, panel, i)))
  if (max !== undefined) builder.max(max)
  if (alerts.length > 0) builder.links(alerts.map(runbook))
  if (steps === undefined) return builder
  const thresholds = new dashboards.ThresholdsConfigBuilder()
    .mode(dashboards.ThresholdsMode.Absolute)
    .steps(steps.map(({ color, value }) => ({ color, value })))
  return builder.thresholds(thresholds)
}

function runbook(alert: string) {
  const link = new dashboards.DashboardLinkBuilder(`What to do about ${alert}`).type(dashboards.DashboardLinkType.Link)
  return link.url(`${TOKEN.runbooks}/${alert}.md`).targetBlank(true)
}

function drawnTarget({ expr, legend }: Panel['targets'][number], { type }: Panel, i: number) {
  const target = new DataqueryBuilder()
    .refId(String.fromCodePoint(65 + i))
    .expr(expr)
    .legendFormat(legend)
    .interval(STEP)
  if (type === 'heatmap') return target.range().format(PromQueryFormat.Heatmap)
  return type === 'timeseries' ? target.range() : target.instant()
}

function shaped({ type, steps, isStacked, targets }: Panel) {
  const last = new common.ReduceDataOptionsBuilder().calcs(['lastNotNull'])
  const byThreshold = new dashboards.FieldColorBuilder().mode(dashboards.FieldColorModeId.Thresholds)
  const byName = new dashboards.FieldColorBuilder().mode(dashboards.FieldColorModeId.PaletteClassicByName)
  if (type === 'stat') {
    const isMany = targets.length > 1 || (targets[0]?.legend ?? '').includes('{{')
    return new StatBuilder()
      .reduceOptions(last)
      .colorScheme(steps === undefined ? byName : byThreshold)
      .colorMode(common.BigValueColorMode.Background)
      .textMode(isMany ? common.BigValueTextMode.ValueAndName : common.BigValueTextMode.Auto)
      .graphMode(common.BigValueGraphMode.None)
  }
  if (type === 'piechart') {
    const legend = new PieChartLegendOptionsBuilder()
      .displayMode(common.LegendDisplayMode.List)
      .placement(common.LegendPlacement.Right)
      .showLegend(true)
    return new PieBuilder().reduceOptions(last).colorScheme(byName).legend(legend)
  }
  if (type === 'heatmap') return new HeatmapBuilder().calculate(false)
  const legend = new common.VizLegendOptionsBuilder()
    .displayMode(common.LegendDisplayMode.List)
    .placement(common.LegendPlacement.Bottom)
    .showLegend(true)
  const tooltip = new common.VizTooltipOptionsBuilder()
    .mode(common.TooltipDisplayMode.Multi)
    .sort(common.SortOrder.Descending)
  const lines = new TimeseriesBuilder().legend(legend).tooltip(tooltip).colorScheme(byName).fillOpacity(10)
  // A time without data is a gap, not a line.
  lines.spanNulls(false)
  if (steps !== undefined) {
    lines.thresholdsStyle(new common.GraphThresholdsStyleConfigBuilder().mode(common.GraphThresholdsStyleMode.Dashed))
  }
  if (isStacked === true) lines.stacking(new common.StackingConfigBuilder().mode(common.StackingMode.Normal))
  return lines
}
