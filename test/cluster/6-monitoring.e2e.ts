// Monitoring by the real programs: E2E=monitoring npm run e2e. A Collector's rules are loaded by a Prometheus that the
// Prometheus Operator runs, judge what it scrapes by our PodMonitor, and fire for a real fault; the alerts on the operator
// come with the chart; the routing becomes a configuration that Alertmanager takes. The figures monitoring.detect.*.
import { expect } from 'vitest'
import { NAMESPACE, simulatedName } from '../../hack/demo/objects.ts'
import { installChart, SYSTEM } from '../../hack/deploy.ts'
import type { AlertName } from '../../crds/alerts.ts'
import { OPERATOR_RULES } from '../../operator/monitoring/operator-rules.ts'
import { RULES } from '../../operator/monitoring/rules.ts'
import { alertmanager, startAlertmanager } from '../alertmanager.ts'
import { figure } from './figures.ts'
import { everythingOf, installExchange, installNats, simulationOf } from './objects.ts'
import {
  generatedRouting,
  installPrometheus,
  installPrometheusOperator,
  loadedGroups,
  loadPrometheus,
  MONITORING,
  own,
  prometheusAnswers,
  query,
  SELECTED,
  wantAlertmanager,
} from './prometheus.ts'
import { step } from './step.ts'
import { apply, cluster, condition, get, kubectl, merge, settled, tags, until } from './world.ts'

const EXCHANGE = 'binance'
const OPERATOR_VALUES = [
  ...['--set', `metrics.readers[0].namespace=${MONITORING},metrics.readers[0].name=prometheus`],
  ...['--set', `metrics.serviceMonitor.labels.release=${SELECTED.release}`],
  ...['--set', `metrics.alerts.labels.release=${SELECTED.release}`],
]
const DETECT_SECONDS_MAX = 60

step('without the Prometheus Operator a Collector works, and says what is missing', 240, async () => {
  await apply({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: SYSTEM } })
  await installChart(cluster, tags)
  await installNats()
  await installExchange(EXCHANGE, simulationOf(EXCHANGE))
  await apply(await everythingOf(EXCHANGE))
  await settled(EXCHANGE, 120)
  expect(await said()).toMatchObject({ status: 'False', reason: 'ApiMissing' })
})

step('the nodes have the images of Prometheus', 600, loadPrometheus)

step('it arrives, and the rest is installed; rules that no Prometheus selects are said', 300, async () => {
  await installPrometheusOperator()
  await until('the objects are created', 90, async () => (await said())?.status === 'True', said)
  await installPrometheus()
  await until('nobody selects them', 120, async () => (await said())?.reason === 'NotSelected', said)
  expect((await said())?.message).toContain('wants the label release=kps; write it into spec.monitoring.alerts.labels')
  await merge('collector', EXCHANGE, { spec: { monitoring: { alerts: { labels: SELECTED } } } })
  await until('somebody selects them', 120, async () => (await said())?.status === 'True', said)
  // This release of the Prometheus Operator does not say whether they were loaded, and no more do we.
  expect(await said()).toMatchObject({ reason: 'Created', message: expect.stringContaining('Not verified') })
})

step('a Prometheus loads every rule, and judges each without an error', 300, async () => {
  await installChart(cluster, tags, OPERATOR_VALUES)
  await prometheusAnswers()
  const groups = await until('all groups are judged', 180, async () => {
    const loaded = [
      ...(await loadedGroups(`marketprism/${NAMESPACE}/`)),
      ...(await loadedGroups(`marketprism/${SYSTEM}/`)),
    ]
    const rules = loaded.flatMap((group) => group.rules)
    return loaded.length >= 5 && rules.every(({ health }) => health === 'ok') && loaded
  })
  const names = groups.flatMap(({ rules }) => rules.flatMap((rule) => (rule.type === 'alerting' ? [rule.name] : [])))
  const { spec } = (await get('prometheusrule', EXCHANGE))!
  const written = (spec as { groups: { rules: { alert?: string }[] }[] }).groups.flatMap(({ rules }) =>
    rules.flatMap(({ alert }) => alert ?? []),
  )
  expect(written.length).toBeGreaterThan(RULES.length - 6)
  expect(names.toSorted()).toEqual([...written, ...OPERATOR_RULES.map(({ alert }) => alert as string)].toSorted())
  expect(new Set(groups.map(({ interval }) => interval))).toEqual(new Set([15]))
})

step('what it scrapes has the labels that rules and panels use', 120, async () => {
  await until('pods and operators are scraped', 90, async () => {
    const pods = await query(`up{namespace="${NAMESPACE}",collector="${EXCHANGE}",shard="0",publisher="a"} == 1`)
    const operators = await query(`up{namespace="${SYSTEM}"} == 1`)
    return pods.length === 1 && operators.length === 2
  })
  const ours = await until('the operator tells of the Collector', 60, async () => {
    const found = await query(
      `marketprism_operator_collector_shards_desired{namespace="${NAMESPACE}",collector="${EXCHANGE}"}`,
    )
    return found.length > 0 && found
  })
  expect(ours.map(({ value: [, text] }) => text)).toContain('1')
  // A label of ours that is taken already would arrive as exported_….
  const renamed = await query('count by (__name__) ({__name__=~"marketprism_.+",exported_namespace!=""})')
  expect(renamed).toEqual([])
  const unlabelled = await query(`{__name__=~"marketprism_collector_.+",shard=""}`)
  expect(unlabelled).toEqual([])
  expect((await query('count({__name__=~"marketprism_collector_.+"})'))[0]?.value[1]).not.toBe('0')
})

