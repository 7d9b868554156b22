// One fault from beginning to end: its place is made and well, the fault comes at a random moment between two scrapes, an
// alert is waited for, the fault is taken back, and the end of the alert is waited for.
import { setTimeout as pause } from 'node:timers/promises'
import { parseDuration } from '../../../crds/duration.ts'
import { groupsOf } from '../../../operator/monitoring/alerts.ts'
import { operatorGroups } from '../../../operator/monitoring/operator-rules.ts'
import { until } from '../../bench/rig.ts'
import { NAMESPACE } from './cluster.ts'
import { type CollectorFault, type Fault, type OperatorFault, patienceSeconds, promised, type Undo } from './fault.ts'
import { firstOf, type Outcome, predecessorOf } from './outcome.ts'
import { openOperatorPlace } from './operators.ts'
import { type Ground, openPlace, type Place } from './place.ts'
import { lastsSeconds, PREDECESSOR, predecessorGroup } from './predecessor.ts'
import type { Tracker, Whose } from './tracker.ts'
import type { WatchPrometheus } from './watch.ts'

export interface Rig {
  readonly ground: Ground
  readonly watch: WatchPrometheus
  readonly tracker: Tracker
  /** Between two scrapes, and two evaluations, s. */
  readonly interval: number
  /** A fault stays for so long at least, s: what else fires, and what the predecessor would have. */
  readonly holdSeconds: number
  readonly say: (what: string) => void
}

const READY_SECONDS_MAX = 120
/** Scrapes after which rates are whole, and what a second publisher announces of its start is two minutes old. */
const SCRAPES = 9
const SCRAPED_SECONDS_MAX = 240
/** Nothing is active for so many intervals before a fault: every rule has been judged twice. */
const QUIET = 2.7
const QUIET_MS_MAX = 240_000
const RECOVERED_MS_MAX = 240_000
/** Alerts that go on by declaration for longer are not waited for. */
const KEPT_MS_MAX = 180_000

/** What came of it. Never throws: a trial that fails is an outcome, too. */
export async function trial(fault: Fault, rig: Rig): Promise<Outcome> {
  const { id, area, what, expect } = fault
  const row = { id, area, what, expect }
  try {
    const came = fault.subject === 'collector' ? await onCollector(fault, rig) : await onOperator(fault, rig)
    return { ...row, ...came }
  } catch (cause) {
    return { ...row, also: [], error: (cause as Error).message.slice(0, 300) }
  }
}

type Came = Omit<Outcome, 'id' | 'area' | 'what' | 'expect'>

async function onCollector(fault: CollectorFault, rig: Rig): Promise<Came> {
  const { id } = fault
  const { watch, ground } = rig
  await using place = await openPlace(id, ground, fault.world)
  await using _ = undone(() => (watch.targets(id, []), watch.rules(id, [])))
  const areReady = async () => (await Promise.all(place.pods.map((pod) => pod.isReady()))).every(Boolean)
  await until('its pods are ready', areReady, READY_SECONDS_MAX).catch((cause: Error) => {
    throw new Error(`${cause.message}: ${place.pod.said().slice(-200)}`)
  })
  watch.targets(id, place.targets())
  await until('it is scraped', () => isScraped(place, rig), SCRAPED_SECONDS_MAX)
  await watch.rules(id, [...groupsOf(place.owner), predecessorGroup(NAMESPACE, id)])
  return await undergo(fault, { namespace: NAMESPACE, collector: id }, () => fault.begin(place), rig)
}

async function onOperator(fault: OperatorFault, rig: Rig): Promise<Came> {
  const { id } = fault
  const { watch, ground } = rig
  if (ground.cluster === undefined) throw new Error('there is no API server')
  await using place = await openOperatorPlace(id, ground.cluster, ground.folder)
  await using _ = undone(() => (watch.targets(id, []), watch.rules(id, [])))
  watch.targets(id, [place.target()])
  const leads = `marketprism_operator_leader{job="${id}"} == 1`
  await until('it leads', async () => (await watch.query(leads)).length === 1, SCRAPED_SECONDS_MAX)
  await watch.rules(id, operatorGroups(id, id))
  return await undergo(fault, { namespace: id }, () => fault.begin(place), rig)
}

