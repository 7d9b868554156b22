// The status of a Collector: what is true of it now, as conditions with reasons that a person can act on. Pure.
//
// Always: every condition is there from the first pass; a transition time moves only with its status; what merely goes up
// and down (channels that are quiet for a while) changes nothing. Never: True for a generation that has not been rolled
// out and seen ready: until then `Ready` stays what the old pods justify, at their generation.
import type { Collector } from '../../crds/collector.ts'
import type { Owner } from '../resources/facts.ts'
import { scaleSelector } from '../resources/labels.ts'

export type Status = NonNullable<Collector['status']>
export type Condition = NonNullable<Status['conditions']>[number]
type Verdict = Pick<Condition, 'status' | 'reason' | 'message'>

/** Something that a person must mend, or know. */
export interface Problem {
  readonly reason: string
  /** A sentence without numbers that go up and down by themselves. */
  readonly message: string
}

export interface ShardState {
  readonly name: string
  /** Whether every publisher of it has a pod that is ready. */
  readonly ready: boolean
  readonly channels: number
  /** Why it is not ready, where that is known. */
  readonly reason: string | undefined
}

/** How far what runs is from what is wanted. */
export type Progress =
  | { readonly kind: 'settled' }
  | { readonly kind: 'rolling'; readonly waitingFor: readonly string[] }
  | { readonly kind: 'queued' }
  | { readonly kind: 'stuck'; readonly why: string }

/** What the pods say of their channels; undefined where none has been asked yet. */
export interface ChannelCounts {
  readonly total: number
  readonly live: number
  readonly stale: number
}

/** Channels that will not come: how many, and some of them with the reason. */
export interface Impossible {
  readonly count: number
  readonly some: readonly { readonly channel: string; readonly why: string }[]
}

export interface Findings {
  readonly owner: Pick<Owner, 'name' | 'generation'>
  readonly old: Status | undefined
  readonly nowMs: number
  /** What is wrong with the manifest, each a sentence; nothing is changed while there is any. */
  readonly faults: readonly string[]
  readonly isPaused: boolean
  readonly hasOwnShards: boolean
  readonly problems: readonly Problem[]
  readonly shards: readonly ShardState[]
  readonly progress: Progress
  readonly monitoring: Verdict
  readonly channels: ChannelCounts | undefined
  readonly impossible: Impossible
  readonly healing: Status['healing']
}

const MESSAGE_MAX = 4000
const SHARDS_NAMED_MAX = 5
const CHANNELS_NAMED_MAX = 5

export function statusOf(findings: Findings): Status {
  const { owner, old, shards, channels, healing } = findings
  const total = shards.reduce((sum, shard) => sum + shard.channels, 0)
  return {
    observedGeneration: owner.generation,
    conditions: conditionsOf(findings),
    channels: channels ?? old?.channels ?? { total, live: 0, stale: 0 },
    shards: shards.map(({ name, ready, channels: count, reason }) => ({
      name,
      ready,
      channels: count,
      ...(reason === undefined ? {} : { reason: reason.slice(0, 256) }),
    })),
    replicas: shards.length,
    selector: scaleSelector(owner.name),
    ...(healing === undefined ? {} : { healing }),
  }
}

function conditionsOf(findings: Findings): Condition[] {
  const { owner, old, nowMs } = findings
  const verdicts: Record<string, Verdict & { readonly generation?: number | undefined }> = {
    Ready: readiness(findings),
    Progressing: progression(findings),
    Degraded: degradation(findings),
    MonitoringInstalled: findings.monitoring,
    Scalable: scalability(findings),
  }
  return Object.entries(verdicts).map(([type, { status, reason, message, generation = owner.generation }]) => {
    const before = old?.conditions?.find((one) => one.type === type)
    const lastTransitionTime =
      before?.status === status ? before.lastTransitionTime : new Date(nowMs).toISOString().replace(/\.\d+Z$/, 'Z')
    return { type, status, observedGeneration: generation, lastTransitionTime, reason, message: cut(message) }
  })
}

