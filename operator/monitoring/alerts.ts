// The PrometheusRule of a Collector.
import type { KubeObject } from '../kube/objects.ts'
import type { Desired } from '../resources/facts.ts'
import { metadataOf } from '../resources/metadata.ts'
import { queryOf } from './query.ts'
import { INTERVAL, MESSAGE_RATE, RULES } from './rules.ts'

/** People route alerts by severity; the tier says how soon somebody has to act. */
const SEVERITIES = { P1: 'critical', P2: 'warning', P3: 'info' } as const

/** Undefined where the API is missing, or the Collector wants none. */
export function prometheusRule({ owner, facts }: Desired): KubeObject | undefined {
  const { enabled, labels, disabled = [] } = owner.spec.monitoring.alerts
  const { namespace, name } = owner
  const rules = RULES.filter(({ alert, wanted }) => !disabled.includes(alert) && (wanted?.(owner) ?? true))
  if (!enabled || !facts.apis.prometheusRule || rules.length === 0) return undefined
  const query = queryOf(owner)
  const whose = { namespace, collector: name }
  // Before the alerts, which are judged after it in the same round.
  const recorded = { record: MESSAGE_RATE.record, expr: MESSAGE_RATE.expr(query), labels: whose }
  return {
    apiVersion: 'monitoring.coreos.com/v1',
    kind: 'PrometheusRule',
    metadata: metadataOf(owner, name, labels),
    spec: {
      groups: [
        {
          name: `marketprism/${namespace}/${name}`,
          interval: INTERVAL,
          rules: [
            recorded,
            ...rules.map((rule) => ({
              alert: rule.alert,
              expr: rule.expr(query, owner),
              for: rule.for,
              labels: { severity: SEVERITIES[rule.tier], priority: rule.tier, ...whose },
              annotations: { summary: rule.summary, description: rule.description },
            })),
          ],
        },
      ],
    },
  }
}
