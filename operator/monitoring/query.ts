// PromQL about one Collector, in which a metric is a name that the build knows: renaming one breaks it.
//
// Always: every selector says namespace and Collector, so that two of one name never mix. A rate is the sum over shards of
// the maximum over the pods of a shard: during a surge, or with two publishers, a plain sum would count everything twice.
import type { MetricName as CollectorMetric } from '../../collector/metrics.ts'
import type { MetricName as OperatorMetric } from '../metrics.ts'
import type { Owner } from '../resources/facts.ts'
import { deploymentName } from '../resources/labels.ts'

/** What a scrape itself leaves behind, and what the kubelet says of volumes. */
type ForeignMetric = 'up' | 'kubelet_volume_stats_used_bytes' | 'kubelet_volume_stats_capacity_bytes'
/** Of the exporter of NATS, without the prefix, which its chart sets otherwise. */
type NatsMetric =
  | 'stream_total_bytes'
  | 'stream_limit_bytes'
  | 'stream_total_messages'
  | 'stream_limit_messages'
  | 'consumer_num_pending'
type Suffix = '' | '_bucket' | '_count'

/** Labels to keep. A shard's pods are told apart by `shard`, which every series of a pod has from its scrape. */
export type Keep = readonly (
  | 'exchange'
  | 'market'
  | 'type'
  | 'state'
  | 'outcome'
  | 'le'
  | 'shard'
  | 'pod'
  | 'consumer_name'
)[]

export interface Query {
  /** Series of a metric of the Collector's pods, `matchers` as in `type="trade"`. */
  of(metric: CollectorMetric | ForeignMetric, matchers?: string, suffix?: Suffix): string
  /** Series of a metric of the operator about this Collector. */
  operator(metric: OperatorMetric): string
  /** Series that a rule of this Collector recorded. */
  recorded(name: string, matchers?: string): string
  /** Alerts of this Collector, by `matchers`. */
  alerts(matchers: string): string
  /**
   * Series of NATS about a stream, by account and what else is kept: under either prefix, and the largest of the servers
   * that hold it. They carry no Collector, and the stream's name is all that ties them to it.
   */
  stream(metric: NatsMetric, name: string, keep?: Keep, offset?: string): string
  /** Series of the kubelet about the volumes of this Collector. */
  volume(metric: ForeignMetric, owner: Pick<Owner, 'namespace' | 'name'>): string
  /** Growth a second of a counter, over shards. */
  rate(metric: CollectorMetric, window: string, keep?: Keep, matchers?: string, suffix?: Suffix): string
  /** A gauge, over shards. */
  total(metric: CollectorMetric, keep?: Keep, matchers?: string): string
}

export function queryOf({ namespace, name }: Pick<Owner, 'namespace' | 'name'>): Query {
  const whose = `namespace="${namespace}",collector="${name}"`
  const of: Query['of'] = (metric, matchers = '', suffix = '') =>
    `${metric}${suffix}{${whose}${matchers === '' ? '' : `,${matchers}`}}`
  return {
    of,
    operator: (metric) => `${metric}{${whose}}`,
    recorded: (name, matchers) => `${name}{${whose}${matchers === undefined ? '' : `,${matchers}`}}`,
    alerts: (matchers) => `ALERTS{${whose},${matchers}}`,
    stream(metric, stream, keep = [], offset) {
      const series = `{__name__=~"(?:jetstream|nats)_${metric}",stream_name="${stream}"}`
      return `max by (${['account', ...keep].join(', ')}) (${series}${offset === undefined ? '' : ` offset ${offset}`})`
    },
    volume(metric, { namespace: where, name: collector }) {
      const claims = deploymentName(collector, 0, 'a').replace(/0-a$/, '[0-9]+-[ab]').replaceAll('.', '\\\\.')
      return `${metric}{namespace="${where}",persistentvolumeclaim=~"${claims}"}`
    },
    rate: (metric, window, keep = [], matchers = '', suffix = '') =>
      overShards(`rate(${of(metric, matchers, suffix)}[${window}])`, keep),
    total: (metric, keep = [], matchers = '') => overShards(of(metric, matchers), keep),
  }
}

// What a metric has beside the labels that are kept is added up within the pod, before pods are compared.
function overShards(series: string, keep: Keep): string {
  const inPod = `sum by (${['shard', 'pod', ...keep].join(', ')}) (${series})`
  const ofShard = `max by (${['shard', ...keep].join(', ')}) (${inPod})`
  return `sum${keep.length === 0 ? '' : ` by (${keep.join(', ')})`} (${ofShard})`
}
