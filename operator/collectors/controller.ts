// The operator at work: what is watched, what it leads to, and the workers that reconcile.
//
// Always: caches fill from the start, also without the Lease (a warm standby); workers begin when it is ours and every
// required cache has synced. A change of anything that belongs to a Collector queues the Collector's key, never an event.
import type { Logger } from 'pino'
import { type Healer, openHealer } from '../healing/healer.ts'
import { withoutBodies } from '../kube/bodies.ts'
import type { KubeClient } from '../kube/client.ts'
import { type Clock, realClock, wait } from '../kube/clock.ts'
import type { Recorder } from '../kube/events.ts'
import { type Informer, openInformer, slim } from '../kube/informer.ts'
import { type Kind, keyOf, type KubeObject, POD } from '../kube/objects.ts'
import { openQueue, type Queue as WorkQueue } from '../kube/queue.ts'
import type { Counts } from '../metrics/counts.ts'
import type { ClusterFacts, OptionalApis } from '../resources/facts.ts'
import { LABEL, MANAGER } from '../resources/labels.ts'
import { isDashboard } from '../monitoring/dashboard.ts'
import { Answers, Echoes } from './echoes.ts'
import { Fights } from './fights.ts'
import { Firsts } from './first.ts'
import { COLLECTOR, MADE, OPTIONAL } from './kinds.ts'
import { Manifests } from './manifests.ts'
import { Needs, readSecret } from './needs.ts'
import { type Address, openObserver, type Observer } from './observer.ts'
import { type Change, Owned } from './owned.ts'
import { patients } from './patients.ts'
import { reconcile } from './reconcile.ts'
import { writeHealing } from './report.ts'
import { type ReadersWatch, watchReaders } from './readers.ts'
import { Queue } from './rollout.ts'
import { type ServedWatch, watchServed } from './served.ts'
import { Streams } from './streams.ts'
import type { World } from './world.ts'

export interface ControllerOptions {
  readonly client: KubeClient
  /** undefined: all namespaces, with one watch for each kind. */
  readonly namespaces: readonly string[] | undefined
  readonly facts: Omit<ClusterFacts, 'apis'>
  readonly recorder: Recorder
  readonly counts: Counts
  readonly log: Logger
  /** Name of this operator, for the audit log. */
  readonly identity: string
  /** When this operator became the leader, by the monotonic clock, ms. */
  readonly leadingSinceMs: () => number
  /** Where a pod is asked for its summary: its own address by default. */
  readonly addressOf?: (pod: KubeObject) => Address | undefined
  /** Whether it looks, beyond its namespaces, who reads what it installs; by default where it watches all of them. */
  readonly looksAround?: boolean
  /** Clocks that tests hurry: that of the caches, and that of healing and of the questions to the pods. */
  readonly clocks?: { readonly caches?: Clock; readonly healing?: Clock }
}

export interface Controller {
  readonly queue: WorkQueue
  readonly observer: Observer
  readonly watches: readonly { readonly kind: string; readonly informer: Informer<KubeObject> }[]
  /** Resolves when every required cache holds what the API server has, and of the others it is known whether they can. */
  whenSynced(): Promise<void>
  /** Reconciles and heals until it is closed. */
  run(): Promise<void>
  /** Begins no pass any more; resolves when those that run have ended. */
  close(): Promise<void>
}

const WORKERS = 8
/** Collectors that roll at the same time for a reason of ours. */
const ROLLING_MAX = 3
/** How often it is looked whether optional APIs came or went. */
const LOOK_MS = 5_000
const ANSWER_LOOK_MS = 20
/** A watch that works tells within seconds what an apply was answered. */
const UNTOLD_MS_MAX = 60_000
/** Without a word of the API server for longer, the caches are not to be acted upon by healing. */
const CONTACT_MS_MAX = 150_000
const OURS = `${LABEL.managedBy}=${MANAGER}`

