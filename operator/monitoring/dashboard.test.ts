// Dashboards as the operator installs them, held to the rules of a linter: what Grafana people learnt the hard way.
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { stringify } from 'yaml'
import { ALERTS } from '../../crds/alerts.ts'
import { METRICS as COLLECTOR } from '../../collector/metrics.ts'
import { reached } from '../../hack/images/pack.ts'
import { tool, ToolMissing } from '../../hack/tools.ts'
import { type DrawnDashboard, questionsOf, readDashboard } from '../../test/support/dashboards.ts'
import { desiredOf } from '../../test/support/desired.ts'
import type { KubeObject } from '../kube/objects.ts'
import { METRICS as OPERATOR } from '../metrics.ts'
import type { Desired } from '../resources/facts.ts'
import { prometheusRule } from './alerts.ts'
import { dashboardsOf, dashboardText, linkOf, SHARED } from './dashboard.ts'
import { RUNBOOKS } from './rule.ts'
import { DASHBOARDS } from './dashboards/all.ts'
import { drawn } from './dashboards/draw.ts'
import { TOKEN } from './dashboards/tokens.ts'

const METRICS: Readonly<Record<string, { readonly type: string; readonly labels: readonly string[] }>> = {
  ...COLLECTOR,
  ...OPERATOR,
}
const FOREIGN = ['up', 'ALERTS']
const all = DASHBOARDS.map(({ name, filters }) => {
  const text = dashboardText({ namespace: 'desk-a', name: 'majors' }, name)
  return { name, filters, text, dashboard: readDashboard(text) }
})
const named = all.map((one) => [one.name, one] as const)

test.for(named)('%s: is read-only, named, tagged, small, and says what it is for', ([name, { text, dashboard }]) => {
  expect(dashboard).toMatchObject({ schemaVersion: 39, editable: false, tags: ['marketprism'], timezone: 'utc' })
  expect(dashboard.uid).toMatch(/^mp-[0-9a-f]{32}$/)
  expect(dashboard.title).toMatch(name === 'overview' ? /^MarketPrism desk-a\/majors: / : /^MarketPrism desk-a: /)
  expect(dashboard.description).toMatch(/^[A-Z].*\.$/)
  expect(dashboard).not.toHaveProperty('id')
  expect(dashboard).not.toHaveProperty('version')
  expect(Buffer.byteLength(text)).toBeLessThan(40_000)
  expect(text).not.toMatch(/%\w+%/)
})

