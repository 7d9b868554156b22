// How a Collector stands, put together from its status, its Deployments, its pods and what these say. Pure.
import type { KubeObject } from '../kube/objects.ts'
import { placeOf, publishingsOf, troubleOf } from '../collectors/publishing.ts'
import type { Status } from '../collectors/status.ts'
import type { Summary } from '../healing/summary.ts'
import { shardName } from '../resources/labels.ts'
import type { Answer } from './ask.ts'
import type { Running } from './cluster.ts'

export interface PodView {
  readonly name: string
  readonly publisher: string
  readonly phase: string
  readonly ready: boolean
  readonly ending: boolean
  readonly node?: string
  readonly restarts: number
  readonly startedMs?: number
  /** Why it does not come up. */
  readonly trouble?: string
  /** Why it said nothing. */
  readonly error?: string
  readonly summary?: Summary
}

export interface ShardView {
  readonly name: string
  readonly ready: boolean
  /** As the operator says: named ones. */
  readonly channels: number
  readonly reason?: string
  /** Deployments that are being rolled out. */
  readonly rolling: readonly string[]
  readonly pods: readonly PodView[]
}

/** Channels by state, one pod of each shard: publishers have the same. */
export type Channels = Summary['channels']

export interface CollectorView {
  readonly name: string
  readonly namespace: string
  readonly createdMs?: number
  readonly generation: number
  readonly observedGeneration?: number
  readonly paused: boolean
  /** Being deleted. */
  readonly ending: boolean
  readonly conditions: NonNullable<Status['conditions']>
  readonly channels?: Channels
  /** What the operator last wrote, where no pod answers. */
  readonly known?: NonNullable<Status['channels']>
  readonly shards: readonly ShardView[]
  readonly healing?: NonNullable<Status['healing']>['actions'][number]
  readonly gap?: NonNullable<Summary['lastGap']>
}

export function viewOf(
  collector: KubeObject,
  { deployments, pods }: Running,
  answers: ReadonlyMap<string, Answer<Summary>>,
): CollectorView {
  const { name, namespace = '', generation = 0, creationTimestamp } = collector.metadata
  const status = (collector['status'] ?? {}) as Status
  const shards = shardsOf(name, status, deployments, pods, answers)
  const channels = sumOf(shards)
  const gap = lastOf(shards.flatMap((shard) => shard.pods.flatMap(({ summary }) => summary?.lastGap ?? [])))
  const healing = status.healing?.actions.at(-1)
  return {
    name,
    namespace,
    ...(creationTimestamp === undefined ? {} : { createdMs: Date.parse(creationTimestamp) }),
    generation,
    ...(status.observedGeneration === undefined ? {} : { observedGeneration: status.observedGeneration }),
    paused: (collector['spec'] as { paused?: boolean } | undefined)?.paused === true,
    ending: collector.metadata.deletionTimestamp !== undefined,
    conditions: status.conditions ?? [],
    ...(channels === undefined ? {} : { channels }),
    ...(status.channels === undefined ? {} : { known: status.channels }),
    shards,
    ...(healing === undefined ? {} : { healing }),
    ...(gap === undefined ? {} : { gap }),
  }
}

function shardsOf(
  collector: string,
  status: Status,
  deployments: readonly KubeObject[],
  pods: readonly KubeObject[],
  answers: ReadonlyMap<string, Answer<Summary>>,
): ShardView[] {
  const publishings = publishingsOf(deployments)
  const said = new Map((status.shards ?? []).map((shard) => [shard.name, shard]))
  const running = [...publishings.map(({ shard }) => shard), ...pods.map((pod) => placeOf(pod).shard)]
  const names = running.filter(Number.isInteger).map((index) => shardName(collector, index))
  return [...new Set([...said.keys(), ...names])].toSorted(byNumber).map((name) => {
    const { ready = false, channels = 0, reason } = said.get(name) ?? {}
    const isMine = (index: number) => shardName(collector, index) === name
    return {
      name,
      ready,
      channels,
      ...(reason === undefined ? {} : { reason }),
      rolling: publishings.filter((one) => isMine(one.shard) && !one.isSettled).map((one) => one.name),
      pods: pods
        .filter((pod) => isMine(placeOf(pod).shard))
        .map((pod) => podView(pod, answers.get(pod.metadata.uid ?? '')))
        .toSorted((a, b) => (`${a.publisher} ${a.name}` < `${b.publisher} ${b.name}` ? -1 : 1)),
    }
  })
}

function byNumber(a: string, b: string): number {
  return Number(a.slice(a.lastIndexOf('-') + 1)) - Number(b.slice(b.lastIndexOf('-') + 1))
}

interface PodStatus {
  readonly phase?: string
  readonly startTime?: string
  readonly conditions?: readonly { readonly type: string; readonly status: string }[]
  readonly containerStatuses?: readonly { readonly restartCount?: number }[]
}

function podView(pod: KubeObject, answer: Answer<Summary> | undefined): PodView {
  const { phase = 'Unknown', startTime, conditions = [], containerStatuses = [] } = (pod['status'] ?? {}) as PodStatus
  const { nodeName: node } = (pod['spec'] ?? {}) as { readonly nodeName?: string }
  const trouble = troubleOf(pod)
  return {
    name: pod.metadata.name,
    publisher: placeOf(pod).publisher,
    phase,
    ready: conditions.some(({ type, status }) => type === 'Ready' && status === 'True'),
    ending: pod.metadata.deletionTimestamp !== undefined,
    ...(node === undefined ? {} : { node }),
    restarts: containerStatuses.reduce((sum, { restartCount = 0 }) => sum + restartCount, 0),
    ...(startTime === undefined ? {} : { startedMs: Date.parse(startTime) }),
    ...(trouble === undefined ? {} : { trouble }),
    ...(answer !== undefined && 'error' in answer ? { error: answer.error } : {}),
    ...(answer !== undefined && 'said' in answer ? { summary: answer.said } : {}),
  }
}

/** Of several pods of a shard the one that has most of its channels. */
function sumOf(shards: readonly ShardView[]): Channels | undefined {
  const best = shards.flatMap(({ pods }) => {
    const all = pods.flatMap(({ summary }) => summary?.channels ?? [])
    const [first] = all.toSorted((a, b) => b.live + b.quiet - (a.live + a.quiet))
    return first === undefined ? [] : [first]
  })
  if (best.length === 0) return undefined
  const of = (name: keyof Channels) => best.reduce((sum, one) => sum + one[name], 0)
  return {
    total: of('total'),
    live: of('live'),
    quiet: of('quiet'),
    stale: of('stale'),
    down: of('down'),
    impossible: of('impossible'),
    found: of('found'),
  }
}

function lastOf(gaps: readonly NonNullable<Summary['lastGap']>[]): NonNullable<Summary['lastGap']> | undefined {
  return gaps.toSorted((a, b) => b.to - a.to)[0]
}
