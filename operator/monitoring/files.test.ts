import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { parse, stringify } from 'yaml'
import { ALERTS } from '../../crds/alerts.ts'
import { tool, ToolMissing } from '../../hack/tools.ts'
import { desiredOf, UID } from '../../test/support/desired.ts'
import { filesOf } from './files.ts'
import { inhibitionsOf } from './routing.ts'

const all = filesOf({ ...desiredOf(), isFirst: true })
const contentOf = (path: string) =>
  parse(all.find((file) => file.path === path)?.content ?? '') as Record<string, unknown>

test('all that there is to watch a Collector comes as files, once each, without an owner', () => {
  expect(all.map(({ path }) => path)).toEqual([
    'majors.podmonitor.yaml',
    'majors.scrape.yaml',
    'majors.rules.yaml',
    'majors.prometheusrule.yaml',
    'majors.alertmanager.yaml',
    'majors.alertmanagerconfig.yaml',
    ...['overview', 'exchange', 'quality', 'performance', 'operator'].map(
      (name) => `marketprism_desk-a_majors_${name}.json`,
    ),
  ])
  for (const { path, content } of all) {
    expect(content, path).not.toContain(UID)
    expect(content, path).toMatch(/\n$/)
  }
  expect(filesOf(desiredOf())).toEqual(filesOf(desiredOf()))
})

test('what the spec does not want does not come', () => {
  const paths = (monitoring: object) => filesOf(desiredOf({ monitoring })).map(({ path }) => path)
  const off = { enabled: false }
  expect(paths({ alerts: off, dashboards: off })).toEqual([])
  expect(paths({ alerts: off }).filter((path) => /rule|alert/.test(path))).toEqual([])
  expect(paths({ dashboards: off }).filter((path) => path.endsWith('.json'))).toEqual([])
})

test('Prometheus reads the scrape configuration and the rules', async ({ skip }) => {
  const promtool = await tool('promtool').catch((error: unknown) => {
    if (error instanceof ToolMissing) return error
    throw error
  })
  if (promtool instanceof ToolMissing) return skip(promtool.message)
  const folder = mkdtempSync(join(tmpdir(), 'files-'))
  try {
    for (const { path, content } of all) writeFileSync(join(folder, path), content)
    const main = join(folder, 'prometheus.yaml')
    const names = { scrape_config_files: ['majors.scrape.yaml'], rule_files: ['majors.rules.yaml'] }
    writeFileSync(main, stringify(names))
    const { stdout } = await promisify(execFile)(promtool, ['check', 'config', main])
    expect(stdout).toMatch(/SUCCESS: \d\d rules found/)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('series that are scraped by file have the labels that the PodMonitor gives them', () => {
  const {
    scrape_configs: [scrape],
  } = contentOf('majors.scrape.yaml') as { scrape_configs: [Scrape] }
  const { spec } = contentOf('majors.podmonitor.yaml') as {
    spec: { podMetricsEndpoints: [{ relabelings: Relabeling[] }] }
  }
  const given = scrape.relabel_configs.flatMap(({ target_label }) => target_label ?? [])
  const wanted = spec.podMetricsEndpoints[0].relabelings.map(({ targetLabel }) => targetLabel)
  expect(given).toEqual(['namespace', 'pod', 'container', ...wanted])
})
interface Scrape {
  readonly relabel_configs: { readonly target_label?: string }[]
}
interface Relabeling {
  readonly targetLabel: string
}

test('each inhibition is within one Collector, of alerts that there are, and none goes round in a circle', () => {
  const inhibitions = inhibitionsOf(desiredOf().owner)
  expect(inhibitions.length).toBeGreaterThan(5)
  const pairs = inhibitions.flatMap(({ by, silenced }) => silenced.map((alert) => [by, alert] as const))
  for (const { by, silenced, equal } of inhibitions) {
    expect(equal.slice(0, 2)).toEqual(['namespace', 'collector'])
    expect(ALERTS).toEqual(expect.arrayContaining([by, ...silenced]))
    expect(new Set(silenced).size, by).toBe(silenced.length)
  }
  for (const [by] of pairs) expect(below(by, pairs)).not.toContain(by)
})

function below(alert: string, pairs: readonly (readonly [string, string])[], depth = 0): string[] {
  if (depth > ALERTS.length) return [alert]
  const next = pairs.flatMap(([by, silenced]) => (by === alert ? [silenced] : []))
  return [...new Set([...next, ...next.flatMap((one) => below(one, pairs, depth + 1))])]
}

test('an alert that is disabled neither silences nor is silenced', () => {
  const { owner } = desiredOf({ monitoring: { alerts: { disabled: ['MarketPrismExchangeDisconnected'] } } })
  expect(JSON.stringify(inhibitionsOf(owner))).not.toContain('MarketPrismExchangeDisconnected')
})

test('Alertmanager and the Prometheus Operator are told the same', () => {
  const file = contentOf('majors.alertmanager.yaml') as unknown as AlertmanagerFile
  const { spec } = contentOf('majors.alertmanagerconfig.yaml') as unknown as { spec: ConfigSpec }
  expect(spec.route.routes.map(({ receiver }) => receiver)).toEqual(file.route.routes.map(({ receiver }) => receiver))
  expect(file.receivers.map(({ name }) => name)).toEqual(['none', ...spec.receivers.map(({ name }) => name)])
  expect(spec.inhibitRules.map(({ equal }) => equal)).toEqual(file.inhibit_rules.map(({ equal }) => equal))
  // It adds the namespace by itself, and one Collector's routes are none of another's.
  expect(spec.route).toMatchObject({ matchers: [{ name: 'collector', value: 'majors', matchType: '=' }] })
  for (const { matchers } of file.route.routes) {
    expect(matchers).toEqual(expect.arrayContaining(['namespace="desk-a"', 'collector="majors"']))
  }
})
interface AlertmanagerFile {
  readonly route: { readonly routes: { readonly receiver: string; readonly matchers: string[] }[] }
  readonly receivers: { readonly name: string }[]
  readonly inhibit_rules: { readonly equal: string[] }[]
}
interface ConfigSpec {
  readonly route: { readonly routes: { readonly receiver: string }[] }
  readonly receivers: { readonly name: string }[]
  readonly inhibitRules: { readonly equal: string[] }[]
}
