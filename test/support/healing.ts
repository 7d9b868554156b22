// A small world for healing: Collectors, their pods, a kubelet and a Deployment controller that do as told, on a virtual
// clock. What it hands out are Kubernetes objects and summaries, so that all of healing but the network is at work.
import { VirtualClock } from '../../collector/connection/clock.ts'
import type { HealerOptions, Patient } from '../../operator/healing/healer.ts'
import type { Said } from '../../operator/healing/observed.ts'
import type { Summary } from '../../operator/healing/summary.ts'
import type { KubeObject } from '../../operator/kube/objects.ts'
import type { Owner } from '../../operator/resources/facts.ts'
import { deploymentName, LABEL, type Publisher, shardName } from '../../operator/resources/labels.ts'

export type Ailment = 'crashing' | 'oom' | 'stuck' | 'unready' | 'silent' | 'sinkless' | { readonly stale: string }

export interface WorldPod {
  readonly name: string
  readonly uid: string
  readonly collector: string
  readonly shard: number
  readonly publisher: Publisher
  readonly node: string
  readonly bornMs: number
  ailment: Ailment | undefined
  ailingSinceMs: number
  readySinceMs: number
  isReady: boolean
  restarts: number
  lastEndMs: number
  saidMs: number
  isLeaving: boolean
}

interface WorldCollector {
  readonly name: string
  readonly spec: { selfHealing: { mode: 'act' | 'observe' | 'none'; actionsPerHour: number }; paused: boolean }
  status: unknown
  change: string | undefined
}

const START_MS = 30_000
const NODES = ['node-1', 'node-2', 'node-3']

/** A summary of a pod that is well. */
export function sampleSummary(markets: readonly string[], change: Partial<Summary> = {}): Summary {
  const channels = markets.length * 10
  return {
    name: 'majors-0',
    startedMs: 0,
    atMs: 0,
    ready: true,
    notReady: [],
    channels: { total: channels, live: channels, quiet: 0, stale: 0, down: 0, impossible: 0, found: 0 },
    markets: Object.fromEntries(markets.map((name) => [name, WELL])),
    sink: { kind: 'nats', connected: true, lostMs: 0 },
    spool: { bytesUsed: 0, bytesMax: 67_108_864 },
    gaps: 0,
    stale: [],
    impossible: [],
    ...change,
  }
}
const WELL = { channels: 10, live: 10, stale: 0, sessionsOpen: 1, sessions: 1 }
const STALE = { channels: 10, live: 0, stale: 10, sessionsOpen: 0, sessions: 1 }

export interface WorldOptions {
  readonly collectors?: readonly string[]
  readonly shards?: number
  readonly publishers?: readonly Publisher[]
  readonly markets?: readonly string[]
}

export class HealingWorld {
  readonly clock = new VirtualClock()
  readonly collectors: WorldCollector[]
  readonly markets: readonly string[]
  pods: WorldPod[] = []
  leaderSinceMs: number
  isApiUnreachable = false
  refusesEvictions = false
  failsToPersist = false
  /** Markets that are down for all. */
  readonly down = new Set<string>()
  /** What successors get, by Deployment or node; a pod on a node, or of a Deployment, that is cursed ails from birth. */
  readonly curses = new Map<string, Ailment>()
  readonly evictions: string[] = []
  #born = 0

  constructor({
    collectors = ['majors'],
    shards = 3,
    publishers = ['a'],
    markets = ['binance:perpetual', 'binance:spot', 'okx:spot'],
  }: WorldOptions = {}) {
    this.markets = markets
    this.collectors = collectors.map((name) => ({
      name,
      spec: { selfHealing: { mode: 'act', actionsPerHour: 6 }, paused: false },
      status: undefined,
      change: undefined,
    }))
    for (const name of collectors) {
      for (let shard = 0; shard < shards; shard += 1) {
        for (const publisher of publishers) this.#bear(name, shard, publisher, NODES[shard % NODES.length] ?? '')
      }
    }
    // An hour later everything is well and old.
    this.clock.skip(3_600_000)
    for (const pod of this.pods) pod.isReady = true
    this.leaderSinceMs = this.clock.nowMs() - 3_600_000
  }

