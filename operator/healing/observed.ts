// What healing knows of a Collector: one plain value, made of what the API server and the pods themselves say.
//
// In: the Collector, its Deployments and Pods as they are in the caches, the pods' summaries with their age. Out: an
// `Observed` of durations and words. Always: what is not known is `unknown` or undefined, never taken for bad.
// Never: reads a clock, judges (symptoms.ts does).
import type { KubeObject } from '../kube/objects.ts'
import type { Owner } from '../resources/facts.ts'
import { LABEL, PUBLISHERS, shardName } from '../resources/labels.ts'
import type { Publisher } from '../resources/labels.ts'
import { wellBeing } from './summary.ts'
import type { Summary } from './summary.ts'

/** How often a pod is asked for its summary, and the age from which its last answer says nothing any more. */
export const PERIOD_MS = 15_000
export const SUMMARY_AGE_MS_MAX = 2 * PERIOD_MS
/** A pod may take this long until it is ready: what the start-up probe allows. */
export const START_UP_MS = 300_000

/** What a pod last said of itself, and how long ago by the monotonic clock. */
export interface Said {
  readonly said: Summary
  readonly ageMs: number
}

/** How the container of a pod last ended. */
export interface Ending {
  /** `OOMKilled`, `Error`, … */
  readonly reason: string
  readonly agoMs: number
}

export interface PodObserved {
  readonly name: string
  readonly uid: string
  readonly publisher: Publisher
  readonly node: string | undefined
  readonly ageMs: number
  readonly isTerminating: boolean
  /** What the kubelet says; `unknown` where it has not said anything, or its node is lost. */
  readonly ready: 'yes' | 'no' | 'unknown'
  /** For how long that has been so. */
  readonly readyForMs: number
  /** The kubelet waits before it starts the container once more. */
  readonly isCrashLooping: boolean
  readonly restarts: number
  /** Since the container started; undefined while it does not run. */
  readonly runningForMs: number | undefined
  readonly lastEnding: Ending | undefined
  /** What the pod last said of itself; undefined before its first answer. */
  readonly summary: Said | undefined
}

export interface ShardObserved {
  readonly index: number
  readonly name: string
  readonly pods: readonly PodObserved[]
}

/** What is seen of all Collectors together. */
export interface Fleet {
  readonly shards: number
  readonly unhealthy: number
  /** In how many pods a market (`binance:spot`) is well, and in how many it is not. */
  readonly markets: Readonly<Record<string, { readonly well: number; readonly unwell: number }>>
  /** The caches may be old: what they say is unknown. */
  readonly isApiUnreachable: boolean
  /** Since this operator became the leader. */
  readonly leaseAgeMs: number
}

export interface Observed {
  readonly namespace: string
  readonly name: string
  readonly mode: 'act' | 'observe' | 'none'
  readonly actionsPerHour: number
  readonly isPaused: boolean
  readonly isDeleting: boolean
  /** Deployments that are being rolled out, by name, and why else the Collector is in motion. */
  readonly rollouts: readonly string[]
  readonly shards: readonly ShardObserved[]
  readonly fleet: Fleet
}

/** What `observe` reads. */
export interface CollectorFacts {
  readonly owner: Owner
  readonly isDeleting: boolean
  /** The operator itself is changing the plan of shards: a sentence for people, undefined when settled. */
  readonly change: string | undefined
  readonly deployments: readonly KubeObject[]
  readonly pods: readonly KubeObject[]
  /** By uid of the pod. */
  readonly summaryOf: (uid: string) => Said | undefined
}

type ShardFacts = Pick<CollectorFacts, 'owner' | 'pods' | 'summaryOf'>

/** What one Collector adds to the facts of the fleet. */
export type Share = Pick<Fleet, 'shards' | 'unhealthy' | 'markets'>

/** What is seen of a Collector: its facts, its shards by `shardsOf`, the fleet by `fleetOf`. */
export function observe(facts: CollectorFacts, shards: readonly ShardObserved[], fleet: Fleet): Observed {
  const { owner, isDeleting, change, deployments } = facts
  const { name, namespace, spec } = owner
  return {
    namespace,
    name,
    mode: spec.selfHealing.mode,
    actionsPerHour: spec.selfHealing.actionsPerHour,
    isPaused: spec.paused,
    isDeleting,
    rollouts: [
      ...deployments.filter(isRolling).map(({ metadata }) => metadata.name),
      ...(change === undefined ? [] : [change]),
    ].toSorted(),
    shards,
    fleet,
  }
}

/**
 * The shards of a Collector as their pods show them, by index; pods by publisher, the oldest first.
 * Pods without our labels are left out. */
export function shardsOf({ owner, pods, summaryOf }: ShardFacts, nowMs: number): ShardObserved[] {
  const byIndex = new Map<number, PodObserved[]>()
  for (const pod of pods) {
    const index = Number(pod.metadata.labels?.[LABEL.shard])
    const publisher = PUBLISHERS.find((known) => known === pod.metadata.labels?.[LABEL.publisher])
    if (!Number.isSafeInteger(index) || publisher === undefined || pod.metadata.uid === undefined) continue
    const all = byIndex.get(index) ?? []
    all.push(podObserved(pod, publisher, summaryOf(pod.metadata.uid), nowMs))
    byIndex.set(index, all)
  }
  return [...byIndex.entries()]
    .toSorted(([a], [b]) => a - b)
    .map(([index, all]) => ({ index, name: shardName(owner.name, index), pods: all.toSorted(byPublisherAndAge) }))
}

/** Name of a Deployment, from that of its shard: the same as `deploymentName`. */
export function deploymentOf(shard: string, publisher: Publisher): string {
  return `${shard}-${publisher}`
}

