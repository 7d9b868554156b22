// Which of a Collector's objects go, since they are wanted no more. Pure.
//
// Always: only what carries our owner reference (that is what `objects` holds). A ConfigMap of a shard stays while a pod or
// a Deployment may start again with it, so an old pod reads its own version. A volume claim is never pruned: it holds data.
// Nor is what belongs to an API that cannot be used now, since it is not known what is there.
import type { KubeObject } from '../kube/objects.ts'
import type { Wish } from './desire.ts'
import { OPTIONAL } from './kinds.ts'
import { idOf } from './owned.ts'
import { configsInUse } from './publishing.ts'
import type { Seen } from './observe.ts'

const KEPT = new Set(['PersistentVolumeClaim'])

export function pruned(
  { objects, publishings, pods }: Pick<Seen, 'objects' | 'publishings' | 'pods'>,
  wish: Pick<Wish, 'objects' | 'apis'>,
): KubeObject[] {
  const wanted = new Set(wish.objects.map(idOf))
  const unusable = new Set(
    Object.entries(OPTIONAL).flatMap(([name, { kind }]) => (wish.apis[name as keyof typeof OPTIONAL] ? [] : [kind])),
  )
  const inUse = configsInUse(pods)
  for (const { configName } of publishings) if (configName !== undefined) inUse.add(configName)
  return [...objects.values()].filter((object) => {
    if (wanted.has(idOf(object)) || KEPT.has(object.kind) || unusable.has(object.kind)) return false
    return !(object.kind === 'ConfigMap' && inUse.has(object.metadata.name))
  })
}
