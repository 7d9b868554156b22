// What a decision leads to: an eviction or a move, and what is said of it: an Event, a count, a line of the audit log.
//
// In: a decision. Out: what came of it. Always: a pod is named by its uid, so that a late eviction hits no successor; a
// disruption budget that refuses has the last word; what was held back is said, too, once and not at each look.
// Never: deletes a pod, changes an object.
import type { KubeClient } from '../kube/client.ts'
import type { KubeObject } from '../kube/objects.ts'
import type { Decision } from './decide.ts'
import type { Hold } from './guards.ts'
import type { Reason } from './symptoms.ts'

/** The part of the recorder of Events that is used here. */
export interface Announcer {
  say(about: KubeObject, event: HealingEvent): void
}

export interface HealingEvent {
  readonly type: 'Normal' | 'Warning'
  readonly reason: string
  readonly message: string
  readonly action: string
}

export interface HealingMetrics {
  acted(action: 'replace' | 'move', reason: Reason, result: Result): void
  held(reason: Reason, hold: Hold): void
}

export interface Effects {
  readonly client: Pick<KubeClient, 'evict'>
  readonly recorder: Announcer
  readonly metrics: HealingMetrics
  readonly log: {
    info(fields: Record<string, unknown>, message: string): void
    warn(fields: Record<string, unknown>, message: string): void
  }
  /** Who acts, for the audit log: `marketprism-operator/` and the name of its pod. */
  readonly identity: string
}

/**
 * What comes of an action. `unsure`: the request failed on the way and may have been carried out, so that budgets take it
 * for done; `refused`: a PodDisruptionBudget forbade it; `gone`: the pod was no longer there.
 */
export const RESULTS = ['done', 'unsure', 'refused', 'gone'] as const
export type Result = (typeof RESULTS)[number]

/** Messages of the audit log. */
const SAYS: Readonly<Record<Exclude<Result, 'refused'> | 'held', string>> = {
  done: 'healing acted',
  unsure: 'healing acted, and whether it was carried out is not known',
  gone: 'healing found the pod gone',
  held: 'healing was held back',
}

/** Carries out a decision that nothing holds back, and says so. A move is done by whoever builds the Deployment. */
export async function act(about: KubeObject, decision: Decision, effects: Effects): Promise<Result> {
  const { action, reason } = decision
  if (action === 'none') return 'refused'
  const result = action === 'replace' ? await evict(about, decision, effects) : 'done'
  effects.metrics.acted(action, reason, result)
  if (result === 'refused') return result
  audit(about, decision, effects, result)
  if (result === 'gone') return result
  const message = result === 'unsure' ? `${decision.message} ${UNSURE}` : decision.message
  effects.recorder.say(about, { type: 'Warning', reason, message, action: action === 'move' ? 'Move' : 'Replace' })
  return result
}

const UNSURE = 'The answer of the API server was lost: whether the pod was evicted will be seen.'

/** Says of a decision that it was held back. */
export function announceHeld(about: KubeObject, decision: Decision, hold: Hold, effects: Effects): void {
  const { reason, message } = decision
  effects.metrics.held(reason, hold)
  effects.recorder.say(about, { type: 'Normal', reason: `Held${hold}`, message, action: 'None' })
  audit(about, { ...decision, held: hold }, effects, 'held')
}

async function evict(about: KubeObject, decision: Decision, { client, log }: Effects): Promise<Result> {
  const { pod, uid } = decision
  try {
    const result = await client.evict(about.metadata.namespace ?? '', pod, uid)
    return result === 'evicted' ? 'done' : result
  } catch (error) {
    log.warn({ ...namesOf(about), pod, uid, err: error }, 'an eviction failed; whether it was carried out will be seen')
    return 'unsure'
  }
}

function audit(about: KubeObject, decision: Decision, { log, identity }: Effects, result: keyof typeof SAYS): void {
  const { shard, publisher, pod, uid, node, action, reason, held, message } = decision
  log.info(
    {
      audit: 'healing',
      who: identity,
      ...namesOf(about),
      shard,
      publisher,
      action,
      reason,
      held,
      result,
      before: { pod, uid, node },
      after: result !== 'done' ? undefined : action === 'move' ? { avoids: node } : { evicted: uid },
      why: message,
    },
    SAYS[result],
  )
}

function namesOf({ metadata }: KubeObject): { namespace: string | undefined; collector: string } {
  return { namespace: metadata.namespace, collector: metadata.name }
}