function readiness(findings: Findings): Verdict & { generation?: number | undefined } {
  const { faults, shards, progress, old, channels } = findings
  if (faults.length > 0) return no('Invalid', faults.join(' '))
  const notReady = shards.filter(({ ready }) => !ready)
  if (shards.length === 0 || notReady.length > 0) return no('ShardsNotReady', notReadyText(notReady, shards.length))
  if (channels !== undefined && channels.total > 0 && channels.stale >= channels.total) {
    return no('NoData', 'No channel has data; see the condition Degraded and kubectl marketprism status.')
  }
  if (progress.kind === 'settled') return yes('AllShardsReady', 'Every shard is ready.')
  const before = old?.conditions?.find(({ type }) => type === 'Ready')
  if (before?.status !== 'True') return no('RollingOut', 'What is wanted is being rolled out.')
  return { ...yes('AllShardsReady', 'Every shard is ready.'), generation: before.observedGeneration }
}

function notReadyText(notReady: readonly ShardState[], total: number): string {
  if (total === 0) return 'There is no shard yet.'
  const named = notReady.slice(0, SHARDS_NAMED_MAX).map(({ name, reason }) => `${name}: ${reason ?? 'not ready yet'}`)
  const more = notReady.length > named.length ? ` and ${notReady.length - named.length} more` : ''
  return `${notReady.length} of ${total} shards not ready. ${named.join('; ')}${more}.`
}

function progression({ faults, isPaused, progress }: Findings): Verdict {
  if (faults.length > 0) return no('Invalid', 'Nothing is changed while the manifest has faults.')
  if (isPaused) return no('Paused', 'spec.paused is true: everything is left as it is.')
  if (progress.kind === 'settled') return no('Settled', 'What runs is what is wanted.')
  if (progress.kind === 'stuck') return no('RolloutStuck', `${progress.why}. The rest is left as it was.`)
  if (progress.kind === 'queued') return yes('RolloutQueued', 'Other Collectors are being rolled out first.')
  return yes('RollingOut', `Waiting for ${progress.waitingFor.slice(0, SHARDS_NAMED_MAX).join(', ')}.`)
}

function degradation({ faults, problems, channels, impossible }: Findings): Verdict {
  if (faults.length > 0) return yes('Invalid', faults.join(' '))
  const [first] = problems
  if (first !== undefined) return yes(first.reason, problems.map(({ message }) => message).join(' '))
  if (channels !== undefined && channels.stale > 0) {
    return yes('ChannelsStale', 'Channels have no data that should have some; see kubectl marketprism status.')
  }
  if (impossible.count > 0) return yes('ChannelsImpossible', impossibleText(impossible))
  return no('AsExpected', 'Nothing is known to be wrong.')
}

function impossibleText({ count, some }: Impossible): string {
  const named = some.slice(0, CHANNELS_NAMED_MAX).map(({ channel, why }) => `${channel}: ${why}`)
  const left = count - named.length
  const more = left > 0 ? [`${left} more, which kubectl marketprism status names`] : []
  return `Channels that will not come, while the others go on: ${[...named, ...more].join(' | ')}`
}

function scalability({ hasOwnShards }: Findings): Verdict {
  if (hasOwnShards) return yes('ShardsSet', 'spec.shards is set: kubectl scale and an HPA work.')
  return no(
    'ShardsDerived',
    'spec.shards is not set, so the operator derives it and an HPA finds nothing to scale; ' +
      'kubectl scale sets it, and an HPA works from then on.',
  )
}

/**
 * Whether a person would act differently by the new status: the conditions, the shards, how many channels there are, and
 * whether some or all of them are stale.
 */
export function isNews(old: Status | undefined, now: Status): boolean {
  return old === undefined || JSON.stringify(news(old)) !== JSON.stringify(news(now))
}

function news({ observedGeneration, conditions, channels, shards, replicas, selector, healing }: Status) {
  const { total = 0, stale = 0 } = channels ?? {}
  const staleness = stale === 0 ? 'none' : stale >= total ? 'all' : 'some'
  return [
    observedGeneration,
    (conditions ?? []).map(({ type, status, reason, message, observedGeneration: seen }) => {
      return [type, status, reason, message, seen]
    }),
    [total, staleness],
    (shards ?? []).map(({ name, ready, channels: count, reason }) => [name, ready, count, reason]),
    replicas,
    selector,
    healing,
  ]
}

export function yes(reason: string, message: string): Verdict {
  return { status: 'True', reason, message }
}
export function no(reason: string, message: string): Verdict {
  return { status: 'False', reason, message }
}

function cut(message: string): string {
  return message.length <= MESSAGE_MAX ? message : `${message.slice(0, MESSAGE_MAX)} …`
}
