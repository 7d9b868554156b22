// What the operator knows of the cluster besides the Collector, so that a plan says what it would say.
//
// Without a cluster: flags and defaults. With one: the flags of the operator that runs there, read from its Deployment,
// and the APIs that are served. Always: a flag of ours counts more. Never: a plan fails since the operator may not be
// looked at; a note says what was taken instead.
import packageJson from '../../package.json' with { type: 'json' }
import type { KubeClient } from '../kube/client.ts'
import { servedKinds } from '../kube/discovery.ts'
import { DEPLOYMENT, ENDPOINT_SLICE, type Kind, type KubeObject, SERVICE } from '../kube/objects.ts'
import { OPTIONAL } from '../collectors/kinds.ts'
import { PRIVATE_RANGES, readOptions } from '../options.ts'
import type { ClusterFacts, OptionalApis } from '../resources/facts.ts'
import { MANAGER } from '../resources/labels.ts'

export interface FactFlags {
  readonly 'collector-image'?: string | undefined
  readonly 'operator-namespace'?: string | undefined
  readonly runbooks?: string | undefined
}

/** Facts, and what they leave open. */
export interface Facts {
  readonly facts: ClusterFacts
  readonly notes: readonly string[]
}

/** What the chart installs when nothing is said. */
const CHART = { image: `marketprism/collector:${packageJson.version}`, namespace: 'marketprism' } as const

/** As in a cluster that has all optional APIs, with an operator that allows any image. */
export function factsOf(flags: FactFlags): ClusterFacts {
  return {
    image: flags['collector-image'] ?? CHART.image,
    allowedImages: ['*'],
    clusterRanges: PRIVATE_RANGES,
    operatorNamespace: flags['operator-namespace'] ?? CHART.namespace,
    apis: { podMonitor: true, prometheusRule: true, alertmanagerConfig: true, grafanaDashboard: true },
    ...(flags.runbooks === undefined ? {} : { runbooks: flags.runbooks }),
  }
}

/** The optional APIs that are served here. */
export async function servedIn(client: KubeClient): Promise<{ apis: OptionalApis; kinds: readonly Kind[] }> {
  const kinds = [...(await servedKinds(client, Object.values(OPTIONAL)))]
  const apis = {
    podMonitor: kinds.includes(OPTIONAL.podMonitor),
    prometheusRule: kinds.includes(OPTIONAL.prometheusRule),
    alertmanagerConfig: kinds.includes(OPTIONAL.alertmanagerConfig),
    grafanaDashboard: kinds.includes(OPTIONAL.grafanaDashboard),
  }
  return { apis, kinds }
}

/** As in this cluster. */
export async function factsIn(
  client: KubeClient,
  flags: FactFlags,
  { apis, deployments }: { readonly apis: OptionalApis; readonly deployments: readonly KubeObject[] },
): Promise<Facts> {
  const [operator, apiServers] = await Promise.all([operatorIn(client, flags), apiServersIn(client)])
  const defaults = factsOf(flags)
  if (operator !== undefined) {
    const image = flags['collector-image'] ?? operator.image
    return { facts: { ...defaults, ...operator, image, apis, apiServers }, notes: [] }
  }
  const image = flags['collector-image'] ?? imageOf(deployments) ?? defaults.image
  const note = `The operator's own flags are not known here; taken are the image ${image} and its other defaults.`
  return { facts: { ...defaults, image, apis, apiServers }, notes: [note] }
}

type OperatorFacts = Pick<ClusterFacts, 'image' | 'allowedImages' | 'clusterRanges' | 'operatorNamespace' | 'runbooks'>

interface DeploymentFields {
  readonly template?: {
    readonly spec?: { readonly containers?: readonly { readonly image?: string; readonly args?: readonly string[] }[] }
  }
}

/** What the operator was told; undefined where there is none that we may see. */
async function operatorIn(client: KubeClient, flags: FactFlags): Promise<OperatorFacts | undefined> {
  const query = { labelSelector: `app.kubernetes.io/name=${MANAGER}` }
  const found = await client.list<KubeObject>(DEPLOYMENT, flags['operator-namespace'], query).catch(() => undefined)
  const [operator] = found?.items ?? []
  if (operator === undefined) return undefined
  const { template } = operator['spec'] as DeploymentFields
  const namespace = operator.metadata.namespace ?? ''
  const reading = readOptions(template?.spec?.containers?.[0]?.args ?? [], {
    POD_NAME: 'plan',
    POD_NAMESPACE: namespace,
  })
  if (!('options' in reading)) return undefined
  const { collectorImage: image, allowedImages, clusterRanges, runbooks } = reading.options
  const pages = runbooks === undefined ? {} : { runbooks }
  return { image, allowedImages, clusterRanges, ...pages, operatorNamespace: namespace }
}

function imageOf(deployments: readonly KubeObject[]): string | undefined {
  const [first] = deployments
  return (first?.['spec'] as DeploymentFields | undefined)?.template?.spec?.containers?.[0]?.image
}

/** Where the API server answers, as far as we may know it. */
async function apiServersIn(client: KubeClient): Promise<string[]> {
  const [service, slice] = await Promise.all([
    client.get(SERVICE, 'default', 'kubernetes').catch(() => undefined),
    client.get(ENDPOINT_SLICE, 'default', 'kubernetes').catch(() => undefined),
  ])
  const { clusterIP } = (service?.['spec'] ?? {}) as { readonly clusterIP?: string }
  const endpoints = (slice?.['endpoints'] ?? []) as readonly { readonly addresses?: readonly string[] }[]
  return [...(clusterIP === undefined ? [] : [clusterIP]), ...endpoints.flatMap(({ addresses = [] }) => addresses)]
}
