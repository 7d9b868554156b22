// What is wrong with a pod, and whether the cause lies outside of it. Pure.
//
// In: a pod, its shard and Collector as observed. Out: the first symptom of the list that fits, or undefined when it is
// well or nothing can be said. Always: a summary that is missing or old is no evidence; a cause outside is named with the
// symptom. Never: reads the history, decides what is done (decide.ts does). Start reading at SYMPTOMS.
import { freshSummary, START_UP_MS, unwellMarkets } from './observed.ts'
import type { Observed, PodObserved, ShardObserved } from './observed.ts'

/** What may be wrong with a pod; reasons of Events and of metrics. */
export const REASONS = [
  'OutOfMemory',
  'CrashLoop',
  'RestartsDidNotHelp',
  'Unresponsive',
  'NotReady',
  'ChannelsStale',
] as const
export type Reason = (typeof REASONS)[number]

/** Why nothing would be done about a symptom, however free the operator were. */
export type Outside = 'KubeletFirst' | 'Unknown' | 'ExchangeDown' | 'SinkDown'

/** A cause that lies outside of a pod. */
export interface Cause {
  readonly why: Outside
  /** A clause for people. */
  readonly says: string
  /** The same for a condition: a sentence that stays while the cause does. Undefined where only the pod can be named. */
  readonly standing: string | undefined
}

export interface Symptom {
  readonly reason: Reason
  /** What is wrong, as a clause for people that follows the name of the pod: `was out of memory 3 times`. */
  readonly says: string
  /** Why the pod is not to blame, or not ours to mend, with a clause for people. */
  readonly outside: Cause | undefined
  /** It must last this long, as the operator itself sees it, before it counts. */
  readonly lastsMs: number
}

/** The kubelet starts a container this often before the operator steps in. */
export const RESTARTS_OF_KUBELET = 3
/** A container that ended longer ago does not explain why its pod is not ready now. */
const ENDED_RECENTLY_MS = 600_000
/** What the API server says is believed once it has been seen in two passes. */
export const SEEN_TWICE_MS = 30_000
export const NOT_READY_MS = 120_000
/** Resubscribing, reconnecting and resynchronising in the pod come first. */
export const STALE_MS = 180_000
/** At the end of a start-up budget the kubelet restarts; only what it left alone is ours. */
const KUBELET_MARGIN_MS = 30_000

/** Messages wait for an acknowledgement all the time; for so long only when the sink is away. */
export const SINK_LOST_MS = 15_000

interface Case {
  readonly pod: PodObserved
  readonly shard: ShardObserved
  readonly observed: Observed
}

/** In the order in which they are asked, which is the order of what is mended first. */
const SYMPTOMS: readonly ((at: Case) => Symptom | undefined)[] = [
  outOfMemory,
  crashLoop,
  restartsDidNotHelp,
  unresponsive,
  notReady,
  channelsStale,
]

/** The symptom of a pod. */
export function symptomOf(observed: Observed, shard: ShardObserved, pod: PodObserved): Symptom | undefined {
  if (pod.isTerminating || observed.fleet.isApiUnreachable) return undefined
  for (const rule of SYMPTOMS) {
    const symptom = rule({ pod, shard, observed })
    if (symptom !== undefined) return symptom
  }
  return undefined
}

// The kernel ended it for want of memory, more than once, and it is down again.
function outOfMemory({ pod, observed }: Case): Symptom | undefined {
  if (pod.lastEnding?.reason !== 'OOMKilled' || pod.lastEnding.agoMs > ENDED_RECENTLY_MS) return undefined
  if (pod.ready !== 'no' && !pod.isCrashLooping) return undefined
  const says =
    `ran out of memory and was restarted ${times(pod.restarts)}; ` +
    'raise spec.resources.limits.memory, or lower spec.sharding.channelsPerShard'
  return { reason: 'OutOfMemory', says, outside: kubeletFirst(pod) ?? sinkDown(observed), lastsMs: SEEN_TWICE_MS }
}

// The kubelet has restarted it so often that it waits longer and longer.
function crashLoop({ pod, observed }: Case): Symptom | undefined {
  if (!pod.isCrashLooping) return undefined
  const says = `ends soon after each start and was restarted ${times(pod.restarts)}; kubectl logs --previous says why`
  return { reason: 'CrashLoop', says, outside: kubeletFirst(pod) ?? sinkDown(observed), lastsMs: SEEN_TWICE_MS }
}

// Its probes fail, the kubelet restarts it, and it does not become ready.
function restartsDidNotHelp({ pod, observed }: Case): Symptom | undefined {
  const { ready, readyForMs, restarts, lastEnding } = pod
  if (ready !== 'no' || readyForMs < START_UP_MS || restarts < RESTARTS_OF_KUBELET) return undefined
  if (lastEnding === undefined || lastEnding.agoMs > ENDED_RECENTLY_MS) return undefined
  const says = `is not ready although it was restarted ${times(restarts)}`
  return { reason: 'RestartsDidNotHelp', says, outside: causeOf(pod, observed), lastsMs: SEEN_TWICE_MS }
}

