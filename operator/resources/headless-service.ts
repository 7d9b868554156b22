// A name in DNS for each pod of a Collector: for whoever asks for metrics or status without the PodMonitor.
//
// Always: headless, so no address of the cluster is used up, and a scraper sees each pod. Pods that are not ready are
// listed, too: what they say is why.
import type { KubeObject } from '../kube/objects.ts'
import type { Desired } from './facts.ts'
import { collectorSelector } from './labels.ts'
import { metadataOf } from './metadata.ts'
import { PORT } from './pod.ts'

export function service({ owner }: Desired): KubeObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: metadataOf(owner, owner.name),
    spec: {
      type: 'ClusterIP',
      clusterIP: 'None',
      publishNotReadyAddresses: true,
      selector: collectorSelector(owner.name),
      ports: [{ name: PORT.name, port: PORT.number, targetPort: PORT.name, protocol: 'TCP', appProtocol: 'http' }],
    },
  }
}
