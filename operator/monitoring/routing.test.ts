// Routes and inhibitions in a real Alertmanager: what a larger alert explains is silent, what is of another exchange or
// Collector is not, and each alert reaches those who are to act.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { alertmanager, type AlertLabels, amtool, checkConfig, startAlertmanager } from '../../test/alertmanager.ts'
import { OWNERS } from '../../test/support/alerts.ts'
import { desiredOf } from '../../test/support/desired.ts'
import type { OptionalApis, Owner } from '../resources/facts.ts'
import { alertsOf, SEVERITIES } from './alerts.ts'
import { monitoringOf } from './index.ts'
import { ruleOf, RULES } from './rules.ts'
import { alertmanagerOf, type Inhibition, inhibitionsOf } from './routing.ts'

vi.setConfig({ testTimeout: 60_000 })

/** With two publishers, and NATS over TLS. */
const OWNER = OWNERS[1] as Owner
const INHIBITIONS = inhibitionsOf(OWNER)
const missing = [alertmanager, amtool].flatMap((program) => ('missing' in program ? [program.missing] : []))[0]

/** An alert as Prometheus sends it. */
function alert(name: string, labels: AlertLabels = {}): AlertLabels {
  const { tier } = ruleOf(name as Inhibition['by'])
  const kind = { exchange: 'okx', market: 'spot', type: 'trade' }
  const whose = { namespace: OWNER.namespace, collector: OWNER.name }
  return { alertname: name, severity: SEVERITIES[tier], priority: tier, ...whose, ...kind, ...labels }
}

describe('in Alertmanager', () => {
  beforeEach(({ skip }) => skip(missing !== undefined, missing))

  test('the configuration is right', async () => {
    for (const owner of OWNERS) expect(await checkConfig(alertmanagerOf(owner))).toContain('SUCCESS')
  })

  test.for(INHIBITIONS)('$by silences what it explains, by $equal, and nothing else', async (inhibition) => {
    const { by, silenced, equal } = inhibition
    // Only one of these is alike in all that counts; a test of another inhibition is told apart by its market.
    const market = `m-${INHIBITIONS.indexOf(inhibition)}`
    const whose = { collector: OWNER.name, market, exchange: `e-${market}` }
    const others: AlertLabels[] = [
      { ...whose, collector: 'another' },
      { ...whose, namespace: 'another' },
      ...(equal.includes('exchange') ? [{ ...whose, exchange: `another-${market}` }] : []),
      ...(equal.includes('type') ? [{ ...whose, type: 'another' }] : []),
    ]
    await using own = await startAlertmanager(alertmanagerOf(OWNER))
    const small = silenced.map((name) => alert(name, whose))
    await own.post([...small, ...others.flatMap((labels) => silenced.map((name) => alert(name, labels)))])
    // What it explains explains something itself at times: only who it silences counts.
    const silent = async () =>
      (await own.states()).filter(({ silencedBy }) => silencedBy.some(({ alertname }) => alertname === by))
    expect(await silent()).toEqual([])
    await own.post([alert(by, whose)])
    await vi.waitFor(async () => {
      expect((await silent()).map(({ labels }) => labels)).toEqual(expect.arrayContaining(small))
    })
    expect(await silent()).toHaveLength(small.length)
  })

  test('each alert reaches who is to act on its tier, and that of nobody else reaches none of ours', async () => {
    const receivers = { P1: 'marketprism-page', P2: 'marketprism-ticket', P3: 'marketprism-notice' }
    await using manager = await startAlertmanager(alertmanagerOf(OWNER))
    await manager.post([
      ...RULES.map((rule) => alert(rule.alert)),
      alert('MarketPrismDataStale', { collector: 'other' }),
    ])
    const states = await manager.states()
    expect(states).toHaveLength(RULES.length + 1)
    for (const { labels, receivers: told } of states) {
      const { priority, collector } = labels as { priority: keyof typeof receivers; collector: string }
      expect(told, labels['alertname']).toEqual([collector === OWNER.name ? receivers[priority] : 'none'])
    }
  })

  test('who is paged is told of the larger alert alone', async () => {
    const told: string[] = []
    const pager = createServer((request, response) => {
      let body = ''
      request.on('data', (text: Buffer) => (body += text.toString()))
      request.on('end', () => {
        const { alerts } = JSON.parse(body) as { alerts: { labels: AlertLabels }[] }
        told.push(...alerts.map(({ labels }) => labels['alertname'] ?? ''))
        response.end()
      })
    }).listen(0, '127.0.0.1')
    await once(pager, 'listening')
    try {
      const url = `http://127.0.0.1:${(pager.address() as AddressInfo).port}`
      const config = alertmanagerOf(OWNER) as { receivers: { name: string }[] }
      const receivers = config.receivers.map((one) =>
        one.name === 'marketprism-page' ? { ...one, webhook_configs: [{ url }] } : one,
      )
      await using own = await startAlertmanager({ ...config, receivers })
      const [larger, smaller] = ['MarketPrismAllExchangesDisconnected', 'MarketPrismMessageProcessingStopped'] as const
      expect(alertsOf(OWNER).filter(({ tier }) => tier === 'P1')).toEqual(
        expect.arrayContaining([ruleOf(larger), ruleOf(smaller)]),
      )
      await own.post([alert(smaller), alert(larger)])
      await vi.waitFor(() => expect(told).toEqual([larger]), { timeout: 30_000, interval: 200 })
    } finally {
      pager.close()
      pager.closeAllConnections()
    }
  })
})

