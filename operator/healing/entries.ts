// Actions as a Collector's status keeps them, where they survive a change of leader.
//
// In: the history of a Collector. Out: its entries, and back. Always: what is read was perhaps written by an older
// version, by another clock or by a person: what makes no sense is left out, and a time to come counts as now.
import * as z from 'zod'
import type { Collector } from '../../crds/collector.ts'
import { PUBLISHERS } from '../resources/labels.ts'
import { ACTIONS_MAX, NO_HISTORY, OUTCOMES } from './history.ts'
import type { Action, History } from './history.ts'
import { REASONS } from './symptoms.ts'

/** What an entry must have to count; the Collector's schema says what else it may hold. */
const readable = z.object({
  time: z.iso.datetime(),
  shard: z.string(),
  publisher: z.enum(PUBLISHERS),
  pod: z.string().default(''),
  uid: z.string().default(''),
  node: z.string().optional(),
  action: z.enum(['replace', 'move']),
  reason: z.enum(REASONS),
  outcome: z.enum(OUTCOMES).optional(),
  ended: z.iso.datetime().optional(),
})

/** An action in `status.healing.actions`. */
export type Entry = NonNullable<NonNullable<Collector['status']>['healing']>['actions'][number]

/** The actions of a history, for the status, the oldest first. */
export function entriesOf({ actions }: Pick<History, 'actions'>): Entry[] {
  return actions.map(({ atMs, end, node, shard, publisher, pod, uid, action, reason }) => ({
    time: timeOf(atMs),
    shard,
    publisher,
    pod,
    uid,
    ...(node === undefined ? {} : { node }),
    action,
    reason,
    ...(end === undefined ? {} : { ended: timeOf(end.atMs), outcome: end.outcome }),
  }))
}

/** The history of a leader that has just begun, from what its predecessor left in the status. */
export function historyOf(entries: unknown, nowMs: number): History {
  const actions = (Array.isArray(entries) ? entries : []).flatMap((one) => actionOf(one, nowMs) ?? [])
  return { ...NO_HISTORY, actions: actions.toSorted((a, b) => a.atMs - b.atMs).slice(-ACTIONS_MAX) }
}

function actionOf(value: unknown, nowMs: number): Action | undefined {
  const { success, data } = readable.safeParse(value)
  if (!success) return undefined
  const { time, outcome, ended, node, ...rest } = data
  const end = outcome === undefined ? undefined : { outcome, atMs: msOf(ended ?? time, nowMs) }
  return { ...rest, node, atMs: msOf(time, nowMs), end }
}

function msOf(time: string, nowMs: number): number {
  return Math.min(nowMs, Date.parse(time))
}

/** Whole seconds, rounded up: no budget is given back early by it. */
function timeOf(ms: number): string {
  return new Date(Math.ceil(ms / 1000) * 1000).toISOString().replace('.000Z', 'Z')
}
