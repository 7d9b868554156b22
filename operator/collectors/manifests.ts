// What the manifests of Collectors say, checked once for each generation: passes and healing ask far more often than
// anybody edits, and to check one takes longer than all else that a look needs.
import type { Collector } from '../../crds/collector.ts'
import { checkStored, pathText } from '../../crds/faults.ts'
import { keyOf, type KubeObject } from '../kube/objects.ts'

/** A manifest that has been checked. */
export interface Manifest {
  /** Undefined where there are faults. */
  readonly spec: Collector['spec'] | undefined
  /** Each a clause that says where, and what to write instead. */
  readonly faults: readonly string[]
  /** Fields that this version does not know, and does without: `spec.novelty`. */
  readonly unknown: readonly string[]
}

interface Known extends Manifest {
  readonly uid: string
  readonly generation: number
}

export class Manifests {
  readonly #known = new Map<string, Known>()

  of(object: KubeObject): Manifest {
    const key = keyOf(object)
    const { uid = '', generation = 0 } = object.metadata
    const before = this.#known.get(key)
    if (before?.uid === uid && before.generation === generation) return before
    const { status: _, ...manifest } = object
    const { collector, faults, unknown } = checkStored(manifest)
    const known = {
      uid,
      generation,
      spec: collector?.spec,
      faults: faults.map(({ path, says }) => `${pathText(path)} ${says}`),
      unknown: unknown.map(pathText),
    }
    this.#known.set(key, known)
    return known
  }

  forget(key: string): void {
    this.#known.delete(key)
  }
}
