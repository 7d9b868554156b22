// A namespace of a real control plane with the operator at work in it, and a stand-in for its kubelets.
//
// In: a control plane with the controller manager. Out: hands that apply Collectors, look at what became of them, and stop
// and start the operator. Always: waits for states with a deadline. Never: shares a namespace with another test.
import { readFileSync } from 'node:fs'
import type { KubeConfig } from '@kubernetes/client-node'
import { pino } from 'pino'
import { expect, vi } from 'vitest'
import { type ControllerOptions, openController } from '../../operator/collectors/controller.ts'
import { COLLECTOR } from '../../operator/collectors/kinds.ts'
import type { Condition, Status } from '../../operator/collectors/status.ts'
import { type KubeClient, openClient } from '../../operator/kube/client.ts'
import type { Clock } from '../../operator/kube/clock.ts'
import { openRecorder } from '../../operator/kube/events.ts'
import { CONFIG_MAP, DEPLOYMENT, type Kind, type KubeObject, pathOf, SERVICE } from '../../operator/kube/objects.ts'
import { openCounts } from '../../operator/metrics/counts.ts'
import { pathOf as programOf, run } from '../chart/helm.ts'
import type { ControlPlane } from './controlplane.ts'
import { type Kubelet, type KubeletOptions, startKubelet } from './kubelet.ts'

/** Busy machines are slow, and nothing is proven by a test that was impatient. */
export const WAIT = { timeout: 40_000, interval: 100 }

export const FEED = {
  exchange: 'binance',
  market: 'spot',
  symbols: ['BTC-USDT', 'ETH-USDT'],
  types: ['trade', 'orderbook'],
}
export const SINK = { nats: { servers: ['nats://nats:4222'], stream: { manage: 'collector' } } }
/** The smallest Collector that these tests have use for: one shard. */
export const SPEC = { feeds: [FEED], sink: SINK }

export interface OperatorOptions {
  /** Image of Collectors that name none. */
  readonly image?: string
  /** How the operator reaches the API server, and as whom: the administrator by default. */
  readonly config?: KubeConfig
  /** Namespaces that it watches: that of the house by default. */
  readonly namespaces?: readonly string[]
  /** Comes between the operator and its client. */
  readonly through?: (client: KubeClient) => KubeClient
  readonly more?: Partial<ControllerOptions>
}

export interface HouseOptions extends OperatorOptions {
  readonly kubelet?: KubeletOptions
  readonly namespace?: string
  /** The Collector API is there already, perhaps as another version has it. */
  readonly isInstalled?: boolean
}

export type House = Awaited<ReturnType<typeof openHouse>>

const kubectlProgram = await programOf('kubectl')

