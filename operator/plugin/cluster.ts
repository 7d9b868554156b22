// The cluster that the kubeconfig leads to: whom we ask, and what we ask for again and again.
//
// In: flags. Out: a client, the namespace, and the objects of Collectors. Always: an error that says what to do:
// another context, a permission to ask for, MarketPrism to install. Never: a write that a command was not asked for.
import type { KubeConfig } from '@kubernetes/client-node'
import packageJson from '../../package.json' with { type: 'json' }
import { COLLECTOR } from '../collectors/kinds.ts'
import { ApiError, type KubeClient, openClient, RequestTimeout } from '../kube/client.ts'
import { openCredentials } from '../kube/credentials.ts'
import { DEPLOYMENT, type Kind, type KubeObject, pathOf, POD } from '../kube/objects.ts'
import { collectorSelector } from '../resources/labels.ts'
import { checkedName, Fault, type Io } from './command.ts'
import { type Forward, forwarder } from './forward.ts'

/** Field manager of what people change by us. */
export const FIELD_MANAGER = 'kubectl-marketprism'
const CONCURRENCY = 16

export interface ClusterFlags {
  readonly namespace?: string | undefined
  readonly context?: string | undefined
  readonly kubeconfig?: string | undefined
}

export interface Cluster extends AsyncDisposable {
  readonly client: KubeClient
  readonly namespace: string
  readonly forward: Forward
  /** Which way reached a pod last: pods of a cluster are alike. */
  readonly reach: { byForward: boolean }
}

/** Runs something with the cluster, and says it in plain words where the cluster does not answer. */
export async function withCluster<T>(flags: ClusterFlags, io: Io, run: (cluster: Cluster) => Promise<T>): Promise<T> {
  const config = await configOf(flags)
  const server = config.getCurrentCluster()?.server ?? ''
  try {
    await using cluster = await openCluster(config, flags)
    return await run(cluster)
  } catch (error) {
    if (io.signal.aborted) throw new Fault('ended before the work was done.', { cause: error })
    throw error instanceof Fault ? error : new Fault(sentenceOf(error, server), { cause: error })
  }
}

async function openCluster(config: KubeConfig, { namespace }: ClusterFlags): Promise<Cluster> {
  const ofContext = config.getContextObject(config.getCurrentContext())?.namespace
  const client = await openClient({
    config,
    userAgent: `${FIELD_MANAGER}/${packageJson.version}`,
    fieldManager: FIELD_MANAGER,
    concurrency: CONCURRENCY,
  })
  return {
    client,
    namespace: checkedName(namespace ?? ofContext ?? 'default'),
    forward: forwarder(await openCredentials({ config })),
    reach: { byForward: false },
    [Symbol.asyncDispose]: () => client.close(),
  }
}

async function configOf({ context, kubeconfig }: ClusterFlags): Promise<KubeConfig> {
  // Loaded when it is needed: it takes longer than all the rest.
  const client = await import('@kubernetes/client-node')
  const config = new client.KubeConfig()
  try {
    if (kubeconfig === undefined) config.loadFromDefault()
    else config.loadFromFile(kubeconfig)
  } catch (error) {
    const which = kubeconfig === undefined ? 'the kubeconfig' : `--kubeconfig ${kubeconfig}`
    throw new Fault(`${which} cannot be read: ${(error as Error).message}; name one that can.`, { cause: error })
  }
  // What client-node makes up where there is neither a file nor a pod's account.
  if (config.getCurrentCluster()?.server === 'http://localhost:8080') {
    throw new Fault('there is no kubeconfig; write --kubeconfig FILE, or set KUBECONFIG.')
  }
  const names = config.getContexts().map(({ name }) => name)
  if (context !== undefined) {
    if (!names.includes(context)) {
      const known = names.length === 0 ? 'none' : names.slice(0, 20).join(', ')
      throw new Fault(`--context ${context} is not in the kubeconfig; it has ${known}.`)
    }
    config.setCurrentContext(context)
  }
  if (config.getCurrentCluster() !== null) return config
  throw new Fault('the kubeconfig has no current context; write --context NAME, or kubectl config use-context NAME.')
}

