// Healing at work: looks at all Collectors every period, decides, acts, and keeps the history.
//
// In: what the caches hold. Out: evictions, nodes to avoid, what is said. Always: one look at a time; an action is written
// into the status of its Collector before it is carried out, so that no change of leader forgets it; what is unsure counts
// as done. Never: acts while it is not the leader (it is started with the Lease and closed with it).
import type { Clock } from '../kube/clock.ts'
import type { KubeObject } from '../kube/objects.ts'
import { keyOf } from '../kube/objects.ts'
import { act, announceHeld } from './act.ts'
import type { Effects } from './act.ts'
import { decide } from './decide.ts'
import type { Decision } from './decide.ts'
import type { Entry } from './entries.ts'
import { entriesOf, historyOf } from './entries.ts'
import type { Hold } from './guards.ts'
import {
  avoidedNodes,
  FLEET_WINDOW_MS,
  NO_FLEET_HISTORY,
  remember,
  rememberFleet,
  withAction,
  withFleetAction,
} from './history.ts'
import type { FleetHistory, History } from './history.ts'
import { fleetOf, observe, PERIOD_MS, shardsOf, shareOf } from './observed.ts'
import type { CollectorFacts, Fleet, ShardObserved } from './observed.ts'

/** A Collector to be looked at. */
export interface Patient extends CollectorFacts {
  /** As it is in the cache: Events are about it, and its status holds the actions so far. */
  readonly object: KubeObject
}

export interface HealerOptions extends Effects {
  /** All Collectors, and what the operator knows of itself. */
  readonly look: () => {
    readonly collectors: readonly Patient[]
    readonly own: Pick<Fleet, 'isApiUnreachable' | 'leaseAgeMs'>
  }
  /**
   * Writes `entries(key)` into the Collector's status and queues the Collector. Rejects where that fails: then nothing is
   * done.
   */
  readonly persist: (key: string) => Promise<void>
  /** What the status says of a Collector's troubles is out of date. */
  readonly onChange?: (key: string) => void
  readonly clock: Clock
}

export interface Healer {
  /** One look at all Collectors; what follows from it is done when it resolves. */
  pass(): Promise<void>
  /** Begins to look every period. */
  start(): void
  /** Ends it; resolves when nothing is being done any more. */
  close(): Promise<void>
  /** `status.healing.actions` of a Collector; undefined until it has been looked at. */
  entries(key: string): readonly Entry[] | undefined
  /** What is wrong with a Collector now, for its status. */
  decisions(key: string): readonly Decision[]
  /** Nodes that the pods of a shard, named as in its status, are to avoid. */
  avoidedNodes(key: string, shard: string): string[]
}

/** What is kept of a Collector. */
interface Known {
  readonly uid: string
  history: History
  decisions: readonly Decision[]
  /** When a held decision was last announced, by pod, reason and hold. */
  said: Map<string, number>
}

/** What goes on being held back is said again after so long. */
const SAY_AGAIN_MS = 1_800_000

export function openHealer(options: HealerOptions): Healer {
  const { clock, log } = options
  const state: State = { records: new Map(), fleet: NO_FLEET_HISTORY }
  let timer: ReturnType<Clock['setTimeout']> | undefined
  let running: Promise<void> | undefined
  let isClosed = false

  const pass = (): Promise<void> => {
    running ??= lookOnce(state, options, () => isClosed).finally(() => (running = undefined))
    return running
  }
  const again = () => {
    if (isClosed) return
    timer = clock.setTimeout(() => {
      void pass()
        .catch((error: unknown) => log.warn({ err: error }, 'a look of healing failed; the next one is in a moment'))
        .finally(again)
    }, PERIOD_MS)
  }
  return {
    pass,
    start: again,
    async close() {
      isClosed = true
      clock.clearTimeout(timer)
      await running?.catch(() => {})
    },
    entries: (key) => {
      const record = state.records.get(key)
      return record === undefined ? undefined : entriesOf(record.history)
    },
    decisions: (key) => state.records.get(key)?.decisions ?? [],
    avoidedNodes: (key, shard) =>
      avoidedNodes(state.records.get(key)?.history ?? { actions: [] }, shard, clock.nowMs()),
  }
}

interface State {
  readonly records: Map<string, Known>
  fleet: FleetHistory
}

