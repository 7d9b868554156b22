// What is done about a Collector that is not well: the ladder, and all that holds it back. Pure.
//
//   in the pod   resubscribe, reconnect, resync             collector
//   the kubelet  restarts a container that ends or is stuck  probes
//   replace      evicts the pod                              first action on a Deployment
//   move         lets its next pod avoid the node            once a replaced pod was not well either
//
// In: a Collector as observed, the history after this look at it, the time. Out: a decision for each pod that is not well,
// in the order of what is mended first. Always: at most one of them is to be carried out; every other one says why not.
// Never: acts on what is unknown. Symptoms stand in symptoms.ts, what holds an action back in guards.ts.
import type { Publisher } from '../resources/labels.ts'
import { heldBy } from './guards.ts'
import type { Held, Hold, Intent } from './guards.ts'
import { attempts, suspectForMs } from './history.ts'
import type { FleetHistory, History } from './history.ts'
import type { Observed, PodObserved, ShardObserved } from './observed.ts'
import { REASONS, symptomOf } from './symptoms.ts'
import type { Reason, Symptom } from './symptoms.ts'

export interface Decision {
  readonly shard: string
  readonly publisher: Publisher
  readonly pod: string
  readonly uid: string
  readonly node: string | undefined
  /** What is done, or would be were it not held back; `none` where nothing would be in any case. */
  readonly action: 'replace' | 'move' | 'none'
  readonly reason: Reason
  /** What is wrong, what is done and, where it is held back, why not; one sentence. */
  readonly message: string
  /** What is wrong, for a condition: a sentence without numbers that change by themselves. */
  readonly standing: string
  /** Why it is not carried out; undefined when it is to be. */
  readonly held: Hold | undefined
}

/**
 * What is to be done about a Collector.
 * @param history after `remember` of the same observation; `fleetHistory` after `rememberFleet`
 */
export function decide(observed: Observed, history: History, fleetHistory: FleetHistory, nowMs: number): Decision[] {
  if (observed.mode === 'none' || observed.isDeleting) return []
  const sick = observed.shards
    .flatMap((shard) =>
      shard.pods
        .map((pod) => ({ shard, pod, symptom: symptomOf(observed, shard, pod) }))
        .filter(isSick(history, nowMs)),
    )
    .toSorted((a, b) => REASONS.indexOf(a.symptom.reason) - REASONS.indexOf(b.symptom.reason))
  let isTaken = false
  return sick.map(({ shard, pod, symptom }) => {
    const decision = decisionOn({ observed, shard, pod, history, fleetHistory, nowMs }, symptom, isTaken)
    isTaken ||= decision.held === undefined
    return decision
  })
}

interface Patient {
  readonly shard: ShardObserved
  readonly pod: PodObserved
  readonly symptom: Symptom | undefined
}

/** A symptom counts once it has lasted. */
function isSick(history: History, nowMs: number) {
  return (patient: Patient): patient is Patient & { readonly symptom: Symptom } => {
    const { symptom, pod } = patient
    return symptom !== undefined && suspectForMs(history, pod.uid, nowMs) >= symptom.lastsMs
  }
}

function decisionOn(intent: Intent, symptom: Symptom, isTaken: boolean): Decision {
  const { shard, pod } = intent
  const held = symptom.outside ?? heldBy(intent) ?? (isTaken ? ONE_AT_A_TIME : undefined)
  const action = symptom.outside === undefined ? rung(intent) : 'none'
  return {
    shard: shard.name,
    publisher: pod.publisher,
    pod: pod.name,
    uid: pod.uid,
    node: pod.node,
    action,
    reason: symptom.reason,
    message: sentence(pod, symptom, action, held),
    standing: symptom.outside?.standing ?? standing(shard, symptom, held),
    held: held?.why,
  }
}

const ONE_AT_A_TIME: Held = { why: 'OneAtATime', says: 'another pod of the Collector comes first' }

// A pod is first replaced where it is; only a pod that came after that and is not well either speaks against its node.
function rung({ shard, pod, history, nowMs }: Intent): 'replace' | 'move' {
  const tried = attempts(history, { shard: shard.name, publisher: pod.publisher }, nowMs)
  const isSuccessor = tried.some(({ uid }) => uid !== pod.uid)
  return isSuccessor && pod.node !== undefined ? 'move' : 'replace'
}

function sentence(pod: PodObserved, { says }: Symptom, action: Decision['action'], held: Held | undefined): string {
  const wrong = `Pod ${pod.name} ${says}`
  const deed = action === 'move' ? `moved off its node ${pod.node ?? ''}` : 'replaced'
  if (held === undefined) return `${wrong}; it is ${deed}.`
  return action === 'none' ? `${wrong}; nothing is done: ${held.says}.` : `${wrong}; it is not ${deed}: ${held.says}.`
}

function standing({ name }: ShardObserved, { reason }: Symptom, held: Held | undefined): string {
  return held === undefined ? `${name}: ${reason}.` : `${name}: ${reason}, and healing holds back: ${held.why}.`
}
