// The cluster of the end-to-end tests, and hands to look and to act in it as a user does: by kubectl.
//
// Always: what waits, waits for a condition, and fails with what it last saw. Never: a mock; a sleep.
import { isDeepStrictEqual } from 'node:util'
import { setTimeout as pause } from 'node:timers/promises'
import { inject } from 'vitest'
import { NAMESPACE } from '../../hack/demo/objects.ts'
import type { Tags } from '../../hack/deploy.ts'
import { type Forward, openForward } from '../../hack/kind/forward.ts'
import { type Cluster, currentCluster, openCluster } from '../../hack/kind/open.ts'
import { tool } from '../../hack/tools.ts'
import { observe, type Observer } from '../stored.ts'

declare module 'vitest' {
  interface ProvidedContext {
    /** Name of the kind cluster; empty for that of the current context. */
    readonly clusterName: string
    readonly tags: Tags
  }
}

export interface KubeItem {
  readonly kind: string
  readonly metadata: {
    readonly name: string
    readonly namespace?: string
    readonly uid: string
    readonly generation?: number
    readonly deletionTimestamp?: string
    readonly labels?: Readonly<Record<string, string>>
    readonly annotations?: Readonly<Record<string, string>>
  }
  readonly spec?: Readonly<Record<string, unknown>>
  readonly status?: Readonly<Record<string, unknown>>
}

export interface Condition {
  readonly type: string
  readonly status: string
  readonly reason: string
  readonly message: string
  readonly observedGeneration?: number
}

export const tags: Tags = inject('tags')
export const cluster: Cluster = await open(inject('clusterName'))

function open(name: string): Promise<Cluster> {
  return name === '' ? currentCluster() : openCluster({ name, say: () => {} })
}

const POLL_MS = 250

/** Waits until `look` gives something. @throws Error with what it last saw, or why it could not look */
export async function until<T>(
  what: string,
  seconds: number,
  look: () => Promise<T | undefined | false>,
  state: () => Promise<unknown> = async () => '',
): Promise<T> {
  let failed: unknown
  for (const deadline = performance.now() + seconds * 1000; ; await pause(POLL_MS)) {
    try {
      const found = await look()
      if (found !== undefined && found !== false) return found
      failed = undefined
    } catch (error) {
      failed = error
    }
    if (performance.now() > deadline) {
      const seen = failed ?? (await state().catch((error: Error) => error.message))
      throw new Error(`not within ${seconds} s: ${what}\n${typeof seen === 'string' ? seen : show(seen)}`)
    }
  }
}

function show(value: unknown): string {
  return value instanceof Error ? value.message : JSON.stringify(value, null, 1)
}

/** kubectl in the namespace of the tests. */
export function kubectl(...args: string[]): Promise<string> {
  return cluster.kubectl(['--namespace', NAMESPACE, ...args])
}

/** kubectl, and what it says where it refuses. @throws Error where it does not refuse */
export async function refused(args: readonly string[], input?: string): Promise<string> {
  const said = await cluster.kubectl(['--namespace', NAMESPACE, ...args], input).then(
    (out) => ({ out }),
    (error: Error) => ({ refusal: error.message }),
  )
  if ('refusal' in said) return said.refusal
  throw new Error(`kubectl ${args.join(' ')} was to fail, and said ${said.out}`)
}

export async function apply(...items: readonly object[]): Promise<void> {
  const list = { apiVersion: 'v1', kind: 'List', items }
  await cluster.kubectl(['apply', '--server-side', '--force-conflicts', '-f', '-'], JSON.stringify(list))
}

/** An object; undefined where there is none. */
export async function get(kind: string, name: string): Promise<KubeItem | undefined> {
  const text = await kubectl('get', kind, name, '--ignore-not-found', '-o', 'json')
  return text.trim() === '' ? undefined : (JSON.parse(text) as KubeItem)
}

export async function list(kind: string, selector = ''): Promise<KubeItem[]> {
  const text = await kubectl('get', kind, '--selector', selector, '-o', 'json')
  return (JSON.parse(text) as { items: KubeItem[] }).items
}

export async function merge(kind: string, name: string, patch: object): Promise<void> {
  await kubectl('patch', kind, name, '--type=merge', '--patch', JSON.stringify(patch))
}

export interface Pod {
  readonly name: string
  readonly namespace: string
  readonly uid: string
  readonly node: string
  readonly ip: string
  readonly isReady: boolean
  readonly restarts: number
  readonly containerId: string
  readonly image: string
  readonly labels: Readonly<Record<string, string>>
}

interface PodStatus {
  readonly podIP?: string
  readonly conditions?: readonly { readonly type: string; readonly status: string }[]
  readonly containerStatuses?: readonly {
    readonly restartCount: number
    readonly containerID?: string
  }[]
}