// It is not ready and does not answer us either: a stuck process, which is the kubelet's, or a network between us.
function unresponsive({ pod }: Case): Symptom | undefined {
  if (pod.ready !== 'no' || freshSummary(pod) !== undefined || pod.runningForMs === undefined) return undefined
  const why =
    pod.readyForMs < START_UP_MS + KUBELET_MARGIN_MS
      ? ({ why: 'KubeletFirst', says: 'the kubelet restarts a process that is stuck', standing: undefined } as const)
      : ({
          why: 'Unknown',
          says: 'the kubelet takes its process for live, so that it may only be unreachable from the operator',
          standing: undefined,
        } as const)
  return {
    reason: 'Unresponsive',
    says: 'is not ready and does not answer the operator',
    outside: why,
    lastsMs: SEEN_TWICE_MS,
  }
}

// Its process answers and says that it is not ready, for longer than a start takes.
function notReady({ pod, observed }: Case): Symptom | undefined {
  const said = freshSummary(pod)
  if (pod.ready !== 'no' || said === undefined) return undefined
  const outside = causeOf(pod, observed)
  const isStarting = (pod.runningForMs ?? 0) < START_UP_MS + KUBELET_MARGIN_MS
  if (outside === undefined && isStarting) return undefined
  const why = said.notReady[0] ?? 'it gives no reason'
  return { reason: 'NotReady', says: `is not ready: ${why}`, outside, lastsMs: outside ? SEEN_TWICE_MS : NOT_READY_MS }
}

// Data that should come does not, while it comes to other pods.
function channelsStale({ pod, shard, observed }: Case): Symptom | undefined {
  const said = freshSummary(pod)
  if (said === undefined) return undefined
  const unwell = unwellMarkets(pod)
  const markets = unwell.length > 0 ? unwell : marketsWellAtTwin(pod, shard)
  if (markets.length === 0) return undefined
  const counts = markets.map((market) => {
    const { stale, channels } = said.markets[market] ?? { stale: 0, channels: 0 }
    return `${stale} of ${channels} channels of ${market}`
  })
  const outside = causeOf(pod, observed)
  return {
    reason: 'ChannelsStale',
    says: `receives no data on ${counts.join(' and ')}`,
    outside,
    lastsMs: outside ? SEEN_TWICE_MS : STALE_MS,
  }
}

/** Markets of which the other publisher of the shard receives all, and this one does not. */
function marketsWellAtTwin(pod: PodObserved, { pods }: ShardObserved): string[] {
  const mine = freshSummary(pod)?.markets ?? {}
  const twins = pods.filter(({ publisher, isTerminating }) => publisher !== pod.publisher && !isTerminating)
  return Object.entries(mine)
    .filter(([market, { stale }]) => {
      return stale > 0 && twins.some((twin) => hasAll(freshSummary(twin)?.markets[market]))
    })
    .map(([market]) => market)
    .toSorted()
}

function hasAll(said: { readonly live: number; readonly stale: number } | undefined): boolean {
  return said !== undefined && said.live > 0 && said.stale === 0
}

/** A cause outside of a pod that answers, or whose fellows do. */
function causeOf(pod: PodObserved, observed: Observed): Cause | undefined {
  return sinkDown(observed, pod) ?? exchangeDown(pod, observed)
}

// A container that ends is restarted by its kubelet, which does so more cheaply than we.
function kubeletFirst({ restarts }: PodObserved): Cause | undefined {
  if (restarts >= RESTARTS_OF_KUBELET) return undefined
  return { why: 'KubeletFirst', says: `the kubelet has restarted it ${times(restarts)} only`, standing: undefined }
}

// The sink is lost to this pod; or to all pods of the Collector that answer, where this one does not.
function sinkDown({ shards }: Observed, pod?: PodObserved): Cause | undefined {
  const said = pod === undefined ? undefined : freshSummary(pod)
  const asked =
    said === undefined ? shards.flatMap((shard) => shard.pods.flatMap((one) => freshSummary(one) ?? [])) : [said]
  const lost = asked.filter(({ sink }) => !sink.connected || sink.lostMs >= SINK_LOST_MS)
  const first = lost[0]
  if (first === undefined || lost.length < asked.length) return undefined
  const { kind, problem } = first.sink
  return {
    why: 'SinkDown',
    says: `the sink (${kind}) takes nothing${problem === undefined ? '' : `: ${problem}`}`,
    standing: `The sink (${kind}) takes nothing; messages wait in the pods, which are left as they are.`,
  }
}

// Every market that is unwell here is unwell for the others, too, or nobody else collects it.
function exchangeDown(pod: PodObserved, { fleet }: Observed): Cause | undefined {
  const unwell = unwellMarkets(pod)
  const isWellElsewhere = (market: string) => {
    const { well, unwell: bad } = fleet.markets[market] ?? { well: 0, unwell: 0 }
    return well > 0 && well >= bad
  }
  if (unwell.length === 0 || unwell.some(isWellElsewhere)) return undefined
  const others = unwell.map((market) => {
    const { well = 0, unwell: bad = 0 } = fleet.markets[market] ?? {}
    return `${market} is down in ${bad} of ${well + bad} pods`
  })
  return {
    why: 'ExchangeDown',
    says: `${others.join(' and ')}, and no pod mends that`,
    standing: `Down at the exchange, for all pods that collect it: ${unwell.join(', ')}. Pods are left as they are.`,
  }
}

function times(count: number): string {
  return count === 1 ? 'once' : `${count} times`
}
