// All that a pass reads and writes, handed in, so that a test gives it a real API server and its own time.
import type { Recorder } from '../kube/events.ts'
import type { KubeClient } from '../kube/client.ts'
import type { Informer } from '../kube/informer.ts'
import type { KubeObject } from '../kube/objects.ts'
import type { ClusterFacts } from '../resources/facts.ts'
import type { Counts } from '../metrics/counts.ts'
import type { Healer } from '../healing/healer.ts'
import type { Fights } from './fights.ts'
import type { Manifests } from './manifests.ts'
import type { Needs } from './needs.ts'
import type { Observation } from './observer.ts'
import type { Owned } from './owned.ts'
import type { Queue } from './rollout.ts'
import type { Streams } from './streams.ts'

export interface World {
  readonly client: KubeClient
  readonly collectors: Pick<Informer<KubeObject>, 'get'>
  readonly manifests: Manifests
  readonly owned: Owned
  /** Whether the Collector carries what its namespace has once. */
  readonly isFirst: (namespace: string, name: string) => boolean
  readonly facts: () => ClusterFacts
  /** What a pod last said of itself; undefined for one that has not answered. */
  readonly observed: (podUid: string) => Observation | undefined
  /** For how long a Collector has had so many shards, ms. */
  readonly shardsSinceMs: (key: string, shards: number) => number
  readonly healing: Pick<Healer, 'entries' | 'decisions' | 'avoidedNodes'>
  readonly streams: Streams
  readonly needs: Needs
  readonly queue: Queue
  readonly fights: Fights
  readonly recorder: Recorder
  readonly counts: Pick<Counts, 'applied' | 'removed' | 'stands' | 'forget'>
  /** Of a clock that only goes forward. */
  readonly nowMs: () => number
  /** Since the epoch, for what people read. */
  readonly wallMs: () => number
  readonly random: () => number
}
