// The Collector API. One schema gives the TypeScript types, the CRD (crd.ts) and the reference page (reference.ts).
//
// In: what a user writes, as an object. Out: the same with every default outside lists filled in. Always: strict, an
// unknown field is a fault; bounded, and so are the rules' costs at the API server. Never: a field that is ignored in
// silence (support.ts says who acts on what). Start reading at `spec`.
import * as z from 'zod'
import { ALERTS, TIERS } from './alerts.ts'
import { feeds } from './feed.ts'
import { labels, labelValue, podFields } from './pod.ts'
import { quality } from './quality.ts'
import { byteSize, dictionary, distinct, duration, keyed, matching, oneOf, rule, secretRef } from './schema.ts'
import { sink } from './sink.ts'

export const GROUP = 'marketprism.io'
export const API_VERSION = 'v1alpha1'
export const KIND = 'Collector'

/** So long that `{name}-99-a-{hash of 10}-{5 letters}`, the name of a pod, stays within the 63 of a host name. */
export const NAME_MAX = 40
export const SHARDS_MAX = 100
/** Actions of healing that the status remembers. */
export const HEALING_ACTIONS_MAX = 20

const alertLabels = rule(dictionary(labelValue, 8), {
  cel: "self.all(key, key.matches('^[a-zA-Z_][a-zA-Z0-9_]*$') && !(key in ['alertname', 'namespace', 'collector']))",
  says: 'a label here cannot be one of an alert; write letters, digits and _, but not alertname, namespace or collector.',
  reads: [],
  broken: (map) => {
    const wrong = Object.keys(map).find(
      (key) => !/^[a-zA-Z_][a-zA-Z0-9_]*$/.test(key) || ['alertname', 'namespace', 'collector'].includes(key),
    )
    return wrong === undefined ? undefined : [wrong]
  },
})

const alertOverride = z.strictObject({
  alert: oneOf('an alert', ALERTS).describe('Which.'),
  threshold: z
    .number()
    .min(0)
    .max(1e12)
    .optional()
    .describe('In place of its threshold; what that is a threshold of, docs/monitoring.md says.'),
  for: duration('15s', '24h').optional().describe('How long it must last before it fires.'),
  labels: alertLabels.optional().describe('More labels, or another `severity`.'),
})

const receiver = z.strictObject({
  tier: oneOf('a tier', TIERS).describe('Whose alerts.'),
  webhook: secretRef
    .extend({
      key: matching(
        253,
        /^[A-Za-z0-9._-]+$/,
        "{self} is no key of a Secret; write letters, digits, '-', '_' and '.'.",
        'url',
      )
        .optional()
        .describe('Key that holds the address; `url` by default.'),
    })
    .describe('Secret with the address that is told.'),
})

const routing = z.strictObject({
  enabled: z
    .boolean()
    .default(false)
    .describe('Whether an AlertmanagerConfig is installed: routes by tier, and which alert silences which.'),
  labels: labels.optional().describe('Its labels, as your Alertmanager selects them.'),
  receivers: keyed(receiver, 'tier', TIERS.length)
    .optional()
    .describe('Who is told of a tier; of the others, those who always were.'),
})

const monitoring = z.strictObject({
  alerts: z
    .strictObject({
      enabled: z.boolean().default(true).describe('Whether the alerts are installed.'),
      labels: labels
        .optional()
        .describe('Labels of the PrometheusRule and PodMonitor, as your Prometheus selects them.'),
      disabled: distinct(oneOf('an alert', ALERTS), 0, ALERTS.length).optional().describe('Alerts to leave out.'),
      overrides: keyed(alertOverride, 'alert', ALERTS.length).optional().describe('Alerts to change.'),
      routing: routing.prefault({}).describe('How alerts reach people, as an AlertmanagerConfig.'),
    })
    .prefault({})
    .describe('Alerts, as a PrometheusRule.'),
  dashboards: z
    .strictObject({
      enabled: z.boolean().default(true).describe('Whether the dashboards are installed.'),
      labels: labels.optional().describe('Labels of the dashboards, as your Grafana selects them.'),
      instances: dictionary(labelValue, 16)
        .optional()
        .describe('Labels of the Grafanas of the Grafana Operator that show them; `dashboards: grafana` by default.'),
      url: matching(
        253,
        /^https?:\/\/[A-Za-z0-9.:[\]-]+(\/[A-Za-z0-9._~/-]*)?$/,
        '{self} is not where Grafana is; write an address such as https://grafana.example.com.',
        'https://grafana.example.com',
      )
        .optional()
        .describe('Where your Grafana is, so that alerts lead to its dashboards.'),
      folder: matching(
        64,
        /^[A-Za-z0-9][A-Za-z0-9 ._-]*$/,
        "{self} is not the name of a folder; write letters, digits, ' ', '.', '_' and '-'.",
        'MarketPrism',
      )
        .default('MarketPrism')
        .describe('Folder in Grafana.'),
    })
    .prefault({})
    .describe('Grafana dashboards.'),
})

