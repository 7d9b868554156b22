// Whether what was made is stored: the sink, the spool before it, and the stream behind it.
import { type At, type Explained, LOGS, on, type Rule, STATUS } from '../rule.ts'
import type { Owner } from '../../resources/facts.ts'
import { rollingOut } from './presence.ts'

const intoNats = ({ spec }: Owner) => spec.sink.nats !== undefined
const streamOf = ({ spec }: Owner) => spec.sink.nats?.stream.name ?? ''
const intoFiles = ({ spec }: Owner) => spec.sink.file !== undefined
const STREAM = 'nats stream info STREAM'

/** Of either kind of sink: shards whose sink is not connected, or acknowledges nothing of what waits. */
const takingNothing = {
  tier: 'P1',
  group: 'data',
  for: '15s',
  detectWithin: 60,
  judges: 'staleness',
  threshold: 30,
  thresholdOf: 'seconds for which messages wait without any acknowledgement',
  when({ q, threshold }: At): string {
    const connected = `max by (shard) (${q.of('marketprism_collector_sink_connected')})`
    const last = `max by (shard) (${q.of('marketprism_collector_sink_last_acknowledged_timestamp_seconds')})`
    const waits = `min by (shard) (${q.of('marketprism_collector_spool_messages')}) > 0`
    return `count(${connected} == 0 or (time() - ${last} > ${threshold} and ${on(['shard'])} ${waits})) > 0`
  },
} as const satisfies Partial<Rule>

/** The larger alerts about a sink, one for each kind of it. */
export const NOTHING_TAKEN = [
  { by: 'MarketPrismNATSDisconnected', on: [] },
  { by: 'MarketPrismFilesNotWritten', on: [] },
] as const satisfies readonly Explained[]