/** What went wrong at the API server, and what to do. */
export function sentenceOf(error: unknown, server: string): string {
  if (error instanceof RequestTimeout) return `the API server ${server} does not answer in time; try again.`
  if (error instanceof ApiError) {
    if (error.status === 401)
      return `the API server ${server} does not know you: log in again, or write --context NAME.`
    if (error.status === 403) return `you may not do that: ${error.message}. Ask whoever looks after the cluster.`
    return `the API server says no: ${error.message}.`
  }
  const { message, code, cause } = error as Error & { code?: string; cause?: { code?: string } }
  const why = code ?? cause?.code
  if (
    typeof why === 'string' &&
    /^(?:E[A-Z]+|UND_ERR_\w+|CERT_\w+|DEPTH_\w+|SELF_\w+|UNABLE_\w+|ERR_TLS_\w+)$/.test(why)
  ) {
    return `the API server ${server} cannot be reached: ${message || why}. Look at --context and KUBECONFIG.`
  }
  return message || String(error)
}

/** One Collector. @throws Fault where there is none of the name, or none at all. */
export async function collectorNamed({ client, namespace }: Cluster, name: string): Promise<KubeObject> {
  const found = await client.get(COLLECTOR, namespace, name)
  if (found !== undefined)
    return { ...found, apiVersion: `${COLLECTOR.group}/${COLLECTOR.version}`, kind: COLLECTOR.kind }
  const others = await allOf(client, namespace)
  const names = others.slice(0, 10).map(({ metadata }) => metadata.name)
  const there = names.length === 0 ? 'there is none' : `there is ${names.join(', ')}`
  throw new Fault(`no Collector ${name} in namespace ${namespace}: ${there}; -n names another namespace.`)
}

/** The Collectors of the namespace, or of all. */
export async function allOf(client: KubeClient, namespace: string | undefined): Promise<KubeObject[]> {
  try {
    return (await client.list(COLLECTOR, namespace)).items
  } catch (error) {
    if (!(error instanceof ApiError) || error.status !== 404) throw error
    const says = 'the API server knows no Collectors; install MarketPrism: helm install marketprism charts/marketprism.'
    throw new Fault(says, { cause: error })
  }
}

/** The only Collector of the namespace, or the one that is named. */
export async function collectorOf(cluster: Cluster, name: string | undefined): Promise<KubeObject> {
  if (name !== undefined) return collectorNamed(cluster, name)
  const all = await allOf(cluster.client, cluster.namespace)
  const [only] = all
  if (only !== undefined && all.length === 1) return only
  const names = all.slice(0, 10).map(({ metadata }) => metadata.name)
  const there =
    names.length === 0
      ? `namespace ${cluster.namespace} has no Collector; -n names another`
      : `name one of ${names.join(', ')}`
  throw new Fault(`${there}.`)
}

/** What runs of a Collector. */
export interface Running {
  readonly deployments: readonly KubeObject[]
  readonly pods: readonly KubeObject[]
}

export async function runningOf(client: KubeClient, { metadata }: KubeObject): Promise<Running> {
  const { name, namespace } = metadata
  const [deployments, pods] = await Promise.all([
    ofCollector(client, DEPLOYMENT, namespace, name),
    ofCollector(client, POD, namespace, name),
  ])
  return { deployments, pods }
}

/** Objects of a kind with the labels of a Collector. */
export async function ofCollector(
  client: KubeClient,
  kind: Kind,
  namespace: string | undefined,
  collector: string,
): Promise<KubeObject[]> {
  const labels = Object.entries(collectorSelector(collector)).map(([key, value]) => `${key}=${value}`)
  return (await client.list<KubeObject>(kind, namespace, { labelSelector: labels.join(',') })).items
}

/** Changes some fields of an object, as the person who runs us. */
export async function patch(
  client: KubeClient,
  kind: Kind,
  { metadata }: KubeObject,
  body: object,
): Promise<KubeObject> {
  return client.request<KubeObject>({
    method: 'PATCH',
    path: pathOf(kind, metadata.namespace, metadata.name),
    query: { fieldManager: FIELD_MANAGER },
    body,
    contentType: 'application/merge-patch+json',
  })
}