  /** The pod of a place that is newest. */
  pod(deployment: string): WorldPod {
    const found = this.pods.filter((one) => deploymentName(one.collector, one.shard, one.publisher) === deployment)
    const last = found.at(-1)
    if (last === undefined) throw new Error(`no pod of ${deployment}`)
    return last
  }

  afflict(pod: WorldPod, ailment: Ailment | undefined, restarts = 0): void {
    const nowMs = this.clock.nowMs()
    pod.ailment = ailment
    pod.ailingSinceMs = nowMs
    pod.restarts += restarts
    if (restarts > 0) pod.lastEndMs = nowMs
    this.#settle(pod)
  }

  /** Time passes: the kubelet and the Deployment controller do their work. */
  pass(ms: number): void {
    this.clock.skip(ms)
    for (const pod of this.pods) this.#settle(pod)
  }

  /** What the Deployment controller does about nodes to avoid: a successor first, then the old pod goes. */
  move(avoided: (collector: string, shard: string) => readonly string[]): void {
    for (const pod of [...this.pods]) {
      const nodes = avoided(`market/${pod.collector}`, shardName(pod.collector, pod.shard))
      const fellows = this.pods.filter((one) => one !== pod && sameDeployment(one, pod))
      if (nodes.includes(pod.node) && fellows.length === 0) {
        const free = NODES.find((node) => !nodes.includes(node)) ?? pod.node
        this.#bear(pod.collector, pod.shard, pod.publisher, free)
        pod.isLeaving = true
      } else if (pod.isLeaving && fellows.some((one) => one.isReady)) {
        this.pods = this.pods.filter((one) => one !== pod)
      }
    }
  }

  /** The part of the API server that healing writes to. */
  evict(pod: string, uid: string): 'evicted' | 'refused' | 'gone' {
    const found = this.pods.find((one) => one.uid === uid)
    if (found === undefined) return 'gone'
    if (this.refusesEvictions) return 'refused'
    this.evictions.push(pod)
    this.pods = this.pods.filter((one) => one !== found)
    this.#bear(found.collector, found.shard, found.publisher, found.node)
    return 'evicted'
  }

  look(): ReturnType<HealerOptions['look']> {
    const nowMs = this.clock.nowMs()
    return {
      collectors: this.collectors.map((one) => this.#patient(one)),
      own: { isApiUnreachable: this.isApiUnreachable, leaseAgeMs: nowMs - this.leaderSinceMs },
    }
  }

  #bear(collector: string, shard: number, publisher: Publisher, node: string): void {
    this.#born += 1
    const deployment = deploymentName(collector, shard, publisher)
    const nowMs = this.clock.nowMs()
    const pod: WorldPod = {
      name: `${deployment}-${this.#born}`,
      uid: `uid-${this.#born}`,
      collector,
      shard,
      publisher,
      node,
      bornMs: nowMs,
      ailment: undefined,
      ailingSinceMs: nowMs,
      readySinceMs: nowMs,
      isReady: false,
      restarts: 0,
      lastEndMs: 0,
      saidMs: nowMs,
      isLeaving: false,
    }
    this.pods.push(pod)
    const curse = this.curses.get(deployment) ?? this.curses.get(node)
    if (curse !== undefined) this.afflict(pod, curse)
  }

