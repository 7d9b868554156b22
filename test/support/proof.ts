// What promtool says of every rule, on Collectors and on the operator: whether it fires for what it is about and in time,
// and keeps silent for what only looks like it.
import { ALERTS } from '../../crds/alerts.ts'
import { groupsOf, type WrittenRule } from '../../operator/monitoring/alerts.ts'
import { OPERATOR_RULES, operatorGroups } from '../../operator/monitoring/operator-rules.ts'
import { ruleOf } from '../../operator/monitoring/rules.ts'
import { BRIEF, clockOf, FAULTS, OWNERS, seriesOf, STEP_SECONDS } from './alerts.ts'
import { INSTALLED, operatorFaultOf, operatorSeriesOf } from './operator-alerts.ts'
import { type Firing, firingOf, neededBy } from './promtool.ts'
import type { Clock } from './values.ts'

/** What became of one rule. */
export interface Proof {
  readonly alert: string
  /** From the fault until it fires at most, s, as the rule promises. */
  readonly detectWithin: number
  /** From the fault until it fired, s, with what a scrape out of step adds; undefined where it did not. */
  readonly firedAfter: number | undefined
  readonly isSilentBefore: boolean
  readonly isSilentNear: boolean
}

interface Subject {
  readonly alert: string
  readonly detectWithin: number
  readonly judges: 'presence' | 'staleness' | 'amount'
  readonly clock: Clock
  readonly fault: Readonly<Record<string, string>>
  readonly near: Readonly<Record<string, string>>
}

/** Every rule that there is. @throws ToolMissing without promtool */
export async function proofsOfRules(): Promise<Proof[]> {
  const ofCollectors = rulesIn(allGroups())
  const ofOperators = rulesIn(operatorGroups(INSTALLED.namespace, INSTALLED.job))
  const proofs: Proof[] = []
  // One by one: a rule needs a few of the series only, and judging all rules over all of them takes minutes.
  for (const alert of ALERTS) proofs.push(await proofBy(ofCollectors, subjectOf(alert)))
  for (const rule of OPERATOR_RULES) proofs.push(await proofBy(ofOperators, operatorOf(rule)))
  return proofs
}

type AnyRule = WrittenRule & { readonly record?: string }

function rulesIn(groups: readonly object[]): AnyRule[] {
  return (groups as { rules: AnyRule[] }[]).flatMap(({ rules }) => rules)
}

/** Whether a rule has shown all that it must. */
export function isProven({ detectWithin, firedAfter = Infinity, isSilentBefore, isSilentNear }: Proof): boolean {
  return firedAfter <= detectWithin && isSilentBefore && isSilentNear
}

/** The rules of all Collectors, each once: from the first of them that has it. */
export function allGroups(): object[] {
  const seen = new Set<string>()
  return OWNERS.flatMap((owner, i) =>
    groupsOf(owner).map(({ name, rules, ...group }) => {
      const fresh = (rules as (WrittenRule & { record?: string })[]).filter(({ alert, record }) => {
        const isNew = !seen.has(alert ?? record ?? '')
        seen.add(alert ?? record ?? '')
        return isNew
      })
      return { ...group, name: `${name} ${i}`, rules: fresh }
    }),
  )
}

/** Each judgement after the fault. */
export function after({ before, seconds, all }: Clock): number[] {
  return Array.from({ length: all - before - 2 }, (_, i) => seconds + (i + 1) * STEP_SECONDS)
}

/** A scrape out of step comes up to one step later; the age of a message grows at each judgement, whatever the scrape. */
export function slackOf(judges: Subject['judges']): number {
  return judges === 'staleness' ? 0 : STEP_SECONDS
}

function subjectOf(alert: (typeof ALERTS)[number]): Subject {
  const { series, near, before = BRIEF } = FAULTS[alert]
  const { detectWithin, judges } = ruleOf(alert)
  const clock = clockOf(before, detectWithin / STEP_SECONDS + 4)
  return { alert, detectWithin, judges, clock, fault: seriesOf(series, clock), near: seriesOf(near, clock) }
}

function operatorOf({ alert, detectWithin, judges }: (typeof OPERATOR_RULES)[number]): Subject {
  const { series, near } = operatorFaultOf(alert)
  const clock = clockOf(BRIEF, detectWithin / STEP_SECONDS + 4)
  return {
    alert,
    detectWithin,
    judges,
    clock,
    fault: operatorSeriesOf(series, clock),
    near: operatorSeriesOf(near, clock),
  }
}

/** The rule, and what it needs to be recorded. */
async function proofBy(all: readonly AnyRule[], subject: Subject): Promise<Proof> {
  const { alert, clock, fault, near } = subject
  const judged = all.filter((rule) => rule.alert === alert)
  const recorded = neededBy(
    all.filter(({ record }) => record !== undefined),
    judged,
  )
  const firing = await firingOf(
    [{ name: alert, interval: '15s', rules: [...recorded, ...judged] }],
    [
      { name: alert, series: fault, times: [clock.seconds, ...after(clock)] },
      { name: `${alert} near`, series: near, times: after(clock) },
    ],
  )
  return proofOf(subject, firing)
}

function proofOf({ alert, detectWithin, judges, clock }: Subject, firing: Firing): Proof {
  const fires = (scenario: string) =>
    [...(firing.get(scenario) ?? [])].flatMap(([at, alerts]) =>
      alerts.some(({ alertname }) => alertname === alert) ? [at] : [],
    )
  const [first] = fires(alert).filter((at) => at > clock.seconds)
  return {
    alert,
    detectWithin,
    firedAfter: first === undefined ? undefined : first - clock.seconds + slackOf(judges),
    isSilentBefore: !fires(alert).includes(clock.seconds),
    isSilentNear: fires(`${alert} near`).length === 0,
  }
}
