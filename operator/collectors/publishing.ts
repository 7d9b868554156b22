// What is to be known of a Collector's Deployments and pods, read from their objects. Pure.
import type { KubeObject } from '../kube/objects.ts'
import { LABEL, PUBLISHERS, type Publisher } from '../resources/labels.ts'

/** A Deployment: one publisher of one shard. */
export interface Publishing {
  readonly name: string
  readonly shard: number
  readonly publisher: Publisher
  readonly object: KubeObject
  /** Name of the ConfigMap that its template mounts. */
  readonly configName: string | undefined
  /** Whether the controller has seen the template, and only pods of it are left and ready. */
  readonly isSettled: boolean
  /** Whether pods of this template have not replaced all others yet; a pod that fails afterwards is no rollout. */
  readonly isRolling: boolean
  /** Pods that are ready, of whatever template. */
  readonly ready: number
}

interface DeploymentStatus {
  readonly observedGeneration?: number
  readonly replicas?: number
  readonly updatedReplicas?: number
  readonly readyReplicas?: number
  readonly availableReplicas?: number
  readonly conditions?: readonly { readonly type: string; readonly reason?: string }[]
}

interface PodTemplate {
  readonly spec?: {
    readonly volumes?: readonly { readonly name: string; readonly configMap?: { readonly name?: string } }[]
  }
}

/** Name of the volume that holds the document of the shard. */
export const CONFIG_VOLUME = 'config'

/** The Deployments among a Collector's objects, by shard and publisher. */
export function publishingsOf(objects: Iterable<KubeObject>): Publishing[] {
  return [...objects]
    .filter(({ kind }) => kind === 'Deployment')
    .flatMap((object) => {
      const labels = object.metadata.labels ?? {}
      const shard = Number(labels[LABEL.shard])
      const publisher = PUBLISHERS.find((one) => one === labels[LABEL.publisher])
      if (publisher === undefined || !Number.isInteger(shard)) return []
      return [publishing(object, shard, publisher)]
    })
    .toSorted((a, b) => a.shard - b.shard || (a.publisher < b.publisher ? -1 : 1))
}

function publishing(object: KubeObject, shard: number, publisher: Publisher): Publishing {
  const { template, replicas = 1 } = object['spec'] as { template?: PodTemplate; replicas?: number }
  const status = (object['status'] ?? {}) as DeploymentStatus
  const { conditions = [] } = status
  const isSeen = (status.observedGeneration ?? 0) >= (object.metadata.generation ?? 1)
  const isMade = (status.updatedReplicas ?? 0) === replicas && (status.replicas ?? 0) === replicas
  return {
    name: object.metadata.name,
    shard,
    publisher,
    object,
    configName: template?.spec?.volumes?.find(({ name }) => name === CONFIG_VOLUME)?.configMap?.name,
    isSettled: isSeen && isMade && (status.availableReplicas ?? 0) === replicas,
    isRolling: !isSeen || !isMade || !conditions.some(({ reason }) => reason === 'NewReplicaSetAvailable'),
    ready: status.readyReplicas ?? 0,
  }
}

interface ContainerState {
  readonly waiting?: { readonly reason?: string; readonly message?: string }
}
interface PodStatus {
  readonly phase?: string
  readonly conditions?: readonly {
    readonly type: string
    readonly status: string
    readonly reason?: string
    readonly message?: string
  }[]
  readonly containerStatuses?: readonly {
    readonly state?: ContainerState
    readonly image?: string
    readonly restartCount?: number
  }[]
}

/** ConfigMaps that pods mount: an old one is kept while a pod may start again with it. */
export function configsInUse(pods: readonly KubeObject[]): Set<string> {
  const names = pods.flatMap(({ spec }) =>
    ((spec as PodTemplate['spec'])?.volumes ?? []).flatMap(({ configMap }) => configMap?.name ?? []),
  )
  return new Set(names)
}

/** Why a pod does not come up, for people: the kubelet's or the scheduler's word; undefined where nothing is known. */
export function troubleOf(pod: KubeObject): string | undefined {
  const status = (pod['status'] ?? {}) as PodStatus
  const [container] = status.containerStatuses ?? []
  const waiting = container?.state?.waiting
  if (waiting?.reason !== undefined && waiting.reason !== 'ContainerCreating' && waiting.reason !== 'PodInitializing') {
    const image = /Image/.test(waiting.reason) && container?.image ? ` ${container.image}` : ''
    return `${waiting.reason}${image}`
  }
  const scheduled = status.conditions?.find(({ type }) => type === 'PodScheduled')
  if (scheduled?.status === 'False') return `${scheduled.reason ?? 'Unschedulable'}: ${scheduled.message ?? ''}`.trim()
  return undefined
}

/** Whether the container of a pod ends again and again, so that the kubelet waits before it starts it. */
export function isCrashing(pod: KubeObject): boolean {
  const { containerStatuses = [] } = (pod['status'] ?? {}) as PodStatus
  return containerStatuses.some(({ state }) => state?.waiting?.reason === 'CrashLoopBackOff')
}

/** Index of the shard that a pod belongs to, and which publisher of it. */
export function placeOf(pod: KubeObject): { readonly shard: number; readonly publisher: string } {
  const labels = pod.metadata.labels ?? {}
  return { shard: Number(labels[LABEL.shard]), publisher: labels[LABEL.publisher] ?? '' }
}