export function openController(options: ControllerOptions): Controller {
  const { log } = options
  const owned = new Owned()
  const firsts = new Firsts()
  const queue = openWork(options)
  const echoes = new Echoes((key) => queue.add(key))
  const answers = new Answers()
  const add = (key: string | undefined) => void (key !== undefined && queue.add(key))
  const observer = openObserver({
    onChange: (pod) => add(collectorOf(pod)),
    log,
    ...(options.addressOf === undefined ? {} : { addressOf: options.addressOf }),
    ...(options.clocks?.healing === undefined ? {} : { clock: options.clocks.healing }),
  })
  const watches = openWatches(options, takersOf({ owned, answers, echoes, firsts, queue, observer }))
  const again = () => {
    for (const object of watches.collectors.flatMap((informer) => informer.list())) queue.add(keyOf(object), 'resync')
  }
  const readers = watchReaders({
    client: options.client,
    isClusterWide: options.looksAround ?? options.namespaces === undefined,
    hasPrometheusOperator: () => watches.apis().prometheusRule,
    onChange: again,
  })
  const served = watchServed({ client: options.client, clock: options.clocks?.caches ?? realClock, onChange: again })
  const parts = { owned, answers, echoes, firsts, readers, served, queue, observer, watches }
  const { world, healer } = openWorld(options, parts)
  let [look, sweep]: NodeJS.Timeout[] = []
  const forgetUntold = () => {
    for (const key of owned.forgetUntold(performance.now() - UNTOLD_MS_MAX)) queue.add(key)
  }
  return {
    queue,
    observer,
    watches: watches.all,
    whenSynced: () => synced(watches),
    async run() {
      served.start()
      await readers.start()
      look = lookForApis(watches, again, log)
      sweep = setInterval(forgetUntold, LOOK_MS)
      healer.start()
      await queue.run(WORKERS, (key) => reconcile(key, world))
    },
    async close() {
      clearInterval(look)
      clearInterval(sweep)
      readers.close()
      served.close()
      queue.close()
      await healer.close()
      await Promise.all([observer.close(), ...watches.all.map(({ informer }) => informer.close())])
    },
  }
}

/** What a change that a watch tells leads to: a key in the queue, unless it is an echo of our own. */
function takersOf(parts: Pick<Parts, 'owned' | 'answers' | 'echoes' | 'firsts' | 'queue' | 'observer'>): Takers {
  const { owned, answers, echoes, firsts, queue, observer } = parts
  return {
    collector(change) {
      answers.take(change)
      const key = keyOf(change.object)
      if (!echoes.isEcho(change, key)) queue.add(key)
      for (const first of firsts.take(change)) queue.add(first)
    },
    // What kubelets and controllers do comes in bursts, of which the end is what counts: a rollout is a dozen changes.
    pod(change) {
      observer.take(change)
      const key = owned.takePod(change)
      if (key !== undefined) queue.addSoon(key)
    },
    made(change) {
      const key = owned.take(change)
      if (key === undefined || echoes.isEcho(change, key)) return
      if (change.type === 'deleted') queue.add(key)
      else queue.addSoon(key)
    },
  }
}

/** Resolves when required caches are filled, and of the optional ones it is known whether they can be. */
async function synced({ required, isOptionalKnown }: Parts['watches']): Promise<void> {
  await Promise.all(required.map((informer) => informer.whenSynced()))
  while (!isOptionalKnown()) await wait(realClock, ANSWER_LOOK_MS)
}

function openWork({ log, counts }: ControllerOptions): WorkQueue {
  return openQueue({
    onError: (key, error, waitMs) =>
      log.warn({ collector: key, err: error, waitMs }, 'a pass failed; it is tried again'),
    observe: ({ waitedMs, tookMs, failed }) => {
      counts.waited(waitedMs / 1000)
      counts.passed(failed ? 'failed' : 'done', tookMs / 1000)
    },
  })
}

interface Parts {
  readonly owned: Owned
  readonly answers: Answers
  readonly echoes: Echoes
  readonly firsts: Firsts
  readonly readers: ReadersWatch
  readonly served: ServedWatch
  readonly queue: WorkQueue
  readonly observer: Observer
  readonly watches: ReturnType<typeof openWatches>
}

/** What a pass reads and writes, and the healer, which is a part of it. */
function openWorld(options: ControllerOptions, parts: Parts): { world: World; healer: Healer } {
  const { client, counts } = options
  const { owned, answers, echoes, firsts, readers, served, queue, observer, watches } = parts
  const nowMs = () => performance.now()
  const since = new Map<string, { shards: number; sinceMs: number }>()
  const world: World = {
    client: echoes.noting(client, (object) => {
      if (object.kind === COLLECTOR.kind) answers.answered(slim(object))
      else owned.answered(keptOf(slim(object)), nowMs())
    }),
    collectors: {
      get: (namespace, name) => answers.newest(firstOf(watches.collectors, (one) => one.get(namespace, name))),
    },
    manifests: new Manifests(),
    owned,
    isFirst: (namespace, name) => firsts.is(namespace, name),
    facts: () => ({ ...options.facts, apis: watches.apis(), readers: readers.current, unserved: served.current }),
    observed: (uid) => observer.of(uid),
    shardsSinceMs(key, shards) {
      const known = since.get(key)
      if (known?.shards === shards) return nowMs() - known.sinceMs
      since.set(key, { shards, sinceMs: nowMs() })
      return 0
    },
    healing: {
      entries: (key) => healer.entries(key),
      decisions: (key) => healer.decisions(key),
      avoidedNodes: (key, shard) => healer.avoidedNodes(key, shard),
    },
    streams: new Streams({
      secret: (namespace, name) => readSecret(client, namespace, name),
      onChange: (key) => queue.add(key),
      nowMs,
      random: Math.random,
    }),
    needs: new Needs(client, nowMs),
    queue: new Queue(ROLLING_MAX, (key) => queue.add(key)),
    fights: new Fights(),
    recorder: counted(options.recorder, counts),
    counts,
    nowMs,
    wallMs: Date.now,
    random: Math.random,
  }
  const healer = openHealing(options, parts, world)
  return { world, healer }
}