const APIS: OptionalApis = { podMonitor: true, prometheusRule: true, alertmanagerConfig: true, grafanaDashboard: false }
const kindsOf = (alerts: object, apis = APIS) =>
  monitoringOf(desiredOf({ monitoring: { alerts } }, { apis })).objects.map(({ kind }) => kind)

test('an AlertmanagerConfig is installed on request only, and with alerts only', () => {
  expect(kindsOf({})).not.toContain('AlertmanagerConfig')
  expect(kindsOf({ routing: { enabled: true } })).toContain('AlertmanagerConfig')
  expect(kindsOf({ enabled: false, routing: { enabled: true } })).not.toContain('AlertmanagerConfig')
})

test('where its API is missing the condition says so, and the rest is installed', () => {
  const apis = { ...APIS, alertmanagerConfig: false }
  const alerts = { routing: { enabled: true } }
  expect(kindsOf(alerts, apis)).toEqual(kindsOf({}))
  const { condition } = monitoringOf(desiredOf({ monitoring: { alerts } }, { apis }))
  expect(condition).toMatchObject({ status: 'False', reason: 'ApiMissing' })
  expect(condition.message).toMatch(/^AlertmanagerConfig of monitoring\.coreos\.com cannot be used here/)
  // Who asks for none misses nothing.
  expect(monitoringOf(desiredOf({}, { apis })).condition.status).toBe('True')
})

test('a receiver that the spec names is told of its tier, and of no other; labels are those that Alertmanager selects', () => {
  const receivers = [
    { tier: 'P1', webhook: { name: 'pager' } },
    { tier: 'P3', webhook: { name: 'chat', key: 'address' } },
  ]
  const { objects } = monitoringOf(
    desiredOf({ monitoring: { alerts: { routing: { enabled: true, labels: { alertmanager: 'main' }, receivers } } } }),
  )
  const object = objects.find(({ kind }) => kind === 'AlertmanagerConfig')
  expect(object?.metadata.labels).toMatchObject({ alertmanager: 'main' })
  const { receivers: told } = (object?.['spec'] ?? {}) as { readonly receivers?: unknown }
  expect(told).toEqual([
    { name: 'marketprism-page', webhookConfigs: [{ urlSecret: { name: 'pager', key: 'url' } }] },
    { name: 'marketprism-ticket' },
    { name: 'marketprism-notice', webhookConfigs: [{ urlSecret: { name: 'chat', key: 'address' } }] },
  ])
})
