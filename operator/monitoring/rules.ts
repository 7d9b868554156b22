// The alerts on a Collector: what is wrong, how long it must last, who is to act.
//
// P1: data is being lost now. P2: it soon is, or some already was. P3: tomorrow.
// Always: a rule is silent where there is nothing to judge: a paused Collector, a cold start, a type that is quiet by
// nature. What must not fire beside another is in the expression (`unless`): inhibition in Alertmanager is the users'.
import type { AlertName } from '../../crds/alerts.ts'
import type { Recording, Rule } from './rule.ts'
import { flowRecordings, flowRules } from './rules/flow.ts'
import { podRules } from './rules/pods.ts'
import { presenceRules } from './rules/presence.ts'
import { SILENCES } from './rules/silence.ts'
import { sinkRules } from './rules/sink.ts'

/** In the order in which they are judged. */
export const RULES: readonly Rule[] = [...presenceRules, ...sinkRules, ...flowRules, ...podRules]
export const RECORDINGS: readonly Recording[] = [...SILENCES, ...flowRecordings]

/** A rule by its name. */
export function ruleOf(alert: AlertName): Rule {
  return RULES.find((rule) => rule.alert === alert) as Rule
}

export { INTERVAL, type Rule } from './rule.ts'
export { MESSAGE_RATE } from './rules/flow.ts'
export { STALE_SECONDS } from './rules/silence.ts'
