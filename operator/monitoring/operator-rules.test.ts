// Each alert on the operator fires for what it is about, in time and alone; what only looks like it keeps it silent; and
// each part of a rule is needed for that. Tried by promtool.
import { beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { ToolMissing } from '../../hack/tools.ts'
import {
  INSTALLED,
  OPERATOR_ALERTS,
  operatorFaultOf,
  OPERATOR_WELL,
  operatorSeriesOf,
} from '../../test/support/operator-alerts.ts'
import { firingOf, type Firing, promtool, type Scenario } from '../../test/support/promtool.ts'
import { after, slackOf } from '../../test/support/proof.ts'
import { BRIEF, type Clock, clockOf, flat, type Series, STEP_SECONDS } from '../../test/support/values.ts'
import type { WrittenRule } from './alerts.ts'
import { OPERATOR_RULES, operatorGroups, type OperatorRule } from './operator-rules.ts'

const missing = promtool instanceof ToolMissing ? promtool.message : undefined
const clockFor = ({ detectWithin }: OperatorRule): Clock => clockOf(BRIEF, detectWithin / STEP_SECONDS + 4)
/** Others that must not be heard of: an installation in another namespace, and another job in ours. */
const OTHERS = [
  { ...INSTALLED, namespace: 'elsewhere' },
  { ...INSTALLED, job: 'another' },
]

describe('by promtool', () => {
  beforeEach(({ skip }) => skip(missing !== undefined, missing))
  let firing: Firing = new Map()
  beforeAll(async () => {
    if (missing !== undefined) return
    const scenarios = OPERATOR_RULES.flatMap((rule): Scenario[] => {
      const clock = clockFor(rule)
      const { series, near } = operatorFaultOf(rule.alert)
      return [
        { name: rule.alert, series: operatorSeriesOf(series, clock), times: [clock.seconds, ...after(clock)] },
        { name: `${rule.alert} near`, series: operatorSeriesOf(near, clock), times: after(clock) },
      ]
    })
    firing = await firingOf(operatorGroups(INSTALLED.namespace, INSTALLED.job), scenarios)
  }, 120_000)
  const fired = (scenario: string) =>
    [...(firing.get(scenario) ?? [])].flatMap(([at, alerts]) => alerts.map((labels) => ({ at, labels })))

  test.for(OPERATOR_RULES)('$alert fires in time, with what else is right', (rule) => {
    const { seconds } = clockFor(rule)
    const all = fired(rule.alert)
    const first = all.find(({ labels }) => labels['alertname'] === rule.alert)
    expect((first?.at ?? Infinity) - seconds + slackOf(rule.judges)).toBeLessThanOrEqual(rule.detectWithin)
    expect(all.filter(({ at }) => at === seconds)).toEqual([])
    const allowed = [rule.alert, ...(operatorFaultOf(rule.alert).also ?? [])]
    expect(all.filter(({ labels }) => !allowed.includes(labels['alertname'] as never))).toEqual([])
    // What people route on, and nothing that changes with the value or the pod.
    expect(Object.keys(first?.labels ?? {}).toSorted()).toEqual(['alertname', 'namespace', 'priority', 'severity'])
    expect(first?.labels).toMatchObject({ namespace: INSTALLED.namespace, priority: rule.tier })
  })

  test.for(OPERATOR_ALERTS)('%s keeps silent for what only looks like it', (alert) => {
    expect(fired(`${alert} near`).filter(({ labels }) => labels['alertname'] === alert)).toEqual([])
  })

  test.for(OPERATOR_RULES)('each change of $alert is seen', { timeout: 120_000 }, async (rule) => {
    const whole = rulesOf().find(({ alert }) => alert === rule.alert) as WrittenRule
    const mutants = mutantsOf(whole)
    const rules = [whole, ...mutants.map(({ written }, i) => ({ ...written, alert: `Mutant${i}` }))]
    const scenarios = scenariosOf(rule)
    const found = await firingOf([{ name: 'rules', interval: '15s', rules }], scenarios)
    const pattern = (name: string) =>
      scenarios.map((scenario) =>
        [...(found.get(scenario.name) ?? [])].map(
          ([, alerts]) => alerts.filter(({ alertname }) => alertname === name).length,
        ),
      )
    const right = pattern(rule.alert)
    const unseen = mutants.filter((_, i) => JSON.stringify(pattern(`Mutant${i}`)) === JSON.stringify(right))
    expect(unseen.map(({ change }) => change)).toEqual([])
  })
})

function rulesOf(): WrittenRule[] {
  return (operatorGroups(INSTALLED.namespace, INSTALLED.job) as { rules: WrittenRule[] }[]).flatMap(
    ({ rules }) => rules,
  )
}

function mutantsOf(whole: WrittenRule): { readonly change: string; readonly written: WrittenRule }[] {
  const { for: _, ...hasty } = whole
  const doubled = whole.expr.replace(/(> |< )(\d+)$/, (_all, sign: string, limit: string) => sign + 2 * Number(limit))
  return [
    ...(whole.for === undefined ? [] : [{ change: 'no for', written: hasty }]),
    ...(doubled === whole.expr || whole.expr.endsWith('> 0')
      ? []
      : [{ change: 'twice the threshold', written: { ...whole, expr: doubled } }]),
    ...Object.entries(INSTALLED).map(([label, value]) => ({
      change: `without ${label}`,
      written: { ...whole, expr: whole.expr.replaceAll(new RegExp(`${label}="${value}",?`, 'g'), '') },
    })),
  ]
}

/** The fault, what looks like it, and others beside it: those that are well, and those that are not. */
function scenariosOf(rule: OperatorRule): Scenario[] {
  const clock = clockFor(rule)
  const { series, near } = operatorFaultOf(rule.alert)
  const beside = (own: Series, theirs: Series) =>
    Object.assign(
      {},
      ...OTHERS.map((whose) => operatorSeriesOf(theirs, clock, whose)),
      operatorSeriesOf(own, clock),
    ) as Record<string, string>
  const worlds = {
    fault: beside(series, {}),
    near: beside(near, {}),
    theirs: beside({}, series),
    well: beside(series, LED),
  }
  return Object.entries(worlds).map(([name, all]) => ({ name, series: all, times: after(clock) }))
}

/** Others that are well, of whom each leads. */
const LED: Series = Object.fromEntries(
  Object.entries(OPERATOR_WELL)
    .filter(([name]) => /_leader|^up/.test(name))
    .map(([name]) => [name, flat(1)]),
)