/** Rates are whole, and where there is an operator, it says what there should be and that nothing rolls. */
async function isScraped({ name, pods, cluster }: Place, { watch }: Rig): Promise<boolean> {
  const of = (metric: string) => `${metric}{namespace="${NAMESPACE}",collector="${name}"}`
  const [scrapes] = await watch.query(`sum(sum_over_time(${of('up')}[3m]))`)
  if ((scrapes?.value ?? 0) < SCRAPES * pods.length) return false
  if (cluster === undefined) return true
  const rolling = await watch.query(of('marketprism_operator_collector_rollout_started_timestamp_seconds'))
  const [desired] = await watch.query(`${of('marketprism_operator_collector_pods_desired')} == ${pods.length}`)
  return desired !== undefined && rolling.length === 0
}

async function undergo(fault: Fault, whose: Whose, begin: () => Undo | Promise<Undo>, rig: Rig): Promise<Came> {
  const { id, expect } = fault
  const { tracker, say } = rig
  await quiet(whose, rig)
  await pause(Math.random() * rig.interval * 1000)
  const undo = await begin()
  const beganAt = Date.now()
  say(`${id}: begun`)
  const found = () => firstOf(tracker.since(whose, beganAt), expect)
  const isFound = await tracker.until(() => found() !== undefined, patienceSeconds(fault) * 1000)
  const first = found()
  await pause(Math.max(0, beganAt + rig.holdSeconds * 1000 - Date.now()))
  // What its end makes fire is not said of the fault.
  const seen = tracker.since(whose, beganAt)
  await undo()
  const endedAt = Date.now()
  const also = seen.filter(({ alert, firedAt }) => firedAt !== undefined && !alert.startsWith(PREDECESSOR))
  const theirs = seen.filter(({ alert }) => alert.startsWith(PREDECESSOR))
  const predecessor = predecessorOf(theirs, beganAt, lastsSeconds)
  const detectedSeconds = first && (first.firedAt - beganAt) / 1000
  say(`${id}: ${first === undefined ? (isFound ? '' : 'nothing') : `${first.alert} after ${detectedSeconds} s`}`)
  const recoveredSeconds = first && (await recovered(first.alert, whose, endedAt, rig))
  return {
    ...(first && { fired: first.alert as Outcome['fired'] & string, detectedSeconds: round(detectedSeconds ?? 0) }),
    ...(recoveredSeconds !== undefined && { recoveredSeconds }),
    also: also.map(({ alert }) => alert).filter((alert) => alert !== first?.alert),
    ...(predecessor && { predecessor }),
  }
}

/** Waits until no alert of ours has been active for a while. @throws Error naming those that do not end */
async function quiet(whose: Whose, { tracker, interval }: Rig): Promise<void> {
  let since = Date.now()
  const ours = () => tracker.now(whose).filter(({ labels }) => !labels['alertname']?.startsWith(PREDECESSOR))
  const isQuiet = await tracker.until(() => {
    if (ours().length > 0) since = Date.now()
    return Date.now() - since >= QUIET * interval * 1000
  }, QUIET_MS_MAX)
  if (!isQuiet)
    throw new Error(
      `not quiet before the fault: ${ours()
        .map(({ labels }) => labels['alertname'])
        .join()}`,
    )
}

/** How long after the end of the fault the alert was over, s. */
async function recovered(alert: string, whose: Whose, endedAt: number, { tracker }: Rig): Promise<number | undefined> {
  const { keepFiringFor } = promised(alert as Parameters<typeof promised>[0])
  if (keepFiringFor !== undefined && parseDuration(keepFiringFor) > KEPT_MS_MAX) return undefined
  const isOver = () =>
    !tracker.now(whose).some(({ labels, state }) => labels['alertname'] === alert && state === 'firing')
  return (await tracker.until(isOver, RECOVERED_MS_MAX)) ? round((Date.now() - endedAt) / 1000) : undefined
}

function round(seconds: number): number {
  return Math.round(seconds)
}

function undone(act: () => Promise<void>): AsyncDisposable {
  return { [Symbol.asyncDispose]: act }
}
