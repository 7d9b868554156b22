// What desired objects are made of: the Collector, what the operator was told at its start, what the cluster offers, and
// the plan of its shards. All of it is data; the functions of this room are pure.
import type { Collector } from '../../crds/collector.ts'
import type { Readers } from '../monitoring/selected.ts'

/** Optional APIs of other operators. */
export interface OptionalApis {
  readonly podMonitor: boolean
  readonly prometheusRule: boolean
  readonly alertmanagerConfig: boolean
  readonly grafanaDashboard: boolean
}

/** What the operator was told, or found out, about where it runs. */
export interface ClusterFacts {
  /** Image of a collector whose Collector names none. */
  readonly image: string
  /** Patterns of images that a Collector may name: `*` stands for any run of characters. */
  readonly allowedImages: readonly string[]
  /** Ranges of pods, services and nodes, into which collectors may not connect but where the spec says so. CIDRs. */
  readonly clusterRanges: readonly string[]
  /** Where the API server answers, IP addresses or names: no collector has anything to ask there. */
  readonly apiServers?: readonly string[]
  /** Namespace of the operator, which asks the pods for their state. */
  readonly operatorNamespace: string
  readonly apis: OptionalApis
  /** Folder of the pages that alerts lead to; those of our repository when left out. */
  readonly runbooks?: string
  /** Fields of Collectors that the API server drops, since its CustomResourceDefinition is older; none when left out. */
  readonly unserved?: readonly string[]
  /** Who reads what is installed to watch Collectors; not checked when left out. */
  readonly readers?: Readers
}

/** A Collector as it is stored: with its uid, checked, and its defaults filled in. */
export interface Owner {
  readonly name: string
  readonly namespace: string
  readonly uid: string
  readonly generation: number
  readonly spec: Collector['spec']
}

/** One shard, as it is to run now. */
export interface Shard {
  readonly index: number
  /** Name of its ConfigMap, which ends in the hash of `text`. */
  readonly configName: string
  /** The document that its pods read, YAML or JSON. */
  readonly text: string
  /** Channels named in it; those that patterns find are not counted. */
  readonly channels: readonly string[]
  /** Secrets of the proxies that `text` names; all of the spec when left out. */
  readonly proxySecrets?: readonly string[]
  /** Nodes from which healing moved it, and to which its pods go back only where there is no other. */
  readonly avoidNodes?: readonly string[]
}

/** Everything that an object is made of. */
export interface Desired {
  readonly owner: Owner
  readonly facts: ClusterFacts
  readonly shards: readonly Shard[]
  /** Whether it carries what its namespace has once; see collectors/first.ts. No by default. */
  readonly isFirst?: boolean
}
