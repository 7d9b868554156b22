// Looks now and then who reads what we install to watch Collectors: Prometheuses, and sidecars of Grafanas.
//
// Always: only where the operator watches the whole cluster, for which the chart lets it; three short lists a minute for
// all Collectors together. An answer that cannot be had is "not checked". Never: a watch, a write.
import type { KubeClient } from '../kube/client.ts'
import { type Kind, type KubeObject, NAMESPACE, POD, PROMETHEUS } from '../kube/objects.ts'
import type { PrometheusSeen, Readers, SidecarSeen } from '../monitoring/selected.ts'

type Asker = Pick<KubeClient, 'list'>

const NOBODY: Readers = { prometheuses: undefined, namespaces: new Map(), sidecars: undefined }

/** Who reads, as far as it may be seen. */
export async function readersIn(client: Asker, hasPrometheusOperator: boolean): Promise<Readers> {
  const [prometheuses, pods] = await Promise.all([
    hasPrometheusOperator ? listed(client, PROMETHEUS) : undefined,
    listed(client, POD, { labelSelector: 'app.kubernetes.io/name=grafana', resourceVersion: '0' }),
  ])
  const seen = prometheuses?.map(prometheusSeen)
  const needsNamespaces = seen?.some(
    (one) => isNarrow(one.ruleNamespaceSelector) || isNarrow(one.podMonitorNamespaceSelector),
  )
  const namespaces = needsNamespaces === true ? await listed(client, NAMESPACE, { resourceVersion: '0' }) : []
  return {
    // Without the labels of namespaces it cannot be said what is selected.
    prometheuses: namespaces === undefined ? undefined : seen,
    namespaces: new Map((namespaces ?? []).map(({ metadata }) => [metadata.name, metadata.labels ?? {}])),
    sidecars: pods?.flatMap(sidecarsOf),
  }
}

function isNarrow(selector: PrometheusSeen['ruleNamespaceSelector']): boolean {
  return selector !== undefined && Object.keys(selector).length > 0
}

async function listed(
  client: Asker,
  kind: Kind,
  query: Record<string, string> = {},
): Promise<readonly KubeObject[] | undefined> {
  return client.list<KubeObject>(kind, undefined, query).then(
    ({ items }) => items,
    () => undefined,
  )
}

function prometheusSeen({ metadata: { namespace = '', name }, spec }: KubeObject): PrometheusSeen {
  const { ruleSelector, ruleNamespaceSelector, podMonitorSelector, podMonitorNamespaceSelector } = (spec ??
    {}) as Partial<PrometheusSeen>
  return { namespace, name, ruleSelector, ruleNamespaceSelector, podMonitorSelector, podMonitorNamespaceSelector }
}

interface Container {
  readonly env?: readonly { readonly name: string; readonly value?: string }[]
}

/** Containers that are told for which label to look, and that it is dashboards, not data sources. */
function sidecarsOf({ metadata: { namespace = '', name }, spec }: KubeObject): SidecarSeen[] {
  const { containers = [] } = (spec ?? {}) as { readonly containers?: readonly Container[] }
  return containers.flatMap(({ env = [] }) => {
    const of = (key: string) => env.find((one) => one.name === key)?.value || undefined
    const label = of('LABEL')
    if (label === undefined || !/dashboard/.test(`${of('FOLDER') ?? ''} ${label}`)) return []
    const where = of('NAMESPACE') ?? namespace
    const namespaces = where === 'ALL' ? undefined : where.split(',').map((one) => one.trim())
    return [{ namespace, pod: name, label, value: of('LABEL_VALUE'), namespaces }]
  })
}

export interface ReadersWatch {
  /** As last seen. */
  readonly current: Readers
  /** Looks once, and then again and again. */
  start(): Promise<void>
  close(): void
}

export interface ReadersOptions {
  readonly client: Asker
  /** Whether the operator may look beyond its namespaces. */
  readonly isClusterWide: boolean
  readonly hasPrometheusOperator: () => boolean
  readonly onChange: () => void
  readonly everyMs?: number
}

const EVERY_MS = 60_000

export function watchReaders(options: ReadersOptions): ReadersWatch {
  const { client, isClusterWide, hasPrometheusOperator, onChange, everyMs = EVERY_MS } = options
  let current = NOBODY
  let timer: NodeJS.Timeout | undefined
  const look = async (): Promise<boolean> => {
    const before = textOf(current)
    current = await readersIn(client, hasPrometheusOperator())
    return textOf(current) !== before
  }
  return {
    get current() {
      return current
    },
    async start() {
      if (!isClusterWide) return
      await look()
      timer = setInterval(() => void look().then((isOther) => isOther && onChange()), everyMs)
    },
    close: () => clearInterval(timer),
  }
}

function textOf({ namespaces, ...readers }: Readers): string {
  return JSON.stringify([readers, [...namespaces]])
}
