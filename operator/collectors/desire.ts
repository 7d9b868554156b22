// What a Collector is to be in the cluster now: the plan of its shards, their documents, all objects.
//
// In: what was seen, what the pods say, what else the Collector needs. Out: objects and problems. Always: follows from
// what is observed, so a pass after a crash goes on where the last one was.
import { hashOf } from '../kube/apply.ts'
import type { KubeObject } from '../kube/objects.ts'
import { monitoringOf } from '../monitoring/index.ts'
import type { ClusterFacts, Desired, OptionalApis, Owner, Shard } from '../resources/facts.ts'
import { objectsOf, publishersOf, refusals } from '../resources/index.ts'
import { shardName } from '../resources/labels.ts'
import { contentsOf, shardDocument } from './config.ts'
import { TEMPLATE } from './kinds.ts'
import { idOf } from './owned.ts'
import { placeOf, type Publishing } from './publishing.ts'
import type { Seen } from './observe.ts'
import { versionProblems } from './served.ts'
import { type CurrentShard, shardPlan, target, wantedShards } from './shards.ts'
import type { Condition, Problem } from './status.ts'
import type { World } from './world.ts'

export interface Wish {
  readonly shards: readonly (Shard & { readonly name: string })[]
  /** In the order in which they are applied. */
  readonly objects: readonly KubeObject[]
  /** Which optional APIs there were for it. */
  readonly apis: OptionalApis
  readonly problems: readonly Problem[]
  /** Nothing may be applied: the manifest asks for what this operator may not do. */
  readonly isRefused: boolean
  readonly monitoring: Pick<Condition, 'status' | 'reason' | 'message'>
  /** When what it follows from is to be looked at again, ms from now. */
  readonly againMs: number | undefined
}

export async function desire(seen: Seen, world: World): Promise<Wish> {
  const { owner, key } = seen
  const facts = world.facts()
  const refused = refusals(owner.spec, facts)
  const needs = await world.needs.look(owner)
  const stream = refused.length === 0 && !needs.isForbidden ? world.streams.look(key, owner) : undefined
  const { shards, objects, apis, monitoring } = wishFrom(basisOf(seen, world, facts))
  const waits = [needs.againMs, world.streams.againMs(key)].filter((ms) => ms !== undefined)
  return {
    shards,
    objects,
    apis,
    problems: [
      ...refused.map((message) => ({ reason: 'Refused', message })),
      ...versionProblems(world.manifests.of(seen.object).unknown, facts.unserved ?? []),
      ...needs.problems,
      ...(stream === undefined ? [] : [stream]),
    ],
    isRefused: refused.length > 0 || needs.isForbidden,
    monitoring,
    againMs: waits.length === 0 ? undefined : Math.min(...waits),
  }
}

/** What the shards and objects of a Collector follow from. */
export interface Basis {
  readonly owner: Owner
  readonly facts: ClusterFacts
  /** What the shards hold now; none for a Collector that is new. */
  readonly current: readonly CurrentShard[]
  /** Channels that only patterns find; undefined where nobody has counted them. */
  readonly patternChannels: number | undefined
  /** For how long there have been so many shards. */
  readonly sinceMs: number
  readonly avoidedNodes: (shard: string) => string[]
  /** Whether it carries what its namespace has once. */
  readonly isFirst: boolean
  /** Its objects as they are, with what others say of them; nothing is known of them where left out. */
  readonly live?: readonly KubeObject[]
}

/** The shards and the objects. Pure: `kubectl marketprism plan` shows what a pass would apply. */
export function wishFrom({ owner, facts, ...basis }: Basis): Pick<Wish, 'shards' | 'objects' | 'apis' | 'monitoring'> {
  const { current, patternChannels: found, sinceMs } = basis
  const count = wantedShards(owner.spec, current.length, found, sinceMs)
  const plan = shardPlan({ spec: owner.spec, shards: count, current })
  const shards = target({ plan, current, redundancy: owner.spec.redundancy }).map((to) => {
    const name = shardName(owner.name, to.index)
    const avoidNodes = basis.avoidedNodes(name)
    return { ...shardDocument(owner, to), ...(avoidNodes.length === 0 ? {} : { avoidNodes }), name }
  })
  const desired: Desired = { owner, facts, shards, isFirst: basis.isFirst }
  const monitoring = monitoringOf(desired, basis.live)
  const objects = [...objectsOf(desired), ...monitoring.objects].map(marked)
  return { shards, objects, apis: facts.apis, monitoring: monitoring.condition }
}

/** A Deployment with the hash of its template, by which it is known whether an apply makes new pods. */
function marked(object: KubeObject): KubeObject {
  if (object.kind !== 'Deployment') return object
  const { template } = object['spec'] as { template: object }
  const annotations = { ...object.metadata.annotations, [TEMPLATE]: hashOf({ ...object, spec: template }) }
  return { ...object, metadata: { ...object.metadata, annotations } }
}

function basisOf(seen: Seen, world: World, facts: ClusterFacts): Basis {
  const { owner, key } = seen
  const current = currentOf(seen)
  return {
    owner,
    facts,
    current,
    patternChannels: patternChannels(seen, world),
    sinceMs: world.shardsSinceMs(key, current.length),
    avoidedNodes: (shard) => world.healing.avoidedNodes(key, shard),
    isFirst: world.isFirst(owner.namespace, owner.name),
    live: [...seen.objects.values()],
  }
}

/** What the shards hold, by the documents that their Deployments name. */
export function currentOf({
  owner,
  publishings,
  objects,
}: Pick<Seen, 'owner' | 'publishings' | 'objects'>): CurrentShard[] {
  const publishers = publishersOf(owner.spec).length
  return [...Map.groupBy(publishings, ({ shard }) => shard)].flatMap(([index, all]) => {
    // Publisher `a` changes first, so what it holds is what the shard is about to be.
    const [first] = all as [Publishing]
    const contents = contentsOf(textOf(objects, first.configName))
    if (contents === undefined) return []
    const isLive = all.every(({ isSettled, configName }) => isSettled && configName === first.configName)
    return [{ index, ...contents, isLive: isLive && all.length >= publishers }]
  })
}

function textOf(objects: ReadonlyMap<string, KubeObject>, configName = ''): string {
  const config = objects.get(idOf({ kind: 'ConfigMap', metadata: { name: configName } }))
  return Object.values((config?.['data'] ?? {}) as Record<string, string>)[0] ?? ''
}

/** Channels that only patterns find, as the pods count them; undefined until every shard has. */
export function patternChannels(
  { publishings, pods }: Pick<Seen, 'publishings' | 'pods'>,
  world: Pick<World, 'observed'>,
): number | undefined {
  const found = new Map<number, number>()
  for (const pod of pods) {
    const summary = world.observed(pod.metadata.uid ?? '')?.summary
    if (summary?.ready !== true) continue
    const { shard } = placeOf(pod)
    found.set(shard, Math.max(found.get(shard) ?? 0, summary.channels.found))
  }
  if (!publishings.every(({ shard }) => found.has(shard))) return undefined
  return [...found.values()].reduce((sum, count) => sum + count, 0)
}
