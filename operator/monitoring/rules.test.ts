// What holds for every rule, read from its declaration and its expression.
import { readdirSync, readFileSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { expect, test } from 'vitest'
import { ALERTS } from '../../crds/alerts.ts'
import { checkCollector } from '../../crds/faults.ts'
import { desiredOf } from '../../test/support/desired.ts'
import { OWNERS } from '../../test/support/alerts.ts'
import type { Owner } from '../resources/facts.ts'
import { groupsOf, type WrittenRule } from './alerts.ts'
import { OPERATOR_RULES, operatorGroups } from './operator-rules.ts'
import { RUNBOOKS } from './rule.ts'
import { RECORDINGS, ruleOf, RULES } from './rules.ts'

const STEP = 15
const PAGES = resolve(import.meta.dirname, '../../docs/runbooks')
const seconds = (text: string) => Number.parseInt(text, 10) * (text.endsWith('m') ? 60 : 1)
const rulesOf = (owner = OWNERS[0]) => groupsOf(owner as never).flatMap(({ rules }) => rules as WrittenRule[])
const expressions = OWNERS.flatMap((owner) => rulesOf(owner))

test('each name stands for one rule, and each rule has a name that a spec may use', () => {
  expect(RULES.map(({ alert }) => alert).toSorted()).toEqual([...ALERTS].toSorted())
})

test.for([...RULES, ...OPERATOR_RULES])('$alert can be there within what it promises', (rule) => {
  const { tier, for: forLong, judges, detectWithin } = rule
  const least = judges === 'staleness' ? STEP : 2 * STEP
  expect(least + Math.ceil(seconds(forLong) / STEP) * STEP).toBeLessThanOrEqual(detectWithin)
  if (tier === 'P1' || (tier === 'P2' && judges !== 'amount')) expect(detectWithin).toBeLessThanOrEqual(60)
})

test('a larger alert holds for no longer than what it explains, and never explains itself', () => {
  for (const { alert, for: forLong, explainedBy = [] } of RULES) {
    for (const { by } of explainedBy) {
      expect(by).not.toBe(alert)
      expect(seconds(ruleOf(by).for), `${by} explains ${alert}`).toBeLessThanOrEqual(seconds(forLong))
      expect((ruleOf(by).explainedBy ?? []).map((one) => one.by)).not.toContain(alert)
    }
  }
})

test('annotations say the value, the likely cause, what to run, and where to read on', () => {
  for (const { alert, annotations } of expressions.filter((rule) => rule.alert !== undefined)) {
    const { summary = '', description, cause, command, runbook_url: page = '' } = annotations
    expect(summary, alert).not.toContain('$value')
    expect(description, alert).toContain('{{ $value')
    expect(cause).toMatch(/\.$/)
    expect(command, alert).toMatch(/^(?:kubectl|nats) /)
    expect(command, alert).not.toMatch(/NAME|STREAM/)
    expect(page).toBe(`${RUNBOOKS}/${alert}.md`)
  }
})

test('each alert has a page with the five headings, and each page an alert', () => {
  const pages = readdirSync(PAGES).map((file) => basename(file, '.md'))
  expect(pages.toSorted()).toEqual([...RULES, ...OPERATOR_RULES].map(({ alert }) => alert as string).toSorted())
  for (const page of pages) {
    const text = readFileSync(join(PAGES, `${page}.md`), 'utf8')
    expect(text.startsWith(`# ${page}\n`)).toBe(true)
    expect([...text.matchAll(/^## (.*)$/gm)].map(([, heading]) => heading)).toEqual([
      'Meaning',
      'Impact',
      'How it is found',
      'How to fix',
      'Escalation',
    ])
  }
})

test('expressions keep to what every Prometheus has, and to windows of four scrapes', () => {
  for (const { expr, alert } of expressions) {
    expect(expr, alert).not.toMatch(/\b(?:mad_over_time|limitk|info|topk|double_exponential_smoothing)\s*\(/)
    for (const [, window = ''] of expr.matchAll(/\[(\d+[smh])\]/g)) {
      expect(seconds(window.replace(/(\d+)h/, (_, h) => `${Number(h) * 60}m`)), expr).toBeGreaterThanOrEqual(4 * STEP)
    }
    for (const [selector] of expr.matchAll(/absent\([^)]*\)/g)) expect(selector).toContain('namespace="')
    for (const [, hours = '0'] of expr.matchAll(/offset (\d+)h/g)) expect(Number(hours)).toBeLessThan(15 * 24)
  }
})

test('what is recorded stands in the group of its users, before them', () => {
  const names = RECORDINGS.map(({ record }) => record)
  for (const { rules } of groupsOf(OWNERS[0] as never)) {
    const before: string[] = []
    for (const { record, expr } of rules as { record?: string; expr: string }[]) {
      for (const name of names.filter((one) => expr.includes(`${one}{`))) expect(before, expr).toContain(name)
      if (record !== undefined) before.push(record)
    }
  }
})

test('an override changes its rule and nothing else', () => {
  const overrides = [
    { alert: 'MarketPrismDataStale', threshold: 3, for: '5m', labels: { severity: 'warning', team: 'desk' } },
  ]
  const sink = OWNERS[0]?.spec.sink
  const changed = rulesOf(desiredOf({ sink, monitoring: { alerts: { overrides } } }).owner)
  const differing = rulesOf().flatMap((rule, i) => (JSON.stringify(rule) === JSON.stringify(changed[i]) ? [] : [i]))
  expect(differing).toHaveLength(1)
  const rule = changed[differing[0] as number]
  expect(rule).toMatchObject({ alert: 'MarketPrismDataStale', for: '5m' })
  expect(rule?.labels).toEqual({
    severity: 'warning',
    priority: 'P1',
    team: 'desk',
    namespace: 'desk-a',
    collector: 'majors',
  })
  expect(rule?.expr).toContain(':ratio{namespace="desk-a",collector="majors"} > 3)')
})

test('an alert that is left out explains nothing: what it said is said by others', () => {
  const disabled = ['MarketPrismExchangeDisconnected']
  const owner = desiredOf({ sink: OWNERS[0]?.spec.sink, monitoring: { alerts: { disabled } } }).owner
  const [before, after] = [rulesOf(), rulesOf(owner)].map(
    (rules) => rules.find(({ alert }) => alert === 'MarketPrismDataStale')?.expr,
  )
  expect(before).toContain('unless on (exchange)')
  expect(after).not.toContain('unless on (exchange)')
})

test.for([
  [{ disabled: ['MarketPrismDataStael'] }, "write 'MarketPrismDataStale'"],
  [{ overrides: [{ alert: 'MarketPrismSystemDwon' }] }, "write 'MarketPrismSystemDown'"],
  [{ overrides: [{ alert: 'MarketPrismDataStale', labels: { namespace: 'x' } }] }, 'cannot be one of an alert'],
  [{ overrides: [{ alert: 'MarketPrismDataStale', for: '1s' }] }, 'is not a duration'],
  [{ overrides: [{ alert: 'MarketPrismDataStale' }, { alert: 'MarketPrismDataStale' }] }, 'stands here twice'],
] as const)('%j is refused, and what to write is said', ([alerts, says]) => {
  const { owner } = desiredOf()
  const manifest = {
    apiVersion: 'marketprism.io/v1alpha1',
    kind: 'Collector',
    metadata: { name: owner.name },
    spec: { ...owner.spec, monitoring: { alerts } },
  }
  expect(JSON.stringify(checkCollector(manifest).faults)).toContain(says)
})

test('the longest names leave room for many times the rules in what a file of rules may hold, half a MiB', () => {
  const owner = { ...OWNERS[0], namespace: 'n'.repeat(63), name: 'c'.repeat(40) } as Owner
  expect(JSON.stringify(groupsOf(owner)).length).toBeLessThan(131_072)
})

test('the alerts on the operator are about one installation, and name it', () => {
  const text = JSON.stringify(operatorGroups('prism', 'op-metrics'))
  const selectors = [...text.matchAll(/\b(?:up|marketprism_operator_\w+)(\{[^}]*\})?/g)].map(([, matchers]) => matchers)
  expect(new Set(selectors)).toEqual(new Set([String.raw`{namespace=\"prism\",job=\"op-metrics\"}`]))
})
