// How the pods do, and what the operator does about it.
import { LOGS, on, type Rule, STATUS } from '../rule.ts'

const TWO_WEEKS = 14 * 86_400
/** How far ahead growth is looked at, s. */
const AHEAD_SECONDS = 4 * 3600
/**
 * Share of V8's limit at which it ends the process: the limit counts the young generation, too, and it gives up before it
 * is reached. Measured in a container of 512 MiB, Node 26.10.
 */
const HEAP_USABLE = 0.86
const DESCRIBE = 'kubectl describe collector NAME --namespace NAMESPACE'

export const podRules: readonly Rule[] = [
  {
    alert: 'MarketPrismRequestsBlocked',
    tier: 'P2',
    group: 'data',
    for: '1m',
    detectWithin: 105,
    judges: 'amount',
    threshold: 0,
    thresholdOf: 'seconds for which nothing may be asked',
    when({ q, threshold }) {
      const until = q.of('marketprism_collector_rest_blocked_until_timestamp_seconds')
      return `max by (exchange) (${until}) - time() > ${threshold}`
    },
    summary: '{{ $labels.exchange }} refuses requests.',
    description: 'Nothing may be asked for another {{ $value | humanizeDuration }}: no snapshot, no polled data.',
    cause: 'Too many requests from this address, perhaps of other programs that share it.',
    command: STATUS,
  },
  {
    alert: 'MarketPrismClockSkew',
    tier: 'P2',
    group: 'pods',
    for: '1m',
    detectWithin: 105,
    judges: 'amount',
    threshold: 5,
    thresholdOf: 'seconds between the clock of a pod and that of Prometheus',
    when({ q, threshold }) {
      const clock = q.of('marketprism_collector_clock_timestamp_seconds')
      return `max(abs(timestamp(${clock}) - ${clock})) > ${threshold}`
    },
    summary: 'The clock of a node is wrong.',
    description:
      'It differs from that of Prometheus by {{ $value | humanizeDuration }}: the times in messages are wrong by as much.',
    cause: 'The node does not synchronise its time, or Prometheus does not.',
    command: 'kubectl get pods --selector app.kubernetes.io/instance=NAME --namespace NAMESPACE --output wide',
  },
  {
    alert: 'MarketPrismCrashLoop',
    tier: 'P2',
    group: 'pods',
    for: '1m',
    detectWithin: 240,
    judges: 'amount',
    threshold: 3,
    thresholdOf: 'starts of a pod within a quarter of an hour',
    when({ q, threshold }) {
      const started = `max(changes(${q.of('process_start_time_seconds')}[15m])) > ${threshold}`
      return `max(${q.operator('marketprism_operator_collector_pods_crashing')}) > 0\nor ${started}`
    },
    explainedBy: [{ by: 'MarketPrismSystemDown', on: [] }],
    summary: 'Pods end again and again.',
    description:
      '{{ $value }}: pods that the kubelet does not start at once any more, or starts within a quarter of an hour.',
    cause: 'Too little memory, or a fault of the collector: the last lines of its log say which.',
    command: STATUS,
  },
  {
    alert: 'MarketPrismRolloutStuck',
    tier: 'P2',
    group: 'pods',
    for: '1m',
    detectWithin: 105,
    judges: 'amount',
    threshold: 900,
    thresholdOf: 'seconds that a rollout may take',
    when({ q, threshold }) {
      const started = q.operator('marketprism_operator_collector_rollout_started_timestamp_seconds')
      const stuck = q.operator('marketprism_operator_collector_rollout_stuck')
      return `max(${stuck}) > 0 or (time() - max(${started}) > bool ${threshold}) > 0`
    },
    summary: 'A rollout does not go on.',
    description: 'What the spec says is not what runs ({{ $value }} rollout); the old pods go on where there are any.',
    cause: 'The new pods do not become ready: the image, a Secret, the memory, or what the spec asks of the exchange.',
    command: DESCRIBE,
  },
  {
    alert: 'MarketPrismHealingBudgetSpent',
    tier: 'P2',
    group: 'pods',
    for: '1m',
    detectWithin: 105,
    judges: 'amount',
    when: ({ q }) => `max(${q.operator('marketprism_operator_collector_healing_spent')}) > 0`,
    summary: 'Healing has done what it may.',
    description:
      'Something is still wrong, and the operator does no more about it ({{ $value }} Collector): a person must look.',
    cause: 'The cause is neither in a pod nor on its node.',
    command: DESCRIBE,
  },
  {
    alert: 'MarketPrismHighMemoryUsage',
    tier: 'P3',
    group: 'pods',
    for: '5m',
    detectWithin: 345,
    judges: 'amount',
    threshold: 0.85,
    thresholdOf: 'share of the memory or heap that a pod may use',
    when({ q, threshold }) {
      const share = (used: string, limit: string) => `max(${used} / ${on(['pod'])} ${limit}) > ${threshold}`
      const memory = share(
        q.of('marketprism_collector_resident_memory_bytes'),
        q.of('marketprism_collector_memory_limit_bytes'),
      )
      const heap = share(
        q.of('marketprism_collector_heap_bytes'),
        `(${HEAP_USABLE} * ${q.of('marketprism_collector_heap_limit_bytes')})`,
      )
      return `${memory}\nor ${heap}`
    },
    summary: 'A pod is short of memory.',
    description: '{{ $value | humanizePercentage }} of what it may use are used; beyond it is killed.',
    cause: 'More channels, deeper books or a larger spool than its limit was made for.',
    command: 'kubectl top pods --selector app.kubernetes.io/instance=NAME --namespace NAMESPACE',
  },
  {
    alert: 'MarketPrismMemoryGrowth',
    tier: 'P3',
    group: 'pods',
    for: '10m',
    detectWithin: 1800,
    judges: 'amount',
    threshold: 1,
    thresholdOf: 'share of its limit that a pod will use in four hours, as it grows now',
    when({ q, threshold }) {
      const used = q.of('marketprism_collector_resident_memory_bytes')
      const old = `(time() - ${q.of('process_start_time_seconds')} > 3600)`
      const ahead = `predict_linear(${used}[1h], ${AHEAD_SECONDS}) / ${on(['pod'])} ${q.of('marketprism_collector_memory_limit_bytes')}`
      return `max(${ahead} and ${on(['pod'])} ${old}) > ${threshold}`
    },
    explainedBy: [{ by: 'MarketPrismHighMemoryUsage', on: [] }],
    summary: 'The memory of a pod grows towards its limit.',
    description: 'As it grows now, it will use {{ $value | humanizePercentage }} of its limit in four hours.',
    cause: 'Something is kept that should not be: a fault of the collector.',
    command: 'kubectl top pods --selector app.kubernetes.io/instance=NAME --namespace NAMESPACE',
  },
  {
    alert: 'MarketPrismHighCPUUsage',
    tier: 'P3',
    group: 'pods',
    for: '5m',
    detectWithin: 480,
    judges: 'amount',
    threshold: 0.9,
    thresholdOf: 'share of the one core that a pod can use',
    when: ({ q, threshold }) =>
      `max(sum by (pod) (rate(${q.of('marketprism_collector_cpu_seconds_total')}[2m]))) > ${threshold}`,
    summary: 'A pod is busy.',
    description: 'It uses {{ $value | humanizePercentage }} of the one core that it can. More shards share the work.',
    cause: 'More messages than one process can make.',
    command: 'kubectl marketprism top NAME --namespace NAMESPACE',
  },
  {
    alert: 'MarketPrismEventLoopDelay',
    tier: 'P3',
    group: 'pods',
    for: '2m',
    detectWithin: 240,
    judges: 'amount',
    threshold: 0.05,
    thresholdOf: 'share of the time in which a pod is more than 100 ms late',
    when({ q, threshold }) {
      const name = 'marketprism_collector_event_loop_delay_seconds'
      const fast = `sum by (pod) (rate(${q.of(name, 'le="0.1"', '_bucket')}[2m]))`
      return `max(1 - ${fast} / sum by (pod) (rate(${q.of(name, '', '_count')}[2m]))) > ${threshold}`
    },
    summary: 'A pod does not keep up.',
    description: 'For {{ $value | humanizePercentage }} of the time it was more than 100 ms late.',
    cause: 'Its processor time is limited or shared, or it has too much to do at once.',
    command: 'kubectl top pods --selector app.kubernetes.io/instance=NAME --namespace NAMESPACE',
  },
  {
    alert: 'MarketPrismFileDescriptorsLow',
    tier: 'P3',
    group: 'pods',
    for: '2m',
    detectWithin: 165,
    judges: 'amount',
    threshold: 0.8,
    thresholdOf: 'share of the file descriptors',
    when({ q, threshold }) {
      const [open, most] = [q.of('marketprism_collector_open_fds'), q.of('marketprism_collector_max_fds')]
      return `max(${open} / ${on(['pod'])} ${most}) > ${threshold}`
    },
    summary: 'A pod is short of file descriptors.',
    description: '{{ $value | humanizePercentage }} of them are open; without one no socket can be.',
    cause: 'Sockets that are not closed: a fault of the collector. Or a very low limit.',
    command: LOGS,
  },
  {
    alert: 'MarketPrismFrequentReconnects',
    tier: 'P3',
    group: 'pods',
    for: '2m',
    detectWithin: 900,
    judges: 'amount',
    threshold: 10,
    thresholdOf: 'connections lost within a quarter of an hour',
    when: ({ q, threshold }) =>
      `900 * ${q.rate('marketprism_collector_reconnects_total', '15m', ['exchange'], 'cause="lost"')} > ${threshold}`,
    explainedBy: [{ by: 'MarketPrismExchangeDisconnected', on: ['exchange'] }],
    summary: '{{ $labels.exchange }} is connected anew again and again.',
    description: '{{ $value | humanize }} connections were lost within a quarter of an hour.',
    cause: 'A bad way to the exchange, or an exchange that is about to fail.',
    command: LOGS,
  },
  {
    alert: 'MarketPrismCertificateExpiring',
    tier: 'P3',
    group: 'pods',
    for: '0s',
    detectWithin: 45,
    judges: 'amount',
    threshold: TWO_WEEKS,
    thresholdOf: 'seconds until a certificate for NATS expires',
    when: ({ q, threshold }) =>
      `min(${q.of('marketprism_collector_certificate_expires_timestamp_seconds')} - time()) < ${threshold}`,
    summary: 'A certificate for NATS expires soon.',
    description: 'It expires in {{ $value | humanizeDuration }}; then no new connection to NATS stands.',
    cause: 'Nobody, or no cert-manager, renews the Secret that spec.sink.nats.tls names.',
    command: 'kubectl get secrets --namespace NAMESPACE',
    wanted: ({ spec }) => spec.sink.nats?.tls !== undefined,
  },
]
