// A collector and an operator at work, watched by a real Prometheus as in a cluster: under the labels that the PodMonitor
// and the chart's ServiceMonitor give. And what the panels of the dashboards show of them.
import { COLLECTOR } from '../../operator/collectors/kinds.ts'
import { openClient } from '../../operator/kube/client.ts'
import { dashboardText, SHARED } from '../../operator/monitoring/dashboard.ts'
import type { DashboardName } from '../../operator/monitoring/dashboards/panel.ts'
import { startExchange } from '../exchange/exchange.ts'
import type { ControlPlane } from '../kubernetes/controlplane.ts'
import { startOperatorProcess } from '../kubernetes/operator.ts'
import { freePorts } from '../kubernetes/processes.ts'
import { startNats } from '../nats.ts'
import { type Prometheus, type ScrapeTarget, startPrometheus } from '../prometheus.ts'
import { questionsOf, readDashboard } from '../support/dashboards.ts'
import { folder, jetstream, manifest, startRun, until } from './collect.ts'

/** Scrapes come once a second here, not every 15. */
const RATE_INTERVAL = '1m'
export const DASHBOARD_NAMES: readonly DashboardName[] = ['overview', ...SHARED]
/** Variables of the dashboards at All, and at one value. */
export const CHOICES = {
  All: { exchange: '.*', market: '.*', type: '.*', shard: '.*', operator: '.*' },
  'one value': { exchange: 'binance', market: 'spot', type: 'orderbook', shard: '0', operator: 'marketprism-system' },
} as const

export interface Watched extends AsyncDisposable {
  readonly prometheus: Prometheus
  readonly namespace: string
}

/** Starts everything, and waits until both are scraped. The Collector comes after that: counters have begun by then. */
export async function openWatched(plane: ControlPlane): Promise<Watched> {
  await using open = new AsyncDisposableStack()
  await plane.installCrds()
  const namespace = await plane.createNamespace()
  const [collector, operator] = await Promise.all([collectorTarget(open, namespace), operatorTarget(open, plane)])
  const prometheus = open.use(await startPrometheus([collector, operator]))
  await until('both are scraped', async () => (await prometheus.query('up == 1')).length === 2)
  await applyCollector(plane, namespace)
  const all = open.move()
  return { prometheus, namespace, [Symbol.asyncDispose]: () => all.disposeAsync() }
}

/** Queries of a dashboard. */
export function queriesIn({ namespace }: Pick<Watched, 'namespace'>, name: DashboardName): number {
  return questionsOf(readDashboard(dashboardText({ namespace, name: 'majors' }, name))).length
}

/** Titles of panels, and which of their queries, that show nothing now. */
export async function emptyPanels(
  { prometheus, namespace }: Pick<Watched, 'prometheus' | 'namespace'>,
  name: DashboardName,
  values: Readonly<Record<string, string>>,
): Promise<string[]> {
  const empty: string[] = []
  for (const { title, refId, expr } of questionsOf(readDashboard(dashboardText({ namespace, name: 'majors' }, name)))) {
    const samples = await prometheus.query(chosen(expr, { ...values, namespace, collector: 'majors' }))
    if (!samples.some(({ value }) => Number.isFinite(value))) empty.push(`${title} (${refId})`)
  }
  return empty
}

/** Variables of a dashboard that offer no value. */
export async function emptyVariables({ prometheus, namespace }: Watched, name: DashboardName): Promise<string[]> {
  const { templating } = readDashboard(dashboardText({ namespace, name: 'majors' }, name))
  const empty: string[] = []
  for (const { name: variable, type, query } of templating.list) {
    if (type !== 'query') continue
    const [, series = '', label = ''] = /^label_values\((.*), (\w+)\)$/.exec((query as { query: string }).query) ?? []
    const matcher = chosen(series, { ...CHOICES.All, namespace, collector: '.*' })
    if ((await prometheus.labelValues(label, matcher)).length === 0) empty.push(variable)
  }
  return empty
}

/** A query as Grafana asks it: with values where the variables stand. */
function chosen(expr: string, values: Readonly<Record<string, string>>): string {
  return expr.replaceAll('$__rate_interval', RATE_INTERVAL).replaceAll(/\$(\w+)/g, (whole, name: string) => {
    return values[name] ?? whole
  })
}

/** What a scrape of a pod is labelled with. */
export function podLabels(namespace: string): Record<string, string> {
  return { namespace, pod: 'majors-0-a-7d9c', container: 'collector', collector: 'majors', shard: '0', publisher: 'a' }
}

/** A collector that takes everything of two markets of a simulated exchange. */
async function collectorTarget(open: AsyncDisposableStack, namespace: string): Promise<ScrapeTarget> {
  const exchange = await startExchange({ symbols: ['BTCUSDT', 'ETHUSDT'], rate: 200, levels: 60 })
  open.defer(() => exchange.close())
  const server = open.use(await startNats())
  const place = open.use(folder())
  const symbols = { spot: ['BTC-USDT', 'ETH-USDT'], perpetual: ['BTC-USDT'] }
  const wanted = manifest(exchange, { name: 'majors', symbols, sink: jetstream(server.url, 'PANELS') })
  const program = open.use(startRun(place.write('panels.json', wanted)))
  await program.until('it is ready', ({ ready }) => ready)
  const port = /"port":(\d+)/.exec(program.stderr())?.[1]
  return { job: `${namespace}/majors`, address: `127.0.0.1:${port}`, labels: podLabels(namespace) }
}

/** An operator at work, scraped as the chart's ServiceMonitor has it. */
async function operatorTarget(open: AsyncDisposableStack, plane: ControlPlane): Promise<ScrapeTarget> {
  const [metricsPort = 0] = await freePorts(1)
  open.use(await startOperatorProcess({ plane, image: 'marketprism:test', metricsPort }))
  const labels = { namespace: 'marketprism-system', pod: 'marketprism-operator-5c6b', container: 'operator' }
  return { job: 'marketprism-operator', address: `127.0.0.1:${metricsPort}`, labels, honorLabels: true }
}

async function applyCollector(plane: ControlPlane, namespace: string): Promise<void> {
  const client = await openClient({ config: plane.config(), userAgent: 'test', fieldManager: 'test' })
  try {
    const feeds = [{ exchange: 'binance', market: 'spot', symbols: ['BTC-USDT'], types: ['trade'] }]
    const sink = { nats: { servers: ['nats://nats:4222'], stream: { manage: 'collector' } } }
    await client.apply(COLLECTOR, {
      apiVersion: 'marketprism.io/v1alpha1',
      kind: 'Collector',
      metadata: { name: 'majors', namespace },
      spec: { feeds, sink },
    })
  } finally {
    await client.close()
  }
}
