// Where the pods of a shard may run, and where they would rather not.
//
// Always: what the user says of a field stands; ours comes beside it, as preference, so that a small cluster runs all.
import type { Owner, Shard } from './facts.ts'
import { LABEL, PUBLISHERS, type Publisher, collectorSelector } from './labels.ts'
import { given } from './metadata.ts'

const HOST = 'kubernetes.io/hostname'
const ZONE = 'topology.kubernetes.io/zone'
/** A node that is lost is given up after this; Kubernetes itself waits for five minutes. */
const LOST_NODE_SECONDS = 15
const LOST_NODE_TAINTS = ['node.kubernetes.io/not-ready', 'node.kubernetes.io/unreachable']

type Toleration = NonNullable<Owner['spec']['tolerations']>[number]
type Affinity = NonNullable<Owner['spec']['affinity']>

/** The fields of a pod that place it. */
export function placement({ name, spec }: Owner, shard: Shard, publisher: Publisher): object {
  // A constraint without a selector would count no pod at all.
  const spread = (spec.topologySpreadConstraints ?? []).map((constraint) => ({
    ...constraint,
    labelSelector: constraint.labelSelector ?? { matchLabels: collectorSelector(name) },
  }))
  return given({
    tolerations: tolerations(spec.tolerations),
    affinity: affinity(spec.affinity, spec.redundancy > 1 ? apart(name, shard.index, publisher) : undefined, shard),
    topologySpreadConstraints: spread,
  })
}

/** Those of the user, and ours for lost nodes where the user says nothing of them: of two the shorter would count. */
function tolerations(own: readonly Toleration[] = []): Toleration[] {
  const ours = LOST_NODE_TAINTS.filter((taint) => !own.some((toleration) => covers(toleration, taint)))
  return [
    ...own,
    ...ours.map((key): Toleration => {
      return { key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds: LOST_NODE_SECONDS }
    }),
  ]
}

function covers({ key, effect }: Toleration, taint: string): boolean {
  return (key ?? taint) === taint && (effect ?? 'NoExecute') === 'NoExecute'
}

function affinity(
  own: Affinity | undefined,
  podAntiAffinity: Affinity['podAntiAffinity'],
  { avoidNodes = [] }: Pick<Shard, 'avoidNodes'>,
): object {
  return given({
    ...own,
    nodeAffinity: elsewhere(own?.nodeAffinity, avoidNodes),
    podAntiAffinity: own?.podAntiAffinity ?? podAntiAffinity,
  })
}

/** Off the nodes from which healing took it. Preferred: a node that is bad is better than none. */
function elsewhere(own: Affinity['nodeAffinity'], nodes: readonly string[]): object | undefined {
  if (nodes.length === 0) return own
  const avoided = nodes.map((node) => ({
    weight: 100,
    preference: { matchFields: [{ key: 'metadata.name', operator: 'NotIn', values: [node] }] },
  }))
  const preferred = [...(own?.preferredDuringSchedulingIgnoredDuringExecution ?? []), ...avoided]
  return { ...own, preferredDuringSchedulingIgnoredDuringExecution: preferred }
}

/**
 * Away from the shard's other publisher, by node and then by zone. Only from the other: were its own old pod counted, a
 * rollout in a cluster of two nodes would bring both publishers together.
 */
function apart(collector: string, shard: number, publisher: Publisher): NonNullable<Affinity['podAntiAffinity']> {
  const others = PUBLISHERS.filter((each) => each !== publisher)
  const labelSelector = {
    matchLabels: { ...collectorSelector(collector), [LABEL.shard]: String(shard) },
    matchExpressions: [{ key: LABEL.publisher, operator: 'In' as const, values: [...others] }],
  }
  return {
    preferredDuringSchedulingIgnoredDuringExecution: [
      { weight: 100, podAffinityTerm: { topologyKey: HOST, labelSelector } },
      { weight: 50, podAffinityTerm: { topologyKey: ZONE, labelSelector } },
    ],
  }
}
