// The tests of the rules see what they should: a rule with twice the threshold, without its `for`, without a matcher or
// without what silences it behaves otherwise in at least one of them.
import { expect, test } from 'vitest'
import { ALERTS } from '../../crds/alerts.ts'
import {
  BRIEF,
  clockOf,
  FAULTS,
  flat,
  OWNERS,
  type Series,
  seriesOf,
  STEP_SECONDS,
  WELL,
} from '../../test/support/alerts.ts'
import { firingOf, neededBy, promtool, type Scenario } from '../../test/support/promtool.ts'
import { ToolMissing } from '../../hack/tools.ts'
import { groupsOf, type WrittenRule, writeRule } from './alerts.ts'
import type { Rule } from './rule.ts'
import { ruleOf } from './rules.ts'

/** Changes that change nothing, and why. */
const EQUAL: Readonly<Record<string, string>> = {
  'MarketPrismGapRateHigh: without alertstate="firing"':
    'what is pending fires within the quarter of an hour, or is over',
  'MarketPrismDataGap: without alertstate="firing"': 'as above',
}

const TWINS = [
  { namespace: 'desk-b', collector: 'majors' },
  { namespace: 'desk-a', collector: 'minors' },
]

test.for(ALERTS)('each change of %s is seen', { timeout: 300_000 }, async (alert, { skip }) => {
  if (promtool instanceof ToolMissing) return skip(promtool.message)
  const rule = ruleOf(alert)
  const owner = OWNERS.find((one) => rule.wanted?.(one) ?? true) ?? (OWNERS[0] as (typeof OWNERS)[number])
  const whole = writeRule(rule, owner)
  const mutants = mutantsOf(rule, whole, (changed) => writeRule(changed, owner))
  const owners = [owner, ...TWINS.map(({ namespace, collector: name }) => ({ ...owner, namespace, name }))]
  const recorded = owners.flatMap((one) => groupsOf(one)).flatMap(({ rules }) => rules.filter(isRecording))
  const judged = [whole, ...mutants.map(({ written }, i) => ({ ...written, alert: `Mutant${i}` }))]
  const rules = [...neededBy(recorded, judged), ...judged]
  const scenarios = scenariosOf(rule)
  const firing = await firingOf([{ name: 'rules', interval: '15s', rules }], scenarios)
  const pattern = (name: string) =>
    scenarios.map((scenario) =>
      [...(firing.get(scenario.name) ?? [])].map(
        ([, alerts]) => alerts.filter(({ alertname }) => alertname === name).length,
      ),
    )
  const right = JSON.stringify(pattern(alert))
  const unseen = mutants.filter((_, i) => JSON.stringify(pattern(`Mutant${i}`)) === right).map(({ change }) => change)
  expect(unseen.filter((change) => EQUAL[`${alert}: ${change}`] === undefined)).toEqual([])
})

function isRecording(rule: object): rule is { readonly record: string; readonly expr: string } {
  return 'record' in rule
}

interface Mutant {
  readonly change: string
  readonly written: WrittenRule
}

function mutantsOf(rule: Rule, whole: WrittenRule, write: (rule: Rule) => WrittenRule): Mutant[] {
  const { threshold, explainedBy = [] } = rule
  const doubled =
    threshold === undefined || threshold === 0
      ? []
      : [{ change: 'twice the threshold', written: write({ ...rule, threshold: 2 * threshold }) }]
  const hasty = rule.for === '0s' ? [] : [{ change: 'no for', written: write({ ...rule, for: '0s' }) }]
  const loud = explainedBy.map(({ by }) => ({
    change: `not silenced by ${by}`,
    written: write({ ...rule, explainedBy: explainedBy.filter((one) => one.by !== by) }),
  }))
  const matchers = new Set(
    [...whole.expr.matchAll(/\{([^}]*)\}/g)].flatMap(([, all = '']) =>
      [...all.matchAll(/\w+(?:=~|!~|!=|=)"[^"]*"/g)].map(String),
    ),
  )
  const wide = [...matchers]
    .filter((matcher) => !matcher.startsWith('__name__'))
    .map((matcher) => ({ change: `without ${matcher}`, written: { ...whole, expr: without(whole.expr, matcher) } }))
  return [...doubled, ...hasty, ...loud, ...wide]
}

function without(expr: string, matcher: string): string {
  return expr.replaceAll(`${matcher},`, '').replaceAll(`,${matcher}`, '').replaceAll(matcher, '')
}

/** The fault, what looks like it, what is larger, and Collectors beside this one that are well, or are not. */
function scenariosOf({ alert, detectWithin, explainedBy = [] }: Rule): Scenario[] {
  const { series, near, sudden = series, before = BRIEF } = FAULTS[alert]
  const clock = clockOf(before, detectWithin / STEP_SECONDS + 4)
  const times = Array.from({ length: clock.all - before - 2 }, (_, i) => clock.seconds + (i + 1) * STEP_SECONDS)
  const beside = (own: Series, theirs: Series) =>
    Object.assign({}, ...TWINS.map((twin) => seriesOf(theirs, clock, twin)), seriesOf(own, clock)) as Record<
      string,
      string
    >
  const worlds: Record<string, Record<string, string>> = {
    fault: beside(series, WELL),
    near: beside(near, WELL),
    theirs: beside({}, series),
    larger: beside(series, Object.assign({}, ...explainedBy.map(({ by }) => FAULTS[by].series)) as Series),
    alone: beside(Object.fromEntries(Object.keys(WELL).map((name) => [name, undefined])), { 'up{}': flat(1) }),
    ...Object.fromEntries(
      explainedBy.map(({ by }) => [by, seriesOf({ ...sudden, ...(FAULTS[by].sudden ?? FAULTS[by].series) }, clock)]),
    ),
  }
  return Object.entries(worlds).map(([name, all]) => ({ name, series: all, times }))
}