export const sinkRules: readonly Rule[] = [
  {
    ...takingNothing,
    alert: 'MarketPrismNATSDisconnected',
    summary: 'NATS takes no messages.',
    description:
      '{{ $value }} shards have no connection or no acknowledgement. Messages wait in memory until that is full.',
    cause: 'NATS is down, cannot be reached, or does not accept the credentials.',
    command: LOGS,
    wanted: intoNats,
  },
  {
    ...takingNothing,
    alert: 'MarketPrismFilesNotWritten',
    summary: 'Files are not written.',
    description: '{{ $value }} shards cannot write their files. Messages wait in memory until that is full.',
    cause: 'The volume is full, read-only or away, or the folder may not be written.',
    command: LOGS,
    wanted: intoFiles,
  },
  {
    alert: 'MarketPrismMessagesDropped',
    tier: 'P1',
    group: 'data',
    for: '0s',
    keepFiringFor: '5m',
    detectWithin: 45,
    judges: 'amount',
    threshold: 0,
    thresholdOf: 'messages within two minutes',
    when: ({ q, threshold }) =>
      `120 * ${q.rate('marketprism_collector_messages_dropped_total', '2m', [], 'reason=~"spool_full|refused_by_sink"')} > ${threshold}`,
    summary: 'Messages are given up.',
    description: '{{ $value | humanize }} messages were given up within two minutes; gaps say which.',
    cause: 'The sink was away for longer than the spool holds, or refuses messages.',
    command: STATUS,
  },
  {
    alert: 'MarketPrismNATSPublishFailureHigh',
    tier: 'P2',
    group: 'sink',
    for: '2m',
    detectWithin: 240,
    judges: 'amount',
    threshold: 0.1,
    thresholdOf: 'messages sent again for each that was acknowledged',
    when({ q, threshold }) {
      const resent = q.rate('marketprism_collector_sink_resent_total', '2m')
      const stored = q.rate('marketprism_collector_messages_acknowledged_total', '2m')
      return `${resent} / ${stored} > ${threshold} and ${resent} > 1`
    },
    explainedBy: [{ by: 'MarketPrismNATSDisconnected', on: [] }],
    summary: 'NATS does not acknowledge in time.',
    description: 'For each message that was acknowledged, {{ $value | humanize }} had to be sent again.',
    cause: 'The servers or their disks are overloaded, or the stream has no leader at times.',
    command: STREAM,
    wanted: intoNats,
  },
  {
    alert: 'MarketPrismQueueBacklog',
    tier: 'P2',
    group: 'sink',
    for: '15s',
    detectWithin: 60,
    judges: 'amount',
    threshold: 0.5,
    thresholdOf: 'share of the spool',
    when({ q, threshold }) {
      const [used, limit] = [q.of('marketprism_collector_spool_bytes'), q.of('marketprism_collector_spool_limit_bytes')]
      return `max(${used} / ${on(['pod'])} ${limit}) > ${threshold}`
    },
    explainedBy: NOTHING_TAKEN,
    summary: 'The spool fills up.',
    description:
      '{{ $value | humanizePercentage }} of it are used. When it is full, messages are dropped, books first.',
    cause: 'The sink is slower than the data, or away.',
    command: STATUS,
  },
  {
    alert: 'MarketPrismForeignMessages',
    tier: 'P2',
    group: 'sink',
    for: '5m',
    detectWithin: 540,
    judges: 'amount',
    threshold: 0.05,
    thresholdOf: 'share of the messages that somebody else had stored',
    when({ q, threshold }) {
      const foreign = q.rate('marketprism_collector_messages_foreign_total', '5m')
      const made = q.rate('marketprism_collector_messages_total', '5m')
      // Two pods of a shard publish the same for a while when one takes over from the other.
      const handover = `max(changes(${q.of('process_start_time_seconds')}[10m])) > 0`
      const young = `time() - max(${q.of('process_start_time_seconds')}) < 600`
      const twice = `max(count by (shard) (${q.of('up')} == 1)) > 1`
      const excused = [rollingOut(q), handover, young, twice].map((each) => `unless ${on([])} (${each})`)
      return `(${foreign} / ${made} > ${threshold} and ${foreign} > 1)\n${excused.join('\n')}`
    },
    summary: 'Somebody else publishes our messages.',
    description:
      '{{ $value | humanizePercentage }} of the messages were stored before under ids that we had never sent.',
    cause: 'A second Collector with the same channels writes into the stream under the same prefix.',
    command: 'kubectl get collectors --all-namespaces',
    // Two publishers are to do exactly that.
    wanted: (owner) => intoNats(owner) && owner.spec.redundancy === 1,
  },
  {
    alert: 'MarketPrismStreamNearLimit',
    tier: 'P2',
    group: 'sink',
    for: '2m',
    detectWithin: 165,
    judges: 'amount',
    threshold: 0.85,
    thresholdOf: 'share of the bytes or messages that the stream may hold',
    when({ q, owner, threshold }) {
      const share = (
        used: 'stream_total_bytes' | 'stream_total_messages',
        limit: 'stream_limit_bytes' | 'stream_limit_messages',
      ) =>
        // Without a limit it is -1.
        `max(${q.stream(used, streamOf(owner))} / (${q.stream(limit, streamOf(owner))} > 0)) > ${threshold}`
      return `${share('stream_total_bytes', 'stream_limit_bytes')}\nor ${share('stream_total_messages', 'stream_limit_messages')}`
    },
    summary: 'The stream is nearly full.',
    description:
      '{{ $value | humanizePercentage }} of what it may hold are used. Full, it gives up its oldest messages or refuses new ones.',
    cause: 'More data than maxBytes was made for, or a maxAge that is longer than there is room for.',
    command: STREAM,
    wanted: intoNats,
  },
  {
    alert: 'MarketPrismConsumerLag',
    tier: 'P3',
    group: 'sink',
    for: '5m',
    detectWithin: 345,
    judges: 'amount',
    threshold: 100_000,
    thresholdOf: 'messages that a consumer has not been given yet',
    when({ q, owner, threshold }) {
      const pending = q.stream('consumer_num_pending', streamOf(owner), ['consumer_name'])
      const before = q.stream('consumer_num_pending', streamOf(owner), ['consumer_name'], '5m')
      // One that is new has no past, and is given the same five minutes to begin.
      return `max by (consumer_name) (${pending} > ${threshold} unless ${pending} <= ${before})`
    },
    explainedBy: [{ by: 'MarketPrismNATSDisconnected', on: [] }],
    summary: 'Consumer {{ $labels.consumer_name }} falls behind.',
    description: '{{ $value | humanize }} messages wait for it, and their number grows.',
    cause: 'Who reads the stream is slower than the data, or away.',
    command: 'nats consumer info STREAM',
    wanted: intoNats,
  },
  {
    alert: 'MarketPrismHighDiskUsage',
    tier: 'P3',
    group: 'sink',
    for: '5m',
    detectWithin: 345,
    judges: 'amount',
    threshold: 0.85,
    thresholdOf: 'share of the volume',
    when({ q, owner, threshold }) {
      const used = q.volume('kubelet_volume_stats_used_bytes', owner)
      return `max(${used} / ${q.volume('kubelet_volume_stats_capacity_bytes', owner)}) > ${threshold}`
    },
    summary: 'A volume is nearly full.',
    description: '{{ $value | humanizePercentage }} of it are used. When it is full, nothing more can be written.',
    cause: 'Files are kept for longer than there is room for.',
    command: 'kubectl get persistentvolumeclaims --namespace NAMESPACE',
    wanted: ({ spec }) => spec.sink.file?.volume !== undefined,
  },
]