/** A namespace with a running operator and a stand-in for the kubelet. */
export async function openHouse(plane: ControlPlane, options: HouseOptions = {}) {
  if (options.isInstalled !== true) await plane.installCrds()
  const namespace = options.namespace ?? (await plane.createNamespace())
  const client = await openClient({ config: plane.config(), userAgent: 'test', fieldManager: 'test' })
  const kubelet: Kubelet = startKubelet(client, namespace, options.kubelet)
  const lines: LogLine[] = []
  let operator: Operator | undefined = await startOperator(plane, namespace, options, lines)
  const looks = looksAt(client, namespace)
  const stop = async () => {
    await operator?.close()
    operator = undefined
  }
  const start = async (changes: OperatorOptions = {}) => {
    operator = await startOperator(plane, namespace, { ...options, ...changes }, lines)
  }
  return {
    ...looks,
    ...handsOn(client, namespace),
    namespace,
    client,
    kubelet,
    /** What the operator logged. */
    lines,
    /** The running operator. */
    get operator(): Operator {
      if (operator === undefined) throw new Error('the operator was stopped')
      return operator
    },
    stop,
    start,
    async restart(changes?: OperatorOptions) {
      await stop()
      await start(changes)
    },
    /** Resolves when the operator has nothing to do. */
    async quiet() {
      await vi.waitFor(() => {
        const { fresh, resync, running } = operator?.controller.queue.status ?? IDLE
        expect(fresh + resync + running).toBe(0)
      }, WAIT)
    },
    passes: () => operator?.controller.queue.status.passes ?? 0,
    /** What the operator asked of the API server; needs the audit log. */
    requests: (): AuditLine[] => auditOf(plane, agentOf(namespace)),
    /** The writes among them, but for events. */
    writes(): AuditLine[] {
      const reads = new Set(['get', 'list', 'watch'])
      return this.requests().filter(({ verb, uri }) => !reads.has(verb) && !uri.includes('/events'))
    },
    /** As the administrator, in this namespace. */
    async kubectl(...args: readonly string[]): Promise<string> {
      const { code, said } = await run(kubectlProgram, ['-n', namespace, ...args], { KUBECONFIG: plane.kubeconfig })
      if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${said}`)
      return said
    },
    async [Symbol.asyncDispose]() {
      await stop()
      await kubelet[Symbol.asyncDispose]()
      await client.close()
    },
  }
}

const IDLE = { fresh: 0, resync: 0, running: 0 }

/** What there is in a namespace, and waiting for it. */
function looksAt(client: KubeClient, namespace: string) {
  const list = async (kind: Kind) => (await client.list<KubeObject>(kind, namespace)).items
  const get = (kind: Kind, name: string) => client.get<KubeObject>(kind, namespace, name)
  const status = async (name: string) => (await get(COLLECTOR, name))?.['status'] as Status | undefined
  const condition = async (name: string, type: string): Promise<Condition | undefined> =>
    (await status(name))?.conditions?.find((one) => one.type === type)
  /** Resolves when a condition is like this. */
  const says = (name: string, type: string, like: object, wait = WAIT) =>
    vi.waitFor(async () => expect(await condition(name, type)).toMatchObject(like), wait)
  return {
    list,
    get,
    status,
    condition,
    says,
    /** Resolves when the newest generation is rolled out and ready. */
    async settled(name: string) {
      await vi.waitFor(async () => {
        const collector = await get(COLLECTOR, name)
        const { conditions = [] } = (collector?.['status'] ?? {}) as Status
        const observedGeneration = collector?.metadata.generation
        const of = (type: string) => conditions.find((one) => one.type === type)
        expect(of('Ready')).toMatchObject({ status: 'True', observedGeneration })
        expect(of('Progressing')).toMatchObject({ reason: 'Settled', observedGeneration })
      }, WAIT)
    },
    /** The Deployments, by name. */
    deployments: async () =>
      (await list(DEPLOYMENT)).toSorted((one, other) => (one.metadata.name < other.metadata.name ? -1 : 1)),
    /** Reasons of the Events about an object, with how often each was said. */
    async events(name: string) {
      const { items } = await client.request<{ items: EventSeen[] }>({
        method: 'GET',
        path: `/apis/events.k8s.io/v1/namespaces/${namespace}/events`,
      })
      return items.filter(({ regarding }) => regarding.name === name)
    },
    /** The documents of the shards, as their Deployments name them. */
    async documents() {
      const configs = await list(CONFIG_MAP)
      const deployments = (await list(DEPLOYMENT)).toSorted((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
      return deployments.map((one) => {
        const config = configs.find(({ metadata }) => JSON.stringify(one['spec']).includes(`"${metadata.name}"`))
        return Object.values((config?.['data'] ?? {}) as Record<string, string>)[0]
      })
    },
    /** Versions of all that the operator writes. */
    async versions() {
      const kinds = [COLLECTOR, DEPLOYMENT, CONFIG_MAP, SERVICE]
      const objects = (await Promise.all(kinds.map(list))).flat()
      return objects.map(({ metadata }) => `${metadata.name} ${metadata.resourceVersion}`).toSorted()
    },
  }
}

interface EventSeen {
  readonly reason: string
  readonly note: string
  readonly action: string
  readonly type: string
  readonly regarding: { readonly name: string }
  readonly series?: { readonly count: number }
}

/** What a person does. */
function handsOn(client: KubeClient, namespace: string) {
  return {
    apply: (name: string, spec: object) =>
      client.apply(COLLECTOR, {
        apiVersion: 'marketprism.io/v1alpha1',
        kind: 'Collector',
        metadata: { name, namespace },
        spec,
      }),
    /** A merge patch. */
    patch: (kind: Kind, name: string, body: object, subresource = '') =>
      client.request<KubeObject>({
        method: 'PATCH',
        path: `${pathOf(kind, namespace, name)}${subresource}`,
        contentType: 'application/merge-patch+json',
        body,
      }),
    async remove(kind: Kind, name: string, propagationPolicy: 'Background' | 'Orphan' = 'Background') {
      const body = { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy }
      await client.request({ method: 'DELETE', path: pathOf(kind, namespace, name), body })
    },
  }
}

export function templateOf(deployment: KubeObject): KubeObject {
  return (deployment['spec'] as { template: KubeObject }).template
}

export function imageOf(pod: KubeObject): string | undefined {
  return (pod['spec'] as { containers: { image: string }[] }).containers[0]?.image
}

/** A clock that runs so many times as fast as a real one, and is ahead of it by so much. */
export function hurriedClock(pace: number, aheadMs = 0): Clock {
  const startMs = Date.now()
  const beganMs = performance.now()
  return {
    nowMs: () => Math.floor(startMs + aheadMs + (performance.now() - beganMs) * pace),
    setTimeout: (act, ms) => setTimeout(act, ms / pace),
    clearTimeout: (timer) => clearTimeout(timer),
  }
}

export interface AuditLine {
  readonly verb: string
  readonly uri: string
  readonly code: number
}

interface AuditEvent {
  readonly stage: string
  readonly verb: string
  readonly requestURI: string
  readonly userAgent?: string
  readonly responseStatus?: { readonly code: number }
}

function auditOf(plane: ControlPlane, agent: string): AuditLine[] {
  if (plane.auditLog === undefined) throw new Error('the control plane of this test writes no audit log')
  return readFileSync(plane.auditLog, 'utf8')
    .split('\n')
    .flatMap((line): AuditEvent[] => (line.endsWith('}') ? [JSON.parse(line) as AuditEvent] : []))
    .filter(({ stage, userAgent }) => stage === 'ResponseComplete' && userAgent === agent)
    .map(({ verb, requestURI, responseStatus }) => ({ verb, uri: requestURI, code: responseStatus?.code ?? 0 }))
}

export type LogLine = Readonly<Record<string, unknown>> & { readonly msg: string }
export type Operator = Awaited<ReturnType<typeof startOperator>>

function agentOf(namespace: string): string {
  return `marketprism-operator/${namespace}`
}

async function startOperator(plane: ControlPlane, namespace: string, options: OperatorOptions, lines: LogLine[]) {
  const { config = plane.config(), image = 'marketprism:test', namespaces = [namespace], through } = options
  const direct = await openClient({ config, userAgent: agentOf(namespace), fieldManager: 'marketprism-operator' })
  const client = through === undefined ? direct : through(direct)
  const recorder = openRecorder({ client, component: 'marketprism-operator', instance: 'test' })
  const write = (line: string) => {
    lines.push(JSON.parse(line) as LogLine)
    if (process.env['LOG_LEVEL'] !== undefined) process.stderr.write(line)
  }
  const controller = openController({
    client,
    namespaces,
    facts: { image, allowedImages: ['marketprism:*'], clusterRanges: [], operatorNamespace: namespace },
    recorder,
    counts: openCounts(),
    log: pino({ level: process.env['LOG_LEVEL'] ?? 'info' }, { write }),
    identity: 'test',
    leadingSinceMs: () => -Infinity,
    ...options.more,
  })
  await controller.whenSynced()
  const running = controller.run()
  return {
    controller,
    recorder,
    async close() {
      await controller.close()
      await running
      await recorder.flush()
      await direct.close()
    },
  }
}
