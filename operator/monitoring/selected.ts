// Whether somebody reads what was installed: a Prometheus whose selectors match, a Grafana that takes up dashboards.
//
// In: what was seen of the cluster, and the labels of our objects. Out: sentences that say what nobody reads, and what to
// write so that somebody does. Always: what may not be looked at is "not checked", never a fault. Never: a guess about a
// Prometheus or Grafana of another kind: where none is seen, that is all that is said.
import type { KubeObject } from '../kube/objects.ts'

type Labels = Readonly<Record<string, string>>

export interface Selector {
  readonly matchLabels?: Labels
  readonly matchExpressions?: readonly {
    readonly key: string
    readonly operator: string
    readonly values?: readonly string[]
  }[]
}

/** A Prometheus of the Prometheus Operator: what it reads. Undefined selects nothing; of namespaces, only its own. */
export interface PrometheusSeen {
  readonly namespace: string
  readonly name: string
  readonly ruleSelector?: Selector | undefined
  readonly ruleNamespaceSelector?: Selector | undefined
  readonly podMonitorSelector?: Selector | undefined
  readonly podMonitorNamespaceSelector?: Selector | undefined
}

/** A sidecar that gives ConfigMaps to a Grafana. */
export interface SidecarSeen {
  readonly namespace: string
  readonly pod: string
  readonly label: string
  /** Any, where undefined. */
  readonly value: string | undefined
  /** All, where undefined. */
  readonly namespaces: readonly string[] | undefined
}

/** Who reads; undefined where it was not looked. */
export interface Readers {
  readonly prometheuses: readonly PrometheusSeen[] | undefined
  /** Labels of namespaces, by name. */
  readonly namespaces: ReadonlyMap<string, Labels>
  readonly sidecars: readonly SidecarSeen[] | undefined
}

/** What nobody reads, each a sentence that says what to write; and what was not checked. */
export interface Unread {
  readonly problems: readonly string[]
  readonly notes: readonly string[]
}

/** What becomes of our objects. */
export function unreadOf(
  objects: readonly KubeObject[],
  readers: Readers | undefined,
  hasGrafanaOperator: boolean,
): Unread {
  const rule = objects.find(({ kind }) => kind === 'PrometheusRule')
  const monitor = objects.find(({ kind }) => kind === 'PodMonitor')
  const dashboard = objects.find(({ kind }) => kind === 'ConfigMap')
  const seen = [
    ofPrometheus(rule, 'these rules', readers, ({ ruleSelector, ruleNamespaceSelector }) => [
      ruleSelector,
      ruleNamespaceSelector,
    ]),
    ofPrometheus(monitor, 'this PodMonitor', readers, ({ podMonitorSelector, podMonitorNamespaceSelector }) => [
      podMonitorSelector,
      podMonitorNamespaceSelector,
    ]),
    ...(hasGrafanaOperator ? [] : [ofGrafana(dashboard, readers?.sidecars)]),
  ]
  return {
    problems: [...new Set(seen.flatMap(({ problem }) => problem ?? []))],
    notes: [...new Set(seen.flatMap(({ note }) => note ?? []))],
  }
}

interface Verdict {
  readonly problem?: string
  readonly note?: string
}

type Chosen = readonly [selector: Selector | undefined, namespaces: Selector | undefined]

function ofPrometheus(
  object: KubeObject | undefined,
  what: string,
  readers: Readers | undefined,
  of: (prometheus: PrometheusSeen) => Chosen,
): Verdict {
  if (object === undefined) return {}
  if (readers?.prometheuses === undefined) return { note: 'Not checked: whether a Prometheus selects them.' }
  const { labels = {}, namespace = '' } = object.metadata
  const all = readers.prometheuses
  if (all.length === 0)
    return { note: 'No Prometheus of the Prometheus Operator is there; something else must read them.' }
  const reaches = ({ namespace: own, ...prometheus }: PrometheusSeen) => {
    const [, namespaces] = of({ namespace: own, ...prometheus })
    return namespaces === undefined ? own === namespace : selects(namespaces, readers.namespaces.get(namespace) ?? {})
  }
  if (all.some((one) => reaches(one) && selects(of(one)[0], labels))) return {}
  const wanting = all.find(reaches)
  if (wanting === undefined) {
    const [first] = all
    return {
      problem: `No Prometheus selects ${what}: ${first?.namespace}/${first?.name} does not look into namespace ${namespace}; change its namespace selectors.`,
    }
  }
  const wanted = wantedBy(of(wanting)[0], labels)
  const which = `${wanting.namespace}/${wanting.name}`
  return {
    problem:
      wanted === undefined
        ? `No Prometheus selects ${what}: ${which} has no selector for them.`
        : `No Prometheus selects ${what}: ${which} wants the label ${wanted}; write it into spec.monitoring.alerts.labels.`,
  }
}

function ofGrafana(dashboard: KubeObject | undefined, sidecars: Readers['sidecars']): Verdict {
  if (dashboard === undefined) return {}
  if (sidecars === undefined) return { note: 'Not checked: whether a Grafana takes up the dashboards.' }
  const { labels = {}, namespace = '' } = dashboard.metadata
  const [first] = sidecars
  if (first === undefined) {
    return {
      note: 'No sidecar of a Grafana is there (pods labelled app.kubernetes.io/name=grafana were looked at); import the dashboards, or install one.',
    }
  }
  const looks = sidecars.filter(({ namespaces }) => namespaces?.includes(namespace) !== false)
  const which = `${first.namespace}/${first.pod}`
  if (looks.length === 0) {
    return {
      problem: `No Grafana takes up the dashboards: the sidecar of ${which} does not look into namespace ${namespace}; set its searchNamespace to ALL.`,
    }
  }
  if (looks.some(({ label, value }) => Object.hasOwn(labels, label) && (value ?? labels[label]) === labels[label]))
    return {}
  const [{ label, value = '1' } = first] = looks
  return {
    problem: `No Grafana takes up the dashboards: the sidecar of ${which} wants the label ${label}=${value}; write it into spec.monitoring.dashboards.labels.`,
  }
}

/** Whether a label selector of Kubernetes matches; one that is not there matches nothing, an empty one everything. */
export function selects(selector: Selector | undefined, labels: Labels): boolean {
  if (selector === undefined) return false
  const { matchLabels = {}, matchExpressions = [] } = selector
  return (
    Object.entries(matchLabels).every(([key, value]) => labels[key] === value) &&
    matchExpressions.every((one) => holds(one, labels))
  )
}

function holds(
  { key, operator, values = [] }: NonNullable<Selector['matchExpressions']>[number],
  labels: Labels,
): boolean {
  const value = labels[key]
  if (operator === 'Exists') return value !== undefined
  if (operator === 'DoesNotExist') return value === undefined
  if (operator === 'In') return value !== undefined && values.includes(value)
  return value === undefined || !values.includes(value)
}

/** The labels that are lacking; undefined where no label would help. */
function wantedBy(selector: Selector | undefined, labels: Labels): string | undefined {
  const { matchLabels = {}, matchExpressions = [] } = selector ?? {}
  const lacking = Object.entries(matchLabels).flatMap(([key, value]) =>
    labels[key] === value ? [] : [`${key}=${value}`],
  )
  const others = matchExpressions.flatMap((one) => {
    const { key, operator, values = [] } = one
    if (holds(one, labels) || operator === 'NotIn' || operator === 'DoesNotExist') return []
    return operator === 'Exists' ? [key] : [`${key}=${values.join(' or ')}`]
  })
  const all = [...lacking, ...others]
  return all.length === 0 ? undefined : all.join(' and ')
}