const selfHealing = z.strictObject({
  mode: oneOf('a mode', ['act', 'observe', 'none'])
    .default('act')
    .describe('Mend what is broken, or only say what would be done, or nothing.'),
  actionsPerHour: z.int().min(1).max(60).default(6).describe('At most so many actions on this Collector.'),
})

export const spool = z.strictObject({
  bytesMax: byteSize('1Mi', '16Gi').default('64Mi').describe('Memory for messages that the sink has not taken yet.'),
})

export const spec = z.strictObject({
  feeds: feeds.describe('What is collected.'),
  sink: sink.describe('Where the messages go; exactly one of the fields.'),
  redundancy: z
    .int()
    .min(1)
    .max(2)
    .default(1)
    .describe('Publishers of each shard. Both publish the same; duplicates are dropped by message id.'),
  shards: z
    .int()
    .min(1)
    .max(SHARDS_MAX)
    .optional()
    .describe(
      'Number of shards, by default as many as the channels need. An HPA works once a number has been set; ' +
        'until then the scale subresource has nothing to answer.',
    ),
  sharding: z
    .strictObject({
      channelsPerShard: z.int().min(1).max(1000).default(50).describe('Mean number of channels of a shard.'),
    })
    .prefault({})
    .describe('How the number of shards is derived.'),
  quality: quality.prefault({}).describe('What is done with a message that fails a check: flag, drop or pass it.'),
  monitoring: monitoring.prefault({}).describe('What the operator installs to watch this Collector.'),
  selfHealing: selfHealing.prefault({}).describe('How far the operator may go in mending what breaks.'),
  paused: z.boolean().default(false).describe('The operator leaves everything as it is, healing included.'),
  spool: spool.prefault({}).describe('Where messages wait while the sink is away.'),
  ...podFields,
})

const count = z.int().min(0).max(1_000_000)
const time = z.string().max(32).meta({ format: 'date-time' })
const condition = z.strictObject({
  type: z.string().max(63).describe('`Ready`, `Progressing`, `Degraded`, `MonitoringInstalled` or `Scalable`.'),
  status: z.enum(['True', 'False', 'Unknown']).describe('Whether it holds.'),
  observedGeneration: z.int().min(0).optional().describe('The generation that this is said of.'),
  lastTransitionTime: time.describe('When `status` last changed.'),
  reason: z.string().min(1).max(128).describe('Why, as one word for machines.'),
  message: z.string().max(4096).describe('Why and what to do, as a sentence.'),
})

const healingAction = z.strictObject({
  time: time.describe('When it was done.'),
  shard: z.string().max(63).describe('Name of the shard.'),
  publisher: z.string().max(8).describe('`a` or `b`.'),
  pod: z.string().max(253).optional().describe('The pod that was taken away.'),
  uid: z.string().max(63).optional().describe('The uid of that pod.'),
  node: z.string().max(253).optional().describe('The node on which it ran.'),
  action: z
    .enum(['replace', 'move'])
    .describe('`replace`: a new pod. `move`: a new pod on another node, if there is one.'),
  reason: z.string().max(63).describe('Why, as one word for machines.'),
  ended: time.optional().describe('When its outcome was known.'),
  outcome: z
    .enum(['ready', 'failed', 'helped'])
    .optional()
    .describe(
      '`ready`: a pod was ready in its place. `failed`: none was in time. `helped`: later it was well for long.',
    ),
})