step('an exchange that is down fires, alone, within a minute, and ends when it is back', 300, async () => {
  await until('nothing fires', 120, async () => (await firing()).length === 0, firing)
  await kubectl('scale', 'deployment', simulatedName(EXCHANGE), '--replicas=0')
  const from = performance.now()
  try {
    await until('it fires', 2 * DETECT_SECONDS_MAX, async () => (await firing()).includes(ALL_DOWN), firing)
    detected('exchange', from)
    // What follows from it is not said beside it.
    expect(await firing()).toEqual([ALL_DOWN])
  } finally {
    await kubectl('scale', 'deployment', simulatedName(EXCHANGE), '--replicas=1')
  }
  await until('it has ended', 150, async () => !(await firing()).includes(ALL_DOWN), firing)
})

step('no operator: the alert that the chart brought fires within a minute', 240, async () => {
  const operator = ['--namespace', SYSTEM, 'scale', 'deployment/marketprism-operator'] as const
  await cluster.kubectl([...operator, '--replicas=0'])
  const from = performance.now()
  const down = async () => (await query(`ALERTS{alertname="MarketPrismOperatorDown",alertstate="firing"}`)).length
  try {
    await until('it fires', 2 * DETECT_SECONDS_MAX, async () => (await down()) === 1)
    detected('operator', from)
  } finally {
    await cluster.kubectl([...operator, '--replicas=2'])
  }
  await until('it has ended', 120, async () => (await down()) === 0)
})

step(
  'routing on request becomes a configuration that Alertmanager takes, and silences what is explained',
  180,
  async () => {
    await wantAlertmanager()
    const webhook = { name: 'pager' }
    await kubectl('create', 'secret', 'generic', webhook.name, '--from-literal=url=http://127.0.0.1:9/page')
    const routing = { enabled: true, labels: SELECTED, receivers: [{ tier: 'P1', webhook }] }
    await merge('collector', EXCHANGE, { spec: { monitoring: { alerts: { routing } } } })
    const config = await until('it is taken up', 120, async () => {
      const found = await generatedRouting()
      return JSON.stringify(found ?? {}).includes('marketprism-page') && found
    })
    const { inhibit_rules: inhibitions } = config as { readonly inhibit_rules: readonly object[] }
    expect(inhibitions.length).toBeGreaterThan(5)
    if ('missing' in alertmanager) return console.log(`not tried in Alertmanager: ${alertmanager.missing}`)
    await using manager = await startAlertmanager(config)
    const of = (alertname: AlertName, namespace = NAMESPACE) => ({
      ...{ alertname, namespace, collector: EXCHANGE, priority: 'P1', exchange: EXCHANGE },
    })
    await manager.post([
      of(ALL_DOWN),
      of('MarketPrismExchangeDisconnected'),
      of('MarketPrismExchangeDisconnected', 'else'),
    ])
    await until('the smaller one is silenced', 30, async () => {
      const silent = (await manager.states()).filter(({ silencedBy }) => silencedBy.length > 0)
      return silent.length === 1 && silent[0]?.labels['namespace'] === NAMESPACE
    })
    const told = (await manager.states()).find(({ labels }) => labels['alertname'] === ALL_DOWN)?.receivers
    expect(told).toEqual(expect.arrayContaining([`${NAMESPACE}/${EXCHANGE}/marketprism-page`]))
  },
)

step('a Collector that is deleted takes its rules with it, and nothing of it fires any more', 180, async () => {
  const missed = await own('prometheus_rule_group_iterations_missed_total{')
  const failed = await own('prometheus_rule_evaluation_failures_total{')
  const ofOurs = [...missed, ...failed].filter((line) => line.includes('marketprism/'))
  expect(ofOurs.length).toBeGreaterThan(5)
  expect(ofOurs.filter((line) => !line.endsWith(' 0'))).toEqual([])
  await kubectl('delete', 'collector', EXCHANGE, '--timeout=60s')
  await until('its rules are gone', 120, async () => (await loadedGroups(`marketprism/${NAMESPACE}/`)).length === 0)
  await until('nothing fires', 60, async () => (await firing()).length === 0, firing)
})

const ALL_DOWN = 'MarketPrismAllExchangesDisconnected'

function said() {
  return condition(EXCHANGE, 'MonitoringInstalled')
}

/** Names of the alerts on the Collector that fire. */
async function firing(): Promise<string[]> {
  const all = await query(`ALERTS{alertstate="firing",namespace="${NAMESPACE}",collector="${EXCHANGE}"}`)
  return [...new Set(all.map(({ metric }) => metric['alertname'] ?? ''))].toSorted()
}

function detected(what: string, fromMs: number): void {
  const seconds = Number(((performance.now() - fromMs) / 1000).toFixed(1))
  figure(`monitoring.detect.${what}`, seconds, { by: 'a Prometheus in the cluster, every 15 s' })
  expect(seconds).toBeLessThan(DETECT_SECONDS_MAX)
}