test.for(named)('%s: its variables begin with the data source, and each of them works in a query', ([, one]) => {
  const { dashboard, filters, text } = one
  const variables = dashboard.templating.list
  expect(variables[0]).toMatchObject({ name: 'datasource', type: 'datasource', query: 'prometheus' })
  expect(variables.map(({ name }) => name)).toEqual(expect.arrayContaining(['namespace', 'collector', ...filters]))
  for (const { name, type, refresh, allValue, includeAll, multi } of variables) {
    if (type === 'query') expect({ name, refresh, allValue, includeAll, multi }, name).toMatchObject(ON_TIME_RANGE)
    if (name !== 'datasource')
      expect(
        questionsOf(dashboard).some(({ expr }) => expr.includes(`$${name}`)),
        name,
      ).toBe(true)
  }
  const used = new Set([...text.matchAll(/\$\{?(\w+)/g)].map(([, name]) => name))
  const known = new Set([...variables.map(({ name }) => name), '__rate_interval', '__all'])
  expect([...used].filter((name) => !known.has(name ?? ''))).toEqual([])
})
const ON_TIME_RANGE = { refresh: 2, allValue: '.*', includeAll: true, multi: true }

test.for(named)('%s: each panel has a title of its own, a description, a unit, and a place', ([, { dashboard }]) => {
  const { panels } = dashboard
  expect(panels.map(({ id }) => id)).toEqual(panels.map((_, i) => i + 1))
  const titles = panels.map(({ title }) => title)
  expect(new Set(titles).size).toBe(titles.length)
  const taken = new Set<string>()
  for (const { type, title, description, datasource, fieldConfig, gridPos, targets = [] } of panels) {
    for (const cell of cellsOf(gridPos)) {
      expect(taken.has(cell), `${title} lies over another`).toBe(false)
      taken.add(cell)
    }
    expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24)
    if (type === 'row') continue
    expect(title, title).toMatch(/^[A-Z].*[^.]$/)
    expect(description, title).toMatch(/^[`A-Z].*[.…]$/)
    expect(datasource, title).toEqual({ type: 'prometheus', uid: '${datasource}' })
    expect(fieldConfig?.defaults.unit, title).toBeTruthy()
    expect(targets.length, title).toBeGreaterThan(0)
    expect(targets.map(({ refId }) => refId)).toEqual(['A', 'B', 'C', 'D', 'E', 'F'].slice(0, targets.length))
    for (const { legendFormat, interval } of targets) {
      expect(legendFormat, title).toBeTruthy()
      expect(interval, title).toBe('15s')
    }
  }
})

test.for(named)(
  '%s: each selector is of a metric that there is, and has every variable that fits it',
  ([name, one]) => {
    for (const { title, expr } of questionsOf(one.dashboard)) {
      const selectors = [...expr.matchAll(/\b([a-zA-Z_]\w*)\{([^}]*)\}/g)]
      expect(selectors.length, title).toBeGreaterThan(0)
      for (const [, series = '', matchers = ''] of selectors) {
        const metric = METRICS[series.replace(/_(?:bucket|count)$/, '')] ?? METRICS[series]
        expect(metric !== undefined || FOREIGN.includes(series), `${title}: ${series}`).toBe(true)
        const isAboutOperator = series.startsWith('marketprism_operator_') && !metric?.labels.includes('collector')
        const wanted = isAboutOperator
          ? ['namespace=~"$operator"']
          : [
              'namespace="$namespace"',
              'collector=~"$collector"',
              ...one.filters
                .filter((label) => (label === 'shard' ? name === 'performance' : metric?.labels.includes(label)))
                .map((label) => `${label}=~"$${label}"`),
            ]
        expect(matchers.split(','), `${title}: ${series}`).toEqual(expect.arrayContaining(wanted))
      }
    }
  },
)

test.for(named)('%s: counters are rated over a window that is never too short, and added up', ([, { dashboard }]) => {
  for (const { title, expr } of questionsOf(dashboard)) {
    for (const [whole, series = ''] of expr.matchAll(/(?:\w+\()?\b(marketprism_\w+)\{[^}]*\}(?:\[[^\]]+\])?/g)) {
      const { type } = METRICS[series] ?? { type: 'histogram' }
      const isRated = /^(?:rate|increase)\(/.test(whole)
      expect(isRated, `${title}: ${whole}`).toBe(type !== 'gauge')
    }
    for (const [, before = '', window] of expr.matchAll(/(.{0,12})\b(?:rate|increase)\([^[]+\[([^\]]+)\]/g)) {
      expect(['$__rate_interval', '1h', '24h'], title).toContain(window)
      expect(before, `${title}: a rate that is not added up`).toMatch(/(?:sum|\)) \($|^\($|sum\($/)
    }
  }
})

test('the overview begins with the eleven panels that the system was always watched by', () => {
  const { dashboard } = all[0]!
  expect(dashboard.panels.slice(0, 11).map(({ title, type }) => `${title} (${type})`)).toEqual([
    'Status (stat)',
    'Message rate (stat)',
    'Error rate (stat)',
    'Connections (stat)',
    'Message rate by exchange (timeseries)',
    'Error rate by exchange (timeseries)',
    'Resources (timeseries)',
    'Connection matrix (stat)',
    'Messages by type (piechart)',
    'Latency (timeseries)',
    'Publishes by outcome (timeseries)',
  ])
  expect(dashboard.panels.slice(0, 5).map(({ gridPos: { x, y, w, h } }) => [x, y, w, h])).toEqual([
    [0, 0, 6, 4],
    [6, 0, 6, 4],
    [12, 0, 6, 4],
    [18, 0, 6, 4],
    [0, 4, 12, 8],
  ])
})

test('the templates are the same bytes each time, and no operator loads what draws them', () => {
  for (const dashboard of DASHBOARDS) {
    expect(drawn(dashboard)).toBe(drawn(dashboard))
    for (const token of [TOKEN.uid, TOKEN.title, TOKEN.namespace]) expect(drawn(dashboard)).toContain(token)
  }
  const { files, packages } = reached('operator/main.ts')
  expect(packages.filter((name) => name.startsWith('@grafana/'))).toEqual([])
  expect(files).toContain('operator/monitoring/dashboards/templates/overview.json')
})

test('a Collector has its overview; the first of a namespace carries the others, too', () => {
  const desired = of('desk-a', 'majors')
  expect(namesOf(dashboardsOf(desired), 'ConfigMap')).toEqual(['majors-overview'])
  const first = dashboardsOf({ ...desired, isFirst: true })
  expect(namesOf(first, 'ConfigMap')).toEqual(['majors-overview', ...SHARED.map((name) => `majors-${name}`)])
  const wanted = desiredOf({ monitoring: { dashboards: { labels: { team: 'quants' }, folder: 'Desk A' } } })
  for (const object of dashboardsOf({ ...wanted, isFirst: true })) {
    if (object.kind !== 'ConfigMap') continue
    expect(object.metadata).toMatchObject({
      namespace: 'desk-a',
      labels: { grafana_dashboard: '1', team: 'quants' },
      annotations: { grafana_folder: 'Desk A' },
      ownerReferences: [{ kind: 'Collector', name: 'majors' }],
    })
    expect(Object.keys(dataOf(object))).toHaveLength(1)
  }
  expect(dashboardsOf({ ...desiredOf({ monitoring: { dashboards: { enabled: false } } }), isFirst: true })).toEqual([])
})

test('where the Grafana Operator is, it is told of each dashboard, by the key of its ConfigMap', () => {
  const none = { podMonitor: true, prometheusRule: true, alertmanagerConfig: true, grafanaDashboard: false }
  expect(namesOf(dashboardsOf(desiredOf({}, { apis: none })), 'GrafanaDashboard')).toEqual([])
  const [map, object] = dashboardsOf(desiredOf())
  expect(object).toMatchObject({
    apiVersion: 'grafana.integreatly.org/v1beta1',
    kind: 'GrafanaDashboard',
    metadata: { name: 'majors-overview', namespace: 'desk-a' },
    spec: {
      instanceSelector: { matchLabels: { dashboards: 'grafana' } },
      allowCrossNamespaceImport: true,
      folder: 'MarketPrism',
      configMapRef: { name: map?.metadata.name, key: Object.keys(dataOf(map))[0] },
    },
  })
  // An instanceSelector can never be changed.
  const others = [{ grafana: 'a' }, { grafana: 'b' }].map((instances) => {
    const [, one] = dashboardsOf(desiredOf({ monitoring: { dashboards: { instances } } }))
    expect(one?.['spec']).toMatchObject({ instanceSelector: { matchLabels: instances } })
    return one?.metadata.name
  })
  expect(new Set(['majors-overview', ...others]).size).toBe(3)
})

test('C001: two Collectors of one name have dashboards with keys, ids and titles of their own', () => {
  const [a, b] = ['desk-a', 'desk-b'].map((namespace) => {
    return mapsOf({ ...of(namespace, 'majors'), isFirst: true }).map(dataOf)
  }) as [Record<string, string>[], Record<string, string>[]]
  expect(Object.keys(a[0] ?? {})).toEqual(['marketprism_desk-a_majors_overview.json'])
  const both = [...a, ...b].flatMap((data) => Object.entries(data))
  expect(new Set(both.map(([key]) => key)).size).toBe(10)
  for (const field of ['uid', 'title'] as const) {
    expect(new Set(both.map(([, text]) => readDashboard(text)[field])).size, field).toBe(10)
  }
  for (const text of b.flatMap((data) => Object.values(data))) expect(text).not.toContain('desk-a')
  // A hyphen stands in names: joined by it these two would be one.
  expect(keysOf(of('a-b', 'c'))).not.toEqual(keysOf(of('a', 'b-c')))
  for (const key of keysOf({ ...of('n'.repeat(63), 'x'.repeat(200)), isFirst: true })) {
    expect(key.length).toBeLessThanOrEqual(253)
  }
})

test('each alert leads to one panel, or to a dashboard where no panel of ours shows it; and from there to its runbook', () => {
  const shown = DASHBOARDS.flatMap(({ rows, alerts = [] }) => [
    ...alerts,
    ...rows.flatMap(({ panels }) => panels.flatMap((panel) => panel.alerts ?? [])),
  ])
  expect(shown.toSorted()).toEqual([...ALERTS].toSorted())
  const url = 'https://grafana.example.com'
  const { owner } = desiredOf({ monitoring: { dashboards: { url } } })
  for (const alert of ALERTS) {
    const { pathname, searchParams, origin } = new URL(linkOf(owner, alert))
    const found = all.find(({ dashboard }) => pathname === `/d/${dashboard.uid}`)
    expect(origin).toBe(url)
    expect(searchParams.get('var-collector'), alert).toBe(found?.name === 'overview' ? null : 'majors')
    const id = searchParams.get('viewPanel')
    const panel = found?.dashboard.panels.find((one) => String(one.id) === id)
    if (id !== null)
      expect(
        panel?.links?.map((link) => link.url),
        alert,
      ).toContain(`${RUNBOOKS}/${alert}.md`)
  }
  expect(JSON.stringify(prometheusRule(desiredOf()))).toContain(linkOf(desiredOf().owner, 'MarketPrismDataStale'))
  const without = desiredOf({ monitoring: { dashboards: { enabled: false } } })
  expect(JSON.stringify(prometheusRule(without))).not.toContain('/d/mp-')
  expect(linkOf(desiredOf().owner, 'MarketPrismSystemDown')).toBe(`/d/${all[0]?.dashboard.uid}?viewPanel=1`)
})

test('every query is one that Prometheus can read', async ({ skip }) => {
  const promtool = await tool('promtool').catch((error: unknown) => {
    if (error instanceof ToolMissing) return error
    throw error
  })
  if (promtool instanceof ToolMissing) return skip(promtool.message)
  const folder = mkdtempSync(join(tmpdir(), 'panels-'))
  try {
    const rules = all.flatMap(({ name, dashboard }) =>
      questionsOf(dashboard).map(({ expr, id, refId }) => ({
        record: `panel:${name}_${id}_${refId}`,
        expr: expr.replaceAll('$__rate_interval', '1m').replaceAll(/\$\w+/g, '.*'),
      })),
    )
    expect(rules.length).toBeGreaterThan(70)
    const file = join(folder, 'panels.yaml')
    writeFileSync(file, stringify({ groups: [{ name: 'panels', rules }] }))
    const { stdout } = await promisify(execFile)(promtool, ['check', 'rules', file])
    expect(stdout).toContain(`SUCCESS: ${rules.length} rules found`)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

function of(namespace: string, name: string): Desired {
  const desired = desiredOf()
  return { ...desired, owner: { ...desired.owner, namespace, name } }
}

function mapsOf(desired: Desired): KubeObject[] {
  return dashboardsOf(desired).filter(({ kind }) => kind === 'ConfigMap')
}

function namesOf(objects: readonly KubeObject[], kind: string): string[] {
  return objects.filter((object) => object.kind === kind).map(({ metadata }) => metadata.name)
}

function dataOf(object: KubeObject | undefined): Record<string, string> {
  return object?.['data'] as Record<string, string>
}

function keysOf(desired: Desired): string[] {
  return mapsOf(desired).flatMap((object) => Object.keys(dataOf(object)))
}

function cellsOf({ x, y, w, h }: DrawnDashboard['panels'][number]['gridPos']): string[] {
  return Array.from({ length: w * h }, (_, i) => `${x + (i % w)} ${y + Math.floor(i / w)}`)
}
