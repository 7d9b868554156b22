// Stands in for nodes where only the control plane runs: gives pods the status that a kubelet would give them.
//
// In: a control plane with the controller manager. Out: pods that are ready, unless the test says otherwise. Never: a
// process; what needs one is tested in kind.
import type { KubeClient } from '../../operator/kube/client.ts'
import { openInformer } from '../../operator/kube/informer.ts'
import { type KubeObject, pathOf, POD } from '../../operator/kube/objects.ts'

/** What becomes of a pod: ready, never ready, or waiting for the reason given, after so many restarts. */
export type Fate = 'ready' | 'unready' | { readonly waiting: string; readonly restarts?: number }

export interface Kubelet extends AsyncDisposable {
  /** Decides anew on every pod, those that are there included. */
  decide(fate: (pod: KubeObject) => Fate): void
}

export interface KubeletOptions {
  /** The address that a pod is given: none by default. */
  readonly address?: () => string
}

export function startKubelet(client: KubeClient, namespace: string, { address }: KubeletOptions = {}): Kubelet {
  let fate: (pod: KubeObject) => Fate = () => 'ready'
  const settle = (pod: KubeObject) => {
    if (pod.metadata.deletionTimestamp !== undefined) return
    const { podIP = address?.() } = (pod['status'] ?? {}) as { podIP?: string }
    const ips = podIP === undefined ? {} : { podIP, podIPs: [{ ip: podIP }] }
    const status = { ...statusOf(pod, fate(pod)), ...ips }
    if (JSON.stringify(gist(pod['status'])) === JSON.stringify(gist(status))) return
    const path = `${pathOf(POD, namespace, pod.metadata.name)}/status`
    // A pod that is gone by now needs no status.
    void client
      .request({ method: 'PATCH', path, body: { status }, contentType: 'application/merge-patch+json' })
      .catch(() => {})
  }
  const informer = openInformer<KubeObject>({
    client,
    kind: POD,
    namespace,
    onChange: ({ type, object }) => type !== 'deleted' && settle(object),
  })
  return {
    decide(next) {
      fate = next
      for (const pod of informer.list()) settle(pod)
    },
    [Symbol.asyncDispose]: () => informer.close(),
  }
}

interface Spec {
  readonly containers: readonly { readonly name: string; readonly image: string }[]
}

function statusOf(pod: KubeObject, fate: Fate): object {
  const isReady = fate === 'ready'
  const time = pod.metadata.creationTimestamp
  const state = typeof fate === 'object' ? { waiting: { reason: fate.waiting } } : { running: { startedAt: time } }
  return {
    phase: typeof fate === 'object' ? 'Pending' : 'Running',
    conditions: ['PodScheduled', 'Initialized', 'ContainersReady', 'Ready'].map((type) => ({
      type,
      status: isReady || type === 'PodScheduled' || type === 'Initialized' ? 'True' : 'False',
      lastTransitionTime: time,
    })),
    containerStatuses: (pod['spec'] as Spec).containers.map(({ name, image }) => ({
      name,
      image,
      imageID: '',
      ready: isReady,
      restartCount: typeof fate === 'object' ? (fate.restarts ?? 0) : 0,
      started: isReady,
      state,
    })),
  }
}

/** What of a status is ours. */
function gist(status: unknown): unknown {
  const {
    phase,
    conditions = [],
    containerStatuses = [],
  } = (status ?? {}) as {
    phase?: string
    conditions?: readonly { type: string; status: string }[]
    containerStatuses?: readonly { ready: boolean; restartCount: number; state?: { waiting?: { reason?: string } } }[]
  }
  return [
    phase,
    conditions.find(({ type }) => type === 'Ready')?.status,
    containerStatuses.map(({ ready, restartCount, state }) => [ready, restartCount, state?.waiting?.reason]),
  ]
}
