// What the operator would make of a manifest. Pure: the same functions as in the operator.
//
// In: a Collector, the facts, and what there is of it in the cluster, if anything. Out: the objects, the shards, what
// is refused. Never: asks anyone.
import type { Collector } from '../../crds/collector.ts'
import { type Basis, currentOf, patternChannels, wishFrom } from '../collectors/desire.ts'
import type { Wish } from '../collectors/desire.ts'
import { idOf } from '../collectors/owned.ts'
import { pruned } from '../collectors/prune.ts'
import { publishingsOf } from '../collectors/publishing.ts'
import type { Status } from '../collectors/status.ts'
import { avoidedNodes } from '../healing/history.ts'
import { historyOf } from '../healing/entries.ts'
import type { Summary } from '../healing/summary.ts'
import { controllerOf, type KubeObject } from '../kube/objects.ts'
import { SHARED } from '../monitoring/dashboard.ts'
import type { ClusterFacts, Owner } from '../resources/facts.ts'
import { refusals } from '../resources/index.ts'

/** What there is of a Collector. */
export interface There {
  readonly collector: KubeObject | undefined
  /** Objects with our labels, whoever owns them. */
  readonly objects: readonly KubeObject[]
  readonly pods: readonly KubeObject[]
  readonly summaries: ReadonlyMap<string, Summary>
  readonly nowMs: number
}

export interface Planned {
  readonly owner: Owner
  readonly shards: Wish['shards']
  /** In the order in which they are applied. */
  readonly objects: readonly KubeObject[]
  /** Those that are wanted no more. */
  readonly removed: readonly KubeObject[]
  /** Why the operator would apply nothing of it. */
  readonly refusals: readonly string[]
  readonly monitoring: Wish['monitoring']
  /** Objects of the Collector that there are, by `Kind/name`. */
  readonly live: ReadonlyMap<string, KubeObject>
}

const NOBODY: There = { collector: undefined, objects: [], pods: [], summaries: new Map(), nowMs: 0 }

/** The plan of a manifest; without `there`, as for a Collector that is new. */
export function planned(collector: Collector, facts: ClusterFacts, namespace: string, there: There = NOBODY): Planned {
  const owner = ownerOf(collector, namespace, there)
  const mine = there.objects.filter((object) => controllerOf(object)?.uid === owner.uid)
  const live = new Map(mine.map((object) => [idOf(object), object]))
  const publishings = publishingsOf(mine)
  const current = currentOf({ owner, publishings, objects: live })
  const observed = (uid: string) => {
    const summary = there.summaries.get(uid)
    return summary === undefined ? undefined : { summary, ageMs: 0 }
  }
  const status = there.collector?.['status'] as Status | undefined
  const history = historyOf(status?.healing?.actions, there.nowMs)
  const basis: Basis = {
    owner,
    facts,
    current,
    patternChannels:
      publishings.length === 0 ? undefined : patternChannels({ publishings, pods: there.pods }, { observed }),
    // What a pass would come to, also where the operator still waits with it.
    sinceMs: Infinity,
    avoidedNodes: (shard) => avoidedNodes(history, shard, there.nowMs),
    // A new one may find the dashboards of its namespace there, with another Collector.
    isFirst: live.has(idOf({ kind: 'ConfigMap', metadata: { name: `${owner.name}-${SHARED[0]}` } })),
  }
  const wish = wishFrom(basis)
  const removed = pruned({ objects: live, publishings, pods: there.pods }, wish)
  return { owner, ...wish, removed, refusals: refusals(owner.spec, facts), live }
}

function ownerOf({ metadata, spec }: Collector, namespace: string, { collector }: There): Owner {
  const { uid = `(uid of Collector ${metadata.name})`, generation = 1 } = collector?.metadata ?? {}
  return { name: metadata.name, namespace, uid, generation, spec }
}