const status = z.strictObject({
  observedGeneration: z.int().min(0).optional().describe('The generation that the rest of the status is about.'),
  conditions: z
    .array(condition)
    .max(16)
    .meta({ 'x-kubernetes-list-type': 'map', 'x-kubernetes-list-map-keys': ['type'] })
    .optional()
    .describe('Each says one thing and why.'),
  channels: z
    .strictObject({
      total: count.describe('Channels wanted.'),
      live: count.describe('Channels on which data arrives as usual.'),
      stale: count.describe('Channels on which data should have come by now.'),
    })
    .optional()
    .describe('All channels by state.'),
  shards: z
    .array(
      z.strictObject({
        name: z.string().max(63).describe('Name of the shard.'),
        ready: z.boolean().describe('Whether every publisher of it is ready.'),
        channels: count.describe('Channels that it carries.'),
        reason: z.string().max(256).optional().describe('Why it is not ready.'),
      }),
    )
    .max(SHARDS_MAX)
    .optional()
    .describe('Shards, written only when something changed that a person would act on.'),
  healing: z
    .strictObject({
      actions: z.array(healingAction).max(HEALING_ACTIONS_MAX).describe('The last ones, the oldest first.'),
    })
    .optional()
    .describe('What was done to mend what broke. A new leader of the operator goes on from here.'),
  replicas: z.int().min(0).max(SHARDS_MAX).optional().describe('Shards that exist; for the scale subresource.'),
  selector: z.string().max(512).optional().describe('Selects one pod of each shard; for the scale subresource.'),
})

const fields = z.strictObject({
  apiVersion: oneOf('an API version of MarketPrism', [`${GROUP}/${API_VERSION}`]).describe('Version of this API.'),
  kind: oneOf('a kind of MarketPrism', [KIND]).describe('This kind.'),
  metadata: z
    .looseObject({
      name: z
        .string()
        .min(1)
        .max(253)
        .meta({ example: 'majors' })
        .describe('Name of the Collector and of all that is made for it.'),
      namespace: z.string().max(63).optional(),
      labels: dictionary(z.string().max(63), 256).optional(),
      annotations: dictionary(z.string().max(262_144), 256).optional(),
    })
    .describe("Kubernetes' own."),
  spec: spec.describe('What is wanted.'),
  status: status.optional().describe('What is; written by the operator only.'),
})

/** The whole of a Collector. */
export const collector = [
  {
    cel: `self.metadata.name.size() <= ${NAME_MAX}`,
    says: `the name {metadata.name} has {metadata.name.length} characters; write at most ${NAME_MAX}, so that pod names stay within 63.`,
    at: '.metadata.name',
    reads: ['metadata'],
    broken: (self: { metadata: { name: string } }) =>
      self.metadata.name.length > NAME_MAX ? ['metadata', 'name'] : undefined,
  },
  {
    cel: "self.metadata.name.matches('^[a-z]([a-z0-9-]*[a-z0-9])?$')",
    says: "the name {metadata.name} cannot name a Collector; write lower-case letters, digits and '-', beginning with a letter.",
    at: '.metadata.name',
    reads: ['metadata'],
    broken: (self: { metadata: { name: string } }) =>
      /^[a-z]([a-z0-9-]*[a-z0-9])?$/.test(self.metadata.name) ? undefined : ['metadata', 'name'],
  },
].reduce((schema, each) => rule(schema, each), fields)

/** A Collector as a user writes it. */
export type CollectorManifest = z.input<typeof collector>
/** A Collector with its defaults filled in; for those of a feed see `feedOptions`. */
export type Collector = z.output<typeof collector>
export type CollectorSpec = Collector['spec']
export type Feed = CollectorSpec['feeds'][number]
export type Sink = CollectorSpec['sink']
export type NatsSink = NonNullable<Sink['nats']>
export type NatsStream = NatsSink['stream']
export type FileSink = NonNullable<Sink['file']>
