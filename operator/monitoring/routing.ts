// How a Collector's alerts reach people: routes by how soon somebody has to act, and which alert silences which.
//
// In: the rules, which say by what they are explained, and who is to be told, as far as the spec says. Out: the same as a
// configuration of Alertmanager, and as an AlertmanagerConfig for the Prometheus Operator. Always: what a larger alert explains is silent by its expression, too
// (alerts.ts); here it is silent also where an expression cannot know, because the larger one has only just ended or is
// of another group. Each label that both sides must have alike is one that both have: else Alertmanager takes two missing
// ones for equal.
import type { AlertName } from '../../crds/alerts.ts'
import type { KubeObject } from '../kube/objects.ts'
import { given, metadataOf } from '../resources/metadata.ts'
import type { Desired, Owner } from '../resources/facts.ts'
import { alertsOf } from './alerts.ts'
import type { Tier } from './rule.ts'

/** One alert that silences others of the same Collector. */
export interface Inhibition {
  readonly by: AlertName
  readonly silenced: readonly AlertName[]
  readonly equal: readonly string[]
}

interface Route {
  readonly receiver: string
  readonly wait: string
  readonly repeat: string
}
/** A page is sent at once; what is for tomorrow is gathered. */
const ROUTES: Readonly<Record<Tier, Route>> = {
  P1: { receiver: 'marketprism-page', wait: '10s', repeat: '1h' },
  P2: { receiver: 'marketprism-ticket', wait: '30s', repeat: '12h' },
  P3: { receiver: 'marketprism-notice', wait: '5m', repeat: '24h' },
}
const WHOSE = ['namespace', 'collector'] as const
const GROUP_BY = [...WHOSE, 'exchange'] as const
const TIERS = Object.keys(ROUTES) as Tier[]

/** By the larger alert, and by the labels that count. */
export function inhibitionsOf(owner: Owner): Inhibition[] {
  const alerts = alertsOf(owner)
  const names = new Set(alerts.map(({ alert }) => alert))
  const pairs = alerts.flatMap(({ alert, explainedBy = [], followsFrom = [] }) =>
    [...explainedBy, ...followsFrom].map(({ by, on }) => ({ alert, by, equal: [...WHOSE, ...on] })),
  )
  const known = pairs.filter(({ by }) => names.has(by))
  return [...Map.groupBy(known, ({ by, equal }) => `${by} ${equal.join(' ')}`).values()].flatMap((all) => {
    const [first] = all
    return first === undefined
      ? []
      : [{ by: first.by, silenced: [...new Set(all.map(({ alert }) => alert))], equal: first.equal }]
  })
}

/** A whole configuration of Alertmanager; its receivers are empty, and yours to fill. */
export function alertmanagerOf(owner: Owner): object {
  const { namespace, name } = owner
  const ours = [`namespace="${namespace}"`, `collector="${name}"`]
  return {
    route: {
      receiver: 'none',
      routes: TIERS.map((tier) => ({
        receiver: ROUTES[tier].receiver,
        matchers: [...ours, `priority="${tier}"`],
        group_by: GROUP_BY,
        group_wait: ROUTES[tier].wait,
        repeat_interval: ROUTES[tier].repeat,
      })),
    },
    inhibit_rules: inhibitionsOf(owner).map(({ by, silenced, equal }) => ({
      source_matchers: [...ours, `alertname="${by}"`],
      target_matchers: [...ours, `alertname=~"${silenced.join('|')}"`],
      equal,
    })),
    receivers: ['none', ...TIERS.map((tier) => ROUTES[tier].receiver)].map((receiver) => ({ name: receiver })),
  }
}

/** The AlertmanagerConfig of a Collector that asks for one; undefined where it does not, or the API is missing. */
export function wantedRouting({ owner, facts }: Desired): KubeObject | undefined {
  return wantsRouting(owner) && facts.apis.alertmanagerConfig ? alertmanagerConfig(owner) : undefined
}

/** Without alerts there is nothing to lead anywhere. */
export function wantsRouting({ spec }: Pick<Owner, 'spec'>): boolean {
  const { enabled, routing } = spec.monitoring.alerts
  return enabled && routing.enabled
}

/**
 * The same as an object; the Prometheus Operator adds the namespace to each route and inhibition by itself, and lets every
 * alert go on to the routes behind: a tier without a receiver is told to whom it always was.
 */
export function alertmanagerConfig(owner: Owner): KubeObject {
  const { labels, receivers = [] } = owner.spec.monitoring.alerts.routing
  const webhooks = (tier: Tier) =>
    receivers
      .filter((one) => one.tier === tier)
      .map(({ webhook }) => ({ urlSecret: { name: webhook.name, key: webhook.key ?? 'url' } }))
  const is = (name: string, value: string, matchType = '=') => ({ name, value, matchType })
  const ours = [is('collector', owner.name)]
  return {
    apiVersion: 'monitoring.coreos.com/v1alpha1',
    kind: 'AlertmanagerConfig',
    metadata: metadataOf(owner, owner.name, labels),
    spec: given({
      route: {
        receiver: ROUTES.P3.receiver,
        matchers: ours,
        groupBy: GROUP_BY,
        routes: TIERS.map((tier) => ({
          receiver: ROUTES[tier].receiver,
          matchers: [is('priority', tier)],
          groupWait: ROUTES[tier].wait,
          repeatInterval: ROUTES[tier].repeat,
        })),
      },
      inhibitRules: inhibitionsOf(owner).map(({ by, silenced, equal }) => ({
        sourceMatch: [...ours, is('alertname', by)],
        targetMatch: [...ours, is('alertname', silenced.join('|'), '=~')],
        equal,
      })),
      receivers: TIERS.map((tier) => given({ name: ROUTES[tier].receiver, webhookConfigs: webhooks(tier) })),
    }),
  }
}