  /** What has become of a pod by now. */
  #settle(pod: WorldPod): void {
    const nowMs = this.clock.nowMs()
    const { ailment, bornMs, ailingSinceMs } = pod
    const isDown = ailment === 'crashing' || ailment === 'oom' || ailment === 'stuck' || ailment === 'unready'
    const isReady = nowMs - bornMs >= START_MS && !isDown && ailment !== 'sinkless'
    if (isReady !== pod.isReady) pod.readySinceMs = nowMs
    pod.isReady = isReady
    if (ailment !== 'stuck' && ailment !== 'silent' && ailment !== 'crashing' && ailment !== 'oom') pod.saidMs = nowMs
    if (ailment !== 'crashing' && ailment !== 'oom') return
    // One restart a minute, as the kubelet's own waits come to at first.
    const restarts = Math.floor((nowMs - ailingSinceMs) / 60_000) + 1
    if (restarts <= pod.restarts) return
    pod.restarts = restarts
    pod.lastEndMs = nowMs
  }

  #patient(one: WorldCollector): Patient {
    const pods = this.pods.filter(({ collector }) => collector === one.name)
    const object: KubeObject = {
      apiVersion: 'marketprism.io/v1alpha1',
      kind: 'Collector',
      metadata: { name: one.name, namespace: 'market', uid: `uid-of-${one.name}` },
      spec: one.spec,
      status: one.status,
    }
    const owner = { name: one.name, namespace: 'market', uid: `uid-of-${one.name}`, generation: 1, spec: one.spec }
    return {
      object,
      owner: owner as unknown as Owner,
      isDeleting: false,
      change: one.change,
      deployments: this.#deployments(pods),
      pods: pods.map((pod) => podObject(pod)),
      summaryOf: (uid) => this.#said(pods.find((pod) => pod.uid === uid)),
    }
  }

  #deployments(pods: readonly WorldPod[]): KubeObject[] {
    const names = new Set(pods.map((pod) => deploymentName(pod.collector, pod.shard, pod.publisher)))
    return [...names].map((name) => {
      const replicas = pods.filter((pod) => deploymentName(pod.collector, pod.shard, pod.publisher) === name).length
      return {
        apiVersion: 'apps/v1',
        kind: 'Deployment',
        metadata: { name, namespace: 'market', generation: 1 },
        spec: { replicas: 1 },
        status: { observedGeneration: 1, replicas, updatedReplicas: 1 },
      }
    })
  }

  #said(pod: WorldPod | undefined): Said | undefined {
    if (pod === undefined) return undefined
    const { ailment } = pod
    const stale = typeof ailment === 'object' ? ailment.stale : undefined
    const markets = this.markets.map((name) => [name, this.down.has(name) || name === stale ? STALE : WELL])
    const lost = ailment === 'sinkless'
    const summary = sampleSummary(this.markets, {
      ready: pod.isReady,
      notReady: lost ? ['the sink has acknowledged nothing for 40 s'] : pod.isReady ? [] : ['a channel is not settled'],
      markets: Object.fromEntries(markets) as Summary['markets'],
      sink: { kind: 'nats', connected: !lost, lostMs: lost ? 40_000 : 0 },
    })
    return { said: summary, ageMs: this.clock.nowMs() - pod.saidMs }
  }
}

function sameDeployment(a: WorldPod, b: WorldPod): boolean {
  return a.collector === b.collector && a.shard === b.shard && a.publisher === b.publisher
}

function podObject(pod: WorldPod): KubeObject {
  const time = (ms: number) => new Date(ms).toISOString()
  const isWaiting = pod.ailment === 'crashing' || pod.ailment === 'oom'
  const reason = pod.ailment === 'oom' ? 'OOMKilled' : 'Error'
  const lastState =
    pod.lastEndMs === 0 ? {} : { lastState: { terminated: { reason, finishedAt: time(pod.lastEndMs) } } }
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: pod.name,
      namespace: 'market',
      uid: pod.uid,
      creationTimestamp: time(pod.bornMs),
      labels: { [LABEL.shard]: String(pod.shard), [LABEL.publisher]: pod.publisher },
    },
    spec: { nodeName: pod.node },
    status: {
      phase: 'Running',
      conditions: [
        { type: 'Ready', status: pod.isReady ? 'True' : 'False', lastTransitionTime: time(pod.readySinceMs) },
      ],
      containerStatuses: [
        {
          name: 'collector',
          restartCount: pod.restarts,
          state: isWaiting ? { waiting: { reason: 'CrashLoopBackOff' } } : { running: { startedAt: time(pod.bornMs) } },
          ...lastState,
        },
      ],
    },
  }
}
