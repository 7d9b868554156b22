// The PrometheusRule of a Collector: the rules that fit it, as its spec changes them.
import type { AlertName } from '../../crds/alerts.ts'
import type { KubeObject } from '../kube/objects.ts'
import type { Desired, Owner } from '../resources/facts.ts'
import { metadataOf } from '../resources/metadata.ts'
import { linkOf } from './dashboard.ts'
import { type Query, queryOf } from './query.ts'
import { type Explained, GROUPS, INTERVAL, on, type Rule, RUNBOOKS, type Tier } from './rule.ts'
import { RECORDINGS, ruleOf, RULES } from './rules.ts'

/** People route alerts by severity; the tier says how soon somebody has to act. */
export const SEVERITIES: Readonly<Record<Tier, string>> = { P1: 'critical', P2: 'warning', P3: 'info' }
/** After the end of an alert what it left behind is explained for so long. */
const AFTERMATH = '15m'

/** A rule as a file of Prometheus has it. */
export interface WrittenRule {
  readonly alert: string
  readonly expr: string
  readonly for?: string
  readonly keep_firing_for?: string
  readonly labels: Readonly<Record<string, string>>
  readonly annotations: Readonly<Record<string, string>>
}

/** Undefined where the API is missing, or the Collector wants none. */
export function prometheusRule({ owner, facts }: Desired): KubeObject | undefined {
  const { enabled, labels } = owner.spec.monitoring.alerts
  if (!enabled || !facts.apis.prometheusRule) return undefined
  const groups = groupsOf(owner, facts.runbooks)
  if (groups.length === 0) return undefined
  return {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PrometheusRule',
    metadata: metadataOf(owner, owner.name, labels),
    spec: { groups },
  }
}

/** Groups of rules; one without alerts is left out. `runbooks` is the folder of the pages that alerts lead to. */
export function groupsOf(owner: Owner, runbooks = RUNBOOKS): { name: string; interval: string; rules: object[] }[] {
  const { namespace, name } = owner
  const query = queryOf(owner)
  return GROUPS.flatMap((group) => {
    const alerts = RULES.filter((rule) => rule.group === group && isWanted(rule, owner))
    if (alerts.length === 0) return []
    const recorded = RECORDINGS.filter((one) => one.group === group).map(({ record, expr }) => {
      return { record, expr: expr(query), labels: { namespace, collector: name } }
    })
    const rules = [...recorded, ...alerts.map((rule) => writeRule(rule, owner, { query, runbooks }))]
    return [{ name: `marketprism/${namespace}/${name}/${group}`, interval: INTERVAL, rules }]
  })
}

/** The rules that fit a Collector, and that it does not disable. */
export function alertsOf(owner: Owner): readonly Rule[] {
  return RULES.filter((rule) => isWanted(rule, owner))
}

function isWanted({ alert, wanted }: Rule, owner: Owner): boolean {
  return !(owner.spec.monitoring.alerts.disabled ?? []).includes(alert) && (wanted?.(owner) ?? true)
}

interface Writing {
  readonly query?: Query
  readonly runbooks?: string
}

/** A rule as it is written for a Collector. */
export function writeRule(
  rule: Rule,
  owner: Owner,
  { query = queryOf(owner), runbooks = RUNBOOKS }: Writing = {},
): WrittenRule {
  const { namespace, name } = owner
  const { threshold = rule.threshold, for: forLong = rule.for, labels } = overrideOf(rule.alert, owner)
  return {
    alert: rule.alert,
    expr: expressionOf(rule, threshold ?? 0, owner, query),
    ...(forLong === '0s' ? {} : { for: forLong }),
    ...(rule.keepFiringFor === undefined ? {} : { keep_firing_for: rule.keepFiringFor }),
    labels: { severity: SEVERITIES[rule.tier], priority: rule.tier, ...labels, namespace, collector: name },
    annotations: {
      summary: rule.summary,
      description: rule.description,
      cause: rule.cause,
      command: filledIn(rule.command, owner),
      runbook_url: `${runbooks}/${rule.alert}.md`,
      ...(owner.spec.monitoring.dashboards.enabled ? { dashboard: linkOf(owner, rule.alert) } : {}),
    },
  }
}

function overrideOf(alert: AlertName, { spec }: Owner) {
  const { overrides = [] } = spec.monitoring.alerts
  return overrides.find((one) => one.alert === alert) ?? { threshold: undefined, for: undefined, labels: undefined }
}

/** The condition of a rule, but where a larger alert says it already. One that is left out explains nothing. */
function expressionOf(rule: Rule, threshold: number, owner: Owner, q: Query): string {
  const condition = rule.when({ q, owner, threshold })
  const now = explanations(rule.explainedBy, owner).map(({ by, on: labels }) => {
    const larger = ruleOf(by)
    return `unless ${on(labels)} (${larger.when({ q, owner, threshold: larger.threshold ?? 0 })})`
  })
  const before = [...Map.groupBy(explanations(rule.followsFrom, owner), (one) => on(one.on))].map(([labels, all]) => {
    const alerts = q.alerts(`alertname=~"${all.map(({ by }) => by).join('|')}",alertstate="firing"`)
    return `unless ${labels} max_over_time(${alerts}[${rule.aftermath ?? AFTERMATH}])`
  })
  const except = [...now, ...before]
  return except.length === 0 ? condition : `(${condition})\n${except.join('\n')}`
}

function explanations(all: readonly Explained[] = [], owner: Owner): readonly Explained[] {
  return all.filter(({ by }) => isWanted(ruleOf(by), owner))
}

function filledIn(command: string, { namespace, name, spec }: Owner): string {
  return command
    .replace('NAMESPACE', namespace)
    .replace('NAME', name)
    .replace('STREAM', spec.sink.nats?.stream.name ?? '')
}
