// Names and labels of all that belongs to a Collector. Selectors are immutable in a cluster, hence frozen here: a golden
// test holds them.
import { GROUP } from '../../crds/collector.ts'

/** Field manager, user agent and `managed-by`. */
export const MANAGER = 'marketprism-operator'

export const LABEL = {
  name: 'app.kubernetes.io/name',
  instance: 'app.kubernetes.io/instance',
  component: 'app.kubernetes.io/component',
  partOf: 'app.kubernetes.io/part-of',
  managedBy: 'app.kubernetes.io/managed-by',
  shard: `${GROUP}/shard`,
  publisher: `${GROUP}/publisher`,
} as const

/** Publishers of a shard, in the order in which they roll. */
export const PUBLISHERS = ['a', 'b'] as const
export type Publisher = (typeof PUBLISHERS)[number]

/** What an object of a Collector is labelled with; selects all of them. */
export function labelsOf(collector: string): Record<string, string> {
  return {
    [LABEL.name]: 'marketprism',
    [LABEL.instance]: collector,
    [LABEL.component]: 'collector',
    [LABEL.partOf]: 'marketprism',
    [LABEL.managedBy]: MANAGER,
  }
}

/** Selects the pods of a Collector. */
export function collectorSelector(collector: string): Record<string, string> {
  return { [LABEL.name]: 'marketprism', [LABEL.instance]: collector }
}

/** Selects the pods of one Deployment. */
export function publisherSelector(collector: string, shard: number, publisher: Publisher): Record<string, string> {
  return { ...collectorSelector(collector), [LABEL.shard]: String(shard), [LABEL.publisher]: publisher }
}

/** Selects one pod of each shard: for the scale subresource, as a string. */
export function scaleSelector(collector: string): string {
  const labels = { ...collectorSelector(collector), [LABEL.publisher]: PUBLISHERS[0] }
  return Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',')
}

/** Name of a shard, `majors-0`, and of its Deployment, `majors-0-a`. */
export function shardName(collector: string, shard: number): string {
  return `${collector}-${shard}`
}
export function deploymentName(collector: string, shard: number, publisher: Publisher): string {
  return `${collector}-${shard}-${publisher}`
}