/** One look at all: the fleet first, since it may forbid what a single Collector would allow. */
async function lookOnce(state: State, options: HealerOptions, isClosed: () => boolean): Promise<void> {
  const { collectors, own } = options.look()
  const nowMs = options.clock.nowMs()
  const seen = collectors.map((patient) => ({ patient, shards: shardsOf(patient, nowMs) }))
  const fleet = fleetOf(
    seen.map(({ shards }) => shareOf(shards)),
    own,
  )
  const keys = new Set(collectors.map(({ object }) => keyOf(object)))
  for (const key of state.records.keys()) if (!keys.has(key)) state.records.delete(key)
  // The predecessor's actions on all Collectors must be known before the first of ours.
  for (const { object } of collectors) knownOf(state, object, nowMs)
  state.fleet = rememberFleet(state.fleet, fleet, nowMs)
  for (const { patient, shards } of seen) {
    if (isClosed()) return
    try {
      await heal(state, patient, shards, fleet, options)
    } catch (error) {
      options.log.warn({ collector: keyOf(patient.object), err: error }, 'healing failed on a Collector; others go on')
    }
  }
}

/** What is kept of a Collector, from its status where nothing is: a new leader, or a new Collector. */
function knownOf(state: State, object: KubeObject, nowMs: number): Known {
  const { records } = state
  const key = keyOf(object)
  const { uid = '' } = object.metadata
  const before = records.get(key)
  if (before?.uid === uid) return before
  const { healing } = (object['status'] ?? {}) as { readonly healing?: { readonly actions?: unknown } }
  const known: Known = { uid, history: historyOf(healing?.actions, nowMs), decisions: [], said: new Map() }
  records.set(key, known)
  for (const { atMs } of known.history.actions) {
    if (nowMs - atMs < FLEET_WINDOW_MS) state.fleet = withFleetAction(state.fleet, atMs)
  }
  return known
}

async function heal(
  state: State,
  patient: Patient,
  shards: readonly ShardObserved[],
  fleet: Fleet,
  options: HealerOptions,
): Promise<void> {
  const { object } = patient
  const nowMs = options.clock.nowMs()
  const known = knownOf(state, object, nowMs)
  const observed = observe(patient, shards, fleet)
  known.history = remember(known.history, observed, nowMs)
  const before = standingOf(known.decisions)
  known.decisions = decide(observed, known.history, state.fleet, nowMs)
  if (standingOf(known.decisions) !== before) options.onChange?.(keyOf(object))
  forgetSaid(known, nowMs)
  for (const decision of known.decisions) {
    const hold = decision.held ?? (await carryOut(state, known, object, decision, options))
    if (hold !== undefined) sayHeld(known, object, decision, hold, options)
  }
}

/** What stands in the status of decisions. */
function standingOf(decisions: readonly Decision[]): string {
  return decisions.map(({ reason, standing }) => `${reason} ${standing}`).join('\n')
}

/** @returns why it was held back after all */
async function carryOut(
  state: State,
  known: Known,
  object: KubeObject,
  decision: Decision,
  options: HealerOptions,
): Promise<Hold | undefined> {
  const { clock, log, persist } = options
  const { shard, publisher, pod, uid, node, action, reason } = decision
  if (action === 'none') return undefined
  const atMs = clock.nowMs()
  const before = { history: known.history, fleet: state.fleet }
  known.history = withAction(known.history, { atMs, shard, publisher, pod, uid, node, action, reason, end: undefined })
  state.fleet = withFleetAction(state.fleet, atMs)
  const key = keyOf(object)
  try {
    await persist(key)
  } catch (error) {
    log.warn({ collector: key, err: error }, 'an action of healing could not be written into the status')
    known.history = before.history
    state.fleet = before.fleet
    return 'NotRecorded'
  }
  const result = await act(object, decision, options)
  if (result === 'done' || result === 'unsure') return undefined
  known.history = before.history
  state.fleet = before.fleet
  if (result === 'refused') {
    known.history = { ...known.history, refusedMs: { ...known.history.refusedMs, [uid]: clock.nowMs() } }
  }
  // What was not done must not count for a successor either; should this fail, it counts, which harms nothing.
  await persist(key).catch((error: unknown) =>
    log.warn({ collector: key, err: error }, 'the status keeps an action too many'),
  )
  return result === 'refused' ? 'BudgetRefused' : undefined
}

function sayHeld(known: Known, object: KubeObject, decision: Decision, hold: Hold, options: HealerOptions): void {
  const what = `${decision.uid} ${decision.reason} ${hold}`
  if (known.said.has(what)) return
  known.said.set(what, options.clock.nowMs())
  announceHeld(object, decision, hold, options)
}

function forgetSaid({ said }: Known, nowMs: number): void {
  for (const [what, atMs] of said) if (nowMs - atMs >= SAY_AGAIN_MS) said.delete(what)
}
