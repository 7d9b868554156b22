// What the operator writes comes back to it by a watch, as a change like any other. It knows it already: no pass follows
// from it, and what the API server answered counts until the watch has come so far.
//
// In: each apply, and each change that a watch tells. Out: whether a change is the echo of an apply. Always: what anybody
// else changed is news, also what they changed while an apply of ours was under way. Never: decides by time.
import type { KubeClient } from '../kube/client.ts'
import { isNewer, keyOf, type KubeObject } from '../kube/objects.ts'
import { type Change, idOf } from './owned.ts'

/** What is known of the writes of one object. */
interface Writes {
  underWay: number
  /** Versions that the API server answered, and no watch has told. */
  readonly answered: Set<string>
  /** The version at which a watch told that it is gone. */
  gone: string
  /** Versions that a watch told while an apply was under way, and the key of the Collector whose they are. */
  readonly told: Map<string, string>
}

export class Echoes {
  readonly #writes = new Map<string, Writes>()
  readonly #onNews: (key: string) => void

  /** @param onNews told of a Collector where a change that was taken for an echo turned out not to be one */
  constructor(onNews: (key: string) => void) {
    this.#onNews = onNews
  }

  /** The client, with each apply noted. @param onAnswer told of each object as it is after an apply */
  noting(client: KubeClient, onAnswer: (object: KubeObject) => void): KubeClient {
    return {
      ...client,
      apply: async <T extends KubeObject>(...asked: Parameters<KubeClient['apply']>): Promise<T> => {
        const id = nameOf(asked[1])
        const writes = this.#writes.get(id) ?? { underWay: 0, answered: new Set(), gone: '', told: new Map() }
        this.#writes.set(id, writes)
        writes.underWay += 1
        let answer: T | undefined
        try {
          answer = await client.apply<T>(...asked)
          return answer
        } finally {
          const version = answer?.metadata.resourceVersion ?? ''
          if (answer !== undefined && !isNewer(writes.gone, version)) onAnswer(answer)
          this.#end(id, writes, answer?.metadata.resourceVersion)
        }
      },
    }
  }

  /** Whether the change says only what an apply said, or perhaps will: then it is news later, if it is. */
  isEcho({ type, object }: Change, key: string): boolean {
    const id = nameOf(object)
    const writes = this.#writes.get(id)
    if (writes === undefined) return false
    const { resourceVersion = '' } = object.metadata
    if (type === 'deleted') writes.gone = resourceVersion
    if (type !== 'deleted' && writes.underWay > 0) {
      writes.told.set(resourceVersion, key)
      return true
    }
    const isOurs = type !== 'deleted' && writes.answered.delete(resourceVersion)
    // A watch goes forward: what it has not told by now, since nothing was changed by it, it never tells.
    for (const version of writes.answered) if (isNewer(resourceVersion, version)) writes.answered.delete(version)
    if (writes.underWay === 0 && writes.answered.size === 0) this.#writes.delete(id)
    return isOurs
  }

  #end(id: string, writes: Writes, version: string | undefined): void {
    writes.underWay -= 1
    if (version !== undefined && !writes.told.delete(version)) writes.answered.add(version)
    if (writes.underWay > 0) return
    const [news] = [...writes.told].filter(([told]) => !writes.answered.delete(told))
    writes.told.clear()
    if (writes.answered.size === 0) this.#writes.delete(id)
    if (news !== undefined) this.#onNews(news[1])
  }
}

function nameOf(object: KubeObject): string {
  return `${object.metadata.namespace ?? ''} ${idOf(object)}`
}

/** Collectors as an apply of their status was answered, until a watch has told as much. */
export class Answers {
  readonly #objects = new Map<string, KubeObject>()

  answered(object: KubeObject): void {
    this.#objects.set(keyOf(object), object)
  }

  /** Takes in what a watch tells. */
  take({ type, object }: Change): void {
    const known = this.#objects.get(keyOf(object))
    if (known === undefined) return
    if (type === 'deleted' || newest(object, known) === object) this.#objects.delete(keyOf(object))
  }

  /** The Collector as a cache has it, or as it was answered since. */
  newest(cached: KubeObject | undefined): KubeObject | undefined {
    const known = cached === undefined ? undefined : this.#objects.get(keyOf(cached))
    return cached === undefined || known === undefined ? cached : newest(cached, known)
  }
}

function newest(cached: KubeObject, answered: KubeObject): KubeObject {
  const [{ uid, resourceVersion = '' }, other] = [cached.metadata, answered.metadata]
  return uid === other.uid && isNewer(other.resourceVersion ?? '', resourceVersion) ? answered : cached
}
