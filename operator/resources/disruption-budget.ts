// What a drain may take away at once. Only a shard with two publishers has a budget: one of them goes, the other stays.
//
// Never: a budget over a single pod. It could not be met, and drains would hang (C015).
import type { KubeObject } from '../kube/objects.ts'
import type { Desired, Shard } from './facts.ts'
import { LABEL, collectorSelector, shardName } from './labels.ts'
import { metadataOf } from './metadata.ts'

/** One for each shard: under a common one a shard in trouble would hold up the drain of all others. */
export function disruptionBudget({ owner }: Desired, { index }: Shard): KubeObject {
  const shard = { [LABEL.shard]: String(index) }
  return {
    apiVersion: 'policy/v1',
    kind: 'PodDisruptionBudget',
    metadata: metadataOf(owner, shardName(owner.name, index), shard),
    spec: {
      maxUnavailable: 1,
      // A pod that crashes again and again keeps nothing running, so it must not keep a node from being drained.
      unhealthyPodEvictionPolicy: 'AlwaysAllow',
      selector: { matchLabels: { ...collectorSelector(owner.name), ...shard } },
    },
  }
}