/** Pods that are not on their way out. */
export async function pods(selector: string, namespace: string = NAMESPACE): Promise<Pod[]> {
  const text = await cluster.kubectl(['--namespace', namespace, 'get', 'pods', '--selector', selector, '-o', 'json'])
  const { items } = JSON.parse(text) as { items: KubeItem[] }
  return items
    .filter(({ metadata }) => metadata.deletionTimestamp === undefined)
    .map(({ metadata, spec, status }) => {
      const { podIP = '', conditions = [], containerStatuses = [] } = (status ?? {}) as PodStatus
      const [container] = containerStatuses
      return {
        name: metadata.name,
        namespace,
        uid: metadata.uid,
        node: (spec?.['nodeName'] as string | undefined) ?? '',
        ip: podIP,
        isReady: conditions.some(({ type, status: is }) => type === 'Ready' && is === 'True'),
        restarts: container?.restartCount ?? 0,
        containerId: container?.containerID?.replace(/^.*:\/\//, '') ?? '',
        // The status may name another tag of the same image.
        image: (spec?.['containers'] as readonly { readonly image: string }[] | undefined)?.[0]?.image ?? '',
        labels: metadata.labels ?? {},
      }
    })
    .toSorted((a, b) => (a.name < b.name ? -1 : 1))
}

/** Selects the pods of a Collector. */
export function podsOf(collector: string): Promise<Pod[]> {
  return pods(`app.kubernetes.io/name=marketprism,app.kubernetes.io/instance=${collector}`)
}

/** What tells whether a pod was replaced or its container started again. */
export function lives(all: readonly Pod[]): string[] {
  return all.map(({ name, uid, restarts }) => `${name} ${uid} restarted ${restarts} times`)
}

/** Deployments of a Collector by name, as they are to be told apart from changed ones. */
export async function deployments(collector: string): Promise<Map<string, KubeItem>> {
  const all = await list('deployments', `app.kubernetes.io/instance=${collector}`)
  return new Map(all.map((one) => [one.metadata.name, one] as const).toSorted(([a], [b]) => (a < b ? -1 : 1)))
}

/** Names of the Deployments whose spec differs. */
export function changedNames(before: ReadonlyMap<string, KubeItem>, now: ReadonlyMap<string, KubeItem>): string[] {
  return [...new Set([...before.keys(), ...now.keys()])].filter((name) => {
    return !isDeepStrictEqual(before.get(name)?.spec, now.get(name)?.spec)
  })
}

export async function condition(collector: string, type: string): Promise<Condition | undefined> {
  const found = await get('collector', collector)
  return ((found?.status?.['conditions'] ?? []) as Condition[]).find((one) => one.type === type)
}

/** Waits until what runs of a Collector is what its manifest says, all of it ready. */
export async function settled(collector: string, seconds: number): Promise<void> {
  await until(
    `Collector ${collector} is ready and settled`,
    seconds,
    async () => {
      const found = await get('collector', collector)
      const conditions = (found?.status?.['conditions'] ?? []) as Condition[]
      const holds = (type: string, reason: string) =>
        conditions.some(
          (one) => one.type === type && one.reason === reason && one.observedGeneration === found?.metadata.generation,
        )
      return holds('Ready', 'AllShardsReady') && holds('Progressing', 'Settled')
    },
    async () =>
      (await kubectl('get', 'collector', collector, '-o', 'yaml')) + (await kubectl('get', 'pods', '-o', 'wide')),
  )
}

/** The command that reaches the cluster. */
async function command(): Promise<[string, ...string[]]> {
  return [await tool('kubectl'), '--kubeconfig', cluster.kubeconfig, '--context', cluster.context]
}

/** A port of the cluster on this machine, for as long as `use` takes. */
export async function forwarded<T>(to: string, port: number, use: (address: string) => Promise<T>): Promise<T> {
  const forward: Forward = await openForward({ kubectl: await command(), namespace: NAMESPACE, to, port })
  try {
    return await use(forward.address)
  } finally {
    forward.close()
  }
}

/** A client of the NATS server, for as long as `use` takes. */
export function withNats<T>(use: (observer: Observer, url: string) => Promise<T>): Promise<T> {
  return forwarded('service/nats', 4222, async (address) => {
    await using observer = await observe(`nats://${address}`, { timeout: 10_000, maxReconnectAttempts: 0 })
    return await use(observer, `nats://${address}`)
  })
}

/** Messages under a subject. */
export function countOf(stream: string, subject: string): Promise<number> {
  return withNats(async ({ jsm }) => {
    const { state } = await jsm.streams.info(stream, { subjects_filter: subject })
    return Object.values(state.subjects ?? {}).reduce((sum, count) => sum + count, 0)
  })
}

/** Removes a stream, if it is there. */
export function removeStream(name: string): Promise<void> {
  return withNats(async ({ jsm }) => {
    for await (const stream of jsm.streams.names()) if (stream === name) await jsm.streams.delete(name)
  })
}

/** Names of the nodes on which pods may run, sorted. */
export async function workers(): Promise<string[]> {
  const { items } = JSON.parse(await cluster.kubectl(['get', 'nodes', '-o', 'json'])) as { items: KubeItem[] }
  return items
    .filter(({ spec }) => {
      const taints = (spec?.['taints'] ?? []) as readonly { readonly key: string; readonly effect: string }[]
      return !taints.some(({ key, effect }) => effect === 'NoSchedule' && key !== 'node.kubernetes.io/unschedulable')
    })
    .map(({ metadata }) => metadata.name)
    .toSorted()
}
