import { execFile } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { stringify } from 'yaml'
import { tool, ToolMissing } from '../../hack/tools.ts'
import { METRICS as COLLECTOR_METRICS } from '../../collector/metrics.ts'
import { desiredOf } from '../../test/support/desired.ts'
import { METRICS as OPERATOR_METRICS } from '../metrics.ts'
import type { Desired } from '../resources/facts.ts'
import { prometheusRule } from './alerts.ts'
import { RULES } from './rules.ts'

const run = promisify(execFile)

interface WrittenRule {
  readonly alert?: string
  readonly expr: string
  readonly labels: Readonly<Record<string, string>>
}

/** Spec of the rule: a file as promtool reads it, too. */
function specOf(desired: Desired): {
  readonly groups: readonly { name: string; interval: string; rules: WrittenRule[] }[]
} {
  return prometheusRule(desired)?.['spec'] as ReturnType<typeof specOf>
}

function alertsOf(desired: Desired): string[] {
  return prometheusRule(desired) === undefined
    ? []
    : specOf(desired).groups.flatMap(({ rules }) => rules.flatMap(({ alert }) => alert ?? []))
}

const FILES = { sink: { file: { path: '/data', volume: { size: '10Gi' } } } }

test('the alerts are those that fit the sink, and those that nobody disabled', () => {
  const always = RULES.filter(({ wanted }) => wanted === undefined).map(({ alert }) => alert)
  expect(alertsOf(desiredOf())).toEqual(expect.arrayContaining([...always, 'MarketPrismNATSDisconnected']))
  expect(alertsOf(desiredOf())).not.toContain('MarketPrismHighDiskUsage')
  expect(alertsOf(desiredOf(FILES)).toSorted()).toEqual(
    [...always, 'MarketPrismFilesNotWritten', 'MarketPrismHighDiskUsage'].toSorted(),
  )
  expect(alertsOf(desiredOf({ redundancy: 2 }))).toContain('MarketPrismRedundancyLost')
  expect(alertsOf(desiredOf({ redundancy: 2 }))).not.toContain('MarketPrismForeignMessages')
  const disabled = desiredOf({ monitoring: { alerts: { disabled: ['MarketPrismQueueBacklog'] } } })
  expect(alertsOf(disabled)).toEqual(alertsOf(desiredOf()).filter((alert) => alert !== 'MarketPrismQueueBacklog'))
})

test('there is no PrometheusRule without its API, and none where the Collector wants none', () => {
  const none = { podMonitor: false, prometheusRule: false, alertmanagerConfig: false, grafanaDashboard: false }
  expect(prometheusRule(desiredOf({}, { apis: none }))).toBeUndefined()
  const unwanted = desiredOf({ monitoring: { alerts: { enabled: false }, dashboards: { enabled: false } } })
  expect(prometheusRule(unwanted)).toBeUndefined()
})

test('each alert says whom it wakes, and about which Collector; labels of objects are not labels of alerts', () => {
  const desired = desiredOf({ monitoring: { alerts: { labels: { release: 'kps' } } } })
  expect(prometheusRule(desired)?.metadata.labels).toMatchObject({ release: 'kps' })
  for (const { alert, labels } of specOf(desired).groups[0]?.rules ?? []) {
    if (alert === undefined) continue
    const { severity, priority, ...whose } = labels
    expect(whose, alert).toEqual({ namespace: 'desk-a', collector: 'majors' })
    expect(`${priority} ${severity}`).toMatch(/^(?:P1 critical|P2 warning|P3 info)$/)
  }
})

test('every metric that rules read is one that there is, and is of this Collector alone', () => {
  const known = new Set([...Object.keys(COLLECTOR_METRICS), ...Object.keys(OPERATOR_METRICS)])
  const desired = desiredOf(FILES)
  const data = JSON.stringify([specOf(desired), specOf(desiredOf())])
  const used = [...data.matchAll(/\b(marketprism_[a-z_]+|up|kubelet_[a-z_]+)\{([^}]*)\}/g)]
  expect(used.length).toBeGreaterThan(30)
  for (const [, name = '', matchers] of used) {
    expect(matchers, name).toContain(String.raw`namespace=\"desk-a\"`)
    if (!name.startsWith('marketprism_')) continue
    expect(known.has(name) || known.has(name.replace(/_(?:bucket|count)$/, '')), name).toBe(true)
    expect(matchers, name).toContain(String.raw`collector=\"majors\"`)
  }
})

const promtool = await tool('promtool').catch((error: unknown) => {
  if (error instanceof ToolMissing) return error
  throw error
})
const cases = resolve(import.meta.dirname, 'cases')

test.for(['desk-a', 'desk.b'])('promtool reads all rules of a Collector %s', async (name, { skip }) => {
  if (promtool instanceof ToolMissing) return skip(promtool.message)
  const folder = mkdtempSync(join(tmpdir(), 'rules-'))
  try {
    const files = [desiredOf(), desiredOf(FILES)].map((desired, i) => {
      const path = join(folder, `${i}.yaml`)
      writeFileSync(path, stringify(specOf({ ...desired, owner: { ...desired.owner, name } })))
      return path
    })
    const { stdout } = await run(promtool, ['check', 'rules', '--lint=all', '--lint-fatal', ...files])
    expect(stdout.match(/SUCCESS: \d+ rules found/g)).toHaveLength(2)
  } finally {
    rmSync(folder, { recursive: true })
  }
})

const files = readdirSync(cases).filter((file) => file.endsWith('.yaml'))
const named = files.map((file) => [file.replace('-', ': ').replaceAll('-', ' ').replace('.yaml', ''), file] as const)

// Hours of samples, on a machine that may be busy.
test.for(named)('%s', { timeout: 300_000 }, async ([, file], { skip }) => {
  if (promtool instanceof ToolMissing) return skip(promtool.message)
  const folder = mkdtempSync(join(tmpdir(), 'rules-'))
  try {
    writeFileSync(join(folder, 'rules.yaml'), stringify(specOf(of('md', 'majors'))))
    writeFileSync(join(folder, file), readFileSync(join(cases, file)))
    const { stdout } = await run(promtool, ['test', 'rules', join(folder, file)])
    expect(stdout).toContain('SUCCESS')
  } finally {
    rmSync(folder, { recursive: true })
  }
})

function of(namespace: string, name: string): Desired {
  const desired = desiredOf()
  return { ...desired, owner: { ...desired.owner, namespace, name } }
}
