// The cluster around the processes: a real API server and controller manager, the real operator as a process, and a
// kubelet whose answers come from the processes: ready is what /readyz says, restarts are those that happened.
import { setTimeout as pause } from 'node:timers/promises'
import { COLLECTOR } from '../../../operator/collectors/kinds.ts'
import { type KubeClient, openClient } from '../../../operator/kube/client.ts'
import { type KubeObject, pathOf, POD } from '../../../operator/kube/objects.ts'
import { LABEL } from '../../../operator/resources/labels.ts'
import { type ControlPlane, startControlPlane } from '../../kubernetes/controlplane.ts'
import { type Fate, startKubelet } from '../../kubernetes/kubelet.ts'
import { startOperatorProcess } from '../../kubernetes/operator.ts'
import { freePorts } from '../../kubernetes/processes.ts'
import type { Target } from './watch.ts'

/** Where the Collectors of the table are. */
export const NAMESPACE = 'faults'
const IMAGE = 'marketprism:test'
/** No node could ever run it. */
export const BROKEN_IMAGE = 'marketprism:broken'
const LOOK_MS = 1_000
const POD_MS_MAX = 90_000

export interface Cluster extends AsyncDisposable {
  readonly plane: ControlPlane
  /** The operator that all Collectors have. */
  readonly operator: Target
  /** Who says how the pods of a Collector are; without an answer they are not ready. */
  readonly fates: Map<string, (pod: KubeObject) => Fate>
  apply(name: string, spec: object): Promise<void>
  /** A merge patch of its spec. */
  patch(name: string, spec: object): Promise<void>
  /** The name of the pod of a publisher, once there is one. */
  podName(collector: string, publisher: string): Promise<string>
  remove(name: string): Promise<void>
}

/** @throws ToolMissing where there is no API server */
export async function openCluster(): Promise<Cluster> {
  await using open = new AsyncDisposableStack()
  const plane = open.use(await startControlPlane({ controllerManager: true }))
  await plane.installCrds()
  await plane.request('POST', '/api/v1/namespaces', { metadata: { name: NAMESPACE } })
  const client = await openClient({ config: plane.config(), userAgent: 'faults', fieldManager: 'faults' })
  open.defer(() => client.close())
  const fates: Cluster['fates'] = new Map()
  const kubelet = open.use(startKubelet(client, NAMESPACE))
  const decide = (pod: KubeObject) => fateOf(pod, fates)
  const timer = setInterval(() => kubelet.decide(decide), LOOK_MS)
  open.defer(() => clearInterval(timer))
  const [metricsPort = 0] = await freePorts(1)
  open.use(await startOperatorProcess({ plane, image: IMAGE, namespaces: [NAMESPACE], metricsPort }))
  const labels = { job: 'operator', namespace: 'marketprism-system', pod: 'operator' }
  const all = open.move()
  return {
    plane,
    operator: { address: `127.0.0.1:${metricsPort}`, labels, honorLabels: true },
    fates,
    ...handsOn(client),
    [Symbol.asyncDispose]: () => all.disposeAsync(),
  }
}

function fateOf(pod: KubeObject, fates: Cluster['fates']): Fate {
  const { containers } = pod['spec'] as { readonly containers: readonly { readonly image: string }[] }
  if (containers.some(({ image }) => image === BROKEN_IMAGE)) return { waiting: 'ImagePullBackOff' }
  return fates.get(pod.metadata.labels?.[LABEL.instance] ?? '')?.(pod) ?? 'unready'
}

function handsOn(client: KubeClient): Pick<Cluster, 'apply' | 'patch' | 'podName' | 'remove'> {
  return {
    async apply(name, spec) {
      const metadata = { name, namespace: NAMESPACE }
      await client.apply(COLLECTOR, { apiVersion: 'marketprism.io/v1alpha1', kind: 'Collector', metadata, spec })
    },
    async patch(name, spec) {
      const path = pathOf(COLLECTOR, NAMESPACE, name)
      await client.request({ method: 'PATCH', path, contentType: 'application/merge-patch+json', body: { spec } })
    },
    async podName(collector, publisher) {
      const labelSelector = `${LABEL.instance}=${collector},${LABEL.publisher}=${publisher}`
      for (const end = Date.now() + POD_MS_MAX; Date.now() < end; await pause(200)) {
        const { items } = await client.list<KubeObject>(POD, NAMESPACE, { labelSelector })
        if (items[0] !== undefined) return items[0].metadata.name
      }
      const object = await client.get<KubeObject>(COLLECTOR, NAMESPACE, collector)
      throw new Error(`the operator made no pod of ${collector}: ${JSON.stringify(object?.['status'])}`)
    },
    async remove(name) {
      const body = { apiVersion: 'v1', kind: 'DeleteOptions', propagationPolicy: 'Background' }
      await client.request({ method: 'DELETE', path: pathOf(COLLECTOR, NAMESPACE, name), body })
    },
  }
}
