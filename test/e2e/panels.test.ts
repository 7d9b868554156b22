// Every panel shows data: each query of each dashboard is asked of a real Prometheus that scrapes a running collector and
// a running operator, under the labels that the PodMonitor and the chart's ServiceMonitor give them.
import { afterAll, beforeAll, beforeEach, expect, it, vi } from 'vitest'
import { tool, ToolMissing } from '../../hack/tools.ts'
import { COLLECTOR } from '../../operator/collectors/kinds.ts'
import { openClient } from '../../operator/kube/client.ts'
import { dashboardText, SHARED } from '../../operator/monitoring/dashboard.ts'
import { podMonitor } from '../../operator/resources/pod-monitor.ts'
import { type Exchange, startExchange } from '../exchange/exchange.ts'
import { type ControlPlane, describeWithControlPlane } from '../kubernetes/controlplane.ts'
import { startOperatorProcess } from '../kubernetes/operator.ts'
import { freePorts } from '../kubernetes/processes.ts'
import { type NatsServer, startNats } from '../nats.ts'
import { type Prometheus, type ScrapeTarget, startPrometheus } from '../prometheus.ts'
import { questionsOf, readDashboard } from '../support/dashboards.ts'
import { desiredOf } from '../support/desired.ts'
import { folder, jetstream, manifest, type Program, startRun } from './collect.ts'

vi.setConfig({ testTimeout: 150_000, hookTimeout: 150_000 })

/** Scrapes come once a second here, not every 15. */
const RATE_INTERVAL = '1m'
const WAIT = { timeout: 60_000, interval: 1_000 }
const NAMES = ['overview', ...SHARED] as const
/** Variables of the dashboards at All, and at one value. */
const CHOICES = {
  All: { exchange: '.*', market: '.*', type: '.*', shard: '.*', operator: '.*' },
  'one value': { exchange: 'binance', market: 'spot', type: 'orderbook', shard: '0', operator: 'marketprism-system' },
} as const

const missing = await Promise.all((['prometheus', 'nats-server'] as const).map(tool)).then(
  () => undefined,
  (error: unknown) => {
    if (error instanceof ToolMissing) return error.message
    throw error
  },
)

describeWithControlPlane('each panel', {}, (plane) => {
  const open = new AsyncDisposableStack()
  let prometheus: Prometheus
  let namespace: string

  beforeEach(({ skip }) => skip(missing !== undefined, missing))
  beforeAll(async () => {
    if (missing !== undefined) return
    namespace = await namespaceOf(plane())
    const [collector, operator] = await Promise.all([collectorTarget(open, namespace), operatorTarget(open, plane())])
    prometheus = open.use(await startPrometheus([collector, operator]))
    // What a counter had before it was scraped first is no growth.
    await vi.waitFor(async () => expect(await prometheus.query('up == 1')).toHaveLength(2), WAIT)
    await applyCollector(plane(), namespace)
  })
  afterAll(() => open.disposeAsync())

  it('is about series that the scrape labels as the PodMonitor does', () => {
    const { podMetricsEndpoints } = podMonitor(desiredOf())['spec'] as {
      podMetricsEndpoints: { relabelings: { targetLabel: string }[] }[]
    }
    const given = podMetricsEndpoints.flatMap(({ relabelings }) => relabelings.map(({ targetLabel }) => targetLabel))
    expect(Object.keys(podLabels(namespace))).toEqual(expect.arrayContaining(given))
  })

  for (const name of NAMES) {
    for (const [choice, values] of Object.entries(CHOICES)) {
      it(`of the dashboard ${name} shows data, with its variables at ${choice}`, async () => {
        const text = dashboardText({ namespace, name: 'majors' }, name)
        const questions = questionsOf(readDashboard(text))
        await vi.waitFor(async () => {
          const empty = []
          for (const { title, refId, expr } of questions) {
            const samples = await prometheus.query(chosen(expr, { ...values, namespace, collector: 'majors' }))
            if (!samples.some(({ value }) => Number.isFinite(value))) empty.push(`${title} (${refId})`)
          }
          expect(empty).toEqual([])
        }, WAIT)
      })
    }
    it(`of the dashboard ${name} can be narrowed: each variable has values`, async () => {
      const { templating } = readDashboard(dashboardText({ namespace, name: 'majors' }, name))
      for (const { name: variable, type, query } of templating.list) {
        if (type !== 'query') continue
        const { query: asked } = query as { query: string }
        const [, series = '', label = ''] = /^label_values\((.*), (\w+)\)$/.exec(asked) ?? []
        const values = { ...CHOICES.All, namespace, collector: '.*' }
        expect(await prometheus.labelValues(label, chosen(series, values)), `${name} ${variable}`).not.toEqual([])
      }
    })
  }
})

/** A query as Grafana asks it: with values where the variables stand. */
function chosen(expr: string, values: Readonly<Record<string, string>>): string {
  return expr.replaceAll('$__rate_interval', RATE_INTERVAL).replaceAll(/\$(\w+)/g, (whole, name: string) => {
    return values[name] ?? whole
  })
}

/** What a scrape of a pod is labelled with. */
function podLabels(namespace: string): Record<string, string> {
  return { namespace, pod: 'majors-0-a-7d9c', container: 'collector', collector: 'majors', shard: '0', publisher: 'a' }
}

async function namespaceOf(plane: ControlPlane): Promise<string> {
  await plane.installCrds()
  return plane.createNamespace()
}

/** A collector that takes everything of two markets of a simulated exchange. */
async function collectorTarget(open: AsyncDisposableStack, namespace: string): Promise<ScrapeTarget> {
  const exchange: Exchange = await startExchange({ symbols: ['BTCUSDT', 'ETHUSDT'], rate: 200, levels: 60 })
  open.defer(() => exchange.close())
  const server: NatsServer = open.use(await startNats())
  const place = open.use(folder())
  const symbols = { spot: ['BTC-USDT', 'ETH-USDT'], perpetual: ['BTC-USDT'] }
  const wanted = manifest(exchange, { name: 'majors', symbols, sink: jetstream(server.url, 'PANELS') })
  const program: Program = open.use(startRun(place.write('panels.json', wanted)))
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
