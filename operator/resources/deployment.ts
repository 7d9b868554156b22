// One Deployment for each publisher of a shard, always of one pod. What is scaled is the number of shards.
//
// Always: the new pod is live before the old one ends, and message ids drop the overlap. The exception is a pod with a
// volume, which two cannot have at once: the old one ends first, behind a gap that it announces.
// Never: owned template annotations as a whole, so `kubectl rollout restart` works and stays (C007).
import type { KubeObject } from '../kube/objects.ts'
import type { Desired, Shard } from './facts.ts'
import { LABEL, type Publisher, deploymentName, publisherSelector } from './labels.ts'
import { metadataOf } from './metadata.ts'
import { START_SECONDS, podTemplate } from './pod.ts'
import { volumeOf } from './volume-claim.ts'

/** Ready for so long before the old pod ends. Short: a pod that is ready has had data on every channel. */
const MIN_READY_SECONDS = 2
/** Behind the start of a slow pod, with time to find a node and to pull the image. */
const PROGRESS_SECONDS = 2 * START_SECONDS
/** Enough to see by hand what was before; what the operator wants comes back by itself. */
const REVISIONS = 2

const SURGE = { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1, maxUnavailable: 0 } }
const RECREATE = { type: 'Recreate' }

export function deployment(desired: Desired, shard: Shard, publisher: Publisher): KubeObject {
  const { owner } = desired
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: metadataOf(owner, deploymentName(owner.name, shard.index, publisher), {
      [LABEL.shard]: String(shard.index),
      [LABEL.publisher]: publisher,
    }),
    spec: {
      replicas: 1,
      revisionHistoryLimit: REVISIONS,
      progressDeadlineSeconds: PROGRESS_SECONDS,
      minReadySeconds: MIN_READY_SECONDS,
      strategy: volumeOf(owner) === undefined ? SURGE : RECREATE,
      selector: { matchLabels: publisherSelector(owner.name, shard.index, publisher) },
      template: podTemplate(desired, shard, publisher),
    },
  }
}
