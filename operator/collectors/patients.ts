// Collectors as healing looks at them.
import type { Patient } from '../healing/healer.ts'
import { keyOf, type KubeObject } from '../kube/objects.ts'
import { publishingsOf } from './publishing.ts'
import type { World } from './world.ts'

/** Those whose manifest has no faults: of the others nothing is known that could be acted upon. */
export function patients(collectors: readonly KubeObject[], world: World): Patient[] {
  return collectors.flatMap((object): Patient[] => {
    const { spec } = world.manifests.of(object)
    if (spec === undefined) return []
    const { name, namespace = '', uid = '', generation = 0, deletionTimestamp } = object.metadata
    const objects = world.owned.of(uid)
    return [
      {
        object,
        owner: { name, namespace, uid, generation, spec },
        isDeleting: deletionTimestamp !== undefined,
        change: changing(object['status'], generation) ? 'what is wanted has changed' : undefined,
        deployments: publishingsOf(objects.values()).map((one) => one.object),
        pods: world.owned.podsOf(keyOf(object)),
        summaryOf: (podUid) => {
          const seen = world.observed(podUid)
          return seen === undefined ? undefined : { ageMs: seen.ageMs, said: seen.summary }
        },
      },
    ]
  })
}

function changing(status: unknown, generation: number): boolean {
  return (status as { observedGeneration?: number } | undefined)?.observedGeneration !== generation
}
