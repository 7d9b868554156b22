// All that the operator's metrics are read from, at one moment.
import type { InformerStatus, Reason } from '../kube/informer.ts'
import type { QueueStatus } from '../kube/queue.ts'
import type { ProgramSeen } from '../../collector/metrics/catalogue.ts'
import type { Counts } from './counts.ts'

/** A watch: of one kind, in one namespace or in all. */
export interface WatchSeen {
  readonly kind: string
  readonly synced: boolean
  readonly status: InformerStatus
}

export interface OperatorSeen extends ProgramSeen {
  readonly counts: Counts
  readonly lease: { readonly isLeading: boolean; readonly renewedMs: number | undefined }
  readonly queue: QueueStatus
  readonly watches: readonly WatchSeen[]
  readonly process: ProcessSeen
}

type ProcessSeen = ProgramSeen['process'] & { readonly loopActiveSeconds: number }

/** What the process says of itself; all of it only grows or is read at the moment, so that two scrapers see the same. */
export function seeProcess(): ProcessSeen {
  const { rss, heapUsed } = process.memoryUsage()
  const { user, system } = process.cpuUsage()
  return {
    residentBytes: rss,
    heapUsedBytes: heapUsed,
    cpuSeconds: { user: user / 1e6, system: system / 1e6 },
    loopActiveSeconds: performance.eventLoopUtilization().active / 1000,
  }
}

/** All watches of a kind: with a list of namespaces there is one in each. */
export interface KindSeen {
  readonly kind: string
  readonly synced: boolean
  readonly objects: number
  readonly lists: number
  readonly watches: number
  readonly failedHandlers: number
  readonly events: readonly (readonly [count: number, type: string])[]
  readonly restarts: readonly (readonly [count: number, reason: string])[]
  /** When the watch that was heard of least lately was heard of; undefined while one never was. */
  readonly heardMs: number | undefined
}

const EVENTS = ['added', 'changed', 'deleted', 'bookmark']
/** Why a watch was begun anew; each of them, so that each is there at 0. */
const RESTARTS: Readonly<Record<Reason, true>> = {
  ended: true,
  closed: true,
  expired: true,
  silent: true,
  overdue: true,
  refused: true,
  cut: true,
  malformed: true,
  throttled: true,
  unauthorized: true,
  forbidden: true,
  missing: true,
  failed: true,
}

/** Watches of each kind together, every event and reason at 0 at least. */
export function byKind(watches: readonly WatchSeen[]): KindSeen[] {
  return [...Map.groupBy(watches, ({ kind }) => kind)].map(([kind, all]) => {
    const total = (value: (status: InformerStatus) => number) => all.reduce((sum, one) => sum + value(one.status), 0)
    const heardMs = Math.min(...all.map(({ status }) => status.contactMs))
    return {
      kind,
      synced: all.every(({ synced }) => synced),
      objects: total(({ size }) => size),
      lists: total(({ lists }) => lists),
      watches: total((status) => status.watches),
      failedHandlers: total(({ failedHandlers }) => failedHandlers),
      events: EVENTS.map((type) => [total(({ events }) => events[type] ?? 0), type]),
      restarts: (Object.keys(RESTARTS) as Reason[]).map((reason) => [
        total(({ restarts }) => restarts[reason] ?? 0),
        reason,
      ]),
      heardMs: heardMs === 0 ? undefined : heardMs,
    }
  })
}