/** A recorder that has each word counted. */
function counted(recorder: Recorder, { said }: Pick<Counts, 'said'>): Recorder {
  return {
    say(about, saying) {
      said(saying.type)
      recorder.say(about, saying)
    },
    flush: () => recorder.flush(),
    close: () => recorder.close(),
    get status() {
      return recorder.status
    },
  }
}

function openHealing(options: ControllerOptions, { queue, watches }: Parts, world: World): Healer {
  const { client, counts, log } = options
  return openHealer({
    client,
    recorder: world.recorder,
    metrics: {
      acted: counts.healed,
      held: (_reason, hold) => counts.held(hold),
    },
    log,
    identity: options.identity,
    clock: options.clocks?.healing ?? realClock,
    look: () => ({
      collectors: patients(
        watches.collectors.flatMap((informer) => informer.list()),
        world,
      ),
      own: {
        isApiUnreachable: watches.required.some(({ status }) => realClock.nowMs() - status.contactMs > CONTACT_MS_MAX),
        leaseAgeMs: world.nowMs() - options.leadingSinceMs(),
      },
    }),
    persist: async (key) => {
      await writeHealing(key, world)
      queue.add(key)
    },
    onChange: (key) => queue.add(key),
  })
}

/** Queues every Collector when an optional API comes or goes. */
function lookForApis({ apis, states }: Parts['watches'], again: () => void, log: Logger): NodeJS.Timeout {
  let known = states()
  return setInterval(() => {
    if (states() === known) return
    known = states()
    log.info({ apis: apis() }, 'optional APIs came or went')
    again()
  }, LOOK_MS)
}

interface Takers {
  readonly collector: (change: Change) => void
  readonly pod: (change: Change) => void
  readonly made: (change: Change) => void
}

/** One watch for each kind, or one for each kind and namespace. */
function openWatches({ client, namespaces, log, clocks }: ControllerOptions, take: Takers) {
  const all: { kind: string; informer: Informer<KubeObject> }[] = []
  const watch = (kind: Kind, onChange: (change: Change) => void, labelSelector?: string) =>
    (namespaces ?? [undefined]).map((namespace) => {
      const informer = openInformer<KubeObject>({
        client,
        kind,
        ...(namespace === undefined ? {} : { namespace }),
        ...(labelSelector === undefined ? {} : { labelSelector }),
        onChange,
        keep: keptOf,
        ...(clocks?.caches === undefined ? {} : { clock: clocks.caches }),
        log: (message, fields) => log.debug({ kind: kind.kind, ...fields }, message),
      })
      all.push({ kind: kind.kind, informer })
      return informer
    })
  const collectors = watch(COLLECTOR, take.collector)
  const required = [
    ...collectors,
    ...watch(POD, take.pod, OURS),
    ...MADE.flatMap((kind) => watch(kind, take.made, OURS)),
  ]
  const optional = Object.entries(OPTIONAL).map(([name, kind]) => ({ name, informers: watch(kind, take.made, OURS) }))
  const apis = () =>
    Object.fromEntries(
      optional.map(({ name, informers }) => [name, informers.every(({ synced }) => synced)]),
    ) as unknown as OptionalApis
  const isOptionalKnown = () =>
    optional.every(({ informers }) => informers.every(({ synced, status }) => synced || status.problem !== undefined))
  // Tells also of one that went and came again between two looks.
  const states = () =>
    optional
      .flatMap(({ informers }) => informers)
      .map(({ synced, status: { restarts } }) => {
        return synced ? `there ${(restarts.missing ?? 0) + (restarts.forbidden ?? 0)}` : 'away'
      })
      .join()
  return { all, collectors, required, apis, states, isOptionalKnown }
}

/** Dashboards are only compared, and are long; documents of shards are read again. */
function keptOf(object: KubeObject): KubeObject {
  return isDashboard(object) ? withoutBodies(object) : object
}

/** Key of the Collector that a pod is labelled with. */
function collectorOf({ metadata }: KubeObject): string | undefined {
  const name = metadata.labels?.[LABEL.instance]
  return name === undefined ? undefined : `${metadata.namespace ?? ''}/${name}`
}

function firstOf<T, R>(all: readonly T[], of: (one: T) => R | undefined): R | undefined {
  for (const one of all) {
    const found = of(one)
    if (found !== undefined) return found
  }
  return undefined
}
