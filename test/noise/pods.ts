// Which pods a shard has when: one, for a moment two or none while a rollout goes on.
import type { Plan } from './plan.ts'
import { SHARDS } from './kinds.ts'

export interface Pod {
  readonly name: string
  /** Index of the shard. */
  readonly shard: number
  /** It answers scrapes from here to there, s from the first sample. */
  readonly from: number
  readonly to: number
}

/** A new pod needs so long until its first message, s. */
const STARTS = 12

/** When the new pod of a shard is there, of a rollout in which it overlaps the old one: shards roll one after another. */
export function takesOver({ from, to }: { from: number; to: number }, shard: number): number {
  return from + shard * (to - from + 60)
}

/** Pods of all shards, and the times of rollouts. */
export function podsOf({ ordinary }: Plan, seconds: number): { pods: Pod[]; rollouts: { from: number; to: number }[] } {
  const rollouts = ordinary.filter(({ kind }) => kind === 'surge' || kind === 'swap')
  const pods = SHARDS.flatMap((exchange, shard) => {
    const own: Pod[] = []
    let from = -7200
    for (const { kind, from: at, to, of } of rollouts) {
      if (of.exchange !== undefined && of.exchange !== exchange) continue
      const begin = kind === 'surge' ? takesOver({ from: at, to }, shard) : to
      own.push(podAt(shard, own.length, from, kind === 'surge' ? begin + (to - at) : at))
      from = begin
    }
    return [...own, podAt(shard, own.length, from, seconds + 1)]
  })
  return { pods, rollouts: rollouts.map(({ from, to }) => ({ from: from - 15, to: to + (to - from) + 120 })) }
}

function podAt(shard: number, count: number, from: number, to: number): Pod {
  return { name: `majors-${shard}-a-${count}`, shard, from, to }
}

/** Whether a pod makes messages at this time. */
export function isAtWork({ from, to }: Pod, at: number): boolean {
  return at >= from + STARTS && at < to
}
