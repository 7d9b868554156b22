// Everything that a Collector is in the cluster, in the order in which it is applied: what pods need comes before them.
//
// In: the Collector, what the operator was told, the plan of the shards. Out: the objects, and why they may not be
// applied. Always: the same for the same; each has an owner and our labels. Never: reads the cluster.
import type { KubeObject } from '../kube/objects.ts'
import { configMap } from './config-map.ts'
import { deployment } from './deployment.ts'
import { refusedEndpoints } from './destinations.ts'
import { disruptionBudget } from './disruption-budget.ts'
import type { ClusterFacts, Desired, Owner } from './facts.ts'
import { refusedFolder } from './folder.ts'
import { service } from './headless-service.ts'
import { refusedImage } from './images.ts'
import { PUBLISHERS, type Publisher } from './labels.ts'
import { networkPolicy } from './network-policy.ts'
import { podMonitor, wantsPodMonitor } from './pod-monitor.ts'
import { serviceAccount } from './service-account.ts'
import { volumeClaim, volumeOf } from './volume-claim.ts'

/** All objects of a Collector. */
export function objectsOf(desired: Desired): KubeObject[] {
  const { owner, facts, shards } = desired
  const { spec } = owner
  const publishers = publishersOf(spec)
  return [
    // Unless the spec names an account.
    ...when(spec.serviceAccount === undefined, () => [serviceAccount(desired)]),
    // Always. Before the first pod, so that none runs without it.
    networkPolicy(desired),
    // Always.
    service(desired),
    // For each shard with two publishers.
    ...when(publishers.length > 1, () => shards.map((shard) => disruptionBudget(desired, shard))),
    // For each shard.
    ...shards.map((shard) => configMap(desired, shard)),
    // For each publisher of each shard, where files are written to volumes.
    ...when(volumeOf(owner) !== undefined, () => each(desired, volumeClaim)),
    // For each publisher of each shard.
    ...each(desired, deployment),
    // Where alerts or dashboards are on, and the API is there.
    ...when(facts.apis.podMonitor && wantsPodMonitor(owner), () => [podMonitor(desired)]),
  ]
}

/** Publishers of each shard, in the order in which they roll. */
export function publishersOf({ redundancy }: Pick<Owner['spec'], 'redundancy'>): readonly Publisher[] {
  return PUBLISHERS.slice(0, redundancy)
}

/** Why nothing of this Collector may be applied, each a sentence that says what to write. */
export function refusals(spec: Owner['spec'], facts: ClusterFacts): string[] {
  return [refusedImage(spec, facts), refusedFolder(spec), ...refusedEndpoints(spec, facts)].filter(
    (sentence) => sentence !== undefined,
  )
}

function when(wanted: boolean, objects: () => KubeObject[]): KubeObject[] {
  return wanted ? objects() : []
}

function each(
  desired: Desired,
  make: (desired: Desired, shard: Desired['shards'][number], publisher: Publisher) => KubeObject,
): KubeObject[] {
  const publishers = publishersOf(desired.owner.spec)
  return desired.shards.flatMap((shard) => publishers.map((publisher) => make(desired, shard, publisher)))
}