/** What these shards add to the facts of the fleet. */
export function shareOf(shards: readonly ShardObserved[]): Share {
  const markets: Record<string, { well: number; unwell: number }> = {}
  for (const summary of shards.flatMap(({ pods }) => pods.flatMap((pod) => freshSummary(pod) ?? []))) {
    for (const [market, said] of Object.entries(summary.markets)) {
      const being = wellBeing(said)
      const counts = (markets[market] ??= { well: 0, unwell: 0 })
      if (being !== 'unknown') counts[being] += 1
    }
  }
  return { shards: shards.length, unhealthy: shards.filter(isUnhealthy).length, markets }
}

/** The facts of the fleet, from what each Collector adds to them. */
export function fleetOf(shares: Iterable<Share>, own: Pick<Fleet, 'isApiUnreachable' | 'leaseAgeMs'>): Fleet {
  const markets: Record<string, { well: number; unwell: number }> = {}
  let shards = 0
  let unhealthy = 0
  for (const share of shares) {
    shards += share.shards
    unhealthy += share.unhealthy
    for (const [market, { well, unwell }] of Object.entries(share.markets)) {
      const counts = (markets[market] ??= { well: 0, unwell: 0 })
      counts.well += well
      counts.unwell += unwell
    }
  }
  return { shards, unhealthy, markets, ...own }
}

/** What a pod says of itself, unless it is too long ago. */
export function freshSummary({ summary }: PodObserved): Summary | undefined {
  return summary === undefined || summary.ageMs > SUMMARY_AGE_MS_MAX ? undefined : summary.said
}

/** Markets of a pod that are unwell by its own word, sorted. */
export function unwellMarkets(pod: PodObserved): string[] {
  return Object.entries(freshSummary(pod)?.markets ?? {})
    .filter(([, said]) => wellBeing(said) === 'unwell')
    .map(([market]) => market)
    .toSorted()
}

/** Whether a shard shows trouble, wherever it comes from; for the breaker. A pod that still starts is no trouble. */
function isUnhealthy({ pods }: ShardObserved): boolean {
  return pods.some((pod) => {
    if (pod.isTerminating) return false
    if (pod.isCrashLooping) return true
    if (pod.ageMs < START_UP_MS) return false
    return pod.ready === 'no' || unwellMarkets(pod).length > 0
  })
}

function byPublisherAndAge(a: PodObserved, b: PodObserved): number {
  if (a.publisher !== b.publisher) return a.publisher < b.publisher ? -1 : 1
  return b.ageMs - a.ageMs || (a.name < b.name ? -1 : 1)
}

/** Whether a Deployment has pods of an older template still, or has not been looked at since it changed. */
export function isRolling({ metadata, spec, status }: KubeObject): boolean {
  const { replicas: wanted = 1 } = (spec ?? {}) as { readonly replicas?: number }
  const { observedGeneration = 0, replicas = 0, updatedReplicas = 0 } = (status ?? {}) as DeploymentStatus
  return observedGeneration < (metadata.generation ?? 0) || updatedReplicas < wanted || replicas > updatedReplicas
}

interface DeploymentStatus {
  readonly observedGeneration?: number
  readonly replicas?: number
  readonly updatedReplicas?: number
}

interface PodStatus {
  readonly conditions?: readonly {
    readonly type: string
    readonly status: string
    readonly lastTransitionTime?: string
  }[]
  readonly containerStatuses?: readonly ContainerStatus[]
}

interface ContainerStatus {
  readonly name: string
  readonly restartCount?: number
  readonly state?: ContainerState
  readonly lastState?: ContainerState
}

interface ContainerState {
  readonly waiting?: { readonly reason?: string }
  readonly running?: { readonly startedAt?: string }
  readonly terminated?: { readonly reason?: string; readonly finishedAt?: string }
}

/** Name of our container; others in the pod are somebody else's. */
const CONTAINER = 'collector'

function podObserved(
  { metadata, spec, status }: KubeObject,
  publisher: Publisher,
  summary: Said | undefined,
  nowMs: number,
): PodObserved {
  const { nodeName } = (spec ?? {}) as { readonly nodeName?: string }
  const { conditions = [], containerStatuses = [] } = (status ?? {}) as PodStatus
  const ready = conditions.find(({ type }) => type === 'Ready')
  const container = containerStatuses.find(({ name }) => name === CONTAINER)
  const started = container?.state?.running?.startedAt
  const ended = container?.state?.terminated ?? container?.lastState?.terminated
  return {
    name: metadata.name,
    uid: metadata.uid ?? '',
    publisher,
    node: nodeName,
    ageMs: since(metadata.creationTimestamp, nowMs),
    isTerminating: metadata.deletionTimestamp !== undefined,
    ready: ready?.status === 'True' ? 'yes' : ready?.status === 'False' ? 'no' : 'unknown',
    readyForMs: since(ready?.lastTransitionTime, nowMs),
    isCrashLooping: container?.state?.waiting?.reason === 'CrashLoopBackOff',
    restarts: container?.restartCount ?? 0,
    runningForMs: started === undefined ? undefined : since(started, nowMs),
    lastEnding:
      ended === undefined ? undefined : { reason: ended.reason ?? 'Unknown', agoMs: since(ended.finishedAt, nowMs) },
    summary,
  }
}

/** How long ago a time of the API server is; 0 where it is missing, unreadable or, by our clock, yet to come. */
function since(time: string | undefined, nowMs: number): number {
  const ms = time === undefined ? NaN : Date.parse(time)
  return Number.isNaN(ms) ? 0 : Math.max(0, nowMs - ms)
}
